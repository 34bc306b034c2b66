import PodstackAPI
import PodstackCryptography

/// The API tokens of the account. Source: Generate API Token.
public struct Tokens: Sendable {
    let pipeline: Pipeline

    /// Newest first; those that expired or were revoked stay for 90 days.
    public func list() -> Paged<Token> { Paged(pipeline: pipeline, path: "/v1/tokens") }

    public func get(_ id: Token.ID) async throws -> Token {
        try await pipeline.call(.get("/v1/tokens/\(Call.segment(id))"))
    }

    /// Makes a token: its secret is drawn here, and only its digest is sent, so that a lost answer loses nothing.
    ///
    /// - Parameters:
    ///   - expiresIn: 30 days unless said.
    ///   - scopes: As `projects:read`; nil for those of the token in use.
    ///   - projects: Ids; nil for all.
    /// - Throws: ``QuotaExceededError`` when the account has as many as it may, ``PermissionError`` when the token in
    ///   use may not make such a one, ``ValidationError``.
    public func create(
        name: String, expiresIn expiry: TokenExpiry = .serviceDefault, scopes: [String]? = nil,
        projects: [String]? = nil
    ) async throws -> (token: Token, secret: APIToken) {
        var generator = SystemRandomNumberGenerator()
        let id = TokenFormat.makeID(using: &generator)
        let secret = TokenFormat.makeToken(id: id, using: &generator)
        let new = NewToken(
            name: name, expiry: expiry, scopes: scopes, projectIDs: projects, id: id,
            sha256: Sodium.sha256(secret.utf8).hexadecimal
        )
        let created: CreatedToken = try await pipeline.call(.post("/v1/tokens", new))
        return (created.token, APIToken(secret))
    }

    /// Refused everywhere from now on.
    public func revoke(_ id: Token.ID) async throws {
        try await pipeline.call(.delete("/v1/tokens/\(Call.segment(id))"))
    }
}
