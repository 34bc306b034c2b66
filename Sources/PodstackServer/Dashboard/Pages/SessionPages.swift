import PodstackAPI

/// `/account/sign-in`: the password, and every browser that is signed in.
struct SessionPages: Sendable {
    private let service: SignInService
    /// Of each user, right or wrong: one password is hashed at a time, and others want to sign in.
    private let changes = RateLimiter<String>(RateLimit(name: "password", count: 10))

    init(_ service: Service) { self.service = service.signIn }

    @Sendable func show(_ visit: Visit) throws -> Response {
        let done: String? =
            switch visit.request.query("done") {
            case "password": "Your password was changed. Everywhere else you were signed out."
            case "session": "That browser is signed out."
            default: nil
            }
        return try page(visit, notice: done.map { Notice(.done, $0) })
    }

    @Sendable func changePassword(_ visit: Visit) throws -> Response {
        let verdict = changes.take(try visit.signedIn().userID, now: visit.now)
        guard verdict.isAllowed else { return try page(visit, after: verdict.retryAfter) }
        return service.effort.later { turn in
            try turn.get()
            return try change(visit)
        }
    }

    private func change(_ visit: Visit) throws -> Response {
        do {
            guard visit.form["password"] == visit.form["repeated"] else {
                throw SignInService.Refusal.password("is not the same in both fields")
            }
            try service.changePassword(
                of: try visit.signedIn(), from: visit.form["current"], to: visit.form["password"],
                from: visit.origin, now: visit.now)
        } catch SignInService.Refusal.password(let defect) {
            return try page(visit, "The new password \(defect).", at: "password")
        } catch SignInService.Refusal.tooMany(let seconds) {
            return try page(visit, after: seconds)
        } catch is SignInService.Refusal {
            return try page(visit, "That is not your current password.", at: "current")
        }
        return .redirect(Link("/account/sign-in", query: [("done", "password")]))
    }

    @Sendable func end(_ visit: Visit) throws -> Response {
        try service.end(visit.parameters[0], of: try visit.signedIn(), from: visit.origin, now: visit.now)
        return .redirect(Link("/account/sign-in", query: [("done", "session")]))
    }

    private func page(_ visit: Visit, after seconds: Int64) throws -> Response {
        let text = TryAgain.sentence("Too many attempts.", after: seconds)
        var response = try page(visit, notice: Notice(.problem, text), status: 429)
        response.set("Retry-After", String(seconds))
        return response
    }

    private func page(_ visit: Visit, _ problem: String, at field: String) throws -> Response {
        try page(visit, notice: Notice(.problem, problem), problems: [field: problem], status: 422)
    }

    private func page(
        _ visit: Visit, notice: Notice?, problems: [String: String] = [:], status: Int = 200
    ) throws -> Response {
        let session = try visit.signedIn()
        let all = try service.sessions.list(userID: session.userID, now: visit.now)
        let sessions = all.filter { $0.id == session.id } + all.filter { $0.id != session.id }
        return Document("Password and sessions", .sessions, for: visit) {
            if let notice { notice }
            Element("h2") { "Where you are signed in" }
            DataTable("Where you are signed in", ["Browser", "Address", "Since", "Last seen", .actions]) {
                for each in sessions { SessionRow(session: each, isThis: each.id == session.id, visit: visit) }
            }
            Element("h2") { "Change your password" }
            Element("form", .class("card narrow"), .method("post"), .action(Link("/account/sign-in/password"))) {
                FormKeyField(visit)
                VoidElement(
                    "input", .class("visually-hidden"), .type("text"), .name("username"), .value(session.email),
                    .autocomplete("username"), .flag("readonly"), .tabIndex(-1), .aria("aria-hidden", "true"))
                Field(
                    "Current password", name: "current", problem: problems["current"], .type("password"),
                    .autocomplete("current-password"),
                    .flag("required"))
                Field(
                    "New password", name: "password",
                    hint: "At least \(Password.shortest) characters; a sentence is fine.",
                    problem: problems["password"], .type("password"), .autocomplete("new-password"),
                    .minLength(Password.shortest), .flag("required"))
                Field(
                    "New password again", name: "repeated", .type("password"), .autocomplete("new-password"),
                    .flag("required"))
                Element("button", .type("submit")) { "Change password" }
                Element("p", .class("hint")) { "Everywhere else you will be signed out." }
            }
        }.response(status: status)
    }
}

private struct SessionRow: Component {
    let session: WebSession
    let isThis: Bool
    let visit: Visit

    var body: some HTML {
        Row {
            RowTitle { UserAgent.name(session.userAgent) }
            Cell("Address") { session.address }
            Cell("Since") { Time(session.createdAt) }
            Cell("Last seen") { Time(session.lastSeenAt, now: visit.now) }
            ActionCell {
                if isThis {
                    Element("span", .class("badge")) { "this browser" }
                } else {
                    Element("form", .method("post"), .action(Link("/account/sign-in/sessions", session.id, "end"))) {
                        FormKeyField(visit)
                        Element("button", .type("submit"), .class("quiet danger")) {
                            "Sign out"
                            Element("span", .class("visually-hidden")) { " \(UserAgent.name(session.userAgent))" }
                        }
                    }
                }
            }
        }
    }
}
