import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A project as the service stores it.
///
/// Times are seconds since 1970.
struct ProjectRecord: Sendable, Equatable {
    var id: String
    var accountID: String
    var name: String
    var description: String?
    var createdAt: Int64
    /// The most that the pods of the project may cost; nil for no limit.
    var spendLimit: SpendLimit?

    /// Returns the project as one of its members sees it.
    func apiModel(for membership: Membership, defaultProjectID: String) -> Project {
        Project(
            id: id, name: name, description: description, createdAt: Date(createdAt),
            role: Member.Role(rawValue: membership.role.name),
            permissions: membership.role.permissions.map(Member.Permission.init(rawValue:)),
            isDefault: id == defaultProjectID, spendLimit: spendLimit)
    }

    /// The values that the audit log records of a project.
    var audited: [String: JSONValue] {
        var values: [String: JSONValue] = [
            "name": .string(name), "description": description.map(JSONValue.string) ?? .null,
        ]
        if let spendLimit { values["spend_limit"] = spendLimit.audited }
        return values
    }
}

extension AuditResource {
    init(_ project: ProjectRecord) {
        self.init(
            type: "project", id: project.id, name: project.name, accountID: project.accountID, projectID: project.id)
    }
}
