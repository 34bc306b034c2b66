import Podstack

/// The place that holds the token of a profile: the credentials file or the keyring, never both.
///
/// For a token in the keyring, the credentials file holds the commands that read and replace it.
struct StoredToken {
    let profile: String
    let path: String
    private let context: Context
    private let warn: (String) -> Void

    /// Creates the place of a profile; nil for the profile that the command changes.
    init(_ invocation: Invocation, profile: String? = nil) throws {
        self.profile = profile ?? invocation.profileName
        path = try CredentialsFile.path(invocation.context.environment)
        context = invocation.context
        warn = invocation.warn
    }

    /// Throws when a token could not be stored.
    ///
    /// Call it before the user is asked for a token.
    func check(usingKeyring: Bool) async throws {
        let file = try CredentialsFile(changing: path)
        guard usingKeyring else { return }
        let keyring = try Keyring(context)
        if file.value(.credentialProcess, profile: profile)?.isEmpty == false,
            Keyring.entry(of: profile, in: file) == nil
        {
            throw CommandError(
                message: "\(path): [\(profile)] has its own credential_process",
                hint: "podstack config unset credential_process removes it")
        }
        try await keyring.check()
    }

    /// Stores a token, and removes the former token of the profile from the file and the keyring.
    ///
    /// When it throws, the profile still has its former token.
    func store(_ token: APIToken, for endpoint: ClientConfiguration.Setting<APIEndpoint>, usingKeyring: Bool)
        async throws
    {
        let lock = try await lock()
        defer { lock?.release() }
        var file = try CredentialsFile(changing: path)
        let former = Keyring.entry(of: profile, in: file)
        let entries = Keyring.entries(of: profile, path: path)
        guard usingKeyring else {
            try token.withSecret { try file.set(.apiToken, to: $0, profile: profile) }
            try set(endpoint, in: &file)
            guard let former else { return try file.save() }
            try file.remove(.credentialProcess, profile: profile)
            try file.remove(.credentialStoreProcess, profile: profile)
            try file.save()
            return await erase(Set(entries + [former]))
        }
        // The entry is kept, because running clients read it again. But a token of another service must not replace the
        // token of an entry that the profile still uses for the former service.
        let keepsEntry =
            former.map { entries.contains($0) && isSame(endpoint, as: file) } ?? false
            && file.value(.apiToken, profile: profile) == nil
        let entry = (keepsEntry ? former : entries.first { $0 != former }) ?? entries[0]
        let keyring = try Keyring(context)
        try keyring.use(entry, for: profile, in: &file)
        try file.remove(.apiToken, profile: profile)
        try file.remove(.pendingAPIToken, profile: profile)
        try set(endpoint, in: &file)
        let label = "Podstack API token of [\(profile)] in \(path)"
        if keepsEntry {
            try file.save()
            try await keyring.store(token, as: entry, label: label)
        } else {
            try await keyring.store(token, as: entry, label: label)
            do { try file.save() } catch {
                try? await keyring.erase([entry])
                throw error
            }
        }
        await erase(Set(entries + [former].compactMap(\.self)).subtracting([entry]))
    }

    enum Kind { case file, keyring }

    /// Removes the token of the profile.
    ///
    /// - Returns: The kind of place that held the token; nil when there was no token.
    func remove() async throws -> Kind? {
        let lock = try await lock()
        defer { lock?.release() }
        var file = try CredentialsFile(changing: path)
        let former = Keyring.entry(of: profile, in: file)
        let keys = [CredentialsFile.Key.apiToken, .pendingAPIToken]
        guard former != nil || keys.contains(where: { file.value($0, profile: profile) != nil }) else { return nil }
        if let former {
            // Before the file changes, so that a token in a locked keyring can still be found.
            try await Keyring(context).erase(Set(Keyring.entries(of: profile, path: path) + [former]))
            try file.remove(.credentialProcess, profile: profile)
            try file.remove(.credentialStoreProcess, profile: profile)
        }
        try file.remove(.apiToken, profile: profile)
        try file.remove(.pendingAPIToken, profile: profile)
        try file.save()
        return former == nil ? .file : .keyring
    }

    /// Removes a revoked token of the profile, unless another token is stored by now.
    ///
    /// - Parameter prefix: The prefix of the revoked token; nil for a token in another format.
    /// - Returns: The kind of place that held the token; nil when it stays, such as in a command of the user.
    /// - Throws: The error of the file, the keyring or the lock.
    func remove(ifRevoked prefix: String?) async throws -> Kind? {
        let file = try CredentialsFile(changing: path)
        if let stored = file.value(.apiToken, profile: profile) {
            guard prefix == nil || APIToken(stored).prefix == prefix else { return nil }
        } else if Keyring.entry(of: profile, in: file) == nil {
            return nil
        }
        return try await remove()
    }

    /// Locks a profile that uses the keyring, so that no rotation stores its token in an entry that is given up here.
    private func lock() async throws -> FileLock? {
        guard try Keyring.entry(of: profile, in: CredentialsFile(changing: path)) != nil else { return nil }
        return try await TokenStorage.lock(file: path, context.time)
    }

    private func set(_ endpoint: ClientConfiguration.Setting<APIEndpoint>, in file: inout CredentialsFile) throws {
        // Without the endpoint, the next command would send the token to another service.
        if endpoint.source != .default { try file.set(.apiEndpoint, to: endpoint.value.url, profile: profile) }
    }

    private func isSame(_ endpoint: ClientConfiguration.Setting<APIEndpoint>, as file: CredentialsFile) -> Bool {
        let former = file.value(.apiEndpoint, profile: profile).flatMap { $0.isEmpty ? nil : $0 }
        return former ?? APIEndpoint.podstack.url == endpoint.value.url
    }

    /// Removes replaced entries.
    ///
    /// A failure is only a warning, because the new token is stored.
    private func erase(_ entries: Set<String>) async {
        do { try await Keyring(context).erase(entries) } catch {
            warn("the former token is still in the keyring: \(ErrorReport(error).body.message)")
        }
    }
}
