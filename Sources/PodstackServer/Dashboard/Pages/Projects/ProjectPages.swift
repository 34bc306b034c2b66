import PodstackAPI

/// The pages `/projects` and `/projects/{id}`.
struct ProjectPages: Sendable {
    /// The most invitations on the page.
    private static let maximumInvitations = 100
    /// The most projects on the page that the viewer cannot view.
    private static let maximumHidden = 100
    /// The page above the pages of single projects.
    static let parent = ("Projects", Link("/projects"))

    private let database: any Database
    private let projects: ProjectService
    private let members: MemberService
    private let changes: Changes

    init(_ services: Services) {
        database = services.database
        projects = services.projects
        members = services.members
        changes = services.changes
    }

    // MARK: All projects

    @Sendable func list(_ exchange: PageExchange) throws -> Response { try list(exchange, ProjectForm()) }

    private func list(_ exchange: PageExchange, _ form: ProjectForm, status: Int = 200) throws -> Response {
        let session = try exchange.signedIn()
        let (page, next) = try projects.list(session.user.grant, try PageRequest(exchange.request))
        let (counts, hidden) = try database.read { connection in
            (
                try MemberStore.counts(projectIDs: page.map(\.project.id), in: connection),
                try MemberStore.withoutView(userID: session.user.id, limit: Self.maximumHidden, in: connection)
            )
        }
        let invitations = try members.invitations(
            session.user.grant, PageRequest(limit: Self.maximumInvitations), now: exchange.now
        ).page
        let rows = page.map { joined in
            ProjectRow(
                project: joined.project, role: joined.membership.role, members: counts[joined.project.id] ?? 0,
                isDefault: joined.project.id == session.user.defaultProjectID)
        }
        let done: String? =
            switch exchange.request.query("done") {
            case "deleted": "The project is deleted."
            case "left": "You are no longer a member of that project."
            case "declined": "The invitation is declined."
            case "reduced": "Your changes are saved. You can no longer view the members of that project."
            default: nil
            }
        return Document("Projects", .projects, for: exchange) {
            if let done { Notice(.done, done) }
            if exchange.request.query("cursor") != nil {
                Element("p") { Element("a", .class("standalone"), .href(Link("/projects"))) { "Back to newest" } }
            }
            InvitationList(invitations: invitations, exchange: exchange)
            ProjectTable(rows: rows, next: next)
            HiddenProjectList(memberships: hidden, defaultProjectID: session.user.defaultProjectID)
            Element("h2", .id("new")) { "New project" }
            FormCard(Link("/projects"), exchange) {
                ProjectFields(form: form)
                Button("Create project")
                Element("p", .class("hint")) { "You will be its admin." }
            }
        }.response(status: status)
    }

    @Sendable func create(_ exchange: PageExchange) throws -> Response {
        var form = ProjectForm(exchange.form)
        do {
            let request = try form.request(isNew: true)
            let (project, _) = try exchange.change(with: changes, requiring: .scope(.projectsCreate)) {
                try projects.create(request, in: $0)
            }
            return .redirect(Link("/projects", project.id, query: [("done", "created")]))
        } catch DomainError.invalid(let errors) {
            form.problems = FieldProblems(errors)
            return try list(exchange, form, status: 422)
        } catch DomainError.quotaExceeded(let excess) {
            form.problems.add("your account has reached its limit of \(counted(excess.limit, "project"))", to: "name")
            return try list(exchange, form, status: 409)
        }
    }

    // MARK: One project

    @Sendable func show(_ exchange: PageExchange) throws -> Response {
        let done: String? =
            switch exchange.request.query("done") {
            case "created": "The project is created."
            case "joined": "You are now a member of this project."
            case "changed": "Your changes are saved."
            case "invited": "The user is invited and has 24 hours to accept."
            case "removed": "The member is removed."
            default: nil
            }
        return try page(exchange, notice: done.map { Notice(.done, $0) })
    }

    private func page(
        _ exchange: PageExchange, notice: Notice? = nil, form: ProjectForm? = nil, member: MemberForm = MemberForm(),
        status: Int = 200
    ) throws -> Response {
        let session = try exchange.signedIn()
        let id = exchange.parameters[0]
        let (access, obstacle) = try database.read { connection in
            let access = try ProjectAccess(.projectsRead, id, session, in: connection)
            let mayDelete = access.allows(.projectsDelete)
            return (access, mayDelete ? try projects.obstacleToDeletion(of: id, in: connection) : nil)
        }
        let list =
            access.allows(.membersRead)
            ? try members.list(id, try PageRequest(exchange.request), now: exchange.now) : ([], nil)
        return Document(access.project.name, .projects, under: Self.parent, for: exchange) {
            if let notice { notice }
            ProjectSummary(access: access)
            if access.allows(.membersRead) {
                Element("h2", .id("members")) { "Members" }
                MemberTable(access: access, members: list.0, next: list.1, viewerID: session.user.id)
            }
            if access.allows(.membersCreate) { NewMemberForm(access: access, form: member, exchange: exchange) }
            if access.allows(.projectsUpdate) {
                EditProjectForm(access: access, form: form ?? ProjectForm(access.project), exchange: exchange)
            }
            ProjectEnd(access: access, obstacle: obstacle)
        }.response(status: status)
    }

    @Sendable func update(_ exchange: PageExchange) throws -> Response {
        var form = ProjectForm(exchange.form)
        do {
            _ = try change(exchange, .projectsUpdate) { id, change in
                try projects.update(id, try form.request(isNew: false), in: change)
            }
            return .redirect(Link("/projects", exchange.parameters[0], query: [("done", "changed")]))
        } catch DomainError.invalid(let errors) {
            form.problems = FieldProblems(errors)
            let notice = Notice(.problem, "Your changes are not saved. Correct the fields below.")
            return try page(exchange, notice: notice, form: form, status: 422)
        }
    }

    @Sendable func addMember(_ exchange: PageExchange) throws -> Response {
        var form = MemberForm(exchange.form)
        let notice = Notice(.problem, "The user was not invited. Correct the fields below.")
        do {
            _ = try change(exchange, .membersCreate) { id, change in
                try members.invite(try form.request(isNew: true), to: id, in: change)
            }
            return .redirect(Link("/projects", exchange.parameters[0], query: [("done", "invited")]))
        } catch DomainError.invalid(let errors) {
            form.problems = FieldProblems(errors)
        } catch DomainError.noMatch {
            form.problems.add("no account has this email address; ask the operator to add one", to: "email")
        } catch DomainError.conflict(let message) {
            form.problems.add(message.prefix(1).lowercased() + message.dropFirst(), to: "email")
        } catch DomainError.quotaExceeded(let excess) {
            form.problems.add(
                "you have \(counted(excess.limit, "pending invitation")), the most that you may have",
                to: "email")
        } catch DomainError.rateLimited(let verdict, let message) {
            let limit = RetryText.sentence("Too many unknown email addresses.", seconds: verdict.retryAfter)
            var response = try page(exchange, notice: Notice(.problem, limit), member: form, status: 429)
            response.headers += ErrorResponse(.rateLimited(verdict, message)).headers
            return response
        }
        return try page(exchange, notice: notice, member: form, status: 422)
    }

    // MARK: Own membership

    @Sendable func accept(_ exchange: PageExchange) throws -> Response {
        try changeOwnMembership(exchange) { userID, id, change in
            _ = try members.accept(userID, id, in: change)
        }
        // A member without the permission to read does not see the project's page.
        let isVisible = try database.read { connection in
            (try? ProjectAccess(.projectsRead, exchange.parameters[0], try exchange.signedIn(), in: connection)) != nil
        }
        return .redirect(
            isVisible ? Link("/projects", exchange.parameters[0], query: [("done", "joined")]) : Link("/projects"))
    }

    @Sendable func decline(_ exchange: PageExchange) throws -> Response {
        try changeOwnMembership(exchange) { try members.decline($0, $1, in: $2) }
        return .redirect(Link("/projects", query: [("done", "declined")]))
    }

    @Sendable func confirmLeaving(_ exchange: PageExchange) throws -> Response { try leavingPage(exchange) }

    private func leavingPage(
        _ exchange: PageExchange, problem: String? = nil, status: Int = 200
    ) throws -> Response {
        let session = try exchange.signedIn()
        let id = exchange.parameters[0]
        let project = try database.read { connection in
            _ = try Authority(session.user.grant, in: connection).membership(of: id)
            return try projects.find(id, in: connection)
        }
        return Document("Leave “\(project.name)”?", .projects, under: Self.parent, for: exchange) {
            if let problem { Notice(.problem, problem) }
            Card {
                Element("p") { "You and your tokens lose access to the project. An admin can invite you again later." }
                Confirmation(
                    action: Link("/projects", id, "leave"), confirmLabel: "Leave project",
                    cancelLink: Link("/projects"), exchange: exchange)
            }
        }.response(status: status)
    }

    @Sendable func leave(_ exchange: PageExchange) throws -> Response {
        do {
            try changeOwnMembership(exchange) { _, id, change in try members.leave(id, in: change) }
            return .redirect(Link("/projects", query: [("done", "left")]))
        } catch DomainError.conflict(let message) {
            return try leavingPage(exchange, problem: "\(message).", status: 409)
        }
    }

    private func changeOwnMembership(
        _ exchange: PageExchange, _ body: (_ userID: String, _ projectID: String, Change) throws -> Void
    ) throws {
        let id = exchange.parameters[0]
        let userID = try exchange.signedIn().user.id
        try exchange.change(with: changes, requiring: .ownMembership(of: id)) { try body(userID, id, $0) }
    }

    // MARK: Deletion

    @Sendable func confirmDeletion(_ exchange: PageExchange) throws -> Response { try deletionPage(exchange) }

    private func deletionPage(_ exchange: PageExchange, status: Int = 200) throws -> Response {
        let session = try exchange.signedIn()
        let (access, obstacle) = try database.read { connection in
            (
                try ProjectAccess(.projectsDelete, exchange.parameters[0], session, in: connection),
                try projects.obstacleToDeletion(of: exchange.parameters[0], in: connection)
            )
        }
        let name = Isolated.text(access.project.name)
        return Document(
            obstacle == nil ? "Delete “\(name)”?" : "“\(name)” cannot be deleted", .projects,
            under: (access.project.name, access.link), for: exchange
        ) {
            Card {
                if let obstacle {
                    DeletionObstacle(obstacle: obstacle, project: access.project, members: access.link)
                    Element("p", .class("buttons")) { LinkButton("Back to the project", .quiet, to: access.link) }
                } else {
                    Element("p") { "The project is empty. Deleting it cannot be undone." }
                    Confirmation(
                        action: Link("/projects", access.project.id, "delete"), confirmLabel: "Delete project",
                        cancelLink: access.link, exchange: exchange)
                }
            }
        }.response(status: status)
    }

    @Sendable func delete(_ exchange: PageExchange) throws -> Response {
        do {
            try change(exchange, .projectsDelete) { try projects.delete($0, in: $1) }
            return .redirect(Link("/projects", query: [("done", "deleted")]))
        } catch DomainError.conflict, DomainError.projectNotEmpty {
            return try deletionPage(exchange, status: 409)
        }
    }

    private func change<Result>(
        _ exchange: PageExchange, _ scope: Scope, _ body: (String, Change) throws -> Result
    ) throws -> Result {
        let id = exchange.parameters[0]
        return try exchange.change(with: changes, requiring: .scope(scope, in: id)) { try body(id, $0) }
    }
}

// MARK: - Access

/// A project, with the viewer's permissions in it.
struct ProjectAccess {
    let project: ProjectRecord
    let membership: Membership
    let isDefault: Bool
    private let authority: Authority

    /// Reads a project.
    ///
    /// - Parameters:
    ///   - scope: The scope that the page requires.
    ///   - projectID: The ID of the project.
    ///   - session: The viewer's session.
    ///   - connection: The connection to read with.
    /// - Throws: ``DomainError`` if the viewer lacks the scope or cannot see the project.
    init(_ scope: Scope, _ projectID: String, _ session: WebSession, in connection: any DatabaseConnection) throws {
        let membership = try Authority(session.user.grant, in: connection).membership(of: projectID)
        // Without the connection, which must not be used after its transaction.
        authority = Authority(grant: session.user.grant) { $0 == projectID ? membership : nil }
        try authority.require(scope, in: projectID)
        guard let project = try ProjectStore.find(projectID, in: connection) else {
            throw DomainError.notFound(.project, id: projectID)
        }
        self.project = project
        self.membership = membership
        isDefault = session.user.defaultProjectID == projectID
    }

    func allows(_ scope: Scope) -> Bool { (try? authority.require(scope, in: project.id)) != nil }

    var link: Link { Link("/projects", project.id) }
}
