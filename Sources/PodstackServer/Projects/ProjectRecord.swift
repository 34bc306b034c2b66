import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A project as the service keeps it. Times are seconds since 1970.
struct ProjectRecord: Sendable, Equatable {
    var id: String
    var accountID: String
    var name: String
    var description: String?
    var createdAt: Int64

    /// As a member sees it.
    func shown(to membership: Membership, defaultProjectID: String) -> Project {
        Project(
            id: id, name: name, description: description, createdAt: Date(createdAt), role: membership.role.name,
            permissions: membership.role.permissions, isDefault: id == defaultProjectID)
    }
}
