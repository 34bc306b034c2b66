/// Checks inside a transaction that its actor may still act.
///
/// A request waits for the one writer. Meanwhile its token may be revoked, its session may end, or its user may be
/// disabled.
enum ActorCheck {
    @Sendable static func recheck(_ actor: Actor, at now: Int64, in connection: any DatabaseConnection) throws {
        if let id = actor.sessionID { try WebSessions.check(id, at: now, in: connection) }
        guard let id = actor.tokenID else { return }
        if let token = try TokenStore.find(id, in: connection), token.revokedAt != nil {
            throw DomainError.unauthenticated(.revoked(at: token.revokedAt))
        }
        if let userID = actor.userID, try UserStore.isDisabled(userID, in: connection) {
            throw DomainError.unauthenticated(.accountDisabled)
        }
    }
}
