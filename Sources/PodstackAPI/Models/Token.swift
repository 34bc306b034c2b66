#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An API token as the service shows it: everything but its secret.
public struct Token: Codable, Sendable, Hashable, Identifiable {
    /// The 8 characters that name it.
    public var id: String
    public var name: String
    /// `podstack_` and the id: all of a token that is ever shown.
    public var prefix: String
    /// `resource:action`, `resource:*` or `*`.
    public var scopes: [String]
    /// Nil when the token is good for every project of its user.
    public var projectIDs: [String]?
    public var createdAt: Date
    /// Nil when it never expires.
    public var expiresAt: Date?
    public var lastUsedAt: Date?
    /// Starts at 1 and grows when the new secret of a rotation is first used.
    public var generation: Int
    /// 90 days after its secret was made.
    public var rotateBy: Date?
    /// `active`, `expired` or `revoked`.
    public var status: String?
    public var revokedAt: Date?

    public init(
        id: String, name: String, scopes: [String], projectIDs: [String]?, createdAt: Date, expiresAt: Date?,
        lastUsedAt: Date?, generation: Int, rotateBy: Date?, status: String?, revokedAt: Date?
    ) {
        self.id = id
        self.name = name
        self.prefix = TokenFormat.prefix(id: id)
        self.scopes = scopes
        self.projectIDs = projectIDs
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.lastUsedAt = lastUsedAt
        self.generation = generation
        self.rotateBy = rotateBy
        self.status = status
        self.revokedAt = revokedAt
    }

    private enum CodingKeys: String, CodingKey {
        case id, name, prefix, scopes, generation, status
        case projectIDs = "project_ids"
        case createdAt = "created_at"
        case expiresAt = "expires_at"
        case lastUsedAt = "last_used_at"
        case rotateBy = "rotate_by"
        case revokedAt = "revoked_at"
    }

    /// Writes the absent values as `null`: the contract's fields are always there.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(name, forKey: .name)
        try container.encode(prefix, forKey: .prefix)
        try container.encode(scopes, forKey: .scopes)
        try container.encode(projectIDs, forKey: .projectIDs)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(expiresAt, forKey: .expiresAt)
        try container.encode(lastUsedAt, forKey: .lastUsedAt)
        try container.encode(generation, forKey: .generation)
        try container.encode(rotateBy, forKey: .rotateBy)
        try container.encode(status, forKey: .status)
        try container.encode(revokedAt, forKey: .revokedAt)
    }
}
