import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Authentication", .blocking, .databases, .timeLimit(.perTest))
struct AuthenticationTests {
    let clock = ManualClock()
    let server: RunningServer

    init() throws { server = try RunningServer(clock: clock) }

    func whoami(_ headers: [(String, String)], path: String = "/v1/auth/whoami") throws -> TestResponse {
        try TestClient(server).request("GET", path, headers: headers)
    }

    func whoami(_ token: String) throws -> TestResponse { try whoami([("Authorization", "Bearer \(token)")]) }

    /// Returns a response without the values that differ from request to request.
    func anonymous(_ response: TestResponse) -> String {
        var headers = response.headers
        let id = headers.removeValue(forKey: "x-request-id") ?? ""
        headers["date"] = nil
        return "\(response.status) \(headers.sorted { $0.key < $1.key }) \(response.body.split(separator: id))"
    }

    @Test(
        "a request without a token gets missing_token and a challenge without an error",
        arguments: TestDatabase.selected)
    func missing(_: TestDatabase) throws {
        for headers in [[], [("Authorization", "Basic eDp5")], [("Authorization", "podstack_x")]] {
            let response = try whoami(headers)
            #expect(response.status == 401)
            #expect(response.headers["www-authenticate"] == #"Bearer realm="podstack""#)
            #expect(response.body.contains(#""code":"missing_token""#))
            #expect(response.headers["x-request-id"]?.hasPrefix("req_") == true)
        }
    }

    @Test("the verifier reads nothing for a token that is not well formed", arguments: TestDatabase.selected)
    func malformed(_: TestDatabase) throws {
        let token = try server.createToken()
        let damaged = String(token.dropLast()) + (token.hasSuffix("0") ? "1" : "0")
        let service = server.server.service
        let error = #expect(throws: DomainError.self) {
            try service.verifier.verify(damaged.utf8, now: clock.now)
        }
        guard case .unauthenticated(.malformed)? = error else {
            Issue.record("the error is \(String(describing: error))")
            return
        }
    }

    @Test("each shared test vector gets the error code of its format", arguments: TestDatabase.selected)
    func vectors(_: TestDatabase) throws {
        let vectors = try TokenVectors.load()
        for vector in vectors.valid {
            let response = try whoami(vector.token)
            #expect(response.status == 401)
            #expect(response.body.contains(#""code":"invalid_token""#), "\(vector.prefix)")
        }
        for vector in vectors.invalid where !vector.token.isEmpty {
            let response = try whoami(vector.token)
            #expect(response.status == 401)
            #expect(response.body.contains(#""code":"malformed_token""#), "\(vector.why)")
            #expect(response.headers["www-authenticate"]?.contains(#"error="invalid_token""#) == true)
        }
    }

    @Test(
        "a valid token is accepted with a scheme in any case, and the response has its expiry",
        arguments: TestDatabase.selected
    )
    func good(_: TestDatabase) throws {
        let token = try server.createToken()
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let response = try whoami([("Authorization", "\(scheme) \(token)")])
            #expect(response.status == 200)
            #expect(response.headers["podstack-token-expires"] == "2030-04-16T17:46:40Z")
            #expect(response.headers["cache-control"] == "no-store")
        }
    }

    @Test("an unknown ID and a wrong secret get equal responses", arguments: TestDatabase.selected)
    func indistinguishable(_: TestDatabase) throws {
        let token = try server.createToken()
        let other = TestToken.generate(id: String(token.dropFirst(9).prefix(8)))
        let unknown = TestToken.generate(id: "00000000")
        #expect(anonymous(try whoami(other)) == anonymous(try whoami(unknown)))
    }

    @Test(
        "expiry is exact to the second, and only a caller with the secret learns of it",
        arguments: TestDatabase.selected)
    func expiry(_: TestDatabase) throws {
        let token = try server.createToken(expiresAt: clock.now + 100)
        let start = clock.now
        #expect(try whoami(token).status == 200)
        clock.set(start + 99)
        #expect(try whoami(token).status == 200)
        clock.set(start + 100)
        for _ in 0..<2 {
            let response = try whoami(token)
            #expect(response.status == 401)
            #expect(response.body.contains(#""code":"expired_token""#))
            #expect(response.body.contains(#""expired_at":"2030-03-17T17:48:20Z""#))
        }
        let wrong = try whoami(TestToken.generate(id: String(token.dropFirst(9).prefix(8))))
        #expect(wrong.body.contains(#""code":"invalid_token""#))
    }

    @Test("a clock that steps back does not make a revoked token valid", arguments: TestDatabase.selected)
    func clockStepsBack(_: TestDatabase) throws {
        let start = clock.now
        let token = try server.createToken(expiresAt: start + 100)
        #expect(try whoami(token).status == 200)
        clock.set(start + 100)
        #expect(try whoami(token).body.contains("expired_token"))
        clock.set(start + 50)
        #expect(try whoami(token).body.contains("expired_token"))
    }

    @Test(
        "no simultaneous request succeeds after the response to the revocation",
        arguments: TestDatabase.selected)
    func revocationRaces(_: TestDatabase) async throws {
        for _ in 0..<50 {
            let token = try server.createToken()
            let revoked = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<5 {
                            let wasRevoked = revoked.isSet
                            let status = try self.whoami(token).status
                            #expect(!wasRevoked || status == 401)
                        }
                    }
                }
                let status = try TestClient(server).request(
                    "DELETE", "/v1/tokens/self", headers: [("Authorization", "Bearer \(token)")]
                ).status
                #expect(status == 204)
                revoked.set()
                #expect(try whoami(token).status == 401)
                try await group.waitForAll()
            }
        }
    }

    @Test(
        "1,000 revocations take effect at once, also on an open connection",
        arguments: TestDatabase.selected)
    func revocation(_: TestDatabase) throws {
        let connection = try RawHTTP(port: server.server.port)
        for _ in 0..<(TestDatabase.current == .sqlite ? 1000 : Rounds.count(100, long: 1000)) {
            let token = try server.createToken()
            let headers = [("Authorization", "Bearer \(token)")]
            #expect(try connection.request("GET", "/v1/auth/whoami", headers: headers).status == 200)
            #expect(
                try TestClient(server).request("DELETE", "/v1/tokens/self", headers: headers).status
                    == 204)
            let response = try connection.request("GET", "/v1/auth/whoami", headers: headers)
            #expect(response.status == 401)
            #expect(response.body.contains(#""code":"revoked_token""#))
        }
    }

    @Test(
        "two credentials, or a token in the URL, are a bad request, and the response does not repeat them",
        arguments: TestDatabase.selected)
    func badRequests(_: TestDatabase) throws {
        let token = try server.createToken()
        let twice = try whoami([("Authorization", "Bearer \(token)"), ("Authorization", "Bearer \(token)")])
        #expect(twice.status == 400)
        for query in ["access_token=\(token)", "x=\(token)", "api_token=a"] {
            let response = try whoami([("Authorization", "Bearer \(token)")], path: "/v1/auth/whoami?\(query)")
            #expect(response.status == 400)
            #expect(!response.body.contains(token))
        }
    }

    @Test("a client that does not accept JSON gets not_acceptable", arguments: TestDatabase.selected)
    func accept(_: TestDatabase) throws {
        let auth = ("Authorization", "Bearer \(try server.createToken())")
        for (accept, status) in [
            ("*/*", 200), ("application/json", 200), ("text/html, */*;q=0.1", 200), ("application/*", 200),
            ("Application/JSON; charset=utf-8", 200), ("text/html", 406), ("application/json;q=0, text/csv", 406),
            ("", 406),
        ] {
            let response = try whoami([auth, ("Accept", accept)])
            #expect(response.status == status, "\(accept)")
            #expect(status == 200 || response.body.contains("not_acceptable"))
        }
    }

    @Test("an unknown path is not found, and a wrong method is not allowed", arguments: TestDatabase.selected)
    func routing(_: TestDatabase) throws {
        let connection = try RawHTTP(port: server.server.port)
        #expect(try connection.request("GET", "/v1/nothing").status == 404)
        let response = try connection.request("PUT", "/v1/tokens")
        #expect(response.status == 405)
        #expect(response.headers["allow"] == "GET, HEAD, POST")
        #expect(try connection.request("GET", "/healthz").status == 200)
        #expect(try connection.request("HEAD", "/healthz").status == 200)
        #expect(try connection.request("GET", "/" + String(repeating: "a", count: 5000)).status == 414)
    }
}
