import PodstackAPI
import PodstackCryptography
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("/v1/tokens", .blocking, .databases, .timeLimit(.perTest))
struct TokenRoutesTests {
    let server: RunningServer
    let token: String

    init() throws {
        server = try RunningServer()
        token = try server.createToken()
    }

    func request(
        _ method: String, _ path: String, token: String? = nil, body: String? = nil, type: String = "application/json"
    ) throws -> TestResponse {
        var headers = [("Authorization", "Bearer \(token ?? self.token)")]
        if body != nil { headers.append(("Content-Type", type)) }
        return try TestClient(server).request(method, path, headers: headers, body: body)
    }

    func created(_ response: TestResponse) throws -> CreatedToken {
        try APICoding.decode(CreatedToken.self, from: Array(response.body.utf8))
    }

    @Test(
        "a token is created, returned once with its secret, listed without it, and revoked",
        arguments: TestDatabase.selected)
    func lifecycle(_: TestDatabase) throws {
        let response = try request("POST", "/v1/tokens", body: #"{"name": "CI", "expires_in_days": 7}"#)
        #expect(response.status == 201)
        let made = try created(response)
        let secret = try #require(made.secret)
        #expect(TokenFormat.id(of: secret) == made.token.id)
        #expect(try request("GET", "/v1/auth/whoami", token: secret).status == 200)
        let list = try request("GET", "/v1/tokens")
        #expect(list.body.contains(made.token.id))
        #expect(!list.body.contains(secret.dropFirst(18).prefix(16)))
        #expect(try request("DELETE", "/v1/tokens/\(made.token.id)").status == 204)
        #expect(try request("DELETE", "/v1/tokens/\(made.token.id)").status == 204)
        #expect(try request("GET", "/v1/auth/whoami", token: secret).body.contains("revoked_token"))
        #expect(try request("GET", "/v1/tokens/\(made.token.id)").body.contains(#""status":"revoked""#))
    }

    @Test("the pages of a list have no gap", arguments: TestDatabase.selected)
    func paging(_: TestDatabase) throws {
        for _ in 0..<4 { _ = try server.createToken() }
        var seen: [String] = []
        var cursor: String?
        repeat {
            let response = try request("GET", "/v1/tokens?limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
            let page = try APICoding.decode(Page<Token>.self, from: Array(response.body.utf8))
            #expect(page.elements.count <= 2)
            seen += page.elements.map(\.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen.count == 5)
        #expect(Set(seen).count == 5)
        for bad in ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=", "cursor=%2B5-a", "cursor=05-a"] {
            #expect(try request("GET", "/v1/tokens?\(bad)").status == 400, "\(bad)")
        }
    }

    @Test("the response to an invalid body names all invalid fields", arguments: TestDatabase.selected)
    func validation(_: TestDatabase) throws {
        let response = try request(
            "POST", "/v1/tokens", body: #"{"nam": 1, "expires_in_days": 3, "scopes": ["cats:pet"], "id": "x"}"#)
        #expect(response.status == 422)
        for field in ["nam", "name", "expires_in_days", "scopes", "id", "sha256"] {
            #expect(response.body.contains("\"\(field)\":["), "\(field)")
        }
        #expect(try request("POST", "/v1/tokens", body: "[]").status == 400)
        #expect(try request("POST", "/v1/tokens", body: "{").status == 400)
        #expect(try request("POST", "/v1/tokens", body: "{}", type: "text/plain").status == 415)
        let large = #"{"name": ""# + String(repeating: "a", count: 70_000) + #""}"#
        #expect(try request("POST", "/v1/tokens", body: large).status == 413)
    }

    @Test("a token cannot create one that may do more or expires later", arguments: TestDatabase.selected)
    func noEscalation(_: TestDatabase) throws {
        let small = try created(
            try request("POST", "/v1/tokens", body: #"{"name": "s", "expires_in_days": 7, "scopes": ["tokens:*"]}"#))
        let secret = try #require(small.secret)
        let wider = try request("POST", "/v1/tokens", token: secret, body: #"{"name": "w", "scopes": ["*"]}"#)
        #expect(wider.status == 403)
        #expect(wider.headers["www-authenticate"]?.contains(#"error="insufficient_scope""#) == true)
        for body in [#"{"name": "l", "expires_in_days": 30}"#, #"{"name": "l", "expires_at": null}"#] {
            #expect(try request("POST", "/v1/tokens", token: secret, body: body).status == 422)
        }
        let same = try created(try request("POST", "/v1/tokens", token: secret, body: #"{"name": "n"}"#))
        #expect(same.token.scopes == ["tokens:*"])
        #expect(same.token.expiresAt == small.token.expiresAt)
    }

    @Test(
        "a token that the caller generated is valid, and a repeated request gets the same response",
        arguments: TestDatabase.selected)
    func generatedByCaller(_: TestDatabase) throws {
        let secret = TestToken.generate(id: "0123abcd")
        let digest = Sodium.sha256(secret.utf8).hexadecimal
        let body = #"{"name": "mine", "id": "0123abcd", "sha256": "\#(digest)"}"#
        let first = try request("POST", "/v1/tokens", body: body)
        let second = try request("POST", "/v1/tokens", body: body)
        #expect(first.status == 201)
        #expect(first.body == second.body)
        #expect(try created(first).secret == nil)
        #expect(try request("GET", "/v1/auth/whoami", token: secret).status == 200)
        let other = body.replacing(digest, with: Sodium.sha256("x".utf8).hexadecimal)
        #expect(try request("POST", "/v1/tokens", body: other).status == 409)
    }

    @Test("a creation that is repeated after the token was revoked is a conflict", arguments: TestDatabase.selected)
    func repeatedAfterRevocation(_: TestDatabase) throws {
        let secret = TestToken.generate(id: "0123abcd")
        let body = #"{"name": "mine", \#(TestClient.fields(of: secret))}"#
        #expect(try request("POST", "/v1/tokens", body: body).status == 201)
        #expect(try request("POST", "/v1/tokens", body: body).status == 201)
        #expect(try request("DELETE", "/v1/tokens/0123abcd").status == 204)
        let repeated = try request("POST", "/v1/tokens", body: body)
        #expect(repeated.status == 409 && repeated.code == "conflict")
        #expect(try request("GET", "/v1/auth/whoami", token: secret).code == "revoked_token")
    }

    @Test(
        "a second revocation takes effect at once where the first one was committed but not announced",
        arguments: TestDatabase.selected)
    func unannouncedRevocation(_: TestDatabase) throws {
        let other = try server.createToken()
        #expect(try request("GET", "/v1/auth/whoami", token: other).status == 200)
        let id = String(other.dropFirst(9).prefix(8))
        let service = server.server.service
        try service.database.write { try SecretStore.apply([.revoke(at: service.now())], to: id, in: $0) }
        // The token is still in memory, as after a crash between the commit and the announcement.
        #expect(try request("GET", "/v1/auth/whoami", token: other).status == 200)
        #expect(try request("DELETE", "/v1/tokens/\(id)").status == 204)
        #expect(try request("GET", "/v1/auth/whoami", token: other).code == "revoked_token")
    }

    @Test("a token that is sent as the HTTP method is in no log line", arguments: TestDatabase.selected)
    func tokenAsMethod(_: TestDatabase) throws {
        #expect(try request(token, "/v1/tokens").status == 405)
        #expect(server.log.contains(#""method":"other""#))
        #expect(!server.log.contains(token.dropFirst(18)))
    }

    @Test("scopes and projects that are named twice are stored once", arguments: TestDatabase.selected)
    func duplicates(_: TestDatabase) throws {
        let made = try created(
            try request("POST", "/v1/tokens", body: #"{"name": "d", "scopes": ["pods:read", "*", "pods:read"]}"#))
        #expect(made.token.scopes == ["pods:read", "*"])
    }

    @Test("a token of another account is not found", arguments: TestDatabase.selected)
    func foreignToken(_: TestDatabase) throws {
        try server.server.addUser("other@example.com")
        let foreign = try server.server.createToken("other@example.com")
        let id = String(foreign.dropFirst(9).prefix(8))
        for method in ["GET", "DELETE"] {
            let theirs = try request(method, "/v1/tokens/\(id)")
            let missing = try request(method, "/v1/tokens/00000000")
            #expect(theirs.status == 404)
            #expect(theirs.status == missing.status)
        }
        #expect(try request("GET", "/v1/auth/whoami", token: foreign).status == 200)
    }

    @Test("50 simultaneous creations create exactly five tokens", arguments: TestDatabase.selected)
    func quota(_: TestDatabase) async throws {
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<50 {
                group.addTask { try request("POST", "/v1/tokens", body: #"{"name": "many"}"#).status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        // One token existed before.
        #expect(statuses.count { $0 == 201 } == 4)
        #expect(statuses.count { $0 == 409 } == 46)
    }
}
