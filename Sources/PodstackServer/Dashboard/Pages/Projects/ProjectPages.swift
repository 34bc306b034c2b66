import PodstackAPI

/// `/projects` and `/projects/{id}`.
struct ProjectPages: Sendable {
    private let database: any Database
    private let projects: ProjectService
    private let members: MemberService
    private let changes: Changes

    /// Where the pages of single projects are under.
    static let place = ("Projects", Link("/projects"))

    init(_ service: Services) {
        database = service.database
        projects = service.projects
        members = service.members
        changes = service.changes
    }

    // MARK: All projects

    @Sendable func list(_ visit: Visit) throws -> Response { try list(visit, ProjectForm()) }

    private func list(_ visit: Visit, _ form: ProjectForm, status: Int = 200) throws -> Response {
        let session = try visit.signedIn()
        let (page, next) = try projects.list(session.user.grant, try PageRequest(visit.request))
        let (memberships, counts) = try database.read { connection in
            (
                try Authority(of: session.user, in: connection).memberships,
                try MemberStore.counts(userID: session.user.id, in: connection)
            )
        }
        let rows = page.compactMap { project in
            memberships[project.id].map {
                ProjectRow(
                    project: project, role: $0.role, members: counts[project.id] ?? 0,
                    isDefault: project.id == session.user.defaultProjectID)
            }
        }
        let done: String? =
            switch visit.request.query("done") {
            case "deleted": "The project is deleted."
            case "left": "You are not an active member of that project any more."
            default: nil
            }
        return Document("Projects", .projects, for: visit) {
            if let done { Notice(.done, done) }
            if visit.request.query("cursor") != nil {
                Element("p") { Element("a", .class("alone"), .href(Link("/projects"))) { "Back to the newest" } }
            }
            ProjectTable(rows: rows, next: next)
            Element("h2", .id("new")) { "New project" }
            Element("form", .class("card narrow"), .method("post"), .action(Link("/projects"))) {
                FormKeyField(visit)
                ProjectFields(form: form)
                Element("button", .type("submit")) { "Create project" }
                Element("p", .class("hint")) { "You will be its admin." }
            }
        }.response(status: status)
    }

    @Sendable func create(_ visit: Visit) throws -> Response {
        var form = ProjectForm(visit.form)
        do {
            let request = try form.request(isNew: true)
            let grant = try visit.signedIn().user.grant
            let (project, _) = try changes.perform(by: visit, .projectsCreate, in: nil) {
                try projects.create(request, by: grant, in: $0)
            }
            return .redirect(Link("/projects", project.id, query: [("done", "created")]))
        } catch DomainError.invalid(let errors) {
            form.problems = FieldProblems(errors)
            return try list(visit, form, status: 422)
        }
    }

    // MARK: One project

    @Sendable func show(_ visit: Visit) throws -> Response {
        let done: String? =
            switch visit.request.query("done") {
            case "created": "The project is created."
            case "changed": "The changes are saved."
            case "added": "The member is added."
            case "removed": "The member is removed."
            default: nil
            }
        return try page(visit, notice: done.map { Notice(.done, $0) })
    }

    private func page(
        _ visit: Visit, notice: Notice? = nil, form: ProjectForm? = nil, member: MemberForm = MemberForm(),
        status: Int = 200
    ) throws -> Response {
        let session = try visit.signedIn()
        let id = visit.parameters[0]
        let view = try database.read { try ProjectView(.projectsRead, id, session, in: $0) }
        let list = view.may(.membersRead) ? try members.list(id, try PageRequest(visit.request)) : ([], nil)
        return Document(view.project.name, .projects, under: ProjectPages.place, for: visit) {
            if let notice { notice }
            ProjectSummary(view: view)
            if view.may(.membersRead) {
                Element("h2") { "Members" }
                MemberTable(view: view, members: list.0, next: list.1, userID: session.user.id)
            }
            if view.may(.membersCreate) { AddMember(view: view, form: member, visit: visit) }
            if view.may(.projectsUpdate) {
                EditProject(view: view, form: form ?? ProjectForm(view.project), visit: visit)
            }
            if view.may(.projectsDelete) {
                Element("h2") { "Delete the project" }
                Element("p") {
                    Element("a", .class("button quiet danger"), .href(Link("/projects", id, "delete"))) {
                        "Delete…"
                    }
                }
            }
        }.response(status: status)
    }

    @Sendable func update(_ visit: Visit) throws -> Response {
        var form = ProjectForm(visit.form)
        do {
            _ = try change(visit, .projectsUpdate) { id, change in
                try projects.update(id, try form.request(isNew: false), in: change)
            }
            return .redirect(Link("/projects", visit.parameters[0], query: [("done", "changed")]))
        } catch DomainError.invalid(let errors) {
            form.problems = FieldProblems(errors)
            return try page(visit, notice: Notice(.problem, "Nothing was changed: see below."), form: form, status: 422)
        }
    }

    private var nothingAdded: Notice { Notice(.problem, "Nobody was added: see below.") }

    @Sendable func addMember(_ visit: Visit) throws -> Response {
        var form = MemberForm(visit.form)
        do {
            _ = try change(visit, .membersCreate) { id, change in
                try members.add(try form.request(isNew: true), to: id, in: change)
            }
            return .redirect(Link("/projects", visit.parameters[0], query: [("done", "added")]))
        } catch DomainError.invalid(let errors) {
            form.problems = FieldProblems(errors)
        } catch DomainError.noMatch(_, let message), DomainError.conflict(let message) {
            form.problems.add(message, to: "email")
        } catch DomainError.rateLimited(let verdict, let message) {
            let error = ErrorResponse(DomainError.rateLimited(verdict, message))
            form.problems.add(error.message, to: "email")
            var response = try page(visit, notice: nothingAdded, member: form, status: error.status)
            response.headers += error.headers
            return response
        }
        return try page(visit, notice: nothingAdded, member: form, status: 422)
    }

    // MARK: Deletion

    @Sendable func confirmDeletion(_ visit: Visit) throws -> Response { try deletion(visit) }

    private func deletion(_ visit: Visit, status: Int = 200) throws -> Response {
        let session = try visit.signedIn()
        let (view, obstacle) = try database.read { connection in
            (
                try ProjectView(.projectsDelete, visit.parameters[0], session, in: connection),
                try projects.obstacleToDeletion(of: visit.parameters[0], in: connection)
            )
        }
        return Document(
            "Delete “\(view.project.name)”?", .projects, under: (view.project.name, view.link), for: visit
        ) {
            if let obstacle {
                Notice(.warning, "\(ErrorResponse(obstacle).message).")
            } else {
                Element("p") { "The project is empty. Once it is deleted it cannot be brought back." }
                Confirmation(
                    action: Link("/projects", view.project.id, "delete"), yes: "Delete the project", back: view.link,
                    visit: visit)
            }
        }.response(status: status)
    }

    @Sendable func delete(_ visit: Visit) throws -> Response {
        do {
            try change(visit, .projectsDelete) { try projects.delete($0, in: $1) }
            return .redirect(Link("/projects", query: [("done", "deleted")]))
        } catch DomainError.conflict, DomainError.projectNotEmpty {
            return try deletion(visit, status: 409)
        }
    }

    private func change<Result>(
        _ visit: Visit, _ scope: Scope, _ body: (String, Change) throws -> Result
    ) throws -> Result {
        let id = visit.parameters[0]
        return try changes.perform(by: visit, scope, in: id) { try body(id, $0) }
    }
}
