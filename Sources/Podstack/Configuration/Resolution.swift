/// Finds each setting: explicit beats ambient, and the settings of two accounts never mix.
///
/// One function a setting; the order in which it looks is the order of its lines. Source: Authentication Methods.
struct Resolution {
    var apiToken: String?
    var profile: String?
    var projectID: String?
    var apiEndpoint: String?
    var environment: Environment
    /// Reads sources that cannot win too; a client does without.
    var findsShadows: Bool

    func configuration() throws -> Configuration {
        let named = try profile.map { try namedProfile($0) }
        let token = try token(named: named)
        // An ambient profile lends its other settings only together with its own token.
        let ambient: Profile? = token.ambientProfile
        return Configuration(
            apiToken: token.setting,
            projectID: try project(named: named, ambient: ambient),
            apiEndpoint: try endpoint(named: named, ambient: ambient),
            profile: usedProfile(named: named, ambient: ambient),
            tokenError: token.error
        )
    }

    private struct Token {
        var setting: Setting<APIToken>?
        var ambientProfile: Profile?
        var error: (any PodstackError)?
    }

    private func token(named: Profile?) throws -> Token {
        if let apiToken { return Token(setting: try usable(apiToken, .argument("apiToken:"), named: named)) }
        if let named {
            guard let entry = named.apiToken else { throw named.lacksToken }
            return Token(setting: try usable(entry.value, named.source(entry)))
        }
        if let value = environment[.apiToken] {
            return Token(setting: try usable(value, .environment(EnvironmentVariable.apiToken.rawValue)))
        }
        if let path = environment[.apiTokenFile] {
            return Token(setting: try usable(try tokenFile(path), namedFile(path)))
        }
        guard let ambient = try ambientProfile() else {
            return Token(error: ErrorMapping.noToken(lookedIn: places, misnamedVariable: misnamedVariable))
        }
        guard let entry = ambient.apiToken else {
            if environment[.profile] != nil { throw ambient.lacksToken }
            return Token(error: ErrorMapping.noToken(lookedIn: places, misnamedVariable: misnamedVariable))
        }
        return Token(setting: try usable(entry.value, ambient.source(entry)), ambientProfile: ambient)
    }

    private func project(named: Profile?, ambient: Profile?) throws -> Setting<String>? {
        let candidates: [(String, Source)?] = [
            projectID.map { ($0, .argument("projectID:")) },
            named?.projectID.map { ($0.value, named?.source($0) ?? .default) },
            environment[.project].map { ($0, .environment(EnvironmentVariable.project.rawValue)) },
            ambient?.projectID.map { ($0.value, ambient?.source($0) ?? .default) },
        ]
        let found = candidates.compactMap(\.self)
        guard let (value, source) = found.first else { return nil }
        let trimmed = value.trimmingWhitespace()
        guard !trimmed.isEmpty, trimmed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ConfigurationError(
                message: "The project from \(source.origin) is empty or holds characters that no project id has"
            )
        }
        return Setting(trimmed, source, shadows: found.dropFirst().map(\.1))
    }

    private func endpoint(named: Profile?, ambient: Profile?) throws -> Setting<Endpoint> {
        let candidates: [(String, Source)?] = [
            apiEndpoint.map { ($0, .argument("apiEndpoint:")) },
            named?.apiEndpoint.map { ($0.value, named?.source($0) ?? .default) },
            environment[.apiEndpoint].map { ($0, .environment(EnvironmentVariable.apiEndpoint.rawValue)) },
            ambient?.apiEndpoint.map { ($0.value, ambient?.source($0) ?? .default) },
        ]
        let found = candidates.compactMap(\.self)
        guard let (value, source) = found.first else { return Setting(.podstack, .default) }
        return Setting(try Endpoint(value, from: source), source, shadows: found.dropFirst().map(\.1))
    }

    private func usedProfile(named: Profile?, ambient: Profile?) -> Setting<String>? {
        if let named {
            let ambientName =
                environment[.profile] == nil ? [] : [Source.environment(EnvironmentVariable.profile.rawValue)]
            return Setting(named.name, .argument("profile:"), shadows: ambientName)
        }
        guard let ambient else { return nil }
        let named = environment[.profile] != nil
        return Setting(ambient.name, named ? .environment(EnvironmentVariable.profile.rawValue) : .default)
    }

    // MARK: - Sources

    private var credentialsPath: String? { try? CredentialsFile.path(environment) }

    /// The places that an error about a missing token names, in their order.
    private var places: [String] {
        let file = credentialsPath ?? "~/.podstack/credentials (there is no home directory)"
        return ["apiToken:", "PODSTACK_API_TOKEN", "PODSTACK_API_TOKEN_FILE"]
            + ["\(file) [\(CredentialsFile.ambientProfileName(environment))]"]
    }

    /// The published client reads another name, which we must not.
    private var misnamedVariable: String? {
        let name = "PODSTACK_API_KEY"
        return environment[name]?.isEmpty == false ? name : nil
    }

    private func namedProfile(_ name: String) throws -> Profile {
        guard !name.trimmingWhitespace().isEmpty else {
            throw ConfigurationError(message: "The profile from profile: is empty")
        }
        let path = try CredentialsFile.path(environment)
        let file = try CredentialsFile(path: path)
        guard let profile = file.profile(name) else {
            throw ErrorMapping.profile(name, problem: "is not in", path: path, others: file.profileNames)
        }
        return profile
    }

    private func ambientProfile() throws -> Profile? {
        if let name = environment[.profile] { return try namedProfile(name) }
        guard let path = credentialsPath else { return nil }
        return try CredentialsFile(path: path).profile("default")
    }

    private func tokenFile(_ path: String) throws -> String {
        guard let content = try SecureFile.read(path) else {
            throw ConfigurationError(message: "\(namedFile(path).origin) is not there")
        }
        return String(decoding: content.bytes, as: UTF8.self)
    }

    private func namedFile(_ path: String) -> Source {
        .namedFile(variable: EnvironmentVariable.apiTokenFile.rawValue, path: path)
    }

    private func usable(_ value: String, _ source: Source, named: Profile? = nil) throws -> Setting<APIToken> {
        let token = APIToken(value)
        if let defect = token.defect { throw ErrorMapping.unusableToken(source, because: defect) }
        return Setting(token, source, shadows: findsShadows ? shadows(of: source, named: named) : [])
    }

    /// The sources of a token behind `winner` that hold one too. One that is broken hides nothing and is no error here.
    private func shadows(of winner: Source, named: Profile?) -> [Source] {
        var sources: [Source] = []
        if let named, let entry = named.apiToken { sources.append(named.source(entry)) }
        if environment[.apiToken] != nil { sources.append(.environment(EnvironmentVariable.apiToken.rawValue)) }
        if let path = environment[.apiTokenFile] { sources.append(namedFile(path)) }
        if let ambient = try? ambientProfile(), let entry = ambient.apiToken { sources.append(ambient.source(entry)) }
        // What precedes an ambient winner had no value, so all but the winner itself is behind it.
        return sources.filter { $0 != winner }.uniqued()
    }
}

extension Sequence where Element: Hashable {
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
