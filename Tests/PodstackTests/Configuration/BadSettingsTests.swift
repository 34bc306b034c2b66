import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

@Suite("Invalid client settings", .timeLimit(.minutes(1)))
struct BadSettingsTests {
    let transport = RecordingTransport(.user(email: "you@example.com"))

    @Test("a timeout that is not positive is rejected", arguments: [Duration.zero, .seconds(-1)])
    func timeout(duration: Duration) {
        let passed = #expect(throws: ConfigurationError.self) { try Client(apiToken: "t", timeout: duration) }
        #expect(passed?.message == "The time from timeout: must be positive")
        #expect(passed?.isAboutArgument == true)
        #expect(throws: ConfigurationError.self) {
            try Client(credentials: .static(APIToken("t")), timeout: duration)
        }
    }

    @Test("options are checked and used like the arguments with the same names")
    func options() async throws {
        var options = ClientOptions()
        options.environment = PodstackEnvironment([:])
        options.transport = transport
        var invalid = options
        invalid.timeout = .zero
        let invalidOptions = invalid
        #expect(throws: ConfigurationError.self) { try Client(apiToken: "t", options: invalidOptions) }
        options.timeout = .seconds(60)
        #expect(try await Client(apiToken: "t", options: options).auth.whoami().email == "you@example.com")
        let provided = try Client(credentials: .static(APIToken("p")), options: options)
        #expect(try await provided.auth.whoami().email == "you@example.com")
        #expect(transport.requests.map(\.token) == [APIToken("t"), APIToken("p")])
    }

    @Test(
        "an invalid retry configuration is rejected",
        arguments: [
            (RetryConfiguration(maxRetries: -1), "maxRetries must not be negative"),
            (RetryConfiguration(backoffFactor: .nan), "backoffFactor must be 1 or more"),
            (RetryConfiguration(backoffFactor: .infinity), "backoffFactor must be 1 or more"),
            (RetryConfiguration(backoffFactor: 0.5), "backoffFactor must be 1 or more"),
            (RetryConfiguration(initialDelay: .seconds(-1)), "the delays must not be negative"),
            (RetryConfiguration(maxDelay: .seconds(-1)), "the delays must not be negative"),
        ])
    func retries(retry: RetryConfiguration, why: String) {
        let error = #expect(throws: ConfigurationError.self) { try Client(apiToken: "t", retry: retry) }
        #expect(error?.message == "The retry configuration from retry: is invalid: \(why)")
    }

    @Test("an endpoint that ends in /v1 is rejected", arguments: ["/v1", "/v1/", "/podstack/v1//"])
    func versionedEndpoint(path: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try Client(apiToken: "t", apiEndpoint: "https://example.com\(path)")
        }
        #expect(
            error?.message
                == "The API endpoint from apiEndpoint: must not end in /v1, which the client adds")
    }

    @Test(
        "an ID that is empty or contains a slash is rejected before any request", arguments: ["", "a/b", "/", "../x"])
    func ids(id: String) async throws {
        let client = try Client(apiToken: "t", transport: transport)
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await client.tokens.get(id) }, { try await client.tokens.revoke(id) },
            { _ = try await client.tokens.rotate(id) }, { _ = try await client.projects.get(id) },
            { try await client.projects.delete(id) }, { _ = try await client.members.list(project: id).all() },
            { try await client.members.remove(id, from: "prj_1") },
        ]
        for call in calls {
            let error = await #expect(throws: ValidationError.self) { try await call() }
            #expect(error?.message == "An ID must not be empty or contain a slash")
        }
        #expect(transport.requests.isEmpty)
    }
}
