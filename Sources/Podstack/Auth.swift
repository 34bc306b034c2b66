import PodstackAPI

/// The token in use and who it speaks for.
public struct Auth: Sendable {
    let pipeline: Pipeline

    /// The user that the token speaks for. Source: Verify Authentication.
    ///
    /// - Throws: ``AuthenticationError`` when the token is not accepted, ``NetworkError`` when no answer comes.
    public func whoami() async throws -> User {
        try await pipeline.call(.get("/v1/auth/whoami"))
    }

    /// Whether the token in use may do something, and what it lacks; without trying it.
    ///
    /// - Parameters:
    ///   - scope: As `projects:create`.
    ///   - project: An id; nil asks for the scope alone.
    /// - Throws: ``ValidationError`` when there is no such scope, ``ResourceNotFoundError`` for an unknown project.
    public func can(_ scope: String, project: String? = nil) async throws -> Permission {
        var query = [(name: "scope", value: scope)]
        if let project { query.append((name: "project", value: project)) }
        return try await pipeline.call(.get("/v1/auth/can", query: query))
    }

    /// Replaces the secret of the token in use by a new one, which this client uses from then on.
    ///
    /// A token that came from a file, or from a profile with a `credential_store_process`, is replaced there too, so that a
    /// crash at any moment leaves one there that works.
    /// Source: Token Security Best Practices, 3.
    ///
    /// - Parameter grace: How long the old secret still works: up to a week, an hour unless said.
    /// - Returns: The token, and its new secret for whoever keeps it elsewhere.
    /// - Throws: ``ConfigurationError`` when it cannot be replaced there; then the old secret still works.
    @discardableResult
    public func rotate(grace: Duration? = nil) async throws -> (token: Token, secret: APIToken) {
        try await Rotation(pipeline: pipeline).rotate(grace: grace)
    }

    /// Revokes the token in use, at once.
    public func revoke() async throws {
        try await pipeline.call(.delete(Call.ownToken))
    }
}
