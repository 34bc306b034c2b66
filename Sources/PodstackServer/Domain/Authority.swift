import PodstackAPI

/// A caller's permissions: what the grant's scopes allow, within the grant's projects, within the user's role there.
struct Authority {
    let grant: Grant
    /// Whether the caller is an operator of the service who is signed in; never with a token.
    var isOperator = false
    private let findMembership: (_ projectID: String) throws -> Membership?

    /// Creates an authority.
    ///
    /// - Parameters:
    ///   - grant: The most that the caller may do.
    ///   - findMembership: Returns the user's membership of a project; nil if the user is not a member.
    init(grant: Grant, findMembership: @escaping (_ projectID: String) throws -> Membership?) {
        self.grant = grant
        self.findMembership = findMembership
    }

    /// Returns the user's membership of a project, active or not.
    ///
    /// - Throws: ``DomainError/notFound(_:id:)`` if the user is not a member.
    func membership(of projectID: String) throws -> Membership {
        guard let membership = try findMembership(projectID), !membership.isInvited else {
            throw DomainError.notFound(.project, id: projectID)
        }
        return membership
    }

    /// Returns everything that forbids an operation, in the order in which it is checked; empty if it is allowed.
    ///
    /// - Throws: ``DomainError/notFound(_:id:)`` if the user is not a member of the project, whatever the token grants.
    func missing(_ scope: Scope?, in projectID: String?) throws -> [Denial] {
        var missing: [Denial] = []
        if let scope, !grant.scopes.allows(scope) { missing.append(grant.lacks(scope)) }
        guard let projectID else { return missing }
        let membership = try membership(of: projectID)
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

    /// Throws if the caller does not meet a requirement.
    func require(_ requirement: Requirement) throws {
        switch requirement {
        case .credential: break
        case .scope(let scope, let projectID, let namedID):
            try require(scope, in: projectID)
            if let namedID, namedID != projectID { try require(nil, in: namedID) }
        case .ownMembership(let projectID):
            guard grant.isGood(for: projectID) else { throw DomainError.forbidden(grant.excludes(projectID)) }
        case .operatorRole: guard isOperator else { throw DomainError.forbidden(.notOperator) }
        }
    }
}

// MARK: - Requirements

/// The permissions that an operation requires of its caller.
///
/// A request is checked when it arrives. A change is checked again inside its transaction, because it may have waited
/// for the one writer while the caller's permissions changed.
enum Requirement: Sendable, Equatable {
    /// A valid token or session, whatever it grants.
    case credential
    /// A scope, in a project unless that is nil.
    ///
    /// `naming` is another project that the caller names, which it must have access to.
    case scope(Scope, in: String? = nil, naming: String? = nil)
    /// An operation on the caller's own membership of a project: a valid token that includes the project, whatever its
    /// scopes and the user's role.
    case ownMembership(of: String)
    /// The role of an operator of the service, in a session of the dashboard.
    case operatorRole

    /// The required scope; nil if none is required.
    var scope: Scope? { if case .scope(let scope, _, _) = self { scope } else { nil } }
}

// MARK: - Facts

extension Membership {
    /// The part of a membership that a denial reports.
    var facts: Denial.MembershipFacts {
        Denial.MembershipFacts(
            projectID: projectID, role: role.name, permissions: role.permissions, isActive: isActive)
    }
}
