import PodstackAPI
import PodstackCryptography

/// Sees to it that the use of a rotated secret after its grace is in the audit log, with both addresses: the one that
/// used it, and the one that first used the secret which took its place.
struct ReuseWatch: Sendable {
    /// One event for each secret in this time: who repeats it cannot fill the log.
    private static let quiet: Int64 = 3600

    let changes: Changes
    let digest: SecretDigest

    /// `token` was refused because it was rotated.
    func note(_ token: some Collection<UInt8>, from origin: Origin, now: Int64) throws {
        guard case .wellFormed(let id) = TokenFormat.shape(of: token) else { return }
        let digest = digest.digest(ofSHA256: Sodium.sha256(token))
        // Looked at before, so that most repeats do not wait for the one writer.
        guard try changes.database.read({ try isNews(id, digest, now, in: $0) }) else { return }
        try changes.perform(by: Actor(origin: origin), at: now) { change in
            guard try isNews(id, digest, now, in: change.connection),
                let record = try TokenStore.find(id, in: change.connection)
            else { return }
            try SecretStore.noteReuse(of: digest, tokenID: id, at: now, in: change.connection)
            let current = try SecretStore.currentUsedFrom(id, in: change.connection)
            try change.record(
                .rotatedTokenUsed, on: AuditResource(record),
                [
                    "used_from": origin.address.map { .string($0.description) } ?? .null,
                    "current_used_from": current.map(JSONValue.string) ?? .null,
                ])
        }
    }

    private func isNews(
        _ id: String, _ digest: [UInt8], _ now: Int64, in connection: any DatabaseConnection
    ) throws -> Bool {
        let noted = try SecretStore.reuseNotedAt(of: digest, tokenID: id, in: connection)
        return noted.map { $0 <= now - Self.quiet } ?? true
    }
}
