import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Somebody who belongs to a project, as the service keeps them.
struct MemberRecord: Sendable, Equatable {
    var userID: String
    var email: String
    var name: String?
    /// The project that the user's operations use when none is named.
    var defaultProjectID: String
    var membership: Membership

    var isActiveAdmin: Bool { membership.role == .admin && membership.isActive }

    var shown: Member {
        Member(
            userID: userID, email: email, name: name, role: membership.role.name,
            permissions: membership.role.permissions, status: membership.isActive ? "active" : "deactivated",
            addedAt: Date(membership.addedAt))
    }

    /// What the audit log tells of a member.
    var audited: [String: JSONValue] {
        [
            "role": .string(membership.role.name),
            "permissions": .array(membership.role.permissions.map(JSONValue.string)),
            "status": membership.isActive ? "active" : "deactivated",
        ]
    }
}
