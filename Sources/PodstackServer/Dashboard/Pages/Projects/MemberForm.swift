import PodstackAPI

/// The fields of a member as they are, or were chosen.
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

    func request(isNew: Bool) throws -> MemberRequest {
        var values = MemberRequest.Values(email: email, role: role)
        // An admin has all permissions, whichever boxes are checked.
        if role != "admin" { values.permissions = permissions.sorted() }
        return isNew ? try MemberRequest(adding: values) : try MemberRequest(changing: values)
    }
}

/// The role of a member, and what a user may do.
struct RoleFields: Component {
    let form: MemberForm

    var body: some HTML {
        ChoiceGroup("Role", name: "role", problem: form.problems["role"]) {
            Choice(.oneOf, "Admin – may do everything", name: "role", value: "admin", isChosen: form.role == "admin")
            Choice(
                .oneOf, "User – may do what is ticked here", name: "role", value: "user",
                isChosen: form.role == "user", .id("role-user"))
            Element("div", .class("unless-user")) {
                ChoiceGroup("A user may", name: "permissions", problem: form.problems["permissions"]) {
                    for action in Scope.actions {
                        Choice(
                            .anyOf, action, name: "permissions", value: action,
                            isChosen: form.permissions.contains(action))
                    }
                }
            }
        }
    }
}
