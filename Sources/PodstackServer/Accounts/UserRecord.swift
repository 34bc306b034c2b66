/// A user as the service stores it.
///
/// Times are seconds since 1970.
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
    /// Whether the user may manage the accounts of the service in the dashboard.
    var isOperator = false

    var isDisabled: Bool { disabledAt != nil }

    /// The approximate number of bytes that the user takes in a list.
    var listedBytes: Int { 300 + email.utf8.count + (name ?? "").utf8.count }

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
        u.disabled_at AS user_disabled_at, u.is_operator AS user_is_operator
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
        isOperator = try row.integer("user_is_operator") != 0
    }
}

extension AuditResource {
    init(_ user: UserRecord) {
        self.init(type: "user", id: user.id, name: user.email, accountID: user.accountID)
    }
}

// MARK: - Disabling, and the role of an operator

/// The rules of disabling and enabling users, and of making them operators.
enum UserService {
    /// Disables or enables a user, and signs the user out everywhere.
    ///
    /// Once the change returns, every token of a disabled user is refused. After the user is enabled again, tokens that
    /// were neither revoked nor have expired work as before.
    ///
    /// - Returns: False if the user was in that state already.
    @discardableResult
    static func setDisabled(_ isDisabled: Bool, _ user: UserRecord, in change: Change) throws -> Bool {
        // Announced even without a change: an earlier attempt may have failed before every instance heard of it.
        change.changed(user: user.id)
        guard isDisabled != user.isDisabled else { return false }
        try UserStore.setDisabled(at: isDisabled ? change.now : nil, userID: user.id, in: change.connection)
        // A user that is enabled again has to sign in again.
        try SignInStore.removeSessions(userID: user.id, in: change.connection)
        try change.record(isDisabled ? .userDisabled : .userEnabled, on: AuditResource(user))
        return true
    }

    /// Gives a user the role of an operator, or takes it away.
    ///
    /// - Returns: False if the user has the role already, or does not have it.
    @discardableResult
    static func setOperator(_ isOperator: Bool, _ user: UserRecord, in change: Change) throws -> Bool {
        guard isOperator != user.isOperator else { return false }
        change.changed(user: user.id)
        try UserStore.setOperator(isOperator, userID: user.id, in: change.connection)
        try change.record(isOperator ? .operatorAdded : .operatorRemoved, on: AuditResource(user))
        return true
    }
}
