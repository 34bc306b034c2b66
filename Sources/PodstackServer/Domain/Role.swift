import PodstackAPI

/// The permissions of a member in a project.
enum Role: Sendable, Equatable {
    case admin
    /// A member with some of the actions `create`, `read`, `update` and `delete`.
    case user(Set<String>)

    var name: String { if case .admin = self { "admin" } else { "user" } }

    /// The role's actions, in the order of the API.
    var permissions: [String] {
        switch self {
        case .admin: Scope.actions
        case .user(let actions): Scope.actions.filter(actions.contains)
        }
    }

    /// Returns whether the role allows an operation in its project.
    ///
    /// Only admins change the members of a project: any other member who could would be able to become an admin.
    func allows(_ scope: Scope) -> Bool {
        guard case .user(let actions) = self else { return true }
        switch (scope.resource, scope.action) {
        // These concern the account and not a project.
        case ("tokens", _), ("projects", "create"): return true
        case ("members", let action): return action == "read" && actions.contains("read")
        case (nil, _): return false
        case (_, nil): return actions.isSuperset(of: Scope.actions)
        case (_, let action?): return actions.contains(action)
        }
    }
}

/// A user's role in a project.
///
/// Times are seconds since 1970.
struct Membership: Sendable, Equatable {
    var projectID: String
    var role: Role
    var addedAt: Int64
    /// Nil while the member may use the project.
    var deactivatedAt: Int64?
    /// The time at which the invitation expires; nil once the user has accepted it.
    ///
    /// Such a membership occurs only in a project's list of members. It is never part of an ``Authority``.
    var invitedUntil: Int64?

    var isActive: Bool { deactivatedAt == nil && !isInvited }
    var isInvited: Bool { invitedUntil != nil }
}
