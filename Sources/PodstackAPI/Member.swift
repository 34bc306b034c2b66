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
    /// The role: `admin` or `user`.
    public var role: String
    /// The permissions of a `user`: any of `create`, `read`, `update` and `delete`.
    ///
    /// An admin has all.
    public var permissions: [String]
    /// The state: `active`, `deactivated`, or `invited` until the user accepts the invitation.
    public var status: String
    /// The time at which the member was added or, if not yet a member, invited.
    public var addedAt: Date

    /// Creates a member's description.
    ///
    /// - Parameters:
    ///   - userID: The user's ID.
    ///   - email: The user's email address.
    ///   - name: The user's name.
    ///   - role: The role: `admin` or `user`.
    ///   - permissions: The permissions of a `user`.
    ///   - status: The state: `active`, `deactivated` or `invited`.
    ///   - addedAt: The time at which the member was added.
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

// MARK: - Requests

/// The body of `POST /v1/projects/{id}/members`.
package struct NewMember: Encodable, Sendable {
    /// The email address of a user who has an account.
    package var email: String
    package var role: String
    /// The permissions of a `user`.
    package var permissions: [String]?

    package init(email: String, role: String, permissions: [String]? = nil) {
        self.email = email
        self.role = role
        self.permissions = permissions
    }
}

/// The body of `PATCH /v1/projects/{id}/members/{user_id}`.
///
/// Values that are nil do not change.
package struct MemberUpdate: Encodable, Sendable {
    package var role: String?
    package var permissions: [String]?
    /// The new state: `active` or `deactivated`.
    package var status: String?

    package init(role: String? = nil, permissions: [String]? = nil, status: String? = nil) {
        self.role = role
        self.permissions = permissions
        self.status = status
    }
}
