import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Rate limits", .blocking, .databases, .timeLimit(.perTest))
struct RateLimitTests {
    let clock = ManualClock()

    func whoami(_ server: RunningServer, _ token: String, from address: String? = nil) throws -> TestResponse {
        var headers = [("Authorization", "Bearer \(token)")]
        if let address { headers.append(("X-Forwarded-For", address)) }
        return try TestClient(server).request("GET", "/v1/auth/whoami", headers: headers)
    }

    @Test(
        "after 20 failures in a minute, an address gets a 429, and one more attempt every three seconds",
        arguments: TestDatabase.selected)
    func failures(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock, failedAuthentications: 20)
        let wrong = TestToken.generate(id: "00000000")
        for _ in 0..<20 { #expect(try whoami(server, wrong).status == 401) }
        let refused = try whoami(server, wrong)
        #expect(refused.status == 429)
        #expect(refused.code == "rate_limited")
        #expect(refused.headers["retry-after"] == "3")
        #expect(refused.headers["ratelimit"] == #""authentication";r=0;t=60"#)
        #expect(refused.headers["ratelimit-policy"] == #""authentication";q=20;w=60"#)
        clock.set(clock.now + 2)
        #expect(try whoami(server, wrong).headers["retry-after"] == "1")
        clock.set(clock.now + 1)
        #expect(try whoami(server, wrong).status == 401)
        #expect(try whoami(server, wrong).status == 429)
        clock.set(clock.now + 60)
        for _ in 0..<20 { #expect(try whoami(server, wrong).status == 401) }
        #expect(try whoami(server, wrong).status == 429)
    }

    @Test("a thousand failures from an address do not lock out its valid tokens", arguments: TestDatabase.selected)
    func neighbour(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock, failedAuthentications: 20)
        let token = try server.createToken()
        let connection = try RawHTTP(port: server.server.port)
        for index in 0..<1000 {
            let headers = [("Authorization", "Bearer \(TestToken.generate(id: "00000000"))")]
            let status = try connection.request("GET", "/v1/auth/whoami", headers: headers).status
            #expect(status == (index < 20 ? 401 : 429))
        }
        // The first time from the database, then from the cache.
        for _ in 0..<2 { #expect(try whoami(server, token).status == 200) }
        let other = try server.createToken()
        #expect(try whoami(server, other).status == 200)
    }

    @Test(
        "each token has its own bucket, and every response has the remaining number", arguments: TestDatabase.selected)
    func requests(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock, requests: 6)
        let (first, second) = (try server.createToken(), try server.createToken())
        for left in [5, 4, 3, 2, 1, 0] {
            let response = try whoami(server, first)
            #expect(response.status == 200)
            #expect(response.headers["ratelimit"] == "\"token\";r=\(left);t=\((6 - left) * 10)")
        }
        let refused = try whoami(server, first)
        #expect(refused.status == 429)
        #expect(refused.headers["retry-after"] == "10")
        #expect(refused.headers["podstack-token-expires"] != nil)
        #expect(try whoami(server, second).status == 200)
        clock.set(clock.now + 10)
        #expect(try whoami(server, first).status == 200)
        #expect(try whoami(server, first).status == 429)
    }

    @Test("without the flag there is no limit and no header", arguments: TestDatabase.selected)
    func noLimit(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock)
        let token = try server.createToken()
        for _ in 0..<30 { #expect(try whoami(server, TestToken.generate(id: "00000000")).status == 401) }
        #expect(try whoami(server, token).headers["ratelimit"] == nil)
    }

    @Test("leak reports are limited by address", arguments: TestDatabase.selected)
    func reports(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock, reports: 2)
        func report() throws -> Int {
            try TestClient(server).request(
                "POST", "/v1/tokens/report", headers: [("Content-Type", "application/json")], body: #"{"tokens":[]}"#
            ).status
        }
        #expect(try [report(), report(), report()] == [202, 202, 429])
        clock.set(clock.now + 30)
        #expect(try report() == 202)
    }

    @Test(
        "X-Forwarded-For counts only from a configured proxy, and only its last address that is not a proxy",
        arguments: TestDatabase.selected)
    func proxies(_: TestDatabase) throws {
        let named = try RunningServer(clock: clock, failedAuthentications: 1, proxies: ["127.0.0.1", "10.0.0.9"])
        let wrong = TestToken.generate(id: "00000000")
        for (address, status) in [
            ("192.0.2.1", 401), ("192.0.2.1", 429), ("192.0.2.2", 401), ("192.0.2.3, 192.0.2.1", 429),
            ("192.0.2.4, 10.0.0.9", 401), ("192.0.2.4 ,10.0.0.9", 429), ("2001:db8::1", 401), ("2001:db8::2", 429),
            ("2001:db8:0:1::1", 401), ("nonsense", 401), ("192.0.2.9, nonsense", 429),
        ] {
            #expect(try whoami(named, wrong, from: address).status == status, "\(address)")
        }
        let unnamed = try RunningServer(clock: clock, failedAuthentications: 1, proxies: ["10.0.0.9"])
        #expect(try whoami(unnamed, wrong, from: "192.0.2.1").status == 401)
        #expect(try whoami(unnamed, wrong, from: "192.0.2.2").status == 429)
    }

    @Test("the audit log has the address that the proxy forwards", arguments: TestDatabase.selected)
    func audit(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock, proxies: ["127.0.0.1"])
        let session = TestClient(server, try server.createToken())
        for address in ["192.0.2.7", "2001:db8::7"] {
            _ = try session.send(
                "POST", "/v1/projects", #"{"name": "p"}"#, headers: [("X-Forwarded-For", "evil, \(address)")])
        }
        let events = try session.send("GET", "/v1/audit-logs?action=create").decoded(Page<AuditEvent>.self).elements
        #expect(events.map(\.ipAddress) == ["2001:db8:0:0:0:0:0:7", "192.0.2.7"])
    }

    @Test(
        "the number of buckets is limited, and the limit removes full buckets first",
        arguments: TestDatabase.selected)
    func room(_: TestDatabase) {
        let allowances = RateLimiter<Int>(
            RateLimit(name: "x", count: 1), capacity: 100, elapsed: { [clock] in clock.elapsed })
        for key in 0..<100 { #expect(allowances.take(key).isAllowed) }
        #expect(!allowances.take(5).isAllowed)
        clock.advance(60)
        #expect(allowances.take(100).isAllowed)
        #expect(allowances.count == 1)
        #expect(!allowances.take(100).isAllowed)
        clock.advance(1)
        for key in 200..<1000 { #expect(allowances.take(key).isAllowed) }
        #expect(allowances.count <= 100)
    }

    @Test("the seconds to wait are rounded up", arguments: TestDatabase.selected)
    func rounding(_: TestDatabase) {
        let limit = RateLimit(name: "x", count: 1)
        for (time, seconds) in [(Int64(1), Int64(60)), (59_000_001, 1)] {
            var fullAt: Int64 = 0
            #expect(limit.take(from: &fullAt, at: 0).isAllowed)
            let refused = limit.take(from: &fullAt, at: time)
            #expect(!refused.isAllowed && refused.retryAfter == seconds && refused.resetsIn == seconds)
        }
    }

    @Test("an attack from many addresses frees no address from its limit", arguments: TestDatabase.selected)
    func attack(_: TestDatabase) {
        let allowances = RateLimiter<Int>(
            RateLimit(name: "x", count: 10), capacity: 100, elapsed: { [clock] in clock.elapsed })
        while allowances.take(0).isAllowed {}
        for key in 1..<10_000 { _ = allowances.take(key) }
        #expect(!allowances.take(0).isAllowed)
        #expect(allowances.count <= 100)
    }
}
