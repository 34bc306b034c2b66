/// The members of a project.
struct MemberTable: Component {
    let view: ProjectView
    let members: [MemberRecord]
    let next: Cursor?
    /// Who looks.
    let userID: String

    var body: some HTML {
        DataTable(
            "Members of the project",
            ["E-mail", "Name", "Role", "Permissions", "Status", "Added"] + (mayChange ? [.actions] : [])
        ) {
            for member in members {
                MemberRow(
                    member: member, isSelf: member.user.id == userID,
                    link: mayChange ? Link("/projects", view.project.id, "members", member.user.id) : nil)
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
        Row {
            RowTitle {
                member.user.email
                if isSelf {
                    " "
                    Element("span", .class("badge")) { "you" }
                }
            }
            Cell("Name") { member.user.name ?? "" }
            Cell("Role") { member.membership.role.name }
            Cell("Permissions") { member.membership.role.permissions.joined(separator: ", ") }
            Cell("Status") { MemberStatus(isActive: member.membership.isActive) }
            Cell("Added") { Time(member.membership.addedAt) }
            if let link {
                ActionCell {
                    Element("a", .class("button quiet"), .href(link)) {
                        "Change"
                        Element("span", .class("visually-hidden")) { " \(member.user.email)" }
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
