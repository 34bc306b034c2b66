import Foundation
// Without @testable: this is what a user's tests can do.
import Podstack
import PodstackTesting
import Testing

@Suite("Errors, requests and models in a user's tests", .timeLimit(.minutes(1)))
struct ConstructionTests {
    @Test("every error can be constructed")
    func errors() {
        let errors: [any PodstackError] = [
            AuthenticationError("Invalid API token", code: .expiredToken, statusCode: 401),
            PermissionError(
                "Access denied to resource", statusCode: 403, details: ["required_scope": "projects:create"]),
            ResourceNotFoundError("No such project", details: ["resource_type": "project"]),
            ValidationError("name is missing", details: ["field_errors": ["name": .array(["is missing"])]]),
            RateLimitError(response: ServiceResponse("Too many requests", statusCode: 429), retryAfter: 5),
            QuotaExceededError("full", details: ["limit": 5]), InsufficientBalanceError("poor"),
            ServerError("down", statusCode: 503, requestID: "req_1", hint: "Try later"),
            NetworkError("No response", kind: .timeout), ConfigurationError("No project is set", hint: "Set one"),
            GPUNotAvailableError("none", details: ["gpu_type": "A100"]), ConflictError("stopped"),
            ExecTimeoutError("late"),
            PodNotRunningError("failed", pod: .failedSample),
        ]
        #expect(errors.map(\.message).contains("No response"))
        #expect((errors[1] as? PermissionError)?.requiredScope == .projectsCreate)
        #expect((errors[3] as? ValidationError)?.fieldErrors == ["name": ["is missing"]])
        #expect((errors[4] as? RateLimitError)?.retryAfter == 5)
        #expect((errors[10] as? GPUNotAvailableError)?.gpuType == "A100")
        #expect(errors[7].hint == "Try later" && errors[7].requestID == "req_1")
    }

    @Test("requests, lists and models can be constructed")
    func models() async throws {
        let token = Token(id: "abc12345", name: "CI", scopes: [.all], createdAt: Date())
        #expect((token.status, token.generation) == (.active, 1))
        let list = Paged((1...450).map { "\($0)" })
        #expect(try await list.all().count == 450)
        #expect(try await list.first(3) == ["1", "2", "3"])
        let page = try await list.page(limit: 2, cursor: try await list.page(limit: 2).nextCursor)
        #expect(page.elements == ["3", "4"])
        let login = DeviceLoginRequest(userCode: "WDJB-MJHT", verificationURI: "https://example.com/device") {
            throw PermissionError("denied", code: .accessDenied)
        }
        #expect(login.verificationURIComplete == "https://example.com/device?code=WDJB-MJHT")
        await #expect(throws: PermissionError.self) { try await login.token() }
    }

    @Test("there is a sample of every model, which the API's JSON can represent")
    func samples() async throws {
        func check<Model: Codable & Equatable>(_ model: Model) throws {
            let transport = try ScriptedResponse.json(model).response()
            let decoder = JSONDecoder()
            decoder.dateDecodingStrategy = .iso8601
            #expect(try decoder.decode(Model.self, from: Data(transport.body)) == model)
        }
        try check(User.sample)
        for token in [Token.sample, .expiredSample, .revokedSample] { try check(token) }
        try check(Project.sample)
        try check(Member.sample)
        try check(Invitation.sample)
        try check(AuditEvent.sample)
        for pod in [Pod.sample, .failedSample] { try check(pod) }
        try check(PodEvent.sample)
        try check(PodMetrics.sample)
        try check(PodExecResult.sample)
        try check(Volume.sample)
        try check(GPU.sample)
        try check(Wallet.sample)
        try check(Usage.sample)
        try check(SpendLimit.sample)
        for permission in [Permission.sample, .deniedSample] { try check(permission) }
        #expect(APIToken.sample.prefix == Token.sample.prefix)
        #expect(Credential.sample.token == .sample)
        #expect(ListPage<Token>.sample.elements == [.sample])
        #expect(try await DeviceLoginRequest.sample.token().secret == .sample)
        for failure in DocumentedFailure.samples {
            let client = try Client(
                apiToken: "test", retry: .none, environment: PodstackEnvironment([:]),
                transport: RecordingTransport(.failure(failure)))
            #expect(await failureOf { try await client.auth.whoami() } != nil)
        }
    }

    @Test("a time in the past is rejected before the request is sent")
    func pastExpiry() async throws {
        let service = FakeService()
        let client = try service.client()
        let error = await #expect(throws: ValidationError.self) {
            try await client.tokens.create(name: "CI", expiresIn: .at(service.clock.date))
        }
        #expect(error?.fieldErrors == ["expires_at": ["must be in the future"]])
        #expect(service.requests.isEmpty)
    }

    @Test("the kind of a network error is that of the failure", arguments: NetworkError.Kind.allCases)
    func kinds(_ kind: NetworkError.Kind) async throws {
        let client = try Client(
            apiToken: "test", retry: .none, environment: PodstackEnvironment([:]),
            transport: RecordingTransport(.failure(.network("it rains", kind: kind))))
        let error = await #expect(throws: NetworkError.self) { try await client.auth.whoami() }
        #expect(error?.kind == kind)
    }

    func failureOf<Value>(_ call: () async throws -> Value) async -> (any PodstackError)? {
        do { _ = try await call() } catch { return error as? any PodstackError }
        return nil
    }
}
