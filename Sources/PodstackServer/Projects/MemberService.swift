import PodstackAPI

/// The rules for the members of projects.
///
/// A user becomes a member by accepting an invitation, and may always leave. Every project keeps at least one active
/// admin, and every user keeps access to their default project.
struct MemberService: Sendable {
    /// The most pending invitations that a user may have sent.
    static let maxSentInvitations = 50
    /// The most pending invitations that a user may have received.
    static let maxReceivedInvitations = 200

    let database: any Database
    private let unknownAddresses: UnknownAddresses

    init(database: any Database, elapsed: @escaping @Sendable () -> Int64 = MonotonicClock.elapsed) {
        self.database = database
        unknownAddresses = UnknownAddresses(elapsed: elapsed)
    }

    // MARK: - Reading

    /// Returns a page of a project's members and invited users, newest first.
    func list(
        _ projectID: String, _ page: PageRequest, now: Int64
    ) throws -> (page: [MemberRecord], next: Cursor?) {
        let found = try database.read {
            try MemberStore.list(projectID: projectID, now: now, limit: page.limit + 1, after: page.after, in: $0)
        }
        return page.page(of: found, bytes: { $0.user.listedBytes }) {
            Cursor(position: $0.membership.addedAt, id: $0.user.id)
        }
    }

    /// Returns a member or an invited user.
    func find(
        _ userID: String, _ projectID: String, now: Int64, in connection: any DatabaseConnection
    ) throws -> MemberRecord {
        if let member = try MemberStore.find(userID, projectID: projectID, in: connection) { return member }
        guard
            let invitation = try InvitationStore.find(
                userID: userID, projectID: projectID, now: now, in: connection),
            let user = try UserStore.find(id: userID, in: connection)
        else { throw DomainError.notFound(.member, id: userID) }
        return MemberRecord(user: user, membership: invitation.membership)
    }

    // MARK: - Invitations

    /// Returns a page of the invitations that the caller received, newest first.
    ///
    /// A caller that is restricted to some projects sees the invitations to those only.
    func invitations(
        _ caller: Grant, _ page: PageRequest, now: Int64
    ) throws -> (page: [ReceivedInvitation], next: Cursor?) {
        let found = try database.read {
            try InvitationStore.received(
                by: caller.userID, only: caller.projectIDs, now: now, limit: page.limit + 1, after: page.after, in: $0)
        }
        return page.page(of: found, bytes: { 300 + $0.projectName.utf8.count + $0.inviterEmail.utf8.count }) {
            Cursor(position: $0.invitation.createdAt, id: $0.invitation.projectID)
        }
    }

    /// Invites a user to a project.
    ///
    /// An invitation that has expired can be renewed by another one.
    func invite(_ request: MemberRequest, to projectID: String, in change: Change) throws -> MemberRecord {
        let connection = change.connection
        let inviterID = try change.grant.userID
        guard try ProjectStore.find(projectID, in: connection) != nil else {
            throw DomainError.notFound(.project, id: projectID)
        }
        try unknownAddresses.check(inviterID)
        guard let user = try UserStore.find(email: request.email, in: connection) else {
            try unknownAddresses.count(by: inviterID)
            throw DomainError.noMatch(.user, "No account has that email address")
        }
        guard try MemberStore.find(user.id, projectID: projectID, in: connection) == nil else {
            throw DomainError.conflict("That user is already a member of the project; change the membership instead")
        }
        let pending = try InvitationStore.find(
            userID: user.id, projectID: projectID, now: change.now, in: connection)
        guard pending == nil else {
            throw DomainError.conflict("That user is already invited to the project and has not answered yet")
        }
        let invitation = InvitationRecord(
            projectID: projectID, userID: user.id, role: try request.role(after: nil), inviterID: inviterID,
            createdAt: change.now, expiresAt: change.now + InvitationRecord.lifetimeSeconds)
        try checkRoom(for: invitation, in: change)
        try InvitationStore.insert(invitation, in: connection)
        let member = MemberRecord(user: user, membership: invitation.membership)
        try record(.memberInvited, member, member.audited, in: change)
        return member
    }

    private func checkRoom(for invitation: InvitationRecord, in change: Change) throws {
        let sent = try InvitationStore.count(
            of: .inviter, invitation.inviterID, now: change.now, in: change.connection)
        guard sent < Self.maxSentInvitations else {
            throw DomainError.quotaExceeded(
                QuotaExcess(resource: "invitations", limit: Self.maxSentInvitations, current: sent))
        }
        let received = try InvitationStore.count(
            of: .invited, invitation.userID, now: change.now, in: change.connection)
        guard received < Self.maxReceivedInvitations else {
            throw DomainError.conflict("That user has too many invitations that are not answered yet")
        }
    }

    /// Makes the invited user, who must be the caller, a member.
    ///
    /// Repeating it after a lost response returns the member.
    func accept(_ userID: String, _ projectID: String, in change: Change) throws -> MemberRecord {
        try checkIsCaller(userID, projectID, in: change)
        let connection = change.connection
        if let member = try MemberStore.find(userID, projectID: projectID, in: connection),
            member.membership.isActive
        {
            return member
        }
        let (invitation, user) = try invitation(userID, projectID, in: change)
        let member = MemberRecord(
            user: user, membership: Membership(projectID: projectID, role: invitation.role, addedAt: change.now))
        try InvitationStore.remove(userID: userID, projectID: projectID, in: connection)
        try MemberStore.insert(member.membership, userID: userID, in: connection)
        try record(.invitationAccepted, member, member.audited, in: change)
        return member
    }

    /// Removes the invitation of the caller.
    func decline(_ userID: String, _ projectID: String, in change: Change) throws {
        try checkIsCaller(userID, projectID, in: change)
        let (invitation, user) = try invitation(userID, projectID, in: change)
        let member = MemberRecord(user: user, membership: invitation.membership)
        try InvitationStore.remove(userID: userID, projectID: projectID, in: change.connection)
        try record(.invitationDeclined, member, member.audited, in: change)
    }

    private func invitation(
        _ userID: String, _ projectID: String, in change: Change
    ) throws -> (InvitationRecord, UserRecord) {
        guard
            let invitation = try InvitationStore.find(
                userID: userID, projectID: projectID, now: change.now, in: change.connection),
            let user = try UserStore.find(id: userID, in: change.connection)
        else { throw DomainError.notFound(.invitation, id: projectID) }
        return (invitation, user)
    }

    /// Throws if a user is not the caller.
    ///
    /// A caller that is not a member of the project does not learn whether there is an invitation.
    private func checkIsCaller(_ userID: String, _ projectID: String, in change: Change) throws {
        guard try change.grant.userID != userID else { return }
        throw DomainError.forbidden(.invitationOfAnotherUser(try change.authority.membership(of: projectID).facts))
    }

    // MARK: - Changes

    /// Changes the role or the status of a member, or the role that an invited user will have.
    func update(
        _ userID: String, of projectID: String, _ request: MemberRequest, in change: Change
    ) throws -> MemberRecord {
        let old = try find(userID, projectID, now: change.now, in: change.connection)
        var member = old
        member.membership.role = try request.role(after: old.membership.role)
        if old.membership.isInvited {
            guard request.isActive == nil else {
                throw DomainError.conflict(
                    "The user has not accepted the invitation yet; only the user can become active by accepting it")
            }
        } else if let isActive = request.isActive, isActive != old.membership.isActive {
            member.membership.deactivatedAt = isActive ? nil : change.now
        }
        guard member != old else { return old }
        if member.membership.isInvited {
            try InvitationStore.setRole(
                member.membership.role, by: try change.grant.userID, userID: userID, projectID: projectID,
                in: change.connection)
        } else {
            if !member.membership.isActive { try checkNotDefault(old) }
            if old.isActiveAdmin, !member.isActiveAdmin { try checkOtherAdmin(than: old, in: change.connection) }
            try MemberStore.update(member.membership, userID: userID, in: change.connection)
        }
        let action: AuditAction =
            if old.membership.isActive == member.membership.isActive {
                .permissionsChanged
            } else {
                member.membership.isActive ? .memberActivated : .memberDeactivated
            }
        try record(action, member, .changed(from: old.audited, to: member.audited), in: change)
        return member
    }

    /// Removes a member, or withdraws an invitation.
    ///
    /// For the caller's own membership, it is ``leave(_:in:)``.
    func remove(_ userID: String, from projectID: String, in change: Change) throws {
        guard try change.grant.userID != userID else { return try leave(projectID, in: change) }
        let member = try find(userID, projectID, now: change.now, in: change.connection)
        if member.membership.isInvited {
            try InvitationStore.remove(userID: userID, projectID: projectID, in: change.connection)
        } else {
            try checkMayEnd(member, in: change)
            try MemberStore.remove(userID, projectID: projectID, in: change.connection)
        }
        try record(.memberRemoved, member, member.audited, in: change)
    }

    /// Removes the caller from a project, whatever their role or status there; an invited user declines.
    func leave(_ projectID: String, in change: Change) throws {
        let userID = try change.grant.userID
        guard let member = try MemberStore.find(userID, projectID: projectID, in: change.connection) else {
            do { return try decline(userID, projectID, in: change) } catch DomainError.notFound {
                throw DomainError.notFound(.project, id: projectID)
            }
        }
        try checkMayEnd(member, in: change)
        try MemberStore.remove(userID, projectID: projectID, in: change.connection)
        try record(.memberLeft, member, member.audited, in: change)
    }

    private func checkMayEnd(_ member: MemberRecord, in change: Change) throws {
        try checkNotDefault(member)
        if member.isActiveAdmin { try checkOtherAdmin(than: member, in: change.connection) }
    }

    private func record(
        _ action: AuditAction, _ member: MemberRecord, _ details: [String: JSONValue], in change: Change
    ) throws {
        change.changed(user: member.user.id)
        guard let project = try ProjectStore.find(member.membership.projectID, in: change.connection) else {
            throw DomainError.notFound(.project, id: member.membership.projectID)
        }
        try change.record(action, on: AuditResource(member, of: project), details)
    }

    /// Throws if the project would have no admin who can sign in.
    private func checkOtherAdmin(than member: MemberRecord, in connection: any DatabaseConnection) throws {
        let projectID = member.membership.projectID
        guard try MemberStore.hasAdmin(besides: member.user.id, projectID: projectID, in: connection) else {
            throw DomainError.conflict("That is the project's last admin; make another member an admin first")
        }
    }

    private func checkNotDefault(_ member: MemberRecord) throws {
        guard member.user.defaultProjectID != member.membership.projectID else {
            throw DomainError.conflict(
                "The project is the default project of that member and cannot be taken from them")
        }
    }
}

/// Limits how many email addresses without an account a user can try to add to projects.
///
/// Otherwise, any user could find out which addresses have accounts. An address with an account is not counted: its
/// user is invited, which the audit log and the user see.
private struct UnknownAddresses: Sendable {
    /// Enough for typing errors, and for a list of people of whom some have no account yet.
    private let allowances: RateLimiter<String>

    init(elapsed: @escaping @Sendable () -> Int64) {
        allowances = RateLimiter(RateLimit(name: "unknown-address", count: 20, window: 3600), elapsed: elapsed)
    }

    /// Throws if the user has reached the limit; then no address may be looked up, whether it has an account or not.
    func check(_ userID: String) throws {
        try throwIfRefused(allowances.peek(userID))
    }

    /// Counts an unknown address, and throws if concurrent requests have used up the rest of the limit.
    func count(by userID: String) throws {
        try throwIfRefused(allowances.take(userID))
    }

    private func throwIfRefused(_ verdict: RateLimit.Verdict) throws {
        guard verdict.isAllowed else {
            throw DomainError.rateLimited(
                verdict, "Too many unknown email addresses: try again in \(counted(verdict.retryAfter, "second"))")
        }
    }
}
