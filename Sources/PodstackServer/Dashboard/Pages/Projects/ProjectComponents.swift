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
