/// A user as the operator sees them. Times are seconds since 1970.
struct ListedUser: Sendable, Equatable {
    var id: String
    var accountID: String
    var email: String
    var createdAt: Int64
    /// Nil while they may do what their tokens allow.
    var disabledAt: Int64?

    private static let columns = "id, account_id, email, created_at, disabled_at"

    private init(_ row: DatabaseRow) throws {
        (id, accountID, email) = (try row.text(0), try row.text(1), try row.text(2))
        (createdAt, disabledAt) = (try row.integer(3), row.optionalInteger(4))
    }

    /// Nil when nobody has the address.
    static func find(email: String, in connection: any DatabaseConnection) throws -> ListedUser? {
        try connection.run("SELECT \(columns) FROM users WHERE email_key = ?", [.text(email.lowercased())])
            .first.map(ListedUser.init)
    }

    /// By address, those after `address`.
    static func list(after address: String, limit: Int, in connection: any DatabaseConnection) throws -> [ListedUser] {
        try connection.run(
            "SELECT \(columns) FROM users WHERE email_key > ? ORDER BY email_key LIMIT ?",
            [.text(address), .integer(Int64(limit))]
        ).map(ListedUser.init)
    }
}
