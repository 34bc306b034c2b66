#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Somebody who belongs to a project.
public struct Member: Codable, Sendable, Hashable, Identifiable {
    public var id: String { userID }
    public var userID: String
    public var email: String
    public var name: String?
    /// `admin` or `user`.
    public var role: String
    /// What a `user` may do: any of `create`, `read`, `update`, `delete`. An admin may do everything.
    public var permissions: [String]
    /// `active` or `deactivated`.
    public var status: String
    public var addedAt: Date

    public init(
        userID: String, email: String, name: String?, role: String, permissions: [String], status: String,
        addedAt: Date
    ) {
        self.userID = userID
        self.email = email
        self.name = name
        self.role = role
        self.permissions = permissions
        self.status = status
        self.addedAt = addedAt
    }

    private enum CodingKeys: String, CodingKey {
        case email, name, role, permissions, status
        case userID = "user_id"
        case addedAt = "added_at"
    }

    /// Writes an absent name as `null`: the contract's fields are always there.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(userID, forKey: .userID)
        try container.encode(email, forKey: .email)
        try container.encode(name, forKey: .name)
        try container.encode(role, forKey: .role)
        try container.encode(permissions, forKey: .permissions)
        try container.encode(status, forKey: .status)
        try container.encode(addedAt, forKey: .addedAt)
    }
}

extension Member: Listed {
    public static var listKey: String { "members" }
}

/// The body of `POST /v1/projects/{id}/members`.
public struct NewMember: Encodable, Sendable {
    /// Of somebody who has an account.
    public var email: String
    public var role: String
    /// Of a `user`; an admin has all.
    public var permissions: [String]?

    public init(email: String, role: String, permissions: [String]? = nil) {
        self.email = email
        self.role = role
        self.permissions = permissions
    }
}

/// The body of `PATCH /v1/projects/{id}/members/{user_id}`. What is nil stays as it is.
public struct MemberUpdate: Encodable, Sendable {
    public var role: String?
    public var permissions: [String]?
    /// `active` or `deactivated`.
    public var status: String?

    public init(role: String? = nil, permissions: [String]? = nil, status: String? = nil) {
        self.role = role
        self.permissions = permissions
        self.status = status
    }
}
