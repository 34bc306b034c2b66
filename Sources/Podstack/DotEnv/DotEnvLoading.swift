#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension DotEnv {
    /// Sets the variables of a `.env` in this process; those that are set already stay, unless `override`.
    ///
    /// Call it first thing, before other threads read the environment. A `.env` may hold a token, a project, and an
    /// endpoint beside its own token; what else steers where a token goes counts only with `trust`.
    ///
    /// - Parameters:
    ///   - path: The file; nil looks for `.env` in the working directory, then above it until the root of the
    ///     repository, the home directory or a folder of another owner; there, one of the same owner.
    ///   - override: Variables of the file replace those that are set.
    ///   - trust: The file may also say where tokens go: an endpoint for any token, proxies, certificate authorities,
    ///     the credentials file, the profile.
    ///   - onEvent: Told one warning for each line that was passed over.
    /// - Returns: What was read; nil when no `path` was given and there is no `.env`.
    /// - Throws: ``ConfigurationError`` when the file cannot be read, is not UTF-8, or holds a name or a value that no
    ///   environment can hold, or more than 10,000 of them. Then nothing was set.
    @discardableResult
    public static func load(
        _ path: String? = nil, override: Bool = false, trust: Bool = false,
        onEvent: (@Sendable (ClientEvent) -> Void)? = nil
    ) throws -> DotEnv? {
        var environment = PodstackEnvironment.process
        return try load(path, into: &environment, override: override, trust: trust, onEvent: onEvent)
    }

    /// The same for an environment that is a value, which alone is changed.
    @discardableResult
    public static func load(
        _ path: String? = nil, into environment: inout PodstackEnvironment, override: Bool = false, trust: Bool = false,
        onEvent: (@Sendable (ClientEvent) -> Void)? = nil
    ) throws -> DotEnv? {
        let folder = DotEnvSearch.workingDirectory
        guard
            let found = path ?? folder.flatMap({ DotEnvSearch.find(from: $0, home: environment.homeDirectory) })
        else { return nil }
        let file = try read(found, environment: environment, override: override)
        // The C library goes through all of the environment for each variable that it is asked for or told.
        guard file.variables.count <= mostVariables else {
            throw ConfigurationError(message: "\(found) holds more than \(mostVariables) variables")
        }
        let isInParent = path == nil && found != folder.map { $0 + "/.env" }
        let load = DotEnvOrigin.nextLoad()
        var origins: [String: DotEnvOrigin] = [:]
        for variable in file.variables {
            guard let value = variable.value else { continue }
            try check(variable, value, path: found)
            if !override, environment[variable.name] != nil { continue }
            origins[variable.name] = DotEnvOrigin(
                path: found, line: variable.line, load: load, value: value, isLiteral: variable.isLiteral,
                isTrusted: trust,
                isInParent: isInParent)
        }
        environment.set(origins)
        if let onEvent { for warning in file.warnings { onEvent(.warning(warning)) } }
        return file
    }

    private static let mostVariables = 10_000

    private static func check(_ variable: Variable, _ value: String, path: String) throws(ConfigurationError) {
        if variable.name.utf8.contains(0) || value.utf8.contains(0) {
            throw ConfigurationError(message: "\(path):\(variable.line): there is a NUL, which no variable can hold")
        }
        if variable.name.utf8.contains(UInt8(ascii: "=")) {
            throw ConfigurationError(message: "\(path):\(variable.line): a variable's name cannot hold \"=\"")
        }
    }
}
