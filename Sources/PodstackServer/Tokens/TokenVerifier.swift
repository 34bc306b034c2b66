import PodstackAPI
import PodstackCryptography

/// Decides whether a token is good: its checksum, what is known of it, else the database.
final class TokenVerifier: Sendable {
    private let database: any Database
    private let digest: TokenDigest
    private let verified = VerifiedTokens()

    init(database: any Database, digest: TokenDigest) {
        self.database = database
        self.digest = digest
    }

    /// Throws the 401 that fits. A token's state is told only to who holds its secret.
    func verify(_ token: some Collection<UInt8>, now: Int64) throws -> Identity {
        guard case .wellFormed(let id) = TokenFormat.shape(of: token) else { throw Refusal.malformed }
        let hash = Sodium.sha256(token)
        let key = VerifiedTokens.Key(hash)
        let (known, epoch) = verified.find(key)
        if let known {
            if known.token.isExpired(at: now) { throw Refusal.expired(known.token) }
            return known
        }
        let identity = try lookUp(id, hash: hash)
        if identity.token.revokedAt != nil { throw Refusal.revoked(identity.token) }
        if identity.token.isExpired(at: now) { throw Refusal.expired(identity.token) }
        verified.insert(identity, for: key, since: epoch)
        return identity
    }

    /// Must be called after a change to a token is durable and before it is answered.
    func forget(_ id: String) { verified.forget(id: id) }

    private func lookUp(_ id: String, hash: [UInt8]) throws -> Identity {
        let (record, identity) = try database.read { connection in
            let record = try TokenStore.find(id, in: connection)
            return (record, try record.flatMap { try Identity.find($0, in: connection) })
        }
        // An unknown id costs the same as a wrong secret.
        let expected = record?.digest ?? [UInt8](repeating: 0, count: 32)
        let isRight = Sodium.constantTimeEqual(digest.digest(ofSHA256: hash), expected)
        guard isRight, let identity else { throw Refusal.invalid }
        return identity
    }
}
