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
        var fields: [String: JSONValue] = ["role": .string(role)]
        if isNew { fields["email"] = .string(email) }
        // An admin has all, whatever boxes are ticked.
        if role != "admin" { fields["permissions"] = .array(permissions.sorted().map(JSONValue.string)) }
        return try MemberRequest(fields, isNew: isNew)
    }
}

/// The role of a member, and what a user may do.
struct RoleFields: Component {
    let form: MemberForm

    var body: some HTML {
        Element("fieldset") {
            Element("legend") { "Role" }
            Tick(
                kind: "radio", name: "role", value: "admin", text: "Admin – may do everything",
                chosen: form.role == "admin")
            Tick(
                kind: "radio", name: "role", value: "user", text: "User – may do what is ticked here:",
                chosen: form.role == "user")
            if let problem = form.problems["role"] { Element("p", .class("field-problem")) { problem } }
            Element("div", .class("choices indented"), .role("group"), .aria("aria-label", "A user may")) {
                for action in Scope.actions {
                    Tick(
                        kind: "checkbox", name: "permissions", value: action, text: action,
                        chosen: form.permissions.contains(action))
                }
            }
            if let problem = form.problems["permissions"] { Element("p", .class("field-problem")) { problem } }
        }
    }
}

private struct Tick: Component {
    let kind: StaticString
    let name: String
    let value: String
    let text: String
    let chosen: Bool

    var body: some HTML {
        Element("label", .class("choice")) {
            VoidElement("input", .type(kind), .name(name), .value(value), .flag("checked", if: chosen))
            Element("span") { text }
        }
    }
}
