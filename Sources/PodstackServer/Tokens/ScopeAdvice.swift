import PodstackAPI

/// Fewer scopes that would do for a token, going by what it did.
struct ScopeAdvice: Equatable {
    /// The resources whose use is seen here. What is done with others, such as pods, is done with other services.
    static let seen: Set = ["projects", "members", "tokens", "audit-logs"]
    /// Seconds that a token is watched before anything is said.
    static let patience: Int64 = 7 * 86_400

    /// Seconds since 1970.
    var since: Int64
    var used: [Scope]
    /// Never empty, and less than the token has.
    var enough: [Scope]

    /// Nil when there is nothing to say.
    init?(for token: TokenRecord, now: Int64) {
        guard let since = token.usedScopesSince, since <= now - Self.patience, token.lastUsedAt != nil else {
            return nil
        }
        var enough: [Scope] = []
        for scope in token.scopes {
            for needed in Self.needed(scope, used: token.usedScopes) where !enough.allows(needed) {
                enough.append(needed)
            }
        }
        guard !enough.isEmpty, enough != token.scopes else { return nil }
        self.since = since
        self.enough = enough
        // What the token could do before its scopes were last taken away is of no interest.
        used = token.usedScopes.scopes.filter(token.scopes.allows)
    }

    /// Whether scopes stay though nothing is known of their use.
    var keepsUnseen: Bool { enough.contains { Self.isUnseen($0) } }

    /// Whether the token needs scopes to hand them on: one can make or rotate only tokens that may do less.
    var handsOn: Bool { used.contains(.tokensCreate) || used.contains(.tokensUpdate) }

    private static func isUnseen(_ scope: Scope) -> Bool { scope.resource.map { !seen.contains($0) } ?? false }

    private static func needed(_ scope: Scope, used: ScopeSet) -> [Scope] {
        if isUnseen(scope) || used.contains(ScopeSet(scope)) { return [scope] }
        guard scope.resource == nil else { return used.intersection(ScopeSet(scope)).scopes }
        return Scope.resources.compactMap { Scope("\($0):*") }.flatMap { needed($0, used: used) }
    }
}
