/// The secrets of tokens other than their current ones, in the database: digests alone.
enum SecretStore {
    /// How many secrets whose grace is over are still told from unknown ones, and for how long.
    private static let remembered = 16
    private static let rememberedFor: Int64 = 90 * 86_400

    static func all(of tokenID: String, in connection: any DatabaseConnection) throws -> TokenSecrets {
        // Of an id that nobody has, those of the one before it are read: that takes as long.
        let row = try connection.run(
            """
            SELECT id, digest, waiting_digest, waiting_made_at, waiting_grace_seconds FROM tokens
            WHERE id <= ? ORDER BY id DESC LIMIT 1
            """, [.text(tokenID)]
        ).first
        return TokenSecrets(
            isThere: try row?.text(0) == tokenID, current: try row?.blob(1),
            waiting: try row.flatMap { try waiting($0, from: 2) }, retired: try retired(of: tokenID, in: connection))
    }

    /// Of a row with its digest, when it was made and its grace from `column` on.
    static func waiting(_ row: DatabaseRow, from column: Int) throws -> WaitingSecret? {
        guard case .blob(let digest) = row.values[column] else { return nil }
        return WaitingSecret(
            digest: digest, madeAt: try row.integer(column + 1), graceSeconds: try row.integer(column + 2))
    }

    /// Those that lived longest first.
    private static func retired(of tokenID: String, in connection: any DatabaseConnection) throws -> [RetiredSecret] {
        try connection.run(
            "SELECT digest, rotated_at, ends_at FROM retired_secrets WHERE token_id = ? ORDER BY ends_at DESC",
            [.text(tokenID)]
        ).map { RetiredSecret(digest: try $0.blob(0), rotatedAt: try $0.integer(1), endsAt: try $0.integer(2)) }
    }

    static func retire(_ secret: RetiredSecret, of tokenID: String, in connection: any DatabaseConnection) throws {
        try connection.run(
            "INSERT INTO retired_secrets (token_id, digest, rotated_at, ends_at) VALUES (?, ?, ?, ?)",
            [.text(tokenID), .blob(secret.digest), .integer(secret.rotatedAt), .integer(secret.endsAt)])
    }

    /// Whichever secret of the token it is.
    static func replace(
        _ old: [UInt8], by new: [UInt8], of tokenID: String, in connection: any DatabaseConnection
    ) throws {
        let arguments: [DatabaseValue] = [.blob(new), .text(tokenID), .blob(old)]
        for change in [
            "UPDATE tokens SET digest = ? WHERE id = ? AND digest = ?",
            "UPDATE tokens SET waiting_digest = ? WHERE id = ? AND waiting_digest = ?",
            "UPDATE retired_secrets SET digest = ? WHERE token_id = ? AND digest = ?",
        ] { try connection.run(change, arguments) }
    }

    /// No retired secret of the token lives beyond `end`.
    static func end(_ tokenID: String, by end: Int64, in connection: any DatabaseConnection) throws {
        try connection.run(
            "UPDATE retired_secrets SET ends_at = ? WHERE token_id = ? AND ends_at > ?",
            [.integer(end), .text(tokenID), .integer(end)])
    }

    static func noteReuse(
        of digest: [UInt8], tokenID: String, at now: Int64, in connection: any DatabaseConnection
    ) throws {
        try connection.run(
            "UPDATE retired_secrets SET reuse_noted_at = ? WHERE token_id = ? AND digest = ?",
            [.integer(now), .text(tokenID), .blob(digest)])
    }

    static func reuseNotedAt(
        of digest: [UInt8], tokenID: String, in connection: any DatabaseConnection
    ) throws -> Int64? {
        try connection.run(
            "SELECT reuse_noted_at FROM retired_secrets WHERE token_id = ? AND digest = ?",
            [.text(tokenID), .blob(digest)]
        ).first?.optionalInteger(0)
    }

    /// Where the current secret was first used from, if a rotation made it.
    static func currentUsedFrom(_ tokenID: String, in connection: any DatabaseConnection) throws -> String? {
        try connection.run("SELECT current_used_from FROM tokens WHERE id = ?", [.text(tokenID)])
            .first?.optionalText(0)
    }

    static func setCurrentUsedFrom(
        _ address: String, _ tokenID: String, in connection: any DatabaseConnection
    ) throws {
        try connection.run(
            "UPDATE tokens SET current_used_from = ? WHERE id = ?", [.text(address), .text(tokenID)])
    }

    /// Forgets the oldest of those whose grace is over.
    static func trim(_ tokenID: String, now: Int64, in connection: any DatabaseConnection) throws {
        let ended = try retired(of: tokenID, in: connection).filter { $0.endsAt <= now }
        for (place, secret) in ended.enumerated()
        where place >= remembered || secret.endsAt <= now - rememberedFor {
            try connection.run(
                "DELETE FROM retired_secrets WHERE token_id = ? AND digest = ?",
                [.text(tokenID), .blob(secret.digest)])
        }
    }
}

extension SecretDigest {
    /// Replaces a digest that is stored under the previous pepper by the one under the current pepper.
    func renew(_ hash: [UInt8], of tokenID: String, in connection: any DatabaseConnection) throws {
        guard let old = previous(ofSHA256: hash) else { return }
        try SecretStore.replace(old, by: digest(ofSHA256: hash), of: tokenID, in: connection)
    }
}
