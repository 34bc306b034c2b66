/// The rules of projects.
struct ProjectService: Sendable {
    let database: any Database
    /// The most projects that an account may have.
    let maxProjects: Int
    /// Returns the numbers of the resources of a project that the parts above manage, by kind.
    let countResources: @Sendable (_ projectID: String, any DatabaseConnection) throws -> [String: Int]

    /// Returns a page of the projects that the caller may read, newest first.
    func list(_ caller: Grant, _ page: PageRequest) throws -> (page: [ProjectStore.Joined], next: Cursor?) {
        let found = try database.read {
            try ProjectStore.list(
                userID: caller.userID, only: caller.projectIDs, limit: page.limit + 1, after: page.after, in: $0)
        }
        return page.page(
            of: found, bytes: { 300 + $0.project.name.utf8.count + ($0.project.description ?? "").utf8.count }
        ) { Cursor(position: $0.project.createdAt, id: $0.project.id) }
    }

    /// Creates a project whose admin is the caller.
    func create(_ request: ProjectRequest, in change: Change) throws -> (ProjectRecord, Membership) {
        let caller = try change.grant
        // A token that is restricted to some projects does not include a new one.
        if let allowed = caller.projectIDs {
            throw DomainError.forbidden(.restrictedToProjects(.createProject, tokenProjectIDs: allowed))
        }
        let count = try ProjectStore.count(accountID: caller.accountID, in: change.connection)
        guard count < maxProjects else {
            throw DomainError.quotaExceeded(QuotaExcess(resource: "projects", limit: maxProjects, current: count))
        }
        let project = ProjectRecord(
            id: Identifier.generate("prj_"), accountID: caller.accountID, name: request.name ?? "",
            description: request.description ?? nil, createdAt: change.now, spendLimit: request.spendLimit ?? nil)
        let admin = Membership(projectID: project.id, role: .admin, addedAt: change.now)
        try ProjectStore.insert(project, in: change.connection)
        try MemberStore.insert(admin, userID: caller.userID, in: change.connection)
        change.changed(user: caller.userID)
        try change.record(.create, on: AuditResource(project), project.audited)
        return (project, admin)
    }

    /// Returns the names of a user's projects by ID.
    func names(userID: String) throws -> [String: String] {
        try database.read { try ProjectStore.names(userID: userID, in: $0) }
    }

    func project(_ id: String) throws -> ProjectRecord { try database.read { try find(id, in: $0) } }

    func update(_ id: String, _ request: ProjectRequest, in change: Change) throws -> ProjectRecord {
        let old = try find(id, in: change.connection)
        var project = old
        if let name = request.name { project.name = name }
        if let description = request.description { project.description = description }
        if let limit = request.spendLimit {
            // A token with a spend limit must not widen another one.
            guard try change.grant.spendLimit == nil || limit.map({ $0.isWithin(old.spendLimit ?? $0) }) ?? false else {
                throw DomainError.invalid("spend_limit", "can only shrink: your token has a spend limit itself")
            }
            if limit != old.spendLimit {
                let membership = try change.authority.membership(of: id)
                guard membership.role == .admin else {
                    throw DomainError.forbidden(.requiresAdmin(membership.facts))
                }
            }
            project.spendLimit = limit
        }
        guard project != old else { return project }
        try ProjectStore.update(project, in: change.connection)
        try change.record(.update, on: AuditResource(project), .changed(from: old.audited, to: project.audited))
        return project
    }

    /// Deletes a project that contains nothing but the member who deletes it.
    ///
    /// Its pending invitations are deleted with it.
    func delete(_ id: String, in change: Change) throws {
        let project = try find(id, in: change.connection)
        if let obstacle = try obstacleToDeletion(of: id, in: change.connection) { throw obstacle }
        for user in try MemberStore.userIDs(projectID: id, in: change.connection) { change.changed(user: user) }
        try MemberStore.removeAll(projectID: id, in: change.connection)
        try InvitationStore.removeAll(projectID: id, in: change.connection)
        try ProjectStore.remove(id, in: change.connection)
        try change.record(.delete, on: AuditResource(project), project.audited)
    }

    /// Returns the reason why a project cannot be deleted, or nil if it can.
    func obstacleToDeletion(of id: String, in connection: any DatabaseConnection) throws -> DomainError? {
        guard try !ProjectStore.isDefault(id, in: connection) else {
            return .conflict("A default project cannot be deleted")
        }
        let contents = try contents(of: id, in: connection)
        return contents.isEmpty ? nil : .projectNotEmpty(contents)
    }

    /// Returns the numbers of what keeps a project from being deleted, by kind.
    ///
    /// Every kind of resource that belongs to a project has to be counted here.
    private func contents(of id: String, in connection: any DatabaseConnection) throws -> [String: Int] {
        // The member who deletes the project is not an obstacle.
        let otherMembers = try MemberStore.count(projectID: id, in: connection) - 1
        return try countResources(id, connection).merging(["members": otherMembers]) { $1 }.filter { $0.value > 0 }
    }

    func find(_ id: String, in connection: any DatabaseConnection) throws -> ProjectRecord {
        guard let project = try ProjectStore.find(id, in: connection) else {
            throw DomainError.notFound(.project, id: id)
        }
        return project
    }
}
