/// `~/.podstack/credentials`: profiles with `api_token`, `project_id` and `api_endpoint`. Source: Config File.
public struct CredentialsFile: Sendable {
    /// The keys that have a meaning; others are kept.
    public enum Key: String, CaseIterable, Sendable {
        case apiToken = "api_token"
        case projectID = "project_id"
        case apiEndpoint = "api_endpoint"
    }

    public let path: String
    private let document: INIDocument

    /// Reads the file; one that is not there has no profiles.
    /// Throws ``ConfigurationError`` with the path and the line when it cannot be read or understood.
    public init(path: String) throws {
        self.path = path
        document = try Self.parse(try SecureFile.read(path)?.bytes ?? [], path: path)
    }

    /// In the order of the file.
    public var profileNames: [String] { document.sectionNames }

    func profile(_ name: String) -> Profile? {
        guard let entries = document.entries(of: name) else { return nil }
        return Profile(
            name: name, path: path, entries: entries.mapValues { Profile.Entry(value: $0.value, line: $0.line) }
        )
    }

    /// Sets a key of a profile, which is made when it is not there, under the lock of the file.
    /// Everything else of the file stays as it is; a file that cannot be understood is not touched.
    public static func set(_ key: Key, to value: String, profile: String, path: String) throws {
        try update(path) { document in
            try document.set(key.rawValue, to: value, section: profile)
        }
    }

    /// Removes a key of a profile; false when it was not there.
    @discardableResult
    public static func remove(_ key: Key, profile: String, path: String) throws -> Bool {
        var removed = false
        try update(path) { document in
            removed = document.remove(key.rawValue, section: profile)
        }
        return removed
    }

    private static func update(
        _ path: String, _ change: (inout INIDocument) throws -> Void
    ) throws {
        try SecureFile.update(path) { bytes in
            var document = try parse(bytes, path: path)
            do { try change(&document) } catch let failure as INIDocument.Failure { throw refusal(failure, path: path) }
            return document.bytes
        }
    }

    private static func parse(_ bytes: [UInt8], path: String) throws -> INIDocument {
        do { return try INIDocument(bytes) } catch let failure { throw refusal(failure, path: path) }
    }

    private static func refusal(_ failure: INIDocument.Failure, path: String) -> ConfigurationError {
        ConfigurationError(message: "\(path)\(failure.line.map { ":\($0)" } ?? ""): \(failure.reason)")
    }
}

extension CredentialsFile {
    /// Where the file is: what `PODSTACK_CREDENTIALS_FILE` names, else `~/.podstack/credentials`.
    /// Throws ``ConfigurationError`` when there is no home directory.
    public static func path(_ environment: Environment) throws -> String {
        if let path = environment[.credentialsFile] { return path }
        guard let home = environment.homeDirectory else {
            throw ConfigurationError(message: "There is no home directory to look for a credentials file in")
        }
        return home + "/.podstack/credentials"
    }

    /// The profile that counts when none is named by an argument.
    public static func ambientProfileName(_ environment: Environment) -> String {
        environment[.profile] ?? "default"
    }
}

extension Configuration {
    /// The variable whose token is used before any of the credentials file; nil when none is set.
    public static func variableHoldingToken(_ environment: Environment) -> String? {
        [EnvironmentVariable.apiToken, .apiTokenFile].first { environment[$0] != nil }?.rawValue
    }
}
