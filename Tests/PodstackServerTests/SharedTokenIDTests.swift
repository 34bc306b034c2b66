import PodstackAPI
import PodstackCryptography
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Tokens of several accounts with the same ID", .blocking, .databases, .timeLimit(.perTest))
struct SharedTokenIDTests {
    let clock = ManualClock()
    let server: RunningServer
    /// The holders of tokens with the same ID, each of another account.
    let holders: [TestClient]
    let id: String
    let creations: [TestResponse]

    init() throws {
        server = try RunningServer(clock: clock, maxActiveTokens: 50)
        var generator = SecureGenerator()
        let id = TokenFormat.generateID(using: &generator)
        var (holders, creations): ([TestClient], [TestResponse]) = ([], [])
        for number in 0..<5 {
            let email = "user\(number)@example.com"
            try server.server.addUser(email)
            let owner = TestClient(server, try server.server.createToken(email))
            let token = TestToken.generate(id: id)
            let body = #"{"name": "n", \#(TestClient.fields(of: token))}"#
            creations.append(try owner.send("POST", "/v1/tokens", body))
            // The request is repeated after a lost response.
            #expect(try owner.send("POST", "/v1/tokens", body).body == creations.last?.body)
            holders.append(owner.with(token))
        }
        (self.id, self.holders, self.creations) = (id, holders, creations)
    }

    var service: Service { server.server.service }

    @Test("the response does not depend on whether another account uses the ID", arguments: TestDatabase.selected)
    func responses(_: TestDatabase) throws {
        for response in creations {
            #expect(response.status == 201)
            #expect(response.body == creations[0].body)
            #expect(Set(response.headers.keys) == Set(creations[0].headers.keys))
        }
        // Neither do those of later requests.
        for holder in holders {
            #expect(try holder.whoami().decoded(User.self).token?.id == id)
            #expect(try holder.send("GET", "/v1/tokens/self").body == holders[0].send("GET", "/v1/tokens/self").body)
            #expect(try holder.send("GET", "/v1/tokens/\(id)").decoded(Token.self).id == id)
            let list = try holder.send("GET", "/v1/tokens").decoded(Page<Token>.self).elements
            #expect(list.count == 2 && list.allSatisfy { $0.id.count == 8 })
            let first = try holder.send("GET", "/v1/tokens?limit=1")
            let next = try #require(try first.decoded(Page<Token>.self).nextCursor)
            #expect(next.split(separator: "-").last?.count == 8)
            #expect(try holder.send("GET", "/v1/tokens?limit=1&cursor=\(next)").status == 200)
            let log = try holder.send("GET", "/v1/audit-logs?resource_type=token").decoded(Page<AuditEvent>.self)
            #expect(log.elements.contains { $0.resourceID == id })
            #expect(log.elements.allSatisfy { $0.resourceID?.count == 8 && $0.tokenID?.count ?? 8 == 8 })
        }
        #expect(Set(try holders.map { try $0.whoami().decoded(User.self).accountID }).count == holders.count)
    }

    @Test("each account changes, rotates and revokes its own token only", arguments: TestDatabase.selected)
    func separate(_: TestDatabase) throws {
        #expect(
            try holders[1].send("PATCH", "/v1/tokens/\(id)", #"{"name": "m", "scopes": ["tokens:*"]}"#).status == 200)
        for (number, holder) in holders.enumerated() {
            let token = try holder.send("GET", "/v1/tokens/self").decoded(Token.self)
            #expect(token.name == (number == 1 ? "m" : "n") && token.scopes == (number == 1 ? ["tokens:*"] : ["*"]))
        }
        let next = TestToken.generate(id: id)
        #expect(
            try holders[2].send(
                "POST", "/v1/tokens/self/rotate", "{\(TestClient.fields(of: next, grace: 0))}"
            ).status == 200)
        #expect(try holders[2].with(next).tokenState() == "ok")
        #expect(try holders[2].tokenState() == "rotated_token")
        #expect(try holders[3].send("DELETE", "/v1/tokens/self").status == 204)
        let leaks = server.server.service.leaks
        let proven = try leaks.proven(leaks.candidates([holders[4].token]), now: clock.now)
        try leaks.revoke(proven, by: Actor(origin: Origin()), now: clock.now)
        #expect(
            try holders.map { try $0.tokenState() } == ["ok", "ok", "rotated_token", "revoked_token", "revoked_token"])
        let stranger = holders[0].with(TestToken.generate(id: id))
        #expect(try stranger.tokenState() == "invalid_token")
        try service.lastUsed.flush(to: service.database)
        #expect(try holders[0].tokenState() == "ok")
    }

    @Test("the secret of another account's token cannot be registered", arguments: TestDatabase.selected)
    func sameSecret(_: TestDatabase) throws {
        try server.server.addUser("thief@example.com")
        let thief = TestClient(server, try server.server.createToken("thief@example.com"))
        for holder in holders {
            let body = #"{"name": "n", \#(TestClient.fields(of: holder.token))}"#
            #expect(try thief.send("POST", "/v1/tokens", body).code == "conflict")
            #expect(try holder.tokenState() == "ok")
        }
        let own = TestToken.generate(id: id)
        #expect(try thief.send("POST", "/v1/tokens", #"{"name": "n", \#(TestClient.fields(of: own))}"#).status == 201)
        let rotation = "{\(TestClient.fields(of: holders[1].token))}"
        #expect(try thief.with(own).send("POST", "/v1/tokens/self/rotate", rotation).code == "conflict")
        #expect(try holders[1].tokenState() == "ok")
        // An ID of the same account stays taken.
        let other = #"{"name": "n", \#(TestClient.fields(of: TestToken.generate(id: id)))}"#
        #expect(try thief.send("POST", "/v1/tokens", other).code == "conflict")
    }

    @Test("the number of tokens with an ID has a limit", arguments: TestDatabase.selected)
    func limit(_: TestDatabase) throws {
        for _ in holders.count..<TokenKey.maxSharing {
            try service.database.write { connection in
                let key = try #require(try TokenStore.unusedKey(for: id, in: connection))
                #expect(key.hasPrefix(id) && TokenKey.tokenID(of: key) == id)
                var token = try #require(try TokenStore.find(id, in: connection))
                (token.id, token.digest) = (key, [UInt8](repeating: 1, count: 32))
                try TokenStore.insert(token, in: connection)
            }
        }
        #expect(try service.database.read { try TokenStore.unusedKey(for: id, in: $0) } == nil)
        for holder in holders { #expect(try holder.tokenState() == "ok") }
    }
}

@Suite("Token IDs in a database with another order of letters", .blocking, .databases, .timeLimit(.perTest))
struct CollatedTokenIDTests {
    /// PostgreSQL only: SQLite compares bytes.
    private static let databases = TestDatabase.selected.filter { $0 == .postgresql }

    /// A PostgreSQL database of the test's own, which is removed at its end.
    private final class EstonianDatabase: Sendable {
        let cluster: PostgresCluster
        let name = "estonian"
        var url: String { cluster.url(of: name) }

        init(_ cluster: PostgresCluster) throws {
            self.cluster = cluster
            try cluster.run("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
            // Z comes before T.
            try cluster.run(
                "CREATE DATABASE \(name) ENCODING 'UTF8' TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'et-EE'")
        }

        deinit { _ = try? cluster.run("DROP DATABASE IF EXISTS \(name) WITH (FORCE)") }
    }

    @Test(
        "find every account's token, in a new database and in one of an earlier version",
        arguments: CollatedTokenIDTests.databases)
    func collation(_: TestDatabase) throws {
        let folder = try TemporaryDirectory()
        let cluster = try PostgresCluster.shared()
        let database = try EstonianDatabase(cluster)
        #expect(try cluster.run("SELECT 'z' < 't'", in: database.name) == "t")
        func open(updatesSchema: Bool = true) throws -> Service {
            try Service(
                directory: DataDirectory(folder.file("data")), database: PostgresURL(database.url),
                updatesSchema: updatesSchema, log: Log { _ in })
        }
        let (id, keys) = ("abcdefgh", ["abcdefgh", "abcdefghzzzz", "abcdefghtttt", "abcdefghzt00", "abcdefghwxyz"])
        func found(_ service: Service) throws -> [String] {
            try service.database.read { try TokenStore.sharing(id, in: $0).map(\.id) }
        }
        let service = try open()
        _ = try service.changes.perform(by: .administrator, at: service.now()) {
            try AccountCreation.create(email: "you@example.com", name: nil, in: $0)
        }
        for key in keys {
            try cluster.run(
                """
                INSERT INTO tokens (id, account_id, user_id, name, digest, scopes, created_at, generation)
                SELECT '\(key)', account_id, id, 'n', '\\x00', '*', 1, 1 FROM users
                """, in: database.name)
        }
        #expect(try found(service) == keys.sorted())
        // As an earlier version has created the tables.
        for (table, column) in [("retired_secrets", "token_id"), ("tokens", "id")] {
            try cluster.run(
                "ALTER TABLE \(table) ALTER COLUMN \(column) TYPE TEXT COLLATE \"default\"", in: database.name)
        }
        #expect(try found(open(updatesSchema: false)).count < keys.count)
        #expect(try found(open()) == keys.sorted())
        #expect(try found(open(updatesSchema: false)) == keys.sorted())
    }
}
