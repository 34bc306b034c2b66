/// What `PODSTACK_API_TOKEN` holds at each question, or the file that `PODSTACK_API_TOKEN_FILE` names.
public struct EnvironmentCredentials: CredentialProvider {
    let environment: PodstackEnvironment

    public var source: ClientConfiguration.Source {
        environment[.apiToken] == nil && environment[.apiTokenFile] != nil
            ? .environment(PodstackEnvironment.Variable.apiTokenFile.rawValue)
            : .environment(PodstackEnvironment.Variable.apiToken.rawValue)
    }

    /// Throws ``AuthenticationError`` when neither is set, or what they hold can be no token.
    public func credential(insteadOf refused: APIToken?) async throws -> Credential {
        if let value = environment[.apiToken] {
            return Credential(try ErrorMapping.usable(value, from: environment.source(of: .apiToken)))
        }
        guard let path = environment[.apiTokenFile] else {
            throw ErrorMapping.noToken(
                lookedIn: ["PODSTACK_API_TOKEN", "PODSTACK_API_TOKEN_FILE"],
                misnamedVariable: environment.misnamedToken)
        }
        let file = TokenFileCredentials(path: path, source: .file(path, namedBy: environment.source(of: .apiTokenFile)))
        return try await file.credential(insteadOf: refused)
    }
}

extension CredentialProvider where Self == EnvironmentCredentials {
    public static func environment(_ environment: PodstackEnvironment = .process) -> EnvironmentCredentials {
        EnvironmentCredentials(environment: environment)
    }
}
