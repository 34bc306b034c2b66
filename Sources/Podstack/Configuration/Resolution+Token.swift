extension Resolution {
    /// What was found of the token.
    struct Token: Sendable {
        enum Kind: Sendable {
            case value(APIToken)
            /// What prints it, and what keeps another one; nil when nothing does.
            case command(String, storing: String?)
        }

        var kind: Kind?
        var source: ClientConfiguration.Source?
        var shadows: [ClientConfiguration.Source] = []
        var error: AuthenticationError?
    }

    /// And the profile that holds it, when nobody named that profile.
    func token(named: Profile?) throws -> (Token, ambient: Profile?) {
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
            kind: .command(entry.value, storing: profile.entry(.credentialStoreProcess)?.value), source: source,
            shadows: findsShadows ? shadows(of: source, named: named) : [])
    }

    private func usable(_ value: String, _ source: ClientConfiguration.Source, named: Profile? = nil) throws -> Token {
        let token = try ErrorMapping.usable(value, from: source)
        return Token(
            kind: .value(token), source: source, shadows: findsShadows ? shadows(of: source, named: named) : [])
    }
}
