public import PodstackAPI

/// The API tokens of the account.
///
/// Source: Generate API Token.
public struct Tokens: Sendable {
    let pipeline: Pipeline

    /// Returns the tokens, newest first.
    ///
    /// Expired and revoked tokens are included for 90 days.
    ///
    /// - Returns: The tokens, which are loaded as they are needed.
    public func list() -> Paged<Token> { Paged(pipeline: pipeline, path: "/v1/tokens") }

    /// Returns a token.
    ///
    /// - Parameter id: The token's ID.
    /// - Returns: The token, without its secret.
    /// - Throws: ``ResourceNotFoundError`` if the account has no such token.
    public func get(_ id: Token.ID) async throws -> Token {
        try await pipeline.call(.get(path(id)))
    }

    /// Creates a token.
    ///
    /// The secret is generated here, and only its digest is sent. So a lost response loses nothing.
    ///
    /// - Parameters:
    ///   - name: The name, 1 to 100 characters.
    ///   - expiry: The lifetime (default: 30 days).
    ///   - scopes: The permissions, such as `.projectsRead` or `"projects:read"`; nil for those of the token in use.
    ///   - projects: The IDs of the projects that the token is limited to; nil for all.
    ///   - spendLimit: The most that pods which the token starts may cost; nil for no limit. A token with a limit creates
    ///     only tokens with a limit that is not higher.
    /// - Returns: The token and its secret.
    /// - Throws: ``QuotaExceededError`` if the account has reached its limit of active tokens, ``PermissionError`` if the
    ///   token in use may not create this token, ``ValidationError`` if a value is invalid.
    public func create(
        name: String, expiresIn expiry: TokenExpiry = .serviceDefault, scopes: [Scope]? = nil,
        projects: [Project.ID]? = nil, spendLimit: SpendLimit? = nil
    ) async throws -> (token: Token, secret: APIToken) {
        if case .at(let date) = expiry, date <= pipeline.time.date() { throw ErrorMapping.pastExpiry() }
        let generated = GeneratedToken()
        let new = NewToken(
            name: name, expiry: expiry, scopes: scopes, projectIDs: projects, id: generated.id,
            sha256: generated.sha256, spendLimit: spendLimit)
        let created: CreatedToken = try await pipeline.call(.post("/v1/tokens", new))
        return (created.token, generated.secret)
    }

    /// Changes a token.
    ///
    /// Values that are nil do not change; scopes and projects can only shrink.
    ///
    /// - Parameters:
    ///   - id: The token's ID.
    ///   - name: The new name, 1 to 100 characters.
    ///   - scopes: The new permissions.
    ///   - projects: The IDs of the projects that the token is limited to.
    ///   - spendLimit: The change of the most that pods which the token starts may cost.
    /// - Returns: The changed token.
    /// - Throws: ``ValidationError`` if a value is invalid, ``ResourceNotFoundError`` if the account has no such token.
    public func update(
        _ id: Token.ID, name: String? = nil, scopes: [Scope]? = nil, projects: [Project.ID]? = nil,
        spendLimit: LimitChange<SpendLimit> = .unchanged
    ) async throws -> Token {
        let update = TokenUpdate(name: name, scopes: scopes, projectIDs: projects, spendLimit: spendLimit)
        return try await pipeline.call(.patch(path(id), update))
    }

    /// Gives a token a new secret.
    ///
    /// The old one stays valid until the first use of the new one, and for a grace period after that.
    ///
    /// For the token in use, call ``Auth/rotate(grace:)``, which replaces it in its source too.
    ///
    /// - Parameters:
    ///   - id: The token's ID.
    ///   - grace: The grace period, zero to a week (default: one hour).
    /// - Returns: The token and its new secret.
    /// - Throws: ``ResourceNotFoundError`` if the account has no such token, ``ValidationError`` if a value is invalid.
    public func rotate(_ id: Token.ID, grace: Duration? = nil) async throws -> (token: Token, secret: APIToken) {
        let generated = GeneratedToken(id: id)
        let rotation = TokenRotation(graceSeconds: grace?.wholeSeconds, id: id, sha256: generated.sha256)
        let rotated: CreatedToken = try await pipeline.call(.post(path(id) + "/rotate", rotation))
        return (rotated.token, generated.secret)
    }

    /// Revokes a token.
    ///
    /// Once this returns, every instance of the service rejects it.
    ///
    /// - Parameter id: The token's ID.
    /// - Throws: ``ResourceNotFoundError`` if the account has no such token.
    public func revoke(_ id: Token.ID) async throws {
        try await pipeline.call(.delete(path(id)))
    }

    /// Reports leaked tokens of any user.
    ///
    /// Possession is the proof, so each valid token is revoked.
    ///
    /// - Parameter leaked: The tokens, any number; one request reports up to 1,000 of them.
    /// - Throws: ``RateLimitError`` if there were too many reports, ``NetworkError`` if no response arrives.
    public func report(_ leaked: [APIToken]) async throws {
        for start in stride(from: 0, to: leaked.count, by: TokenReport.largestCount) {
            let texts = leaked[start..<min(start + TokenReport.largestCount, leaked.count)].map { $0.withSecret { $0 } }
            // Anyone may report, so the client's own token is not sent.
            try await pipeline.call(try Call.post(Call.reports, TokenReport(tokens: texts)).anonymous)
        }
    }

    private func path(_ id: Token.ID) -> String { "/v1/tokens/\(Call.segment(id))" }
}
