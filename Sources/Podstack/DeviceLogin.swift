public import PodstackAPI

// MARK: - Login

/// A login for a program without a token: a user approves it in a browser, on any device.
///
/// ```swift
/// let login = try DeviceLogin()
/// let request = try await login.begin(clientName: "My program on \(host)")
/// print("Open \(request.verificationURIComplete), and check that it shows \(request.userCode)")
/// let (token, secret) = try await request.token()
/// ```
///
/// The secret is generated here, and the service receives only its digest. Source: RFC 8628.
public struct DeviceLogin: Sendable {
    private let pipeline: Pipeline
    /// The service that the login uses, and where that setting came from.
    public let apiEndpoint: ClientConfiguration.Setting<APIEndpoint>

    /// Creates a login; sends no request.
    ///
    /// - Parameters:
    ///   - apiEndpoint: The service's URL; if nil, `PODSTACK_API_ENDPOINT`, or the default.
    ///   - timeout: The longest time of each request; the wait for the user's decision is not limited by it.
    ///   - environment: The environment that contains variables and the home directory.
    ///   - transport: The transport that sends the requests (default: libcurl, or `URLSession` on Apple platforms).
    ///   - time: The clocks; for tests.
    ///   - onEvent: A closure that receives the events, on any thread.
    /// - Throws: ``ConfigurationError`` if a setting is invalid.
    public init(
        apiEndpoint: String? = nil,
        timeout: Duration = .seconds(30),
        environment: PodstackEnvironment = .process,
        transport: (any Transport)? = nil,
        time: TimeSource = .system,
        onEvent: (@Sendable (ClientEvent) -> Void)? = nil
    ) throws {
        var options = ClientOptions()
        (options.timeout, options.environment, options.transport) = (timeout, environment, transport)
        (options.time, options.onEvent) = (time, onEvent)
        try self.init(apiEndpoint: apiEndpoint, options: options)
    }

    /// Creates a login with options; sends no request.
    ///
    /// - Parameters:
    ///   - apiEndpoint: The service's URL; if nil, `PODSTACK_API_ENDPOINT`, or the default.
    ///   - options: The less common settings. The timeout is that of each request.
    /// - Throws: ``ConfigurationError`` if a setting is invalid.
    public init(apiEndpoint: String? = nil, options: ClientOptions) throws {
        try Client.check(options.retry, timeout: options.timeout)
        let none = StaticCredentials(token: APIToken(""), source: .default)
        let configuration = try Resolution(apiEndpoint: apiEndpoint, environment: options.environment)
            .configuration(tokenFrom: none.source)
        self.apiEndpoint = configuration.apiEndpoint
        pipeline = Pipeline(
            credentials: TokenCache(none, first: nil, time: options.time), endpoint: configuration.apiEndpoint.value,
            project: nil, retry: options.retry, timeout: min(options.timeout, .seconds(31_536_000)),
            transport: options.transport ?? DefaultTransport(environment: options.environment),
            events: EventSink(options), tracer: options.tracer, time: options.time, otherTokens: { _ in [] })
    }

    /// Requests a code that a user can approve.
    ///
    /// - Parameters:
    ///   - clientName: The name that the user sees, which becomes the token's name: 1 to 100 characters.
    ///   - scopes: The requested scopes, such as `.projectsRead` or `"projects:read"`; nil for all that the user has.
    /// - Returns: The request, with the code to display.
    /// - Throws: ``ValidationError`` if a value is invalid, ``RateLimitError`` if there were too many requests,
    ///   ``NetworkError`` if no response arrives.
    public func begin(clientName: String, scopes: [Scope]? = nil) async throws -> DeviceLoginRequest {
        let generated = GeneratedToken()
        let call = try Call.post(
            "/v1/device/code",
            NewDeviceCode(clientName: clientName, scopes: scopes, id: generated.id, sha256: generated.sha256))
        let start = pipeline.time.now()
        let code: DeviceCode = try await pipeline.call(call.anonymous)
        return DeviceLoginRequest(pipeline: pipeline, code: code, generated: generated, start: start)
    }
}

// MARK: - Request

/// A request for a token, which a user has yet to approve.
public struct DeviceLoginRequest: Sendable {
    private let fetch:
        @Sendable (_ onWait: @Sendable (_ left: Duration) -> Void) async throws -> (token: Token, secret: APIToken)

    /// The code that the page must display, such as `WDJB-MJHT`.
    public let userCode: String
    /// The URL of the page that asks for the code.
    public let verificationURI: String
    /// The URL of the same page with the code filled in.
    public let verificationURIComplete: String
    /// The time in which the user must decide, from the start of the request.
    public let lifetime: Duration

    init(pipeline: Pipeline, code: DeviceCode, generated: GeneratedToken, start: ContinuousClock.Instant) {
        // Limited, because adding a very long duration to an instant traps.
        lifetime = .seconds(min(max(code.expiresIn, 0), 86_400))
        userCode = OneLine.of(code.userCode, most: 40)
        verificationURI = OneLine.of(code.verificationURI)
        verificationURIComplete = OneLine.of(code.verificationURIComplete)
        let poll = DevicePoll(
            pipeline: pipeline, deviceCode: code.deviceCode, generated: generated, lifetime: lifetime,
            end: start + lifetime, interval: .seconds(min(max(code.interval, 1), 300)))
        fetch = { onWait in try await poll.token(onWait: onWait) }
    }

    /// Creates a request that no service knows, for tests of your own code.
    ///
    /// - Parameters:
    ///   - userCode: The code that the page must display.
    ///   - verificationURI: The URL of the page that asks for the code.
    ///   - lifetime: The time in which the user must decide (default: ten minutes).
    ///   - token: Returns the result of ``token(onWait:)``, or throws its error.
    public init(
        userCode: String, verificationURI: String, lifetime: Duration = .seconds(600),
        token: @escaping @Sendable () async throws -> (token: Token, secret: APIToken)
    ) {
        self.userCode = userCode
        self.verificationURI = verificationURI
        self.lifetime = lifetime
        verificationURIComplete = "\(verificationURI)?code=\(userCode)"
        fetch = { onWait in
            onWait(lifetime)
            return try await token()
        }
    }

    /// Waits until the user has approved the request, and returns the token.
    ///
    /// It asks the service at the interval that the service requires, and continues after errors that may pass.
    ///
    /// - Parameter onWait: A closure that receives the remaining time before each wait.
    /// - Returns: The token and its secret.
    /// - Throws: ``PermissionError`` if the user denied the request, ``AuthenticationError`` if the user did not decide in
    ///   time, ``QuotaExceededError`` if the user's account has reached its limit of active tokens.
    public func token(
        onWait: @Sendable (_ left: Duration) -> Void = { _ in }
    ) async throws -> (token: Token, secret: APIToken) {
        try await fetch(onWait)
    }
}

/// Asks the service for the token of a request until the user has decided.
private struct DevicePoll: Sendable {
    let pipeline: Pipeline
    let deviceCode: String
    let generated: GeneratedToken
    let lifetime: Duration
    let end: ContinuousClock.Instant
    let interval: Duration

    func token(
        onWait: @Sendable (_ left: Duration) -> Void
    ) async throws -> (token: Token, secret: APIToken) {
        var interval = interval
        var lastError: (any PodstackError)?
        while true {
            let left = end - pipeline.time.now()
            guard left > .zero else { throw lastError ?? ErrorMapping.notApproved(within: lifetime) }
            onWait(left)
            try await pipeline.time.sleep(min(interval, left))
            do {
                let call = try Call.post("/v1/device/token", ["device_code": deviceCode])
                let created: CreatedToken = try await pipeline.call(call.anonymous)
                return (created.token, generated.secret)
            } catch let error as any PodstackError {
                lastError = nil
                switch error {
                case _ where error.code == .authorizationPending: break
                case _ where error.code == .slowDown: interval = Self.longer(interval, after: error)
                case is NetworkError, is ServerError, is RateLimitError:
                    lastError = error
                    interval = Self.longer(interval, after: error)
                default: throw ErrorMapping.device(error, lifetime: lifetime)
                }
            }
        }
    }

    /// Returns an interval that is five seconds longer, for all later requests (RFC 8628, section 3.5).
    private static func longer(_ interval: Duration, after error: any PodstackError) -> Duration {
        let required = error.details["interval"]?.integerValue ?? 0
        return min(max(interval + .seconds(5), .seconds(min(required, 300))), .seconds(300))
    }
}
