import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The token that a client uses now: kept while it is good, asked for again when it ends or was refused.
final class TokenCache: Sendable {
    let provider: any CredentialProvider
    private let current: Mutex<Credential?>
    private let flight = SingleFlight<Credential>()
    private let time: TimeSource

    /// How long before its end a credential is no longer used.
    private static let margin: TimeInterval = 60

    /// - Parameter first: What is known already; nil asks the provider with the first request.
    init(_ provider: any CredentialProvider, first: APIToken?, time: TimeSource) {
        self.provider = provider
        self.time = time
        current = Mutex(first.map { Credential($0) })
    }

    /// Nil when it has to be asked for.
    var tokenAtHand: APIToken? {
        guard let credential = current.withLock(\.self), isGood(credential) else { return nil }
        return credential.token
    }

    func token() async throws -> APIToken {
        if let token = tokenAtHand { return token }
        return try await ask(insteadOf: nil).token
    }

    /// What its source holds now.
    func reread() async throws -> APIToken { try await ask(insteadOf: nil).token }

    /// Another token than the one that was refused; nil when there is none.
    func replacement(for refused: APIToken) async throws -> APIToken? {
        // Of many that were refused at once the first asks, and the others find what it got.
        if let credential = current.withLock(\.self), credential.token != refused { return credential.token }
        let credential = try await ask(insteadOf: refused)
        return credential.token == refused ? nil : credential.token
    }

    /// After a rotation.
    func use(_ token: APIToken) { current.withLock { $0 = Credential(token) } }

    private func ask(insteadOf refused: APIToken?) async throws -> Credential {
        try await flight.run { [self] in
            let credential = try await provider.credential(insteadOf: refused)
            current.withLock { $0 = credential }
            return credential
        }
    }

    private func isGood(_ credential: Credential) -> Bool {
        guard let end = credential.expiresAt else { return true }
        return end.timeIntervalSince(time.date()) > Self.margin
    }
}
