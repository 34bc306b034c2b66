import PodstackAPI
import PodstackCryptography

/// Revokes tokens that somebody found where they should not be.
///
/// Holding one is the proof. Nothing is said about any of them, so that a report tells the reporter nothing.
struct LeakReport: Sendable {
    private struct Proof {
        var id: String
        var hash: [UInt8]
    }

    let changes: Changes
    let digest: SecretDigest

    /// How many tokens this revoked.
    @discardableResult
    func receive(_ tokens: [String], by actor: Actor, now: Int64) throws -> Int {
        let proofs = Set(tokens).compactMap { token in
            TokenFormat.id(of: token).map { id in
                Proof(id: id, hash: Sodium.sha256(token.utf8))
            }
        }
        let proven = try changes.database.read { connection in
            try proofs.filter { try isAlive($0, now, in: connection) != nil }
        }
        guard !proven.isEmpty else { return 0 }
        return try changes.perform(by: actor, at: now) { change in
            var revoked = 0
            for proof in proven {
                // It may have been revoked since, by another of its secrets in this very report too.
                guard let token = try isAlive(proof, now, in: change.connection) else { continue }
                try TokenStore.revoke(token.id, now: now, in: change.connection)
                change.changed(token: token.id)
                try change.record(.tokenRevoked, on: AuditResource(token), ["reason": "reported as leaked"])
                revoked += 1
            }
            return revoked
        }
    }

    /// The token, while the secret is good for anything, or still could come to be.
    private func isAlive(
        _ proof: Proof, _ now: Int64, in connection: any DatabaseConnection
    ) throws -> TokenRecord? {
        guard let token = try TokenStore.find(proof.id, in: connection), token.revokedAt == nil,
            !token.isExpired(at: now)
        else { return nil }
        let secrets = try SecretStore.all(of: proof.id, in: connection)
        let old = digest.previous(ofSHA256: proof.hash)
        switch secrets.standing(of: digest.digest(ofSHA256: proof.hash)) ?? old.flatMap(secrets.standing) {
        case .current: return token
        case .waiting(let secret) where !secret.hasLapsed(at: now): return token
        case .retired(let secret) where secret.endsAt > now: return token
        case .waiting, .retired, nil: return nil
        }
    }
}
