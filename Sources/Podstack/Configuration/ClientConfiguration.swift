import PodstackSystem
import PodstackTransport

/// The settings that a client uses, each with its source.
///
/// Printing a configuration gives a table in which the token is redacted.
public struct ClientConfiguration: Sendable {
    private(set) var token: ResolvedToken
    /// The project that operations use; nil when no source sets one.
    public let projectID: Setting<String>?
    /// The address of the service.
    public let apiEndpoint: Setting<APIEndpoint>
    /// The profile that supplied settings; nil when none did.
    public let profile: Setting<String>?
    /// The proxy for requests to the service; nil when none is set.
    ///
    /// ``noProxy`` may exempt the service. The value has no user name and no password.
    public var proxy: Setting<String>? { connection?.proxy }
    /// The hosts that are reached without the proxy; nil when none are set.
    public var noProxy: Setting<String>? { connection?.noProxy }
    /// The path of the file of certificate authorities that are trusted; nil for those of the system.
    public var certificateAuthorities: Setting<String>? { connection?.certificateAuthorities }
    private let connection: ConnectionSettings?
    private let configurationWarnings: [ConfigurationWarning]

    /// Resolves the settings that a `Client` with the same arguments would use.
    ///
    /// Reads every source, so that each setting lists the sources that it shadows. Does not run a `credential_process`,
    /// and succeeds without a usable token: ``tokenError`` then says why there is none.
    ///
    /// - Parameters:
    ///   - apiToken: The token, as for `Client`.
    ///   - profile: The name of a profile in the credentials file.
    ///   - projectID: The ID of the project.
    ///   - apiEndpoint: The address of the service.
    ///   - environment: The environment that variables and the home directory are read from.
    /// - Throws: ``ConfigurationError`` when a source cannot be read or its value cannot be used.
    public init(
        apiToken: String? = nil, profile: String? = nil, projectID: String? = nil, apiEndpoint: String? = nil,
        environment: PodstackEnvironment = .process
    ) throws {
        self = try Resolution(
            apiToken: apiToken, profile: profile, projectID: projectID, apiEndpoint: apiEndpoint,
            environment: environment
        ).configuration(findsShadows: true)
    }

    init(
        token: ResolvedToken, projectID: Setting<String>?, apiEndpoint: Setting<APIEndpoint>,
        profile: Setting<String>?, connection: ConnectionSettings? = nil, warnings: [ConfigurationWarning] = []
    ) {
        self.token = token
        self.projectID = projectID
        self.apiEndpoint = apiEndpoint
        self.profile = profile
        self.connection = connection
        configurationWarnings = warnings
    }

    /// Resolves the settings like ``init(apiToken:profile:projectID:apiEndpoint:environment:)``, with another source that
    /// stands for `apiToken`.
    package init(
        apiToken: String?, from source: Source, profile: String?, projectID: String?, apiEndpoint: String?,
        environment: PodstackEnvironment
    ) throws {
        var resolution = Resolution(
            apiToken: apiToken, profile: profile, projectID: projectID, apiEndpoint: apiEndpoint,
            environment: environment)
        resolution.apiTokenSource = source
        self = try resolution.configuration(findsShadows: true)
    }

    /// The resolved token; nil when there is none, or when a command or a provider supplies it.
    public var apiToken: Setting<APIToken>? {
        guard case .value(let value) = token.kind, let source = token.source else { return nil }
        return Setting(value, source, shadows: token.shadows)
    }

    /// The source of the token, which is known even before a command or a provider has supplied the token.
    public var tokenSource: Source? { token.source }

    /// The reason why there is no usable token; nil when there is one.
    public var tokenError: AuthenticationError? { token.error }

    /// Returns a copy in which the token shadows these sources.
    func shadowingTokens(of sources: [Source]) -> ClientConfiguration {
        var configuration = self
        configuration.token.shadows = sources
        return configuration
    }

    /// Whether ``Auth/rotate(grace:)`` stores the new secret where the old one came from.
    package var keepsRotatedToken: Bool {
        switch (token.kind, token.source) {
        case (.value, .profile?), (.value, .file?), (.command(_, storing: .some), _): true
        default: false
        }
    }

    /// Sentences about settings that work but should be changed.
    public var warnings: [String] { configurationWarnings.map(\.text) }

    /// Returns the ``warnings`` that this process has not reported yet.
    func unreportedWarnings() -> [String] { configurationWarnings.filter(\.isDue).map(\.text) }
}

// MARK: - Sources and settings

extension ClientConfiguration {
    /// The place that the value of a setting came from.
    public enum Source: Sendable, Hashable {
        /// A value that the program passed, with the name of the parameter.
        case argument(String)
        /// An environment variable, by name.
        case environment(String)
        /// A variable that a `.env` file set.
        case dotEnv(String, path: String, line: Int)
        /// A file that contains only the value, and the source that named the file.
        indirect case file(String, namedBy: Source)
        /// A profile of a credentials file, by name, and the line of the value.
        case profile(String, path: String, line: Int)
        /// The output of the `credential_process` of a profile.
        case process(String, path: String, line: Int)
        /// The built-in default.
        case `default`

        /// The kind of source: `argument`, `environment`, `dotenv`, `profile`, `process` or `default`.
        public var kind: String {
            switch self {
            case .argument: "argument"
            case .environment: "environment"
            case .dotEnv: "dotenv"
            case .file(_, let name): name.kind
            case .profile: "profile"
            case .process: "process"
            case .default: "default"
            }
        }

        /// The exact place: a parameter, a variable, or a line of a file.
        public var origin: String { TokenRedaction.redact(place) }

        private var place: String {
            switch self {
            case .argument(let name): name
            case .environment(let variable): variable
            case .dotEnv(let variable, let path, let line): "\(variable) of \(FilePath(path)):\(line)"
            case .file(let path, let name): "\(name.origin) (\(FilePath(path)))"
            case .profile(let name, let path, let line): "\(FilePath(path)):\(line) [\(name)]"
            case .process(let name, let path, let line): "credential_process of \(FilePath(path)):\(line) [\(name)]"
            case .default: "default"
            }
        }
    }

    /// A resolved setting: its value, its source, and the sources that it shadows.
    public struct Setting<Value: Sendable & Hashable>: Sendable, Hashable {
        /// The value in use.
        public var value: Value
        /// The source of the value.
        public var source: Source
        /// Sources of lower precedence that also hold a value, highest precedence first.
        public var shadows: [Shadow]

        init(_ value: Value, _ source: Source, shadows: [Source] = []) {
            self.value = value
            self.source = source
            self.shadows = shadows.map { Shadow(source: $0, winner: source) }
        }
    }

    /// A source whose value is not used because another source takes precedence.
    public struct Shadow: Sendable, Hashable {
        /// The source that is not used.
        public var source: Source
        /// The reason, such as "a value passed by the program takes precedence".
        public var reason: String

        init(source: Source, winner: Source) {
            self.source = source
            reason =
                switch (winner, source) {
                case (.argument, _): "a value passed by the program takes precedence"
                case (.profile(let name, _, _), .process(let other, _, _)) where name == other:
                    "a written token takes precedence over a command"
                case (.profile, .profile), (.profile, .process), (.process, .profile), (.process, .process):
                    "the program names another profile"
                case (.profile, _), (.process, _):
                    "a profile named by the program takes precedence over the environment"
                case (.environment, .file), (.dotEnv, .file):
                    "a token takes precedence over the name of a file that contains one"
                case (.environment, .environment), (.environment, .dotEnv), (.dotEnv, .environment), (.dotEnv, .dotEnv):
                    "another variable takes precedence"
                default: "the environment takes precedence over a profile that the program does not name"
                }
        }
    }
}

extension ClientConfiguration.Source: CustomStringConvertible, CustomReflectable {
    /// The ``origin``.
    public var description: String { origin }
    /// A mirror with the origin: a path or a name may be a token in the wrong place.
    public var customMirror: Mirror { Mirror(self, children: ["origin": origin]) }
}

// MARK: - Description

extension ClientConfiguration: CustomStringConvertible {
    /// The settings as rows of text, for tables; the token is redacted.
    package var rows: [(name: String, value: String, source: Source?, shadows: [Shadow])] {
        let tokenShadows = token.source.map { source in token.shadows.map { Shadow(source: $0, winner: source) } }
        return [
            ("api_token", apiToken?.value.description ?? "…", token.source, tokenShadows ?? []),
            ("project_id", projectID?.value ?? "", projectID?.source, projectID?.shadows ?? []),
            ("api_endpoint", apiEndpoint.value.url, apiEndpoint.source, apiEndpoint.shadows),
            ("profile", profile?.value ?? "", profile?.source, profile?.shadows ?? []),
            ("proxy", proxy?.value ?? "", proxy?.source, proxy?.shadows ?? []),
            ("no_proxy", noProxy?.value ?? "", noProxy?.source, noProxy?.shadows ?? []),
            (
                "ca_bundle", certificateAuthorities?.value ?? "", certificateAuthorities?.source,
                certificateAuthorities?.shadows ?? []
            ),
        ].map { $0.2 == nil ? ($0.0, "–", nil, []) : $0 }
    }

    /// A table of the settings and their sources; the token is redacted.
    public var description: String { TokenRedaction.redact(table) }

    private var table: String {
        let rows = rows
        let widest = rows.map { $0.value.count }.max() ?? 0
        return rows.flatMap { row in
            let name = row.name + String(repeating: " ", count: 13 - row.name.count)
            let value = row.value + String(repeating: " ", count: widest - row.value.count)
            return ["\(name) \(value)  \(row.source?.origin ?? "not set")"]
                + row.shadows.map { "              shadows \($0.source.origin): \($0.reason)" }
        }.joined(separator: "\n")
    }
}

// MARK: - Warnings

/// A setting that works but should be changed.
enum ConfigurationWarning: Sendable, Hashable {
    /// Other users can read or change a file that contains a token.
    case accessibleToOthers(String, rights: String)
    /// `PODSTACK_PROFILE` is set, but the token came from another source.
    case profileIgnored(because: ClientConfiguration.Source)
    /// The token comes from a `.env` file in a parent of the working directory.
    case dotEnvInParent(String)
    /// The token comes from the environment, and the profile next to it has another endpoint.
    case endpointIgnored(
        ClientConfiguration.Setting<APIEndpoint>, used: APIEndpoint, because: ClientConfiguration.Source)
    /// A variable with the name that another client reads is set.
    case misnamed(String, reads: PodstackEnvironment.Variable)

    var text: String { TokenRedaction.redact(sentence) }

    private var sentence: String {
        switch self {
        case .accessibleToOthers(let path, let rights):
            "other users can \(rights) \(FilePath(path)); run \"podstack config check --fix\" or chmod 600 to make it private"
        case .profileIgnored(let source):
            "PODSTACK_PROFILE is ignored because the token from \(source.origin) takes precedence"
        case .dotEnvInParent(let path): "the token comes from \(FilePath(path)), which is not in the working directory"
        case .endpointIgnored(let ignored, let used, let source):
            "the token from \(source.origin) is sent to \(used), and not to \(ignored.value) of "
                + "\(ignored.source.origin): that profile is ignored while \(source.origin) is set"
        case .misnamed(let name, let variable):
            "\(name) is set, but the variable that is read is \(variable.rawValue)"
        }
    }

    private static let reported = Lock<Set<ConfigurationWarning>>([])

    /// Whether to report the warning now; a warning about the mode of a file is reported once per process.
    var isDue: Bool {
        guard case .accessibleToOthers = self else { return true }
        return Self.reported.withLock { $0.insert(self).inserted }
    }
}
