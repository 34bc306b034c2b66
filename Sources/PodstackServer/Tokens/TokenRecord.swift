import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A token as the service keeps it. Times are seconds since 1970.
struct TokenRecord: Sendable, Equatable {
    var id: String
    var accountID: String
    var userID: String
    var name: String
    /// All that is kept of the secret.
    var digest: [UInt8]
    var scopes: [Scope]
    /// Nil for every project of the account.
    var projectIDs: [String]?
    var createdAt: Int64
    var expiresAt: Int64?
    var revokedAt: Int64?
    /// When the current secret was made, if a rotation made it.
    var rotatedAt: Int64?
    var lastUsedAt: Int64?
    /// Counts the secrets that came into use.
    var generation: Int64 = 1
    var waiting: WaitingSecret?
    /// The address of the last use.
    var lastUsedFrom: String?
    var usedScopes: ScopeSet = []
    /// Since when ``usedScopes`` is kept; nil for a token from before, until it is used.
    var usedScopesSince: Int64?

    /// How long a token should live before it is rotated.
    static let rotationInterval: Int64 = 90 * 86_400

    /// Seconds since 1970.
    var rotateBy: Int64 { (rotatedAt ?? createdAt) + Self.rotationInterval }

    func isExpired(at now: Int64) -> Bool { expiresAt.map { $0 <= now } ?? false }

    func isGood(for projectID: String) -> Bool { projectIDs?.contains(projectID) ?? true }

    /// As it is once the waiting secret is in use; itself when none waits.
    var asRotated: TokenRecord {
        guard let waiting else { return self }
        var token = self
        token.digest = waiting.digest
        token.rotatedAt = waiting.madeAt
        token.generation += 1
        token.waiting = nil
        return token
    }

    func shown(at now: Int64, lastUsedAt: Int64?) -> Token {
        Token(
            id: id, name: name, scopes: scopes.map(\.description), projectIDs: projectIDs, createdAt: Date(createdAt),
            expiresAt: expiresAt.map(Date.init(_:)), lastUsedAt: lastUsedAt.map(Date.init(_:)),
            generation: Int(generation), rotateBy: Date(rotateBy),
            status: revokedAt != nil ? "revoked" : isExpired(at: now) ? "expired" : "active",
            revokedAt: revokedAt.map(Date.init(_:))
        )
    }
}

extension TokenRecord {
    var grant: Grant {
        Grant(
            accountID: accountID, userID: userID, tokenID: id, scopes: scopes, projectIDs: projectIDs,
            expiresAt: expiresAt)
    }

    /// The values that the audit log records of a token.
    var audited: [String: JSONValue] {
        [
            "name": .string(name), "scopes": .array(scopes.map { .string($0.description) }),
            "project_ids": projectIDs.map { .array($0.map(JSONValue.string)) } ?? .null,
            "expires_at": expiresAt.map { .string(Timestamp.format(.init($0))) } ?? .null,
        ]
    }
}

extension AuditResource {
    init(_ token: TokenRecord) {
        self.init(type: "token", id: token.id, name: token.name, accountID: token.accountID)
    }
}

extension Date {
    /// From the whole seconds that the database holds.
    init(_ seconds: Int64) { self.init(timeIntervalSince1970: Double(seconds)) }
}
