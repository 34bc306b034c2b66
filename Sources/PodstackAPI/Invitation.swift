#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// An invitation to a project, which its user accepts or declines.
public struct Invitation: Codable, Sendable, Hashable, Identifiable {
    /// The ID, which is the project's.
    public var id: String { projectID }
    /// The project's ID: `prj_` and 20 base62 characters.
    public var projectID: String
    /// The project's name.
    public var projectName: String
    /// The role that the user will have.
    public var role: Member.Role
    /// The permissions that a `user` will have.
    ///
    /// An admin has all.
    public var permissions: [Member.Permission]
    /// The email address of the user who invited.
    public var invitedBy: String
    /// The time at which the user was invited.
    public var createdAt: Date
    /// The time at which the invitation expires.
    public var expiresAt: Date

    /// Creates an invitation's description.
    ///
    /// - Parameters:
    ///   - projectID: The project's ID.
    ///   - projectName: The project's name.
    ///   - role: The role.
    ///   - permissions: The permissions of a `user`.
    ///   - invitedBy: The email address of the user who invited.
    ///   - createdAt: The time at which the user was invited.
    ///   - expiresAt: The time at which the invitation expires.
    public init(
        projectID: String, projectName: String, role: Member.Role, permissions: [Member.Permission] = [],
        invitedBy: String, createdAt: Date, expiresAt: Date
    ) {
        self.projectID = projectID
        self.projectName = projectName
        self.role = role
        self.permissions = permissions
        self.invitedBy = invitedBy
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }

    private enum CodingKeys: String, CodingKey {
        case role, permissions
        case projectID = "project_id"
        case projectName = "project_name"
        case invitedBy = "invited_by"
        case createdAt = "created_at"
        case expiresAt = "expires_at"
    }
}

extension Invitation: Listed {
    package static var listKey: String { "invitations" }
}
