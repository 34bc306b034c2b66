import PodstackAPI

/// What somebody may do in a project.
enum Role: Sendable, Equatable {
    case admin
    /// Any of `create`, `read`, `update`, `delete`.
    case user(Set<String>)

    var name: String { if case .admin = self { "admin" } else { "user" } }

    /// In the order of the contract.
    var permissions: [String] {
        switch self {
        case .admin: Scope.actions
        case .user(let actions): Scope.actions.filter(actions.contains)
        }
    }

    /// Who belongs to a project, and what they may do in it, is for its admins to change: a user who could would be one.
    func allows(_ scope: Scope) -> Bool {
        guard case .user(let actions) = self else { return true }
        switch (scope.resource, scope.action) {
        // Of an account, not of a project.
        case ("tokens", _), ("projects", "create"): return true
        case ("members", let action): return action == "read" && actions.contains("read")
        case (nil, _): return false
        case (_, nil): return actions.isSuperset(of: Scope.actions)
        case (_, let action?): return actions.contains(action)
        }
    }
}

/// Somebody's place in a project.
struct Membership: Sendable, Equatable {
    var projectID: String
    var role: Role
    var addedAt: Int64
    /// Nil while the member may use the project.
    var deactivatedAt: Int64?

    var isActive: Bool { deactivatedAt == nil }
}
