#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A project: what pods, volumes and people are grouped in.
public struct Project: Codable, Sendable, Hashable, Identifiable {
    /// Opaque, `prj_…`.
    public var id: String
    public var name: String
    public var description: String?
    public var createdAt: Date
    /// What the caller is in it: `admin` or `user`.
    public var role: String?
    /// What a `user` may do: any of `create`, `read`, `update`, `delete`. An admin may do everything.
    public var permissions: [String]?
    /// Whether it is the one that operations of the caller use when none is named.
    public var isDefault: Bool?

    public init(
        id: String, name: String, description: String?, createdAt: Date, role: String? = nil,
        permissions: [String]? = nil, isDefault: Bool? = nil
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.createdAt = createdAt
        self.role = role
        self.permissions = permissions
        self.isDefault = isDefault
    }

    private enum CodingKeys: String, CodingKey {
        case id, name, description, role, permissions
        case createdAt = "created_at"
        case isDefault = "is_default"
    }

    /// Writes an absent description as `null`: the contract's fields are always there.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(name, forKey: .name)
        try container.encode(description, forKey: .description)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encodeIfPresent(role, forKey: .role)
        try container.encodeIfPresent(permissions, forKey: .permissions)
        try container.encodeIfPresent(isDefault, forKey: .isDefault)
    }
}

extension Project: Listed {
    public static var listKey: String { "projects" }
}

/// The body of `POST /v1/projects`.
public struct NewProject: Encodable, Sendable {
    public var name: String
    public var description: String?

    public init(name: String, description: String? = nil) {
        self.name = name
        self.description = description
    }
}

/// The body of `PATCH /v1/projects/{id}`. What is nil stays as it is.
public struct ProjectUpdate: Encodable, Sendable {
    public var name: String?
    /// An empty one takes it away.
    public var description: String?

    public init(name: String? = nil, description: String? = nil) {
        self.name = name
        self.description = description
    }
}
