import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Readiness while no change can be saved", .blocking, .databases, .timeLimit(.perTest))
struct WriteCheckTests {
    private func readiness(_ session: TestClient) throws -> TestResponse {
        try TestClient(session.server).request("GET", "/readyz")
    }

    /// Waits until ``WriteCheck`` has forgotten its last result.
    private func expectReadiness(_ status: Int, _ session: TestClient, _ what: String) async throws {
        try await eventually(what) { try readiness(session).status == status }
    }

    @Test(
        "with a full disk, the service is not ready, and says that changes cannot be saved",
        arguments: TestDatabase.selected)
    func full(_: TestDatabase) async throws {
        guard TestDatabase.current == .sqlite else { return }
        let session = try TestClient()
        #expect(try readiness(session).status == 200)
        let database = session.server.server.service.database
        _ = try database.write { try $0.run("PRAGMA max_page_count = 1") }
        try await expectReadiness(503, session, "the full database is noticed")
        let response = try readiness(session)
        #expect(response.code == "unavailable" && response.headers["retry-after"] != nil)
        #expect(response.body.contains("cannot save changes"), "\(response.body)")
        _ = try database.write { try $0.run("PRAGMA max_page_count = 1000000") }
        try await expectReadiness(200, session, "the service is ready again")
        #expect(try session.server.server.service.database.read { try $0.run("SELECT * FROM write_checks").isEmpty })
    }

    @Test(
        "with a read-only database, the service is not ready, reads continue, and it recovers without a restart",
        arguments: TestDatabase.selected)
    func readOnly(_: TestDatabase) async throws {
        let session = try TestClient()
        let service = session.server.server.service
        func setReadOnly(_ value: Bool) throws {
            guard let database = session.server.database else {
                return try service.database.write { _ = try $0.run("PRAGMA query_only = ON") }
            }
            try database.cluster.run("ALTER DATABASE \(database.name) SET default_transaction_read_only = \(value)")
            try database.cluster.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(database.name)'")
        }
        #expect(try readiness(session).status == 200)
        try setReadOnly(true)
        try await expectReadiness(503, session, "the read-only database is noticed")
        #expect(try readiness(session).body.contains("cannot save changes"))
        for _ in 0..<2 {
            let change = try session.send("POST", "/v1/projects", #"{"name": "p"}"#)
            #expect(change.status == 503 && change.body.contains("cannot save changes"), "\(change.body)")
        }
        #expect(try session.send("GET", "/v1/projects").status == 200)
        // A connection to SQLite with this setting begins no change that could end it.
        guard session.server.database != nil else { return }
        try setReadOnly(false)
        try await expectReadiness(200, session, "the service is ready again")
        #expect(try session.send("POST", "/v1/projects", #"{"name": "p"}"#).status == 201)
    }

    @Test("the regular check writes every 30 seconds while it succeeds", arguments: TestDatabase.selected)
    func regular(_: TestDatabase) throws {
        let opened = try OpenedDatabase()
        try Migrations.run(on: opened.database)
        let database = CountingDatabase(opened.database)
        let clock = ManualClock()
        let service = try Service(
            database: database, peppers: Peppers(current: Pepper(bytes: [UInt8](repeating: 1, count: 32))),
            now: { clock.now }, elapsed: { clock.elapsed })
        let housekeeping = Housekeeping(service)
        /// Returns the number of transactions of the next run.
        func calls(after seconds: Int64) -> Int {
            clock.advance(seconds)
            let before = database.calls + database.writeChecks
            housekeeping.run()
            return database.calls + database.writeChecks - before
        }
        #expect(calls(after: 0) > 0 && database.writeChecks == 1)
        let without = (0..<5).map { _ in calls(after: 5) }
        #expect(Set(without).count == 1, "\(without)")
        #expect(calls(after: 5) > without[0])
        #expect(calls(after: 5) == without[0])
    }

    @Test("many callers at once, and within a second, cause one write", arguments: TestDatabase.selected)
    func shared(_: TestDatabase) async throws {
        let opened = try OpenedDatabase()
        try Migrations.run(on: opened.database)
        let database = CountingDatabase(opened.database)
        let check = WriteCheck(database)
        let start = MonotonicClock.nanoseconds
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<32 { group.addTask { for _ in 0..<20 { try check.run() } } }
            try await group.waitForAll()
        }
        let seconds = Int((MonotonicClock.nanoseconds - start) / 1_000_000_000)
        #expect((1...(1 + seconds)).contains(database.writeChecks), "in \(seconds) seconds")
        let counted = database.writeChecks
        try await eventually("the result is forgotten") {
            try check.run()
            return database.writeChecks > counted
        }
    }
}

@Suite("Failures of one kind of database", .blocking, .timeLimit(.perTest))
struct DatabaseFailureTests {
    @Test("the setting of a PostgreSQL server that becomes read-only is noticed on open connections", .needsPostgreSQL)
    func reconfigured() throws {
        let cluster = try PostgresCluster()
        let database = try cluster.createDatabase(for: .anything)
        let pool = PostgresDatabase(try #require(PostgresURL(database.url)))
        try Migrations.run(on: pool)
        try pool.checkWritable()
        try cluster.run("ALTER SYSTEM SET default_transaction_read_only = on")
        try cluster.run("SELECT pg_reload_conf()")
        try blockUntil("the setting is noticed") {
            do {
                try pool.checkWritable()
                return false
            } catch let failure as DatabaseFailure { return failure.kind == .cannotSave }
        }
        _ = try pool.read { try $0.run("SELECT version FROM schema_version") }
    }

    @Test("a full disk of PostgreSQL is noticed", .needsPostgreSQL)
    func fullServer() throws {
        let cluster = try PostgresCluster()
        let database = try cluster.createDatabase(for: .anything)
        let pool = PostgresDatabase(try #require(PostgresURL(database.url)))
        try Migrations.run(on: pool)
        try pool.checkWritable()
        // No byte may be written to temporary files, as on a full disk.
        try cluster.run("ALTER SYSTEM SET temp_file_limit = 0")
        try cluster.run("SELECT pg_reload_conf()")
        try blockUntil("the limit is noticed") { (try? pool.checkWritable()) == nil }
    }

    @Test("while another process holds the lock, all writes together wait for a bounded time", arguments: [1, 6])
    func locked(threads: Int) async throws {
        let folder = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: folder.file("db"), timeoutSeconds: 1)
        try Migrations.run(on: database)
        let holder = try SQLiteConnection(path: folder.file("db"))
        try holder.execute("BEGIN IMMEDIATE")
        let start = ContinuousClock.now
        let kinds = await withTaskGroup(of: DatabaseFailure.Kind?.self) { group in
            for _ in 0..<threads {
                group.addTask {
                    do { try database.write { _ = try $0.run("UPDATE schema_version SET version = version") } } catch {
                        return (error as? DatabaseFailure)?.kind
                    }
                    return nil
                }
            }
            return await group.reduce(into: [DatabaseFailure.Kind?]()) { $0.append($1) }
        }
        #expect(kinds.allSatisfy { $0 == .busy } && kinds.count == threads)
        // One after the other, six would wait for 6 seconds.
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(throws: DatabaseFailure.self) { try database.checkWritable() }
        try holder.execute("ROLLBACK")
        try database.checkWritable()
    }

    @Test("each kind of failure has its own sentence, and none of them reveals the reason")
    func sentences() {
        let kinds: [DatabaseFailure.Kind] = [.unreachable, .busy, .cannotSave, .other]
        let responses = kinds.map { ErrorResponse(DatabaseFailure($0, reason: "in /secret/place")) }
        #expect(Set(responses.map(\.message)).count == kinds.count)
        for response in responses {
            #expect(response.status == 503 && response.code == .unavailable)
            #expect(response.headers.contains { $0.name.description == "Retry-After" })
            #expect(!response.message.contains("secret"))
        }
    }

    @Test("the errors of both databases have the kind that they describe")
    func kinds() {
        for (state, kind) in [
            (nil, DatabaseFailure.Kind.unreachable), ("57P01", .unreachable), ("08006", .unreachable),
            ("25006", .cannotSave), ("53100", .cannotSave), ("53300", .busy), ("55P03", .busy), ("57014", .busy),
            ("23505", .other), ("42P01", .other),
        ] { #expect(PostgresDialect.kind(state) == kind, "\(state ?? "")") }
    }
}

/// The program in a folder that cannot grow.
@Suite("A server whose disk is full", .blocking, .timeLimit(.perTest))
struct FullDiskTests {
    @Test("refuses changes and readiness, serves known tokens, and stops with status 0")
    func process() async throws {
        let place = try ServerPlace()
        func administrate(_ words: String...) throws -> String {
            let result = try ToolProcess.run("podstack-server", words + ["--data", place.data])
            #expect(result.status == 0, "\(result.error)")
            return String(result.output.dropLast())
        }
        _ = try administrate("user", "add", "you@example.com")
        let token = try administrate("token", "create", "you@example.com", "--name", "t")
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", place.data])
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.hasSuffix("\n") }
        let port = try #require(process.standardOutput.split(separator: ":").last.flatMap { UInt16($0.dropLast()) })
        let client = TestClient(port: port, token, keepsConnection: true)
        #expect(try client.tokenState() == "ok")
        // The write-ahead log is then longer than the limit below.
        for _ in 0..<20 { #expect(try client.send("POST", "/v1/projects", #"{"name": "before"}"#).status == 201) }
        #expect(try client.send("GET", "/readyz").status == 200)

        // No file may become longer than this. The log of the program is shorter.
        func limitFiles(_ bytes: String) throws {
            let limited = try ToolProcess.run(
                "/usr/bin/prlimit", ["--pid", String(process.id), "--fsize=\(bytes):unlimited"])
            #expect(limited.status == 0, "\(limited.error)")
        }
        try limitFiles("100000")
        try await eventually("the full disk is noticed") { try client.send("GET", "/readyz").status == 503 }
        let refused = try client.send("POST", "/v1/projects", #"{"name": "refused"}"#)
        #expect(refused.status == 503 && refused.body.contains("cannot save changes"), "\(refused.body)")
        #expect(try client.send("GET", "/readyz").body.contains("cannot save changes"))
        #expect(try client.tokenState() == "ok")

        try limitFiles("unlimited")
        try await eventually("the service is ready again") { try client.send("GET", "/readyz").status == 200 }
        #expect(try client.send("POST", "/v1/projects", #"{"name": "after"}"#).status == 201)
        #expect(!(try client.send("GET", "/v1/projects").body.contains("refused")))

        try limitFiles("100000")
        #expect(try client.tokenState() == "ok")
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
        #expect(process.standardError.contains("last_used_not_written"), "\(process.standardError)")
        #expect(try administrate("audit", "verify").hasPrefix("intact"))
    }
}
