import PodstackAPI
import PodstackCryptography

/// The fields of the form for a new token.
struct TokenForm {
    /// A preset for the scopes, or scopes of the viewer's choice.
    enum Access: String, CaseIterable {
        case ci, read, full, custom

        var label: String {
            switch self {
            case .full: "Full access"
            case .read: "Read only"
            case .ci: "CI"
            case .custom: "Custom"
            }
        }

        var hint: String {
            switch self {
            case .ci: "Create, stop and delete pods, read their logs, and view projects."
            case .read: "View everything and change nothing."
            case .full: "Do everything that you can do, including creating other tokens."
            case .custom: "Choose for each kind of resource."
            }
        }

        /// The scopes of a preset; nil for ``custom``.
        var scopes: [Scope]? {
            switch self {
            case .full: [.all]
            case .read: Scope.resources.compactMap { Scope("\($0):read") }
            case .ci: ["pods:*", "projects:read"].compactMap(Scope.init)
            case .custom: nil
            }
        }
    }

    enum Expiry: Equatable {
        case days(TokenExpiry.Days)
        case never, date

        static let choices = TokenExpiry.Days.allCases.map(Expiry.days) + [.never, .date]

        var text: String {
            switch self {
            case .days(let days): String(days.rawValue)
            case .never: "never"
            case .date: "date"
            }
        }
    }

    /// The ID of the token to create.
    ///
    /// It is part of the form, so that a form creates one token however often it is sent.
    var id: String
    var name = ""
    var expiry: Expiry? = .days(.thirty)
    var date = ""
    /// Nothing is chosen at first: full access must be a decision.
    var access: Access?
    var scopes: Set<String> = []
    var isForAllProjects: Bool? = true
    var projectIDs: [String] = []

    /// Creates an empty form.
    init() {
        var generator = SecureGenerator()
        id = TokenFormat.generateID(using: &generator)
    }

    /// Reads a submitted form.
    init(_ form: Form) {
        id = form["id"]
        name = form["name"]
        expiry = Expiry.choices.first { $0.text == form["expiry"] }
        date = form["date"]
        access = Access(rawValue: form["access"])
        // The list of a resource that is set to “None” sends an empty value.
        scopes = Set(form.all("scope")).subtracting([""])
        isForAllProjects = ["all": true, "chosen": false][form["projects"]]
        projectIDs = form.all("project")
    }

    /// The form as it is displayed again, with contradictory fields visible.
    var revealingContradictions: TokenForm {
        var form = self
        if !scopes.isEmpty { form.access = .custom }
        if !date.isEmpty { form.expiry = .date }
        if !projectIDs.isEmpty { form.isForAllProjects = false }
        return form
    }
}

// MARK: - Request

extension TokenForm {
    /// Returns the request to the domain.
    ///
    /// Contradictions are errors: ignoring a restriction would create a token with more access than intended.
    ///
    /// - Parameter now: The current time, in seconds since 1970.
    /// - Returns: The request, without the ID.
    /// - Throws: ``DomainError/invalid(_:)`` with all problems of the form.
    func request(now: Int64) throws -> TokenRequest {
        var values = TokenRequest.Values(name: name)
        var errors = FieldErrors()
        switch expiry {
        case .days(let days): values.expiry = .days(days)
        case .never: values.expiry = .never
        case .date where CivilDate(date) == nil:
            errors.add(date.isEmpty ? "enter a date" : "must be a date such as 2027-01-31", to: "expires_at")
        case .date: values.expiry = Timestamp.parse("\(date)T23:59:59Z").map(TokenExpiry.at) ?? .serviceDefault
        case nil: errors.add("choose when the token expires", to: "expires_at")
        }
        if expiry != nil, expiry != .date, !date.isEmpty {
            errors.add("a date is entered but not selected: select “On a date” or clear the date", to: "expires_at")
        }
        switch access {
        case .custom where scopes.isEmpty: errors.add("choose at least one permission", to: "scopes")
        case .custom: values.scopes = Self.ordered(scopes)
        case let preset?: values.scopes = preset.scopes?.map(\.description) ?? []
        case nil: errors.add("choose the token's access", to: "scopes")
        }
        if let access, access != .custom, !scopes.isEmpty {
            errors.add(
                "permissions are chosen, but the access is “\(access.label)”: choose “Custom” or set them to “None”",
                to: "scopes")
        }
        switch isForAllProjects {
        case true?: values.projectIDs = nil
        case false? where projectIDs.isEmpty: errors.add("select at least one project", to: "project_ids")
        case false?: values.projectIDs = projectIDs
        case nil: errors.add("choose the projects", to: "project_ids")
        }
        if isForAllProjects == true, !projectIDs.isEmpty {
            errors.add(
                "projects are selected, but “All projects” is chosen: choose “Selected projects” or clear them",
                to: "project_ids")
        }
        // Not a pattern in the catch: the compiler crashes on it.
        let request: TokenRequest
        do { request = try TokenRequest(values, at: now) } catch {
            guard case .invalid(let found) = error else { throw error }
            // If both report a field, the form's own message is the clearer one.
            for (field, messages) in found.messages where errors.messages[field] == nil {
                for message in messages { errors.add(message, to: field) }
            }
            throw DomainError.invalid(errors)
        }
        try errors.throwIfAny()
        return request
    }

    /// Returns the scopes in the order of the form, followed by invalid ones, which the domain rejects.
    private static func ordered(_ scopes: Set<String>) -> [String] {
        let known = Scope.resources.flatMap { resource in Scope.actions.map { "\(resource):\($0)" } }
        return known.filter(scopes.contains) + scopes.subtracting(known).sorted()
    }
}

// MARK: - View

/// The form for a new token.
struct TokenFormView: Component {
    let form: TokenForm
    let problems: FieldProblems
    /// The projects that the form offers.
    let projects: [ProjectRecord]
    let exchange: PageExchange

    var body: some HTML {
        FormCard(Link("/account/tokens"), exchange) {
            VoidElement("input", .type("hidden"), .name("id"), .value(form.id))
            Field(
                "Name", name: "name", value: form.name, hint: "What the token is for, such as “CI” or “laptop”.",
                problem: problems["name"], .type("text"), .autocomplete("off"), .flag("required"),
                .flag("autofocus", if: form.name.isEmpty))
            AccessChoices(form: form, problem: problems["scopes"])
            if !projects.isEmpty {
                ProjectChoices(form: form, problem: problems["project_ids"], projects: projects)
            } else {
                VoidElement("input", .type("hidden"), .name("projects"), .value("all"))
            }
            ExpiryChoice(form: form, problem: problems["expires_at", "expires_in_days"], now: exchange.now)
            // The script writes the sentence while the form is filled in.
            Element("p", .class("summary"), .id("token-summary"), .role("status"), .flag("hidden")) {}
            Element("p", .class("buttons")) {
                Button("Create token")
                LinkButton("Cancel", .quiet, to: Link("/account/tokens"))
            }
        }
    }
}

private struct ExpiryChoice: Component {
    let form: TokenForm
    let problem: String?
    let now: Int64

    var body: some HTML {
        SelectField(
            "Expires", name: "expiry", value: form.expiry?.text ?? "",
            (form.expiry == nil ? [("", "Choose…")] : []) + TokenForm.Expiry.choices.map { ($0.text, label($0)) },
            problem: form.expiry == .date ? nil : problem)
        Element("div", .class("unless-date")) {
            Field(
                "Date", name: "date", value: form.date, hint: "The token works until the end of this day in UTC.",
                problem: form.expiry == .date ? problem : nil, .type("date"),
                .min(CivilDate(daysSince1970: Int(now / 86_400)).description))
        }
    }

    private func label(_ choice: TokenForm.Expiry) -> String {
        switch choice {
        case .days(let days):
            "In \(days.rawValue) days (\(CivilDate.parts(of: now + Int64(days.rawValue) * 86_400).date))"
        case .never: "Never"
        case .date: "On a date…"
        }
    }
}

private struct AccessChoices: Component {
    let form: TokenForm
    let problem: String?

    var body: some HTML {
        ChoiceGroup("What may the token do?", name: "access", problem: problem) {
            Element("div", .class("options")) {
                for access in TokenForm.Access.allCases {
                    Choice(
                        .radio, access.label, name: "access", value: access.rawValue, hint: access.hint,
                        isChosen: form.access == access, .id("access-\(access.rawValue)"), .flag("required"),
                        .data("data-words", access.scopes.map(Scope.phrase) ?? ""))
                }
            }
        }
        Element("div", .class("unless-custom permissions")) {
            for permission in TokenPermission.all { PermissionRow(permission: permission, selected: form.scopes) }
        }
    }
}

/// The permissions for one kind of resource that the form offers.
///
/// Single actions, such as creating pods without deleting them, are left to the API and the command line.
private struct TokenPermission {
    let resource: String
    let title: String
    let description: String
    let canWrite: Bool

    static let all = [
        TokenPermission("pods", "Pods", "Containers with GPUs, their logs, files and commands."),
        TokenPermission("volumes", "Volumes", "Storage that outlives a pod."),
        TokenPermission("projects", "Projects", "What pods and members belong to."),
        TokenPermission("members", "Project members", "Who has access to a project."),
        TokenPermission("tokens", "API tokens", "Your other tokens. A token never gives more access than it has."),
        TokenPermission("audit-logs", "Audit log", "Who did what, when and from where.", canWrite: false),
        TokenPermission("billing", "Usage and balance", "What pods cost.", canWrite: false),
    ]

    init(_ resource: String, _ title: String, _ description: String, canWrite: Bool = true) {
        self.resource = resource
        self.title = title
        self.description = description
        self.canWrite = canWrite
    }

    var options: [(value: String, text: String)] {
        [("", "None"), ("\(resource):read", "Read")] + (canWrite ? [("\(resource):*", "Read and write")] : [])
    }
}

private struct PermissionRow: Component {
    let permission: TokenPermission
    let selected: Set<String>

    var body: some HTML {
        let id = "scope-\(permission.resource)"
        Element("div", .class("permission")) {
            Element("div") {
                Element("label", .for(id)) { permission.title }
                Element("p", .class("hint"), .id("\(id)-hint")) { permission.description }
            }
            Element("select", .id(id), .name("scope"), .aria("aria-describedby", "\(id)-hint")) {
                for option in permission.options {
                    Element(
                        "option", .value(option.value), .flag("selected", if: selected.contains(option.value)),
                        .data("data-words", Scope(option.value).map { Scope.phrase(for: [$0]) } ?? "")
                    ) { option.text }
                }
            }
        }
    }
}

private struct ProjectChoices: Component {
    let form: TokenForm
    let problem: String?
    let projects: [ProjectRecord]

    var body: some HTML {
        ChoiceGroup("In which projects?", name: "projects", problem: problem) {
            Choice(
                .radio, "All projects", name: "projects", value: "all", hint: "Including ones that you join later.",
                isChosen: form.isForAllProjects == true, .flag("required"))
            Choice(
                .radio, "Selected projects", name: "projects", value: "chosen",
                isChosen: form.isForAllProjects == false, .id("projects-chosen"), .flag("required"))
            Element("div", .class("choices unless-chosen")) {
                for project in projects {
                    Choice(
                        .checkbox, project.name, name: "project", value: project.id,
                        isChosen: form.projectIDs.contains(project.id))
                }
            }
        }
    }
}
