/// The members of projects in the database.
enum MemberStore {
    private static let columns: SQL = """
        m.project_id, m.role, m.can_create, m.can_read, m.can_update, m.can_delete, m.added_at, m.deactivated_at
        """

    /// Returns a user's memberships by project ID.
    static func memberships(
        userID: String, in connection: any DatabaseConnection
    ) throws -> [String: Membership] {
        let found = try connection.query("SELECT \(columns) FROM members m WHERE m.user_id = \(userID)")
            .map(membership)
        return Dictionary(uniqueKeysWithValues: found.map { ($0.projectID, $0) })
    }

    static func find(
        _ userID: String, projectID: String, in connection: any DatabaseConnection
    ) throws -> MemberRecord? {
        try connection.query(
            """
            SELECT \(columns), \(UserRecord.columns) FROM members m JOIN users u ON u.id = m.user_id
            WHERE m.project_id = \(projectID) AND m.user_id = \(userID)
            """
        ).first.map(member)
    }

    /// Returns a project's members, newest first.
    ///
    /// `after` is the position of the last member of the previous page, or nil for the first page.
    static func list(
        projectID: String, limit: Int, after: Cursor?, in connection: any DatabaseConnection
    ) throws -> [MemberRecord] {
        let (position, id) = (after?.position ?? .max, after?.id ?? "")
        return try connection.query(
            """
            SELECT \(columns), \(UserRecord.columns) FROM members m JOIN users u ON u.id = m.user_id
            WHERE m.project_id = \(projectID)
                AND (m.added_at < \(position) OR (m.added_at = \(position) AND m.user_id < \(id)))
            ORDER BY m.added_at DESC, m.user_id DESC LIMIT \(Int64(limit))
            """
        ).map(member)
    }

    static func userIDs(projectID: String, in connection: any DatabaseConnection) throws -> [String] {
        try connection.query("SELECT user_id FROM members WHERE project_id = \(projectID)").map {
            try $0.text("user_id")
        }
    }

    // MARK: - Numbers

    static func count(projectID: String, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.query("SELECT COUNT(*) AS members FROM members WHERE project_id = \(projectID)")
        return Int(try rows.first?.integer("members") ?? 0)
    }

    static func countActiveAdmins(projectID: String, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.query(
            """
            SELECT COUNT(*) AS admins FROM members
            WHERE project_id = \(projectID) AND role = 'admin' AND deactivated_at IS NULL
            """)
        return Int(try rows.first?.integer("admins") ?? 0)
    }

    /// Returns the number of members of each project of a user, by project ID.
    static func counts(userID: String, in connection: any DatabaseConnection) throws -> [String: Int64] {
        let rows = try connection.query(
            """
            SELECT m.project_id, COUNT(*) AS members FROM members m
            JOIN members own ON own.project_id = m.project_id
            WHERE own.user_id = \(userID) GROUP BY m.project_id
            """)
        return Dictionary(try rows.map { (try $0.text("project_id"), try $0.integer("members")) }) { first, _ in first }
    }

    // MARK: - Changes

    static func insert(_ member: Membership, userID: String, in connection: any DatabaseConnection) throws {
        let role = member.role
        try connection.execute(
            """
            INSERT INTO members (project_id, user_id, role, can_create, can_read, can_update, can_delete, added_at,
                deactivated_at)
            VALUES (\(member.projectID), \(userID), \(role.name), \(flag("create", role)), \(flag("read", role)),
                \(flag("update", role)), \(flag("delete", role)), \(member.addedAt), \(member.deactivatedAt))
            """)
    }

    static func update(_ member: Membership, userID: String, in connection: any DatabaseConnection) throws {
        let role = member.role
        try connection.execute(
            """
            UPDATE members SET role = \(role.name), can_create = \(flag("create", role)),
                can_read = \(flag("read", role)), can_update = \(flag("update", role)),
                can_delete = \(flag("delete", role)), deactivated_at = \(member.deactivatedAt)
            WHERE project_id = \(member.projectID) AND user_id = \(userID)
            """)
    }

    static func remove(_ userID: String, projectID: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM members WHERE project_id = \(projectID) AND user_id = \(userID)")
    }

    static func removeAll(projectID: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM members WHERE project_id = \(projectID)")
    }

    // MARK: - Rows

    private static func member(_ row: DatabaseRow) throws -> MemberRecord {
        MemberRecord(user: try UserRecord(row), membership: try membership(row))
    }

    private static func membership(_ row: DatabaseRow) throws -> Membership {
        let actions = try ["create", "read", "update", "delete"].filter { try row.integer("can_\($0)") == 1 }
        return Membership(
            projectID: try row.text("project_id"),
            role: try row.text("role") == "admin" ? .admin : .user(Set(actions)),
            addedAt: try row.integer("added_at"), deactivatedAt: try row.optionalInteger("deactivated_at"))
    }

    private static func flag(_ action: String, _ role: Role) -> Int64 { role.permissions.contains(action) ? 1 : 0 }
}
