import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("A PostgreSQL server without a free slot", .blocking, .needsPostgreSQL, .timeLimit(.perTest))
struct NoFreeSlotTests {
    let database: PostgresCluster.Database
    let folder: TemporaryDirectory

    init() throws {
        database = try PostgresCluster.shared().createDatabase(for: .anything)
        folder = try TemporaryDirectory()
    }

    /// Returns the URL of a new role that may have a number of connections.
    private func url(connections: Int) throws -> String {
        let role = "few_\(UInt32.random(in: 0 ... .max))"
        try database.run(
            """
            CREATE ROLE \(role) LOGIN CONNECTION LIMIT \(connections);
            ALTER DATABASE \(database.name) OWNER TO \(role); GRANT ALL ON SCHEMA public TO \(role)
            """)
        return database.url.replacing("podstack@", with: role + "@")
    }

    @Test("requests wait for the connections that the service has", arguments: [2, 3])
    func requests(connections: Int) async throws {
        let server = try EmbeddedServer(
            directory: folder.file("data"), database: try url(connections: connections), maxActiveTokens: 1000)
        defer { server.stop() }
        try server.addUser(RunningServer.email)
        let tokens = try (0..<12).map { _ in try server.createToken(RunningServer.email) }
        let port = server.port
        let states = try await withThrowingTaskGroup(of: String.self) { group in
            for (index, token) in tokens.enumerated() {
                group.addTask {
                    let client = TestClient(port: port, token)
                    // No cache knows the token yet.
                    guard try client.tokenState() == "ok", index.isMultiple(of: 3) else {
                        return try client.tokenState()
                    }
                    return try client.send("POST", "/v1/projects", #"{"name": "p"}"#).code ?? "ok"
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(states.allSatisfy { $0 == "ok" }, "\(states)")
    }

    @Test("a request waits until a slot is free, and at the end says that the database is busy")
    func released() async throws {
        let limited = try #require(PostgresURL(try url(connections: 1)))
        let pool = PostgresPool(limited, readers: 4)
        var holder: PostgresConnection? = try PostgresConnection(limited)
        let failure = #expect(throws: DatabaseFailure.self) { try pool.take(.read, beginning: "", within: 0.5) }
        #expect(failure?.kind == .busy, "\(failure?.reason ?? "")")
        async let taken = { try pool.take(.write, beginning: "").isAlive }()
        #expect(holder?.isAlive == true)
        holder = nil
        #expect(try await taken)
    }
}

@Suite("Several processes that start at once", .blocking, .databases, .timeLimit(.perTest))
struct CrowdedStartTests {
    let place: ServerPlace

    init() throws { place = try ServerPlace() }

    private func start(_ words: [String]) throws -> ToolProcess {
        try ToolProcess("podstack-server", words + ["--data", place.data], environment: place.environment)
    }

    @Test("all use the same new database and the same pepper", arguments: TestDatabase.selected)
    func commands(_: TestDatabase) throws {
        // The tables of an earlier test would make this a start on an old database.
        try place.database?.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        let processes = try (0..<8).map { try start(["user", "add", "user\($0)@example.com"]) }
        for process in processes { #expect(process.wait() == 0, "\(process.standardError)") }
        let list = try start(["user", "list"])
        #expect(list.wait() == 0)
        for number in 0..<8 { #expect(list.standardOutput.contains("user\(number)@example.com")) }
        let verification = try start(["audit", "verify"])
        #expect(verification.wait() == 0, "\(verification.standardOutput)")
        let names = try FileManager.default.contentsOfDirectory(atPath: place.data)
        #expect(!names.contains { $0.hasSuffix(".partial") })
    }

    @Test("all instances on a new PostgreSQL database serve", arguments: TestDatabase.selected)
    func instances(_: TestDatabase) throws {
        guard let database = place.database else { return }
        try database.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        let processes = try (0..<8).map { _ in try start(["serve", "--listen", "127.0.0.1:0"]) }
        defer {
            for process in processes { process.signal(SIGTERM) }
            for process in processes { #expect(process.wait() == 0, "\(process.standardError)") }
        }
        for process in processes { try process.waitForOutput { $0.contains("listening on") } }
        let ports = processes.compactMap { process in
            process.standardOutput.prefix { $0 != "\n" }.split(separator: ":").last.flatMap { UInt16($0) }
        }
        #expect(ports.count == 8)
        for port in ports { #expect(try RawHTTP(port: port).request("GET", "/readyz").status == 200) }
        #expect(FileManager.default.fileExists(atPath: place.data + "/first-account-link"))
    }
}
