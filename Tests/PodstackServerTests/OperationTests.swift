import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Health, readiness and metrics", .blocking, .databases, .timeLimit(.perTest))
struct OperationTests {
    let session: TestClient

    init() throws { session = try TestClient(clock: ManualClock()) }

    func get(_ path: String) throws -> TestResponse {
        try TestClient(session.server).request("GET", path)
    }

    func metric(_ name: String) throws -> Int? {
        let line = try get("/metrics").body.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Int($0.dropFirst(name.count + 1)) }
    }

    @Test("metrics count the responses, and name no user, token or address", arguments: TestDatabase.selected)
    func metrics(_: TestDatabase) throws {
        #expect(try metric(#"podstack_requests_total{status="2xx"}"#) == 0)
        for _ in 0..<3 { _ = try session.whoami() }
        _ = try session.with(TestToken.generate(id: "00000000")).whoami()
        _ = try session.send("GET", "/v1/nothing")
        // The three requests, and the first request for the metrics.
        #expect(try metric(#"podstack_requests_total{status="2xx"}"#) == 4)
        #expect(try metric(#"podstack_requests_total{status="4xx"}"#) == 2)
        #expect(try metric(#"podstack_refusals_total{status="401",code="invalid_token"}"#) == 1)
        #expect(try metric(#"podstack_refusals_total{status="404",code="not_found"}"#) == 1)
        #expect(try metric("podstack_verified_tokens") == 1)
        #expect(try metric("process_start_time_seconds") == 1_900_000_000)
        let response = try get("/metrics")
        #expect(response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        for secret in [session.id, "usr_", "127.0.0.1", "example.com"] { #expect(!response.body.contains(secret)) }
        for line in response.body.split(separator: "\n") where !line.hasPrefix("#") {
            #expect(line.wholeMatch(of: /[a-z_]+(\{([a-z]+="[a-z0-9_.\/{}+\-I]*",?)+\})? [0-9.e\-]+/) != nil, "\(line)")
        }
    }

    @Test(
        "latency is counted by route and status class, and unknown paths are one route",
        arguments: TestDatabase.selected)
    func latency(_: TestDatabase) throws {
        for _ in 0..<3 { _ = try session.whoami() }
        _ = try session.send("GET", "/v1/tokens/hunter2a")
        _ = try session.send("GET", "/v1/tokens/hunter2b")
        _ = try session.send("GET", "/v1/hunter2-x")
        _ = try get("/sign-in")
        _ = try get("/welcome/hunter2-y")
        _ = try get("/hunter2-z")
        func count(_ route: String, _ status: String) throws -> Int? {
            let labels = "{route=\"\(route)\",status=\"\(status)\""
            let count = try metric("podstack_request_duration_seconds_count\(labels)}")
            #expect(try metric("podstack_request_duration_seconds_bucket\(labels),le=\"+Inf\"}") == count)
            return count
        }
        #expect(try count("/v1/auth/whoami", "2xx") == 3)
        #expect(try count("/v1/tokens/{id}", "4xx") == 2)
        #expect(try count("unknown", "4xx") == 2)
        #expect(try count("/sign-in", "2xx") == 1)
        #expect(try count("/welcome/{link}", "4xx") == 1)
        let text = try get("/metrics").body
        #expect(!text.contains("hunter2"))
    }

    @Test("metrics show the database, the pools, the process and what was recorded", arguments: TestDatabase.selected)
    func parts(_: TestDatabase) throws {
        let before = try #require(try metric(#"podstack_audit_events_total{action="token_created"}"#))
        let token = try session.createToken()
        #expect(try session.send("POST", "/v1/tokens/\(token.id)/rotate").status == 200)
        #expect(try session.send("DELETE", "/v1/tokens/\(token.id)").status == 204)
        #expect(try metric(#"podstack_audit_events_total{action="token_created"}"#) == before + 1)
        #expect(try metric(#"podstack_audit_events_total{action="token_rotated"}"#) == 1)
        #expect(try metric(#"podstack_audit_events_total{action="token_revoked"}"#) == 1)
        // A change that is not made is not counted.
        #expect(try session.send("POST", "/v1/projects", #"{"name": "p"}"#).status == 201)
        #expect(try session.send("POST", "/v1/tokens", #"{"name": "t", "project_ids": ["x"]}"#).status >= 400)
        #expect(try metric(#"podstack_audit_events_total{action="token_created"}"#) == before + 1)
        for kind in ["read", "write"] {
            let name = "podstack_database_transaction_duration_seconds_count{kind=\"\(kind)\"}"
            #expect(try #require(try metric(name)) > 0)
        }
        func failures() throws -> Int {
            try get("/metrics").body.split(separator: "\n").filter { $0.hasPrefix("podstack_database_failures_total{") }
                .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
        }
        let failuresBefore = try failures()
        let database = session.server.server.service.database
        _ = try? database.write { try $0.run("SELECT * FROM missing") }
        #expect(try failures() == failuresBefore + 1)
        for pool in ["reads", "writes", "searches", "checks", "passwords"] {
            #expect(try metric("podstack_queue_depth{pool=\"\(pool)\"}") == 0)
            #expect(try #require(try metric("podstack_queue_capacity{pool=\"\(pool)\"}")) > 0)
            #expect(try metric("podstack_work_refused_total{pool=\"\(pool)\"}") == 0)
        }
        let isPostgres = TestDatabase.current != .sqlite
        #expect(try metric(#"podstack_database_connections_max{pool="read"}"#) == (isPostgres ? 16 : nil))
        #expect(try metric("podstack_connections_open") == 0)
        #expect(try metric("podstack_log_lines_dropped_total") == 0)
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds"] {
            #expect(try #require(try metric(name)) > 0)
        }
    }

    @Test("sign-ins are counted by their result", arguments: TestDatabase.selected)
    func signIns(_: TestDatabase) throws {
        let browser = TestClient(session.server)
        func count(_ result: String) throws -> Int? { try metric("podstack_sign_ins_total{result=\"\(result)\"}") }
        try browser.signUp()
        let guesser = TestClient(session.server)
        #expect(try guesser.signIn(password: "not the password").status == 422)
        #expect(try count("wrong_credentials") == 1)
        #expect(try count("success") == 0)
        let other = TestClient(session.server)
        let clock = try #require(session.server.clock)
        while try other.signIn().status == 429 { clock.set(clock.now + 60) }
        #expect(try count("success") == 1)
        #expect(try #require(try metric(#"podstack_audit_events_total{action="login_failed"}"#)) == 1)
    }

    @Test(
        "with a full disk, no failed change is reported as done, and cached tokens keep working",
        arguments: TestDatabase.selected)
    func diskFull(_: TestDatabase) throws {
        // A connection cannot fill PostgreSQL's disk.
        guard TestDatabase.current == .sqlite else { return }
        let other = try session.createToken()
        #expect(try other.whoami().status == 200)
        let database = session.server.server.service.database
        // The database may not have more pages than now.
        _ = try database.write { try $0.run("PRAGMA max_page_count = 1") }
        func count() throws -> Int {
            try session.send("GET", "/v1/projects?limit=200").decoded(Page<Project>.self).elements.count
        }
        var created = try count()
        var refused = 0
        for length in [100, 50, 1] {
            for _ in 0..<50 {
                let name = String(repeating: "n", count: length)
                let response = try session.send("POST", "/v1/projects", "{\"name\": \"\(name)\"}")
                if response.status == 201 {
                    created += 1
                } else {
                    #expect(response.code == "unavailable")
                    refused += 1
                    break
                }
            }
            #expect(try count() == created)
        }
        #expect(refused == 3)
        let deletion = try session.send("DELETE", "/v1/tokens/\(other.id)").status
        #expect([204, 503].contains(deletion))
        #expect(try other.whoami().status == (deletion == 204 ? 401 : 200))
        _ = try database.write { try $0.run("PRAGMA max_page_count = 1000000") }
        #expect(try session.send("DELETE", "/v1/tokens/\(other.id)").status == 204)
        #expect(try other.whoami().code == "revoked_token")
    }

    @Test(
        "with a read-only database, changes are unavailable, none is reported as done, and reads continue",
        arguments: TestDatabase.selected)
    func readOnly(_: TestDatabase) throws {
        let other = try session.createToken()
        #expect(try other.whoami().status == 200)
        if let database = session.server.database {
            try database.run(
                """
                ALTER DATABASE \(database.name) SET default_transaction_read_only = on;
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """)
        } else {
            _ = try session.server.server.service.database.write { try $0.run("PRAGMA query_only = ON") }
        }
        defer {
            _ = try? session.server.database.map {
                try $0.cluster.run("ALTER DATABASE \($0.name) RESET default_transaction_read_only")
            }
        }
        for (method, path, body) in [
            ("POST", "/v1/projects", #"{"name": "p"}"#), ("DELETE", "/v1/tokens/\(other.id)", nil),
            ("POST", "/v1/tokens", #"{"name": "t"}"#), ("POST", "/v1/tokens/self/rotate", nil),
        ] {
            let response = try session.send(method, path, body)
            #expect(response.status == 503 && response.code == "unavailable", "\(method) \(path): \(response.body)")
        }
        #expect(try other.whoami().status == 200)
        #expect(try session.send("GET", "/v1/projects").decoded(Page<Project>.self).elements.count == 1)
        #expect(try session.with(TestToken.generate(id: "00000000")).whoami().code == "invalid_token")
    }

    @Test(
        "without its database, the service is unavailable: it never rejects a token as invalid and never uses stale state",
        arguments: TestDatabase.selected)
    func databaseGone(_: TestDatabase) throws {
        let token = try session.createToken()
        #expect(try session.whoami().status == 200)
        #expect(try get("/readyz").status == 200)
        let database = session.server.server.service.database
        _ = try database.write { try $0.run("ALTER TABLE users RENAME TO gone") }
        let unknown = try token.whoami()
        #expect(unknown.status == 503)
        #expect(unknown.code == "unavailable")
        #expect(unknown.headers["retry-after"] == "5")
        #expect(!unknown.body.contains("users"))
        _ = try database.write { try $0.run("ALTER TABLE schema_version RENAME TO gone_too") }
        #expect(try get("/readyz").status == 503)
        #expect(try get("/healthz").status == 200)
        // A failed revocation is not reported as done, and the cached token keeps working.
        _ = try database.write { try $0.run("ALTER TABLE tokens RENAME TO gone_three") }
        #expect(try session.send("DELETE", "/v1/tokens/self").status == 503)
    }
}
