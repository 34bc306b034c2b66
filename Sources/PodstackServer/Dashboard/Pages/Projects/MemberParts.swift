/// The members of a project.
struct MemberTable: Component {
    let view: ProjectView
    let members: [MemberRecord]
    let next: Cursor?
    /// Who looks.
    let userID: String

    var body: some HTML {
        Element("div", .class("table-scroll")) {
            Element("table") {
                Element("caption", .class("visually-hidden")) { "Members of the project" }
                Element("thead") {
                    Element("tr") {
                        for title in ["E-mail", "Name", "Role", "Permissions", "Status", "Added"] {
                            Element("th", .scope("col")) { title }
                        }
                        if mayChange {
                            Element("th", .scope("col")) { Element("span", .class("visually-hidden")) { "Action" } }
                        }
                    }
                }
                Element("tbody") {
                    for member in members {
                        MemberRow(
                            member: member, isSelf: member.userID == userID,
                            link: mayChange ? Link("/projects", view.project.id, "members", member.userID) : nil)
                    }
                }
            }
        }
        MoreLink(
            link: next.map { Link("/projects", view.project.id, query: [("cursor", $0.text)]) }, text: "More members")
    }

    private var mayChange: Bool { view.may(.membersUpdate) || view.may(.membersDelete) }
}

private struct MemberRow: Component {
    let member: MemberRecord
    let isSelf: Bool
    let link: Link?

    var body: some HTML {
        Element("tr") {
            Element("th", .scope("row")) {
                member.email
                if isSelf {
                    " "
                    Element("span", .class("badge")) { "you" }
                }
            }
            Element("td") { member.name ?? "" }
            Element("td") { member.membership.role.name }
            Element("td") { member.membership.role.permissions.joined(separator: ", ") }
            Element("td") { MemberStatus(isActive: member.membership.isActive) }
            Element("td") { Time(member.membership.addedAt) }
            if let link {
                Element("td", .class("actions")) {
                    Element("a", .class("button quiet"), .href(link)) {
                        "Change"
                        Element("span", .class("visually-hidden")) { " \(member.email)" }
                    }
                }
            }
        }
    }
}

struct MemberStatus: Component {
    let isActive: Bool

    var body: some HTML {
        Element("span", .class(isActive ? "badge good" : "badge warn")) { isActive ? "active" : "deactivated" }
    }
}

struct AddMember: Component {
    let view: ProjectView
    let form: MemberForm
    let visit: Visit

    var body: some HTML {
        Element("h2") { "Add a member" }
        Element("form", .class("card narrow"), .method("post"), .action(Link("/projects", view.project.id, "members")))
        {
            FormKeyField(visit)
            Field(
                "E-mail", name: "email", value: form.email, hint: "Of somebody who has an account here.",
                problem: form.problems["email"], .type("email"), .flag("required"), .autocomplete("off"))
            RoleFields(form: form)
            Element("button", .type("submit")) { "Add member" }
        }
    }
}
