/// Creates accounts.
enum AccountCreation {
    /// Creates an account with its first user, and a default project of which the user is the admin.
    ///
    /// - Throws: ``UserStore/EmailTaken`` if another user has the email address.
    @discardableResult
    static func create(email: String, name: String?, in change: Change) throws -> UserRecord {
        let (connection, now) = (change.connection, change.now)
        let user = UserRecord(
            id: Identifier.generate("usr_"), accountID: Identifier.generate("acc_"),
            email: Normalization.nfc(email), name: name,
            defaultProjectID: Identifier.generate("prj_"), createdAt: now)
        try UserStore.insertAccount(user.accountID, createdAt: now, in: connection)
        try UserStore.insert(user, in: connection)
        try ProjectStore.insert(
            ProjectRecord(id: user.defaultProjectID, accountID: user.accountID, name: "default", createdAt: now),
            in: connection)
        try MemberStore.insert(
            Membership(projectID: user.defaultProjectID, role: .admin, addedAt: now), userID: user.id, in: connection)
        try change.record(.userCreated, on: AuditResource(user))
        return user
    }
}
