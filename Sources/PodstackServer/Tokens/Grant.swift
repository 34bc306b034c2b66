import PodstackAPI

/// The most that whoever asks may do, and may hand on: what the token grants that they showed, or everything of their
/// account when they signed in, or are the operator.
struct Grant: Sendable, Equatable {
    var accountID: String
    var userID: String
    /// The token that grants it, if one does.
    var tokenID: String?
    var scopes: [Scope] = [.all]
    /// Nil for every project of the user.
    var projectIDs: [String]?
    /// Seconds since 1970; nil for never.
    var expiresAt: Int64?

    func isGood(for projectID: String) -> Bool { projectIDs?.contains(projectID) ?? true }

    func lacks(_ scope: Scope) -> Denial { .missingScope(scope, tokenScopes: scopes) }

    func excludes(_ projectID: String) -> Denial { .projectNotIncluded(projectID, tokenProjectIDs: projectIDs) }
}

extension TokenRecord {
    var grant: Grant {
        Grant(
            accountID: accountID, userID: userID, tokenID: id, scopes: scopes, projectIDs: projectIDs,
            expiresAt: expiresAt)
    }
}
