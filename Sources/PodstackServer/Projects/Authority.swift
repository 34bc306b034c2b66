import PodstackAPI

/// What a caller may do: what the grant's scopes allow, within the projects of the grant, within the role there.
struct Authority: Sendable {
    let grant: Grant
    /// Of the user, by project.
    let memberships: [String: Membership]

    /// Everything that stands in the way, in the order in which it is asked for; empty when nothing does.
    /// A project that the user cannot see is not there, whatever the token says.
    func missing(_ scope: Scope?, in projectID: String?) throws -> [Denial] {
        var missing: [Denial] = []
        if let scope, !grant.scopes.allows(scope) { missing.append(grant.lacks(scope)) }
        guard let projectID else { return missing }
        guard let membership = memberships[projectID] else {
            throw DomainError.notFound(.project, id: projectID)
        }
        if !grant.isGood(for: projectID) { missing.append(grant.excludes(projectID)) }
        if !membership.isActive {
            missing.append(.deactivatedMembership(membership.facts))
        } else if let scope, !membership.role.allows(scope) {
            missing.append(.roleForbids(scope, membership.facts))
        }
        return missing
    }

    func require(_ scope: Scope?, in projectID: String?) throws {
        if let first = try missing(scope, in: projectID).first { throw DomainError.forbidden(first) }
    }

}

extension Membership {
    /// The part of it that a denial reports.
    fileprivate var facts: Denial.MembershipFacts {
        Denial.MembershipFacts(
            projectID: projectID, role: role.name, permissions: role.permissions, isActive: isActive)
    }
}
