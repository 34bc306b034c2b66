@_exported public import PodstackAPI

/// A client of the Podstack API.
///
/// ```swift
/// let client = try Client()
/// let user = try await client.auth.whoami()
/// print("Authenticated as: \(user.email)")
/// ```
///
/// A value that is cheap to copy and safe to share between tasks; copies use the same connections. Where another
/// module's `Client` is visible too, use the alias ``PodstackClient``.
public struct Client: Sendable {
    /// The settings in use, each with its source and the sources that it shadows.
    ///
    /// Reads the sources that were not needed to resolve the settings.
    public var configuration: ClientConfiguration {
        resolved.shadowingTokens(of: resolution?.tokens(shadowedBy: resolved.token) ?? [])
    }
    private let resolved: ClientConfiguration
    /// Nil when a provider supplies the token.
    private let resolution: Resolution?
    private(set) var pipeline: Pipeline

    /// Resolves the settings and creates a client; sends no request.
    ///
    /// - Parameters:
    ///   - apiToken: The token; nil uses the token of `profile`, else `PODSTACK_API_TOKEN`, else the file that
    ///     `PODSTACK_API_TOKEN_FILE` names, else the profile that `PODSTACK_PROFILE` names or `default` in
    ///     `~/.podstack/credentials`.
    ///   - profile: The name of a profile in the credentials file.
    ///   - projectID: The project that operations use; nil uses the profile's, else `PODSTACK_PROJECT`.
    ///   - apiEndpoint: The address of the service, `https` or `http` to loopback; nil uses the profile's, else
    ///     `PODSTACK_API_ENDPOINT`, else `https://api.podstack.ai`.
    ///   - retry: The requests that are retried, and how often.
    ///   - timeout: The longest time for each call, with retries, waits, and the command or the pipe that supplies the
    ///     token. Must be positive.
    ///   - environment: The environment that variables and the home directory are read from.
    ///   - transport: The transport that sends the requests; nil uses libcurl.
    ///   - time: The clock, which tests can replace.
    ///   - onEvent: Receives requests and warnings, on any thread.
    /// - Throws: ``AuthenticationError`` when there is no usable token; ``ConfigurationError`` when another setting is
    ///   invalid, or when the token's source does not vouch for the endpoint.
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
        try self.init(
            apiToken: apiToken, profile: profile, projectID: projectID, apiEndpoint: apiEndpoint,
            options: ClientOptions(retry, timeout, environment, transport, time, onEvent))
    }

    /// Resolves the settings and creates a client with options; sends no request.
    ///
    /// - Parameters:
    ///   - apiToken: The token; nil uses the other sources.
    ///   - profile: The name of a profile in the credentials file.
    ///   - projectID: The project that operations use; nil uses the other sources.
    ///   - apiEndpoint: The address of the service; nil uses the other sources.
    ///   - options: The less common settings.
    /// - Throws: ``AuthenticationError`` when there is no usable token; ``ConfigurationError`` when another setting is
    ///   invalid, or when the token's source does not vouch for the endpoint.
    public init(
        apiToken: String? = nil, profile: String? = nil, projectID: String? = nil, apiEndpoint: String? = nil,
        options: ClientOptions
    ) throws {
        try Self.check(options.retry, timeout: options.timeout)
        let resolution = Resolution(
            apiToken: apiToken, apiTokenSource: options.tokenSource, profile: profile, projectID: projectID,
            apiEndpoint: apiEndpoint, environment: options.environment,
            timeLimit: min(options.timeout, SecureFile.defaultTimeLimit))
        let configuration = try resolution.configuration()
        if let error = configuration.tokenError { throw error }
        self.init(
            configuration, resolution,
            TokenCache(
                configuration.token.provider(options.environment), first: configuration.apiToken?.value,
                time: options.time),
            options)
    }

    /// Creates a client whose tokens a provider supplies; the provider is asked when the first request is sent.
    ///
    /// Profiles are not read: the project and the endpoint come from the arguments, else from the environment.
    ///
    /// - Parameters:
    ///   - credentials: The provider of the tokens.
    ///   - projectID: The project that operations use; nil uses `PODSTACK_PROJECT`.
    ///   - apiEndpoint: The address of the service; nil uses `PODSTACK_API_ENDPOINT`, else `https://api.podstack.ai`.
    ///   - retry: The requests that are retried, and how often.
    ///   - timeout: The longest time for each call, with retries and waits. Must be positive.
    ///   - environment: The environment that variables are read from.
    ///   - transport: The transport that sends the requests; nil uses libcurl.
    ///   - time: The clock, which tests can replace.
    ///   - onEvent: Receives requests and warnings, on any thread.
    /// - Throws: ``ConfigurationError`` when a setting is invalid.
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
        try self.init(
            credentials: credentials, projectID: projectID, apiEndpoint: apiEndpoint,
            options: ClientOptions(retry, timeout, environment, transport, time, onEvent))
    }

    /// Creates a client with options whose tokens a provider supplies.
    ///
    /// - Parameters:
    ///   - credentials: The provider of the tokens.
    ///   - projectID: The project that operations use; nil uses `PODSTACK_PROJECT`.
    ///   - apiEndpoint: The address of the service; nil uses `PODSTACK_API_ENDPOINT`, else `https://api.podstack.ai`.
    ///   - options: The less common settings.
    /// - Throws: ``ConfigurationError`` when a setting is invalid.
    public init(
        credentials: some CredentialProvider, projectID: String? = nil, apiEndpoint: String? = nil,
        options: ClientOptions
    ) throws {
        try Self.check(options.retry, timeout: options.timeout)
        let configuration = try Resolution(
            projectID: projectID, apiEndpoint: apiEndpoint, environment: options.environment
        ).configuration(tokenFrom: credentials.source)
        self.init(configuration, nil, TokenCache(credentials, first: nil, time: options.time), options)
    }

    /// Throws ``ConfigurationError`` when an option is invalid.
    static func check(_ retry: RetryConfiguration, timeout: Duration) throws(ConfigurationError) {
        try retry.check()
        let source = ClientConfiguration.Source.argument("timeout:")
        guard timeout > .zero else {
            throw ConfigurationError(message: "The time from \(source) must be positive", about: source)
        }
    }

    private init(
        _ configuration: ClientConfiguration, _ resolution: Resolution?, _ credentials: TokenCache,
        _ options: ClientOptions
    ) {
        resolved = configuration
        self.resolution = resolution
        pipeline = Pipeline(
            credentials: credentials, endpoint: configuration.apiEndpoint.value,
            project: configuration.projectID, retry: options.retry,
            // Limited to a year, because a deadline that overflows would trap.
            timeout: min(options.timeout, .seconds(31_536_000)),
            transport: options.transport ?? DefaultTransport(environment: options.environment),
            events: EventSink(options), tracer: options.tracer, time: options.time,
            otherTokens: { resolution?.otherTokens(than: $0) ?? [] })
        if pipeline.events.isActive {
            for warning in configuration.unreportedWarnings() { pipeline.events.send { .warning(warning) } }
        }
    }

    /// A copy whose requests name no project, even if the project that is set no longer exists.
    package var withoutProject: Client {
        var client = self
        client.pipeline = pipeline.withoutProject
        return client
    }

    /// Returns a copy with connections and a cached token of its own, for a child process made by `fork`.
    ///
    /// - Parameter transport: The transport of the copy.
    /// - Returns: The copy.
    package func reconnected(by transport: any Transport) -> Client {
        var client = self
        client.pipeline = pipeline.reconnected(by: transport)
        return client
    }

    /// The user and the token in use.
    public var auth: Auth { Auth(pipeline: pipeline) }
    /// The API tokens of the account.
    public var tokens: Tokens { Tokens(pipeline: pipeline) }
    /// The projects of the user.
    public var projects: Projects { Projects(pipeline: pipeline) }
    /// The pods: containers, with or without GPUs.
    public var pods: Pods { Pods(pipeline: pipeline) }
    /// The volumes, which outlive the pods that mount them.
    public var volumes: Volumes { Volumes(pipeline: pipeline) }
    /// The types of GPUs with their availability and price.
    public var gpus: GPUs { GPUs(pipeline: pipeline) }
    /// The wallet and the usage of the account.
    public var billing: Billing { Billing(pipeline: pipeline) }
    /// The members of a project.
    public var members: Members { Members(pipeline: pipeline) }
    /// The audit log of the account and its projects.
    public var auditLogs: AuditLogs { AuditLogs(pipeline: pipeline) }
}

/// Another name for ``Client``, for files in which another module's `Client` is visible too.
public typealias PodstackClient = Client

extension Client: CustomReflectable {
    /// A mirror with the configuration, in which the token is redacted.
    public var customMirror: Mirror { Mirror(self, children: ["configuration": configuration]) }
}

/// The less common settings of a ``Client``.
///
/// ```swift
/// var options = ClientOptions()
/// options.timeout = .seconds(5)
/// let client = try Client(profile: "production", options: options)
/// ```
public struct ClientOptions: Sendable {
    /// The requests that are retried, and how often.
    public var retry = RetryConfiguration()
    /// The longest time for each call, with retries and waits; must be positive.
    public var timeout = Duration.seconds(30)
    /// The environment that variables and the home directory are read from.
    public var environment = PodstackEnvironment.process
    /// The transport that sends the requests; nil uses libcurl.
    public var transport: (any Transport)?
    /// The clock, which tests can replace.
    public var time = TimeSource.system
    /// Receives requests and warnings, on any thread.
    public var onEvent: (@Sendable (ClientEvent) -> Void)?
    /// The source that stands for `apiToken:` in errors.
    package var tokenSource = ClientConfiguration.Source.argument("apiToken:")
    /// Receives the events as log messages.
    public var logger: (any ClientLogger)?
    /// Receives counts and durations of requests.
    public var metrics: (any ClientMetrics)?
    /// Receives one span for each call.
    public var tracer: (any ClientTracer)?

    /// Creates the default options.
    public init() {}

    fileprivate init(
        _ retry: RetryConfiguration, _ timeout: Duration, _ environment: PodstackEnvironment,
        _ transport: (any Transport)?, _ time: TimeSource, _ onEvent: (@Sendable (ClientEvent) -> Void)?
    ) {
        self.retry = retry
        self.timeout = timeout
        self.environment = environment
        self.transport = transport
        self.time = time
        self.onEvent = onEvent
    }
}
