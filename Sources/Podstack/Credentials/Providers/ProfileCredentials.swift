/// A profile of a credentials file, read again at each question.
public struct ProfileCredentials: CredentialProvider {
    let path: String
    let profile: String
    public let source: ClientConfiguration.Source

    /// Its `api_token`; when that is the one that was refused and a rotation was begun, the new one.
    /// Throws ``AuthenticationError`` when the profile is not there or has none, ``ConfigurationError`` when the file
    /// cannot be read or understood.
    public func credential(insteadOf refused: APIToken?) async throws -> Credential {
        // A pipe may keep its reader waiting.
        try await BlockingThread.run { try read(insteadOf: refused) }
    }

    private func read(insteadOf refused: APIToken?) throws -> Credential {
        let patience = refused == nil ? SecureFile.defaultTimeLimit : SecureFile.timeLimitForMore
        let file = try CredentialsFile(path: path, within: patience)
        guard let profile = file.profile(profile) else {
            throw ErrorMapping.profile(profile, problem: "is not in", path: path, others: file.profileNames)
        }
        guard let entry = profile.entry(.apiToken) else {
            throw ErrorMapping.profile(
                profile.name, problem: "has no api_token in", path: path, others: file.profileNames)
        }
        let token = try ErrorMapping.usable(entry.value, from: profile.source(entry))
        if token == refused, let pending = profile.entry(.pendingAPIToken) {
            return Credential(try ErrorMapping.usable(pending.value, from: profile.source(pending)))
        }
        return Credential(token)
    }
}

extension CredentialProvider where Self == ProfileCredentials {
    /// A profile of the credentials file at `path`; nil for ``CredentialsFile/path(_:)``, which may throw.
    public static func file(_ path: String? = nil, profile: String = "default") throws -> ProfileCredentials {
        let path = try path ?? CredentialsFile.path(.process)
        return ProfileCredentials(path: path, profile: profile, source: .profile(profile, path: path, line: 0))
    }
}
