import PodstackAPI

/// The projects that the viewer can see.
struct ProjectTable: Component {
    let rows: [ProjectRow]
    let next: Cursor?

    var body: some HTML {
        if rows.isEmpty {
            EmptyState(
                "No projects", "A project holds pods, volumes and the people who work on them.",
                action: ("New project", .anchor("new")))
        } else {
            DataTable("Projects, newest first", ["Name", "Your role", "Members", "Created"]) {
                for row in rows { row }
            }
        }
        MoreLink(link: next.map { Link("/projects", query: [("cursor", $0.text)]) }, text: "Older projects")
    }
}

/// The viewer's invitations, with forms that accept and decline them.
struct InvitationList: Component {
    let invitations: [ReceivedInvitation]
    let exchange: PageExchange

    var body: some HTML {
        if !invitations.isEmpty {
            Element("h2") { "Invitations" }
            DataTable("Invitations", ["Project", "Role", "Invited by", "Expires", .actions]) {
                for each in invitations { InvitationRow(received: each, exchange: exchange) }
            }
        }
    }
}

private struct InvitationRow: Component {
    let received: ReceivedInvitation
    let exchange: PageExchange

    var body: some HTML {
        Row {
            RowTitle { received.projectName }
            Cell("Role") { received.invitation.role.displayText }
            Cell("Invited by") { received.inviterEmail }
            Cell("Expires") { TimeElement(received.invitation.expiresAt) }
            ActionCell {
                form("accept", "Accept", .primary)
                " "
                form("decline", "Decline", .quiet)
            }
        }
    }

    private func form(_ action: String, _ label: String, _ style: Button.Style) -> some HTML {
        Element(
            "form", .method("post"), .action(Link("/projects", received.invitation.projectID, action))
        ) {
            FormKeyField(exchange)
            Button(label, of: "the invitation to \(received.projectName)", style)
        }
    }
}

/// The projects of which the viewer is a member without being able to view them, with links to leave them.
struct HiddenProjectList: Component {
    let memberships: [(name: String, membership: Membership)]
    let defaultProjectID: String

    var body: some HTML {
        if !memberships.isEmpty {
            Element("h2") { "Projects that you cannot view" }
            DataTable("Projects that you cannot view", ["Name", "Your role", "Status", .actions]) {
                for each in memberships {
                    Row {
                        RowTitle { each.name }
                        Cell("Your role") { each.membership.role.displayText }
                        Cell("Status") { each.membership.isActive ? "active" : "deactivated" }
                        ActionCell {
                            if each.membership.projectID != defaultProjectID {
                                LinkButton(
                                    "Leave…", of: each.name, .quiet,
                                    to: Link("/projects", each.membership.projectID, "leave"))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A row of the table of projects.
struct ProjectRow: Component {
    let project: ProjectRecord
    let role: Role
    let members: Int64
    let isDefault: Bool

    var body: some HTML {
        Row {
            RowTitle {
                Element("a", .href(Link("/projects", project.id))) { project.name }
                if isDefault {
                    " "
                    Badge("default")
                }
                Element("span", .class("secondary")) { Element("code") { project.id } }
            }
            Cell("Your role") { role.displayText }
            Cell("Members") { String(members) }
            Cell("Created") { TimeElement(project.createdAt) }
        }
    }
}

/// The facts at the top of a project's page.
struct ProjectSummary: Component {
    let access: ProjectAccess

    var body: some HTML {
        if let description = access.project.description { Element("p", .class("described")) { description } }
        Card {
            Element("dl") {
                Fact("Project ID") {
                    Element("code") { access.project.id }
                    if access.isDefault {
                        " "
                        Badge("your default project")
                    }
                }
                Fact("Your role") { access.membership.role.displayText }
                Fact("Created") { TimeElement(access.project.createdAt) }
                if access.allows(.auditLogsRead) {
                    Fact("Audit log") {
                        Element(
                            "a", .class("standalone"),
                            .href(Link("/audit-log", query: [("project", access.project.id)]))
                        ) {
                            "View this project's audit log"
                        }
                    }
                }
            }
        }
    }
}

// MARK: - Leaving and deleting

/// The actions on a project that cannot be undone.
struct ProjectEnd: Component {
    let access: ProjectAccess
    /// The reason why the project cannot be deleted; nil if it can.
    let obstacle: DomainError?

    private var mayDelete: Bool { access.allows(.projectsDelete) }

    var body: some HTML {
        if !access.isDefault || mayDelete {
            Element("h2") { "Danger zone" }
            Card(isDangerous: true) {
                if !access.isDefault {
                    Element("div", .class("bar")) {
                        Element("p") { "You and your tokens lose access to the project." }
                        LinkButton("Leave…", .quietDanger, to: Link("/projects", access.project.id, "leave"))
                    }
                }
                if mayDelete {
                    if let obstacle {
                        DeletionObstacle(obstacle: obstacle, project: access.project, members: .anchor("members"))
                    } else {
                        Element("div", .class("bar")) {
                            Element("p") { "The project is empty. Deleting it cannot be undone." }
                            LinkButton("Delete…", .quietDanger, to: Link("/projects", access.project.id, "delete"))
                        }
                    }
                }
            }
        }
    }
}

/// The reason why a project cannot be deleted, with links to what has to be removed first.
struct DeletionObstacle: Component {
    let obstacle: DomainError
    let project: ProjectRecord
    /// The link to the members of the project.
    let members: Link

    var body: some HTML {
        switch obstacle {
        case .projectNotEmpty(let contents):
            Element("p") { "To delete this project, first remove:" }
            Element("ul") {
                for (kind, count) in contents.sorted(by: { $0.key < $1.key }) {
                    Element("li") {
                        if let link = link(to: kind) {
                            Element("a", .class("standalone"), .href(link)) { text(kind, count) }
                        } else {
                            text(kind, count)
                        }
                    }
                }
            }
        case .conflict(let message): Element("p") { "\(message)." }
        default: Element("p") { "The project cannot be deleted." }
        }
    }

    private func link(to kind: String) -> Link? {
        switch kind {
        case "members": members
        case "pods": Link("/pods", query: [("project", project.id)])
        default: nil
        }
    }

    private func text(_ kind: String, _ count: Int) -> String {
        switch kind {
        case "members": counted(count, "other member")
        case "pods": counted(count, "pod")
        case "volumes": counted(count, "volume")
        default: "\(count) \(kind)"
        }
    }
}

// MARK: - Form

/// The fields of the form for a new or an existing project.
struct ProjectForm {
    var name = ""
    var description = ""
    var problems = FieldProblems()

    init() {}

    init(_ project: ProjectRecord) {
        name = project.name
        description = project.description ?? ""
    }

    init(_ form: Form) {
        name = form["name"]
        // Browsers send CR LF as the end of a line.
        description = form["description"].replacing("\r\n", with: "\n")
    }

    /// Returns the request to the domain.
    func request(isNew: Bool) throws -> ProjectRequest {
        let values = ProjectRequest.Values(name: name, description: .some(description))
        return isNew ? try ProjectRequest(creating: values) : try ProjectRequest(changing: values)
    }
}

/// The inputs of a project's form.
struct ProjectFields: Component {
    let form: ProjectForm

    var body: some HTML {
        Field(
            "Name", name: "name", value: form.name, problem: form.problems["name"], .flag("required"),
            .maxLength(100), .autocomplete("off"))
        TextArea(
            "Description", name: "description", value: form.description, problem: form.problems["description"],
            .rows(3), .maxLength(1000))
    }
}

/// The form that changes the name and the description of a project.
struct EditProjectForm: Component {
    let access: ProjectAccess
    let form: ProjectForm
    let exchange: PageExchange

    var body: some HTML {
        Element("h2") { "Name and description" }
        FormCard(access.link, exchange) {
            ProjectFields(form: form)
            Button("Save", .quiet)
        }
    }
}
