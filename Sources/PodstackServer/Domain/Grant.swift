import PodstackAPI

/// The most that a caller may do or hand on.
///
/// A token grants its scopes in its projects. A signed-in user and the operator's commands have everything that the
/// user's memberships allow.
struct Grant: Sendable, Equatable {
    var accountID: String
    var userID: String
    /// The token that grants it; nil for a signed-in user and for the operator.
    var tokenID: String?
    var scopes: [Scope] = [.all]
    /// Nil for every project of the user.
    var projectIDs: [String]?
    /// Seconds since 1970; nil for never.
    var expiresAt: Int64?
    /// The most that pods which the token starts may cost; nil for no limit.
    var spendLimit: SpendLimit?

    func isGood(for projectID: String) -> Bool { projectIDs?.contains(projectID) ?? true }

    func lacks(_ scope: Scope) -> Denial { .missingScope(scope, tokenScopes: scopes) }

    func excludes(_ projectID: String) -> Denial { .projectNotIncluded(projectID, tokenProjectIDs: projectIDs) }
}
