import PodstackAPI

/// The rules of tokens, without HTTP or SQL.
struct TokenService: Sendable {
    let database: any Database
    let digest: SecretDigest
    let lastUsed: LastUsedTracker
    let maxActive: Int

    /// Throws when the account has as many active tokens as it may have.
    func checkRoom(accountID: String, in change: Change) throws {
        let active = try TokenStore.countActive(accountID: accountID, now: change.now, in: change.connection)
        guard active < maxActive else {
            throw DomainError.quotaExceeded(QuotaExcess(resource: "tokens", limit: maxActive, current: active))
        }
    }

    func countActive(accountID: String, now: Int64) throws -> Int {
        try database.read { try TokenStore.countActive(accountID: accountID, now: now, in: $0) }
    }

    /// A token of the account; the same 404 whether it is not there or somebody else's.
    func token(_ id: String, accountID: String) throws -> TokenRecord {
        try database.read { try find(id, accountID: accountID, in: $0) }
    }

    func list(
        accountID: String, _ selection: TokenStore.Selection, _ page: PageRequest, now: Int64
    ) throws -> (page: [TokenRecord], next: Cursor?) {
        let found = try database.read {
            try TokenStore.list(
                accountID: accountID, selection, now: now, limit: page.limit + 1, after: page.after, in: $0)
        }
        return page.page(of: found) { Cursor(position: $0.createdAt, id: $0.id) }
    }

    /// With the use of which the database does not know yet.
    func upToDate(_ token: TokenRecord) -> TokenRecord {
        guard let use = lastUsed.latest(token.id) else { return token }
        var token = token
        if use.time >= token.lastUsedAt ?? .min {
            (token.lastUsedAt, token.lastUsedFrom) = (use.time, use.address.description)
        }
        token.usedScopes.formUnion(use.scopes)
        token.usedScopesSince = token.usedScopesSince ?? use.time
        return token
    }

    /// Once the change is made, no request with the token is accepted any more.
    func revoke(_ id: String, accountID: String, in change: Change) throws {
        let token = try find(id, accountID: accountID, in: change.connection)
        // Asked again: whoever made the change may have failed before everybody had heard of it.
        change.changed(token: id)
        guard token.revokedAt == nil else { return }
        try TokenStore.revoke(id, now: change.now, in: change.connection)
        try change.record(.tokenRevoked, on: AuditResource(token))
    }

    func find(
        _ id: String, accountID: String, in connection: any DatabaseConnection
    ) throws -> TokenRecord {
        guard let token = try TokenStore.find(id, in: connection), token.accountID == accountID else {
            throw DomainError.notFound(.token, id: id)
        }
        return token
    }

    func checkProjectsExist(
        _ wanted: [String], of token: TokenRecord, in connection: any DatabaseConnection
    ) throws {
        let own = try MemberStore.memberships(userID: token.userID, in: connection)
        if let foreign = wanted.first(where: { own[$0] == nil }) {
            throw DomainError.notFound(.project, id: foreign)
        }
    }

    func checkIsAlive(_ token: TokenRecord, now: Int64) throws {
        guard token.revokedAt == nil else {
            throw DomainError.conflict("The token is revoked and can no longer change; create a new one")
        }
        guard !token.isExpired(at: now) else {
            throw DomainError.conflict("The token has expired and can no longer change; create a new one")
        }
    }
}
