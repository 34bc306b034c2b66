import PodstackAPI

/// The projects that the viewer can see.
struct ProjectTable: Component {
    let rows: [ProjectRow]
    let next: Cursor?

    var body: some HTML {
        if rows.isEmpty {
            Element("p", .class("card empty")) { "You do not have access to any project. Create one below." }
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
                form("accept", "Accept", style: "")
                " "
                form("decline", "Decline", style: "quiet")
            }
        }
    }

    private func form(_ action: String, _ label: String, style: String) -> some HTML {
        Element(
            "form", .method("post"), .action(Link("/projects", received.invitation.projectID, action))
        ) {
            FormKeyField(exchange)
            Element("button", .type("submit"), .class(style)) {
                label
                Element("span", .class("visually-hidden")) { " the invitation to \(received.projectName)" }
            }
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
                                Element(
                                    "a", .class("button quiet"),
                                    .href(Link("/projects", each.membership.projectID, "leave"))
                                ) {
                                    "Leave…"
                                    Element("span", .class("visually-hidden")) { " \(each.name)" }
                                }
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
                    Element("span", .class("badge")) { "default" }
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
        Element("dl", .class("card")) {
            Fact("Project ID") {
                Element("code") { access.project.id }
                if access.isDefault {
                    " "
                    Element("span", .class("badge")) { "your default project" }
                }
            }
            Fact("Your role") { access.membership.role.displayText }
            Fact("Created") { TimeElement(access.project.createdAt) }
            if access.allows(.auditLogsRead) {
                Fact("Audit log") {
                    Element("a", .href(Link("/audit-log", query: [("project", access.project.id)]))) {
                        "View this project's audit log"
                    }
                }
            }
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
        Element("div", .class("field")) {
            Element("label", .for("description")) { "Description" }
            Element(
                "textarea",
                [.id("description"), .name("description"), .rows(3), .maxLength(1000)]
                    + (form.problems["description"] == nil
                        ? [] : [.aria("aria-describedby", "description-problem"), .aria("aria-invalid", "true")])
            ) {
                // Browsers ignore a newline directly after the start tag.
                form.description.hasPrefix("\n") ? "\n" + form.description : form.description
            }
            if let problem = form.problems["description"] {
                Element("p", .class("field-problem"), .id("description-problem")) { problem }
            }
        }
    }
}

/// The form that changes the name and the description of a project.
struct EditProjectForm: Component {
    let access: ProjectAccess
    let form: ProjectForm
    let exchange: PageExchange

    var body: some HTML {
        Element("h2") { "Name and description" }
        Element("form", .class("card narrow"), .method("post"), .action(access.link)) {
            FormKeyField(exchange)
            ProjectFields(form: form)
            Element("button", .type("submit")) { "Save" }
        }
    }
}
