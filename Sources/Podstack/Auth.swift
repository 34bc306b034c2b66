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

    /// Revokes the token in use, at once.
    public func revoke() async throws {
        try await pipeline.call(.delete("/v1/tokens/self"))
    }
}
