import Podstack

/// Where a profile keeps its token: the credentials file, or the keyring and in the file how to get it from there.
/// Never both.
struct StoredToken {
    let profile: String
    let path: String
    private let context: Context
    private let warn: (String) -> Void

    init(_ invocation: Invocation) throws {
        profile = invocation.profileName
        path = try CredentialsFile.path(invocation.context.environment)
        context = invocation.context
        warn = invocation.warn
    }

    /// Throws when a token could not be stored, before anybody is asked for it.
    func check(usingKeyring: Bool) async throws {
        let file = try CredentialsFile(changing: path)
        guard usingKeyring else { return }
        let keyring = try Keyring(context)
        if file.value(.credentialProcess, profile: profile)?.isEmpty == false,
            Keyring.entry(of: profile, in: file) == nil
        {
            throw CommandError(
                message: "\(path): [\(profile)] has a credential_process of its own",
                hint: "podstack config unset credential_process removes it")
        }
        try await keyring.check()
    }

    /// Replaces what the profile had, wherever that was. When it throws, the profile has what it had.
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
        // Clients that run ask for the same entry again. But a token of another service must not be in the entry that
        // still counts for this one.
        let stays =
            former.map { entries.contains($0) && isSame(endpoint, as: file) } ?? false
            && file.value(.apiToken, profile: profile) == nil
        let entry = (stays ? former : entries.first { $0 != former }) ?? entries[0]
        let keyring = try Keyring(context)
        try keyring.use(entry, for: profile, in: &file)
        try file.remove(.apiToken, profile: profile)
        try file.remove(.pendingAPIToken, profile: profile)
        try set(endpoint, in: &file)
        let label = "Podstack API token of [\(profile)] in \(path)"
        if stays {
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

    /// Where it was; nil when there was none.
    func remove() async throws -> Kind? {
        let lock = try await lock()
        defer { lock?.release() }
        var file = try CredentialsFile(changing: path)
        let former = Keyring.entry(of: profile, in: file)
        guard former != nil || file.value(.apiToken, profile: profile) != nil else { return nil }
        if let former {
            // First, so that what is left in a keyring that is locked can still be found.
            try await Keyring(context).erase(Set(Keyring.entries(of: profile, path: path) + [former]))
            try file.remove(.credentialProcess, profile: profile)
            try file.remove(.credentialStoreProcess, profile: profile)
        }
        try file.remove(.apiToken, profile: profile)
        try file.remove(.pendingAPIToken, profile: profile)
        try file.save()
        return former == nil ? .file : .keyring
    }

    /// Of a profile in the keyring: a rotation would put its token where nobody looks any more.
    private func lock() async throws -> FileLock? {
        guard try Keyring.entry(of: profile, in: CredentialsFile(changing: path)) != nil else { return nil }
        return try await TokenStorage.lock(file: path, context.time)
    }

    private func set(_ endpoint: ClientConfiguration.Setting<APIEndpoint>, in file: inout CredentialsFile) throws {
        // The token is of that service: without it, the next call would take the token to another.
        if endpoint.source != .default { try file.set(.apiEndpoint, to: endpoint.value.url, profile: profile) }
    }

    private func isSame(_ endpoint: ClientConfiguration.Setting<APIEndpoint>, as file: CredentialsFile) -> Bool {
        let former = file.value(.apiEndpoint, profile: profile).flatMap { $0.isEmpty ? nil : $0 }
        return former ?? APIEndpoint.podstack.url == endpoint.value.url
    }

    /// What was replaced: to keep it does no harm to the new one.
    private func erase(_ entries: Set<String>) async {
        do { try await Keyring(context).erase(entries) } catch {
            warn("the token from before is still in the keyring: \(ErrorReport(error).body.message)")
        }
    }
}
