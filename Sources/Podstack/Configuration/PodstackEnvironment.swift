import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The environment that settings are read from.
///
/// A value, so that a test can pass its own. It remembers which variables came from a `.env` file.
public struct PodstackEnvironment: Sendable {
    /// Nil for the environment of this process.
    private var values: [String: String]?
    /// The origins of the variables in `values` that a `.env` file set.
    private var origins: [String: DotEnvOrigin] = [:]

    /// The environment of this process, read each time a variable is needed.
    public static let process = PodstackEnvironment(values: nil)

    /// Creates an environment from variables.
    ///
    /// - Parameter values: The values by name.
    public init(_ values: [String: String]) { self.init(values: values) }

    private init(values: [String: String]?) { self.values = values }

    /// The value of a variable; nil when it is not set.
    ///
    /// Each byte that is not UTF-8 is represented by two noncharacters from U+FDD0 to U+FDEF, so that no two values are
    /// equal by mistake. The SDK's paths represent such bytes in the same way.
    ///
    /// - Parameter name: The name of the variable.
    public subscript(name: String) -> String? {
        if let values { return values[name] }
        // The C library would look up the part of the name before the NUL.
        guard !name.utf8.contains(0) else { return nil }
        return SystemText.withCString(name) { getenv($0).map { SystemText.text(of: $0) } }
    }

    /// Whether this is the environment of the process.
    var isProcess: Bool { values == nil }

    /// Returns the value of a variable without the whitespace around it.
    ///
    /// Every setting is read with it, because an empty variable is not set: `VARIABLE= program` removes a setting.
    ///
    /// - Parameter name: The name of the variable.
    /// - Returns: The value; nil when the variable is not set, empty, or only whitespace.
    package func value(of name: String) -> String? {
        guard let value = self[name]?.trimmingWhitespace(), !value.isEmpty else { return nil }
        return value
    }

    /// The value of a setting's variable; nil when it is not set, empty, or only whitespace.
    subscript(variable: Variable) -> String? { value(of: variable.rawValue) }

    /// Every variable and its value.
    var all: [String: String] {
        if let values { return values }
        var all: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            // Bytes, because a combining mark after the "=" would merge with it into one Character.
            let text = SystemText.text(of: entry).utf8
            if let equals = text.firstIndex(of: UInt8(ascii: "=")), let name = String(text[..<equals]),
                let value = String(text[text.index(after: equals)...])
            {
                all[name] = value
            }
            next += 1
        }
        return all
    }
}

// MARK: - Variables

extension PodstackEnvironment {
    /// The variables that the SDK reads.
    public enum Variable: String, CaseIterable, Sendable {
        /// An API token.
        case apiToken = "PODSTACK_API_TOKEN"
        /// The path of a file that contains only a token, such as a mounted secret.
        case apiTokenFile = "PODSTACK_API_TOKEN_FILE"
        /// The ID of the project that operations use.
        case project = "PODSTACK_PROJECT"
        /// The address of the service.
        case apiEndpoint = "PODSTACK_API_ENDPOINT"
        /// The name of a profile in the credentials file.
        case profile = "PODSTACK_PROFILE"
        /// The path of a credentials file other than `~/.podstack/credentials`.
        case credentialsFile = "PODSTACK_CREDENTIALS_FILE"
        /// The path of a file of certificate authorities to trust instead of the system's.
        case caBundle = "PODSTACK_CA_BUNDLE"
        /// The path of a file of certificate authorities; used when `PODSTACK_CA_BUNDLE` is not set.
        case sslCertFile = "SSL_CERT_FILE"

        /// Variables that determine where a token goes or which code can read it.
        ///
        /// A `.env` file may set them only when the program trusts the file. Sorted, so that an error always names the
        /// same one.
        static let steering = [
            "PODSTACK_PROFILE", "PODSTACK_CREDENTIALS_FILE", "HOME", "USERPROFILE",
            "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
            "PODSTACK_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
            // OpenSSL and libcurl read these: code to load, and a file to write the keys of connections to.
            "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "SSLKEYLOGFILE",
            // The C library reads these: host name lookup, and code to load.
            "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES", "RESOLV_HOST_CONF", "GCONV_PATH",
        ].sorted()
    }

    /// The variable for the token that another published client reads; nil when it is not set.
    var misnamedToken: String? { ifSet("PODSTACK_API_KEY") }
    /// The variable for the project that another published client reads; nil when it is not set.
    var misnamedProject: String? { ifSet("PODSTACK_PROJECT_ID") }

    private func ifSet(_ name: String) -> String? { value(of: name) == nil ? nil : name }

    /// Returns whether a variable is set, as ``DotEnv`` must know before it sets the variable.
    ///
    /// An empty setting is not set. Any other variable keeps an empty value, as with python-dotenv.
    func isSet(_ name: String) -> Bool {
        Self.settings.contains(name) ? value(of: name) != nil : self[name] != nil
    }

    private static let settings = Set(Variable.allCases.map(\.rawValue) + Variable.steering + ["PODSTACK_OUTPUT"])
}

// MARK: - Variables from .env files

extension PodstackEnvironment {
    /// The variables except those that an untrusted `.env` file set and that are unchanged since.
    package var allTrusted: [String: String] {
        let origins = values == nil ? DotEnvOrigin.Process.all : origins
        return all.filter { name, value in
            guard let origin = origins[name], origin.value == value else { return true }
            return origin.isTrusted
        }
    }

    /// Returns the origin of a variable; nil when it did not come from a `.env` file or was changed since.
    func dotEnvOrigin(of name: String) -> DotEnvOrigin? {
        let origin = values == nil ? DotEnvOrigin.Process.all[name] : origins[name]
        guard let origin, self[name] == origin.value else { return nil }
        return origin
    }

    /// Returns the source of a variable's value.
    func source(of variable: Variable) -> ClientConfiguration.Source { source(ofVariable: variable.rawValue) }

    /// Returns the source of the value of a variable that other programs read too, such as `HTTPS_PROXY`.
    func source(ofVariable name: String) -> ClientConfiguration.Source {
        dotEnvOrigin(of: name).map { .dotEnv(name, path: $0.path, line: $0.line) } ?? .environment(name)
    }

    /// Sets variables from a `.env` file.
    ///
    /// For the process, the caller must ensure that no other thread reads the environment meanwhile.
    mutating func set(_ new: [String: DotEnvOrigin]) {
        guard values != nil else {
            for (name, origin) in new {
                _ = SystemText.withCString(name) { name in
                    SystemText.withCString(origin.value) { setenv(name, $0, 1) }
                }
            }
            DotEnvOrigin.Process.record(new)
            return
        }
        for (name, origin) in new { values?[name] = origin.value }
        origins.merge(new) { $1 }
    }
}

extension PodstackEnvironment: CustomStringConvertible, CustomReflectable {
    /// The names of the variables; many of the values are secrets.
    public var description: String {
        values.map { TokenRedaction.redact("PodstackEnvironment(\($0.keys.sorted().joined(separator: ", ")))") }
            ?? "PodstackEnvironment.process"
    }

    /// A mirror without the values.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
