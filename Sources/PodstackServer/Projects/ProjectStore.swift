/// Projects in the database.
enum ProjectStore {
    private static let columns = "p.id, p.account_id, p.name, p.description, p.created_at"

    static func find(_ id: String, in connection: any DatabaseConnection) throws -> ProjectRecord? {
        try connection.run("SELECT \(columns) FROM projects p WHERE p.id = ?", [.text(id)]).first.map(record)
    }

    /// Those that a user may read, newest first. `only` are those that the token is good for, nil for all of them;
    /// `after` is the last one of the page before.
    static func list(
        userID: String, only: [String]?, limit: Int, after: Cursor?, in connection: any DatabaseConnection
    ) throws -> [ProjectRecord] {
        let among = only.map { " AND p.id IN (\($0.map { _ in "?" }.joined(separator: ", ")))" } ?? ""
        return try connection.run(
            """
            SELECT \(columns) FROM projects p JOIN members m ON m.project_id = p.id
            WHERE m.user_id = ? AND m.can_read = 1 AND m.deactivated_at IS NULL
                AND (p.created_at < ? OR (p.created_at = ? AND p.id < ?))\(among)
            ORDER BY p.created_at DESC, p.id DESC LIMIT ?
            """,
            [
                .text(userID), .integer(after?.position ?? .max), .integer(after?.position ?? .max),
                .text(after?.id ?? ""),
            ] + (only ?? []).map(DatabaseValue.text) + [.integer(Int64(limit))]
        ).map(record)
    }

    /// The names of those that a user belongs to, by id.
    static func names(userID: String, in connection: any DatabaseConnection) throws -> [String: String] {
        let rows = try connection.run(
            "SELECT p.id, p.name FROM projects p JOIN members m ON m.project_id = p.id WHERE m.user_id = ?",
            [.text(userID)])
        return Dictionary(try rows.map { (try $0.text(0), try $0.text(1)) }) { first, _ in first }
    }

    static func insert(_ project: ProjectRecord, in connection: any DatabaseConnection) throws {
        try connection.run(
            "INSERT INTO projects (id, account_id, name, description, created_at) VALUES (?, ?, ?, ?, ?)",
            [
                .text(project.id), .text(project.accountID), .text(project.name), DatabaseValue(project.description),
                .integer(project.createdAt),
            ])
    }

    static func update(_ project: ProjectRecord, in connection: any DatabaseConnection) throws {
        try connection.run(
            "UPDATE projects SET name = ?, description = ? WHERE id = ?",
            [.text(project.name), DatabaseValue(project.description), .text(project.id)])
    }

    static func remove(_ id: String, in connection: any DatabaseConnection) throws {
        try connection.run("DELETE FROM projects WHERE id = ?", [.text(id)])
    }

    /// Whether some user's operations use it when no project is named.
    static func isDefault(_ id: String, in connection: any DatabaseConnection) throws -> Bool {
        try !connection.run("SELECT 1 FROM users WHERE default_project_id = ? LIMIT 1", [.text(id)]).isEmpty
    }

    private static func record(_ row: DatabaseRow) throws -> ProjectRecord {
        ProjectRecord(
            id: try row.text(0), accountID: try row.text(1), name: try row.text(2), description: row.optionalText(3),
            createdAt: try row.integer(4))
    }
}
