import PodstackAPI

/// The rules for the members of projects.
///
/// Every project keeps at least one active admin, and every user keeps access to their default project.
struct MemberService: Sendable {
    let database: any Database
    private let unknownAddresses: UnknownAddresses

    init(database: any Database, elapsed: @escaping @Sendable () -> Int64 = MonotonicClock.elapsed) {
        self.database = database
        unknownAddresses = UnknownAddresses(elapsed: elapsed)
    }

    /// Returns a page of a project's members, newest first.
    func list(_ projectID: String, _ page: PageRequest) throws -> (page: [MemberRecord], next: Cursor?) {
        let found = try database.read {
            try MemberStore.list(projectID: projectID, limit: page.limit + 1, after: page.after, in: $0)
        }
        return page.page(of: found) { Cursor(position: $0.membership.addedAt, id: $0.user.id) }
    }

    func add(_ request: MemberRequest, to projectID: String, in change: Change) throws -> MemberRecord {
        let callerID = change.actor.userID ?? ""
        try unknownAddresses.check(callerID)
        guard let user = try UserStore.find(email: request.email, in: change.connection) else {
            try unknownAddresses.count(by: callerID)
            throw DomainError.noMatch(.user, "No account has that email address")
        }
        guard try MemberStore.find(user.id, projectID: projectID, in: change.connection) == nil else {
            throw DomainError.conflict("That user is already a member of the project; change the membership instead")
        }
        let member = MemberRecord(
            user: user,
            membership: Membership(
                projectID: projectID, role: try request.role(after: nil), addedAt: change.now))
        try MemberStore.insert(member.membership, userID: user.id, in: change.connection)
        try record(.memberAdded, member, member.audited, in: change)
        return member
    }

    func update(
        _ userID: String, of projectID: String, _ request: MemberRequest, in change: Change
    ) throws -> MemberRecord {
        let old = try find(userID, projectID, in: change.connection)
        var member = old
        member.membership.role = try request.role(after: old.membership.role)
        if let isActive = request.isActive, isActive != old.membership.isActive {
            member.membership.deactivatedAt = isActive ? nil : change.now
        }
        guard member != old else { return old }
        if !member.membership.isActive { try checkNotDefault(old) }
        if old.isActiveAdmin, !member.isActiveAdmin { try checkOtherAdmin(projectID, in: change.connection) }
        try MemberStore.update(member.membership, userID: userID, in: change.connection)
        let action: AuditAction =
            if old.membership.isActive == member.membership.isActive {
                .permissionsChanged
            } else {
                member.membership.isActive ? .memberActivated : .memberDeactivated
            }
        try record(action, member, .changed(from: old.audited, to: member.audited), in: change)
        return member
    }

    func remove(_ userID: String, from projectID: String, in change: Change) throws {
        let member = try find(userID, projectID, in: change.connection)
        try checkNotDefault(member)
        if member.isActiveAdmin { try checkOtherAdmin(projectID, in: change.connection) }
        try MemberStore.remove(userID, projectID: projectID, in: change.connection)
        try record(.memberRemoved, member, member.audited, in: change)
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

    func find(
        _ userID: String, _ projectID: String, in connection: any DatabaseConnection
    ) throws -> MemberRecord {
        guard let member = try MemberStore.find(userID, projectID: projectID, in: connection) else {
            throw DomainError.notFound(.member, id: userID)
        }
        return member
    }

    private func checkOtherAdmin(_ projectID: String, in connection: any DatabaseConnection) throws {
        guard try MemberStore.countActiveAdmins(projectID: projectID, in: connection) > 1 else {
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
/// user is added, which the audit log and the user see.
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
                verdict, "Too many unknown email addresses: try again in \(verdict.retryAfter) seconds")
        }
    }
}
