/// Sessions, sign-in links and sign-in failures in the database.
///
/// Secrets are stored and found by their digests.
enum SignInStore {
    // MARK: - Sessions

    private static let sessionColumns: SQL = """
        s.id, s.created_at, s.last_seen_at, s.address, s.user_agent, \(UserRecord.columns)
        """

    /// The sessions of users that are not disabled.
    private static let sessions: SQL = "sessions s JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL"

    static func insertSession(
        id: String, digest: [UInt8], userID: String, from origin: Origin, at now: Int64,
        in connection: any DatabaseConnection
    ) throws {
        try connection.execute(
            """
            INSERT INTO sessions (id, digest, user_id, created_at, last_seen_at, address, user_agent)
            VALUES (\(id), \(digest), \(userID), \(now), \(now), \(origin.address?.description ?? ""),
                \(origin.userAgent))
            """)
    }

    static func session(digest: [UInt8], in connection: any DatabaseConnection) throws -> WebSession? {
        try connection.query("SELECT \(sessionColumns) FROM \(sessions) WHERE s.digest = \(digest)")
            .first.map(session)
    }

    static func sessions(ids: [String], in connection: any DatabaseConnection) throws -> [WebSession] {
        try connection.query("SELECT \(sessionColumns) FROM \(sessions) WHERE s.id IN (\(list: ids))").map(session)
    }

    /// Returns a user's sessions, the last seen first.
    static func sessions(userID: String, in connection: any DatabaseConnection) throws -> [WebSession] {
        try connection.query(
            """
            SELECT \(sessionColumns) FROM \(sessions) WHERE s.user_id = \(userID)
            ORDER BY s.last_seen_at DESC, s.id
            """
        ).map(session)
    }

    /// Returns the number of sessions of all users.
    static func countSessions(in connection: any DatabaseConnection) throws -> Int {
        Int(try connection.query("SELECT COUNT(*) AS count FROM sessions").first?.integer("count") ?? 0)
    }

    /// Sets the time at which a session was last seen, unless a later one is set: several threads do so in any order.
    static func setLastSeen(_ time: Int64, sessionID: String, in connection: any DatabaseConnection) throws {
        try connection.execute(
            "UPDATE sessions SET last_seen_at = \(time) WHERE id = \(sessionID) AND last_seen_at < \(time)")
    }

    /// Removes a session.
    ///
    /// - Returns: False if the user has no such session.
    static func removeSession(_ id: String, userID: String, in connection: any DatabaseConnection) throws -> Bool {
        try connection.execute("DELETE FROM sessions WHERE id = \(id) AND user_id = \(userID)") > 0
    }

    static func removeSessions(
        userID: String, except id: String? = nil, in connection: any DatabaseConnection
    ) throws {
        try connection.execute("DELETE FROM sessions WHERE user_id = \(userID) AND id <> \(id ?? "")")
    }

    /// Removes the sessions of a user that were seen longest ago, except a number of them.
    static func removeSessions(
        userID: String, exceptLast count: Int, in connection: any DatabaseConnection
    ) throws {
        try connection.execute(
            """
            DELETE FROM sessions WHERE user_id = \(userID) AND id NOT IN (
                SELECT id FROM sessions WHERE user_id = \(userID) ORDER BY last_seen_at DESC, id LIMIT \(Int64(count)))
            """)
    }

    static func removeSessions(
        lastSeenUntil seen: Int64, createdUntil created: Int64, in connection: any DatabaseConnection
    ) throws {
        try connection.execute("DELETE FROM sessions WHERE last_seen_at <= \(seen) OR created_at <= \(created)")
    }

    private static func session(_ row: DatabaseRow) throws -> WebSession {
        WebSession(
            id: try row.text("id"), user: try UserRecord(row), createdAt: try row.integer("created_at"),
            lastSeenAt: try row.integer("last_seen_at"), address: try row.text("address"),
            userAgent: try row.optionalText("user_agent"))
    }

    // MARK: - Links

    /// A link that is stored; without a user, it creates the first account.
    struct StoredLink {
        var userID: String?
    }

    static func insertLink(
        _ digest: [UInt8], userID: String?, createdAt: Int64, expiresAt: Int64, in connection: any DatabaseConnection
    ) throws {
        try connection.execute(
            """
            INSERT INTO sign_in_links (digest, user_id, created_at, expires_at)
            VALUES (\(digest), \(userID), \(createdAt), \(expiresAt))
            """)
    }

    static func link(_ digest: [UInt8], now: Int64, in connection: any DatabaseConnection) throws -> StoredLink? {
        // A link of the future is from a time when the clock was ahead.
        try connection.query(
            """
            SELECT user_id FROM sign_in_links WHERE digest = \(digest) AND expires_at > \(now)
                AND created_at <= \(now + StoredTime.toleranceSeconds)
            """
        ).first.map { StoredLink(userID: try $0.optionalText("user_id")) }
    }

    static func removeLink(_ digest: [UInt8], in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM sign_in_links WHERE digest = \(digest)")
    }

    /// Removes the links of a user, or the link that creates the first account if the ID is nil.
    static func removeLinks(userID: String?, in connection: any DatabaseConnection) throws {
        let condition: SQL = if let userID { "user_id = \(userID)" } else { "user_id IS NULL" }
        try connection.execute("DELETE FROM sign_in_links WHERE \(condition)")
    }

    static func removeLinks(expiredAt now: Int64, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM sign_in_links WHERE expires_at <= \(now)")
    }

    // MARK: - Failures

    static func failures(
        key: [UInt8], in connection: any DatabaseConnection
    ) throws -> SignInFailures.Count? {
        try connection.query("SELECT count, failed_at FROM sign_in_failures WHERE who = \(key)").first.map {
            SignInFailures.Count(count: try $0.integer("count"), failedAt: try $0.integer("failed_at"))
        }
    }

    static func setFailures(
        _ failures: SignInFailures.Count, key: [UInt8], in connection: any DatabaseConnection
    ) throws {
        try removeFailures(key: key, in: connection)
        try connection.execute(
            """
            INSERT INTO sign_in_failures (who, count, failed_at)
            VALUES (\(key), \(failures.count), \(failures.failedAt))
            """)
    }

    static func removeFailures(key: [UInt8], in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM sign_in_failures WHERE who = \(key)")
    }

    /// Removes the rows whose keys are in a range.
    static func removeFailures(
        from first: [UInt8], through last: [UInt8], in connection: any DatabaseConnection
    ) throws {
        try connection.execute("DELETE FROM sign_in_failures WHERE who >= \(first) AND who <= \(last)")
    }

    /// Removes the rows until a time, and the oldest rows if there are more than a number.
    static func removeFailures(
        until time: Int64, keeping capacity: Int, in connection: any DatabaseConnection
    ) throws {
        try connection.execute("DELETE FROM sign_in_failures WHERE failed_at <= \(time)")
        let newest = try connection.query(
            "SELECT failed_at FROM sign_in_failures ORDER BY failed_at DESC LIMIT 1 OFFSET \(Int64(capacity - 1))"
        ).first
        guard let newest else { return }
        try connection.execute("DELETE FROM sign_in_failures WHERE failed_at <= \(try newest.integer("failed_at"))")
    }
}
