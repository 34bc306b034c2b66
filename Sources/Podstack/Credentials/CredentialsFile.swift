package import PodstackSystem

/// The file `~/.podstack/credentials`: profiles, each with a token and settings.
///
/// ```swift
/// var file = try CredentialsFile(path: CredentialsFile.path())
/// try file.set(.apiToken, to: token, profile: "production")
/// try file.save()
/// ```
///
/// A value. ``save()`` reads the file again under a lock and repeats the changes there, so that concurrent writers lose
/// nothing. Comments, order and unknown keys are preserved. Source: Config File.
public struct CredentialsFile: Sendable {
    /// The keys that have a meaning; other keys are preserved.
    public enum Key: String, CaseIterable, Sendable {
        /// The API token.
        case apiToken = "api_token"
        /// The project that operations use.
        case projectID = "project_id"
        /// The address of the service.
        case apiEndpoint = "api_endpoint"
        /// A command that prints a token that is stored elsewhere.
        case credentialProcess = "credential_process"
        /// A command that stores the token that it reads, so that `credential_process` prints it from then on.
        case credentialStoreProcess = "credential_store_process"
        /// The new secret of a token during a rotation; used when the service rejects `api_token`.
        case pendingAPIToken = "pending_api_token"
        /// In the profile `default`: the name of the profile that is used instead when none is named.
        case profile
    }

    private enum Change: Sendable {
        case set(Key, String, profile: String)
        case remove(Key, profile: String, ifValueIs: String?)
        /// Replaces `api_token` by `pending_api_token`, unless another writer has changed the latter.
        case promotePending(String, profile: String)
        case removeProfile(String)
    }

    /// The path that the file was read from.
    ///
    /// Bytes that are not UTF-8 are represented as in ``PodstackEnvironment/subscript(_:)``.
    public var path: String { filePath.text }
    /// The path as the system represents it.
    package let filePath: FilePath
    private var document: INIDocument
    private var changes: [Change] = []
    /// Whether other users may access this user's file, which nothing requires.
    public var isReadableByOthers: Bool { rightsOfOthers != nil }
    /// The rights of others to the file, such as "read and change"; nil when they have none.
    package let rightsOfOthers: String?
    let isWritableByOwnerAlone: Bool
    /// Whether the file existed when it was read.
    package let isThere: Bool

    /// Reads a credentials file; a file that does not exist has no profiles.
    ///
    /// - Parameter path: The path of the file; `~` at its start is replaced by the home directory.
    /// - Throws: ``ConfigurationError`` with the path and the line when the file cannot be read or parsed.
    public init(path: String) throws {
        try self.init(PodstackEnvironment.process.path(path), within: SecureFile.defaultTimeLimit)
    }

    /// Reads a credentials file, waiting for at most `timeLimit` if it is a pipe.
    package init(_ path: FilePath, within timeLimit: Duration = SecureFile.defaultTimeLimit) throws {
        filePath = path
        let content = try SecureFile.read(path, within: timeLimit)
        document = try Self.parse(content?.bytes ?? [], path: path)
        isThere = content != nil
        rightsOfOthers = content?.rightsOfOthers
        isWritableByOwnerAlone = content?.isWritableByOwnerAlone ?? false
    }

    /// Reads a file that will be saved.
    ///
    /// - Parameter path: The path of the file.
    /// - Throws: ``ConfigurationError`` when the file cannot be read or parsed, or is a pipe or a device.
    package init(changing path: String) throws {
        let path = try PodstackEnvironment.process.path(path)
        try SecureFile.checkReplaceable(path)
        try self.init(path)
    }

    /// The names of the profiles, in the order of the file.
    public var profileNames: [String] { document.sectionNames }

    /// Returns whether the file has a profile whose name consists of the same bytes.
    ///
    /// - Parameter name: The name of the profile.
    /// - Returns: Whether the profile exists.
    package func hasProfile(_ name: String) -> Bool { document.entries(of: name) != nil }

    /// Returns the value of a key in a profile.
    ///
    /// The value of ``Key/apiToken`` is a secret: do not print it.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - profile: The name of the profile.
    /// - Returns: The value; nil when the profile or the key does not exist.
    public func value(_ key: Key, profile: String) -> String? {
        document.entries(of: profile)?.first { $0.key == key.rawValue }?.value
    }

    /// Keys without a meaning, often misspelled ones, with their lines.
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

    /// Sets a key of a profile, and creates the profile if it does not exist.
    ///
    /// A new ``Key/apiToken`` or ``Key/apiEndpoint`` removes the ``Key/pendingAPIToken``, which belongs to the former one.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - value: The new value.
    ///   - profile: The name of the profile.
    /// - Throws: ``ConfigurationError`` when the value or the name cannot be represented in the file.
    public mutating func set(_ key: Key, to value: String, profile: String) throws {
        let isNew = [.apiToken, .apiEndpoint].contains(key) && self.value(key, profile: profile) != value
        try apply(.set(key, value, profile: profile))
        if isNew { try remove(.pendingAPIToken, profile: profile) }
    }

    /// Removes a key from a profile.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - profile: The name of the profile.
    /// - Throws: ``ConfigurationError`` when the file without the key could not be parsed.
    public mutating func remove(_ key: Key, profile: String) throws {
        let isNew = [.apiToken, .apiEndpoint].contains(key) && value(key, profile: profile) != nil
        try apply(.remove(key, profile: profile, ifValueIs: nil))
        if isNew { try remove(.pendingAPIToken, profile: profile) }
    }

    /// Removes a key from a profile unless another writer has changed its value.
    mutating func remove(_ key: Key, profile: String, ifValueIs value: String) throws {
        try apply(.remove(key, profile: profile, ifValueIs: value))
    }

    /// Replaces the token of a profile by the pending one, unless another writer has removed or replaced that.
    ///
    /// A login during a rotation removes it, and stores a token that must stay.
    mutating func promotePending(_ value: String, profile: String) throws {
        try apply(.promotePending(value, profile: profile))
    }

    /// Removes a profile and everything in it.
    ///
    /// - Parameter profile: The name of the profile.
    /// - Throws: ``ConfigurationError`` when the file without the profile could not be parsed.
    public mutating func remove(profile: String) throws { try apply(.removeProfile(profile)) }

    /// Writes the changes, completely or not at all, to a file that only its owner can read.
    ///
    /// - Throws: ``ConfigurationError`` when the file cannot be written, or can no longer be parsed. Then it stays as it
    ///   was.
    public mutating func save() throws {
        let changes = changes
        try SecureFile.update(filePath) { bytes in
            var document = try Self.parse(bytes, path: filePath)
            for change in changes { try Self.apply(change, to: &document, path: filePath) }
            self.document = document
            return document.bytes
        }
        self.changes = []
    }

    private mutating func apply(_ change: Change) throws {
        try Self.apply(change, to: &document, path: filePath)
        changes.append(change)
    }

    private static func apply(_ change: Change, to document: inout INIDocument, path: FilePath) throws {
        do {
            switch change {
            case .set(let key, let value, let profile): try document.set(key.rawValue, to: value, section: profile)
            case .remove(let key, let profile, let value):
                let current = document.entries(of: profile)?.first { $0.key == key.rawValue }?.value
                if value == nil || current == value { _ = try document.remove(key.rawValue, section: profile) }
            case .promotePending(let value, let profile):
                let pending = document.entries(of: profile)?.first { $0.key == Key.pendingAPIToken.rawValue }?.value
                guard pending == value else { break }
                try document.set(Key.apiToken.rawValue, to: value, section: profile)
                _ = try document.remove(Key.pendingAPIToken.rawValue, section: profile)
            case .removeProfile(let profile): _ = try document.remove(section: profile)
            }
        } catch {
            throw ErrorMapping.credentialsFile(error, path: path)
        }
    }

    private static func parse(_ bytes: [UInt8], path: FilePath) throws -> INIDocument {
        do { return try INIDocument(bytes) } catch {
            var error = ErrorMapping.credentialsFile(error, path: path)
            let copy = path + FileReplacement.copySuffix
            if (try? SecureFile.read(copy, within: .zero)) != nil {
                error.hint = "\(copy) contains the content before the last change, which did not finish"
            }
            throw error
        }
    }
}

extension CredentialsFile {
    /// Returns the path of the credentials file: `PODSTACK_CREDENTIALS_FILE`, else `~/.podstack/credentials`.
    ///
    /// - Parameter environment: The environment to look in.
    /// - Returns: The path; the file may not exist.
    /// - Throws: ``ConfigurationError`` when there is no home directory, or when it is a relative path.
    public static func path(_ environment: PodstackEnvironment = .process) throws -> String {
        guard let path = try filePath(environment) else {
            throw ConfigurationError(message: "There is no home directory to look for a credentials file in")
        }
        return path.text
    }

    /// Returns the path of the credentials file; nil when there is no home directory.
    ///
    /// - Parameter environment: The environment to look in.
    /// - Returns: The path; the file may not exist.
    /// - Throws: ``ConfigurationError`` when the home directory is a relative path.
    static func filePath(_ environment: PodstackEnvironment) throws(ConfigurationError) -> FilePath? {
        if let text = environment[.credentialsFile] {
            // Otherwise a login would create a file with the token as its name.
            let source = environment.source(of: .credentialsFile)
            try SettingCheck.refuseToken(in: text, insteadOf: "the path of a file", from: source)
            return try environment.path(text)
        }
        return try environment.home()?.appending(".podstack/credentials")
    }

    /// The name of the profile that is used when no other one is selected.
    package static let defaultProfile = "default"

    /// The name of the profile that is used when none is named: the one that the profile `default` selects, or `default`.
    package var selectedProfile: String {
        value(.profile, profile: Self.defaultProfile).flatMap { $0.isEmpty ? nil : $0 } ?? Self.defaultProfile
    }

    /// Selects the profile that is used when none is named.
    ///
    /// - Parameter name: The name of the profile; `default` selects none.
    /// - Throws: ``ConfigurationError`` when the name cannot be represented in the file.
    package mutating func select(profile name: String) throws {
        guard name == Self.defaultProfile else { return try set(.profile, to: name, profile: Self.defaultProfile) }
        try remove(.profile, profile: name)
        if document.entries(of: name)?.isEmpty == true { try remove(profile: name) }
    }

    /// Returns the name of the profile that applies when the program names none.
    ///
    /// - Parameter environment: The environment to look in.
    /// - Returns: The value of `PODSTACK_PROFILE`, else the profile that the credentials file selects, else `default`.
    public static func ambientProfileName(_ environment: PodstackEnvironment) -> String {
        if let name = environment[.profile] { return name }
        // Opened for changing, which rejects a pipe: reading would empty it.
        let file = try? CredentialsFile(changing: path(environment))
        return file?.selectedProfile ?? defaultProfile
    }

    /// Removes the rights of all users except the owner.
    ///
    /// - Parameter path: The path of the file.
    /// - Returns: Whether others had any rights.
    /// - Throws: ``ConfigurationError`` when the mode cannot be changed.
    @discardableResult
    public static func restrict(path: String) throws -> Bool {
        try SecureFile.restrict(PodstackEnvironment.process.path(path))
    }
}

extension CredentialsFile: CustomStringConvertible, CustomReflectable {
    /// The path of the file.
    public var description: String { "CredentialsFile(\(TokenRedaction.redact("\(filePath)")))" }

    /// A mirror without the values, so that dumping a file shows no token.
    public var customMirror: Mirror {
        let (path, names) = (TokenRedaction.redact("\(filePath)"), profileNames.map(TokenRedaction.redact))
        return Mirror(self, children: ["path": path, "profileNames": names])
    }
}

// MARK: - Profiles

/// One profile of a credentials file.
struct Profile: Sendable {
    typealias Entry = INIDocument.Entry

    var name: String
    /// The path of the file that contains the profile.
    var path: String
    var entries: [Entry]
    /// The rights of others to the file; nil when they have none.
    var rightsOfOthers: String?
    /// Whether the file belongs to the user and others cannot write to it.
    var mayRunCommands: Bool
    /// The setting of the file that selected the profile; nil when none did.
    var selection: ClientConfiguration.Source?

    /// Returns the entry for a key; nil when it does not exist or is empty.
    func entry(_ key: CredentialsFile.Key) -> Entry? {
        entries.first { $0.key == key.rawValue && !$0.value.isEmpty }
    }

    func source(_ entry: Entry) -> ClientConfiguration.Source { .profile(name, path: path, line: entry.line) }
    func processSource(_ entry: Entry) -> ClientConfiguration.Source { .process(name, path: path, line: entry.line) }
}
