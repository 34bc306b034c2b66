/// The members of projects in the database.
enum MemberStore {
    static let columns: SQL = """
        m.project_id, m.role, m.can_create, m.can_read, m.can_update, m.can_delete, m.added_at, m.deactivated_at
        """

    /// Returns a user's membership of a project, or nil if the user is not a member.
    static func membership(
        userID: String, projectID: String, in connection: any DatabaseConnection
    ) throws -> Membership? {
        try connection.query(
            "SELECT \(columns) FROM members m WHERE m.project_id = \(projectID) AND m.user_id = \(userID)"
        ).first.map(membership)
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

    /// Returns a project's members and the users who are invited, newest first.
    ///
    /// `after` is the position of the last member of the previous page, or nil for the first page.
    static func list(
        projectID: String, now: Int64, limit: Int, after: Cursor?, in connection: any DatabaseConnection
    ) throws -> [MemberRecord] {
        let (position, id) = (after?.position ?? .max, after?.id ?? "")
        let flags: SQL = "can_create, can_read, can_update, can_delete"
        return try connection.query(
            """
            SELECT \(columns), m.invited_until, \(UserRecord.columns)
            FROM (
                SELECT project_id, user_id, role, \(flags), added_at, deactivated_at,
                    CAST(NULL AS BIGINT) AS invited_until
                FROM members WHERE project_id = \(projectID)
                UNION ALL
                SELECT v.project_id, v.user_id, v.role, v.can_create, v.can_read, v.can_update, v.can_delete,
                    v.created_at, NULL, v.expires_at
                FROM \(InvitationStore.counting(at: now)) WHERE v.project_id = \(projectID)
            ) m JOIN users u ON u.id = m.user_id
            WHERE (m.added_at, m.user_id) < (\(position), \(id))
            ORDER BY m.added_at DESC, m.user_id DESC LIMIT \(Int64(limit))
            """
        ).map { row in
            var member = try member(row)
            member.membership.invitedUntil = try row.optionalInteger("invited_until")
            return member
        }
    }

    /// Returns a user's memberships of projects that the user cannot view, with the names of the projects.
    static func withoutView(
        userID: String, limit: Int, in connection: any DatabaseConnection
    ) throws -> [(name: String, membership: Membership)] {
        try connection.query(
            """
            SELECT \(columns), p.name FROM members m JOIN projects p ON p.id = m.project_id
            WHERE m.user_id = \(userID) AND (m.can_read = 0 OR m.deactivated_at IS NOT NULL)
            ORDER BY m.added_at DESC, m.project_id DESC LIMIT \(Int64(limit))
            """
        ).map { (try $0.text("name"), try membership($0)) }
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

    /// Returns whether a project has an active admin besides a user, who can sign in.
    static func hasAdmin(
        besides userID: String, projectID: String, in connection: any DatabaseConnection
    ) throws -> Bool {
        try !connection.query(
            """
            SELECT m.user_id FROM members m JOIN users u ON u.id = m.user_id
            WHERE m.project_id = \(projectID) AND m.user_id <> \(userID) AND m.role = 'admin'
                AND m.deactivated_at IS NULL AND u.disabled_at IS NULL LIMIT 1
            """
        ).isEmpty
    }

    /// Returns the number of members of each project, by project ID.
    static func counts(projectIDs: [String], in connection: any DatabaseConnection) throws -> [String: Int64] {
        guard !projectIDs.isEmpty else { return [:] }
        let rows = try connection.query(
            """
            SELECT project_id, COUNT(*) AS members FROM members
            WHERE project_id IN (\(list: projectIDs)) GROUP BY project_id
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
        if role != .admin || member.deactivatedAt != nil {
            try InvitationStore.removeAll(by: userID, projectID: member.projectID, in: connection)
        }
        try connection.execute(
            """
            UPDATE members SET role = \(role.name), can_create = \(flag("create", role)),
                can_read = \(flag("read", role)), can_update = \(flag("update", role)),
                can_delete = \(flag("delete", role)), deactivated_at = \(member.deactivatedAt)
            WHERE project_id = \(member.projectID) AND user_id = \(userID)
            """)
    }

    static func remove(_ userID: String, projectID: String, in connection: any DatabaseConnection) throws {
        try InvitationStore.removeAll(by: userID, projectID: projectID, in: connection)
        try connection.execute("DELETE FROM members WHERE project_id = \(projectID) AND user_id = \(userID)")
    }

    static func removeAll(projectID: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM members WHERE project_id = \(projectID)")
    }

    // MARK: - Rows

    private static func member(_ row: DatabaseRow) throws -> MemberRecord {
        MemberRecord(user: try UserRecord(row), membership: try membership(row))
    }

    static func membership(_ row: DatabaseRow) throws -> Membership {
        Membership(
            projectID: try row.text("project_id"), role: try role(row),
            addedAt: try row.integer("added_at"), deactivatedAt: try row.optionalInteger("deactivated_at"))
    }

    /// Reads a role from a row of members or invitations.
    static func role(_ row: DatabaseRow) throws -> Role {
        let isAdmin = try row.text("role") == "admin"
        let actions = try ["create", "read", "update", "delete"].filter { try row.integer("can_\($0)") == 1 }
        return isAdmin ? .admin : .user(Set(actions))
    }

    static func flag(_ action: String, _ role: Role) -> Int64 { role.permissions.contains(action) ? 1 : 0 }
}

extension Authority {
    /// Creates the authority of a grant, which reads memberships on a connection.
    ///
    /// It must not be used after the connection's transaction.
    init(_ grant: Grant, in connection: any DatabaseConnection) {
        self.init(grant: grant) { projectID in
            try MemberStore.membership(userID: grant.userID, projectID: projectID, in: connection)
        }
    }
}
