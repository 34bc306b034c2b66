import PodstackAPI

/// The form of a new token.
struct TokenFormView: Component {
    let form: TokenForm
    let problems: FieldProblems
    /// Those that a token can be restricted to.
    let projects: [ProjectRecord]
    let visit: Visit

    var body: some HTML {
        Element("form", .class("card token-form"), .method("post"), .action(Link("/account/tokens"))) {
            FormKeyField(visit)
            VoidElement("input", .type("hidden"), .name("id"), .value(form.id))
            Field(
                "Name", name: "name", value: form.name, hint: "What it is for, such as “CI” or “laptop”.",
                problem: problems["name"], .type("text"), .autocomplete("off"), .flag("required"),
                .flag("autofocus", if: form.name.isEmpty))
            ExpiryChoices(form: form, problem: problems["expires_at", "expires_in_days"], now: visit.now)
            AccessChoices(form: form, problem: problems["scopes"])
            if !projects.isEmpty {
                ProjectChoices(form: form, problem: problems["project_ids"], projects: projects)
            } else {
                VoidElement("input", .type("hidden"), .name("projects"), .value("all"))
            }
            Element("p", .class("ways")) {
                Element("button", .type("submit")) { "Create token" }
                Element("a", .class("button quiet"), .href(Link("/account/tokens"))) { "Cancel" }
            }
        }
    }
}

private struct ExpiryChoices: Component {
    let form: TokenForm
    let problem: String?
    let now: Int64

    var body: some HTML {
        ChoiceGroup("Expires", name: "expiry", problem: problem) {
            Element("div", .class("choices")) {
                for choice in TokenForm.Expiry.choices {
                    Choice(
                        .oneOf, label(choice), name: "expiry", value: choice.text, isChosen: form.expiry == choice,
                        .id("expiry-\(choice.text)"), .flag("required"))
                }
            }
            Element("div", .class("field unless-date")) {
                Element("label", .for("date")) { "Date" }
                VoidElement(
                    "input",
                    [
                        .id("date"), .name("date"), .type("date"), .value(form.date),
                        .least(Calendar.date(ofDay: now / 86_400)), .aria("aria-describedby", "date-hint"),
                    ] + (problem != nil && form.expiry == .date ? [.aria("aria-invalid", "true")] : []))
                Element("p", .class("hint"), .id("date-hint")) { "The token works until the end of that day, UTC." }
            }
        }
    }

    private func label(_ choice: TokenForm.Expiry) -> String {
        switch choice {
        case .days(let days): "in \(days) days"
        case .never: "never"
        case .date: "on a date"
        }
    }
}

private struct AccessChoices: Component {
    let form: TokenForm
    let problem: String?

    var body: some HTML {
        ChoiceGroup("What it may do", name: "access", problem: problem) {
            for access in TokenForm.Access.allCases {
                Choice(
                    .oneOf, access.label, name: "access", value: access.rawValue, hint: access.hint,
                    isChosen: form.access == access, .id("access-\(access.rawValue)"), .flag("required"))
            }
            Element("div", .class("unless-custom")) {
                for resource in Scope.resources { ScopeBoxes(resource: resource, ticked: form.scopes) }
            }
        }
    }
}

private struct ScopeBoxes: Component {
    let resource: String
    let ticked: Set<String>

    var body: some HTML {
        Element("fieldset", .class("scope-boxes")) {
            Element("legend") { resource }
            for action in Scope.actions {
                Choice(
                    .anyOf, action, name: "scope", value: "\(resource):\(action)",
                    isChosen: ticked.contains("\(resource):\(action)"))
            }
        }
    }
}

private struct ProjectChoices: Component {
    let form: TokenForm
    let problem: String?
    let projects: [ProjectRecord]

    var body: some HTML {
        ChoiceGroup("Projects", name: "projects", problem: problem) {
            Choice(
                .oneOf, "All of them", name: "projects", value: "all",
                hint: "Those that you join later, too.", isChosen: form.isForAllProjects == true, .flag("required"))
            Choice(
                .oneOf, "Only chosen ones", name: "projects", value: "chosen",
                isChosen: form.isForAllProjects == false, .id("projects-chosen"), .flag("required"))
            Element("div", .class("choices unless-chosen")) {
                for project in projects {
                    Choice(
                        .anyOf, project.name, name: "project", value: project.id,
                        isChosen: form.projectIDs.contains(project.id))
                }
            }
        }
    }
}
