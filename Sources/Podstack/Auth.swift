public import PodstackAPI

/// The token in use, and the user it belongs to.
public struct Auth: Sendable {
    let pipeline: Pipeline

    /// Returns the user that the token belongs to.
    ///
    /// Source: Verify Authentication.
    ///
    /// - Returns: The user, with the token in use.
    /// - Throws: ``AuthenticationError`` if the service rejects the token, ``NetworkError`` if no response arrives.
    public func whoami() async throws -> User {
        try await pipeline.call(.get("/v1/auth/whoami"))
    }

    /// Returns whether the token in use may perform an action, without performing it.
    ///
    /// - Parameters:
    ///   - scope: The action, such as `.projects(.create)` or `"projects:create"`.
    ///   - project: The ID of a project; nil checks the scope alone.
    /// - Returns: Whether the action is allowed, and what is missing otherwise.
    /// - Throws: ``ValidationError`` if the scope does not exist, ``ResourceNotFoundError`` if the project does not.
    public func can(_ scope: Scope, project: Project.ID? = nil) async throws -> Permission {
        var query = [(name: "scope", value: scope.rawValue)]
        if let project { query.append((name: "project", value: project)) }
        return try await pipeline.call(.get("/v1/auth/can", query: query))
    }

    /// Gives the token in use a new secret, which this client uses from then on.
    ///
    /// If the token came from a file, or from a profile with a `credential_store_process`, it is replaced there too. A crash
    /// at any moment leaves a valid token there.
    ///
    /// Source: Token Security Best Practices, 3.
    ///
    /// - Parameter grace: The grace period of the old secret, zero to a week (default: one hour).
    /// - Returns: The token, and its new secret for programs that keep it elsewhere.
    /// - Throws: ``ConfigurationError`` if the source cannot be changed; the old secret then stays valid.
    @discardableResult
    public func rotate(grace: Duration? = nil) async throws -> (token: Token, secret: APIToken) {
        try await Rotation(pipeline: pipeline).rotate(grace: grace)
    }

    /// Revokes the token in use immediately.
    ///
    /// - Throws: ``AuthenticationError`` if the token was invalid before, ``NetworkError`` if no response arrives.
    public func revoke() async throws {
        try await pipeline.call(.delete(Call.ownToken))
    }
}
