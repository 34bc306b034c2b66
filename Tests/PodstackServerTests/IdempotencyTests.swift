import Foundation
import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Idempotency-Key", .blocking, .databases, .timeLimit(.perTest))
struct IdempotencyTests {
    let clock = ManualClock()
    let owner: TestClient

    init() throws { owner = try TestClient(clock: clock, maxActiveTokens: 50) }

    func post(_ path: String, _ body: String, key: String, by session: TestClient? = nil) throws -> TestResponse {
        try (session ?? owner).send("POST", path, body, headers: [("Idempotency-Key", key)])
    }

    func projectCount() throws -> Int {
        try owner.send("GET", "/v1/projects").decoded(Page<Project>.self).elements.count
    }

    @Test(
        "a repeated request gets the same response, and the change happens once",
        arguments: TestDatabase.selected)
    func repeated(_: TestDatabase) throws {
        let first = try post("/v1/projects", #"{"name": "p"}"#, key: "a")
        let second = try post("/v1/projects", #"{"name": "p"}"#, key: "a")
        #expect(first.status == 201)
        #expect(second.status == 201)
        #expect(second.body == first.body)
        #expect(first.headers["idempotency-replayed"] == nil)
        #expect(second.headers["idempotency-replayed"] == "true")
        #expect(try projectCount() == 2)
        #expect(try post("/v1/projects", #"{"name": "p"}"#, key: "b").body != first.body)
    }

    @Test("a key is refused for another body, path or project", arguments: TestDatabase.selected)
    func reused(_: TestDatabase) throws {
        _ = try post("/v1/projects", #"{"name": "p"}"#, key: "a")
        for (path, body) in [("/v1/projects", #"{"name": "q"}"#), ("/v1/tokens", #"{"name": "p"}"#)] {
            let response = try post(path, body, key: "a")
            #expect(response.status == 422)
            #expect(response.code == "idempotency_key_reused")
        }
        let project = try #require(try owner.whoami().decoded(User.self).defaultProjectID)
        let headers = [("Idempotency-Key", "a"), ("X-Project-ID", project)]
        #expect(try owner.send("POST", "/v1/projects", #"{"name": "p"}"#, headers: headers).status == 422)
        #expect(try projectCount() == 2)
    }

    @Test("two tokens can use the same key", arguments: TestDatabase.selected)
    func perToken(_: TestDatabase) throws {
        let other = try owner.createToken()
        _ = try post("/v1/projects", #"{"name": "p"}"#, key: "a")
        #expect(try post("/v1/projects", #"{"name": "q"}"#, key: "a", by: other).status == 201)
    }

    @Test("a key is stored for 24 hours", arguments: TestDatabase.selected)
    func age(_: TestDatabase) throws {
        let start = clock.now
        let first = try post("/v1/projects", #"{"name": "p"}"#, key: "a")
        clock.set(start + 86_399)
        #expect(try post("/v1/projects", #"{"name": "p"}"#, key: "a").body == first.body)
        clock.set(start + 86_400)
        #expect(try post("/v1/projects", #"{"name": "p"}"#, key: "a").body != first.body)
    }

    @Test(
        "the response to a repeat omits the secret of the first response, and says so",
        arguments: TestDatabase.selected)
    func secrets(_: TestDatabase) throws {
        for path in ["/v1/tokens", "/v1/tokens/self/rotate"] {
            let body = path == "/v1/tokens" ? #"{"name": "n"}"# : "{}"
            let first = try post(path, body, key: path)
            let created = try first.decoded(CreatedToken.self)
            #expect(created.notice == nil)
            let secret = try #require(created.secret)
            let again = try post(path, body, key: path)
            #expect(again.status == first.status)
            let response = try again.decoded(CreatedToken.self)
            #expect(response.token == created.token)
            #expect(response.secret == nil)
            #expect(response.notice?.contains("rotate") == true)
            #expect(try owner.with(secret).whoami().status == 200)
            let folder = owner.server.data.file("data")
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let bytes = try Data(contentsOf: URL(filePath: folder + "/" + name))
                #expect(bytes.range(of: Data(secret.dropFirst(18).prefix(16).utf8)) == nil, "\(name)")
            }
        }
    }

    @Test("a request that failed runs again when it is repeated", arguments: TestDatabase.selected)
    func failures(_: TestDatabase) throws {
        #expect(try post("/v1/tokens", #"{"name": "n", "project_ids": ["prj_x"]}"#, key: "a").status == 404)
        #expect(try post("/v1/tokens", #"{"name": "n"}"#, key: "a").status == 201)
    }

    @Test("an invalid key is a bad request", arguments: TestDatabase.selected)
    func badKeys(_: TestDatabase) throws {
        for key in ["", "a b", String(repeating: "k", count: 256)] {
            #expect(try post("/v1/projects", #"{"name": "p"}"#, key: key).status == 400, "\(key)")
        }
        let twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
        #expect(try owner.send("POST", "/v1/projects", #"{"name": "p"}"#, headers: twice).status == 400)
    }

    @Test("twenty simultaneous requests with one key create one project", arguments: TestDatabase.selected)
    func atOnce(_: TestDatabase) async throws {
        let owner = owner
        let responses = try await withThrowingTaskGroup(of: TestResponse.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try owner.send("POST", "/v1/projects", #"{"name": "p"}"#, headers: [("Idempotency-Key", "a")])
                }
            }
            return try await group.reduce(into: [TestResponse]()) { $0.append($1) }
        }
        #expect(responses.allSatisfy { $0.status == 201 || $0.status == 409 })
        #expect(responses.allSatisfy { $0.status == 201 || $0.headers["retry-after"] == "1" })
        #expect(Set(responses.filter { $0.status == 201 }.map(\.body)).count == 1)
        #expect(try projectCount() == 2)
    }

    @Test("a change is rejected if its token was revoked meanwhile", arguments: TestDatabase.selected)
    func overtaken(_: TestDatabase) throws {
        let service = owner.server.server.service
        let session = try owner.createToken()
        let identity = try service.verifier.verify(session.token.utf8, now: clock.now)
        #expect(try session.send("DELETE", "/v1/tokens/self").status == 204)
        for headers in [[], [(name: "idempotency-key", value: "a")]] {
            let exchange = Exchange(
                request: Request(method: "POST", path: "/x", headers: headers), identity: identity)
            let refusal = #expect(throws: DomainError.self) {
                try service.idempotentChanges.response(to: exchange, at: clock.now) { _ in Response(status: 201) }
            }
            #expect(refusal.map(ErrorResponse.init)?.code == .revokedToken)
        }
    }

    @Test("a repeat of a running request is rejected", arguments: TestDatabase.selected)
    func running(_: TestDatabase) throws {
        let request = Request(method: "POST", path: "/x", headers: [("idempotency-key", "a")])
        let token = TokenRecord(
            id: "00000000", accountID: "acc", userID: "usr", name: "n", digest: [], scopes: [], createdAt: 0)
        let user = UserRecord(id: "usr", accountID: "acc", email: "e", defaultProjectID: "p", createdAt: 0)
        let identity = Identity(token: token, state: .current, user: user, findMembership: { _ in nil })
        let key = try #require(try IdempotencyKey(of: Exchange(request: request, identity: identity)))
        let replies = IdempotentReplies()
        try replies.runExclusively(key) {
            let refusal = #expect(throws: ErrorResponse.self) { try replies.runExclusively(key) {} }
            #expect(refusal?.status == 409)
            #expect(refusal?.code == .idempotencyKeyReused)
        }
        try replies.runExclusively(key) {}
    }
}
