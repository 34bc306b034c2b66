/// The settings that a client works with, each with its source. Printing it gives a table without the secret.
public struct Configuration: Sendable {
    public internal(set) var apiToken: Setting<APIToken>?
    public internal(set) var projectID: Setting<String>?
    public internal(set) var apiEndpoint: Setting<Endpoint>
    public internal(set) var profile: Setting<String>?
    /// Why there is no token, when there is none.
    public internal(set) var tokenError: (any PodstackError)?

    /// What `Client` with the same arguments would use, without the need for a usable token.
    ///
    /// Reads every source, so that each setting knows what it shadows.
    /// Throws ``ConfigurationError`` when a source that counts is broken.
    public init(
        apiToken: String? = nil, profile: String? = nil, projectID: String? = nil, apiEndpoint: String? = nil,
        environment: Environment = .process
    ) throws {
        self = try Resolution(
            apiToken: apiToken, profile: profile, projectID: projectID, apiEndpoint: apiEndpoint,
            environment: environment, findsShadows: true
        ).configuration()
    }

    init(
        apiToken: Setting<APIToken>?, projectID: Setting<String>?, apiEndpoint: Setting<Endpoint>,
        profile: Setting<String>?, tokenError: (any PodstackError)?
    ) {
        self.apiToken = apiToken
        self.projectID = projectID
        self.apiEndpoint = apiEndpoint
        self.profile = profile
        self.tokenError = tokenError
    }
}

extension Configuration: CustomStringConvertible {
    /// One row a setting as the text shows it, for tables.
    public var rows: [(name: String, value: String, source: Source?, shadows: [Source])] {
        [
            ("api_token", apiToken?.value.description ?? "–", apiToken?.source, apiToken?.shadows ?? []),
            ("project_id", projectID?.value ?? "–", projectID?.source, projectID?.shadows ?? []),
            ("api_endpoint", apiEndpoint.value.url, apiEndpoint.source, apiEndpoint.shadows),
            ("profile", profile?.value ?? "–", profile?.source, profile?.shadows ?? []),
        ]
    }

    public var description: String {
        let widest = rows.map { $0.value.count }.max() ?? 0
        return rows.map { row in
            let name = row.name + String(repeating: " ", count: 13 - row.name.count)
            let value = row.value + String(repeating: " ", count: widest - row.value.count)
            var line = "\(name) \(value)  \(row.source?.origin ?? "not set")"
            if !row.shadows.isEmpty { line += " (shadows \(row.shadows.map(\.origin).joined(separator: ", ")))" }
            return line
        }.joined(separator: "\n")
    }
}
