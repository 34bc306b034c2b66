/// Finds each setting: explicit beats ambient, and the settings of two accounts never mix.
///
/// One function a setting; the order in which it looks is the order of its lines. Source: Authentication Methods.
struct Resolution: Sendable {
    var apiToken: String?
    var profile: String?
    var projectID: String?
    var apiEndpoint: String?
    var environment: PodstackEnvironment
    /// Reads sources that cannot win too; a client does without.
    var findsShadows = false
    /// How long a file that is a pipe may take.
    var patience = SecureFile.defaultTimeLimit

    func configuration() throws -> ClientConfiguration {
        try Vouching.refuseSteering(environment) { try? self.token(named: profile.map(namedProfile)).0.source }
        var named: Profile?
        var token = Token()
        // An ambient profile lends its other settings only together with its own token.
        var ambient: Profile?
        do {
            named = try profile.map(namedProfile)
            (token, ambient) = try self.token(named: named)
        } catch let error as AuthenticationError {
            // Whoever only asks for the settings is told the others too.
            token.error = error
        }
        let project = try project(named: named, ambient: ambient)
        let endpoint = try endpoint(named: named, ambient: ambient)
        try Vouching.check(
            endpoint: endpoint.source, token: token.source, project: project?.source, environment: environment)
        return ClientConfiguration(
            token: token, projectID: project, apiEndpoint: endpoint,
            profile: usedProfile(named: named, ambient: ambient),
            warnings: warnings(token, profile: named ?? ambient, hasProject: project != nil))
    }

    /// For a token that a provider gives: then no profile counts.
    func configuration(tokenFrom source: ClientConfiguration.Source) throws -> ClientConfiguration {
        try Vouching.refuseSteering(environment) { source }
        let project = try project(named: nil, ambient: nil)
        let endpoint = try endpoint(named: nil, ambient: nil)
        try Vouching.check(
            endpoint: endpoint.source, token: source, project: project?.source, environment: environment)
        return ClientConfiguration(
            token: Token(source: source), projectID: project, apiEndpoint: endpoint, profile: nil)
    }

    private func project(named: Profile?, ambient: Profile?) throws -> ClientConfiguration.Setting<String>? {
        let found = candidates(
            argument: projectID.map { ($0, "projectID:") }, named: named, key: .projectID, variable: .project,
            ambient: ambient)
        guard let (value, source) = found.first else { return nil }
        let trimmed = value.trimmingWhitespace()
        guard !trimmed.isEmpty, trimmed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ConfigurationError(
                message: "The project from \(source) is empty or holds characters that no project id has",
                about: source
            )
        }
        return ClientConfiguration.Setting(trimmed, source, shadows: found.dropFirst().map(\.1))
    }

    private func endpoint(named: Profile?, ambient: Profile?) throws -> ClientConfiguration.Setting<APIEndpoint> {
        let found = candidates(
            argument: apiEndpoint.map { ($0, "apiEndpoint:") }, named: named, key: .apiEndpoint,
            variable: .apiEndpoint, ambient: ambient)
        guard let (value, source) = found.first else { return ClientConfiguration.Setting(.podstack, .default) }
        return ClientConfiguration.Setting(
            try APIEndpoint(value, from: source), source, shadows: found.dropFirst().map(\.1))
    }

    /// Where a setting that is no token may come from, the one that counts first.
    private func candidates(
        argument: (String, String)?, named: Profile?, key: CredentialsFile.Key, variable: PodstackEnvironment.Variable,
        ambient: Profile?
    ) -> [(String, ClientConfiguration.Source)] {
        func entry(_ profile: Profile?) -> (String, ClientConfiguration.Source)? {
            profile.flatMap { profile in profile.entry(key).map { ($0.value, profile.source($0)) } }
        }
        let all: [(String, ClientConfiguration.Source)?] = [
            argument.map { ($0.0, .argument($0.1)) },
            entry(named),
            environment[variable].map { ($0, environment.source(of: variable)) },
            entry(ambient),
        ]
        return all.compactMap(\.self)
    }

    private func usedProfile(named: Profile?, ambient: Profile?) -> ClientConfiguration.Setting<String>? {
        let variable = environment[.profile] == nil ? nil : environment.source(of: .profile)
        if let named {
            return ClientConfiguration.Setting(named.name, .argument("profile:"), shadows: variable.map { [$0] } ?? [])
        }
        return ambient.map { ClientConfiguration.Setting($0.name, variable ?? .default) }
    }
}
