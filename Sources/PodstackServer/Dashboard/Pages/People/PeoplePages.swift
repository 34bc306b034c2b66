import PodstackAPI

/// The pages below `/people`, on which operators manage the accounts of the service.
///
/// This file has the list, the invitation and the page of one user.
struct PeoplePages: Sendable {
    private static let perPage = 50
    /// The bytes of the longest text to search for: more than a valid address has.
    private static let maxSearch = 254
    /// The page above the pages of single users.
    static let parent = ("People", Link("/people"))

    let database: any Database
    let changes: Changes
    let signIn: SignInService
    let pods: PodService
    let volumes: VolumeService

    init(_ services: Services) {
        database = services.database
        changes = services.changes
        signIn = services.signIn
        pods = services.pods
        volumes = services.volumes
    }

    var routes: [PageRoute] {
        let one = "/people/{user}"
        return [
            PageRoute("GET", "/people", .operators, handle: list),
            PageRoute("POST", "/people", .operators, handle: invite),
            PageRoute("GET", "/people/new", .operators) { invitationForm($0, PersonForm()) },
            PageRoute("GET", one, .operators, handle: show),
        ]
            + PersonAction.allCases.flatMap { action in
                [
                    PageRoute("GET", "\(one)/\(action.rawValue)", .operators) { try confirm(action, $0) },
                    PageRoute("POST", "\(one)/\(action.rawValue)", .operators) { try perform(action, $0) },
                ]
            } + [
                PageRoute("GET", one + "/remove", .operators) { try confirmRemoval($0) },
                PageRoute("POST", one + "/remove", .operators, handle: remove),
            ]
    }

    // MARK: List

    @Sendable private func list(_ exchange: PageExchange) throws -> Response {
        let after = exchange.request.query("after") ?? ""
        let search = String(decoding: (exchange.request.query("q") ?? "").utf8.prefix(Self.maxSearch), as: UTF8.self)
        let found = try database.read { connection in
            try UserReportStore.list(
                after: after, matching: search, limit: Self.perPage + 1, now: exchange.now, in: connection)
        }
        let page = Array(found.prefix(Self.perPage))
        let query = search.isEmpty ? [] : [("q", search)]
        let next = found.count > page.count ? page.last?.emailKey : nil
        return Document("People", .people, for: exchange) {
            if exchange.request.query("done") == "removed" { Notice(.done, "The user is removed.") }
            Element("div", .class("bar")) {
                Element("form", .class("search"), .method("get"), .action(Link("/people")), .role("search")) {
                    Element("label", .class("visually-hidden"), .for("q")) { "Email or name" }
                    VoidElement(
                        "input", .type("search"), .id("q"), .name("q"), .value(search), .placeholder("Email or name"))
                    Button("Search", .quiet)
                }
                LinkButton("Invite a person", to: Link("/people/new"))
            }
            if !after.isEmpty {
                Element("p") {
                    Element("a", .class("standalone"), .href(Link("/people", query: query))) {
                        "Back to the first page"
                    }
                }
            }
            if page.isEmpty {
                EmptyState("No people found", "No email address or name contains “\(Isolated.text(search))”.")
            } else {
                DataTable("People", ["Email", "Last sign-in", "Tokens", "Sessions", "Projects", "Status"]) {
                    for report in page { PersonRow(report: report, now: exchange.now) }
                }
            }
            MoreLink(
                link: next.map { Link("/people", query: query + [("after", $0)]) }, text: "More people")
        }.response()
    }

    // MARK: Invitation

    @Sendable private func invite(_ exchange: PageExchange) throws -> Response {
        var form = PersonForm(exchange.form)
        guard let name = form.validate() else { return invitationForm(exchange, form) }
        do {
            let (user, link) = try exchange.change(with: changes, requiring: .operatorRole) { change in
                let user = try AccountCreation.create(email: form.email, name: name, in: change)
                return (user, try signIn.links.create(for: user.id, in: change))
            }
            return linkPage(
                "Person invited", "The account of \(Isolated.text(user.email)) is created.", user, link, exchange)
        } catch is UserStore.EmailTaken {
            form.problems.add("this address already has an account", to: "email")
            return invitationForm(exchange, form, status: 409)
        }
    }

    @Sendable private func invitationForm(
        _ exchange: PageExchange, _ form: PersonForm, status: Int = 422
    ) -> Response {
        Document("Invite a person", .people, under: Self.parent, for: exchange) {
            if !form.problems.isEmpty { Notice(.problem, "The person was not invited. Correct the fields below.") }
            FormCard(Link("/people"), exchange) {
                Element("p") {
                    "This creates an account, and a link with which the person chooses a password. The link is shown "
                    "once: send it to the person yourself."
                }
                Field(
                    "Email", name: "email", value: form.email, problem: form.problems["email"], .type("email"),
                    .flag("required"), .autocomplete("off"), .flag("autofocus", if: form.problems.isEmpty))
                Field(
                    "Name", name: "name", value: form.name, hint: "Optional.", problem: form.problems["name"],
                    .maxLength(ResourceName.maximumLength), .autocomplete("off"))
                Element("p", .class("buttons")) {
                    Button("Create account")
                    LinkButton("Cancel", .quiet, to: Link("/people"))
                }
            }
        }.response(status: form.problems.isEmpty ? 200 : status)
    }

    /// Returns the page that shows a sign-in link once.
    func linkPage(
        _ title: String, _ done: String, _ user: UserRecord, _ link: OneTimeSecret, _ exchange: PageExchange
    ) -> Response {
        Document(title, .people, under: Self.parent, for: exchange) {
            Notice(.done, done)
            Card {
                Element("p") {
                    Element("strong") { "Copy the link now and send it to \(Isolated.text(user.email))." }
                    " It is shown only once."
                }
                CodeBlock(
                    exchange.serviceURL + Link("/welcome", link.text).text, id: "invitation", name: "the link",
                    isShownOnce: true)
                Element("p", .class("hint")) {
                    "It works once, until "
                    TimeElement(exchange.now + SignInLinks.lifetimeSeconds)
                    ", and lets its holder choose the password of the account."
                }
                Element("p", .class("buttons")) { LinkButton("Done", .quiet, to: Link("/people", user.id)) }
            }
        }.response()
    }

    // MARK: One user

    @Sendable private func show(_ exchange: PageExchange) throws -> Response {
        let done = exchange.request.query("done").flatMap(PersonAction.init)?.done
        return try page(exchange, notice: done.map { Notice(.done, $0) })
    }

    func page(_ exchange: PageExchange, notice: Notice? = nil, status: Int = 200) throws -> Response {
        let report = try database.read { try findReport(exchange, in: $0) }
        let isViewer = try exchange.signedIn().user.id == report.user.id
        return Document(report.user.email, .people, under: Self.parent, for: exchange) {
            if let notice { notice }
            PersonSummary(report: report, now: exchange.now)
            Element("h2") { "Manage" }
            Card {
                for action in PersonAction.offered(for: report, isViewer: isViewer) {
                    Element("div", .class("bar")) {
                        Element("p") { action.summary }
                        LinkButton(
                            action.label + "…", action.isDangerous ? .quietDanger : .quiet,
                            to: Link("/people", report.user.id, action.rawValue))
                    }
                }
                if isViewer {
                    Element("p") {
                        "This is your own account. Another operator, or the command line, can disable or remove it."
                    }
                }
            }
            if !isViewer {
                Element("h2") { "Danger zone" }
                Card(isDangerous: true) {
                    Element("div", .class("bar")) {
                        Element("p") {
                            "Removing a user revokes the tokens and deletes the projects without other members."
                        }
                        LinkButton("Remove…", .quietDanger, to: Link("/people", report.user.id, "remove"))
                    }
                }
            }
        }.response(status: status)
    }

    /// Returns the user that a request names.
    ///
    /// - Throws: ``DomainError/notFound(_:id:)`` if there is no such user.
    func findUser(_ exchange: PageExchange, in connection: any DatabaseConnection) throws -> UserRecord {
        let id = exchange.parameters[0]
        guard let user = try UserStore.find(id: id, in: connection) else { throw DomainError.notFound(.user, id: id) }
        return user
    }

    func findReport(_ exchange: PageExchange, in connection: any DatabaseConnection) throws -> UserReport {
        let id = exchange.parameters[0]
        guard let report = try UserReportStore.find(id, now: exchange.now, in: connection) else {
            throw DomainError.notFound(.user, id: id)
        }
        return report
    }
}

// MARK: - Form

/// The fields of the form that invites a person.
struct PersonForm {
    var email = ""
    var name = ""
    var problems = FieldProblems()

    init() {}

    init(_ form: Form) {
        email = SignInPages.displayed(form["email"])
        name = form["name"]
    }

    /// Adds the problems of the fields.
    ///
    /// - Returns: The name, which is nil inside if the field is empty; nil if there are problems.
    mutating func validate() -> String?? {
        if !EmailAddress.isValid(email) { problems.add("must be an email address", to: "email") }
        var validName: String?
        if !name.isEmpty {
            do throws(InvalidValue) { validName = try ResourceName.validate(name) } catch {
                problems.add(error.message, to: "name")
            }
        }
        return problems.isEmpty ? .some(validName) : nil
    }
}

// MARK: - Components

private struct PersonRow: Component {
    let report: UserReport
    let now: Int64

    var body: some HTML {
        Row {
            RowTitle {
                Element("a", .href(Link("/people", report.user.id))) { report.user.email }
                if let name = report.user.name { Element("span", .class("secondary")) { name } }
            }
            Cell("Last sign-in") { LastSignIn(report: report, now: now) }
            Cell("Tokens") { String(report.activeTokens) }
            Cell("Sessions") { String(report.sessions) }
            Cell("Projects") { String(report.projects) }
            Cell("Status") { PersonBadges(report: report) }
        }
    }
}

private struct LastSignIn: Component {
    let report: UserReport
    let now: Int64

    var body: some HTML { if let time = report.lastSignInAt { TimeElement(time, now: now) } else { "Never" } }
}

private struct PersonBadges: Component {
    let report: UserReport

    var body: some HTML {
        if report.user.isDisabled {
            Badge("disabled", .warning)
        } else if report.hasPassword {
            Badge("active", .good)
        } else {
            Badge("invited")
        }
        if report.user.isOperator {
            " "
            Badge("operator")
        }
    }
}

private struct PersonSummary: Component {
    let report: UserReport
    let now: Int64

    var body: some HTML {
        Card {
            Element("dl") {
                Fact("Status") { PersonBadges(report: report) }
                if let name = report.user.name { Fact("Name") { name } }
                Fact("Created") { TimeElement(report.user.createdAt) }
                Fact("Last sign-in") { LastSignIn(report: report, now: now) }
                Fact("Active tokens") { String(report.activeTokens) }
                Fact("Sessions") { String(report.sessions) }
                Fact("Projects") { String(report.projects) }
                Fact("User ID") { Element("code") { report.user.id } }
                Fact("Account ID") { Element("code") { report.user.accountID } }
            }
        }
    }
}
