import PodstackAPI

/// A caller's permissions: what the grant's scopes allow, within the grant's projects, within the user's role there.
struct Authority: Sendable {
    let grant: Grant
    /// The user's memberships, by project ID.
    let memberships: [String: Membership]

    init(grant: Grant, memberships: [String: Membership]) {
        self.grant = grant
        self.memberships = memberships
    }

    /// Reads the authority of a signed-in user, whose roles may have changed since the session began.
    init(of user: UserRecord, in connection: any DatabaseConnection) throws {
        self.init(grant: user.grant, memberships: try MemberStore.memberships(userID: user.id, in: connection))
    }

    /// Returns everything that forbids an operation, in the order in which it is checked; empty if it is allowed.
    ///
    /// - Throws: ``DomainError/notFound(_:id:)`` if the user is not a member of the project, whatever the token grants.
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

    /// Throws the first of ``missing(_:in:)``.
    func require(_ scope: Scope?, in projectID: String?) throws {
        if let first = try missing(scope, in: projectID).first { throw DomainError.forbidden(first) }
    }
}

extension Membership {
    /// The part of a membership that a denial reports.
    fileprivate var facts: Denial.MembershipFacts {
        Denial.MembershipFacts(
            projectID: projectID, role: role.name, permissions: role.permissions, isActive: isActive)
    }
}
