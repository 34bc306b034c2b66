import PodstackAPI

/// The API tokens of the account. Source: Generate API Token.
public struct Tokens: Sendable {
    let pipeline: Pipeline

    /// Newest first; those that expired or were revoked stay for 90 days.
    public func list() -> Paged<Token> { Paged(pipeline: pipeline, path: "/v1/tokens") }

    /// Throws ``ResourceNotFoundError`` when the account has no such token.
    public func get(_ id: Token.ID) async throws -> Token {
        try await pipeline.call(.get(path(id)))
    }

    /// Makes a token: its secret is drawn here, and only its digest is sent, so that a lost answer loses nothing.
    ///
    /// - Parameters:
    ///   - name: What it is for, 1 to 100 characters.
    ///   - expiry: 30 days unless said.
    ///   - scopes: As `projects:read`; nil for those of the token in use.
    ///   - projects: Ids; nil for all.
    /// - Throws: ``QuotaExceededError`` when the account has as many as it may, ``PermissionError`` when the token in
    ///   use may not make such a one, ``ValidationError``.
    public func create(
        name: String, expiresIn expiry: TokenExpiry = .serviceDefault, scopes: [String]? = nil,
        projects: [String]? = nil
    ) async throws -> (token: Token, secret: APIToken) {
        let made = GeneratedToken()
        let new = NewToken(
            name: name, expiry: expiry, scopes: scopes, projectIDs: projects, id: made.id, sha256: made.sha256)
        let created: CreatedToken = try await pipeline.call(.post("/v1/tokens", new))
        return (created.token, made.secret)
    }

    /// Changes what is not nil. Scopes and projects may only shrink.
    public func update(
        _ id: Token.ID, name: String? = nil, scopes: [String]? = nil, projects: [String]? = nil
    ) async throws -> Token {
        let update = TokenUpdate(name: name, scopes: scopes, projectIDs: projects)
        return try await pipeline.call(.patch(path(id), update))
    }

    /// Gives a token a new secret; the old one works until the new one is first used, and `grace` longer.
    ///
    /// For the token in use there is ``Auth/rotate(grace:)``, which replaces it in its file too.
    ///
    /// - Parameters:
    ///   - id: The 8 characters that name the token.
    ///   - grace: Up to a week, an hour unless said.
    public func rotate(_ id: Token.ID, grace: Duration? = nil) async throws -> (token: Token, secret: APIToken) {
        let made = GeneratedToken(id: id)
        let rotation = TokenRotation(graceSeconds: grace?.wholeSeconds, id: id, sha256: made.sha256)
        let rotated: CreatedToken = try await pipeline.call(.post(path(id) + "/rotate", rotation))
        return (rotated.token, made.secret)
    }

    /// Refused everywhere from now on.
    public func revoke(_ id: Token.ID) async throws {
        try await pipeline.call(.delete(path(id)))
    }

    /// Reports tokens that leaked, whoever's they are: to hold one is proof enough, and each that is one is revoked.
    ///
    /// - Parameter leaked: Any number; they are sent a thousand at a time.
    public func report(_ leaked: [APIToken]) async throws {
        for start in stride(from: 0, to: leaked.count, by: 1000) {
            let texts = leaked[start..<min(start + 1000, leaked.count)].map { $0.withSecret { $0 } }
            try await pipeline.call(.post("/v1/tokens/report", ["tokens": texts]))
        }
    }

    /// Whoever passes a whole token means its id; the rest must not stand in a URL.
    private func path(_ id: Token.ID) -> String { "/v1/tokens/\(Call.segment(TokenFormat.id(of: id) ?? id))" }
}
