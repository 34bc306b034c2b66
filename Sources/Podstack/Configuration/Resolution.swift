/// Finds each setting: explicit beats ambient, and the settings of two accounts never mix.
///
/// One function a setting; the order in which it looks is the order of its lines. Source: Authentication Methods.
struct Resolution: Sendable {
    var apiToken: String?
    var profile: String?
    var projectID: String?
    var apiEndpoint: String?
    var environment: Environment
    /// Reads sources that cannot win too; a client does without.
    var findsShadows = false
    /// How long a file that is a pipe may take.
    var patience = SecureFile.patience

    func configuration() throws -> Configuration {
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
        return Configuration(
            token: token, projectID: project, apiEndpoint: endpoint,
            profile: usedProfile(named: named, ambient: ambient),
            warnings: warnings(token, profile: named ?? ambient, hasProject: project != nil))
    }

    /// For a token that a provider gives: then no profile counts.
    func configuration(tokenFrom source: Source) throws -> Configuration {
        try Vouching.refuseSteering(environment) { source }
        let project = try project(named: nil, ambient: nil)
        let endpoint = try endpoint(named: nil, ambient: nil)
        try Vouching.check(
            endpoint: endpoint.source, token: source, project: project?.source, environment: environment)
        return Configuration(
            token: Token(source: source), projectID: project, apiEndpoint: endpoint, profile: nil)
    }

    /// What was found of the token.
    struct Token: Sendable {
        enum Kind: Sendable {
            case value(APIToken)
            case command(String)
        }

        var kind: Kind?
        var source: Source?
        var shadows: [Source] = []
        var error: AuthenticationError?
    }

    /// And the profile that holds it, when nobody named that profile.
    private func token(named: Profile?) throws -> (Token, ambient: Profile?) {
        if let apiToken { return (try usable(apiToken, .argument("apiToken:"), named: named), nil) }
        if let named { return (try profileToken(named, named: named), nil) }
        if let value = environment[.apiToken] { return (try usable(value, environment.source(of: .apiToken)), nil) }
        if let path = environment[.apiTokenFile] {
            return (try usable(try tokenFile(path), tokenFileSource(path)), nil)
        }
        guard let ambient = try ambientProfile(), environment[.profile] != nil || ambient.holdsToken else {
            throw ErrorMapping.noToken(lookedIn: places, misnamedVariable: environment.misnamedToken)
        }
        return (try profileToken(ambient, named: nil), ambient)
    }

    private func project(named: Profile?, ambient: Profile?) throws -> Setting<String>? {
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
        return Setting(trimmed, source, shadows: found.dropFirst().map(\.1))
    }

    private func endpoint(named: Profile?, ambient: Profile?) throws -> Setting<Endpoint> {
        let found = candidates(
            argument: apiEndpoint.map { ($0, "apiEndpoint:") }, named: named, key: .apiEndpoint,
            variable: .apiEndpoint, ambient: ambient)
        guard let (value, source) = found.first else { return Setting(.podstack, .default) }
        return Setting(try Endpoint(value, from: source), source, shadows: found.dropFirst().map(\.1))
    }

    /// Where a setting that is no token may come from, the one that counts first.
    private func candidates(
        argument: (String, String)?, named: Profile?, key: CredentialsFile.Key, variable: EnvironmentVariable,
        ambient: Profile?
    ) -> [(String, Source)] {
        func entry(_ profile: Profile?) -> (String, Source)? {
            profile.flatMap { profile in profile.entry(key).map { ($0.value, profile.source($0)) } }
        }
        let all: [(String, Source)?] = [
            argument.map { ($0.0, .argument($0.1)) },
            entry(named),
            environment[variable].map { ($0, environment.source(of: variable)) },
            entry(ambient),
        ]
        return all.compactMap(\.self)
    }

    private func usedProfile(named: Profile?, ambient: Profile?) -> Setting<String>? {
        let variable = environment[.profile] == nil ? nil : environment.source(of: .profile)
        if let named { return Setting(named.name, .argument("profile:"), shadows: variable.map { [$0] } ?? []) }
        return ambient.map { Setting($0.name, variable ?? .default) }
    }

    // MARK: - The sources of a token

    private func profileToken(_ profile: Profile, named: Profile?) throws -> Token {
        if let entry = profile.entry(.apiToken) { return try usable(entry.value, profile.source(entry), named: named) }
        guard let entry = profile.entry(.credentialProcess) else {
            let file = try? CredentialsFile(path: profile.path, within: .zero)
            throw ErrorMapping.profile(
                profile.name, problem: "has no api_token in", path: profile.path, others: file?.profileNames ?? [])
        }
        let source = profile.processSource(entry)
        guard profile.mayRunCommands else { throw ErrorMapping.unsafeCommand(source, path: profile.path) }
        return Token(
            kind: .command(entry.value), source: source,
            shadows: findsShadows ? shadows(of: source, named: named) : [])
    }

    private func usable(_ value: String, _ source: Source, named: Profile? = nil) throws -> Token {
        let token = try ErrorMapping.usable(value, from: source)
        return Token(
            kind: .value(token), source: source, shadows: findsShadows ? shadows(of: source, named: named) : [])
    }

    /// The sources of a token that a found one hides.
    func hiddenTokens(behind token: Token) -> [Source] {
        guard let source = token.source else { return [] }
        return shadows(of: source, named: profile.flatMap { try? namedProfile($0) })
    }

    private func shadows(of winner: Source, named: Profile?) -> [Source] {
        tokens(named: named).map(\.source).filter { $0 != winner }
    }

    /// The sources that hold a token other than the one that the service refused.
    func otherTokens(than refused: APIToken) -> [Source] {
        tokens(named: profile.flatMap { try? namedProfile($0) }).filter { $0.token != nil && $0.token != refused }
            .map(\.source)
    }

    /// Every source that holds a token, in their order, but for an argument, which hides all. One that is broken hides
    /// nothing, and is no error here.
    private func tokens(named: Profile?) -> [(source: Source, token: APIToken?)] {
        // Nobody waits for what is only compared.
        var hasty = self
        hasty.patience = .zero
        return hasty.tokensAtHand(named: named)
    }

    private func tokensAtHand(named: Profile?) -> [(source: Source, token: APIToken?)] {
        var found: [(source: Source, token: APIToken?)] = []
        func add(_ profile: Profile?) {
            guard let profile else { return }
            if let entry = profile.entry(.apiToken) { found.append((profile.source(entry), APIToken(entry.value))) }
            if let entry = profile.entry(.credentialProcess) { found.append((profile.processSource(entry), nil)) }
        }
        add(named)
        if let value = environment[.apiToken] { found.append((environment.source(of: .apiToken), APIToken(value))) }
        if let path = environment[.apiTokenFile] {
            found.append((tokenFileSource(path), (try? tokenFile(path)).map(APIToken.init)))
        }
        if let ambient = try? ambientProfile(), ambient.name != named?.name { add(ambient) }
        return found
    }

    // MARK: - Places

    private var credentialsPath: String? { try? CredentialsFile.path(environment) }

    /// The places that an error about a missing token names, in their order.
    private var places: [Wording] {
        let file = credentialsPath ?? "~/.podstack/credentials (there is no home directory)"
        return ["\(Source.argument("apiToken:"))", "PODSTACK_API_TOKEN", "PODSTACK_API_TOKEN_FILE"]
            + ["\(file) [\(CredentialsFile.ambientProfileName(environment))]"]
    }

    private func namedProfile(_ name: String) throws -> Profile {
        guard !name.trimmingWhitespace().isEmpty else {
            let source = Source.argument("profile:")
            throw ConfigurationError(message: "The profile from \(source) is empty", about: source)
        }
        let path = try CredentialsFile.path(environment)
        let file = try CredentialsFile(path: path, within: patience)
        guard let profile = file.profile(name) else {
            throw ErrorMapping.profile(name, problem: "is not in", path: path, others: file.profileNames)
        }
        return profile
    }

    private func ambientProfile() throws -> Profile? {
        if let name = environment[.profile] { return try namedProfile(name) }
        guard let path = credentialsPath else { return nil }
        return try CredentialsFile(path: path, within: patience).profile("default")
    }

    private func tokenFile(_ path: String) throws -> String {
        guard let text = try TokenFileCredentials.read(path, within: patience) else {
            throw ConfigurationError(message: "\(tokenFileSource(path)) is not there")
        }
        return text
    }

    private func tokenFileSource(_ path: String) -> Source {
        .file(path, namedBy: environment.source(of: .apiTokenFile))
    }

    // MARK: - Warnings

    private func warnings(_ token: Token, profile used: Profile?, hasProject: Bool) -> [ConfigurationWarning] {
        var warnings: [ConfigurationWarning] = []
        if !hasProject, let name = environment.misnamedProject {
            warnings.append(.misnamed(name, isRead: EnvironmentVariable.project.rawValue))
        }
        if let used, let rights = used.rightsOfOthers { warnings.append(.openToOthers(used.path, rights: rights)) }
        switch token.source {
        case .dotEnv(let variable, let path, _)? where environment.dotEnvOrigin(of: variable)?.isInParent == true:
            warnings.append(.dotEnvInParent(path))
            fallthrough
        case .environment?, .dotEnv?, .file?:
            if let source = token.source, environment[.profile] != nil {
                warnings.append(.profileIgnored(because: source))
            }
        default: break
        }
        return warnings
    }
}
