import PodstackAPI
import PodstackTestSupport
import Testing

@Suite("Rotation", .blocking, .databases, .timeLimit(.perTest))
struct RotationTests {
    let clock = ManualClock()
    let first: TestClient

    init() throws { first = try TestClient(clock: clock) }

    func rotate(_ session: TestClient, _ fields: String = "") throws -> TestResponse {
        try session.send("POST", "/v1/tokens/self/rotate", "{\(fields)}")
    }

    /// Rotates the token of `session` to a secret that the caller generated.
    func rotated(_ session: TestClient, grace: Int? = nil) throws -> TestClient {
        let next = TestToken.generate(id: session.id)
        #expect(try rotate(session, TestClient.fields(of: next, grace: grace)).status == 200)
        return session.with(next)
    }

    @Test(
        "from the first use of a new secret, the old one is valid for the grace period, to the second",
        arguments: TestDatabase.selected)
    func grace(_: TestDatabase) throws {
        let start = clock.now
        let next = try rotated(first, grace: 60)
        clock.set(start + 5000)
        #expect(try first.whoami().status == 200)
        #expect(try next.whoami().status == 200)
        for (second, status) in [(5000, 200), (5059, 200), (5060, 401), (9_999, 401)] as [(Int64, Int)] {
            clock.set(start + second)
            #expect(try first.whoami().status == status, "\(second)")
            #expect(try next.whoami().status == 200)
        }
        let refused = try first.whoami()
        #expect(refused.code == "rotated_token")
        #expect(refused.error?.details["rotated_at"] == .string(TestClient.time(start + 5000)))
        #expect(refused.headers["www-authenticate"]?.contains(#"error="invalid_token""#) == true)
    }

    @Test(
        "without a grace period, the first use of the new secret ends the old one, even on an open connection",
        arguments: TestDatabase.selected)
    func noGrace(_: TestDatabase) throws {
        let connection = try RawHTTP(port: first.server.server.port)
        let headers = [("Authorization", "Bearer \(first.token)")]
        #expect(try connection.request("GET", "/v1/auth/whoami", headers: headers).status == 200)
        let next = try rotated(first, grace: 0)
        #expect(try connection.request("GET", "/v1/auth/whoami", headers: headers).status == 200)
        #expect(try next.whoami().status == 200)
        #expect(try connection.request("GET", "/v1/auth/whoami", headers: headers).code == "rotated_token")
    }

    @Test(
        "the default grace period is an hour, and responses to the old secret have its end in a header",
        arguments: TestDatabase.selected
    )
    func standardGrace(_: TestDatabase) throws {
        let start = clock.now
        let next = try rotated(first)
        #expect(try next.whoami().status == 200)
        let expiry = try first.whoami().headers["podstack-token-expires"]
        #expect(expiry == TestClient.time(start + 3600))
        clock.set(start + 3599)
        #expect(try first.whoami().status == 200)
        clock.set(start + 3600)
        #expect(try first.whoami().code == "rotated_token")
    }

    @Test(
        "a pending secret expires after 24 hours, and the current one stays valid",
        arguments: TestDatabase.selected)
    func lapse(_: TestDatabase) throws {
        let start = clock.now
        let next = try rotated(first)
        clock.set(start + 86_399)
        #expect(try first.whoami().status == 200)
        let later = try rotated(first)
        #expect(try next.whoami().code == "rotated_token")
        clock.set(start + 86_399 + 86_400)
        let refused = try later.whoami()
        #expect(refused.code == "expired_token")
        #expect(refused.error?.details["expired_at"] == .string(TestClient.time(clock.now)))
        #expect(try first.whoami().status == 200)
        #expect(try rotated(first).whoami().status == 200)
    }

    @Test(
        "the response describes the token as it is from the first use of the new secret on",
        arguments: TestDatabase.selected)
    func generation(_: TestDatabase) throws {
        let before = try first.whoami().decoded(User.self).token
        clock.set(clock.now + 86_400)
        let next = TestToken.generate(id: first.id)
        let response = try rotate(first, TestClient.fields(of: next))
        let displayed = try response.decoded(CreatedToken.self)
        #expect(displayed.secret == nil)
        #expect(displayed.token.generation == 2)
        #expect(displayed.token.rotateBy == before?.rotateBy?.addingTimeInterval(86_400))
        #expect(try first.whoami().decoded(User.self).token?.generation == 1)
        let after = try first.with(next).whoami().decoded(User.self).token
        #expect(after?.generation == 2)
        #expect(after?.rotateBy == displayed.token.rotateBy)
        #expect(after?.id == before?.id)
        #expect(after?.name == before?.name)
        #expect(after?.expiresAt == before?.expiresAt)
    }

    @Test(
        "a repeat with the same digest gets the same response, before and after the first use",
        arguments: TestDatabase.selected)
    func repeated(_: TestDatabase) throws {
        let next = TestToken.generate(id: first.id)
        let responses = try (0..<3).map { _ in try rotate(first, TestClient.fields(of: next)) }
        #expect(Set(responses.map(\.body)).count == 1)
        #expect(try first.with(next).whoami().status == 200)
        clock.set(clock.now + 10)
        for session in [first, first.with(next)] {
            let again = try rotate(session, TestClient.fields(of: next)).decoded(CreatedToken.self).token
            #expect(again.generation == 2)
            #expect(again.rotateBy == (try responses[0].decoded(CreatedToken.self).token.rotateBy))
        }
    }

    @Test(
        "a repeat with another grace period changes it, and the audit log has both",
        arguments: TestDatabase.selected)
    func otherGrace(_: TestDatabase) throws {
        let next = TestToken.generate(id: first.id)
        for grace in [600, 600, 0] {
            #expect(try rotate(first, TestClient.fields(of: next, grace: grace)).status == 200)
        }
        #expect(try first.with(next).whoami().status == 200)
        #expect(try first.whoami().code == "rotated_token")
        let log = try first.with(next).send("GET", "/v1/audit-logs?action=token_rotated")
        let graces = try log.decoded(Page<AuditEvent>.self).elements.map { $0.details["grace_seconds"] }
        #expect(graces == [0, 600])
    }

    @Test("a secret that the service generated is returned once and is valid", arguments: TestDatabase.selected)
    func generatedByService(_: TestDatabase) throws {
        let created = try first.send("POST", "/v1/tokens/self/rotate")
        #expect(created.status == 200)
        let secret = try #require(try created.decoded(CreatedToken.self).secret)
        #expect(TokenFormat.id(of: secret) == first.id)
        let other = try #require(try rotate(first).decoded(CreatedToken.self).secret)
        #expect(try first.with(secret).whoami().code == "rotated_token")
        #expect(try first.with(other).whoami().status == 200)
    }

    @Test(
        "revoking a token ends its retired, current and pending secrets",
        arguments: TestDatabase.selected)
    func revoke(_: TestDatabase) throws {
        let second = try rotated(first)
        #expect(try second.whoami().status == 200)
        let third = try rotated(second)
        #expect(try first.send("DELETE", "/v1/tokens/self").status == 204)
        for session in [first, second, third] { #expect(try session.whoami().code == "revoked_token") }
    }

    @Test("a rotation does not count as another token", arguments: TestDatabase.selected)
    func five(_: TestDatabase) throws {
        for _ in 0..<4 { _ = try first.createToken() }
        let next = try rotated(first)
        #expect(try next.whoami().status == 200)
        #expect(try next.send("POST", "/v1/tokens", #"{"name": "sixth"}"#).code == "quota_exceeded")
        let ids = try next.send("GET", "/v1/tokens").decoded(Page<Token>.self).elements.map(\.id)
        #expect(ids.count == 5)
        #expect(ids.contains(first.id))
    }

    @Test(
        "a secret in its grace period cannot rotate the token",
        arguments: TestDatabase.selected)
    func graceDoesNotRotate(_: TestDatabase) throws {
        let next = try rotated(first)
        #expect(try next.whoami().status == 200)
        #expect(try rotate(first).code == "conflict")
        #expect(try first.send("POST", "/v1/tokens/\(first.id)/rotate", "{}").code == "conflict")
        #expect(try rotate(next).status == 200)
    }

    @Test("a rotation without a grace period ends earlier grace periods", arguments: TestDatabase.selected)
    func cutShort(_: TestDatabase) throws {
        let second = try rotated(first, grace: 604_800)
        #expect(try second.whoami().status == 200)
        let third = try rotated(second, grace: 0)
        #expect(try first.whoami().status == 200)
        #expect(try third.whoami().status == 200)
        #expect(try first.whoami().code == "rotated_token")
        #expect(try second.whoami().code == "rotated_token")
    }

    @Test("a token cannot be rotated to a secret that it already had", arguments: TestDatabase.selected)
    func noReturn(_: TestDatabase) throws {
        #expect(try rotate(first, TestClient.fields(of: first.token)).code == "conflict")
        let second = try rotated(first)
        #expect(try second.whoami().status == 200)
        #expect(try rotate(second, TestClient.fields(of: first.token)).code == "conflict")
    }

    @Test(
        "a token rotates another one only if it may do as much and expires no earlier", arguments: TestDatabase.selected
    )
    func noEscalation(_: TestDatabase) throws {
        let small = try first.createToken(#""scopes": ["tokens:*"], "expires_in_days": 7"#)
        #expect(try small.send("POST", "/v1/tokens/\(first.id)/rotate").code == "insufficient_scope")
        #expect(try small.send("POST", "/v1/tokens/self/rotate").status == 200)
        let short = try first.createToken(#""expires_in_days": 7"#)
        #expect(try short.send("POST", "/v1/tokens/\(first.id)/rotate").code == "insufficient_scope")
        #expect(try first.send("POST", "/v1/tokens/\(short.id)/rotate").status == 200)
        let reader = try first.createToken(#""scopes": ["tokens:read"]"#)
        #expect(try reader.send("POST", "/v1/tokens/\(reader.id)/rotate").code == "insufficient_scope")
        #expect(try reader.send("POST", "/v1/tokens/self/rotate").status == 200)
    }

    @Test(
        "an ended token, a token of another account and an invalid request are refused",
        arguments: TestDatabase.selected)
    func refusals(_: TestDatabase) throws {
        let dead = try first.createToken()
        #expect(try first.send("DELETE", "/v1/tokens/\(dead.id)").status == 204)
        #expect(try first.send("POST", "/v1/tokens/\(dead.id)/rotate").code == "conflict")
        #expect(try first.send("POST", "/v1/tokens/00000000/rotate").status == 404)
        try first.server.server.addUser("other@example.com")
        let foreign = first.with(try first.server.server.createToken("other@example.com"))
        #expect(try first.send("POST", "/v1/tokens/\(foreign.id)/rotate").status == 404)
        for fields in [
            #""grace_seconds": -1"#, #""grace_seconds": 604801"#, #""grace_seconds": "60""#, #""grace": 60"#,
            #""id": "\#(first.id)""#, #""sha256": "00""#, TestClient.fields(of: TestToken.generate(id: "00000000")),
        ] {
            #expect(try rotate(first, fields).code == "validation_failed", "\(fields)")
        }
        #expect(try first.whoami().decoded(User.self).token?.generation == 1)
    }

    @Test(
        "random walks of two rotators agree with a model, and a valid secret always remains",
        arguments: TestDatabase.selected)
    func randomWalks(_: TestDatabase) throws {
        var generator = TestSeed.generator()
        for _ in 0..<6 {
            let start = first.with(try first.server.createToken(expiresAt: clock.now + 3650 * 86_400))
            var model = RotationModel(start.token)
            for _ in 0..<60 {
                let secret = model.secrets.randomElement(using: &generator) ?? start.token
                let session = start.with(secret)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: clock.set(clock.now + Int64([1, 30, 90, 86_400].randomElement(using: &generator) ?? 1))
                case 1:
                    let grace = [0, 60, 120].randomElement(using: &generator) ?? 0
                    let next = TestToken.generate(id: start.id)
                    let expected = model.rotate(with: secret, to: next, grace: Int64(grace), now: clock.now)
                    let response = try rotate(session, TestClient.fields(of: next, grace: grace))
                    #expect((response.code ?? "ok") == expected)
                default:
                    #expect((try session.whoami().code ?? "ok") == model.use(secret, now: clock.now))
                }
            }
            #expect(try start.with(model.current).whoami().status == 200)
            #expect(try start.with(model.current).send("DELETE", "/v1/tokens/self").status == 204)
        }
    }
}

/// A model of rotation that is as short as possible.
private struct RotationModel {
    var current: String
    var pending: (secret: String, created: Int64, grace: Int64)?
    var ends: [String: Int64] = [:]
    private(set) var secrets: [String]

    init(_ first: String) {
        current = first
        secrets = [first]
    }

    mutating func use(_ secret: String, now: Int64) -> String {
        if secret == current { return "ok" }
        if let pending, pending.secret == secret {
            guard now < pending.created + 86_400 else { return "expired_token" }
            ends = ends.mapValues { min($0, now + pending.grace) }
            ends[current] = now + pending.grace
            current = secret
            self.pending = nil
            return "ok"
        }
        return now < ends[secret] ?? 0 ? "ok" : "rotated_token"
    }

    mutating func rotate(with secret: String, to next: String, grace: Int64, now: Int64) -> String {
        let response = use(secret, now: now)
        guard response == "ok" else { return response }
        guard secret == current else { return "conflict" }
        if let pending { ends[pending.secret] = now }
        pending = (next, now, grace)
        secrets = Array((secrets + [next]).suffix(8))
        return "ok"
    }
}
