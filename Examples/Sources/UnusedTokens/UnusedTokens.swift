import Foundation
import Podstack

/// Finds and revokes the tokens of an account that no program has used for a while.
public struct UnusedTokens {
    let client: Client

    /// Creates a finder.
    ///
    /// - Parameter client: The client of the account.
    public init(client: Client) { self.client = client }

    /// Returns the active tokens that were last used, or created, before a date.
    ///
    /// - Parameter date: The date.
    /// - Returns: The tokens.
    /// - Throws: The errors of the list's request.
    public func find(before date: Date) async throws -> [Token] {
        try await client.tokens.list().all().filter { token in
            token.status == .active && (token.lastUsedAt ?? token.createdAt) < date
        }
    }

    /// Revokes tokens.
    ///
    /// - Parameter tokens: The tokens.
    /// - Returns: The names of the tokens that the client's token may not revoke.
    /// - Throws: The other errors of the requests.
    public func revoke(_ tokens: [Token]) async throws -> [String] {
        var refused: [String] = []
        for token in tokens {
            do { try await client.tokens.revoke(token.id) } catch is PermissionError { refused.append(token.name) }
        }
        return refused
    }
}
