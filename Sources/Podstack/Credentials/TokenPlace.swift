/// Where the token in use is written down, while it is being replaced there.
package enum TokenStorage {
    case profile(String, path: String)
    case file(String)
    /// What the store command of the credentials file at `path` keeps.
    case command(ProcessCredentials, path: String)
    /// An argument, a variable, a command that only reads: who gave it must be told.
    case elsewhere

    init(_ provider: any CredentialProvider) {
        switch provider.source {
        case .profile(let name, let path, _): self = .profile(name, path: path)
        case .file(let path, _): self = .file(path)
        case .process(_, let path, _):
            let process = provider as? ProcessCredentials
            self = process.flatMap { $0.storing == nil ? nil : .command($0, path: path) } ?? .elsewhere
        default: self = .elsewhere
        }
    }

    /// Keeps other rotations of the same place waiting; nil where there is no file.
    func lock(_ time: TimeSource) async throws -> FileLock? {
        guard let path else { return nil }
        return try await Self.lock(file: path, time)
    }

    /// Keeps the rotations of the tokens in a file waiting until it is released, or nobody has it any more.
    package static func lock(file path: String, _ time: TimeSource) async throws -> FileLock {
        let lock = try FileLock(SecureFile.resolved(path) + ".rotation.lock")
        while try !lock.take() { try await time.sleep(.milliseconds(20)) }
        return lock
    }

    private var path: String? {
        switch self {
        case .profile(_, let path), .file(let path), .command(_, let path): path
        case .elsewhere: nil
        }
    }

    /// What an earlier rotation wrote and did not end.
    func pending() throws -> APIToken? {
        switch self {
        case .profile(let name, let path):
            return try CredentialsFile(path: path).value(.pendingAPIToken, profile: name).map(APIToken.init)
        case .file(let path):
            return try TokenFileCredentials.read(TokenFileCredentials.pendingPath(path)).map(APIToken.init)
        // It keeps one token: which one that is changes before the new one is used, see `keep`.
        case .command, .elsewhere: return nil
        }
    }

    /// Writes the new token beside the old one, which stays the one that counts.
    func prepare(_ new: APIToken) throws {
        switch self {
        case .profile(let name, let path):
            try change(path) { file in
                try new.withSecret { try file.set(.pendingAPIToken, to: $0, profile: name) }
            }
        case .file(let path):
            // First, so that a place that cannot be written stops everything before it begins.
            try SecureFile.checkWritable(path)
            try write(new, to: TokenFileCredentials.pendingPath(path))
        case .command, .elsewhere: break
        }
    }

    /// Where only one token can be kept, the given one is it from now on.
    func keep(_ token: APIToken) async throws {
        if case .command(let process, _) = self { try await process.store(token) }
    }

    /// Puts the new token in the place of the old one.
    func complete(_ new: APIToken) throws {
        switch self {
        case .profile(let name, let path):
            try change(path) { file in
                try new.withSecret { secret in
                    try file.set(.apiToken, to: secret, profile: name)
                    try file.remove(.pendingAPIToken, profile: name, ifValueIs: secret)
                }
            }
        case .file(let path):
            try write(new, to: path)
            try SecureFile.remove(TokenFileCredentials.pendingPath(path))
        case .command, .elsewhere: break
        }
    }

    /// Takes back what ``prepare(_:)`` wrote, unless somebody else wrote there since.
    func abandon(_ new: APIToken) throws {
        switch self {
        case .profile(let name, let path):
            try change(path) { file in
                try new.withSecret { try file.remove(.pendingAPIToken, profile: name, ifValueIs: $0) }
            }
        case .file(let path): try SecureFile.remove(TokenFileCredentials.pendingPath(path))
        case .command, .elsewhere: break
        }
    }

    private func change(_ path: String, _ body: (inout CredentialsFile) throws -> Void) throws {
        var file = try CredentialsFile(changing: path)
        try body(&file)
        try file.save()
    }

    private func write(_ token: APIToken, to path: String) throws {
        try token.withSecret { secret in try SecureFile.update(path) { _ in Array("\(secret)\n".utf8) } }
    }
}
