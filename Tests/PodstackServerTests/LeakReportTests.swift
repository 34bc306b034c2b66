import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("POST /v1/tokens/report", .blocking, .databases, .timeLimit(.perTest))
struct LeakReportTests {
    let clock = ManualClock()
    let owner: TestClient

    init() throws { owner = try TestClient(clock: clock, maxActiveTokens: 50) }

    func report(_ tokens: [String]) throws -> TestResponse {
        let list = tokens.map { "\"\($0)\"" }.joined(separator: ",")
        return try TestClient(owner.server).request(
            "POST", "/v1/tokens/report", headers: [("Content-Type", "application/json"), ("User-Agent", "scanner")],
            body: "{\"tokens\":[\(list)]}")
    }

    @Test(
        "a reported token is revoked at once, and the audit log of its owner says so",
        arguments: TestDatabase.selected)
    func proven(_: TestDatabase) throws {
        let leaked = try owner.createToken()
        #expect(try leaked.whoami().status == 200)
        let response = try report([leaked.token, leaked.token])
        #expect(response.status == 202)
        #expect(response.body.isEmpty)
        #expect(try leaked.whoami().code == "revoked_token")
        #expect(try owner.whoami().status == 200)
        let log = try owner.send("GET", "/v1/audit-logs?action=token_revoked")
        let events = try log.decoded(Page<AuditEvent>.self).elements
        #expect(events.count == 1)
        #expect(events.first?.resourceID == leaked.id)
        #expect(events.first?.details == ["reason": "reported as leaked"])
        #expect(events.first?.userID == nil)
        #expect(events.first?.ipAddress == "127.0.0.1")
        #expect(try report([leaked.token]).status == 202)
        #expect(!owner.server.log.contains(leaked.token.dropFirst(18).prefix(16)))
    }

    @Test(
        "the response does not depend on the tokens, and only tokens with a valid secret are revoked",
        arguments: TestDatabase.selected)
    func anything(_: TestDatabase) throws {
        let others = [
            TestToken.generate(id: owner.id), TestToken.generate(id: "00000000"), String(owner.token.dropLast()), "",
            "hf_something", "podstack_" + owner.id,
        ]
        let expected = try report([])
        for response in [try report(others), try report([owner.createToken().token])] {
            #expect(response.status == 202)
            #expect(response.body == expected.body)
            #expect(Set(response.headers.keys) == Set(expected.headers.keys))
        }
        #expect(try owner.whoami().status == 200)
    }

    @Test(
        "a pending secret or one in its grace period revokes its token; an ended one does not",
        arguments: TestDatabase.selected)
    func rotated(_: TestDatabase) throws {
        let old = try owner.createToken()
        func rotate(_ session: TestClient) throws -> TestClient {
            let response = try session.send("POST", "/v1/tokens/self/rotate", #"{"grace_seconds": 10}"#)
            return owner.with(try #require(try response.decoded(CreatedToken.self).secret))
        }
        let second = try rotate(old)
        #expect(try second.whoami().status == 200)
        clock.set(clock.now + 10)
        #expect(try report([old.token]).status == 202)
        #expect(try second.whoami().status == 200)
        let third = try rotate(second)
        #expect(try report([third.token]).status == 202)
        #expect(try second.whoami().code == "revoked_token")
        let other = try owner.createToken()
        #expect(try rotate(other).whoami().status == 200)
        #expect(try report([other.token]).status == 202)
        #expect(try other.whoami().code == "revoked_token")
    }

    @Test("a report contains at most 1,000 tokens", arguments: TestDatabase.selected)
    func thousand(_: TestDatabase) throws {
        let leaked = try owner.createToken()
        let strangers = (0..<999).map { _ in TestToken.generate(id: "00000000") }
        #expect(try report(strangers + [leaked.token]).status == 202)
        #expect(try leaked.whoami().code == "revoked_token")
        #expect(try report([String](repeating: "x", count: 1001)).code == "validation_failed")
    }

    @Test("reports of unknown tokens wait for no change, and delay none", arguments: TestDatabase.selected)
    func apartFromChanges(_: TestDatabase) throws {
        let pools = owner.service.pools
        let gate = Gate()
        for _ in 0..<pools.writes.maxThreads { pools.writes.add { gate.pass() } }
        defer { gate.open() }
        #expect(gate.holds(pools.writes.maxThreads))
        let client = TestClient(port: owner.server.server.port)
        let unknown = (0..<1000).map { _ in "\"\(TestToken.generate(id: "00000000"))\"" }.joined(separator: ",")
        let response = try client.request(
            "POST", "/v1/tokens/report", headers: [("Content-Type", "application/json")],
            body: "{\"tokens\": [\(unknown)]}")
        #expect(response.status == 202)
        #expect(pools.writes.waiting == 0)
    }

    @Test("reported tokens have a limit for each address and one for all together", arguments: TestDatabase.selected)
    func limits(_: TestDatabase) throws {
        let limits = ReportLimits(reports: 1000, elapsed: { [clock] in clock.elapsed })
        func address(_ number: UInt32) -> ClientAddress { .ipv4(number) }
        func isAllowed(_ count: Int, _ number: UInt32) -> Bool {
            do {
                try limits.countReport(of: address(number))
                try limits.count(tokens: count, of: address(number))
                return true
            } catch { return false }
        }
        let (one, all) = (ReportLimits.tokensPerAddress, ReportLimits.allTokens)
        #expect(one >= TokenReport.largestCount)
        for _ in 0..<(one / 1000) { #expect(isAllowed(1000, 0)) }
        #expect(!isAllowed(1, 0))
        #expect(isAllowed(0, 0))
        for number in 1..<UInt32(all / one) { for _ in 0..<(one / 1000) { #expect(isAllowed(1000, number)) } }
        #expect(!isAllowed(1, 1000))
        clock.advance(60)
        #expect(isAllowed(1000, 0) && isAllowed(1000, 1000))
    }

    @Test("an address with too many reported tokens gets a 429", arguments: TestDatabase.selected)
    func tooMany(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock, reports: 60)
        let unknown = (0..<1000).map { _ in "\"\(TestToken.generate(id: "00000000"))\"" }.joined(separator: ",")
        func report() throws -> TestResponse {
            try TestClient(server).request(
                "POST", "/v1/tokens/report", headers: [("Content-Type", "application/json")],
                body: "{\"tokens\": [\(unknown)]}")
        }
        for _ in 0..<5 { #expect(try report().status == 202) }
        let refused = try report()
        #expect(refused.status == 429 && refused.headers["retry-after"] == "12", "\(refused)")
    }

    @Test("an invalid report is refused", arguments: TestDatabase.selected)
    func refusals(_: TestDatabase) throws {
        for body in ["{}", #"{"tokens": "x"}"#, #"{"tokens": [1]}"#, #"{"tokens": [], "more": 1}"#] {
            let response = try TestClient(owner.server).request(
                "POST", "/v1/tokens/report", headers: [("Content-Type", "application/json")], body: body)
            #expect(response.code == "validation_failed", "\(body)")
        }
    }
}
