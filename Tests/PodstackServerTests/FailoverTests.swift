import PodstackAPI
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("Failover to a standby of PostgreSQL", .blocking, .needsPostgreSQL, .timeLimit(.perTest))
struct FailoverTests {
    /// Creates tokens at two instances and revokes every second one, and records what was acknowledged.
    private final class Journal: Sendable {
        struct Entry {
            var token: String
            var isCreated = false
            var isRevocationSent = false
            var isRevoked = false
        }

        private struct State {
            var entries: [Entry] = []
            var acknowledged = 0
            var accepted: [String] = []
            var isOver = false
        }

        private let owner: String
        private let ports: [UInt16]
        private let state = Mutex(State())

        init(owner: String, ports: [UInt16]) {
            self.owner = owner
            self.ports = ports
        }

        var entries: [Entry] { state.withLock { $0.entries } }
        var acknowledged: Int { state.withLock { $0.acknowledged } }
        /// The states, other than the expected ones, of tokens right after their revocation was acknowledged.
        var accepted: [String] { state.withLock { $0.accepted } }
        func stop() { state.withLock { $0.isOver = true } }

        func run() {
            var generator = SecureGenerator()
            func port() -> UInt16 { ports.randomElement(using: &generator) ?? 0 }
            while !state.withLock({ $0.isOver }) {
                let token = TestToken.generate(id: TokenFormat.generateID(using: &generator))
                let index = state.withLock { state in
                    state.entries.append(Entry(token: token))
                    return state.entries.count - 1
                }
                let body = "{\"name\": \"t\", \(TestClient.fields(of: token))}"
                guard send(owner, port(), "POST", "/v1/tokens", body) == 201 else { continue }
                mark(index) { $0.isCreated = true }
                // Both instances now have the token in their caches.
                for port in ports { _ = send(token, port, "GET", "/v1/auth/whoami") }
                guard index.isMultiple(of: 2) else { continue }
                mark(index, counts: false) { $0.isRevocationSent = true }
                guard send(token, port(), "DELETE", "/v1/tokens/self") == 204 else { continue }
                mark(index) { $0.isRevoked = true }
                for port in ports {
                    let found = try? TestClient(port: port, token).tokenState()
                    guard let found, !["revoked_token", "unavailable"].contains(found) else { continue }
                    state.withLock { $0.accepted.append(found) }
                }
            }
        }

        private func mark(_ index: Int, counts: Bool = true, _ change: (inout Entry) -> Void) {
            state.withLock { state in
                change(&state.entries[index])
                if counts { state.acknowledged += 1 }
            }
        }

        private func send(
            _ token: String, _ port: UInt16, _ method: String, _ path: String, _ body: String? = nil
        ) -> Int? {
            try? TestClient(port: port, token).send(method, path, body).status
        }
    }

    @Test("loses no acknowledged change, accepts no revoked token, and needs no restart")
    func promotion() async throws {
        let primary = try PostgresCluster()
        let database = try primary.createDatabase(for: .anything)
        let standby = try PostgresCluster(settings: ["synchronous_standby_names="], following: primary)
        try primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        try primary.run("SELECT pg_reload_conf()")
        try await eventually(within: .seconds(60), "the standby is synchronous") {
            try primary.run("SELECT sync_state FROM pg_stat_replication") == "sync"
        }
        let folder = try TemporaryDirectory()
        let instances = try (0..<2).map { _ in
            try EmbeddedServer(
                directory: folder.file("data"), database: database.url(orOn: standby), maxActiveTokens: 1_000_000)
        }
        defer { for instance in instances { instance.stop() } }
        try instances[0].addUser(RunningServer.email)
        let journal = Journal(
            owner: try instances[0].createToken(RunningServer.email), ports: instances.map(\.port))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { journal.run() } }
            defer { journal.stop() }
            try await eventually(within: .seconds(60), "30 changes are acknowledged") { journal.acknowledged >= 30 }
            try primary.kill()
            try await eventually(within: .seconds(30), "the failure is noticed") {
                try instances.allSatisfy { try RawHTTP(port: $0.port).request("GET", "/readyz").status == 503 }
            }
            try standby.promote()
            let before = journal.acknowledged
            try await eventually(within: .seconds(60), "changes are acknowledged again") {
                journal.acknowledged >= before + 30
            }
        }
        try await eventually(within: .seconds(30), "both instances follow the new primary") {
            instances.allSatisfy { $0.service.database.lease?.isValid == true }
        }
        #expect(journal.accepted == [])
        #expect(journal.entries.contains { $0.isRevoked })
        for entry in journal.entries where entry.isCreated {
            for instance in instances {
                let found = try TestClient(port: instance.port, entry.token).tokenState()
                switch (entry.isRevocationSent, entry.isRevoked) {
                case (_, true): #expect(found == "revoked_token")
                case (false, _): #expect(found == "ok")
                case (true, false): #expect(["ok", "revoked_token"].contains(found))
                }
            }
        }
        let service = instances[1].service
        #expect(try AuditVerification(of: service.database, chain: service.changes.trail.chain).faults == [])
    }

    @Test("a change that the server made, but no standby has confirmed, is not acknowledged")
    func unconfirmed() async throws {
        let cluster = try PostgresCluster()
        let database = try cluster.createDatabase(for: .anything)
        let pool = PostgresDatabase(try #require(PostgresURL(database.url)))
        try Migrations.run(on: pool)
        try cluster.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        try cluster.run("SELECT pg_reload_conf()")
        // The server applies the setting a moment later; until then, changes succeed.
        let change = Task.detached { () -> DatabaseFailure.Kind? in
            for _ in 0..<10_000 {
                do { try pool.write { _ = try $0.run("UPDATE schema_version SET version = version") } } catch {
                    return (error as? DatabaseFailure)?.kind
                }
            }
            return nil
        }
        let isWaiting = "wait_event = 'SyncRep'"
        try await eventually("the commit waits for a standby") {
            try cluster.run("SELECT COUNT(*) FROM pg_stat_activity WHERE \(isWaiting)") == "1"
        }
        // The server then reports that the transaction is committed, with a warning.
        try cluster.run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE \(isWaiting)")
        #expect(await change.value == .cannotSave)
    }

    @Test("a standby is not used, not even for reads, when the URL names several servers")
    func standbyOnly() throws {
        let primary = try PostgresCluster()
        let database = try primary.createDatabase(for: .anything)
        let single = PostgresDatabase(try #require(PostgresURL(database.url)))
        try Migrations.run(on: single)
        let standby = try PostgresCluster(following: primary)
        let several = PostgresDatabase(try #require(PostgresURL(database.url(orOn: standby))))
        _ = try several.read { try $0.run("SELECT version FROM schema_version") }
        try primary.kill()
        // The server's other processes end a moment after the main one.
        var failure: DatabaseFailure?
        try blockUntil("the primary is gone") {
            do { _ = try several.read { try $0.run("SELECT version FROM schema_version") } } catch {
                failure = error as? DatabaseFailure
            }
            return failure != nil
        }
        #expect(failure?.reason.contains(PostgresCluster.password) == false)
        try standby.promote()
        try several.checkWritable()
    }
}

@Suite("A connection pooler before PostgreSQL", .blocking, .needsPostgreSQL, .timeLimit(.perTest))
struct PoolerTests {
    @Test(
        "is refused if it shares sessions between transactions, by a sentence that names it",
        arguments: ["transaction", "statement"], [[], ["server_round_robin = 1", "min_pool_size = 5"]])
    func refused(mode: String, settings: [String]) throws {
        let cluster = try PostgresCluster.shared()
        let database = try cluster.createDatabase(for: .anything)
        let pooler = try PgBouncer(cluster, mode: mode, settings: settings)
        let folder = try TemporaryDirectory()
        for words in [["serve", "--listen", "127.0.0.1:0"], ["user", "list"], ["migrate"]] {
            let result = try ToolProcess.run(
                "podstack-server", words + ["--data", folder.file("data")],
                environment: ["PODSTACK_DATABASE_URL": pooler.url(of: database)])
            #expect(result.status == 1)
            #expect(result.error.contains("PgBouncer with pool_mode=transaction"), "\(result.error)")
            #expect(result.error.split(separator: "\n").count == 1)
        }
        #expect(try database.run("SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'") == "0")
    }

    @Test("works if each connection has a session of its own")
    func session() throws {
        let cluster = try PostgresCluster.shared()
        let database = try cluster.createDatabase(for: .anything)
        let pooler = try PgBouncer(cluster, mode: "session")
        let folder = try TemporaryDirectory()
        let instances = try (0..<2).map { _ in
            try EmbeddedServer(directory: folder.file("data"), database: pooler.url(of: database))
        }
        defer { for instance in instances { instance.stop() } }
        try instances[0].addUser(RunningServer.email)
        let token = try instances[0].createToken(RunningServer.email)
        let clients = instances.map { TestClient(port: $0.port, token) }
        for client in clients { #expect(try client.tokenState() == "ok") }
        #expect(try clients[0].send("DELETE", "/v1/tokens/self").status == 204)
        #expect(try clients[1].tokenState() == "revoked_token")
    }
}
