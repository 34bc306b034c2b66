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
    /// The settings in use, each with its source.
    public let configuration: Configuration
    let pipeline: Pipeline

    /// Finds the settings and makes a client; sends nothing.
    ///
    /// - Parameters:
    ///   - apiToken: The token; else that of `profile`, `PODSTACK_API_TOKEN`, the file that `PODSTACK_API_TOKEN_FILE`
    ///     names, or the profile of `PODSTACK_PROFILE` or `default` in `~/.podstack/credentials`.
    ///   - profile: A profile of the credentials file.
    ///   - projectID: The project of the operations; else `PODSTACK_PROJECT`, or the profile's.
    ///   - apiEndpoint: `https`, or `http` to loopback; else `PODSTACK_API_ENDPOINT`, the profile's, or Podstack's own.
    ///   - retry: What is tried again, and how often.
    ///   - timeout: Of each call, from its begin to the last byte of the answer, retries and waits included.
    ///   - environment: Where variables and the home directory are looked up.
    ///   - transport: Who sends the requests; libcurl when nil.
    ///   - onEvent: Told about requests and warnings, on any thread.
    /// - Throws: ``AuthenticationError`` when there is no usable token; ``ConfigurationError`` when another setting, or
    ///   a file that counts, cannot be used.
    ///
    /// Source: Authentication Methods, Project Context, API Endpoint.
    public init(
        apiToken: String? = nil,
        profile: String? = nil,
        projectID: String? = nil,
        apiEndpoint: String? = nil,
        retry: RetryConfiguration = RetryConfiguration(),
        timeout: Duration = .seconds(30),
        environment: Environment = .process,
        transport: (any Transport)? = nil,
        onEvent: (@Sendable (ClientEvent) -> Void)? = nil
    ) throws {
        configuration = try Resolution(
            apiToken: apiToken, profile: profile, projectID: projectID, apiEndpoint: apiEndpoint,
            environment: environment, findsShadows: false
        ).configuration()
        if let error = configuration.tokenError { throw error }
        guard let token = configuration.apiToken else {
            throw ErrorMapping.noToken(lookedIn: [], misnamedVariable: nil)
        }
        pipeline = Pipeline(
            token: token, endpoint: configuration.apiEndpoint.value, projectID: configuration.projectID?.value,
            retry: retry, timeout: timeout, transport: transport ?? DefaultTransport(environment: environment),
            onEvent: onEvent
        )
    }

    /// Who am I.
    public var auth: Auth { Auth(pipeline: pipeline) }
    /// The API tokens of the account.
    public var tokens: Tokens { Tokens(pipeline: pipeline) }
}
