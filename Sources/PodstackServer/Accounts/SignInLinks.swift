/// Links that sign a user in once, to choose a password.
struct SignInLinks: Sendable {
    /// The time in which a new link can be used.
    static let lifetimeSeconds: Int64 = 72 * 3600

    let digest: SecretDigest

    /// The user that a link signs in.
    enum Holder: Sendable, Equatable {
        case user(UserRecord)
        /// The user that the link creates: the first one of the service.
        case firstUser
    }

    /// Creates a link that replaces the user's earlier ones, and returns the last segment of its path.
    ///
    /// Without a user ID, the link creates the first account.
    func create(for userID: String?, in change: Change) throws -> OneTimeSecret {
        let secret = OneTimeSecret.generate()
        try SignInStore.removeLinks(expiredAt: change.now, in: change.connection)
        try SignInStore.removeLinks(userID: userID, in: change.connection)
        try SignInStore.insertLink(
            digest.digest(of: secret), userID: userID, createdAt: change.now,
            expiresAt: change.now + Self.lifetimeSeconds, in: change.connection)
        return secret
    }

    /// Returns the user that a link signs in.
    ///
    /// Returns nil if the link is unknown, used or expired, if its user is disabled, or if it would create the first
    /// account and there is one already.
    func holder(_ secret: OneTimeSecret, now: Int64, in connection: any DatabaseConnection) throws -> Holder? {
        guard let link = try SignInStore.link(digest.digest(of: secret), now: now, in: connection) else { return nil }
        guard let id = link.userID else { return try UserStore.isEmpty(in: connection) ? .firstUser : nil }
        guard let user = try UserStore.find(id: id, in: connection), !user.isDisabled else { return nil }
        return .user(user)
    }

    /// Removes a link that was used.
    func remove(_ secret: OneTimeSecret, in connection: any DatabaseConnection) throws {
        try SignInStore.removeLink(digest.digest(of: secret), in: connection)
    }
}
