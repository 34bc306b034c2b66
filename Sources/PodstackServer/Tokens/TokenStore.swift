import PodstackAPI

/// Tokens in the database.
enum TokenStore {
    private static let columns = """
        id, account_id, user_id, name, digest, scopes, project_ids, created_at, expires_at, revoked_at, rotated_at, \
        last_used_at, generation, waiting_digest, waiting_made_at, waiting_grace_seconds, last_used_from, \
        used_scopes, used_scopes_since
        """

    /// Expired and revoked tokens stay in the list for this long.
    private static let shownAfterEnd: Int64 = 90 * 86_400

    static func find(_ id: String, in connection: any DatabaseConnection) throws -> TokenRecord? {
        try connection.run("SELECT \(columns) FROM tokens WHERE id = ?", [.text(id)]).first.map(record)
    }

    /// Which tokens of an account a list is of.
    enum Selection { case all, active, ended }

    /// Newest first; `after` is the last one of the page before.
    static func list(
        accountID: String, _ selection: Selection, now: Int64, limit: Int, after: Cursor?,
        in connection: any DatabaseConnection
    ) throws -> [TokenRecord] {
        let oldest = DatabaseValue.integer(now - shownAfterEnd)
        return try connection.run(
            """
            SELECT \(columns) FROM tokens
            WHERE account_id = ? AND (expires_at IS NULL OR expires_at > ?) AND (revoked_at IS NULL OR revoked_at > ?)
                \(condition(selection)) AND (created_at < ? OR (created_at = ? AND id < ?))
            ORDER BY created_at DESC, id DESC LIMIT ?
            """,
            [
                .text(accountID), oldest, oldest,
            ] + (selection == .all ? [] : [.integer(now)]) + [
                .integer(after?.position ?? .max),
                .integer(after?.position ?? .max), .text(after?.id ?? ""), .integer(Int64(limit)),
            ]
        ).map(record)
    }

    private static func condition(_ selection: Selection) -> String {
        switch selection {
        case .all: ""
        case .active: "AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"
        case .ended: "AND (revoked_at IS NOT NULL OR expires_at <= ?)"
        }
    }

    static func countActive(accountID: String, now: Int64, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.run(
            """
            SELECT COUNT(*) FROM tokens
            WHERE account_id = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)
            """, [.text(accountID), .integer(now)])
        return Int(try rows.first?.integer(0) ?? 0)
    }

    static func countAlive(
        notUsedSince time: Int64, now: Int64, in connection: any DatabaseConnection
    ) throws -> Int64 {
        try connection.run(
            """
            SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)
                AND created_at <= ? AND (last_used_at IS NULL OR last_used_at <= ?)
            """, [.integer(now), .integer(time), .integer(time)]
        ).first?.integer(0) ?? 0
    }

    static func insert(_ token: TokenRecord, in connection: any DatabaseConnection) throws {
        try connection.run(
            """
            INSERT INTO tokens (\(columns))
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, NULL, 0, ?)
            """,
            [
                .text(token.id), .text(token.accountID), .text(token.userID), .text(token.name), .blob(token.digest),
                .text(text(token.scopes)),
                DatabaseValue(token.projectIDs?.joined(separator: " ")), .integer(token.createdAt),
                DatabaseValue(token.expiresAt), DatabaseValue(token.revokedAt), DatabaseValue(token.rotatedAt),
                DatabaseValue(token.lastUsedAt), .integer(token.generation),
                .integer(token.createdAt),
            ])
    }

    /// Writes what may change in a token's life, but for its revocation and its last use.
    static func update(_ token: TokenRecord, in connection: any DatabaseConnection) throws {
        try connection.run(
            """
            UPDATE tokens SET name = ?, digest = ?, scopes = ?, project_ids = ?, rotated_at = ?, generation = ?,
                waiting_digest = ?, waiting_made_at = ?, waiting_grace_seconds = ?
            WHERE id = ?
            """,
            [
                .text(token.name), .blob(token.digest), .text(text(token.scopes)),
                DatabaseValue(token.projectIDs?.joined(separator: " ")), DatabaseValue(token.rotatedAt),
                .integer(token.generation), token.waiting.map { .blob($0.digest) } ?? .null,
                DatabaseValue(token.waiting?.madeAt), DatabaseValue(token.waiting?.graceSeconds), .text(token.id),
            ])
    }

    /// One that is revoked already keeps its time.
    static func revoke(_ id: String, now: Int64, in connection: any DatabaseConnection) throws {
        try connection.run(
            "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", [.integer(now), .text(id)])
    }

    /// Those of other instances count too: the latest is kept, and what any of them saw. In one statement for many, so
    /// that others who write do not wait for a way to the database and back for each.
    static func note(_ uses: [(id: String, use: TokenUse)], in connection: any DatabaseConnection) throws {
        let row = "(CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT))"
        let isLatest = "last_used_at IS NULL OR last_used_at < used.column2"
        try connection.run(
            """
            UPDATE tokens SET last_used_at = CASE WHEN \(isLatest) THEN used.column2 ELSE last_used_at END,
                last_used_from = CASE WHEN \(isLatest) THEN used.column3 ELSE last_used_from END,
                used_scopes = used_scopes | used.column4,
                used_scopes_since = COALESCE(used_scopes_since, used.column2)
            FROM (VALUES \(uses.map { _ in row }.joined(separator: ", "))) AS used
            WHERE id = used.column1 AND (\(isLatest) OR (used_scopes & used.column4) <> used.column4)
            """,
            uses.flatMap { id, use -> [DatabaseValue] in
                [.text(id), .integer(use.time), .text(use.address.description), .integer(use.scopes.rawValue)]
            })
    }

    private static func record(_ row: DatabaseRow) throws -> TokenRecord {
        TokenRecord(
            id: try row.text(0), accountID: try row.text(1), userID: try row.text(2), name: try row.text(3),
            digest: try row.blob(4), scopes: try row.text(5).split(separator: " ").compactMap { Scope(String($0)) },
            projectIDs: row.optionalText(6)?.split(separator: " ").map(String.init), createdAt: try row.integer(7),
            expiresAt: row.optionalInteger(8), revokedAt: row.optionalInteger(9), rotatedAt: row.optionalInteger(10),
            lastUsedAt: row.optionalInteger(11), generation: try row.integer(12),
            waiting: try SecretStore.waiting(row, from: 13), lastUsedFrom: row.optionalText(16),
            usedScopes: ScopeSet(rawValue: try row.integer(17)), usedScopesSince: row.optionalInteger(18)
        )
    }

    private static func text(_ scopes: [Scope]) -> String { scopes.map(\.description).joined(separator: " ") }
}
