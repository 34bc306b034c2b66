#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Gives tokens that are kept elsewhere: in a vault, by an agent, in memory.
///
/// ```swift
/// struct Vault: CredentialProvider {
///     func credential(insteadOf refused: APIToken?) async throws -> Credential {
///         Credential(APIToken(try await readSecret("podstack")))
///     }
/// }
/// let client = try Client(credentials: Vault())
/// ```
///
/// A client asks when it sends its first request, shortly before the credential expires, and after a 401; one question at
/// a time, however many requests wait for the answer. What it throws is what the waiting calls throw, and the next call
/// asks again.
public protocol CredentialProvider: Sendable {
    /// - Parameter refused: The token that the service has just refused; nil when there was none. To answer with the
    ///   same again is to have no other.
    func credential(insteadOf refused: APIToken?) async throws -> Credential
    /// Where the tokens come from, for ``Client/configuration`` and for errors.
    var source: ClientConfiguration.Source { get }
}

extension CredentialProvider {
    public var source: ClientConfiguration.Source { .argument("credentials:") }
}

/// A token, and until when it is good.
public struct Credential: Sendable, Hashable {
    public var token: APIToken
    /// Nil when that is not known, or never.
    public var expiresAt: Date?

    public init(_ token: APIToken, expiresAt: Date? = nil) {
        self.token = token
        self.expiresAt = expiresAt
    }
}
