/// Accounts, their users and their projects, in the database.
enum AccountStore {
    struct EmailTaken: Error {}

    /// Makes an account with its first user and its default project; gives the account's id.
    static func addUser(email: String, name: String?, in change: Change) throws -> String {
        let (connection, now) = (change.connection, change.now)
        let key = email.lowercased()
        guard try connection.run("SELECT id FROM users WHERE email_key = ?", [.text(key)]).isEmpty else {
            throw EmailTaken()
        }
        let account = Identifier.generate("acc_")
        let project = Identifier.generate("prj_")
        let user = Identifier.generate("usr_")
        try connection.run(
            "INSERT INTO accounts (id, created_at) VALUES (?, ?)", [.text(account), .integer(now)])
        try ProjectStore.insert(
            ProjectRecord(id: project, accountID: account, name: "default", createdAt: now), in: connection)
        try connection.run(
            """
            INSERT INTO users (id, account_id, email, email_key, name, default_project_id, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(user), .text(account), .text(email), .text(key), DatabaseValue(name),
                .text(project), .integer(now),
            ])
        try MemberStore.insert(
            Membership(projectID: project, role: .admin, addedAt: now), userID: user, in: connection)
        try change.record(.userCreated, on: AuditResource(userID: user, email: email, accountID: account))
        return account
    }

    /// The account and the address of a user.
    static func user(
        id: String, in connection: any DatabaseConnection
    ) throws -> (accountID: String, email: String)? {
        try connection.run("SELECT account_id, email FROM users WHERE id = ?", [.text(id)])
            .first.map { (try $0.text(0), try $0.text(1)) }
    }

    /// The user and the account of an address; nil when nobody has it.
    static func user(
        email: String, in connection: any DatabaseConnection
    ) throws -> (id: String, accountID: String)? {
        try connection.run("SELECT id, account_id FROM users WHERE email_key = ?", [.text(email.lowercased())])
            .first.map { (try $0.text(0), try $0.text(1)) }
    }

    /// Whether nobody has an account.
    static func isEmpty(in connection: any DatabaseConnection) throws -> Bool {
        try connection.run("SELECT id FROM users LIMIT 1").isEmpty
    }

    static func isDisabled(_ userID: String, in connection: any DatabaseConnection) throws -> Bool {
        try connection.run("SELECT disabled_at FROM users WHERE id = ?", [.text(userID)])
            .first?.optionalInteger(0) != nil
    }

    /// Once the change is made, every token of a disabled user is refused; when they are enabled again, those that
    /// were neither revoked nor have expired work as before. False when the user is so already.
    @discardableResult
    static func setDisabled(_ isDisabled: Bool, _ listed: ListedUser, in change: Change) throws -> Bool {
        // Asked again: whoever made the change may have failed before everybody had heard of it.
        change.changed(user: listed.id)
        guard isDisabled != (listed.disabledAt != nil) else { return false }
        try change.connection.run(
            "UPDATE users SET disabled_at = ? WHERE id = ?",
            [isDisabled ? .integer(change.now) : .null, .text(listed.id)])
        // Whoever is enabled again signs in again.
        try change.connection.run("DELETE FROM sessions WHERE user_id = ?", [.text(listed.id)])
        try change.record(
            isDisabled ? .userDisabled : .userEnabled,
            on: AuditResource(userID: listed.id, email: listed.email, accountID: listed.accountID))
        return true
    }
}
