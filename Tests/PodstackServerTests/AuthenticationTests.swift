import PodstackTestSupport
import Testing

@Suite("Authentication", .blocking, .databases, .timeLimit(.perTest))
struct AuthenticationTests {
    let clock = ManualClock()
    let server: RunningServer

    init() throws { server = try RunningServer(clock: clock) }

    func whoami(_ headers: [(String, String)], path: String = "/v1/auth/whoami") throws -> TestResponse {
        try TestClient(server).request("GET", path, headers: headers)
    }

    func whoami(_ token: String) throws -> TestResponse { try whoami([("Authorization", "Bearer \(token)")]) }

    /// The answer without what differs from request to request.
    func anonymous(_ answer: TestResponse) -> String {
        var headers = answer.headers
        let id = headers.removeValue(forKey: "x-request-id") ?? ""
        headers["date"] = nil
        return "\(answer.status) \(headers.sorted { $0.key < $1.key }) \(answer.body.split(separator: id))"
    }

    @Test("without a token: missing_token, and a challenge without an error", arguments: TestDatabase.selected)
    func missing(_: TestDatabase) throws {
        for headers in [[], [("Authorization", "Basic eDp5")], [("Authorization", "podstack_x")]] {
            let answer = try whoami(headers)
            #expect(answer.status == 401)
            #expect(answer.headers["www-authenticate"] == #"Bearer realm="podstack""#)
            #expect(answer.body.contains(#""code":"missing_token""#))
            #expect(answer.headers["x-request-id"]?.hasPrefix("req_") == true)
        }
    }

    @Test("each vector gets the code that its shape deserves", arguments: TestDatabase.selected)
    func vectors(_: TestDatabase) throws {
        let vectors = try TokenVectors.load()
        for vector in vectors.valid {
            let answer = try whoami(vector.token)
            #expect(answer.status == 401)
            #expect(answer.body.contains(#""code":"invalid_token""#), "\(vector.prefix)")
        }
        for vector in vectors.invalid where !vector.token.isEmpty {
            let answer = try whoami(vector.token)
            #expect(answer.status == 401)
            #expect(answer.body.contains(#""code":"malformed_token""#), "\(vector.why)")
            #expect(answer.headers["www-authenticate"]?.contains(#"error="invalid_token""#) == true)
        }
    }

    @Test(
        "a good token is let in, whatever the case of its scheme, and its end is told", arguments: TestDatabase.selected
    )
    func good(_: TestDatabase) throws {
        let token = try server.makeToken()
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let answer = try whoami([("Authorization", "\(scheme) \(token)")])
            #expect(answer.status == 200)
            #expect(answer.headers["podstack-token-expires"] == "2030-04-16T17:46:40Z")
            #expect(answer.headers["cache-control"] == "no-store")
        }
    }

    @Test("an unknown id and a wrong secret cannot be told apart", arguments: TestDatabase.selected)
    func indistinguishable(_: TestDatabase) throws {
        let token = try server.makeToken()
        let other = TokenMaker.token(id: String(token.dropFirst(9).prefix(8)))
        let unknown = TokenMaker.token(id: "00000000")
        #expect(anonymous(try whoami(other)) == anonymous(try whoami(unknown)))
    }

    @Test("expiry is exact, and told only to who holds the secret", arguments: TestDatabase.selected)
    func expiry(_: TestDatabase) throws {
        let token = try server.makeToken(expiresAt: clock.now + 100)
        let start = clock.now
        #expect(try whoami(token).status == 200)
        clock.set(start + 99)
        #expect(try whoami(token).status == 200)
        clock.set(start + 100)
        for _ in 0..<2 {
            let answer = try whoami(token)
            #expect(answer.status == 401)
            #expect(answer.body.contains(#""code":"expired_token""#))
            #expect(answer.body.contains(#""expired_at":"2030-03-17T17:48:20Z""#))
        }
        let wrong = try whoami(TokenMaker.token(id: String(token.dropFirst(9).prefix(8))))
        #expect(wrong.body.contains(#""code":"invalid_token""#))
    }

    @Test("a clock that steps back revives nothing", arguments: TestDatabase.selected)
    func clockStepsBack(_: TestDatabase) throws {
        let start = clock.now
        let token = try server.makeToken(expiresAt: start + 100)
        #expect(try whoami(token).status == 200)
        clock.set(start + 100)
        #expect(try whoami(token).body.contains("expired_token"))
        clock.set(start + 50)
        #expect(try whoami(token).body.contains("expired_token"))
    }

    @Test(
        "a token never comes before it is revoked: whatever is asked at once, none gets in after the answer",
        arguments: TestDatabase.selected)
    func revocationRaces(_: TestDatabase) async throws {
        for _ in 0..<50 {
            let token = try server.makeToken()
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
        "revoked is revoked at once, on a connection that was open before too, 1,000 times over",
        arguments: TestDatabase.selected)
    func revocation(_: TestDatabase) throws {
        let connection = try RawHTTP(port: server.server.port)
        for _ in 0..<(TestDatabase.current == .sqlite ? 1000 : Rounds.count(100, long: 1000)) {
            let token = try server.makeToken()
            let headers = [("Authorization", "Bearer \(token)")]
            #expect(try connection.request("GET", "/v1/auth/whoami", headers: headers).status == 200)
            #expect(
                try TestClient(server).request("DELETE", "/v1/tokens/self", headers: headers).status
                    == 204)
            let answer = try connection.request("GET", "/v1/auth/whoami", headers: headers)
            #expect(answer.status == 401)
            #expect(answer.body.contains(#""code":"revoked_token""#))
        }
    }

    @Test(
        "two credentials, or a token in the URL, are a bad request that repeats nothing",
        arguments: TestDatabase.selected)
    func badRequests(_: TestDatabase) throws {
        let token = try server.makeToken()
        let twice = try whoami([("Authorization", "Bearer \(token)"), ("Authorization", "Bearer \(token)")])
        #expect(twice.status == 400)
        for query in ["access_token=\(token)", "x=\(token)", "api_token=a"] {
            let answer = try whoami([("Authorization", "Bearer \(token)")], path: "/v1/auth/whoami?\(query)")
            #expect(answer.status == 400)
            #expect(!answer.body.contains(token))
        }
    }

    @Test("JSON is what there is: who accepts something else only is told so", arguments: TestDatabase.selected)
    func accept(_: TestDatabase) throws {
        let auth = ("Authorization", "Bearer \(try server.makeToken())")
        for (accept, status) in [
            ("*/*", 200), ("application/json", 200), ("text/html, */*;q=0.1", 200), ("application/*", 200),
            ("Application/JSON; charset=utf-8", 200), ("text/html", 406), ("application/json;q=0, text/csv", 406),
            ("", 406),
        ] {
            let answer = try whoami([auth, ("Accept", accept)])
            #expect(answer.status == status, "\(accept)")
            #expect(status == 200 || answer.body.contains("not_acceptable"))
        }
    }

    @Test("what is not there, or not with that method, says so", arguments: TestDatabase.selected)
    func routing(_: TestDatabase) throws {
        let connection = try RawHTTP(port: server.server.port)
        #expect(try connection.request("GET", "/v1/nothing").status == 404)
        let answer = try connection.request("PUT", "/v1/tokens")
        #expect(answer.status == 405)
        #expect(answer.headers["allow"] == "GET, HEAD, POST")
        #expect(try connection.request("GET", "/healthz").status == 200)
        #expect(try connection.request("HEAD", "/healthz").status == 200)
        #expect(try connection.request("GET", "/" + String(repeating: "a", count: 5000)).status == 414)
    }
}
