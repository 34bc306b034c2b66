import PodstackAPI

/// Gets a token for a program that has none, by asking somebody who can sign in with a browser, wherever that is.
///
/// ```swift
/// let login = try DeviceLogin()
/// let request = try await login.begin(clientName: "My program on \(host)")
/// print("Open \(request.verificationURIComplete), and check that it shows \(request.userCode)")
/// let (token, secret) = try await request.token()
/// ```
///
/// The secret is drawn here, and the service is told only its digest. Source: RFC 8628.
public struct DeviceLogin: Sendable {
    private let pipeline: Pipeline
    /// The service that is asked.
    public let apiEndpoint: ClientConfiguration.Setting<APIEndpoint>

    /// Sends nothing.
    ///
    /// - Parameters:
    ///   - apiEndpoint: As of ``Client``: else `PODSTACK_API_ENDPOINT`, or Podstack's own.
    ///   - timeout: Of each call; not of the wait for somebody's decision.
    ///   - environment: Where variables and the home directory are looked up.
    ///   - transport: Who sends the requests; libcurl when nil.
    ///   - time: What time it is, and how to wait; for tests.
    ///   - onEvent: Told about requests and warnings, on any thread.
    /// - Throws: ``ConfigurationError`` when a setting cannot be used.
    public init(
        apiEndpoint: String? = nil,
        timeout: Duration = .seconds(30),
        environment: PodstackEnvironment = .process,
        transport: (any Transport)? = nil,
        time: TimeSource = .system,
        onEvent: (@Sendable (ClientEvent) -> Void)? = nil
    ) throws {
        let retry = RetryConfiguration()
        try Client.check(retry, timeout: timeout)
        let none = StaticCredentials(token: APIToken(""), source: .default)
        let configuration = try Resolution(apiEndpoint: apiEndpoint, environment: environment)
            .configuration(tokenFrom: none.source)
        self.apiEndpoint = configuration.apiEndpoint
        pipeline = Pipeline(
            credentials: TokenCache(none, first: nil, time: time), endpoint: configuration.apiEndpoint.value,
            project: nil, retry: retry, timeout: min(timeout, .seconds(31_536_000)),
            transport: transport ?? DefaultTransport(environment: environment), events: EventSink(onEvent),
            time: time, otherTokens: { _ in [] })
    }

    /// Asks for a code that somebody can approve.
    ///
    /// - Parameters:
    ///   - clientName: What they are shown, and the token is named: 1 to 100 characters.
    ///   - scopes: As `projects:read`; nil for all that they may do themselves.
    /// - Throws: ``ValidationError``, ``RateLimitError``, ``NetworkError``.
    public func begin(clientName: String, scopes: [String]? = nil) async throws -> DeviceLoginRequest {
        let made = GeneratedToken()
        let call = try Call.post(
            "/v1/device/code",
            NewDeviceCode(clientName: clientName, scopes: scopes, id: made.id, sha256: made.sha256))
        let start = pipeline.time.now()
        let code: DeviceCode = try await pipeline.call(call.anonymous)
        return DeviceLoginRequest(pipeline: pipeline, code: code, made: made, start: start)
    }
}
