import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("What anonymous callers can store", .blocking, .databases, .timeLimit(.perTest))
struct AnonymousLimitsTests {
    let clock = ManualClock()

    func begin(_ server: RunningServer, from address: String, agent: String = "test") throws -> TestResponse {
        try TestClient(server).send(
            "POST", "/v1/device/code", #"{"client_name": "a"}"#,
            headers: [("Content-Type", "application/json"), ("X-Forwarded-For", address), ("User-Agent", agent)])
    }

    @Test("a User-Agent is stored in at most 200 bytes, whatever its characters are", arguments: TestDatabase.selected)
    func userAgent(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock, proxies: ["127.0.0.1"])
        let agents = [
            String(repeating: "e" + String(repeating: "\u{301}", count: 30), count: 100),
            "a" + String(repeating: "\u{301}", count: 7000), String(repeating: "👩‍👩‍👧‍👦", count: 300),
            String(repeating: "x", count: 10_000), "Mozilla/5.0 \u{202E}\u{200B}(x)",
        ]
        for agent in agents { #expect(try begin(server, from: "192.0.2.1", agent: agent).status == 200) }
        let stored = try server.server.service.database.read { connection in
            try connection.query("SELECT user_agent FROM device_requests").map { try $0.text("user_agent") }
        }
        #expect(stored.count == agents.count)
        for text in stored {
            #expect(text.utf8.count <= 200)
            #expect(agents.contains { $0.hasPrefix(text) } || text == "Mozilla/5.0 ??(x)", "\(text)")
        }
        #expect(stored.contains(String(repeating: "x", count: 200)))
        let session = TestClient(server, try server.createToken())
        try session.send(
            "POST", "/v1/projects", #"{"name": "a"}"#,
            headers: [
                ("Content-Type", "application/json"), ("User-Agent", agents[0]),
            ])
        let event = try session.send("GET", "/v1/audit-logs?action=create").decoded(Page<AuditEvent>.self).elements
            .first
        #expect(event?.userAgent?.utf8.count ?? .max <= 200)
    }

    @Test(
        "a network has a limited number of requests that wait for a decision, and gets room again",
        arguments: TestDatabase.selected)
    func network(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock, proxies: ["127.0.0.1"])
        let maximum = server.server.service.devices.maximumPerNetwork
        for host in 0..<maximum { #expect(try begin(server, from: "2001:db8::\(host)").status == 200) }
        clock.advance(60)
        let refused = try begin(server, from: "2001:db8::ffff")
        #expect(refused.status == 429 && refused.code == "rate_limited")
        #expect(refused.headers["retry-after"] == "540")
        #expect(try begin(server, from: "2001:db8:0:1::1").status == 200)
        clock.advance(540)
        #expect(try begin(server, from: "2001:db8::ffff").status == 200)
        // Expired requests of the network are removed before they fill the table.
        for _ in 0..<3 {
            for _ in 0..<maximum { _ = try begin(server, from: "2001:db8::1") }
            clock.advance(600)
        }
        let count = try server.server.service.database.read {
            try DeviceStore.count(of: "2001:db8:0:0:0:0:0:0", in: $0)
        }
        #expect(count <= 2 * maximum)
    }

    @Test("all networks together have a limit, and expired requests make room", arguments: TestDatabase.selected)
    func total(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock)
        let service = server.server.service
        var devices = service.devices
        devices.maximumCount = 50
        let request = try DeviceAuthorizationRequest(.init(clientName: "a"))
        func begin(_ number: Int) throws {
            let address = ClientAddress.ipv4(UInt32(number))
            _ = try service.changes.perform(by: .administrator, at: service.now()) {
                try devices.begin(request, from: Origin(address: address), in: $0)
            }
        }
        for number in 0..<50 { try begin(number) }
        #expect {
            try begin(50)
        } throws: { error in
            guard case DomainError.unavailable(_, let seconds) = error else { return false }
            return seconds > 0
        }
        clock.advance(DeviceRequest.lifetimeSeconds)
        for number in 0..<50 { try begin(number) }
        #expect(try service.database.read { try DeviceStore.count(in: $0) } == 50)
    }

    @Test("the largest device request takes less than 2 KB", arguments: TestDatabase.selected)
    func row(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock)
        let name = String(repeating: "😀", count: 100)
        let scopes = Scope.resources.flatMap { resource in
            ["*", "create", "read", "update", "delete"].map { "\"\(resource):\($0)\"" }
        }
        let response = try TestClient(server).send(
            "POST", "/v1/device/code",
            #"{"client_name": "\#(name)", "scopes": [\#((scopes + ["\"*\""]).joined(separator: ","))], "id": "zab5rrb1", "#
                + #""sha256": "\#(String(repeating: "a", count: 64))"}"#,
            headers: [("Content-Type", "application/json"), ("User-Agent", String(repeating: "y", count: 500))])
        #expect(response.status == 200)
        let size = try server.server.service.database.read { connection in
            try connection.query("SELECT client_name, scopes, user_agent, address, network FROM device_requests")
                .reduce(0) { total, row in
                    try ["client_name", "scopes", "user_agent", "address", "network"]
                        .reduce(total) { $0 + (try row.text($1).utf8.count) }
                }
        }
        #expect(size > 500 && size < 1700)
        let long = name + "x"
        #expect(try TestClient(server).send("POST", "/v1/device/code", #"{"client_name": "\#(long)"}"#).status == 422)
    }

    @Test("a token's stored replies and a user's sessions are limited", arguments: TestDatabase.selected)
    func authenticated(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock)
        let service = server.server.service
        try service.database.write { connection in
            let reply = IdempotentReply(requestHash: [1], status: 200, body: [2], createdAt: clock.now)
            for number in 0...IdempotencyState.maximumCount {
                var each = reply
                each.createdAt += Int64(number)
                try IdempotencyStore.insert(each, for: .init(tokenID: "t", key: "k\(number)"), in: connection)
            }
            try IdempotencyStore.insert(reply, for: .init(tokenID: "u", key: "k0"), in: connection)
            let count = try connection.query("SELECT COUNT(*) AS count FROM idempotent_answers").first?.integer("count")
            #expect(count ?? .max <= Int64(IdempotencyState.maximumCount))
            #expect(try IdempotencyStore.find(.init(tokenID: "t", key: "k0"), in: connection) == nil)
            #expect(
                try IdempotencyStore.find(.init(tokenID: "t", key: "k\(IdempotencyState.maximumCount)"), in: connection)
                    != nil)
            #expect(try IdempotencyStore.find(.init(tokenID: "u", key: "k0"), in: connection) != nil)
        }
        let user = try #require(try service.database.read { try UserStore.find(email: RunningServer.email, in: $0) })
        for _ in 0..<(WebSession.maximumCount + 5) {
            clock.advance(1)
            _ = try service.changes.perform(by: .administrator, at: service.now()) {
                try service.signIn.sessions.begin(userID: user.id, from: Origin(), in: $0)
            }
        }
        let sessions = try service.signIn.sessions.list(userID: user.id, now: service.now())
        #expect(sessions.count == WebSession.maximumCount)
        #expect(sessions.first?.createdAt == clock.now)
    }
}
