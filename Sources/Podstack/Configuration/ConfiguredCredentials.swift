extension ClientConfiguration {
    /// Who is asked for a token after the one that was found is refused.
    func provider(_ environment: PodstackEnvironment) -> any CredentialProvider {
        let source = token.source ?? .default
        switch (token.kind, source) {
        case (.command(let command, let storing), _):
            return ProcessCredentials(command: command, storing: storing, environment: environment, source: source)
        case (.value, .profile(let name, let path, _)):
            return ProfileCredentials(path: path, profile: name, source: source)
        case (.value, .file(let path, _)):
            return TokenFileCredentials(path: path, source: source)
        case (.value(let token), _):
            return StaticCredentials(token: token, source: source)
        case (nil, _):
            // Not reached: a configuration without a token makes no client.
            return StaticCredentials(token: APIToken(""), source: source)
        }
    }
}
