#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

// MARK: - Member

/// A user's membership in a project.
public struct Member: Codable, Sendable, Hashable, Identifiable {
    /// The ID, which is the user's.
    public var id: String { userID }
    /// The user's ID: `usr_` and 20 base62 characters.
    public var userID: String
    /// The user's email address.
    public var email: String
    /// The user's name; nil if the user set none.
    public var name: String?
    /// The role.
    public var role: Role
    /// The permissions of a `user`.
    ///
    /// An admin has all.
    public var permissions: [Permission]
    /// The state: `invited` until the user accepts the invitation.
    public var status: Status
    /// The time at which the member was added or, if not yet a member, invited.
    public var addedAt: Date

    /// Creates a member's description.
    ///
    /// - Parameters:
    ///   - userID: The user's ID.
    ///   - email: The user's email address.
    ///   - name: The user's name.
    ///   - role: The role.
    ///   - permissions: The permissions of a `user`.
    ///   - status: The state.
    ///   - addedAt: The time at which the member was added.
    public init(
        userID: String, email: String, name: String? = nil, role: Role, permissions: [Permission] = [],
        status: Status = .active, addedAt: Date
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

    /// Encodes the member.
    ///
    /// A missing name becomes `null`, because the API always sends that field.
    ///
    /// - Parameter encoder: The encoder to write to.
    /// - Throws: `EncodingError` if the encoder cannot represent a value.
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
    package static var listKey: String { "members" }
}

// MARK: - Names

extension Member {
    /// A role in a project.
    public struct Role: APIName {
        /// The name as the API sends it.
        public let rawValue: String

        /// Creates a role, known or unknown.
        ///
        /// - Parameter rawValue: The name as the API sends it.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// A member with all permissions, who manages the other members.
        public static let admin = Role(rawValue: "admin")
        /// A member with the listed permissions.
        public static let user = Role(rawValue: "user")
    }

    /// A permission of a member with the role `user`.
    public struct Permission: APIName {
        /// The name as the API sends it.
        public let rawValue: String

        /// Creates a permission, known or unknown.
        ///
        /// - Parameter rawValue: The name as the API sends it.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The permission to create resources.
        public static let create = Permission(rawValue: "create")
        /// The permission to see resources.
        public static let read = Permission(rawValue: "read")
        /// The permission to change resources.
        public static let update = Permission(rawValue: "update")
        /// The permission to delete resources.
        public static let delete = Permission(rawValue: "delete")
    }

    /// The state of a membership.
    public struct Status: APIName {
        /// The name as the API sends it.
        public let rawValue: String

        /// Creates a state, known or unknown.
        ///
        /// - Parameter rawValue: The name as the API sends it.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The user is a member.
        public static let active = Status(rawValue: "active")
        /// The user is a member without any permission.
        public static let deactivated = Status(rawValue: "deactivated")
        /// The user has not accepted the invitation yet.
        public static let invited = Status(rawValue: "invited")
    }
}

// MARK: - Requests

/// The body of `POST /v1/projects/{id}/members`.
package struct NewMember: Encodable, Sendable {
    /// The email address of a user who has an account.
    package var email: String
    package var role: Member.Role
    /// The permissions of a `user`.
    package var permissions: [Member.Permission]?

    package init(email: String, role: Member.Role, permissions: [Member.Permission]? = nil) {
        self.email = email
        self.role = role
        self.permissions = permissions
    }
}

/// The body of `PATCH /v1/projects/{id}/members/{user_id}`.
///
/// Values that are nil do not change.
package struct MemberUpdate: Encodable, Sendable {
    package var role: Member.Role?
    package var permissions: [Member.Permission]?
    /// The new state: `active` or `deactivated`.
    package var status: Member.Status?

    package init(
        role: Member.Role? = nil, permissions: [Member.Permission]? = nil, status: Member.Status? = nil
    ) {
        self.role = role
        self.permissions = permissions
        self.status = status
    }
}
