#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The environment that settings are read from: a value, so that a test can pass its own.
public struct Environment: Sendable {
    private let values: [String: String]?

    /// The environment of this process, read at each question.
    public static let process = Environment(values: nil)

    public init(_ values: [String: String]) { self.init(values: values) }

    private init(values: [String: String]?) { self.values = values }

    public subscript(name: String) -> String? {
        guard let values else { return getenv(name).map { String(cString: $0) } }
        return values[name]
    }

    /// The value of a setting's variable; nil when it is not set, empty, or only white space.
    subscript(variable: EnvironmentVariable) -> String? {
        guard let value = self[variable.rawValue]?.trimmingWhitespace(), !value.isEmpty else { return nil }
        return value
    }

    /// Of the variable, or of the user database when this is the process; nil when neither knows.
    var homeDirectory: String? {
        if let home = self["HOME"] ?? self["USERPROFILE"], !home.isEmpty { return home }
        guard values == nil, let entry = getpwuid(getuid()) else { return nil }
        return String(cString: entry.pointee.pw_dir)
    }
}
