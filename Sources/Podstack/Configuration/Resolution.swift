import PodstackSystem

/// The possible sources of a token, in order of precedence.
///
/// This is the only place that states the order. Resolution, `explain`, the sources that a token shadows, the places
/// that an error lists, and ``EnvironmentCredentials`` all iterate over these cases. Source: Authentication Methods.
enum TokenCandidate: CaseIterable {
    /// The argument `apiToken:`.
    case argument
    /// The `api_token` of the profile that `profile:` names.
    case profileToken
    /// The `credential_process` of the profile that `profile:` names.
    case profileCommand
    /// `PODSTACK_API_TOKEN`.
    case variable
    /// The file that `PODSTACK_API_TOKEN_FILE` names.
    case tokenFile
    /// The `api_token` of the profile that `PODSTACK_PROFILE` names, else of `default`.
    case ambientToken
    /// The `credential_process` of that profile.
    case ambientCommand

    /// The candidates that an environment variable sets.
    static let inEnvironment = allCases.filter { $0.variable != nil }

    /// The variable that sets the token or names its file; nil for the other candidates.
    var variable: PodstackEnvironment.Variable? {
        switch self {
        case .variable: .apiToken
        case .tokenFile: .apiTokenFile
        default: nil
        }
    }
}

extension ClientConfiguration {
    /// Returns the name of the variable whose token takes precedence over the credentials file.
    ///
    /// - Parameter environment: The environment to look in.
    /// - Returns: `PODSTACK_API_TOKEN` or `PODSTACK_API_TOKEN_FILE`; nil when neither is set.
    package static func variableHoldingToken(_ environment: PodstackEnvironment) -> String? {
        TokenCandidate.inEnvironment.lazy.compactMap(\.variable).first { environment[$0] != nil }?.rawValue
    }
}

/// Finds each setting: explicit values override the environment, which overrides files.
///
/// Missing sources are skipped; invalid sources are errors. Later sources are read only when the earlier ones are
/// missing, or to list what a setting shadows.
struct Resolution: Sendable {
    typealias Source = ClientConfiguration.Source
    typealias Setting = ClientConfiguration.Setting

    var apiToken: String?
    /// The source that stands for `apiToken`: the command line names the flag, or that the token was typed.
    var apiTokenSource = Source.argument("apiToken:")
    var profile: String?
    var projectID: String?
    var apiEndpoint: String?
    var environment: PodstackEnvironment
    /// The longest time to wait for a file that is a pipe.
    var timeLimit = SecureFile.defaultTimeLimit

    /// Resolves the settings of a client.
    ///
    /// A missing or unusable token does not stop resolution; it is the token's `error`.
    ///
    /// - Parameter findsShadows: Whether to read the sources that the token shadows too.
    /// - Returns: The settings.
    /// - Throws: ``ConfigurationError`` when a source is invalid.
    func configuration(findsShadows: Bool = false) throws -> ClientConfiguration {
        try Vouching.refuseSteering(environment) { try? tokenSource() }
        var named: Profile?
        var ambient: Profile?
        var token = ResolvedToken()
        do {
            named = try profile.map { try readProfile($0) }
            var search = TokenSearch(self, named: named)
            token = try search.resolve()
            // An ambient profile supplies its other settings only together with its own token.
            ambient = search.winningAmbientProfile
            if findsShadows { token.shadows = search.shadows(of: token) }
        } catch let error as AuthenticationError {
            token.error = error
        }
        let project = try project(named: named, ambient: ambient)
        let endpoint = try endpoint(named: named, ambient: ambient)
        try Vouching.check(
            endpoint: endpoint.source, token: token.source, project: project?.source, environment: environment)
        return ClientConfiguration(
            token: token, projectID: project, apiEndpoint: endpoint,
            profile: usedProfile(named: named, ambient: ambient),
            connection: try ConnectionSettings(environment, for: endpoint.value),
            warnings: warnings(token, profile: named ?? ambient, project: project, endpoint: endpoint))
    }

    /// Resolves the settings of a client whose token a provider supplies; profiles are not read.
    ///
    /// - Parameter source: The source of the provider's tokens.
    /// - Returns: The settings.
    /// - Throws: ``ConfigurationError`` when a source is invalid.
    func configuration(tokenFrom source: Source) throws -> ClientConfiguration {
        try Vouching.refuseSteering(environment) { source }
        let project = try project(named: nil, ambient: nil)
        let endpoint = try endpoint(named: nil, ambient: nil)
        try Vouching.check(
            endpoint: endpoint.source, token: source, project: project?.source, environment: environment)
        return ClientConfiguration(
            token: ResolvedToken(source: source), projectID: project, apiEndpoint: endpoint, profile: nil,
            connection: try ConnectionSettings(environment, for: endpoint.value))
    }

    /// Returns the sources that a resolved token shadows, without waiting for pipes.
    func tokens(shadowedBy token: ResolvedToken) -> [Source] {
        var search = TokenSearch(self)
        return search.shadows(of: token)
    }

    /// Returns the sources that contain a token other than the one that the service rejected.
    func otherTokens(than rejected: APIToken) -> [Source] {
        var search = TokenSearch(self)
        return search.lowerCandidates().filter { found in
            search.value(of: found).map { $0 != rejected } ?? false
        }.map(\.source)
    }

    private func tokenSource() throws -> Source? {
        var search = TokenSearch(self, named: try profile.map { try readProfile($0) })
        return try search.resolve().source
    }

    // MARK: - Project, endpoint and profile

    private func project(named: Profile?, ambient: Profile?) throws -> Setting<String>? {
        let found = candidates(
            argument: projectID, parameter: "projectID:", named: named, key: .projectID, variable: .project,
            ambient: ambient)
        guard let (value, source) = found.first else { return nil }
        return Setting(
            try SettingCheck.projectID(value, from: source), source, shadows: found.dropFirst().map(\.1))
    }

    private func endpoint(named: Profile?, ambient: Profile?) throws -> Setting<APIEndpoint> {
        let found = candidates(
            argument: apiEndpoint, parameter: "apiEndpoint:", named: named, key: .apiEndpoint,
            variable: .apiEndpoint, ambient: ambient)
        guard let (value, source) = found.first else { return Setting(.podstack, .default) }
        return Setting(try APIEndpoint(value, from: source), source, shadows: found.dropFirst().map(\.1))
    }

    /// Returns the values of a setting other than the token, highest precedence first.
    private func candidates(
        argument: String?, parameter: String, named: Profile?, key: CredentialsFile.Key,
        variable: PodstackEnvironment.Variable, ambient: Profile?
    ) -> [(String, Source)] {
        func entry(_ profile: Profile?) -> (String, Source)? {
            profile.flatMap { profile in profile.entry(key).map { ($0.value, profile.source($0)) } }
        }
        let all: [(String, Source)?] = [
            argument.map { ($0, .argument(parameter)) },
            entry(named),
            environment[variable].map { ($0, environment.source(of: variable)) },
            entry(ambient),
        ]
        return all.compactMap(\.self)
    }

    private func usedProfile(named: Profile?, ambient: Profile?) -> Setting<String>? {
        let variable = environment[.profile] == nil ? nil : environment.source(of: .profile)
        if let named { return Setting(named.name, .argument("profile:"), shadows: variable.map { [$0] } ?? []) }
        return ambient.map { Setting($0.name, variable ?? $0.selection ?? .default) }
    }

    // MARK: - Warnings

    private func warnings(
        _ token: ResolvedToken, profile used: Profile?, project: Setting<String>?, endpoint: Setting<APIEndpoint>
    ) -> [ConfigurationWarning] {
        var warnings: [ConfigurationWarning] = []
        if project == nil, let name = environment.misnamedProject {
            warnings.append(.misnamed(name, reads: .project))
        }
        if let used, let rights = used.rightsOfOthers {
            warnings.append(.accessibleToOthers(used.path, rights: rights))
        }
        switch token.source {
        case .dotEnv(let variable, let path, _)? where environment.dotEnvOrigin(of: variable)?.isInParent == true:
            warnings.append(.dotEnvInParent(path))
            fallthrough
        case .environment?, .dotEnv?, .file?:
            if let source = token.source, environment[.profile] != nil {
                warnings.append(.profileIgnored(because: source))
            }
            if let ignored = endpointOfIgnoredProfile(), endpoint.source.kind != "argument",
                let source = token.source, ignored.value != endpoint.value
            {
                warnings.append(.endpointIgnored(ignored, used: endpoint.value, because: source))
            }
        default: break
        }
        return warnings
    }

    /// Returns the endpoint of the profile that the environment's token takes precedence over.
    ///
    /// Invalid files are not errors here, and a pipe is not read: the profile is not used.
    private func endpointOfIgnoredProfile() -> Setting<APIEndpoint>? {
        guard let path = try? CredentialsFile.filePath(environment), (try? SecureFile.checkReplaceable(path)) != nil,
            let file = try? CredentialsFile(path, within: .zero),
            let profile = file.profile(CredentialsFile.ambientProfileName(environment)),
            let entry = profile.entry(.apiEndpoint)
        else { return nil }
        let source = profile.source(entry)
        return (try? APIEndpoint(entry.value, from: source)).map { Setting($0, source) }
    }

    // MARK: - Profiles

    /// Reads a profile that was named, and so must exist.
    fileprivate func readProfile(_ name: String) throws -> Profile {
        guard !name.trimmingWhitespace().isEmpty else {
            let source = Source.argument("profile:")
            throw ConfigurationError(message: "The profile from \(source) is empty", about: source)
        }
        let path = try CredentialsFile.path(environment)
        let file = try CredentialsFile(FilePath(path), within: timeLimit)
        guard let profile = file.profile(name) else {
            let source = self.profile == name ? Source.argument("profile:") : environment.source(of: .profile)
            try SettingCheck.refuseToken(in: name, insteadOf: "the name of a profile", from: source)
            throw ErrorMapping.profile(name, problem: "is not in", path: path, others: file.profileNames)
        }
        return profile
    }

    /// Reads the profile that applies when the program names none.
    ///
    /// - Returns: The profile that `PODSTACK_PROFILE` names, else the one that the file selects, else `default`; nil when
    ///   there is no such profile.
    fileprivate func readAmbientProfile() throws -> Profile? {
        if let name = environment[.profile] { return try readProfile(name) }
        guard let path = try CredentialsFile.filePath(environment) else { return nil }
        let file = try CredentialsFile(path, within: timeLimit)
        guard let profile = file.profile(CredentialsFile.defaultProfile) else { return nil }
        guard let entry = profile.entry(.profile), entry.value != profile.name else { return profile }
        guard var selected = file.profile(entry.value) else {
            throw ErrorMapping.profile(
                entry.value, problem: "is selected in [default], but is not in", path: path.text,
                others: file.profileNames)
        }
        selected.selection = profile.source(entry)
        return selected
    }
}

// MARK: - Tokens

/// The token of a configuration, or the reason why there is none.
struct ResolvedToken: Sendable {
    enum Kind: Sendable {
        case value(APIToken)
        /// A command that prints the token, and the command that stores another one, if there is one.
        case command(String, storing: String?)
    }

    var kind: Kind?
    var source: ClientConfiguration.Source?
    var shadows: [ClientConfiguration.Source] = []
    var error: AuthenticationError?

    /// Returns the provider that supplies a new token after the service rejects this one.
    func provider(_ environment: PodstackEnvironment) -> any CredentialProvider {
        let source = source ?? .default
        switch (kind, source) {
        case (.command(let command, let storing), _):
            return ProcessCredentials(command: command, storing: storing, environment: environment, source: source)
        case (.value, .profile(let name, let path, _)):
            return ProfileCredentials(path: path, profile: name, source: source)
        case (.value, .file(let path, _)):
            return TokenFileCredentials(path: path, source: source)
        case (.value(let token), _):
            return StaticCredentials(token: token, source: source)
        case (nil, _):
            // Not reached: a configuration without a token does not create a client.
            return StaticCredentials(token: APIToken(""), source: source)
        }
    }
}

/// A candidate that is present, before its value is read or checked.
struct TokenCandidateMatch {
    enum Content {
        case token(APIToken)
        case file(String)
        case command(String, storing: String?, isAllowed: Bool, path: String)
    }

    var candidate: TokenCandidate
    var source: ClientConfiguration.Source
    var content: Content
}

/// One pass over the candidates, which reads each profile at most once.
struct TokenSearch {
    private var settings: Resolution
    private let named: Profile?
    /// Nil until the profile is needed.
    private var ambient: Profile??
    /// The ambient profile, when the token came from it.
    private(set) var winningAmbientProfile: Profile?

    /// Creates a search that resolves a token.
    init(_ settings: Resolution, named: Profile?) {
        self.settings = settings
        self.named = named
    }

    /// Creates a search that only compares or lists tokens, so it skips invalid profiles and does not wait for pipes.
    init(_ settings: Resolution) {
        self.settings = settings
        self.settings.timeLimit = .zero
        named = settings.profile.flatMap { [settings = self.settings] in try? settings.readProfile($0) }
    }

    /// Returns the token of the first candidate that is present.
    ///
    /// - Throws: ``AuthenticationError`` when there is none or its value cannot be used, ``ConfigurationError`` when a
    ///   source is invalid.
    mutating func resolve() throws -> ResolvedToken {
        for candidate in TokenCandidate.allCases {
            if let match = try match(candidate) {
                let token = try use(match)
                if candidate == .ambientToken || candidate == .ambientCommand {
                    winningAmbientProfile = try ambientProfile()
                }
                return token
            }
            if let profile = try profileThatMustHaveToken(after: candidate) {
                let file = try? CredentialsFile(FilePath(profile.path), within: .zero)
                throw ErrorMapping.profile(
                    profile.name, problem: "has no api_token in", path: profile.path, others: file?.profileNames ?? [])
            }
        }
        throw ErrorMapping.noToken(
            lookedIn: places(of: TokenCandidate.allCases), misnamedVariable: settings.environment.misnamedToken)
    }

    /// Returns the first of some candidates that is present.
    mutating func first(of candidates: [TokenCandidate]) throws -> TokenCandidateMatch? {
        for candidate in candidates {
            if let match = try match(candidate) { return match }
        }
        return nil
    }

    /// Returns the places that an error about a missing token lists.
    func places(of candidates: [TokenCandidate]) -> [Wording] {
        candidates.compactMap { candidate in
            switch candidate {
            case .argument: return "\(ClientConfiguration.Source.argument("apiToken:"))"
            case .variable, .tokenFile: return candidate.variable.map { "\($0.rawValue)" }
            case .ambientToken:
                let path = try? CredentialsFile.filePath(settings.environment)
                let file = path.map { "\($0)" } ?? "~/.podstack/credentials (there is no home directory)"
                return "\(file) [\(CredentialsFile.ambientProfileName(settings.environment))]"
            // A named profile without a token has its own error, and a command is in the same place as a token.
            case .profileToken, .profileCommand, .ambientCommand: return nil
            }
        }
    }

    /// Returns the sources that a token shadows.
    mutating func shadows(of token: ResolvedToken) -> [ClientConfiguration.Source] {
        guard let source = token.source else { return [] }
        settings.timeLimit = .zero
        return lowerCandidates().map(\.source).filter { $0 != source }
    }

    /// Returns every candidate that is present, except the argument, which no source shadows.
    ///
    /// Skips invalid sources: they shadow nothing, and they are not errors here.
    mutating func lowerCandidates() -> [TokenCandidateMatch] {
        var found: [TokenCandidateMatch] = []
        for candidate in TokenCandidate.allCases where candidate != .argument {
            if let match = try? match(candidate) { found.append(match) }
        }
        return found
    }

    /// Returns the token of a candidate; nil when a command supplies it, or its file cannot be read.
    func value(of match: TokenCandidateMatch) -> APIToken? {
        switch match.content {
        case .token(let token): token
        case .file(let path): (try? readTokenFile(path, match.source)).map(APIToken.init)
        case .command: nil
        }
    }

    private mutating func match(_ candidate: TokenCandidate) throws -> TokenCandidateMatch? {
        let environment = settings.environment
        switch candidate {
        case .argument:
            guard let token = settings.apiToken else { return nil }
            return TokenCandidateMatch(
                candidate: candidate, source: settings.apiTokenSource, content: .token(APIToken(token)))
        case .profileToken: return token(of: named, candidate)
        case .profileCommand: return command(of: named, candidate)
        case .variable:
            guard let value = environment[.apiToken] else { return nil }
            return TokenCandidateMatch(
                candidate: candidate, source: environment.source(of: .apiToken), content: .token(APIToken(value)))
        case .tokenFile:
            guard let path = try environment.path(.apiTokenFile)?.text else { return nil }
            return TokenCandidateMatch(
                candidate: candidate, source: .file(path, namedBy: environment.source(of: .apiTokenFile)),
                content: .file(path))
        case .ambientToken: return token(of: try ambientProfile(), candidate)
        case .ambientCommand: return command(of: try ambientProfile(), candidate)
        }
    }

    private func token(of profile: Profile?, _ candidate: TokenCandidate) -> TokenCandidateMatch? {
        guard let profile, let entry = profile.entry(.apiToken) else { return nil }
        return TokenCandidateMatch(
            candidate: candidate, source: profile.source(entry), content: .token(APIToken(entry.value)))
    }

    private func command(of profile: Profile?, _ candidate: TokenCandidate) -> TokenCandidateMatch? {
        guard let profile, let entry = profile.entry(.credentialProcess) else { return nil }
        return TokenCandidateMatch(
            candidate: candidate, source: profile.processSource(entry),
            content: .command(
                entry.value, storing: profile.entry(.credentialStoreProcess)?.value,
                isAllowed: profile.mayRunCommands, path: profile.path))
    }

    /// Returns the profile that was named and turned out to have no token.
    private mutating func profileThatMustHaveToken(after candidate: TokenCandidate) throws -> Profile? {
        switch candidate {
        case .profileCommand: named
        case .ambientCommand: try selectedAmbientProfile()
        default: nil
        }
    }

    /// Returns the ambient profile if the environment or the file names it, so that it must have a token.
    private mutating func selectedAmbientProfile() throws -> Profile? {
        let profile = try ambientProfile()
        return settings.environment[.profile] != nil || profile?.selection != nil ? profile : nil
    }

    /// Returns the ambient profile, unless the program named the same one.
    private mutating func ambientProfile() throws -> Profile? {
        if let ambient { return ambient }
        var profile = try settings.readAmbientProfile()
        if let named, profile?.name == named.name { profile = nil }
        ambient = .some(profile)
        return profile
    }

    private func use(_ match: TokenCandidateMatch) throws -> ResolvedToken {
        switch match.content {
        case .token(let token):
            return ResolvedToken(kind: .value(try ErrorMapping.usable(token, from: match.source)), source: match.source)
        case .file(let path):
            let token = APIToken(try readTokenFile(path, match.source))
            return ResolvedToken(kind: .value(try ErrorMapping.usable(token, from: match.source)), source: match.source)
        case .command(let command, let storing, let isAllowed, let path):
            guard isAllowed else { throw ErrorMapping.unsafeCommand(match.source, path: path) }
            return ResolvedToken(kind: .command(command, storing: storing), source: match.source)
        }
    }

    private func readTokenFile(_ path: String, _ source: ClientConfiguration.Source) throws -> String {
        guard let text = try TokenFileCredentials.read(path, within: settings.timeLimit) else {
            let variable = settings.environment.source(of: .apiTokenFile)
            try SettingCheck.refuseToken(in: path, insteadOf: "the path of a file", from: variable)
            throw ErrorMapping.missingFile(source)
        }
        return text
    }
}
