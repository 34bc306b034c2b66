import PodstackAPI

/// The page `/projects/{id}/members/{user}` of a member.
struct MemberPages: Sendable {
    private let database: any Database
    private let members: MemberService
    private let changes: Changes

    init(_ services: Services) {
        database = services.database
        members = services.members
        changes = services.changes
    }

    @Sendable func show(_ exchange: PageExchange) throws -> Response {
        let done: String? =
            switch exchange.request.query("done") {
            case "changed": "Your changes are saved."
            case "deactivated": "The member is deactivated and no longer has access to the project."
            case "activated": "The member is active again."
            default: nil
            }
        return try page(exchange, notice: done.map { Notice(.done, $0) })
    }

    private func page(
        _ exchange: PageExchange, notice: Notice?, form: MemberForm? = nil, status: Int = 200
    ) throws -> Response {
        let (access, member) = try read(exchange, .membersRead)
        let (isActive, isInvited) = (member.membership.isActive, member.membership.isInvited)
        return Document(member.user.email, .projects, under: (access.project.name, access.link), for: exchange) {
            if let notice { notice }
            Element("p") {
                isInvited ? "Invited to " : "Member of "
                Element("a", .href(access.link)) { access.project.name }
                ", "
                MemberStatus(member: member)
            }
            if access.allows(.membersUpdate) {
                FormCard(access.link(to: member), exchange) {
                    RoleFields(form: form ?? MemberForm(member))
                    Button("Save")
                }
                if !isInvited { Activation(isActive: isActive, access: access, member: member, exchange: exchange) }
            }
            if access.allows(.membersDelete) {
                Element("h2") { isInvited ? "Withdraw" : "Remove" }
                Card(isDangerous: true) {
                    Element("div", .class("bar")) {
                        Element("p") {
                            isInvited
                                ? "The user can then no longer join the project."
                                : "The user and their tokens lose access to the project."
                        }
                        LinkButton(
                            isInvited ? "Withdraw invitation…" : "Remove…", .quietDanger,
                            to: access.link(to: member, "remove"))
                    }
                }
            }
        }.response(status: status)
    }

    // MARK: Changes

    @Sendable func update(_ exchange: PageExchange) throws -> Response {
        var form = MemberForm(exchange.form)
        do {
            try change(exchange, .membersUpdate) { project, user, change in
                _ = try members.update(user, of: project, try form.request(isNew: false), in: change)
            }
            return done(exchange, "changed")
        } catch DomainError.invalid(let errors) {
            form.problems = FieldProblems(errors)
            let notice = Notice(.problem, "Your changes are not saved. Correct the fields below.")
            return try page(exchange, notice: notice, form: form, status: 422)
        } catch DomainError.conflict(let message) {
            return try page(exchange, notice: Notice(.problem, "\(message)."), form: form, status: 409)
        }
    }

    @Sendable func deactivate(_ exchange: PageExchange) throws -> Response { try setActive(false, exchange) }
    @Sendable func activate(_ exchange: PageExchange) throws -> Response { try setActive(true, exchange) }

    private func setActive(_ isActive: Bool, _ exchange: PageExchange) throws -> Response {
        do {
            let request = try MemberForm.request(isActive: isActive)
            try change(exchange, .membersUpdate) { project, user, change in
                _ = try members.update(user, of: project, request, in: change)
            }
            return done(exchange, isActive ? "activated" : "deactivated")
        } catch DomainError.conflict(let message) {
            return try page(exchange, notice: Notice(.problem, "\(message)."), status: 409)
        }
    }

    // MARK: Removal

    @Sendable func confirmRemoval(_ exchange: PageExchange) throws -> Response {
        let (access, member) = try read(exchange, .membersDelete)
        let memberLink = access.link(to: member)
        let isInvited = member.membership.isInvited
        let title = isInvited ? "Withdraw the invitation of" : "Remove"
        return Document(
            "\(title) \(Isolated.text(member.user.email))?", .projects, under: (member.user.email, memberLink),
            for: exchange
        ) {
            Card {
                Element("p") {
                    isInvited
                        ? "This user can then no longer join the project "
                        : "This user and their tokens lose access to the project "
                    Element("strong") { access.project.name }
                    ". You can invite the user again later."
                }
                Confirmation(
                    action: access.link(to: member, "remove"),
                    confirmLabel: isInvited ? "Withdraw invitation" : "Remove member", cancelLink: memberLink,
                    exchange: exchange)
            }
        }.response()
    }

    @Sendable func remove(_ exchange: PageExchange) throws -> Response {
        let isViewer = try exchange.signedIn().user.id == exchange.parameters[1]
        do {
            if isViewer {
                let project = exchange.parameters[0]
                try exchange.change(with: changes, requiring: .ownMembership(of: project)) {
                    try members.leave(project, in: $0)
                }
            } else {
                try change(exchange, .membersDelete) { try members.remove($1, from: $0, in: $2) }
            }
        } catch DomainError.conflict(let message) {
            return try page(exchange, notice: Notice(.problem, "\(message)."), status: 409)
        }
        return isViewer
            ? .redirect(Link("/projects", query: [("done", "left")]))
            : .redirect(Link("/projects", exchange.parameters[0], query: [("done", "removed")]))
    }

    // MARK: Helpers

    private func read(_ exchange: PageExchange, _ scope: Scope) throws -> (ProjectAccess, MemberRecord) {
        let session = try exchange.signedIn()
        return try database.read { connection in
            (
                try ProjectAccess(scope, exchange.parameters[0], session, in: connection),
                try members.find(exchange.parameters[1], exchange.parameters[0], now: exchange.now, in: connection)
            )
        }
    }

    private func change(
        _ exchange: PageExchange, _ scope: Scope, _ body: (_ project: String, _ user: String, Change) throws -> Void
    ) throws {
        let (project, user) = (exchange.parameters[0], exchange.parameters[1])
        try exchange.change(with: changes, requiring: .scope(scope, in: project)) { try body(project, user, $0) }
    }

    private func done(_ exchange: PageExchange, _ what: String) -> Response {
        // Viewers who reduce their own role may no longer see this page.
        guard (try? read(exchange, .membersRead)) != nil else {
            return .redirect(Link("/projects", query: [("done", "reduced")]))
        }
        return .redirect(
            Link("/projects", exchange.parameters[0], "members", exchange.parameters[1], query: [("done", what)]))
    }
}

extension ProjectAccess {
    fileprivate func link(to member: MemberRecord) -> Link { Link("/projects", project.id, "members", member.user.id) }

    fileprivate func link(to member: MemberRecord, _ action: String) -> Link {
        Link("/projects", project.id, "members", member.user.id, action)
    }
}

// MARK: - Members of a project

/// The members of a project.
struct MemberTable: Component {
    let access: ProjectAccess
    let members: [MemberRecord]
    let next: Cursor?
    let viewerID: String

    var body: some HTML {
        DataTable(
            "Project members",
            ["Email", "Name", "Role", "Permissions", "Status", "Added"] + (canChange ? [.actions] : [])
        ) {
            for member in members {
                MemberRow(
                    member: member, isViewer: member.user.id == viewerID,
                    link: canChange ? access.link(to: member) : nil)
            }
        }
        MoreLink(
            link: next.map { Link("/projects", access.project.id, query: [("cursor", $0.text)]) }, text: "More members")
    }

    private var canChange: Bool { access.allows(.membersUpdate) || access.allows(.membersDelete) }
}

private struct MemberRow: Component {
    let member: MemberRecord
    let isViewer: Bool
    let link: Link?

    var body: some HTML {
        Row {
            RowTitle {
                member.user.email
                if isViewer {
                    " "
                    Badge("you")
                }
            }
            Cell("Name") { member.user.name ?? "" }
            Cell("Role") { member.membership.role.name }
            Cell("Permissions") { member.membership.role.permissions.joined(separator: ", ") }
            Cell("Status") { MemberStatus(member: member) }
            Cell("Added") { TimeElement(member.membership.addedAt) }
            if let link {
                ActionCell { LinkButton("Change", of: Isolated.text(member.user.email), .quiet, to: link) }
            }
        }
    }
}

private struct MemberStatus: Component {
    let member: MemberRecord

    var body: some HTML {
        Badge(member.status, kind)
        if let end = member.membership.invitedUntil {
            " until "
            TimeElement(end)
        }
    }

    private var kind: Badge.Kind {
        if member.membership.isInvited { return .neutral }
        return member.membership.isActive ? .good : .warning
    }
}

/// The form that deactivates or activates a member.
private struct Activation: Component {
    let isActive: Bool
    let access: ProjectAccess
    let member: MemberRecord
    let exchange: PageExchange

    var body: some HTML {
        Element("h2") { isActive ? "Deactivate" : "Activate" }
        FormCard(access.link(to: member, isActive ? "deactivate" : "activate"), exchange) {
            Element("div", .class("bar")) {
                Element("p") {
                    isActive
                        ? "A deactivated member stays in the list but has no access to the project."
                        : "The member gets the same role and permissions as before."
                }
                Button(isActive ? "Deactivate" : "Activate", .quiet)
            }
        }
    }
}

// MARK: - Form

/// The fields of the form for a new or an existing member.
struct MemberForm {
    var email = ""
    var role = "user"
    var permissions: Set<String> = ["read"]
    var problems = FieldProblems()

    init() {}

    init(_ member: MemberRecord) {
        role = member.membership.role.name
        permissions = Set(member.membership.role.permissions)
    }

    init(_ form: Form) {
        email = form["email"]
        role = form["role"]
        permissions = Set(form.all("permissions"))
    }

    /// Returns the request to the domain.
    func request(isNew: Bool) throws -> MemberRequest {
        var values = MemberRequest.Values(email: email, role: role)
        // An admin has all permissions, whichever boxes are checked.
        if role != "admin" { values.permissions = permissions.sorted() }
        return isNew ? try MemberRequest(adding: values) : try MemberRequest(changing: values)
    }

    /// Returns the request that activates or deactivates a member.
    static func request(isActive: Bool) throws -> MemberRequest {
        try MemberRequest(changing: MemberRequest.Values(status: isActive ? "active" : "deactivated"))
    }
}

/// The form that invites a user to a project.
struct NewMemberForm: Component {
    let access: ProjectAccess
    let form: MemberForm
    let exchange: PageExchange

    var body: some HTML {
        Element("h2") { "Invite a member" }
        FormCard(Link("/projects", access.project.id, "members"), exchange) {
            Field(
                "Email", name: "email", value: form.email,
                hint: "The user must already have an account, and has 24 hours to accept.",
                problem: form.problems["email"], .type("email"), .flag("required"), .autocomplete("off"))
            RoleFields(form: form)
            Button("Invite")
        }
    }
}

/// The choice of a role and of its permissions.
private struct RoleFields: Component {
    let form: MemberForm

    var body: some HTML {
        ChoiceGroup("Role", name: "role", problem: form.problems["role"]) {
            Choice(.radio, "Admin: all permissions", name: "role", value: "admin", isChosen: form.role == "admin")
            Choice(
                .radio, "User: selected permissions", name: "role", value: "user",
                isChosen: form.role == "user", .id("role-user"))
            Element("div", .class("unless-user")) {
                ChoiceGroup("Permissions", name: "permissions", problem: form.problems["permissions"]) {
                    for action in Scope.actions {
                        Choice(
                            .checkbox, action, name: "permissions", value: action,
                            isChosen: form.permissions.contains(action))
                    }
                }
            }
        }
    }
}
