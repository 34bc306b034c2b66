/// `~/.podstack/credentials`: profiles, each with a token and what goes with it. Source: Config File.
///
/// ```swift
/// var file = try CredentialsFile(path: CredentialsFile.path())
/// try file.set(.apiToken, to: token, profile: "production")
/// try file.save()
/// ```
///
/// A value: what is changed is written by ``save()``, which reads the file again under a lock and makes the same changes
/// there, so that several writers lose nothing. Comments, order and unknown keys stay as they are.
public struct CredentialsFile: Sendable {
    /// The keys that have a meaning; others are kept.
    public enum Key: String, CaseIterable, Sendable {
        case apiToken = "api_token"
        case projectID = "project_id"
        case apiEndpoint = "api_endpoint"
        /// A command that prints a token, for who keeps it elsewhere.
        case credentialProcess = "credential_process"
        /// A command that keeps the token that it is given, so that `credential_process` prints that one from then on.
        case credentialStoreProcess = "credential_store_process"
        /// The new secret of a token while it is being rotated; read when `api_token` is refused.
        case pendingAPIToken = "pending_api_token"
    }

    private enum Change: Sendable {
        case set(Key, String, profile: String)
        case remove(Key, profile: String, ifValueIs: String?)
        case removeProfile(String)
    }

    public let path: String
    private var document: INIDocument
    private var changes: [Change] = []
    /// A file of this user that others may read, which nothing needs.
    public var isReadableByOthers: Bool { rightsOfOthers != nil }
    /// What others can do with it, as in "read and change"; nil for nothing.
    package let rightsOfOthers: String?
    let isWritableByOwnerAlone: Bool
    /// False when there was no such file.
    package let isThere: Bool

    /// Reads the file; one that is not there has no profiles.
    /// Throws ``ConfigurationError`` with the path and the line when it cannot be read or understood.
    public init(path: String) throws { try self.init(path: path, within: SecureFile.defaultTimeLimit) }

    /// - Parameter patience: How long it may take when it is a pipe.
    init(path: String, within patience: Duration) throws {
        self.path = path
        let content = try SecureFile.read(path, within: patience)
        document = try Self.parse(content?.bytes ?? [], path: path)
        isThere = content != nil
        rightsOfOthers = content?.rightsOfOthers
        isWritableByOwnerAlone = content?.isWritableByOwnerAlone ?? false
    }

    /// Of a file that will be saved. Throws ``ConfigurationError`` too when it is a pipe or a device.
    package init(changing path: String) throws {
        try SecureFile.checkReplaceable(path)
        try self.init(path: path)
    }

    /// In the order of the file.
    public var profileNames: [String] { document.sectionNames }

    /// The value of a key; nil when the profile or the key is not there. Do not print what `apiToken` gives.
    public func value(_ key: Key, profile: String) -> String? {
        document.entries(of: profile)?.first { $0.key == key.rawValue }?.value
    }

    /// Keys without a meaning, often misspelt ones, each with its line.
    public var unknownKeys: [(profile: String, key: String, line: Int)] {
        profileNames.flatMap { profile in
            (document.entries(of: profile) ?? []).filter { Key(rawValue: $0.key) == nil }
                .map { (profile, $0.key, $0.line) }
        }
    }

    func profile(_ name: String) -> Profile? {
        document.entries(of: name).map {
            Profile(
                name: name, path: path, entries: $0, rightsOfOthers: rightsOfOthers,
                mayRunCommands: isWritableByOwnerAlone)
        }
    }

    // MARK: - Changing

    /// Sets a key of a profile, which is made when it is not there.
    /// Throws ``ConfigurationError`` when the value or the profile's name could not be read back.
    public mutating func set(_ key: Key, to value: String, profile: String) throws {
        try make(.set(key, value, profile: profile))
    }

    public mutating func remove(_ key: Key, profile: String) throws {
        try make(.remove(key, profile: profile, ifValueIs: nil))
    }

    /// Another writer's value stays.
    mutating func remove(_ key: Key, profile: String, ifValueIs value: String) throws {
        try make(.remove(key, profile: profile, ifValueIs: value))
    }

    /// Removes a profile with everything in it.
    public mutating func remove(profile: String) throws { try make(.removeProfile(profile)) }

    /// Writes the changes, all or nothing, readable by the owner alone.
    ///
    /// Throws ``ConfigurationError`` when the file cannot be written, or cannot be understood any more; then it stays as
    /// it is.
    public mutating func save() throws {
        let changes = changes
        try SecureFile.update(path) { bytes in
            var document = try Self.parse(bytes, path: path)
            for change in changes { try Self.apply(change, to: &document, path: path) }
            self.document = document
            return document.bytes
        }
        self.changes = []
    }

    private mutating func make(_ change: Change) throws {
        try Self.apply(change, to: &document, path: path)
        changes.append(change)
    }

    private static func apply(_ change: Change, to document: inout INIDocument, path: String) throws {
        do {
            switch change {
            case .set(let key, let value, let profile): try document.set(key.rawValue, to: value, section: profile)
            case .remove(let key, let profile, let value):
                let current = document.entries(of: profile)?.first { $0.key == key.rawValue }?.value
                if value == nil || current == value { _ = try document.remove(key.rawValue, section: profile) }
            case .removeProfile(let profile): _ = try document.remove(section: profile)
            }
        } catch {
            throw ErrorMapping.credentialsFile(error, path: path)
        }
    }

    private static func parse(_ bytes: [UInt8], path: String) throws -> INIDocument {
        do { return try INIDocument(bytes) } catch { throw ErrorMapping.credentialsFile(error, path: path) }
    }
}

extension CredentialsFile {
    /// Where the file is: what `PODSTACK_CREDENTIALS_FILE` names, else `~/.podstack/credentials`.
    /// Throws ``ConfigurationError`` when there is no home directory.
    public static func path(_ environment: PodstackEnvironment = .process) throws -> String {
        if let path = environment[.credentialsFile] { return path }
        guard let home = environment.homeDirectory else {
            throw ConfigurationError(message: "There is no home directory to look for a credentials file in")
        }
        return home + "/.podstack/credentials"
    }

    /// The profile that counts when none is named by an argument.
    public static func ambientProfileName(_ environment: PodstackEnvironment) -> String {
        environment[.profile] ?? "default"
    }

    /// Takes the rights of everybody but the owner away; whether there were any.
    @discardableResult
    public static func restrict(path: String) throws -> Bool { try SecureFile.restrict(path) }
}

extension CredentialsFile: CustomStringConvertible, CustomReflectable {
    public var description: String { "CredentialsFile(\(path))" }

    /// Without the values: dumping a file shows no token.
    public var customMirror: Mirror { Mirror(self, children: ["path": path, "profileNames": profileNames]) }
}
