import PodstackAPI
import PodstackCryptography

/// Somebody who is signed in to the dashboard, in one browser.
struct WebSession: Sendable {
    /// Seconds without a request after which it is over, and those that it lasts at most.
    static let idle: Int64 = 12 * 3600
    static let life: Int64 = 7 * 86_400

    var id: String
    var userID: String
    var accountID: String
    var email: String
    var name: String?
    var defaultProjectID: String
    var createdAt: Int64
    var lastSeenAt: Int64
    var address: String
    var userAgent: String?

    func isOver(at now: Int64) -> Bool { now - lastSeenAt >= Self.idle || now - createdAt >= Self.life }

    /// Who signs in may do everything that their roles allow.
    var grant: Grant { Grant(accountID: accountID, userID: userID) }

    var user: DeviceService.User { DeviceService.User(id: userID, accountID: accountID, email: email) }
}

/// Sessions in the database, found by the digest of what is in the browser's cookie.
struct WebSessions: Sendable {
    /// A session is seen this often in its row: not every request is to write.
    private static let seenEvery: Int64 = 60

    let database: any Database
    let digest: SecretDigest

    private static let columns = """
        s.id, s.user_id, u.account_id, u.email, u.name, u.default_project_id, s.created_at, s.last_seen_at, s.address, \
        s.user_agent
        """

    private static let ofEnabledUsers = "sessions s JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL"

    /// - Returns: What goes into the cookie. It is not kept.
    func begin(userID: String, from origin: Origin, in change: Change) throws -> (id: String, secret: String) {
        let id = Identifier.generate("ses_")
        let secret = Identifier.generate("") + Identifier.generate("")
        try removeOld(now: change.now, in: change.connection)
        try change.connection.run(
            """
            INSERT INTO sessions (id, digest, user_id, created_at, last_seen_at, address, user_agent)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(id), .blob(kept(secret)), .text(userID), .integer(change.now), .integer(change.now),
                .text(origin.address?.description ?? ""), DatabaseValue(origin.userAgent),
            ])
        return (id, secret)
    }

    /// The session of a cookie; nil when there is none, or it is over.
    ///
    /// - Parameter isSeen: False of what no person asked for: it must not keep a session alive.
    func find(_ secret: String, now: Int64, isSeen: Bool = true) throws -> WebSession? {
        let session = try database.read { connection in
            try connection.run(
                "SELECT \(Self.columns) FROM \(Self.ofEnabledUsers) WHERE s.digest = ?",
                [.blob(kept(secret))]
            ).first.map(Self.session)
        }
        guard let session, !session.isOver(at: now) else { return nil }
        if isSeen, now - session.lastSeenAt >= Self.seenEvery {
            _ = try database.write {
                try $0.run("UPDATE sessions SET last_seen_at = ? WHERE id = ?", [.integer(now), .text(session.id)])
            }
        }
        return session
    }

    /// Those of some sessions that are not over.
    func alive(_ ids: [String], now: Int64, in connection: any DatabaseConnection) throws -> Set<String> {
        let places = ids.map { _ in "?" }.joined(separator: ", ")
        return Set(
            try connection.run(
                "SELECT \(Self.columns) FROM \(Self.ofEnabledUsers) WHERE s.id IN (\(places))",
                ids.map(DatabaseValue.text)
            ).map(Self.session).filter { !$0.isOver(at: now) }.map(\.id))
    }

    /// A request that waited for the one writer may have been overtaken by the end of its own session.
    static func check(_ id: String, at now: Int64, in connection: any DatabaseConnection) throws {
        let session = try connection.run("SELECT \(columns) FROM \(ofEnabledUsers) WHERE s.id = ?", [.text(id)])
            .first.map(session)
        guard let session, !session.isOver(at: now) else { throw SignedOut() }
    }

    /// The session of who makes a change ended before the change was made.
    struct SignedOut: Error {}

    /// The latest first.
    func list(userID: String, now: Int64) throws -> [WebSession] {
        try database.read { connection in
            try connection.run(
                """
                SELECT \(Self.columns) FROM \(Self.ofEnabledUsers) WHERE s.user_id = ?
                ORDER BY s.last_seen_at DESC, s.id
                """, [.text(userID)]
            ).map(Self.session).filter { !$0.isOver(at: now) }
        }
    }

    /// False when the user has no such session.
    @discardableResult
    func end(_ id: String, userID: String, in change: Change) throws -> Bool {
        try change.connection.run("DELETE FROM sessions WHERE id = ? AND user_id = ?", [.text(id), .text(userID)])
        return change.connection.changes > 0
    }

    /// All but the one that is named.
    func endAll(userID: String, except id: String?, in change: Change) throws {
        try change.connection.run(
            "DELETE FROM sessions WHERE user_id = ? AND id <> ?", [.text(userID), .text(id ?? "")])
    }

    private func removeOld(now: Int64, in connection: any DatabaseConnection) throws {
        try connection.run(
            "DELETE FROM sessions WHERE last_seen_at <= ? OR created_at <= ?",
            [.integer(now - WebSession.idle), .integer(now - WebSession.life)])
    }

    private func kept(_ secret: String) -> [UInt8] { digest.digest(ofSHA256: Sodium.sha256(secret.utf8)) }

    private static func session(_ row: DatabaseRow) throws -> WebSession {
        WebSession(
            id: try row.text(0), userID: try row.text(1), accountID: try row.text(2), email: try row.text(3),
            name: row.optionalText(4), defaultProjectID: try row.text(5), createdAt: try row.integer(6),
            lastSeenAt: try row.integer(7), address: try row.text(8), userAgent: row.optionalText(9))
    }
}
