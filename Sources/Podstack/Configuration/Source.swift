extension ClientConfiguration {
    /// Where the value of a setting came from.
    public enum Source: Sendable, Hashable {
        /// What the program passed, by the name of the parameter.
        case argument(String)
        case environment(String)
        /// A variable that a `.env` set.
        case dotEnv(String, path: String, line: Int)
        /// A file that holds just the value, and what named it.
        indirect case file(String, namedBy: ClientConfiguration.Source)
        case profile(String, path: String, line: Int)
        /// What the `credential_process` of a profile prints.
        case process(String, path: String, line: Int)
        case `default`

        /// `argument`, `environment`, `dotenv`, `profile`, `process` or `default`.
        public var kind: String {
            switch self {
            case .argument: "argument"
            case .environment: "environment"
            case .dotEnv: "dotenv"
            case .file(_, let name): name.kind
            case .profile: "profile"
            case .process: "process"
            case .default: "default"
            }
        }

        /// The exact place: a parameter, a variable, a line of a file.
        public var origin: String {
            switch self {
            case .argument(let name): name
            case .environment(let variable): variable
            case .dotEnv(let variable, let path, let line): "\(variable) of \(path):\(line)"
            case .file(let path, let name): "\(name.origin) (\(path))"
            case .profile(let name, let path, let line): "\(path):\(line) [\(name)]"
            case .process(let name, let path, let line): "credential_process of \(path):\(line) [\(name)]"
            case .default: "default"
            }
        }
    }
}

extension PodstackEnvironment {
    /// Where the value of a variable came from.
    func source(of variable: PodstackEnvironment.Variable) -> ClientConfiguration.Source {
        let name = variable.rawValue
        return dotEnvOrigin(of: name).map { .dotEnv(name, path: $0.path, line: $0.line) } ?? .environment(name)
    }
}
