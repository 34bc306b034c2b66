import Podstack
import PodstackTestSupport
import Testing

@Suite("Client against a running server", .blocking, .timeLimit(.minutes(2)))
struct ClientTests {
    let server: RunningServer

    init() throws { server = try RunningServer() }

    func client(_ token: String) throws -> Client {
        try Client(apiToken: token, apiEndpoint: server.url, environment: PodstackEnvironment([:]))
    }

    @Test("whoami returns the user with email address and token")
    func whoami() async throws {
        let user = try await client(try server.createToken()).auth.whoami()
        #expect(user.email == RunningServer.email)
        #expect(user.token?.scopes == ["*"])
        #expect(user.defaultProjectID?.hasPrefix("prj_") == true)
    }

    @Test("a rejected token is the documented error, and its code is the reason")
    func refusedTokens() async throws {
        let token = try server.createToken()
        let client = try client(token)
        try await client.auth.revoke()
        let error = await #expect(throws: AuthenticationError.self) { try await client.auth.whoami() }
        #expect(error.map { "\($0)" } == "Invalid API token")
        #expect(error?.code == .revokedToken)
        #expect(error?.statusCode == 401)
        #expect(error?.requestID?.hasPrefix("req_") == true)
        #expect(error?.hint?.contains("apiToken:") == true)
    }

    @Test("a token that the client created is valid, and limited to its scopes")
    func createdToken() async throws {
        let maker = try client(try server.createToken())
        let (token, secret) = try await maker.tokens.create(
            name: "made", expiresIn: .days(.seven), scopes: ["tokens:read"])
        #expect(token.scopes == ["tokens:read"])
        let created = try secret.withSecret { try client($0) }
        #expect(try await created.tokens.list().all().count == 2)
        let error = await #expect(throws: PermissionError.self) { try await created.tokens.create(name: "more") }
        #expect(error?.message == "Access denied to resource: the token lacks tokens:create")
    }

    @Test("the documented errors have their fields")
    func documentedErrors() async throws {
        let client = try client(try server.createToken())
        let missing = await #expect(throws: ResourceNotFoundError.self) { try await client.tokens.get("00000000") }
        #expect(missing?.resourceType == "token")
        #expect(missing?.resourceID == "00000000")
        let invalid = await #expect(throws: ValidationError.self) { try await client.tokens.create(name: "") }
        #expect(invalid?.fieldErrors["name"] == ["must have 1 to 100 characters"])
        for _ in 0..<4 { _ = try await client.tokens.create(name: "x") }
        let quota = await #expect(throws: QuotaExceededError.self) { try await client.tokens.create(name: "x") }
        #expect(quota?.limit == 5)
        #expect(quota?.current == 5)
    }

    @Test("a whole token that is passed as an ID is refused, and does not become part of the URL")
    func wholeToken() async throws {
        let token = try server.createToken()
        let events = RecordedEvents()
        let client = try Client(
            apiToken: token, apiEndpoint: server.url, environment: PodstackEnvironment([:]), onEvent: events.append)
        await #expect(throws: ValidationError.self) { try await client.tokens.get(token) }
        let isShown = "\(events.all)".contains(token.dropFirst(18))
        #expect(!isShown)
    }

    @Test("many requests at once all get their response")
    func concurrency() async throws {
        let client = try client(try server.createToken())
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<500 { group.addTask { try await client.auth.whoami().email } }
            for try await email in group { #expect(email == RunningServer.email) }
        }
    }

    @Test("without a server the error is a NetworkError")
    func noServer() async throws {
        let client = try Client(apiToken: "t", apiEndpoint: "http://127.0.0.1:1", environment: PodstackEnvironment([:]))
        await #expect(throws: NetworkError.self) { try await client.auth.whoami() }
    }
}
