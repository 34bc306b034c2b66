/// A user as the service stores it. Times are seconds since 1970.
struct UserRecord: Sendable, Equatable {
    var id: String
    var accountID: String
    var email: String
    var name: String?
    /// The project that the user's operations use if a request names none.
    var defaultProjectID: String
    var createdAt: Int64
    /// The time at which the operator disabled the user; nil while the user is enabled.
    var disabledAt: Int64?

    var isDisabled: Bool { disabledAt != nil }

    /// Everything that the user may do, without a token's restrictions.
    var grant: Grant { Grant(accountID: accountID, userID: id) }
}

extension UserRecord {
    /// The columns of a user, in a statement that calls the table `u`.
    ///
    /// Their names begin with `user_`, so that a statement can join the table with others.
    static let columns: SQL = """
        u.id AS user_id, u.account_id AS user_account_id, u.email AS user_email, u.name AS user_name, \
        u.default_project_id AS user_default_project_id, u.created_at AS user_created_at, \
        u.disabled_at AS user_disabled_at
        """

    /// Reads a user from a row with ``columns``.
    init(_ row: DatabaseRow) throws {
        id = try row.text("user_id")
        accountID = try row.text("user_account_id")
        email = try row.text("user_email")
        name = try row.optionalText("user_name")
        defaultProjectID = try row.text("user_default_project_id")
        createdAt = try row.integer("user_created_at")
        disabledAt = try row.optionalInteger("user_disabled_at")
    }
}

extension AuditResource {
    init(_ user: UserRecord) {
        self.init(type: "user", id: user.id, name: user.email, accountID: user.accountID)
    }
}
