import PodstackAPI

/// The page `/account/sign-in`: the password and the sessions of the viewer.
struct SessionPages: Sendable {
    private let service: SignInService
    /// The password changes that each user tries.
    ///
    /// Passwords are hashed one at a time, so many attempts would delay other users who sign in.
    private let changes: RateLimiter<String>

    init(_ services: Services) {
        self.service = services.signIn
        changes = RateLimiter(RateLimit(name: "password", count: 10), elapsed: services.elapsed)
    }

    @Sendable func show(_ exchange: PageExchange) throws -> Response {
        let done: String? =
            switch exchange.request.query("done") {
            case "password": "Your password is changed. All your other sessions have ended."
            case "session": "The session has ended."
            case "others": "You are signed out everywhere else."
            case "role": "You are no longer an operator."
            default: nil
            }
        return try page(exchange, notice: done.map { Notice(.done, $0) })
    }

    @Sendable func changePassword(_ exchange: PageExchange) throws -> Response {
        let verdict = changes.take(try exchange.signedIn().user.id)
        guard verdict.isAllowed else { return try tooManyAttempts(exchange, verdict.retryAfter) }
        return service.passwords.respond { turn in
            try turn.get()
            return try change(exchange)
        }
    }

    private func change(_ exchange: PageExchange) throws -> Response {
        do {
            guard exchange.form["password"] == exchange.form["repeated"] else {
                return try page(exchange, "The two new passwords do not match.", at: "password")
            }
            try service.changePassword(
                of: try exchange.signedIn(), from: exchange.form["current"], to: exchange.form["password"],
                from: exchange.origin, now: exchange.now)
        } catch SignInError.invalidPassword(let defect) {
            return try page(exchange, "The new password \(defect).", at: "password")
        } catch SignInError.tooManyAttempts(let seconds) {
            return try tooManyAttempts(exchange, seconds)
        } catch is SignInError {
            return try page(exchange, "The current password is incorrect.", at: "current")
        }
        return .redirect(Link("/account/sign-in", query: [("done", "password")]))
    }

    @Sendable func end(_ exchange: PageExchange) throws -> Response {
        try service.end(exchange.parameters[0], of: try exchange.signedIn(), from: exchange.origin, now: exchange.now)
        return .redirect(Link("/account/sign-in", query: [("done", "session")]))
    }

    @Sendable func endOthers(_ exchange: PageExchange) throws -> Response {
        try service.endOthers(of: try exchange.signedIn(), from: exchange.origin, now: exchange.now)
        return .redirect(Link("/account/sign-in", query: [("done", "others")]))
    }

    private func tooManyAttempts(_ exchange: PageExchange, _ seconds: Int64) throws -> Response {
        let text = RetryText.sentence("Too many attempts to change the password.", seconds: seconds)
        var response = try page(exchange, notice: Notice(.problem, text), status: 429)
        response.set("Retry-After", String(seconds))
        return response
    }

    private func page(_ exchange: PageExchange, _ problem: String, at field: String) throws -> Response {
        try page(exchange, notice: Notice(.problem, problem), problems: [field: problem], status: 422)
    }

    private func page(
        _ exchange: PageExchange, notice: Notice?, problems: [String: String] = [:], status: Int = 200
    ) throws -> Response {
        let session = try exchange.signedIn()
        let all = try service.sessions.list(userID: session.user.id, now: exchange.now)
        let sessions = all.filter { $0.id == session.id } + all.filter { $0.id != session.id }
        return Document("Security", .security, for: exchange) {
            if let notice { notice }
            Element("div", .class("bar")) {
                Element("h2") { "Sessions" }
                if sessions.count > 1 {
                    Element("form", .method("post"), .action(Link("/account/sign-in/sessions/end-others"))) {
                        FormKeyField(exchange)
                        Button("Sign out everywhere else", .quietDanger)
                    }
                }
            }
            DataTable("Sessions", ["Browser", "Address", "Signed in", "Last seen", .actions]) {
                for each in sessions { SessionRow(session: each, isCurrent: each.id == session.id, exchange: exchange) }
            }
            Element("h2") { "Change password" }
            FormCard(Link("/account/sign-in/password"), exchange) {
                VoidElement(
                    "input", .class("visually-hidden"), .type("text"), .name("username"), .value(session.user.email),
                    .autocomplete("username"), .flag("readonly"), .tabIndex(-1), .aria("aria-hidden", "true"))
                Field(
                    "Current password", name: "current", problem: problems["current"], .type("password"),
                    .autocomplete("current-password"), .flag("required"))
                Field(
                    "New password", name: "password",
                    hint: Password.hint, problem: problems["password"], .type("password"),
                    .autocomplete("new-password"), .minLength(Password.minimumLength), .flag("required"))
                Field(
                    "Confirm new password", name: "repeated", .type("password"), .autocomplete("new-password"),
                    .flag("required"))
                Button("Change password")
                Element("p", .class("hint")) { "This ends all your other sessions." }
            }
        }.response(status: status)
    }
}

private struct SessionRow: Component {
    let session: WebSession
    let isCurrent: Bool
    let exchange: PageExchange

    var body: some HTML {
        Row {
            RowTitle {
                Element("span", .class("device")) {
                    if UserAgent.isPhone(session.userAgent) { Icon.phone } else { Icon.computer }
                    Element("span") { UserAgent.name(session.userAgent) }
                }
            }
            Cell("Address") { session.address }
            Cell("Signed in") { TimeElement(session.createdAt) }
            Cell("Last seen") { TimeElement(session.lastSeenAt, now: exchange.now) }
            ActionCell {
                if isCurrent {
                    Badge("this session")
                } else {
                    Element("form", .method("post"), .action(Link("/account/sign-in/sessions", session.id, "end"))) {
                        FormKeyField(exchange)
                        Button("Sign out", of: Isolated.text(UserAgent.name(session.userAgent)), .quietDanger)
                    }
                }
            }
        }
    }
}
