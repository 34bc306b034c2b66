import PodstackAPI

/// `/projects/{id}/members/{user}`: what one member may do, and whether they stay.
struct MemberPages: Sendable {
    private let database: any Database
    private let members: MemberService
    private let changes: Changes

    init(_ service: Services) {
        database = service.database
        members = service.members
        changes = service.changes
    }

    @Sendable func show(_ visit: Visit) throws -> Response {
        let done: String? =
            switch visit.request.query("done") {
            case "changed": "The changes are saved."
            case "deactivated": "The member is deactivated: the project is closed to them."
            case "activated": "The member is active again."
            default: nil
            }
        return try page(visit, notice: done.map { Notice(.done, $0) })
    }

    private func page(_ visit: Visit, notice: Notice?, form: MemberForm? = nil, status: Int = 200) throws -> Response {
        let (view, member) = try look(visit, .membersRead)
        let place = place(view, member)
        return Document(member.user.email, .projects, under: (view.project.name, view.link), for: visit) {
            if let notice { notice }
            Element("p") {
                "A member of "
                Element("a", .href(view.link)) { view.project.name }
                ", "
                MemberStatus(isActive: member.membership.isActive)
            }
            if view.may(.membersUpdate) {
                Element("form", .class("card narrow"), .method("post"), .action(place.link())) {
                    FormKeyField(visit)
                    RoleFields(form: form ?? MemberForm(member))
                    Element("button", .type("submit")) { "Save" }
                }
                Element("h2") { member.membership.isActive ? "Deactivate" : "Activate" }
                Element("p") {
                    member.membership.isActive
                        ? "A deactivated member stays in the list, and can do nothing in the project."
                        : "The member gets back the role that they had."
                }
                Element(
                    "form", .method("post"),
                    .action(place.link(member.membership.isActive ? "deactivate" : "activate"))
                ) {
                    FormKeyField(visit)
                    Element("button", .type("submit"), .class("quiet")) {
                        member.membership.isActive ? "Deactivate" : "Activate"
                    }
                }
            }
            if view.may(.membersDelete) {
                Element("h2") { "Remove" }
                Element("p") {
                    Element("a", .class("button quiet danger"), .href(place.link("remove"))) { "Remove…" }
                }
            }
        }.response(status: status)
    }

    @Sendable func update(_ visit: Visit) throws -> Response {
        var form = MemberForm(visit.form)
        do {
            try change(visit, .membersUpdate) { project, user, change in
                _ = try members.update(user, of: project, try form.request(isNew: false), in: change)
            }
            return done(visit, "changed")
        } catch DomainError.invalid(let errors) {
            form.problems = FieldProblems(errors)
            return try page(visit, notice: Notice(.problem, "Nothing was changed: see below."), form: form, status: 422)
        } catch DomainError.conflict(let message) {
            return try page(visit, notice: Notice(.problem, "\(message)."), form: form, status: 409)
        }
    }

    @Sendable func deactivate(_ visit: Visit) throws -> Response { try set("deactivated", visit) }
    @Sendable func activate(_ visit: Visit) throws -> Response { try set("active", visit) }

    private func set(_ status: String, _ visit: Visit) throws -> Response {
        do {
            let request = try MemberRequest(changing: MemberRequest.Values(status: status))
            try change(visit, .membersUpdate) { project, user, change in
                _ = try members.update(user, of: project, request, in: change)
            }
            return done(visit, status == "active" ? "activated" : "deactivated")
        } catch DomainError.conflict(let message) {
            return try page(visit, notice: Notice(.problem, "\(message)."), status: 409)
        }
    }

    // MARK: Removal

    @Sendable func confirmRemoval(_ visit: Visit) throws -> Response {
        let (view, member) = try look(visit, .membersDelete)
        let place = place(view, member)
        return Document("Remove \(member.user.email)?", .projects, under: (member.user.email, place.link()), for: visit)
        {
            Element("p") {
                "They will not see the project "
                Element("strong") { view.project.name }
                " any more, nor will their tokens. They can be added again."
            }
            Confirmation(
                action: place.link("remove"), yes: "Remove the member", back: place.link(), visit: visit)
        }.response()
    }

    @Sendable func remove(_ visit: Visit) throws -> Response {
        do {
            try change(visit, .membersDelete) { try members.remove($1, from: $0, in: $2) }
        } catch DomainError.conflict(let message) {
            return try page(visit, notice: Notice(.problem, "\(message)."), status: 409)
        }
        return try isSelf(visit)
            ? .redirect(Link("/projects", query: [("done", "left")]))
            : .redirect(Link("/projects", visit.parameters[0], query: [("done", "removed")]))
    }

    // MARK: What they share

    private func look(_ visit: Visit, _ scope: Scope) throws -> (ProjectView, MemberRecord) {
        let session = try visit.signedIn()
        return try database.read { connection in
            (
                try ProjectView(scope, visit.parameters[0], session, in: connection),
                try members.find(visit.parameters[1], visit.parameters[0], in: connection)
            )
        }
    }

    private func change(
        _ visit: Visit, _ scope: Scope, _ body: (_ project: String, _ user: String, Change) throws -> Void
    ) throws {
        let (project, user) = (visit.parameters[0], visit.parameters[1])
        try changes.perform(by: visit, scope, in: project) { try body(project, user, $0) }
    }

    private func isSelf(_ visit: Visit) throws -> Bool { try visit.signedIn().user.id == visit.parameters[1] }

    private func done(_ visit: Visit, _ what: String) -> Response {
        // Who takes something from themselves may not see that page any more.
        guard (try? look(visit, .membersRead)) != nil else {
            return .redirect(Link("/projects", query: [("done", "left")]))
        }
        return .redirect(
            Link("/projects", visit.parameters[0], "members", visit.parameters[1], query: [("done", what)]))
    }

    private func place(_ view: ProjectView, _ member: MemberRecord) -> Place {
        Place(projectID: view.project.id, userID: member.user.id)
    }

    private struct Place {
        let projectID: String
        let userID: String

        func link() -> Link { Link("/projects", projectID, "members", userID) }
        func link(_ action: String) -> Link { Link("/projects", projectID, "members", userID, action) }
    }
}
