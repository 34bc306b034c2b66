import PodstackAPI
import PodstackCryptography

/// Revokes tokens that were found in public.
///
/// Possession of a token is the proof. The result does not depend on the tokens, so that a report tells its sender
/// nothing about them.
struct LeakReport: Sendable {
    /// A reported text that has the form of a token.
    struct Candidate: Sendable, Hashable {
        fileprivate var id: String
        fileprivate var hash: [UInt8]
    }

    let changes: Changes
    let digest: SecretDigest

    /// Returns the texts that have the form of a token, each once; reads no database.
    func candidates(_ tokens: [String]) -> [Candidate] {
        Set(tokens).compactMap { token in
            TokenFormat.id(of: token).map { Candidate(id: $0, hash: Sodium.sha256(token.utf8)) }
        }
    }

    /// Returns the candidates whose secrets authenticate, or would with their first use.
    func proven(_ candidates: [Candidate], now: Int64) throws -> [Candidate] {
        guard !candidates.isEmpty else { return [] }
        return try changes.database.read { connection in
            try candidates.filter { try provenToken($0, now, in: connection) != nil }
        }
    }

    /// Revokes the tokens of the candidates whose secrets still authenticate.
    ///
    /// - Returns: The number of tokens that this call revoked.
    @discardableResult
    func revoke(_ proven: [Candidate], by actor: Actor, now: Int64) throws -> Int {
        try changes.perform(by: actor, at: now) { change in
            var revoked = 0
            for candidate in proven {
                // The token may be revoked by now, even by another of its secrets in the same report.
                guard let token = try provenToken(candidate, change.now, in: change.connection) else { continue }
                try TokenService.revoke(token, because: "reported as leaked", in: change)
                revoked += 1
            }
            return revoked
        }
    }

    /// Returns the token of a secret that authenticates.
    private func provenToken(
        _ proof: Candidate, _ now: Int64, in connection: any DatabaseConnection
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
