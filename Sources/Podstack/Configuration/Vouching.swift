/// Checks that a token is sent only to an endpoint that the token's own source vouches for.
///
/// A `.env` file may only determine where the tokens in that same file are sent. Otherwise a cloned
/// repository could send the user's token to its own server.
enum Vouching {
    /// Throws ``ConfigurationError`` when an untrusted `.env` file set a variable that determines where a token goes.
    static func refuseSteering(
        _ environment: PodstackEnvironment, tokenSource: () -> ClientConfiguration.Source?
    ) throws(ConfigurationError) {
        // Only these variables are looked up: each lookup scans the whole environment.
        let steering = PodstackEnvironment.Variable.steering.lazy.compactMap { name in
            environment.dotEnvOrigin(of: name).map { (name, $0) }
        }
        guard let (name, origin) = steering.first(where: { !$1.isTrusted }) else { return }
        let source = ClientConfiguration.Source.dotEnv(name, path: origin.path, line: origin.line)
        let token: Wording = tokenSource().map { "the token from \($0)" } ?? "a token"
        throw ErrorMapping.notVouched("\(source) would determine where \(token) goes or who can read it", for: name)
    }

    /// Throws ``ConfigurationError`` when an untrusted `.env` file set the endpoint, and the token or the project that
    /// would be sent there is not written in the same file.
    static func check(
        endpoint: ClientConfiguration.Source, token: ClientConfiguration.Source?, project: ClientConfiguration.Source?,
        environment: PodstackEnvironment
    ) throws(ConfigurationError) {
        guard case .dotEnv(let variable, _, _) = endpoint,
            let origin = environment.dotEnvOrigin(of: variable), !origin.isTrusted
        else { return }
        guard origin.isLiteral else {
            throw ErrorMapping.notVouched(
                "The API endpoint from \(endpoint) is expanded from other variables, which it would disclose",
                for: variable)
        }
        // Without a token nothing is sent.
        guard let token else { return }
        guard isLiteral(token, of: origin, environment) else {
            throw ErrorMapping.notVouched(
                "The API endpoint from \(endpoint) is used only with a token that is written in the same file, "
                    + "and the token \(description(of: token, environment))", for: variable)
        }
        // A project ID that expands another secret would disclose that secret.
        if let project, case .dotEnv = project, !isLiteral(project, of: origin, environment) {
            throw ErrorMapping.notVouched(
                "The API endpoint from \(endpoint) is used only with a project that is written in the same file, "
                    + "and the project \(description(of: project, environment))", for: variable)
        }
    }

    private static func description(
        of source: ClientConfiguration.Source, _ environment: PodstackEnvironment
    ) -> Wording {
        guard case .dotEnv(let variable, _, _) = source, environment.dotEnvOrigin(of: variable)?.isLiteral == false
        else { return source == .default ? "is the default" : "comes from \(source)" }
        return "from \(source) is expanded from other variables"
    }

    private static func isLiteral(
        _ source: ClientConfiguration.Source, of file: DotEnvOrigin, _ environment: PodstackEnvironment
    ) -> Bool {
        guard case .dotEnv(let variable, _, _) = source, let origin = environment.dotEnvOrigin(of: variable)
        else { return false }
        return origin.load == file.load && origin.isLiteral
    }
}
