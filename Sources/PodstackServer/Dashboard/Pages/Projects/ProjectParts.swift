/// The projects that somebody sees.
struct ProjectTable: Component {
    let rows: [ProjectRow]
    let next: Cursor?

    var body: some HTML {
        Element("div", .class("table-scroll")) {
            Element("table") {
                Element("caption", .class("visually-hidden")) { "Projects, the newest first" }
                Element("thead") {
                    Element("tr") {
                        for title in ["Name", "Your role", "Members", "Created"] {
                            Element("th", .scope("col")) { title }
                        }
                    }
                }
                Element("tbody") { for row in rows { row } }
            }
            if rows.isEmpty { Element("p", .class("empty")) { "There is no project that you may see." } }
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
        Element("tr") {
            Element("th", .scope("row")) {
                Element("a", .href(Link("/projects", project.id))) { project.name }
                if isDefault {
                    " "
                    Element("span", .class("badge")) { "default" }
                }
                Element("span", .class("under")) { Element("code") { project.id } }
            }
            Element("td") { role.said }
            Element("td") { String(members) }
            Element("td") { Time(project.createdAt) }
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
            Element("dt") { "Project id" }
            Element("dd") {
                Element("code") { view.project.id }
                if view.isDefault {
                    " "
                    Element("span", .class("badge")) { "your default project" }
                }
            }
            Element("dt") { "Your role" }
            Element("dd") { view.membership.role.said }
            Element("dt") { "Created" }
            Element("dd") { Time(view.project.createdAt) }
            if view.may(.auditLogsRead) {
                Element("dt") { "Audit log" }
                Element("dd") {
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
