import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The commands for users and tokens", .blocking, .databases, .timeLimit(.minutes(5)))
struct OperatorCommandTests {
    let place: ServerPlace

    init() throws { place = try ServerPlace() }

    private func administrate(_ words: String...) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run("podstack-server", words + ["--data", place.data], environment: place.environment)
    }

    private func json(_ words: String...) throws -> [[String: Any]] {
        let result = try ToolProcess.run(
            "podstack-server", words + ["--output", "json", "--data", place.data], environment: place.environment)
        #expect(result.status == 0, "\(result.error)")
        return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
    }

    private func createToken(_ email: String) throws -> String {
        let created = try administrate("token", "create", email, "--name", "of \(email)")
        #expect(created.status == 0, "\(created.error)")
        return String(created.output.dropLast())
    }

    /// Opens the service, for what the commands cannot do.
    private func service() throws -> Service {
        try Service(directory: DataDirectory(place.data), database: place.database.flatMap { PostgresURL($0.url) })
    }

    private func join(_ email: String, _ projectID: String, admin: Bool) throws {
        let service = try service()
        try service.database.write { connection in
            let user = try #require(try UserStore.find(email: email, in: connection))
            let membership = Membership(projectID: projectID, role: admin ? .admin : .user(["read"]), addedAt: 1)
            try MemberStore.insert(membership, userID: user.id, in: connection)
        }
    }

    private func defaultProject(_ email: String) throws -> String {
        try service().database.read { try #require(try UserStore.find(email: email, in: $0)).defaultProjectID }
    }

    @Test(
        "user list shows every user with tokens and sessions, as a table and as JSON", arguments: TestDatabase.selected)
    func list(_: TestDatabase) throws {
        #expect(try administrate("user", "list").output.hasPrefix("EMAIL  "))
        #expect(try json("user", "list").isEmpty)
        #expect(try administrate("user", "add", "b@example.com", "--name", "Bea").status == 0)
        #expect(try administrate("user", "add", "A@example.com").status == 0)
        #expect(try administrate("user", "disable", "A@example.com").status == 0)
        _ = try createToken("b@example.com")
        let rows = try administrate("user", "list").output.split(separator: "\n")
        try #require(rows.count == 3)
        #expect(rows[1].hasPrefix("A@example.com") && rows[1].contains("  disabled  "))
        #expect(rows[2].contains("  Bea  "))
        let users = try json("user", "list")
        #expect(users.map { $0["email"] as? String } == ["A@example.com", "b@example.com"])
        #expect(users.map { $0["status"] as? String } == ["disabled", "active"])
        #expect(users.map { $0["active_tokens"] as? Int } == [0, 1])
        #expect(users[0]["disabled_at"] is String && users[1]["disabled_at"] is NSNull)
        #expect(users[0]["last_sign_in_at"] is NSNull && users[0]["sessions"] as? Int == 0)
    }

    @Test("user operator gives and takes away the role, which user list shows", arguments: TestDatabase.selected)
    func operators(_: TestDatabase) throws {
        #expect(try administrate("user", "add", "a@example.com").status == 0)
        #expect(try administrate("user", "operator", "b@example.com").error.contains("no user has the email address"))
        for (words, reply, isOperator) in [
            ([], "is now an operator", true), ([], "is already an operator", true),
            (["--remove"], "is no longer an operator", false), (["--remove"], "is not an operator", false),
        ] as [([String], String, Bool)] {
            let result = try ToolProcess.run(
                "podstack-server", ["user", "operator", "A@example.com"] + words + ["--data", place.data],
                environment: place.environment)
            #expect(result.status == 0 && result.output == "A@example.com \(reply)\n")
            #expect(try json("user", "list").map { $0["is_operator"] as? Bool } == [isOperator])
        }
        let actions = try service().database.read {
            try $0.query("SELECT action FROM audit_events ORDER BY number").map { try $0.text("action") }
        }
        #expect(actions == ["user_created", "operator_added", "operator_removed"])
    }

    @Test("the last sign-in and the sessions of a user are listed", arguments: TestDatabase.selected)
    func lastSignIn(_: TestDatabase) throws {
        let server = try RunningServer(clock: ManualClock())
        _ = try TestClient(signedUpAt: server)
        let service = server.server.service
        let reports = try service.database.read {
            try UserReportStore.list(after: "", limit: 10, now: service.now(), in: $0)
        }
        #expect(reports.map(\.lastSignInAt) == [1_900_000_000] && reports.map(\.sessions) == [1])
        let later = try service.database.read {
            try UserReportStore.list(after: "", limit: 10, now: 1_900_000_000 + WebSession.idleSeconds, in: $0)
        }
        #expect(later.map(\.lastSignInAt) == [1_900_000_000] && later.map(\.sessions) == [0])
    }

    @Test("many users are listed page by page, each once", arguments: TestDatabase.selected)
    func manyUsers(_: TestDatabase) throws {
        let service = try service()
        try service.changes.perform(by: .administrator, at: service.now()) { change in
            for number in 0..<1203 {
                try AccountCreation.create(email: "u\(number)@example.com", name: nil, in: change)
            }
        }
        let emails = try json("user", "list").compactMap { $0["email"] as? String }
        #expect(emails.count == 1203 && Set(emails).count == 1203 && emails == emails.sorted())
        #expect(try administrate("user", "list").output.split(separator: "\n").count == 1204)
    }

    @Test("token list shows the tokens of all users or of one", arguments: TestDatabase.selected)
    func tokens(_: TestDatabase) throws {
        for email in ["a@example.com", "b@example.com"] { #expect(try administrate("user", "add", email).status == 0) }
        let first = try createToken("a@example.com")
        let second = try createToken("b@example.com")
        #expect(try administrate("token", "revoke", String(first.prefix(17))).status == 0)
        let all = try json("token", "list")
        #expect(Set(all.compactMap { $0["email"] as? String }) == ["a@example.com", "b@example.com"])
        let own = try json("token", "list", "--user", "a@example.com")
        #expect(own.map { $0["status"] as? String } == ["revoked"])
        #expect(own.map { $0["prefix"] as? String } == [String(first.prefix(17))])
        let table = try administrate("token", "list")
        #expect(table.output.contains(second.prefix(17)) && !table.output.contains(second.dropFirst(18)))
        #expect(try administrate("token", "list", "--user", "nobody@example.com").status == 1)
    }

    @Test(
        "a token that the operator revokes is rejected by a running server at once, and the event names the operator",
        arguments: TestDatabase.selected)
    func revoke(_: TestDatabase) throws {
        #expect(try administrate("user", "add", "you@example.com").status == 0)
        let token = try createToken("you@example.com")
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", place.data],
            environment: place.environment)
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.hasSuffix("\n") }
        let port = try #require(UInt16(process.standardOutput.prefix { $0 != "\n" }.split(separator: ":").last ?? ""))
        let client = TestClient(port: port, token)
        #expect(try client.whoami().status == 200)
        let revoked = try administrate("token", "revoke", String(token.dropFirst(9).prefix(8)))
        #expect(revoked.status == 0 && revoked.output.contains("is revoked"), "\(revoked.error)")
        #expect(try client.whoami().code == "revoked_token")
        #expect(try administrate("token", "revoke", String(token.prefix(17))).output.contains("was already revoked"))
        let event = try service().database.read {
            try $0.query("SELECT user_id, user_agent FROM audit_events WHERE action = 'token_revoked'")
        }
        #expect(event.count == 1)
        #expect(try event.first?.optionalText("user_id") == nil)
        #expect(try event.first?.optionalText("user_agent") == "podstack-server")
        #expect(try administrate("token", "revoke", "podstack_00000000").status == 1)
        #expect(try administrate("token", "revoke", "podstack_x").status == 2)
        // A whole token is a secret, which no message repeats.
        let whole = try administrate("token", "revoke", token)
        #expect(whole.status == 2 && !whole.error.contains(token.dropFirst(18).prefix(20)))
        #expect(try administrate("audit", "verify").status == 0)
    }

    @Test(
        "user remove says what it will do, and does nothing without a confirmation", arguments: TestDatabase.selected)
    func removeAsks(_: TestDatabase) throws {
        #expect(try administrate("user", "add", "you@example.com").status == 0)
        let token = try createToken("you@example.com")
        let planned = try administrate("user", "remove", "you@example.com")
        #expect(planned.status == 1 && planned.error.contains("--yes"))
        #expect(planned.output.contains("1 active token will be revoked"))
        #expect(planned.output.contains(try defaultProject("you@example.com")))
        #expect(try json("token", "list").map { $0["status"] as? String } == ["active"])
        #expect(try administrate("user", "remove", "nobody@example.com", "--yes").status == 1)
        #expect(try administrate("user", "remove", "YOU@example.com", "--yes").status == 0)
        #expect(try json("user", "list").isEmpty && json("token", "list").isEmpty)
        let verified = try administrate("audit", "verify")
        #expect(verified.status == 0 && verified.output.contains(" of 1 account"), "\(verified.output)")
        #expect(!planned.output.contains(token.dropFirst(18)))
        // The address is free again.
        #expect(try administrate("user", "add", "you@example.com").status == 0)
    }

    @Test("a project that would have no admin blocks the removal, or gets a new one", arguments: TestDatabase.selected)
    func removeTransfers(_: TestDatabase) throws {
        for email in ["a@example.com", "b@example.com", "c@example.com"] {
            #expect(try administrate("user", "add", email).status == 0)
        }
        let own = try defaultProject("a@example.com")
        let others = try defaultProject("c@example.com")
        try join("b@example.com", own, admin: false)
        try join("a@example.com", others, admin: true)
        _ = try createToken("a@example.com")
        let blocked = try administrate("user", "remove", "a@example.com", "--yes")
        #expect(blocked.status == 1 && blocked.output.contains(own) && blocked.error.contains("--transfer-to"))
        #expect(try json("user", "list").count == 3 && json("token", "list").count == 1)
        let itself = try administrate("user", "remove", "a@example.com", "--yes", "--transfer-to", "a@example.com")
        #expect(itself.status == 1)
        let removed = try administrate("user", "remove", "a@example.com", "--yes", "--transfer-to", "b@example.com")
        #expect(removed.status == 0, "\(removed.error)")
        let members = try service().database.read { connection in
            let user = try #require(try UserStore.find(email: "b@example.com", in: connection))
            return (
                try MemberStore.find(user.id, projectID: own, in: connection),
                try MemberStore.count(projectID: own, in: connection),
                try MemberStore.count(projectID: others, in: connection)
            )
        }
        #expect(members.0?.isActiveAdmin == true && members.1 == 1 && members.2 == 1)
        #expect(try administrate("audit", "verify").status == 0)
    }

    @Test("a user with everything that can refer to one is removed completely", arguments: TestDatabase.selected)
    func removeEverything(_: TestDatabase) throws {
        let server = try RunningServer()
        let browser = try TestClient(signedUpAt: server)
        let token = try server.createToken()
        let client = TestClient(server, token)
        #expect(try client.send("POST", "/v1/tokens/self/rotate").status == 200)
        #expect(try client.send("POST", "/v1/projects", #"{"name": "p"}"#).status == 201)
        #expect(
            try client.send("POST", "/v1/projects", #"{"name": "q"}"#, headers: [("Idempotency-Key", "k")]).status
                == 201)
        _ = try server.server.signInLink(RunningServer.email)
        let service = server.server.service
        let user = try service.database.read { try #require(try UserStore.find(email: RunningServer.email, in: $0)) }
        try service.changes.perform(by: .administrator, at: service.now()) { change in
            try UserRemoval(of: user.email, transferringTo: nil, now: change.now, in: change.connection)
                .perform(service.pods, service.volumes, in: change)
        }
        #expect(try client.whoami().status == 401)
        #expect(try !browser.isSignedIn)
        for table in [
            "users", "tokens", "retired_secrets", "members", "sessions", "sign_in_links", "invitations", "projects",
        ] {
            let rows = try service.database.read { try $0.query("SELECT * FROM \(SQL(text: table))") }
            #expect(rows.isEmpty, "\(table)")
        }
        let actions = try service.database.read {
            try $0.query("SELECT action FROM audit_events ORDER BY number").map { try $0.text("action") }
        }
        #expect(actions.suffix(5) == ["token_revoked", "delete", "delete", "delete", "user_removed"])
    }

    @Test("every table that refers to users is known to the removal", arguments: TestDatabase.selected)
    func tables(_: TestDatabase) throws {
        // A new table has to be cleared in UserRemoval, and then listed here.
        let known: Set = ["tokens", "members", "sessions", "sign_in_links", "device_requests", "invitations"]
        let folder = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: folder.file("db"))
        try Migrations.run(on: database)
        let referring = try database.read { connection in
            try connection.query("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
                .filter { try $0.text("sql").contains("REFERENCES users") }.map { try $0.text("name") }
        }
        #expect(Set(referring) == known)
    }
}
