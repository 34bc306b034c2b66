/// The rules of disabling and enabling users.
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
}
