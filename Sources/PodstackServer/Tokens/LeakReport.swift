import PodstackAPI
import PodstackCryptography

/// Revokes tokens that were found in public.
///
/// Possession of a token is the proof. The result does not depend on the tokens, so that a report tells its sender
/// nothing about them.
struct LeakReport: Sendable {
    private struct Proof {
        var id: String
        var hash: [UInt8]
    }

    let changes: Changes
    let digest: SecretDigest

    /// Revokes the reported tokens whose secrets authenticate, or would with their first use.
    ///
    /// - Returns: The number of tokens that this call revoked.
    @discardableResult
    func receive(_ tokens: [String], by actor: Actor, now: Int64) throws -> Int {
        let proofs = Set(tokens).compactMap { token in
            TokenFormat.id(of: token).map { id in
                Proof(id: id, hash: Sodium.sha256(token.utf8))
            }
        }
        let proven = try changes.database.read { connection in
            try proofs.filter { try provenToken($0, now, in: connection) != nil }
        }
        guard !proven.isEmpty else { return 0 }
        return try changes.perform(by: actor, at: now) { change in
            var revoked = 0
            for proof in proven {
                // The token may be revoked by now, even by another of its secrets in the same report.
                guard let token = try provenToken(proof, change.now, in: change.connection) else { continue }
                try TokenService.revoke(token, because: "reported as leaked", in: change)
                revoked += 1
            }
            return revoked
        }
    }

    /// Returns the token of a secret that authenticates.
    private func provenToken(
        _ proof: Proof, _ now: Int64, in connection: any DatabaseConnection
    ) throws -> TokenRecord? {
        let found = try TokenStore.verifiable(proof.id, in: connection)
        let digests = [digest.digest(ofSHA256: proof.hash), digest.previous(ofSHA256: proof.hash)].compactMap { $0 }
        for digest in digests {
            guard let (token, state) = try found.token(with: digest) else { continue }
            return state.failure(at: now, token.lifetime) == nil ? token : nil
        }
        return nil
    }
}
