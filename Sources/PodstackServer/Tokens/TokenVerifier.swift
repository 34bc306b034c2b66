import PodstackAPI
import PodstackCryptography

/// A token cannot be verified without a write, for which the thread may not wait.
struct WriteRequired: Error {}

/// A token as a client sends it, which is not verified yet.
struct PresentedToken: Sendable {
    let bytes: [UInt8]
    let key: VerifiedTokens.Key

    /// Creates a token from the bytes of a credential.
    ///
    /// - Throws: ``DomainError/unauthenticated(_:)`` if the length is not that of a token.
    init(_ bytes: some Collection<UInt8>) throws {
        // Checked first, so that text of another length does not cost a hash.
        guard bytes.count == TokenFormat.length else { throw DomainError.unauthenticated(.malformed) }
        self.bytes = Array(bytes)
        key = VerifiedTokens.Key(Sodium.sha256(self.bytes))
    }
}

/// Decides whether a token is valid: by its checksum, then in the cache, then in the database.
final class TokenVerifier: Sendable {
    private let database: any Database
    private let digest: SecretDigest
    private let verified: VerifiedTokens

    init(database: any Database, digest: SecretDigest) {
        self.database = database
        self.digest = digest
        verified = VerifiedTokens(lease: database.lease, foreignChanges: database.foreignChanges)
    }

    /// Starts receiving the announcements of other instances, which the cache needs.
    func follow(_ log: Log) throws { try database.follow(verified, log) }

    /// Returns the identity of a token that is in the cache and authenticates; nil if ``verify(_:from:now:mayWrite:)`` has
    /// to decide.
    ///
    /// Never blocks.
    ///
    /// - Throws: ``DomainError/unauthenticated(_:)`` if the token is malformed.
    func verifiedIdentity(of token: PresentedToken, now: Int64) throws -> Identity? {
        let (known, _) = verified.find(token.key)
        if let known { return now < known.endsAt ? known : nil }
        guard case .wellFormed = TokenFormat.shape(of: token.bytes) else {
            throw DomainError.unauthenticated(.malformed)
        }
        return nil
    }

    /// Returns the identity that a token authenticates.
    ///
    /// The first use of a pending secret makes it the current one, durably, before this returns.
    ///
    /// - Parameters:
    ///   - token: The bytes of the token.
    ///   - address: The client's address.
    ///   - now: The time, in seconds since 1970.
    ///   - mayWrite: Whether the thread may wait for the lock of the database.
    /// - Returns: The identity of a secret that authenticates.
    /// - Throws: ``DomainError/unauthenticated(_:)``. It reveals the token's state only to a caller with its secret.
    ///   ``WriteRequired`` if the thread may not wait, and has to.
    func verify(
        _ token: some Collection<UInt8>, from address: ClientAddress = .unknown, now: Int64, mayWrite: Bool = true
    ) throws -> Identity {
        // Checked first, so that text of another length does not cost a hash.
        guard token.count == TokenFormat.length else { throw DomainError.unauthenticated(.malformed) }
        let hash = Sodium.sha256(token)
        let key = VerifiedTokens.Key(hash)
        while true {
            let (known, epoch) = verified.find(key)
            if let known {
                if now < known.endsAt { return known }
                throw DomainError.unauthenticated(known.failure(at: now) ?? .invalid)
            }
            // Not needed for a token in the cache, whose format was checked before it was inserted.
            guard case .wellFormed(let id) = TokenFormat.shape(of: token) else {
                throw DomainError.unauthenticated(.malformed)
            }
            let digest = digest.digest(ofSHA256: hash)
            guard let identity = try lookUp(id, digest, hash) else {
                guard mayWrite else { throw WriteRequired() }
                try database.write { try self.digest.renew(hash, of: id, in: $0) }
                continue
            }
            if let failure = identity.failure(at: now) { throw DomainError.unauthenticated(failure) }
            if case .pending = identity.state {
                guard mayWrite else { throw WriteRequired() }
                try recordFirstUse(of: digest, identity.token.id, from: address, now: now)
                continue
            }
            verified.insert(identity, for: key, since: epoch)
            return identity
        }
    }

    /// The number of secrets in the cache.
    var knownCount: Int { verified.count }

    /// Removes what an announcement names from the cache.
    ///
    /// Must be called after a change is durable and before its response is sent.
    @Sendable func forget(_ announcement: Announcement) { verified.forget(announcement) }

    /// Reads the identity of a secret from the database.
    ///
    /// An unknown ID costs the same as a wrong secret: the same statements run, and the digest is compared with the
    /// secrets of another token.
    ///
    /// - Returns: The identity; nil if the secret's digest is stored under the previous pepper.
    private func lookUp(_ id: String, _ digest: [UInt8], _ hash: [UInt8]) throws -> Identity? {
        try database.read { connection in
            let found = try TokenStore.verifiable(id, in: connection)
            let match = try found.token(with: digest)
            if match == nil, let old = self.digest.previous(ofSHA256: hash), try found.token(with: old) != nil {
                return nil
            }
            guard let (token, state) = match, let user = try UserStore.find(id: token.userID, in: connection) else {
                throw DomainError.unauthenticated(.invalid)
            }
            return Identity(token: token, state: state, user: user) { [database] projectID in
                try database.read {
                    try MemberStore.membership(userID: user.id, projectID: projectID, in: $0)
                }
            }
        }
    }

    /// Writes the first use of a pending secret, which becomes the current one.
    private func recordFirstUse(
        of digest: [UInt8], _ id: String, from address: ClientAddress, now: Int64
    ) throws {
        // Also after a failure: the change may be durable although the database did not confirm it.
        defer { forget(Announcement(tokens: [id])) }
        try database.write { connection in
            guard let token = try TokenStore.find(id, in: connection) else { return }
            var secrets = try SecretStore.secrets(of: token, in: connection)
            let actions = secrets.firstUse(of: digest, at: now)
            // Another request may have been first, or the token may have been revoked: the caller reads the token again.
            guard !actions.isEmpty else { return }
            try SecretStore.apply(actions, to: id, in: connection)
            try SecretStore.setCurrentUsedFrom(address.description, id, in: connection)
            try connection.announce(Announcement(tokens: [id]))
        }
    }

    /// Reads the authority of an actor inside the transaction of a change.
    ///
    /// A change waits for the one writer. Meanwhile the actor's token may be revoked, rotated, narrowed or expire, its
    /// session may end, or its user may be disabled.
    ///
    /// - Throws: ``SessionEnded``, or ``DomainError/unauthenticated(_:)``, as a request that arrives now would get.
    @Sendable static func authority(
        of actor: Actor, at now: Int64, in connection: any DatabaseConnection
    ) throws -> Authority {
        if let id = actor.sessionID {
            let user = try WebSessions.check(id, at: now, in: connection).user
            var authority = Authority(user.grant, in: connection)
            authority.isOperator = user.isOperator
            return authority
        }
        guard let id = actor.tokenID, let token = try TokenStore.find(id, in: connection),
            let state = try state(of: actor.secretDigest, token, in: connection),
            let user = try UserStore.find(id: token.userID, in: connection)
        else { throw DomainError.unauthenticated(.invalid) }
        if let failure = state.failure(at: now, token.lifetime) { throw DomainError.unauthenticated(failure) }
        guard !user.isDisabled else { throw DomainError.unauthenticated(.accountDisabled) }
        return Authority(token.grant, in: connection)
    }

    private static func state(
        of digest: [UInt8]?, _ token: TokenRecord, in connection: any DatabaseConnection
    ) throws -> SecretState? {
        guard let digest else { return nil }
        return try SecretStore.secrets(of: token, in: connection).state(of: digest)
    }
}
