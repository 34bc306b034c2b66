#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

// MARK: - Project

/// A project: a group of pods, volumes and members.
public struct Project: Codable, Sendable, Hashable, Identifiable {
    /// The ID: `prj_` and 20 base62 characters.
    public var id: String
    /// The name.
    public var name: String
    /// The description; nil if there is none.
    public var description: String?
    /// The time of creation.
    public var createdAt: Date
    /// The caller's role in the project.
    public var role: Member.Role?
    /// The permissions of a caller with the role `user`.
    ///
    /// An admin has all.
    public var permissions: [Member.Permission]?
    /// Whether the caller's requests without a project use this one.
    public var isDefault: Bool?
    /// The most that the pods of the project may cost; nil for no limit.
    public var spendLimit: SpendLimit?

    /// Creates a project's description.
    ///
    /// - Parameters:
    ///   - id: The ID.
    ///   - name: The name.
    ///   - description: The description.
    ///   - createdAt: The time of creation.
    ///   - role: The caller's role.
    ///   - permissions: The permissions of a caller with the role `user`.
    ///   - isDefault: Whether the caller's requests without a project use this one.
    ///   - spendLimit: The most that the pods of the project may cost.
    public init(
        id: String, name: String, description: String? = nil, createdAt: Date, role: Member.Role? = nil,
        permissions: [Member.Permission]? = nil, isDefault: Bool? = nil,
        spendLimit: SpendLimit? = nil
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.createdAt = createdAt
        self.role = role
        self.permissions = permissions
        self.isDefault = isDefault
        self.spendLimit = spendLimit
    }

    private enum CodingKeys: String, CodingKey {
        case id, name, description, role, permissions
        case createdAt = "created_at"
        case isDefault = "is_default"
        case spendLimit = "spend_limit"
    }

    /// Encodes the project.
    ///
    /// A missing description becomes `null`, because the API always sends that field.
    ///
    /// - Parameter encoder: The encoder to write to.
    /// - Throws: `EncodingError` if the encoder cannot represent a value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(name, forKey: .name)
        try container.encode(description, forKey: .description)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encodeIfPresent(role, forKey: .role)
        try container.encodeIfPresent(permissions, forKey: .permissions)
        try container.encodeIfPresent(isDefault, forKey: .isDefault)
        try container.encodeIfPresent(spendLimit, forKey: .spendLimit)
    }
}

extension Project: Listed {
    package static var listKey: String { "projects" }
}

// MARK: - Requests

/// The body of `POST /v1/projects`.
package struct NewProject: Encodable, Sendable {
    package var name: String
    package var description: String?

    package init(name: String, description: String? = nil) {
        self.name = name
        self.description = description
    }
}

/// The body of `PATCH /v1/projects/{id}`.
///
/// Values that are nil do not change.
package struct ProjectUpdate: Encodable, Sendable {
    package var name: String?
    /// The new description; an empty one removes it.
    package var description: String?
    package var spendLimit: LimitChange<SpendLimit>

    package init(
        name: String? = nil, description: String? = nil, spendLimit: LimitChange<SpendLimit> = .unchanged
    ) {
        self.name = name
        self.description = description
        self.spendLimit = spendLimit
    }

    private enum CodingKeys: String, CodingKey {
        case name, description
        case spendLimit = "spend_limit"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(name, forKey: .name)
        try container.encodeIfPresent(description, forKey: .description)
        try spendLimit.encode(to: &container, forKey: .spendLimit)
    }
}
