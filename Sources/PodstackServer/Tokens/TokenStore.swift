import PodstackAPI

/// The tokens of all accounts in the database, with the current and the pending secret of each.
enum TokenStore {
    /// The columns of a token, in a statement that calls the table `t`; first those of its secrets.
    private static let columns: SQL = """
        t.id, t.digest, t.rotated_at, t.generation, t.waiting_digest, t.waiting_made_at, t.waiting_grace_seconds, \
        t.expires_at, t.revoked_at, t.account_id, t.user_id, t.name, t.scopes, t.project_ids, t.created_at, \
        t.last_used_at, t.last_used_from, t.used_scopes, t.used_scopes_since, t.spend_amount, \
        t.spend_period, t.parent_id, t.pod_id
        """

    /// Expired and revoked tokens stay in lists for this long.
    private static let listedAfterEndSeconds: Int64 = 90 * 86_400

    // MARK: - Reading

    /// Returns the token with a key.
    static func find(_ key: String, in connection: any DatabaseConnection) throws -> TokenRecord? {
        try connection.query("SELECT \(columns) FROM tokens t WHERE t.id = \(key)").first.map(record)
    }

    /// Returns the account's token with an ID.
    static func find(
        _ id: String, accountID: String, in connection: any DatabaseConnection
    ) throws -> TokenRecord? {
        guard TokenFormat.isID(id) else { return nil }
        return try connection.query(
            """
            SELECT \(columns) FROM tokens t
            WHERE t.id >= \(id) AND t.id <= \(TokenKey.last(for: id)) AND t.account_id = \(accountID)
            """
        ).first.map(record)
    }

    /// Returns the tokens of all accounts with an ID.
    static func sharing(_ id: String, in connection: any DatabaseConnection) throws -> [TokenRecord] {
        try connection.query(
            "SELECT \(columns) FROM tokens t WHERE t.id >= \(id) AND t.id <= \(TokenKey.last(for: id)) ORDER BY t.id"
        ).map(record)
    }

    /// Returns an unused key for a token with an ID, or nil if too many tokens share the ID.
    static func unusedKey(for id: String, in connection: any DatabaseConnection) throws -> String? {
        let used = try connection.query(
            "SELECT t.id FROM tokens t WHERE t.id >= \(id) AND t.id <= \(TokenKey.last(for: id))"
        ).map { try $0.text("id") }
        guard used.count < TokenKey.maxSharing else { return nil }
        if !used.contains(id) { return id }
        while true {
            let key = TokenKey.generate(for: id)
            if !used.contains(key) { return key }
        }
    }

    /// The tokens that share an ID, with their secrets, and the rest of their rows until a secret matches.
    struct Verifiable {
        /// The secrets of the tokens with the ID, and of others, which take as long to compare.
        fileprivate let candidates: [(secrets: TokenSecrets, row: DatabaseRow, hasID: Bool)]

        /// Returns the token that has the secret with a digest, and the state of the secret.
        ///
        /// It compares the digest with the secrets of every candidate, and does not stop at the one that matches.
        func token(with digest: [UInt8]) throws -> (token: TokenRecord, state: SecretState)? {
            var found: (row: DatabaseRow, state: SecretState)?
            for candidate in candidates {
                let state = candidate.secrets.state(of: digest)
                if candidate.hasID, let state { found = (candidate.row, state) }
            }
            return try found.map { (try TokenStore.record($0.row), $0.state) }
        }
    }

    /// The rows that each verification reads: more than the tokens that share an ID, unless it was chosen deliberately.
    private static let rowsPerVerification = 3

    /// Reads the tokens with an ID for verification, in one statement for their rows and one for their retired secrets.
    ///
    /// It also reads tokens before them: an unknown ID takes as long as a wrong secret, and an ID that two accounts use
    /// as long as an ID of one.
    static func verifiable(_ id: String, in connection: any DatabaseConnection) throws -> Verifiable {
        let last = TokenKey.last(for: id)
        func rows(_ limit: Int) throws -> [(key: String, row: DatabaseRow)] {
            try connection.query(
                "SELECT \(columns) FROM tokens t WHERE t.id <= \(last) ORDER BY t.id DESC LIMIT \(Int64(limit))"
            ).map { (try $0.text("id"), $0) }
        }
        var found = try rows(rowsPerVerification)
        if found.count == rowsPerVerification, found.allSatisfy({ $0.key.hasPrefix(id) }) {
            found = try rows(TokenKey.maxSharing)
        }
        let keys = found.map(\.key).filter { $0.hasPrefix(id) }
        let retired = try SecretStore.retired(of: keys.isEmpty ? [id] : keys, in: connection)
        return Verifiable(
            candidates: try found.map { key, row in
                (try secrets(row, retired[key] ?? []), row, key.hasPrefix(id))
            })
    }

    /// The tokens of an account that a list contains.
    enum Selection { case all, active, ended }

    /// Returns tokens of an account, newest first.
    static func list(
        accountID: String, _ selection: Selection, now: Int64, limit: Int, after: Cursor?,
        in connection: any DatabaseConnection
    ) throws -> [TokenRecord] {
        let oldest = now - listedAfterEndSeconds
        let condition: SQL =
            switch selection {
            case .all: ""
            case .active: "AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > \(now))"
            case .ended: "AND (t.revoked_at IS NOT NULL OR t.expires_at <= \(now))"
            }
        let position = after?.position ?? .max
        return try connection.query(
            """
            SELECT \(columns) FROM tokens t
            WHERE t.account_id = \(accountID) AND (t.expires_at IS NULL OR t.expires_at > \(oldest))
                AND (t.revoked_at IS NULL OR t.revoked_at > \(oldest)) \(condition)
                AND (t.created_at, t.id) < (\(position), \(after?.id ?? ""))
            ORDER BY t.created_at DESC, t.id DESC LIMIT \(Int64(limit))
            """
        ).map(record)
    }

    /// Returns tokens of all accounts, or of one user, ordered by ID.
    ///
    /// `id` is the ID of the last token of the previous page, or empty for the first page.
    static func list(
        userID: String?, after id: String, limit: Int, in connection: any DatabaseConnection
    ) throws -> [(token: TokenRecord, email: String)] {
        let isOfUser: SQL = if let userID { " AND t.user_id = \(userID)" } else { "" }
        return try connection.query(
            """
            SELECT \(columns), u.email FROM tokens t JOIN users u ON u.id = t.user_id
            WHERE t.id > \(id)\(isOfUser) ORDER BY t.id LIMIT \(Int64(limit))
            """
        ).map { (try record($0), try $0.text("email")) }
    }

    /// Returns the IDs of a user's tokens: of all, or of those that are active at a time.
    static func ids(
        userID: String, activeAt now: Int64?, in connection: any DatabaseConnection
    ) throws -> [String] {
        let isActive: SQL =
            if let now { " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > \(now))" } else { "" }
        return try connection.query("SELECT id FROM tokens WHERE user_id = \(userID)\(isActive) ORDER BY id")
            .map { try $0.text("id") }
    }

    /// Returns the number of an account's active tokens, without those of its pods.
    static func countActive(accountID: String, now: Int64, in connection: any DatabaseConnection) throws -> Int {
        // Two counts, so that an index skips the tokens that have ended.
        let rows = try connection.query(
            """
            SELECT (SELECT COUNT(*) FROM tokens
                    WHERE account_id = \(accountID) AND revoked_at IS NULL AND expires_at > \(now) AND pod_id IS NULL)
                + (SELECT COUNT(*) FROM tokens
                    WHERE account_id = \(accountID) AND revoked_at IS NULL AND expires_at IS NULL AND pod_id IS NULL)
                AS count
            """)
        return Int(try rows.first?.integer("count") ?? 0)
    }

    /// Returns the number of active tokens that were created before a time and not used since.
    static func countActive(
        notUsedSince time: Int64, now: Int64, in connection: any DatabaseConnection
    ) throws -> Int64 {
        try connection.query(
            """
            SELECT COUNT(*) AS count FROM tokens
            WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > \(now))
                AND created_at <= \(time) AND (last_used_at IS NULL OR last_used_at <= \(time))
            """
        ).first?.integer("count") ?? 0
    }

    // MARK: - Writing

    static func insert(_ token: TokenRecord, in connection: any DatabaseConnection) throws {
        try connection.execute(
            """
            INSERT INTO tokens (id, account_id, user_id, name, digest, scopes, project_ids, created_at, expires_at,
                generation, used_scopes, used_scopes_since, spend_amount, spend_period, parent_id, pod_id)
            VALUES (\(token.id), \(token.accountID), \(token.userID), \(token.name), \(token.digest),
                \(text(token.scopes)), \(text(token.projectIDs)), \(token.createdAt), \(token.expiresAt),
                \(token.generation), 0, \(token.createdAt), \(token.spendLimit?.amount.millionths),
                \(token.spendLimit?.period.rawValue), \(token.parentID), \(token.podID))
            """)
    }

    /// Writes the name, scopes, projects and spend limit of a token.
    static func update(_ token: TokenRecord, in connection: any DatabaseConnection) throws {
        try connection.execute(
            """
            UPDATE tokens SET name = \(token.name), scopes = \(text(token.scopes)),
                project_ids = \(text(token.projectIDs)), spend_amount = \(token.spendLimit?.amount.millionths),
                spend_period = \(token.spendLimit?.period.rawValue)
            WHERE id = \(token.id)
            """)
    }

    /// Writes uses of tokens: the latest time and address, and the union of the scopes.
    ///
    /// Other instances write uses too, so a row may be newer than a use. One statement writes all of them, so that
    /// other writers wait only once.
    static func recordUses(_ uses: [(id: String, use: TokenUse)], in connection: any DatabaseConnection) throws {
        let rows = uses.map { id, use -> SQL in
            """
            (CAST(\(id) AS TEXT), CAST(\(use.time) AS BIGINT), CAST(\(use.address.description) AS TEXT), \
            CAST(\(use.scopes.rawValue) AS BIGINT))
            """
        }
        let isLatest: SQL = "(last_used_at IS NULL OR last_used_at < used.column2)"
        try connection.execute(
            """
            UPDATE tokens SET last_used_at = CASE WHEN \(isLatest) THEN used.column2 ELSE last_used_at END,
                last_used_from = CASE WHEN \(isLatest) THEN used.column3 ELSE last_used_from END,
                used_scopes = used_scopes | used.column4,
                used_scopes_since = COALESCE(used_scopes_since, used.column2)
            FROM (VALUES \(SQL.joined(rows, by: ", "))) AS used
            WHERE id = used.column1 AND (\(isLatest) OR (used_scopes & used.column4) <> used.column4)
            """)
    }

    /// Removes the tokens of a user, with their secrets and stored replies.
    static func removeAll(userID: String, in connection: any DatabaseConnection) throws {
        let ids: SQL = "(SELECT id FROM tokens WHERE user_id = \(userID))"
        try connection.execute("DELETE FROM retired_secrets WHERE token_id IN \(ids)")
        try connection.execute("DELETE FROM idempotent_answers WHERE token_id IN \(ids)")
        try connection.execute("DELETE FROM tokens WHERE user_id = \(userID)")
    }

    // MARK: - Rows

    fileprivate static func record(_ row: DatabaseRow) throws -> TokenRecord {
        // In the order of the columns, which makes finding them cheap.
        let id = try row.text("id")
        let secrets = try secrets(row, [])
        return TokenRecord(
            id: id, accountID: try row.text("account_id"), userID: try row.text("user_id"),
            name: try row.text("name"), digest: secrets.current.digest, scopes: Scope.list(try row.text("scopes")),
            projectIDs: try row.optionalText("project_ids")?.split(separator: " ").map(String.init),
            createdAt: try row.integer("created_at"), expiresAt: secrets.lifetime.expiresAt,
            revokedAt: secrets.lifetime.revokedAt, rotatedAt: secrets.current.rotatedAt,
            lastUsedAt: try row.optionalInteger("last_used_at"), generation: secrets.current.generation,
            pending: secrets.pending, lastUsedFrom: try row.optionalText("last_used_from"),
            usedScopes: ScopeSet(rawValue: try row.integer("used_scopes")),
            usedScopesSince: try row.optionalInteger("used_scopes_since"),
            spendLimit: try BillingStore.spendLimit(row), parentID: try row.optionalText("parent_id"),
            podID: try row.optionalText("pod_id"))
    }

    private static func secrets(_ row: DatabaseRow, _ retired: [RetiredSecret]) throws -> TokenSecrets {
        TokenSecrets(
            current: CurrentSecret(
                digest: try row.blob("digest"), rotatedAt: try row.optionalInteger("rotated_at"),
                generation: try row.integer("generation")),
            pending: try pending(row), retired: retired,
            lifetime: TokenLifetime(
                expiresAt: try row.optionalInteger("expires_at"), revokedAt: try row.optionalInteger("revoked_at")))
    }

    private static func pending(_ row: DatabaseRow) throws -> PendingSecret? {
        guard let digest = try row.optionalBlob("waiting_digest") else { return nil }
        return PendingSecret(
            digest: digest, generatedAt: try row.integer("waiting_made_at"),
            graceSeconds: try row.integer("waiting_grace_seconds"))
    }

    private static func text(_ scopes: [Scope]) -> String { scopes.map(\.description).joined(separator: " ") }
    private static func text(_ projectIDs: [String]?) -> String? { projectIDs?.joined(separator: " ") }
}

extension Scope {
    /// The scopes in a stored list, which has spaces between them.
    static func list(_ text: String) -> [Scope] { text.split(separator: " ").compactMap { Scope(String($0)) } }
}

/// The secrets of tokens in the database: only digests.
enum SecretStore {
    static func secrets(of token: TokenRecord, in connection: any DatabaseConnection) throws -> TokenSecrets {
        token.secrets(retired: try retired(of: token.id, in: connection))
    }

    static func retired(of tokenID: String, in connection: any DatabaseConnection) throws -> [RetiredSecret] {
        try retired(of: [tokenID], in: connection)[tokenID] ?? []
    }

    /// Returns the retired secrets of tokens by their keys.
    static func retired(
        of tokenIDs: [String], in connection: any DatabaseConnection
    ) throws -> [String: [RetiredSecret]] {
        let rows = try connection.query(
            """
            SELECT token_id, digest, rotated_at, ends_at FROM retired_secrets WHERE token_id IN (\(list: tokenIDs))
            """)
        var secrets: [String: [RetiredSecret]] = [:]
        for row in rows {
            secrets[try row.text("token_id"), default: []].append(
                RetiredSecret(
                    digest: try row.blob("digest"), rotatedAt: try row.integer("rotated_at"),
                    endsAt: try row.integer("ends_at")))
        }
        return secrets
    }

    /// Writes what a transition of ``TokenSecrets`` requires.
    static func apply(
        _ actions: [TokenSecrets.Action], to tokenID: String, in connection: any DatabaseConnection
    ) throws {
        for action in actions { try apply(action, to: tokenID, in: connection) }
    }

    private static func apply(
        _ action: TokenSecrets.Action, to tokenID: String, in connection: any DatabaseConnection
    ) throws {
        switch action {
        case .setCurrent(let secret):
            try connection.execute(
                """
                UPDATE tokens SET digest = \(secret.digest), rotated_at = \(secret.rotatedAt),
                    generation = \(secret.generation), waiting_digest = NULL, waiting_made_at = NULL,
                    waiting_grace_seconds = NULL
                WHERE id = \(tokenID)
                """)
        case .setPending(let secret):
            try connection.execute(
                """
                UPDATE tokens SET waiting_digest = \(secret.digest), waiting_made_at = \(secret.generatedAt),
                    waiting_grace_seconds = \(secret.graceSeconds)
                WHERE id = \(tokenID)
                """)
        case .endGracePeriods(let end):
            try connection.execute(
                "UPDATE retired_secrets SET ends_at = \(end) WHERE token_id = \(tokenID) AND ends_at > \(end)")
        case .retire(let secret):
            try connection.execute(
                """
                INSERT INTO retired_secrets (token_id, digest, rotated_at, ends_at)
                VALUES (\(tokenID), \(secret.digest), \(secret.rotatedAt), \(secret.endsAt))
                """)
        case .forget(let digest):
            try connection.execute(
                "DELETE FROM retired_secrets WHERE token_id = \(tokenID) AND digest = \(digest)")
        case .revoke(let time):
            // Keeps the first time.
            try connection.execute(
                "UPDATE tokens SET revoked_at = \(time) WHERE id = \(tokenID) AND revoked_at IS NULL")
        }
    }

    /// Replaces the digest of a secret of the tokens with an ID, in whatever state the secret is.
    static func replace(
        _ old: [UInt8], by new: [UInt8], of tokenID: String, in connection: any DatabaseConnection
    ) throws {
        let last = TokenKey.last(for: tokenID)
        let hasID: SQL = "id >= \(tokenID) AND id <= \(last)"
        try connection.execute("UPDATE tokens SET digest = \(new) WHERE \(hasID) AND digest = \(old)")
        try connection.execute(
            "UPDATE tokens SET waiting_digest = \(new) WHERE \(hasID) AND waiting_digest = \(old)")
        try connection.execute(
            """
            UPDATE retired_secrets SET digest = \(new)
            WHERE token_id >= \(tokenID) AND token_id <= \(last) AND digest = \(old)
            """)
    }

    // MARK: - Use of rotated secrets

    static func setReuseRecorded(
        of digest: [UInt8], tokenID: String, at now: Int64, in connection: any DatabaseConnection
    ) throws {
        try connection.execute(
            "UPDATE retired_secrets SET reuse_noted_at = \(now) WHERE token_id = \(tokenID) AND digest = \(digest)")
    }

    /// Returns the time at which the use of a retired secret was last recorded in the audit log.
    static func reuseRecordedAt(
        of digest: [UInt8], tokenID: String, in connection: any DatabaseConnection
    ) throws -> Int64? {
        try connection.query(
            "SELECT reuse_noted_at FROM retired_secrets WHERE token_id = \(tokenID) AND digest = \(digest)"
        ).first?.optionalInteger("reuse_noted_at")
    }

    /// Returns the address that first used the current secret, if a rotation generated it.
    static func currentUsedFrom(_ tokenID: String, in connection: any DatabaseConnection) throws -> String? {
        try connection.query("SELECT current_used_from FROM tokens WHERE id = \(tokenID)")
            .first?.optionalText("current_used_from")
    }

    static func setCurrentUsedFrom(
        _ address: String, _ tokenID: String, in connection: any DatabaseConnection
    ) throws {
        try connection.execute("UPDATE tokens SET current_used_from = \(address) WHERE id = \(tokenID)")
    }
}

extension SecretDigest {
    /// Stores a secret's digest under the current pepper if the token has it under the previous one.
    func renew(_ hash: [UInt8], of tokenID: String, in connection: any DatabaseConnection) throws {
        guard let old = previous(ofSHA256: hash) else { return }
        try SecretStore.replace(old, by: digest(ofSHA256: hash), of: tokenID, in: connection)
    }
}
