import PodstackAPI
import PodstackCryptography

/// Links that sign somebody in once, to choose a password.
struct SignInLinks: Sendable {
    /// Seconds for which a new one is good.
    static let life: Int64 = 72 * 3600

    let digest: SecretDigest

    /// - Parameter userID: Nil for the link that makes the first account.
    /// - Returns: What the address of the page ends in. It is not kept.
    func make(for userID: String?, in change: Change) throws -> String {
        let secret = Identifier.generate("") + Identifier.generate("")
        try change.connection.run(
            "DELETE FROM sign_in_links WHERE expires_at <= ? OR user_id = ?",
            [.integer(change.now), DatabaseValue(userID)])
        if userID == nil { try change.connection.run("DELETE FROM sign_in_links WHERE user_id IS NULL") }
        try change.connection.run(
            "INSERT INTO sign_in_links (digest, user_id, created_at, expires_at) VALUES (?, ?, ?, ?)",
            [
                .blob(kept(secret)), DatabaseValue(userID), .integer(change.now),
                .integer(change.now + Self.life),
            ])
        return secret
    }

    enum Holder: Sendable, Equatable {
        case user(id: String, accountID: String, email: String)
        /// Nobody yet.
        case firstUser
    }

    /// Whom a link is for; nil when it was used, is too old, or never was, or would make the first account and there is
    /// one already.
    func holder(_ secret: String, now: Int64, in connection: any DatabaseConnection) throws -> Holder? {
        let rows = try connection.run(
            "SELECT user_id FROM sign_in_links WHERE digest = ? AND expires_at > ?",
            [.blob(kept(secret)), .integer(now)])
        guard let row = rows.first else { return nil }
        guard let id = row.optionalText(0) else {
            return try AccountStore.isEmpty(in: connection) ? .firstUser : nil
        }
        guard try !AccountStore.isDisabled(id, in: connection) else { return nil }
        return try AccountStore.user(id: id, in: connection).map {
            .user(id: id, accountID: $0.accountID, email: $0.email)
        }
    }

    func use(_ secret: String, in connection: any DatabaseConnection) throws {
        try connection.run("DELETE FROM sign_in_links WHERE digest = ?", [.blob(kept(secret))])
    }

    private func kept(_ secret: String) -> [UInt8] { digest.digest(ofSHA256: Sodium.sha256(secret.utf8)) }
}
