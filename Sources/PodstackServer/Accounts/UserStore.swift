/// Accounts and their users in the database.
enum UserStore {
    /// The email address belongs to another user.
    struct EmailTaken: Error {}

    static func find(id: String, in connection: any DatabaseConnection) throws -> UserRecord? {
        try connection.query("SELECT \(UserRecord.columns) FROM users u WHERE u.id = \(id)").first.map(UserRecord.init)
    }

    /// Returns the user with an email address, in any case, or nil if no user has it.
    static func find(email: String, in connection: any DatabaseConnection) throws -> UserRecord? {
        let key = EmailAddress.key(email)
        if let user = try find(key: key, in: connection) { return user }
        // Releases before 0.3 did not normalize.
        let raw = email.lowercased()
        guard !raw.utf8.elementsEqual(key.utf8) else { return nil }
        return try find(key: raw, in: connection)
    }

    private static func find(key: String, in connection: any DatabaseConnection) throws -> UserRecord? {
        try connection.query("SELECT \(UserRecord.columns) FROM users u WHERE u.email_key = \(key)")
            .first.map(UserRecord.init)
    }

    /// Returns users ordered by email address.
    ///
    /// `email` is the lowercase address of the last user of the previous page, or empty for the first page.
    static func list(after email: String, limit: Int, in connection: any DatabaseConnection) throws -> [UserRecord] {
        try connection.query(
            """
            SELECT \(UserRecord.columns) FROM users u WHERE u.email_key > \(email)
            ORDER BY u.email_key LIMIT \(Int64(limit))
            """
        ).map(UserRecord.init)
    }

    /// Returns whether there is no user yet.
    static func isEmpty(in connection: any DatabaseConnection) throws -> Bool {
        try connection.query("SELECT id FROM users LIMIT 1").isEmpty
    }

    static func isDisabled(_ userID: String, in connection: any DatabaseConnection) throws -> Bool {
        try connection.query("SELECT disabled_at FROM users WHERE id = \(userID)")
            .first?.optionalInteger("disabled_at") != nil
    }

    static func insertAccount(_ id: String, createdAt: Int64, in connection: any DatabaseConnection) throws {
        try connection.execute("INSERT INTO accounts (id, created_at) VALUES (\(id), \(createdAt))")
    }

    /// Inserts a user of an existing account.
    ///
    /// - Throws: ``EmailTaken`` if another user has the email address.
    static func insert(_ user: UserRecord, in connection: any DatabaseConnection) throws {
        guard try find(email: user.email, in: connection) == nil else { throw EmailTaken() }
        try connection.execute(
            """
            INSERT INTO users
                (id, account_id, email, email_key, name, default_project_id, created_at, disabled_at, is_operator)
            VALUES (\(user.id), \(user.accountID), \(user.email), \(EmailAddress.key(user.email)), \(user.name),
                \(user.defaultProjectID), \(user.createdAt), \(user.disabledAt), \(user.isOperator ? 1 : 0 as Int64))
            """)
    }

    /// Disables a user, or enables it if the time is nil.
    static func setDisabled(at time: Int64?, userID: String, in connection: any DatabaseConnection) throws {
        try connection.execute("UPDATE users SET disabled_at = \(time) WHERE id = \(userID)")
    }

    static func setOperator(_ isOperator: Bool, userID: String, in connection: any DatabaseConnection) throws {
        let flag: Int64 = isOperator ? 1 : 0
        try connection.execute("UPDATE users SET is_operator = \(flag) WHERE id = \(userID)")
    }

    /// Returns whether an enabled user besides this one is an operator.
    static func hasOperator(besides userID: String, in connection: any DatabaseConnection) throws -> Bool {
        try !connection.query(
            "SELECT id FROM users WHERE is_operator = 1 AND disabled_at IS NULL AND id <> \(userID) LIMIT 1"
        ).isEmpty
    }

    /// Removes a user, to whom nothing may refer any more; the account stays.
    static func remove(_ userID: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM users WHERE id = \(userID)")
    }

    // MARK: - Passwords

    /// Returns the hash of a user's password, or nil if the user has not chosen one.
    static func passwordHash(userID: String, in connection: any DatabaseConnection) throws -> String? {
        try connection.query("SELECT password_hash FROM users WHERE id = \(userID)")
            .first?.optionalText("password_hash")
    }

    static func setPasswordHash(_ hash: String, userID: String, in connection: any DatabaseConnection) throws {
        try connection.execute("UPDATE users SET password_hash = \(hash) WHERE id = \(userID)")
    }
}
