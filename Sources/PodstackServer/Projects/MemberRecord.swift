import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A member of a project as the service stores it: a user and the user's membership.
struct MemberRecord: Sendable, Equatable {
    var user: UserRecord
    var membership: Membership

    var isActiveAdmin: Bool { membership.role == .admin && membership.isActive }

    var apiModel: Member {
        Member(
            userID: user.id, email: user.email, name: user.name,
            role: Member.Role(rawValue: membership.role.name),
            permissions: membership.role.permissions.map(Member.Permission.init(rawValue:)),
            status: Member.Status(rawValue: status), addedAt: Date(membership.addedAt))
    }

    /// The values that the audit log records of a member.
    var audited: [String: JSONValue] {
        [
            "role": .string(membership.role.name),
            "permissions": .array(membership.role.permissions.map(JSONValue.string)),
            "status": .string(status),
        ]
    }

    /// The status, as the API names it.
    var status: String {
        if membership.isInvited { return "invited" }
        return membership.isActive ? "active" : "deactivated"
    }
}

extension AuditResource {
    init(_ member: MemberRecord, of project: ProjectRecord) {
        self.init(
            type: "member", id: member.user.id, name: member.user.email, accountID: project.accountID,
            projectID: project.id)
    }
}
