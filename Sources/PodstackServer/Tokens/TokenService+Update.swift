import PodstackAPI

extension TokenService {
    /// Changes a token. Its scopes and its projects only ever shrink, and end up within those of the caller's token.
    func update(
        _ id: String, _ request: TokenUpdateRequest, by caller: Grant, in change: Change
    ) throws -> TokenRecord {
        let old = try find(id, accountID: caller.accountID, in: change.connection)
        var token = old
        try checkIsAlive(token, now: change.now)
        if let name = request.name { token.name = name }
        if let scopes = request.scopes {
            if let wider = scopes.first(where: { !token.scopes.allows($0) }) {
                throw DomainError.invalid("scopes", "can only shrink: the token does not have \(wider)")
            }
            if let wider = scopes.first(where: { !caller.scopes.allows($0) }) {
                throw DomainError.forbidden(caller.lacks(wider))
            }
            token.scopes = scopes
        }
        if let projectIDs = request.projectIDs {
            try shrink(&token, to: projectIDs, by: caller, in: change.connection)
        }
        guard token != old else { return token }
        try TokenStore.update(token, in: change.connection)
        change.changed(token: id)
        try change.record(.tokenUpdated, on: AuditResource(token), .changed(from: old.audited, to: token.audited))
        return token
    }

    private func shrink(
        _ token: inout TokenRecord, to projectIDs: [String]?, by caller: Grant,
        in connection: any DatabaseConnection
    ) throws {
        guard let projectIDs else {
            guard token.projectIDs == nil else {
                throw DomainError.invalid("project_ids", "can only shrink: the token does not include every project")
            }
            return
        }
        if let current = token.projectIDs {
            guard projectIDs.allSatisfy(current.contains) else {
                throw DomainError.invalid("project_ids", "can only shrink: the token does not include one of them")
            }
        } else {
            try checkProjectsExist(projectIDs, of: token, in: connection)
        }
        if let allowed = caller.projectIDs, let foreign = projectIDs.first(where: { !allowed.contains($0) }) {
            throw DomainError.forbidden(caller.excludes(foreign))
        }
        token.projectIDs = projectIDs
    }
}
