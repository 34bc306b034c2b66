/// The settings that a client works with, each with its source. Printing it gives a table without the secret.
public struct ClientConfiguration: Sendable {
    private(set) var token: Resolution.Token
    public let projectID: ClientConfiguration.Setting<String>?
    public let apiEndpoint: ClientConfiguration.Setting<APIEndpoint>
    public let profile: ClientConfiguration.Setting<String>?
    private let configurationWarnings: [ConfigurationWarning]

    /// What `Client` with the same arguments would use, without the need for a usable token.
    ///
    /// Reads every source, so that each setting knows what it shadows. Runs no `credential_process`.
    /// Throws ``ConfigurationError`` when a source that counts is broken.
    public init(
        apiToken: String? = nil, profile: String? = nil, projectID: String? = nil, apiEndpoint: String? = nil,
        environment: PodstackEnvironment = .process
    ) throws {
        self = try Resolution(
            apiToken: apiToken, profile: profile, projectID: projectID, apiEndpoint: apiEndpoint,
            environment: environment, findsShadows: true
        ).configuration()
    }

    init(
        token: Resolution.Token, projectID: ClientConfiguration.Setting<String>?,
        apiEndpoint: ClientConfiguration.Setting<APIEndpoint>,
        profile: ClientConfiguration.Setting<String>?, warnings: [ConfigurationWarning] = []
    ) {
        self.token = token
        self.projectID = projectID
        self.apiEndpoint = apiEndpoint
        self.profile = profile
        configurationWarnings = warnings
    }

    /// The token as it was found; nil when there is none, or when a command or a provider gives it.
    public var apiToken: ClientConfiguration.Setting<APIToken>? {
        guard case .value(let value) = token.kind, let source = token.source else { return nil }
        return Setting(value, source, shadows: token.shadows)
    }

    func hiding(_ sources: [ClientConfiguration.Source]) -> ClientConfiguration {
        var configuration = self
        configuration.token.shadows = sources
        return configuration
    }

    /// Where the token comes from, also when it is not known yet.
    public var tokenSource: ClientConfiguration.Source? { token.source }

    /// Whether ``Auth/rotate(grace:)`` puts the new secret where the old one came from.
    package var keepsRotatedToken: Bool {
        switch (token.kind, token.source) {
        case (.value, .profile?), (.value, .file?), (.command(_, storing: .some), _): true
        default: false
        }
    }

    /// Why there is no token, when there is none.
    public var tokenError: AuthenticationError? { token.error }

    /// One sentence for each thing that works but should be changed.
    public var warnings: [String] { configurationWarnings.map(\.text) }

    /// Those of ``warnings`` that this process was not told yet.
    func dueWarnings() -> [String] { configurationWarnings.filter(\.isDue).map(\.text) }
}

extension ClientConfiguration: CustomStringConvertible {
    /// One row a setting as the text shows it, for tables. The token is redacted.
    public var rows: [(name: String, value: String, source: ClientConfiguration.Source?, shadows: [Shadow])] {
        let tokenShadows = token.source.map { source in token.shadows.map { Shadow(source: $0, winner: source) } }
        return [
            ("api_token", apiToken?.value.description ?? "…", token.source, tokenShadows ?? []),
            ("project_id", projectID?.value ?? "", projectID?.source, projectID?.shadows ?? []),
            ("api_endpoint", apiEndpoint.value.url, apiEndpoint.source, apiEndpoint.shadows),
            ("profile", profile?.value ?? "", profile?.source, profile?.shadows ?? []),
        ].map { $0.2 == nil ? ($0.0, "–", nil, []) : $0 }
    }

    public var description: String {
        let rows = rows
        let widest = rows.map { $0.value.count }.max() ?? 0
        return rows.flatMap { row in
            let name = row.name + String(repeating: " ", count: 13 - row.name.count)
            let value = row.value + String(repeating: " ", count: widest - row.value.count)
            return ["\(name) \(value)  \(row.source?.origin ?? "not set")"]
                + row.shadows.map { "              hides \($0.source.origin): \($0.reason)" }
        }.joined(separator: "\n")
    }
}

extension ClientConfiguration {
    /// The variable whose token is used before any of the credentials file; nil when none is set.
    public static func variableHoldingToken(_ environment: PodstackEnvironment) -> String? {
        [PodstackEnvironment.Variable.apiToken, .apiTokenFile].first { environment[$0] != nil }?.rawValue
    }
}
