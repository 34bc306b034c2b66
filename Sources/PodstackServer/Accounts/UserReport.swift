/// A user with what an operator wants to know about the account.
///
/// Times are seconds since 1970.
struct UserReport: Sendable {
    var user: UserRecord
    /// The time of the last sign-in to the dashboard, if it is in the audit log or began an existing session.
    var lastSignInAt: Int64?
    var activeTokens: Int64
    var sessions: Int64
    /// The projects of which the user is a member.
    var projects: Int64
    /// Whether the user has chosen a password; otherwise, the user is invited.
    var hasPassword: Bool
    /// The normalized address, which orders the users.
    var emailKey: String
}

/// Reads reports on users.
enum UserReportStore {
    /// Returns reports on users ordered by email address.
    ///
    /// - Parameters:
    ///   - email: The ``UserReport/emailKey`` of the last user of the previous page; empty for the first page.
    ///   - search: A part of the address or the name, in any case; empty for all users.
    ///   - limit: The most users to return.
    ///   - now: The time in seconds since 1970.
    ///   - connection: The connection.
    /// - Returns: The reports.
    /// - Throws: ``DatabaseFailure``.
    static func list(
        after email: String, matching search: String = "", limit: Int, now: Int64,
        in connection: any DatabaseConnection
    ) throws -> [UserReport] {
        let pattern = "%" + escaped(EmailAddress.key(search)) + "%"
        let matches: SQL =
            search.isEmpty
            ? "" : "AND (u.email_key LIKE \(pattern) ESCAPE '!' OR LOWER(u.name) LIKE \(pattern) ESCAPE '!')"
        return try connection.query(
            """
            SELECT \(columns(now)) FROM users u WHERE u.email_key > \(email) \(matches)
            ORDER BY u.email_key LIMIT \(Int64(limit))
            """
        ).map(report)
    }

    /// Returns a text in which the special characters of LIKE stand for themselves.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if "%_!".contains(character) { result.append("!") }
            result.append(character)
        }
    }

    /// Returns a report on one user.
    static func find(_ userID: String, now: Int64, in connection: any DatabaseConnection) throws -> UserReport? {
        try connection.query("SELECT \(columns(now)) FROM users u WHERE u.id = \(userID)").first.map(report)
    }

    private static func columns(_ now: Int64) -> SQL {
        let (seen, created) = (now - WebSession.idleSeconds, now - WebSession.lifetimeSeconds)
        return """
            \(UserRecord.columns), \
            (SELECT COUNT(*) FROM tokens t WHERE t.account_id = u.account_id AND t.user_id = u.id \
            AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > \(now))) AS active_tokens, \
            (SELECT COUNT(*) FROM sessions s WHERE s.user_id = u.id AND s.last_seen_at > \(seen) \
            AND s.created_at > \(created)) AS sessions, \
            (SELECT COUNT(*) FROM members m WHERE m.user_id = u.id) AS projects, \
            CASE WHEN u.password_hash IS NULL THEN 0 ELSE 1 END AS has_password, u.email_key AS email_key, \
            (SELECT MAX(s.created_at) FROM sessions s WHERE s.user_id = u.id) AS session_began_at, \
            (SELECT MAX(e.created_at) FROM audit_events e WHERE e.account_id = u.account_id AND e.action = 'login' \
            AND e.resource_id = u.id) AS login_at
            """
    }

    private static func report(_ row: DatabaseRow) throws -> UserReport {
        let times = [try row.optionalInteger("session_began_at"), try row.optionalInteger("login_at")]
        return UserReport(
            user: try UserRecord(row), lastSignInAt: times.compactMap { $0 }.max(),
            activeTokens: try row.integer("active_tokens"), sessions: try row.integer("sessions"),
            projects: try row.integer("projects"), hasPassword: try row.integer("has_password") != 0,
            emailKey: try row.text("email_key"))
    }
}
