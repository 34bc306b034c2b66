/// Where the value of a setting came from.
public enum Source: Sendable, Hashable {
    /// What the program passed, by the name of the parameter.
    case argument(String)
    case environment(String)
    /// The file that an environment variable names.
    case namedFile(variable: String, path: String)
    case profile(String, path: String, line: Int)
    case `default`

    /// `argument`, `environment`, `profile` or `default`.
    public var kind: String {
        switch self {
        case .argument: "argument"
        case .environment, .namedFile: "environment"
        case .profile: "profile"
        case .default: "default"
        }
    }

    /// The exact place: a parameter, a variable, a line of a file.
    public var origin: String {
        switch self {
        case .argument(let name): name
        case .environment(let variable): variable
        case .namedFile(let variable, let path): "\(variable) (\(path))"
        case .profile(let name, let path, let line): "\(path):\(line) [\(name)]"
        case .default: "default"
        }
    }
}
