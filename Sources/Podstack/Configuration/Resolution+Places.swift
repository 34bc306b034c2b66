extension Resolution {
    private var credentialsPath: String? { try? CredentialsFile.path(environment) }

    /// The places that an error about a missing token names, in their order.
    var places: [Wording] {
        let file = credentialsPath ?? "~/.podstack/credentials (there is no home directory)"
        return ["\(ClientConfiguration.Source.argument("apiToken:"))", "PODSTACK_API_TOKEN", "PODSTACK_API_TOKEN_FILE"]
            + ["\(file) [\(CredentialsFile.ambientProfileName(environment))]"]
    }

    func namedProfile(_ name: String) throws -> Profile {
        guard !name.trimmingWhitespace().isEmpty else {
            let source = ClientConfiguration.Source.argument("profile:")
            throw ConfigurationError(message: "The profile from \(source) is empty", about: source)
        }
        let path = try CredentialsFile.path(environment)
        let file = try CredentialsFile(path: path, within: patience)
        guard let profile = file.profile(name) else {
            throw ErrorMapping.profile(name, problem: "is not in", path: path, others: file.profileNames)
        }
        return profile
    }

    func ambientProfile() throws -> Profile? {
        if let name = environment[.profile] { return try namedProfile(name) }
        guard let path = credentialsPath else { return nil }
        return try CredentialsFile(path: path, within: patience).profile("default")
    }

    func tokenFile(_ path: String) throws -> String {
        guard let text = try TokenFileCredentials.read(path, within: patience) else {
            throw ConfigurationError(message: "\(tokenFileSource(path)) is not there")
        }
        return text
    }

    func tokenFileSource(_ path: String) -> ClientConfiguration.Source {
        .file(path, namedBy: environment.source(of: .apiTokenFile))
    }
}
