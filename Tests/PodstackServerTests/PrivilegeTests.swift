import PodstackAPI
import PodstackTestSupport
import Testing

@Suite("No token exceeds its creator", .blocking, .databases, .timeLimit(.perTest))
struct PrivilegeTests {
    let clock = ManualClock()
    let owner: TestClient
    let projects: [String]

    init() throws {
        let server = try RunningServer(clock: clock, maxActiveTokens: 10_000)
        owner = TestClient(server, try server.createToken(expiresAt: clock.now + 400 * 86_400))
        let owner = owner
        projects = try (0..<3).map { _ in
            try owner.send("POST", "/v1/projects", #"{"name": "p"}"#).decoded(Project.self).id
        }
    }

    /// The fields of a request for a token; nil leaves a field out.
    struct RequestedToken {
        var scopes: [String]?
        var projectIDs: [String]?
        var days: Int?

        static func random(_ projects: [String], _ generator: inout SeededGenerator) -> RequestedToken {
            let all =
                ["*"] + Scope.resources.map { "\($0):*" }
                + Scope.resources.flatMap { resource in
                    Scope.actions.map { "\(resource):\($0)" }
                }
            func some(of all: [String], _ most: Int) -> [String]? {
                guard Bool.random(using: &generator) else { return nil }
                return (0..<Int.random(in: 1...most, using: &generator)).compactMap { _ in
                    all.randomElement(using: &generator)
                }
            }
            return RequestedToken(
                scopes: some(of: all, 3), projectIDs: some(of: projects, 2),
                days: [nil, 7, 30, 90].randomElement(using: &generator) ?? nil)
        }

        func body(named name: Bool) -> String {
            var fields = name ? [#""name": "w""#] : []
            func list(_ texts: [String]) -> String { texts.map { "\"\($0)\"" }.joined(separator: ", ") }
            if let scopes { fields.append("\"scopes\": [\(list(scopes))]") }
            if let projectIDs { fields.append("\"project_ids\": [\(list(projectIDs))]") }
            if name, let days { fields.append("\"expires_in_days\": \(days)") }
            return "{\(fields.joined(separator: ", "))}"
        }
    }

    /// Returns whether `token` may do nothing that `holder` may not do.
    func isWithin(_ token: Token, _ holder: Token) -> Bool {
        let held = holder.scopes
        let scopes = token.scopes.allSatisfy { held.allows($0) }
        let projects =
            holder.projectIDs.map { allowed in token.projectIDs?.allSatisfy(allowed.contains) ?? false } ?? true
        let lifetime = holder.expiresAt.map { end in token.expiresAt.map { $0 <= end } ?? false } ?? true
        return scopes && projects && lifetime
    }

    @Test(
        "no token creates, or gets the secret of, a token that may do more than itself",
        arguments: TestDatabase.selected)
    func random(_: TestDatabase) throws {
        var generator = TestSeed.generator()
        var granted = 0
        for _ in 0..<150 {
            var requested = RequestedToken.random(projects, &generator)
            // So that it can create and rotate tokens.
            requested.scopes = (requested.scopes ?? []) + ["tokens:*"]
            let parent = try owner.send("POST", "/v1/tokens", requested.body(named: true)).decoded(CreatedToken.self)
            let session = owner.with(try #require(parent.secret))
            let created = try session.send(
                "POST", "/v1/tokens", RequestedToken.random(projects, &generator).body(named: true))
            if created.status == 201 {
                granted += 1
                #expect(isWithin(try created.decoded(CreatedToken.self).token, parent.token))
            }
            let target = try owner.send(
                "POST", "/v1/tokens", RequestedToken.random(projects, &generator).body(named: true)
            )
            .decoded(CreatedToken.self).token
            let rotated = try session.send("POST", "/v1/tokens/\(target.id)/rotate")
            #expect((rotated.status == 200) == isWithin(target, parent.token))
            let changed = try session.send(
                "PATCH", "/v1/tokens/\(target.id)", RequestedToken.random(projects, &generator).body(named: false))
            if changed.status == 200 { #expect(isWithin(try changed.decoded(Token.self), target)) }
        }
        #expect(granted > 10)
    }

    @Test("no token expires later than its creator, whatever the form of the time", arguments: TestDatabase.selected)
    func expiry(_: TestDatabase) throws {
        let end = clock.now + 10 * 86_400
        let creator = owner.with(try owner.server.createToken(expiresAt: end))
        func create(_ field: String) throws -> TestResponse {
            try creator.send("POST", "/v1/tokens", "{\"name\": \"later\", \(field)}")
        }
        for field in [
            #""expires_in_days": 11"#, #""expires_at": "\#(TestClient.time(end + 1))""#, #""expires_at": null"#,
        ] {
            #expect(try create(field).status == 422, "\(field)")
        }
        let latest = try create(#""expires_at": "\#(TestClient.time(end))""#).decoded(CreatedToken.self)
        #expect(latest.token.expiresAt.map { Int64($0.timeIntervalSince1970) } == end)
    }

    @Test("a token that has expired can no longer change", arguments: TestDatabase.selected)
    func expiredChange(_: TestDatabase) throws {
        let expiring = owner.with(try owner.server.createToken(expiresAt: clock.now + 10))
        #expect(try owner.send("PATCH", "/v1/tokens/\(expiring.id)", #"{"name": "new"}"#).status == 200)
        clock.set(clock.now + 10)
        let before = try owner.send("GET", "/v1/tokens/\(expiring.id)").body
        for (method, path, body) in [
            ("PATCH", "/v1/tokens/\(expiring.id)", #"{"name": "newer"}"#),
            ("PATCH", "/v1/tokens/\(expiring.id)", #"{"scopes": ["tokens:read"]}"#),
            ("POST", "/v1/tokens/\(expiring.id)/rotate", "{}"),
        ] {
            #expect(try owner.send(method, path, body).code == "conflict", "\(method) \(body)")
        }
        #expect(try owner.send("GET", "/v1/tokens/\(expiring.id)").body == before)
    }

    @Test(
        "a wrong secret gets the same error in every state of the token",
        arguments: TestDatabase.selected)
    func states(_: TestDatabase) throws {
        func wrong(_ session: TestClient) throws -> String? {
            try owner.with(TestToken.generate(id: session.id)).whoami().code
        }
        let active = try owner.createToken()
        let revoked = try owner.createToken()
        #expect(try revoked.send("DELETE", "/v1/tokens/self").status == 204)
        let pending = try owner.createToken()
        let next = try pending.send("POST", "/v1/tokens/self/rotate", #"{"grace_seconds": 0}"#)
        let expiring = owner.with(try owner.server.createToken(expiresAt: clock.now + 10))
        for session in [active, revoked, pending, expiring] { #expect(try wrong(session) == "invalid_token") }
        let secret = try #require(try next.decoded(CreatedToken.self).secret)
        #expect(try owner.with(secret).whoami().status == 200)
        clock.set(clock.now + 10)
        #expect(try expiring.whoami().code == "expired_token")
        #expect(try pending.whoami().code == "rotated_token")
        #expect(try revoked.whoami().code == "revoked_token")
        for session in [expiring, pending, revoked] { #expect(try wrong(session) == "invalid_token") }
    }
}
