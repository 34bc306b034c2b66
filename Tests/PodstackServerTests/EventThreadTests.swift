import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

#if canImport(Glibc)
    import Glibc
#endif

/// Checks the responses of event threads while everything that blocks is blocked.
@Suite("The event threads of the service", .blocking, .databases, .timeLimit(.perTest))
struct EventThreadTests {
    let running: RunningServer
    let gate = Gate()
    var server: EmbeddedServer { running.server }
    var service: Service { running.server.service }

    init() throws { running = try RunningServer() }

    /// Holds the lock of the database, as another process does, until the gate is opened.
    func holdLock() {
        WorkerThread.start { [service, gate] in try? service.database.write { _ in gate.pass() } }
        #expect(gate.holds(1))
    }

    /// Sends a request without reading its response.
    func begin(_ method: String, _ path: String, _ headers: [(String, String)] = [], body: String = "") throws
        -> RawHTTP
    {
        let connection = try RawHTTP(port: server.port, silence: 60)
        let fields = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
        try connection.send(
            "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
        )
        return connection
    }

    /// Requests health, metrics and a cached token on connections of every event thread.
    func expectResponses(with token: String) throws {
        for _ in 0..<4 {
            let connection = try RawHTTP(port: server.port)
            for _ in 0..<8 {
                #expect(try connection.request("GET", "/healthz").status == 200)
                #expect(try connection.request("GET", "/metrics").status == 200)
                let headers = [("Authorization", "Bearer \(token)")]
                #expect(try connection.request("GET", "/v1/auth/whoami", headers: headers).status == 200)
                #expect(try connection.request("GET", "/v1/auth/can?scope=tokens:read", headers: headers).status == 200)
                #expect(try connection.request("GET", "/openapi.json").status == 200)
                #expect(try connection.request("GET", "/v1/nothing").status == 404)
                #expect(
                    try connection.request("GET", "/v1/tokens", headers: [("Authorization", "Bearer x")]).status == 401)
            }
        }
    }

    @Test(
        "respond while the lock of the database is held, whatever else waits for it", arguments: TestDatabase.selected)
    func lockHeld(_: TestDatabase) throws {
        let token = try running.createToken()
        let json = ("Content-Type", "application/json")
        let holder = [("Authorization", "Bearer \(token)"), json]
        #expect(try TestClient(running, token).whoami().status == 200)
        // The first use of the new secret of a rotated token is a write.
        let pending =
            try TestClient(running, try running.createToken()).send("POST", "/v1/tokens/self/rotate", "{}")
            .decoded(CreatedToken.self).secret ?? ""
        holdLock()
        var waiting: [RawHTTP] = []
        for index in 0..<6 {
            waiting.append(try begin("POST", "/v1/device/code", [json], body: #"{"client_name": "\#(index)"}"#))
            waiting.append(try begin("POST", "/v1/projects", holder, body: #"{"name": "\#(index)"}"#))
        }
        waiting.append(try begin("GET", "/v1/auth/whoami", [("Authorization", "Bearer \(pending)")]))
        try blockUntil("the requests wait") {
            service.pools.writes.waiting + service.pools.writes.running == waiting.count
        }
        // More reads than there are event threads go on too.
        for _ in 0..<4 {
            #expect(try TestClient(port: server.port, token).send("GET", "/v1/projects").status == 200)
            #expect(try TestClient(port: server.port).get("/sign-in").status == 200)
        }
        try expectResponses(with: token)
        #expect(gate.held == 1)
        gate.open()
        for connection in waiting { #expect(try connection.response().status < 500) }
    }

    @Test(
        "respond while all workers are busy; others get a 503 that says when to try again",
        arguments: TestDatabase.selected)
    func busyWorkers(_: TestDatabase) throws {
        let token = try running.createToken()
        #expect(try TestClient(running, token).whoami().status == 200)
        let pools = service.pools
        for queue in [pools.reads, pools.writes, pools.searches] {
            for _ in 0..<queue.maxThreads + queue.capacity { queue.add { [gate] in gate.pass() } }
            try blockUntil("all threads are busy") { queue.running == queue.maxThreads }
            while queue.add({ [gate] in gate.pass() }) {}
        }
        try expectResponses(with: token)
        for (method, path) in [("GET", "/v1/tokens"), ("POST", "/v1/projects"), ("GET", "/v1/audit-logs")] {
            let response = try TestClient(port: server.port, token).send(method, path, method == "GET" ? nil : "{}")
            #expect(response.status == 503 && response.code == "unavailable", "\(method) \(path)")
            #expect(response.headers["retry-after"] == "1")
        }
        for path in ["/account/tokens", "/audit-log", "/sign-in"] {
            let page = try TestClient(port: server.port).get(path)
            #expect(page.status == 503 && page.headers["retry-after"] == "1" && page.body.contains("<h1"), "\(path)")
        }
        gate.open()
        try blockUntil("all work is done") { pools.searches.waiting + pools.reads.waiting + pools.writes.waiting == 0 }
        #expect(try TestClient(port: server.port, token).send("GET", "/v1/audit-logs").status == 200)
    }

    @Test("an account may have eight searches in progress; others search meanwhile", arguments: TestDatabase.selected)
    func searches(_: TestDatabase) throws {
        let token = try running.createToken()
        try server.addUser("other@example.com")
        let other = try server.createToken("other@example.com")
        let searches = service.pools.searches
        for _ in 0..<searches.maxThreads { searches.add { [gate] in gate.pass() } }
        #expect(gate.holds(searches.maxThreads))
        let waiting = try (0..<8).map { _ in
            try begin("GET", "/v1/audit-logs?q=x", [("Authorization", "Bearer \(token)")])
        }
        try blockUntil("the searches wait") { searches.waiting == 8 }
        let refused = try TestClient(port: server.port, token).send("GET", "/v1/audit-logs")
        #expect(refused.status == 429 && refused.code == "rate_limited" && refused.headers["retry-after"] != nil)
        let others = try begin("GET", "/v1/audit-logs", [("Authorization", "Bearer \(other)")])
        try blockUntil("the other search waits") { searches.waiting == 9 }
        gate.open()
        for connection in waiting + [others] { #expect(try connection.response().status == 200) }
        #expect(try TestClient(port: server.port, token).send("GET", "/v1/audit-logs").status == 200)
    }

    @Test(
        "paths outside the dashboard get JSON errors, unless a browser asks for HTML", arguments: TestDatabase.selected)
    func errors(_: TestDatabase) throws {
        for path in ["//v1", "//v1/tokens", "//", "///", "/v1//tokens", "/nothing", "//sign-in"] {
            for accept in ["application/json", "*/*"] {
                let response = try TestClient(running).get(path, headers: [("Accept", accept)])
                #expect(response.status == 404 && response.code == "not_found", "\(path)")
                #expect(response.headers["content-type"] == "application/json", "\(path)")
            }
        }
        for path in ["//v1", "//v1/tokens", "/./v1", "/V1/tokens", "//nothing"] {
            let response = try TestClient(running).get(path, headers: [("Accept", "text/html")])
            #expect(response.status == 404 && response.code == "not_found", "\(path)")
        }
        let page = try TestClient(running).get("/nothing", headers: [("Accept", "text/html")])
        #expect(page.status == 404 && page.headers["content-type"]?.hasPrefix("text/html") == true)
    }
}

/// A database that does not respond at all.
@Suite("The event threads while PostgreSQL is stopped", .blocking, .needsPostgreSQL, .timeLimit(.perTest))
struct StoppedDatabaseTests {
    @Test("health and metrics are served, and tokens are refused without a wait once the lease has ended")
    func stopped() throws {
        let cluster = try PostgresCluster()
        let database = try cluster.createDatabase(for: .service)
        let folder = try TemporaryDirectory()
        let server = try EmbeddedServer(directory: folder.file("data"), database: database.url)
        try server.addUser(RunningServer.email)
        let token = try server.createToken(RunningServer.email)
        let client = TestClient(port: server.port, token, keepsConnection: true)
        #expect(try client.whoami().status == 200)
        let processes = try database.run(
            """
            SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()
            UNION ALL SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int
            """
        ).split(separator: "\n").compactMap { pid_t($0) }
        for process in processes { kill(process, SIGSTOP) }
        defer { for process in processes { kill(process, SIGCONT) } }
        // The program does this every second.
        let isOver = Flag()
        WorkerThread.start {
            while !isOver.isSet {
                server.endOverdue()
                usleep(100_000)
            }
        }
        defer { isOver.set() }
        try blockUntil(within: .seconds(30), "the lease ends") { server.service.database.lease?.isValid != true }
        let connection = try RawHTTP(port: server.port, silence: 60)
        for _ in 0..<50 {
            #expect(try connection.request("GET", "/healthz").status == 200)
            #expect(try connection.request("GET", "/metrics").status == 200)
            let response = try client.whoami()
            #expect(response.status == 503 && response.headers["retry-after"] != nil)
        }
        // All this happened while the first request still waited for the database.
        #expect(server.service.pools.reads.running == 1)
        for process in processes { kill(process, SIGCONT) }
        try blockUntil(within: .seconds(30), "tokens are accepted again") { try client.whoami().status == 200 }
        server.stop()
    }
}
