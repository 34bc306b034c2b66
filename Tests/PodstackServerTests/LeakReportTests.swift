import PodstackAPI
import PodstackTestSupport
import Testing

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
        "who holds a token proves it: it is revoked at once, and the owner sees it in the audit log",
        arguments: TestDatabase.selected)
    func proven(_: TestDatabase) throws {
        let leaked = try owner.makeToken()
        #expect(try leaked.whoami().status == 200)
        let answer = try report([leaked.token, leaked.token])
        #expect(answer.status == 202)
        #expect(answer.body.isEmpty)
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
        "the answer is the same, whatever the tokens were, and only what was proven is revoked",
        arguments: TestDatabase.selected)
    func anything(_: TestDatabase) throws {
        let others = [
            TokenMaker.token(id: owner.id), TokenMaker.token(id: "00000000"), String(owner.token.dropLast()), "",
            "hf_something", "podstack_" + owner.id,
        ]
        let expected = try report([])
        for answer in [try report(others), try report([owner.makeToken().token])] {
            #expect(answer.status == 202)
            #expect(answer.body == expected.body)
            #expect(Set(answer.headers.keys) == Set(expected.headers.keys))
        }
        #expect(try owner.whoami().status == 200)
    }

    @Test(
        "a secret that waits, or lives out its grace, revokes its token; one that is past does not",
        arguments: TestDatabase.selected)
    func rotated(_: TestDatabase) throws {
        let old = try owner.makeToken()
        func rotate(_ session: TestClient) throws -> TestClient {
            let answer = try session.send("POST", "/v1/tokens/self/rotate", #"{"grace_seconds": 10}"#)
            return owner.with(try #require(try answer.decoded(CreatedToken.self).secret))
        }
        let second = try rotate(old)
        #expect(try second.whoami().status == 200)
        clock.set(clock.now + 10)
        #expect(try report([old.token]).status == 202)
        #expect(try second.whoami().status == 200)
        let third = try rotate(second)
        #expect(try report([third.token]).status == 202)
        #expect(try second.whoami().code == "revoked_token")
        let other = try owner.makeToken()
        #expect(try rotate(other).whoami().status == 200)
        #expect(try report([other.token]).status == 202)
        #expect(try other.whoami().code == "revoked_token")
    }

    @Test("a thousand tokens fit in one report, one more does not", arguments: TestDatabase.selected)
    func thousand(_: TestDatabase) throws {
        let leaked = try owner.makeToken()
        let strangers = (0..<999).map { _ in TokenMaker.token(id: "00000000") }
        #expect(try report(strangers + [leaked.token]).status == 202)
        #expect(try leaked.whoami().code == "revoked_token")
        #expect(try report([String](repeating: "x", count: 1001)).code == "validation_failed")
    }

    @Test("what is no report is refused", arguments: TestDatabase.selected)
    func refusals(_: TestDatabase) throws {
        for body in ["{}", #"{"tokens": "x"}"#, #"{"tokens": [1]}"#, #"{"tokens": [], "more": 1}"#] {
            let answer = try TestClient(owner.server).request(
                "POST", "/v1/tokens/report", headers: [("Content-Type", "application/json")], body: body)
            #expect(answer.code == "validation_failed", "\(body)")
        }
    }
}
