@_exported import PodstackAPI

/// The door to Podstack.
///
/// ```swift
/// let client = try Client()
/// let user = try await client.auth.whoami()
/// print("Authenticated as: \(user.email)")
/// ```
///
/// A value that is cheap to copy and safe to share; copies use the same connections.
public struct Client: Sendable {
    /// The settings in use, each with its source and what it hides. Looks at the sources that were not needed until now.
    public var configuration: ClientConfiguration {
        resolved.hiding(resolution?.hiddenTokens(behind: resolved.token) ?? [])
    }
    private let resolved: ClientConfiguration
    /// Nil when a provider gives the token.
    private let resolution: Resolution?
    private(set) var pipeline: Pipeline

    /// Finds the settings and makes a client; sends nothing.
    ///
    /// - Parameters:
    ///   - apiToken: The token; else that of `profile`, `PODSTACK_API_TOKEN`, the file that `PODSTACK_API_TOKEN_FILE`
    ///     names, or the profile of `PODSTACK_PROFILE` or `default` in `~/.podstack/credentials`.
    ///   - profile: A profile of the credentials file.
    ///   - projectID: The project of the operations; else `PODSTACK_PROJECT`, or the profile's.
    ///   - apiEndpoint: `https`, or `http` to loopback; else `PODSTACK_API_ENDPOINT`, the profile's, or Podstack's own.
    ///   - retry: What is tried again, and how often.
    ///   - timeout: Of each call, from its begin to the last byte of the answer: with the command or the file that
    ///     gives the token, retries and waits. More than nothing. A pipe that is read here may take as long too.
    ///   - environment: Where variables and the home directory are looked up.
    ///   - transport: Who sends the requests; libcurl when nil.
    ///   - time: What time it is, and how to wait; for tests.
    ///   - onEvent: Told about requests and warnings, on any thread.
    /// - Throws: ``AuthenticationError`` when there is no usable token; ``ConfigurationError`` when another setting, or
    ///   a file that counts, cannot be used, `retry` and `timeout` among them, or when a token could go where its source
    ///   did not say.
    ///
    /// Source: Authentication Methods, Project Context, API Endpoint.
    public init(
        apiToken: String? = nil,
        profile: String? = nil,
        projectID: String? = nil,
        apiEndpoint: String? = nil,
        retry: RetryConfiguration = RetryConfiguration(),
        timeout: Duration = .seconds(30),
        environment: PodstackEnvironment = .process,
        transport: (any Transport)? = nil,
        time: TimeSource = .system,
        onEvent: (@Sendable (ClientEvent) -> Void)? = nil
    ) throws {
        try Self.check(retry, timeout: timeout)
        let resolution = Resolution(
            apiToken: apiToken, profile: profile, projectID: projectID, apiEndpoint: apiEndpoint,
            environment: environment, patience: min(timeout, SecureFile.defaultTimeLimit))
        let configuration = try resolution.configuration()
        if let error = configuration.tokenError { throw error }
        self.init(
            configuration, resolution,
            TokenCache(
                configuration.provider(environment), first: configuration.apiToken?.value, time: time),
            retry, timeout, transport ?? DefaultTransport(environment: environment), time, onEvent)
    }

    /// A client whose token is kept elsewhere; asks for it with the first request.
    ///
    /// The other settings are found as without a profile: what is passed, else the environment.
    /// - Throws: ``ConfigurationError`` when a setting cannot be used.
    public init(
        credentials: some CredentialProvider,
        projectID: String? = nil,
        apiEndpoint: String? = nil,
        retry: RetryConfiguration = RetryConfiguration(),
        timeout: Duration = .seconds(30),
        environment: PodstackEnvironment = .process,
        transport: (any Transport)? = nil,
        time: TimeSource = .system,
        onEvent: (@Sendable (ClientEvent) -> Void)? = nil
    ) throws {
        try Self.check(retry, timeout: timeout)
        let configuration = try Resolution(projectID: projectID, apiEndpoint: apiEndpoint, environment: environment)
            .configuration(tokenFrom: credentials.source)
        self.init(
            configuration, nil, TokenCache(credentials, first: nil, time: time), retry, timeout,
            transport ?? DefaultTransport(environment: environment), time, onEvent)
    }

    static func check(_ retry: RetryConfiguration, timeout: Duration) throws(ConfigurationError) {
        try retry.check()
        let source = ClientConfiguration.Source.argument("timeout:")
        guard timeout > .zero else {
            throw ConfigurationError(message: "The time from \(source) must be longer than nothing", about: source)
        }
    }

    private init(
        _ configuration: ClientConfiguration, _ resolution: Resolution?, _ credentials: TokenCache,
        _ retry: RetryConfiguration, _ timeout: Duration, _ transport: any Transport, _ time: TimeSource,
        _ onEvent: (@Sendable (ClientEvent) -> Void)?
    ) {
        resolved = configuration
        self.resolution = resolution
        pipeline = Pipeline(
            credentials: credentials, endpoint: configuration.apiEndpoint.value,
            project: configuration.projectID, retry: retry,
            // A year is for ever, and a deadline beyond the end of time would trap.
            timeout: min(timeout, .seconds(31_536_000)), transport: transport,
            events: EventSink(onEvent), time: time, otherTokens: { resolution?.otherTokens(than: $0) ?? [] })
        if let onEvent { for warning in configuration.dueWarnings() { onEvent(.warning(warning)) } }
    }

    /// The same client, but what it asks for is in no project: also when the one that is set is not there any more.
    package var withoutProject: Client {
        var client = self
        client.pipeline = pipeline.withoutProject
        return client
    }

    /// Who am I.
    public var auth: Auth { Auth(pipeline: pipeline) }
    /// The API tokens of the account.
    public var tokens: Tokens { Tokens(pipeline: pipeline) }
    /// The projects of the user.
    public var projects: Projects { Projects(pipeline: pipeline) }
    /// The people of a project.
    public var members: Members { Members(pipeline: pipeline) }
    /// Who did what.
    public var auditLogs: AuditLogs { AuditLogs(pipeline: pipeline) }
}

/// Another name for ``Client``, for files in which another module's `Client` is visible too.
public typealias PodstackClient = Client

extension Client: CustomReflectable {
    public var customMirror: Mirror { Mirror(self, children: ["configuration": configuration]) }
}
