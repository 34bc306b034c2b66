/// Who belongs to which project, in the database.
enum MemberStore {
    private static let actions = ["create", "read", "update", "delete"]
    private static let columns = """
        m.project_id, m.role, m.can_create, m.can_read, m.can_update, m.can_delete, m.added_at, m.deactivated_at
        """

    private static let userColumns = "u.id, u.email, u.name, u.default_project_id"

    static func memberships(
        userID: String, in connection: any DatabaseConnection
    ) throws -> [String: Membership] {
        let found = try connection.run("SELECT \(columns) FROM members m WHERE m.user_id = ?", [.text(userID)])
            .map(membership)
        return Dictionary(uniqueKeysWithValues: found.map { ($0.projectID, $0) })
    }

    static func find(
        _ userID: String, projectID: String, in connection: any DatabaseConnection
    ) throws -> MemberRecord? {
        try connection.run(
            """
            SELECT \(columns), \(userColumns) FROM members m JOIN users u ON u.id = m.user_id
            WHERE m.project_id = ? AND m.user_id = ?
            """, [.text(projectID), .text(userID)]
        ).first.map(member)
    }

    /// Newest first; `after` is the last one of the page before.
    static func list(
        projectID: String, limit: Int, after: Cursor?, in connection: any DatabaseConnection
    ) throws -> [MemberRecord] {
        try connection.run(
            """
            SELECT \(columns), \(userColumns) FROM members m JOIN users u ON u.id = m.user_id
            WHERE m.project_id = ? AND (m.added_at < ? OR (m.added_at = ? AND m.user_id < ?))
            ORDER BY m.added_at DESC, m.user_id DESC LIMIT ?
            """,
            [
                .text(projectID), .integer(after?.position ?? .max), .integer(after?.position ?? .max),
                .text(after?.id ?? ""), .integer(Int64(limit)),
            ]
        ).map(member)
    }

    static func countActiveAdmins(projectID: String, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.run(
            "SELECT COUNT(*) FROM members WHERE project_id = ? AND role = 'admin' AND deactivated_at IS NULL",
            [.text(projectID)])
        return Int(try rows.first?.integer(0) ?? 0)
    }

    static func update(_ member: Membership, userID: String, in connection: any DatabaseConnection) throws {
        try connection.run(
            """
            UPDATE members SET role = ?, can_create = ?, can_read = ?, can_update = ?, can_delete = ?,
                deactivated_at = ?
            WHERE project_id = ? AND user_id = ?
            """,
            [.text(member.role.name)] + values(member.role)
                + [DatabaseValue(member.deactivatedAt), .text(member.projectID), .text(userID)])
    }

    static func remove(_ userID: String, projectID: String, in connection: any DatabaseConnection) throws {
        try connection.run(
            "DELETE FROM members WHERE project_id = ? AND user_id = ?", [.text(projectID), .text(userID)])
    }

    static func insert(_ member: Membership, userID: String, in connection: any DatabaseConnection) throws {
        try connection.run(
            """
            INSERT INTO members (project_id, user_id, role, can_create, can_read, can_update, can_delete, added_at,
                deactivated_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [.text(member.projectID), .text(userID), .text(member.role.name)] + values(member.role)
                + [.integer(member.addedAt), DatabaseValue(member.deactivatedAt)])
    }

    static func count(projectID: String, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.run("SELECT COUNT(*) FROM members WHERE project_id = ?", [.text(projectID)])
        return Int(try rows.first?.integer(0) ?? 0)
    }

    /// Of each project that a user belongs to.
    static func counts(userID: String, in connection: any DatabaseConnection) throws -> [String: Int64] {
        let rows = try connection.run(
            """
            SELECT m.project_id, COUNT(*) FROM members m JOIN members own ON own.project_id = m.project_id
            WHERE own.user_id = ? GROUP BY m.project_id
            """, [.text(userID)])
        return Dictionary(try rows.map { (try $0.text(0), try $0.integer(1)) }) { first, _ in first }
    }

    static func userIDs(projectID: String, in connection: any DatabaseConnection) throws -> [String] {
        try connection.run("SELECT user_id FROM members WHERE project_id = ?", [.text(projectID)]).map {
            try $0.text(0)
        }
    }

    static func removeAll(projectID: String, in connection: any DatabaseConnection) throws {
        try connection.run("DELETE FROM members WHERE project_id = ?", [.text(projectID)])
    }

    private static func member(_ row: DatabaseRow) throws -> MemberRecord {
        MemberRecord(
            userID: try row.text(8), email: try row.text(9), name: row.optionalText(10),
            defaultProjectID: try row.text(11), membership: try membership(row))
    }

    private static func membership(_ row: DatabaseRow) throws -> Membership {
        let held = try actions.enumerated().filter { try row.integer(2 + $0.offset) == 1 }.map(\.element)
        return Membership(
            projectID: try row.text(0), role: try row.text(1) == "admin" ? .admin : .user(Set(held)),
            addedAt: try row.integer(6), deactivatedAt: row.optionalInteger(7))
    }

    private static func values(_ role: Role) -> [DatabaseValue] {
        let held = role.permissions
        return actions.map { .integer(held.contains($0) ? 1 : 0) }
    }
}
