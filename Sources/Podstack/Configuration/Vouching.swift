/// A token is sent only to an endpoint that its own source vouches for: what a `.env` says about where tokens go counts
/// only for a token of that same file. Else a cloned repository could send for the user's token.
enum Vouching {
    /// Throws ``ConfigurationError`` when an untrusted `.env` set a variable that steers.
    static func refuseSteering(_ environment: PodstackEnvironment, tokenSource: () -> ClientConfiguration.Source?)
        throws(ConfigurationError)
    {
        // Not every variable of a .env is looked at: each look goes through the whole environment.
        let steering = PodstackEnvironment.Variable.steering.sorted().lazy.compactMap { name in
            environment.dotEnvOrigin(of: name).map { (name, $0) }
        }
        guard let (name, origin) = steering.first(where: { !$1.isTrusted }) else { return }
        let source = ClientConfiguration.Source.dotEnv(name, path: origin.path, line: origin.line)
        let token: Wording = tokenSource().map { "the token from \($0)" } ?? "a token"
        throw ErrorMapping.notVouched("\(source) would steer where \(token) goes or who can read it", for: name)
    }

    /// Throws ``ConfigurationError`` when an untrusted `.env` set the endpoint, and not everything that is sent there
    /// stands in the same file.
    static func check(
        endpoint: ClientConfiguration.Source, token: ClientConfiguration.Source?, project: ClientConfiguration.Source?,
        environment: PodstackEnvironment
    ) throws(ConfigurationError) {
        guard case .dotEnv(let variable, _, _) = endpoint,
            let origin = environment.dotEnvOrigin(of: variable), !origin.isTrusted
        else { return }
        guard origin.isLiteral else {
            throw ErrorMapping.notVouched(
                "The API endpoint from \(endpoint) is made of other variables, which it would give away",
                for: variable)
        }
        // Without a token nothing is sent.
        guard let token else { return }
        guard isLiteral(token, of: origin, environment) else {
            throw ErrorMapping.notVouched(
                "The API endpoint from \(endpoint) gets only a token that is written in the same file, "
                    + "and the token \(whence(token, environment))", for: variable)
        }
        // A project id that expanded another secret would carry that instead.
        if let project, case .dotEnv = project, !isLiteral(project, of: origin, environment) {
            throw ErrorMapping.notVouched(
                "The API endpoint from \(endpoint) gets only a project that is written in the same file, "
                    + "and the project \(whence(project, environment))", for: variable)
        }
    }

    private static func whence(_ source: ClientConfiguration.Source, _ environment: PodstackEnvironment) -> Wording {
        guard case .dotEnv(let variable, _, _) = source, environment.dotEnvOrigin(of: variable)?.isLiteral == false
        else { return "comes from \(source)" }
        return "from \(source) is made of other variables"
    }

    private static func isLiteral(
        _ source: ClientConfiguration.Source, of file: DotEnvOrigin, _ environment: PodstackEnvironment
    ) -> Bool {
        guard case .dotEnv(let variable, _, _) = source, let origin = environment.dotEnvOrigin(of: variable)
        else { return false }
        return origin.load == file.load && origin.isLiteral
    }
}
