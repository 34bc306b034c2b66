/// Projects in the database.
enum ProjectStore {
    private static let columns: SQL =
        "p.id, p.account_id, p.name, p.description, p.created_at, p.spend_amount, p.spend_period"

    /// A project, with a user's membership of it.
    struct Joined: Sendable {
        var project: ProjectRecord
        var membership: Membership
    }

    static func find(_ id: String, in connection: any DatabaseConnection) throws -> ProjectRecord? {
        try connection.query("SELECT \(columns) FROM projects p WHERE p.id = \(id)").first.map(record)
    }

    /// Returns the projects that a user may read, newest first.
    ///
    /// `allowedIDs` are the only projects to return, those of the user's token, or nil for every project. `after` is the
    /// position of the last project of the previous page, or nil for the first page.
    static func list(
        userID: String, only allowedIDs: [String]?, limit: Int, after: Cursor?,
        in connection: any DatabaseConnection
    ) throws -> [Joined] {
        let (position, id) = (after?.position ?? .max, after?.id ?? "")
        let isAllowed: SQL = if let allowedIDs { " AND p.id IN (\(list: allowedIDs))" } else { "" }
        return try connection.query(
            """
            SELECT \(columns), \(MemberStore.columns) FROM projects p JOIN members m ON m.project_id = p.id
            WHERE m.user_id = \(userID) AND m.can_read = 1 AND m.deactivated_at IS NULL
                AND (p.created_at, p.id) < (\(position), \(id))\(isAllowed)
            ORDER BY p.created_at DESC, p.id DESC LIMIT \(Int64(limit))
            """
        ).map { Joined(project: try record($0), membership: try MemberStore.membership($0)) }
    }

    /// Returns the names of a user's projects by ID.
    static func names(userID: String, in connection: any DatabaseConnection) throws -> [String: String] {
        let rows = try connection.query(
            """
            SELECT p.id, p.name FROM projects p JOIN members m ON m.project_id = p.id WHERE m.user_id = \(userID)
            """)
        return Dictionary(try rows.map { (try $0.text("id"), try $0.text("name")) }) { first, _ in first }
    }

    /// Returns the number of an account's projects.
    static func count(accountID: String, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.query("SELECT COUNT(*) AS count FROM projects WHERE account_id = \(accountID)")
        return Int(try rows.first?.integer("count") ?? 0)
    }

    static func insert(_ project: ProjectRecord, in connection: any DatabaseConnection) throws {
        try connection.execute(
            """
            INSERT INTO projects (id, account_id, name, description, created_at, spend_amount, spend_period)
            VALUES (\(project.id), \(project.accountID), \(project.name), \(project.description),
                \(project.createdAt), \(project.spendLimit?.amount.millionths), \(project.spendLimit?.period.rawValue))
            """)
    }

    static func update(_ project: ProjectRecord, in connection: any DatabaseConnection) throws {
        try connection.execute(
            """
            UPDATE projects SET name = \(project.name), description = \(project.description),
                spend_amount = \(project.spendLimit?.amount.millionths),
                spend_period = \(project.spendLimit?.period.rawValue)
            WHERE id = \(project.id)
            """)
    }

    static func remove(_ id: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM projects WHERE id = \(id)")
    }

    /// Returns the projects of which a user is a member, with what their other members mean for them.
    static func shares(userID: String, in connection: any DatabaseConnection) throws -> [ProjectShare] {
        try connection.query(
            """
            SELECT \(columns),
                CASE WHEN m.role = 'admin' AND m.deactivated_at IS NULL THEN 1 ELSE 0 END AS is_admin,
                (SELECT COUNT(*) FROM members o WHERE o.project_id = p.id) AS members,
                (SELECT COUNT(*) FROM members o JOIN users u ON u.id = o.user_id AND u.disabled_at IS NULL
                    WHERE o.project_id = p.id AND o.user_id <> \(userID)
                    AND o.role = 'admin' AND o.deactivated_at IS NULL) AS other_admins
            FROM projects p JOIN members m ON m.project_id = p.id WHERE m.user_id = \(userID)
            ORDER BY p.created_at, p.id
            """
        ).map { row in
            ProjectShare(
                project: try record(row), isAdmin: try row.integer("is_admin") == 1,
                members: Int(try row.integer("members")), otherAdmins: Int(try row.integer("other_admins")))
        }
    }

    /// Returns whether the project is the default project of a user.
    static func isDefault(_ id: String, in connection: any DatabaseConnection) throws -> Bool {
        try !connection.query("SELECT id FROM users WHERE default_project_id = \(id) LIMIT 1").isEmpty
    }

    private static func record(_ row: DatabaseRow) throws -> ProjectRecord {
        ProjectRecord(
            id: try row.text("id"), accountID: try row.text("account_id"), name: try row.text("name"),
            description: try row.optionalText("description"), createdAt: try row.integer("created_at"),
            spendLimit: try BillingStore.spendLimit(row))
    }
}

/// A project of a user, with the numbers of its members.
struct ProjectShare: Sendable, Equatable {
    var project: ProjectRecord
    /// Whether the user is an active admin.
    var isAdmin: Bool
    /// All members, the user included.
    var members: Int
    /// The active admins besides the user, without those who are disabled.
    var otherAdmins: Int
}
