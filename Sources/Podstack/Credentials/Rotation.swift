import PodstackAPI
import PodstackSystem

/// Rotates the token in use.
///
/// The steps are: generate a secret, write it next to the old one, register it with the service, use it once, and put
/// it in the place of the old one.
///
/// 1. The new secret is written down before the service knows it, and the service accepts the old secret until the new
///    one is first used. So after a crash at any step, the file contains a token that works.
/// 2. A command that stores one token receives the new one after it is registered and before its first use, while both
///    work. So does a mounted file, beside which no second one can be written.
/// 3. The new secret is removed from the file only when the service responds with a status below 500. After a 5xx or
///    without a response, the rotation may have taken effect.
struct Rotation {
    let pipeline: Pipeline

    func rotate(grace: Duration?) async throws -> (token: Token, secret: APIToken) {
        var work = BlockingWork.current
        // Each wait may take as long as a request, which the client limits one by one too.
        work.limit = min(work.limit ?? pipeline.timeout, pipeline.timeout)
        let onWarning = work.onWarning
        work.onWarning = { [events = pipeline.events] warning in
            if events.isActive { events.send { .warning(warning) } } else { onWarning(warning) }
        }
        return try await BlockingWork.$current.withValue(work) { try await rotateUnderLock(grace: grace) }
    }

    private func rotateUnderLock(grace: Duration?) async throws -> (token: Token, secret: APIToken) {
        let storage = TokenStorage(pipeline.credentials.provider)
        // One rotation at a time: the slower of two would write a token that the faster one has already replaced.
        let lock = try await storage.lock(within: pipeline.timeout, pipeline.time)
        defer { lock?.release() }
        let current = try await storage.path == nil ? pipeline.credentials.token() : recoveredToken(storage)
        // A storage that cannot be written to stops the rotation before it begins.
        try await storage.keep(current)
        guard let id = current.withSecret({ TokenFormat.id(of: $0) }) else {
            return try await rotateByService(grace: grace, storage)
        }
        let new = GeneratedToken(id: id)
        try storage.prepare(new.secret)
        let rotation = TokenRotation(graceSeconds: grace?.wholeSeconds, id: id, sha256: new.sha256)
        do {
            try await pipeline.call(.post("/v1/tokens/self/rotate", rotation))
        } catch let error as any ServiceError {
            // A page of a gateway does not say whether the service received the request.
            if !(error is ServerError) { try? storage.abandon(new.secret) }
            throw error
        }
        return try await finish(new.secret, storage)
    }

    /// Completes or abandons an earlier rotation that did not finish, and returns the token that works.
    private func recoveredToken(_ storage: TokenStorage) async throws -> APIToken {
        let current = try await pipeline.credentials.reread()
        guard let pending = try storage.pending(of: current) else { return current }
        do {
            return try await finish(pending, storage).secret
        } catch is AuthenticationError {
            try storage.abandon(pending)
            return try await pipeline.credentials.reread()
        }
    }

    /// Rotates a token in another format: it has no ID to generate a secret for.
    private func rotateByService(
        grace: Duration?, _ storage: TokenStorage
    ) async throws -> (token: Token, secret: APIToken) {
        let call = try Call.post("/v1/tokens/self/rotate", TokenRotation(graceSeconds: grace?.wholeSeconds))
        let created: CreatedToken = try await pipeline.call(call)
        guard let text = created.secret else { throw ErrorMapping.secretNotShown() }
        let secret = APIToken(text)
        try storage.prepare(secret)
        return try await finish(secret, storage)
    }

    private func finish(
        _ secret: APIToken, _ storage: TokenStorage
    ) async throws -> (token: Token, secret: APIToken) {
        try await storage.keep(secret)
        let token: Token = try await pipeline.call(Call.get("/v1/tokens/self").with(secret))
        try storage.complete(secret)
        pipeline.credentials.use(secret)
        if case .elsewhere = storage {
            let source = pipeline.credentials.provider.source
            let origin = source.kind == "argument" ? "" : ", \(source.origin)"
            pipeline.events.send {
                .warning("only this client has the new secret: store it where the old one came from\(origin)")
            }
        }
        return (token, secret)
    }
}

// MARK: - Storage

/// The place where the token in use is stored, and replaced by a rotation.
package enum TokenStorage {
    /// A profile of the credentials file at `path`.
    case profile(String, path: String)
    /// A file that contains only the token.
    case file(String)
    /// A `credential_store_process` in the credentials file at `path`.
    case command(ProcessCredentials, path: String)
    /// An argument, a variable, or a command that only reads: the caller must store the new secret.
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

    /// Waits until no other rotation of this storage is in progress; nil when there is no file to lock.
    func lock(within limit: Duration, _ time: TimeSource) async throws -> FileLock? {
        guard let path else { return nil }
        return try await Self.lock(file: path, within: limit, time)
    }

    /// Waits until no other rotation of the tokens in a file is in progress.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - limit: The longest time to wait.
    ///   - time: The clock to wait with.
    /// - Returns: The lock, which other rotations wait for until it is released; nil where files cannot be locked.
    /// - Throws: ``ConfigurationError`` when the lock file is not a file or the time is up, `CancellationError` when
    ///   canceled.
    package static func lock(
        file path: String, within limit: Duration = FileLock.defaultTimeLimit, _ time: TimeSource
    ) async throws -> FileLock? {
        let path = SecureFile.resolved(FilePath(path)) + ".rotation.lock"
        guard let lock = try FileLock.open(path) else {
            FileFailure.warn(.notLocked, path, 0)
            return nil
        }
        _ = try await lock.wait(within: limit, time)
        return lock
    }

    var path: String? {
        switch self {
        case .profile(_, let path), .file(let path), .command(_, let path): path
        case .elsewhere: nil
        }
    }

    /// Returns the secret that an unfinished rotation of a token wrote.
    ///
    /// A secret of another token is left by a rotation before the token was replaced. It may belong to another user or
    /// service, so it is never sent.
    func pending(of current: APIToken) throws -> APIToken? {
        let pending: APIToken?
        switch self {
        case .profile(let name, let path):
            pending = try CredentialsFile(path: path).value(.pendingAPIToken, profile: name).map(APIToken.init)
        case .file(let path):
            pending = try TokenFileCredentials.read(TokenFileCredentials.pendingPath(path)).map(APIToken.init)
        // A command stores one token, which `keep` replaces before its first use.
        case .command, .elsewhere: return nil
        }
        return pending.flatMap { $0.isSecret(of: current) ? $0 : nil }
    }

    /// Writes the new token next to the old one, which stays in use.
    func prepare(_ new: APIToken) throws {
        switch self {
        case .profile(let name, let path):
            try change(path) { file in
                try new.withSecret { try file.set(.pendingAPIToken, to: $0, profile: name) }
            }
        case .file(let path):
            // Checked first, so that a file that cannot be written stops the rotation before it begins.
            try SecureFile.checkWritable(FilePath(path))
            if hasRoomForPending { try write(new, to: TokenFileCredentials.pendingPath(path)) }
        case .command, .elsewhere: break
        }
    }

    /// Stores a token where only one can be stored: by a command, or in a file that no other can be beside.
    func keep(_ token: APIToken) async throws {
        switch self {
        case .command(let process, _): try await process.store(token)
        case .file(let path) where !hasRoomForPending: try write(token, to: path)
        case .profile, .file, .elsewhere: break
        }
    }

    /// Whether a second file can be written beside a token file; not so beside one that is mounted.
    private var hasRoomForPending: Bool {
        guard case .file(let path) = self else { return true }
        return SecureFile.isFolderWritable(of: FilePath(path))
    }

    /// Replaces the old token by the new one.
    func complete(_ new: APIToken) throws {
        switch self {
        case .profile(let name, let path):
            try change(path) { file in
                try new.withSecret { try file.promotePending($0, profile: name) }
            }
        case .file(let path):
            try write(new, to: path)
            if hasRoomForPending { try SecureFile.remove(FilePath(TokenFileCredentials.pendingPath(path))) }
        case .command, .elsewhere: break
        }
    }

    /// Removes the token that ``prepare(_:)`` wrote; another value in a profile stays.
    func abandon(_ new: APIToken) throws {
        switch self {
        case .profile(let name, let path):
            try change(path) { file in
                try new.withSecret { try file.remove(.pendingAPIToken, profile: name, ifValueIs: $0) }
            }
        case .file(let path):
            if hasRoomForPending { try SecureFile.remove(FilePath(TokenFileCredentials.pendingPath(path))) }
        case .command, .elsewhere: break
        }
    }

    private func change(_ path: String, _ body: (inout CredentialsFile) throws -> Void) throws {
        var file = try CredentialsFile(changing: path)
        try body(&file)
        try file.save()
    }

    private func write(_ token: APIToken, to path: String) throws {
        try token.withSecret { secret in try SecureFile.update(FilePath(path)) { _ in Array("\(secret)\n".utf8) } }
    }
}
