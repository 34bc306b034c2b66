import PodstackAPI
import PodstackCryptography

/// Records the use of a rotated secret after its grace period in the audit log.
///
/// The event has two addresses: the one that used the rotated secret, and the one that first used its replacement.
struct ReuseWatch: Sendable {
    /// Seconds in which one secret has at most one event: repeated requests cannot fill the log.
    private static let intervalSeconds: Int64 = 3600

    let changes: Changes
    let digest: SecretDigest

    /// Returns whether the use of a rotated token has to be recorded.
    ///
    /// Checked before ``recordUse(of:from:now:)``, so that most repeated requests do not wait for the one writer.
    func isDue(_ token: some Collection<UInt8>, now: Int64) throws -> Bool {
        guard case .wellFormed(let id) = TokenFormat.shape(of: token) else { return false }
        let digest = digest.digest(ofSHA256: Sodium.sha256(token))
        return try changes.database.read { try dueToken(id, digest, now, in: $0) } != nil
    }

    /// Records that a token was refused because it was rotated, unless that was recorded recently.
    func recordUse(of token: some Collection<UInt8>, from origin: Origin, now: Int64) throws {
        guard case .wellFormed(let id) = TokenFormat.shape(of: token) else { return }
        let digest = digest.digest(ofSHA256: Sodium.sha256(token))
        try changes.perform(by: Actor(origin: origin), at: now) { change in
            guard let record = try dueToken(id, digest, now, in: change.connection) else { return }
            try SecretStore.setReuseRecorded(of: digest, tokenID: record.id, at: now, in: change.connection)
            let current = try SecretStore.currentUsedFrom(record.id, in: change.connection)
            try change.record(
                .rotatedTokenUsed, on: AuditResource(record),
                [
                    "used_from": origin.address.map { .string($0.description) } ?? .null,
                    "current_used_from": current.map(JSONValue.string) ?? .null,
                ])
        }
    }

    /// Returns the token with a secret whose use is to be recorded; nil if it was recorded a short time ago.
    private func dueToken(
        _ id: String, _ digest: [UInt8], _ now: Int64, in connection: any DatabaseConnection
    ) throws -> TokenRecord? {
        guard let token = try TokenStore.verifiable(id, in: connection).token(with: digest)?.token else { return nil }
        let recordedAt = try SecretStore.reuseRecordedAt(of: digest, tokenID: token.id, in: connection)
        return recordedAt.map { $0 <= now - Self.intervalSeconds } ?? true ? token : nil
    }
}
