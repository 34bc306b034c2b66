import PodstackAPI

/// What a caller may do: what the grant's scopes allow, within the projects of the grant, within the role there.
struct Authority: Sendable {
    let grant: Grant
    /// Of the user, by project.
    let memberships: [String: Membership]

    /// Everything that stands in the way, in the order in which it is asked for; empty when nothing does.
    /// A project that the user cannot see is not there, whatever the token says.
    func missing(_ scope: Scope?, in projectID: String?) throws -> [APIError] {
        var missing: [APIError] = []
        if let scope, !grant.scopes.allows(scope) { missing.append(TokenService.lacks(scope, grant)) }
        guard let projectID else { return missing }
        guard let membership = memberships[projectID] else {
            throw APIError.notFound(type: "project", id: projectID)
        }
        if !grant.isGood(for: projectID) { missing.append(TokenService.notGood(for: projectID, grant)) }
        if !membership.isActive {
            missing.append(Self.forbidden("your membership of the project is deactivated", membership))
        } else if let scope, !membership.role.allows(scope) {
            missing.append(Self.forbidden("your role in the project does not allow \(scope)", membership))
        }
        return missing
    }

    func require(_ scope: Scope?, in projectID: String?) throws {
        if let first = try missing(scope, in: projectID).first { throw first }
    }

    private static func forbidden(_ why: String, _ membership: Membership) -> APIError {
        APIError(
            status: 403, code: .memberForbidden, message: "Access denied to resource: \(why)",
            details: [
                "project_id": .string(membership.projectID), "role": .string(membership.role.name),
                "permissions": .array(membership.role.permissions.map(JSONValue.string)),
                "active": .bool(membership.isActive),
            ])
    }
}
