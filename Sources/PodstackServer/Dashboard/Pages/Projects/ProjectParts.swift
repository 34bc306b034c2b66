/// The projects that somebody sees.
struct ProjectTable: Component {
    let rows: [ProjectRow]
    let next: Cursor?

    var body: some HTML {
        if rows.isEmpty {
            Element("p", .class("card empty")) { "There is no project that you may see." }
        } else {
            DataTable("Projects, the newest first", ["Name", "Your role", "Members", "Created"]) {
                for row in rows { row }
            }
        }
        MoreLink(link: next.map { Link("/projects", query: [("cursor", $0.text)]) }, text: "Older projects")
    }
}

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
                Element("span", .class("under")) { Element("code") { project.id } }
            }
            Cell("Your role") { role.said }
            Cell("Members") { String(members) }
            Cell("Created") { Time(project.createdAt) }
        }
    }
}

/// To the rest of a list, if there is one.
struct MoreLink: Component {
    let link: Link?
    let text: String

    var body: some HTML {
        if let link {
            Element("p", .class("pager")) { Element("a", .class("button quiet"), .href(link)) { text } }
        }
    }
}

/// What a project is, at the top of its page.
struct ProjectSummary: Component {
    let view: ProjectView

    var body: some HTML {
        if let description = view.project.description { Element("p", .class("described")) { description } }
        Element("dl", .class("card")) {
            Fact("Project id") {
                Element("code") { view.project.id }
                if view.isDefault {
                    " "
                    Element("span", .class("badge")) { "your default project" }
                }
            }
            Fact("Your role") { view.membership.role.said }
            Fact("Created") { Time(view.project.createdAt) }
            if view.may(.auditLogsRead) {
                Fact("Audit log") {
                    Element("a", .href(Link("/audit-log", query: [("project", view.project.id)]))) {
                        "What happened in this project"
                    }
                }
            }
        }
    }
}

struct EditProject: Component {
    let view: ProjectView
    let form: ProjectForm
    let visit: Visit

    var body: some HTML {
        Element("h2") { "Name and description" }
        Element("form", .class("card narrow"), .method("post"), .action(view.link)) {
            FormKeyField(visit)
            ProjectFields(form: form)
            Element("button", .type("submit")) { "Save" }
        }
    }
}

/// Asks once more before something that cannot be undone.
struct Confirmation: Component {
    let action: Link
    let yes: String
    let back: Link
    let visit: Visit

    var body: some HTML {
        Element("form", .class("confirmation"), .method("post"), .action(action)) {
            FormKeyField(visit)
            Element("button", .type("submit"), .class("danger")) { yes }
            Element("a", .class("button quiet"), .href(back)) { "Cancel" }
        }
    }
}
