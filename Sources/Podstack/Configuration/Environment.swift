#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The environment that settings are read from: a value, so that a test can pass its own.
///
/// It remembers which variables came from a `.env`.
public struct PodstackEnvironment: Sendable {
    private var values: [String: String]?
    /// Of the variables that a `.env` set in `values`.
    private var origins: [String: DotEnvOrigin] = [:]

    /// The environment of this process, read at each question.
    public static let process = PodstackEnvironment(values: nil)

    public init(_ values: [String: String]) { self.init(values: values) }

    private init(values: [String: String]?) { self.values = values }

    public subscript(name: String) -> String? {
        if let values { return values[name] }
        // The C library would look up what stands before the NUL.
        guard !name.utf8.contains(0) else { return nil }
        return getenv(name).map { String(cString: $0) }
    }

    /// The value of a setting's variable; nil when it is not set, empty, or only white space.
    subscript(variable: PodstackEnvironment.Variable) -> String? {
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

extension PodstackEnvironment {
    /// Every variable, for a program that is started with them.
    var all: [String: String] {
        if let values { return values }
        var all: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            // By bytes: to a Character, a combining mark merges with the = before it.
            let text = String(cString: entry).utf8
            if let equals = text.firstIndex(of: UInt8(ascii: "=")), let name = String(text[..<equals]),
                let value = String(text[text.index(after: equals)...])
            {
                all[name] = value
            }
            next += 1
        }
        return all
    }

    /// The same without what a `.env` set that the program does not trust, and nobody has changed since.
    package var allTrusted: [String: String] {
        let origins = values == nil ? DotEnvOrigin.OfProcess.all : origins
        return all.filter { name, value in
            guard let origin = origins[name], origin.value == value else { return true }
            return origin.isTrusted
        }
    }

    func dotEnvOrigin(of name: String) -> DotEnvOrigin? {
        let origin = values == nil ? DotEnvOrigin.OfProcess.all[name] : origins[name]
        guard let origin, self[name] == origin.value else { return nil }
        return origin
    }

    /// Sets what a `.env` gives. In the process it is the caller's part that no other thread reads meanwhile.
    mutating func set(_ new: [String: DotEnvOrigin]) {
        guard values != nil else {
            for (name, origin) in new { setenv(name, origin.value, 1) }
            DotEnvOrigin.OfProcess.note(new)
            return
        }
        for (name, origin) in new { values?[name] = origin.value }
        origins.merge(new) { $1 }
    }
}

extension PodstackEnvironment: CustomStringConvertible, CustomReflectable {
    /// The names: many of the values are secrets.
    public var description: String {
        values.map { "PodstackEnvironment(\($0.keys.sorted().joined(separator: ", ")))" }
            ?? "PodstackEnvironment.process"
    }

    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
