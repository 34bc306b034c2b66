extension Resolution {
    /// The sources of a token that a found one hides.
    func hiddenTokens(behind token: Token) -> [ClientConfiguration.Source] {
        guard let source = token.source else { return [] }
        return shadows(of: source, named: profile.flatMap { try? namedProfile($0) })
    }

    func shadows(of winner: ClientConfiguration.Source, named: Profile?) -> [ClientConfiguration.Source] {
        tokens(named: named).map(\.source).filter { $0 != winner }
    }

    /// The sources that hold a token other than the one that the service refused.
    func otherTokens(than refused: APIToken) -> [ClientConfiguration.Source] {
        tokens(named: profile.flatMap { try? namedProfile($0) }).filter { $0.token != nil && $0.token != refused }
            .map(\.source)
    }

    /// Every source that holds a token, in their order, but for an argument, which hides all. One that is broken hides
    /// nothing, and is no error here.
    private func tokens(named: Profile?) -> [(source: ClientConfiguration.Source, token: APIToken?)] {
        // Nobody waits for what is only compared.
        var hasty = self
        hasty.patience = .zero
        return hasty.tokensAtHand(named: named)
    }

    private func tokensAtHand(named: Profile?) -> [(source: ClientConfiguration.Source, token: APIToken?)] {
        var found: [(source: ClientConfiguration.Source, token: APIToken?)] = []
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
}
