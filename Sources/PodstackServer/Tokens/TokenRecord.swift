import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A token as the service stores it.
///
/// Times are seconds since 1970.
struct TokenRecord: Sendable, Equatable {
    /// The key under which the token is stored: see ``TokenKey``.
    var id: String
    var accountID: String
    var userID: String
    var name: String
    /// The digest of the current secret.
    var digest: [UInt8]
    var scopes: [Scope]
    /// Nil for every project of the user.
    var projectIDs: [String]?
    var createdAt: Int64
    var expiresAt: Int64?
    var revokedAt: Int64?
    /// The time at which a rotation generated the current secret; nil if it is the token's first one.
    var rotatedAt: Int64?
    var lastUsedAt: Int64?
    /// The number of secrets that came into use.
    var generation: Int64 = 1
    var pending: PendingSecret?
    /// The address of the last use.
    var lastUsedFrom: String?
    var usedScopes: ScopeSet = []
    /// The time since which ``usedScopes`` is recorded; nil for a token from before, until it is used.
    var usedScopesSince: Int64?
    /// The most that pods which the token starts may cost; nil for no limit.
    var spendLimit: SpendLimit?
    /// The key of the token that created this one, whose spend limit it shares; nil if that one has none.
    var parentID: String?
    /// The pod whose own token it is; nil for a token of a user.
    var podID: String?

    /// The approximate number of bytes that the token takes in a list.
    var listedBytes: Int { 400 + name.utf8.count + 24 * (scopes.count + (projectIDs?.count ?? 0)) }

    /// The ID that is part of the token.
    var publicID: String { TokenKey.tokenID(of: id) }

    /// Seconds after which a token should be rotated.
    static let rotationIntervalSeconds: Int64 = 90 * 86_400

    var rotateBy: Int64 { (rotatedAt ?? createdAt) + Self.rotationIntervalSeconds }

    var lifetime: TokenLifetime { TokenLifetime(expiresAt: expiresAt, revokedAt: revokedAt) }

    func isExpired(at now: Int64) -> Bool { expiresAt.map { $0 <= now } ?? false }

    /// The most that a caller with this token may do.
    var grant: Grant {
        Grant(
            accountID: accountID, userID: userID, tokenID: id, scopes: scopes, projectIDs: projectIDs,
            expiresAt: expiresAt, spendLimit: spendLimit)
    }

    /// Returns the token as the API describes it.
    func apiModel(at now: Int64, lastUsedAt: Int64?) -> Token {
        Token(
            id: publicID, name: name, scopes: scopes, projectIDs: projectIDs,
            createdAt: Date(createdAt),
            expiresAt: expiresAt.map(Date.init(_:)), lastUsedAt: lastUsedAt.map(Date.init(_:)),
            generation: Int(generation), rotateBy: Date(rotateBy),
            status: revokedAt != nil ? "revoked" : isExpired(at: now) ? "expired" : "active",
            revokedAt: revokedAt.map(Date.init(_:)), spendLimit: spendLimit
        )
    }

    // MARK: - Secrets

    /// Returns all secrets of the token.
    func secrets(retired: [RetiredSecret]) -> TokenSecrets {
        TokenSecrets(
            current: CurrentSecret(digest: digest, rotatedAt: rotatedAt, generation: generation), pending: pending,
            retired: retired, lifetime: lifetime)
    }

    /// Returns the token with other secrets.
    func with(_ secrets: TokenSecrets) -> TokenRecord {
        var token = self
        token.digest = secrets.current.digest
        token.rotatedAt = secrets.current.rotatedAt
        token.generation = secrets.current.generation
        token.pending = secrets.pending
        token.revokedAt = secrets.lifetime.revokedAt
        return token
    }
}

// MARK: - Audit log

extension TokenRecord {
    /// The values that the audit log records of a token.
    var audited: [String: JSONValue] {
        var values: [String: JSONValue] = [
            "name": .string(name), "scopes": .array(scopes.map { .string($0.description) }),
            "project_ids": projectIDs.map { .array($0.map(JSONValue.string)) } ?? .null,
            "expires_at": expiresAt.map { .string(Timestamp.format(.init($0))) } ?? .null,
        ]
        if let spendLimit { values["spend_limit"] = spendLimit.audited }
        return values
    }
}

extension AuditResource {
    init(_ token: TokenRecord) {
        self.init(type: "token", id: token.publicID, name: token.name, accountID: token.accountID)
    }
}

extension Date {
    /// Creates a date from the whole seconds since 1970 that the database stores.
    init(_ seconds: Int64) { self.init(timeIntervalSince1970: Double(seconds)) }
}
