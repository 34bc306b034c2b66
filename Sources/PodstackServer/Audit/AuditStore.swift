/// The audit log in the database.
enum AuditStore {
    /// An event with what is written beside it.
    struct Row: Sendable {
        var event: AuditRecord
        var previousHash: AuditChain.Hash
        var hash: AuditChain.Hash
    }

    private static let columns = """
        account_id, number, id, created_at, action, resource_type, resource_id, resource_name, project_id, user_id, \
        user_email, token_id, address, user_agent, details, previous_hash, hash
        """

    static func insert(_ row: Row, in connection: any DatabaseConnection) throws {
        let event = row.event
        try connection.run(
            "INSERT INTO audit_events (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(event.accountID), .integer(event.number), .text(event.id), .integer(event.createdAt),
                .text(event.action), .text(event.resourceType), DatabaseValue(event.resourceID),
                DatabaseValue(event.resourceName), DatabaseValue(event.projectID), DatabaseValue(event.userID),
                DatabaseValue(event.userEmail), DatabaseValue(event.tokenID), DatabaseValue(event.address),
                DatabaseValue(event.userAgent), .text(event.details), .blob(row.previousHash), .blob(row.hash),
            ])
    }

    /// Newest first.
    static func list(
        _ filter: AuditFilter, limit: Int, before number: Int64?, in connection: any DatabaseConnection
    ) throws -> [AuditRecord] {
        let (condition, arguments) = filter.condition
        return try connection.run(
            "SELECT \(columns) FROM audit_events WHERE \(condition) AND number < ? ORDER BY number DESC LIMIT ?",
            arguments + [.integer(number ?? .max), .integer(Int64(limit))]
        ).map { try row($0).event }
    }

    /// Those that came next, oldest first.
    static func list(
        _ filter: AuditFilter, limit: Int, after number: Int64, in connection: any DatabaseConnection
    ) throws -> [AuditRecord] {
        let (condition, arguments) = filter.condition
        return try connection.run(
            "SELECT \(columns) FROM audit_events WHERE \(condition) AND number > ? ORDER BY number LIMIT ?",
            arguments + [.integer(number), .integer(Int64(limit))]
        ).map { try row($0).event }
    }

    static func has(
        moreThan count: Int, _ filter: AuditFilter, in connection: any DatabaseConnection
    ) throws -> Bool {
        let (condition, arguments) = filter.condition
        return try !connection.run(
            "SELECT 1 FROM audit_events WHERE \(condition) ORDER BY number DESC LIMIT 1 OFFSET ?",
            arguments + [.integer(Int64(count))]
        ).isEmpty
    }

    /// The number of the newest event of each account that has one.
    static func newest(of accountIDs: [String], in connection: any DatabaseConnection) throws -> [String: Int64] {
        let places = accountIDs.map { _ in "?" }.joined(separator: ", ")
        let rows = try connection.run(
            "SELECT account_id, last_number FROM audit_chains WHERE account_id IN (\(places))",
            accountIDs.map(DatabaseValue.text))
        return Dictionary(try rows.map { (try $0.text(0), try $0.integer(1)) }) { first, _ in first }
    }

    /// In the order of the chain.
    static func rows(
        of accountID: String, after number: Int64, limit: Int, in connection: any DatabaseConnection
    ) throws -> [Row] {
        try connection.run(
            "SELECT \(columns) FROM audit_events WHERE account_id = ? AND number > ? ORDER BY number LIMIT ?",
            [.text(accountID), .integer(number), .integer(Int64(limit))]
        ).map(row)
    }

    /// Every account that has events, or ever had.
    static func accountIDs(in connection: any DatabaseConnection) throws -> [String] {
        try connection.run(
            "SELECT account_id FROM audit_events UNION SELECT account_id FROM audit_chains ORDER BY account_id"
        ).map { try $0.text(0) }
    }

    static func accountIDs(
        withEventsUntil time: Int64, in connection: any DatabaseConnection
    ) throws -> [String] {
        try connection.run("SELECT DISTINCT account_id FROM audit_events WHERE created_at <= ?", [.integer(time)])
            .map { try $0.text(0) }
    }

    static func ends(
        of accountID: String, in connection: any DatabaseConnection
    ) throws -> (ends: AuditChain.Ends, seal: AuditChain.Hash)? {
        try connection.run(
            """
            SELECT first_number, first_hash, last_number, last_hash, seal FROM audit_chains WHERE account_id = ?
            """, [.text(accountID)]
        ).first.map { row in
            (
                AuditChain.Ends(
                    accountID: accountID, first: try row.integer(0), firstHash: try row.blob(1),
                    last: try row.integer(2), lastHash: try row.blob(3)), try row.blob(4)
            )
        }
    }

    static func setEnds(
        _ ends: AuditChain.Ends, seal: AuditChain.Hash, in connection: any DatabaseConnection
    ) throws {
        let values: [DatabaseValue] = [
            .integer(ends.first), .blob(ends.firstHash), .integer(ends.last), .blob(ends.lastHash), .blob(seal),
            .text(ends.accountID),
        ]
        try connection.run(
            """
            UPDATE audit_chains SET first_number = ?, first_hash = ?, last_number = ?, last_hash = ?, seal = ?
            WHERE account_id = ?
            """, values)
        guard connection.changes == 0 else { return }
        try connection.run(
            """
            INSERT INTO audit_chains (first_number, first_hash, last_number, last_hash, seal, account_id)
            VALUES (?, ?, ?, ?, ?, ?)
            """, values)
    }

    /// The number of the oldest event of an account that is younger than `time`; nil when none is.
    static func oldest(
        of accountID: String, after time: Int64, in connection: any DatabaseConnection
    ) throws -> Int64? {
        try connection.run(
            "SELECT MIN(number) FROM audit_events WHERE account_id = ? AND created_at > ?",
            [.text(accountID), .integer(time)]
        ).first?.optionalInteger(0)
    }

    static func remove(of accountID: String, through number: Int64, in connection: any DatabaseConnection) throws {
        try connection.run(
            "DELETE FROM audit_events WHERE account_id = ? AND number <= ?", [.text(accountID), .integer(number)])
    }

    private static func row(_ row: DatabaseRow) throws -> Row {
        Row(
            event: AuditRecord(
                accountID: try row.text(0), number: try row.integer(1), id: try row.text(2),
                createdAt: try row.integer(3), action: try row.text(4), resourceType: try row.text(5),
                resourceID: row.optionalText(6), resourceName: row.optionalText(7), projectID: row.optionalText(8),
                userID: row.optionalText(9), userEmail: row.optionalText(10), tokenID: row.optionalText(11),
                address: row.optionalText(12), userAgent: row.optionalText(13), details: try row.text(14)),
            previousHash: try row.blob(15), hash: try row.blob(16))
    }
}
