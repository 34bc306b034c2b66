import PodstackAPI
import PodstackCryptography

/// Decides whether a token is good: its checksum, what is known of it, else the database.
final class TokenVerifier: Sendable {
    private let database: any Database
    private let digest: SecretDigest
    private let verified: VerifiedTokens

    init(database: any Database, digest: SecretDigest) {
        self.database = database
        self.digest = digest
        verified = VerifiedTokens(lease: database.lease, foreignChanges: database.foreignChanges)
    }

    /// From now on, what is known is used though others may change it.
    func follow(_ log: Log) throws { try database.follow(verified, log) }

    /// Throws the 401 that fits. A token's state is told only to who holds its secret.
    ///
    /// The first use of a secret that waits makes it the current one, durably, before this returns.
    func verify(
        _ token: some Collection<UInt8>, from address: ClientAddress = .unknown, now: Int64
    ) throws -> Identity {
        // Nothing of another length is worth a hash.
        guard token.count == TokenFormat.length else { throw DomainError.unauthenticated(.malformed) }
        let hash = Sodium.sha256(token)
        let key = VerifiedTokens.Key(hash)
        while true {
            let (known, epoch) = verified.find(key)
            if let known {
                if now < known.endsAt { return known }
                throw DomainError.unauthenticated(known.failure(at: now) ?? .invalid)
            }
            // What is known was well-formed when it was looked up.
            guard case .wellFormed(let id) = TokenFormat.shape(of: token) else {
                throw DomainError.unauthenticated(.malformed)
            }
            let digest = digest.digest(ofSHA256: hash)
            guard let identity = try lookUp(id, digest, hash) else {
                try database.write { try self.digest.renew(hash, of: id, in: $0) }
                continue
            }
            if let failure = identity.failure(at: now) { throw DomainError.unauthenticated(failure) }
            if case .waiting = identity.standing {
                try startUsing(id, digest, from: address, now: now)
                continue
            }
            verified.insert(identity, for: key, since: epoch)
            return identity
        }
    }

    /// How many secrets are known to be good without the database.
    var knownCount: Int { verified.count }

    /// Must be called after a change is durable and before it is answered.
    @Sendable func forget(_ announcement: Announcement) { verified.forget(announcement) }

    /// Nil when the secret is still kept under the pepper before.
    private func lookUp(_ id: String, _ digest: [UInt8], _ hash: [UInt8]) throws -> Identity? {
        try database.read { connection in
            let secrets = try SecretStore.all(of: id, in: connection)
            let standing = secrets.standing(of: digest)
            if standing == nil, let old = self.digest.previous(ofSHA256: hash), secrets.standing(of: old) != nil {
                return nil
            }
            guard let standing, let token = try TokenStore.find(id, in: connection),
                let identity = try Identity.find(token, standing, in: connection)
            else { throw DomainError.unauthenticated(.invalid) }
            return identity
        }
    }

    /// From now on the secret before it only lives out its grace, and so do those before that.
    private func startUsing(
        _ id: String, _ digest: [UInt8], from address: ClientAddress, now: Int64
    ) throws {
        try database.write { connection in
            guard var token = try TokenStore.find(id, in: connection), let waiting = token.waiting,
                Sodium.constantTimeEqual(waiting.digest, digest), token.revokedAt == nil
            else { return }
            let end = now + waiting.graceSeconds
            let old = RetiredSecret(digest: token.digest, rotatedAt: now, endsAt: end)
            token = token.asRotated
            try TokenStore.update(token, in: connection)
            try SecretStore.setCurrentUsedFrom(address.description, id, in: connection)
            try SecretStore.end(id, by: end, in: connection)
            try SecretStore.retire(old, of: id, in: connection)
            try connection.announce(Announcement(tokens: [id]))
        }
        forget(Announcement(tokens: [id]))
    }
}
