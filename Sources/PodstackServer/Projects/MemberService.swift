import PodstackAPI

/// The rules of who belongs to a project, without HTTP or SQL.
///
/// Every project keeps at least one active admin, and everybody their own default project.
struct MemberService: Sendable {
    let database: any Database
    private let unknownAddresses = UnknownAddresses()

    init(database: any Database) { self.database = database }

    func list(_ projectID: String, _ page: PageRequest) throws -> (page: [MemberRecord], next: Cursor?) {
        let found = try database.read {
            try MemberStore.list(projectID: projectID, limit: page.limit + 1, after: page.after, in: $0)
        }
        return page.page(of: found) { Cursor(position: $0.membership.addedAt, id: $0.userID) }
    }

    func add(_ request: MemberRequest, to projectID: String, in change: Change) throws -> MemberRecord {
        let asker = change.actor.userID ?? ""
        try unknownAddresses.check(asker, now: change.now)
        guard let user = try AccountStore.user(email: request.email, in: change.connection) else {
            try unknownAddresses.note(by: asker, now: change.now)
            throw DomainError.noMatch(.user, "No account has that email address")
        }
        guard try MemberStore.find(user.id, projectID: projectID, in: change.connection) == nil else {
            throw DomainError.conflict("That user is already a member of the project; change the membership instead")
        }
        let membership = Membership(
            projectID: projectID, role: try request.role(after: nil), addedAt: change.now)
        try MemberStore.insert(membership, userID: user.id, in: change.connection)
        let member = try find(user.id, projectID, in: change.connection)
        try note(.memberAdded, member, member.audited, in: change)
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
        try note(action, member, .changed(from: old.audited, to: member.audited), in: change)
        return member
    }

    func remove(_ userID: String, from projectID: String, in change: Change) throws {
        let member = try find(userID, projectID, in: change.connection)
        try checkNotDefault(member)
        if member.isActiveAdmin { try checkOtherAdmin(projectID, in: change.connection) }
        try MemberStore.remove(userID, projectID: projectID, in: change.connection)
        try note(.memberRemoved, member, member.audited, in: change)
    }

    private func note(
        _ action: AuditAction, _ member: MemberRecord, _ details: [String: JSONValue], in change: Change
    ) throws {
        change.changed(user: member.userID)
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
        guard member.defaultProjectID != member.membership.projectID else {
            throw DomainError.conflict(
                "The project is the default project of that member and cannot be taken from them")
        }
    }
}
