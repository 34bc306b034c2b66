import PodstackAPI

/// The pages `/sign-in` and `/sign-out`.
struct SignInPages: Sendable {
    private let service: SignInService
    private let isSecure: Bool
    private let metrics: Metrics
    /// The attempts of each network, for all email addresses together.
    private let attempts: RateLimiter<ClientAddress>

    init(_ services: Services) {
        self.service = services.signIn
        attempts = RateLimiter(RateLimit(name: "sign-in", count: 30), elapsed: services.elapsed)
        isSecure = services.settings.publicURL.isSecure
        metrics = services.metrics
    }

    // MARK: Links

    /// Returns a link to the sign-in page that returns to the requested page afterwards.
    static func link(returningTo request: Request) -> Link {
        guard request.path != "/" else { return Link("/sign-in") }
        let query = Link("/", query: request.query).text.dropFirst()
        return Link("/sign-in", query: [("next", request.path + query)])
    }

    /// Returns a link to the sign-in page for a form that was submitted after its session had ended.
    static func link(sessionEndedBefore request: Request) -> Link {
        request.path == "/sign-out" ? Link("/sign-in") : Link("/sign-in", query: [("ended", "")])
    }

    private static func destination(_ next: String) -> Link { Link.local(next) ?? Link("/") }

    // MARK: Signing in

    @Sendable func show(_ exchange: PageExchange) throws -> Response {
        let next = exchange.request.query("next") ?? ""
        if exchange.session != nil { return .redirect(Self.destination(next)) }
        return form(exchange, next: next, notice: Self.notice(exchange.request))
    }

    private static func notice(_ request: Request) -> Notice? {
        if request.query("done") == "signed-out" { return Notice(.done, "You are signed out.") }
        guard request.query("ended") != nil else { return nil }
        return Notice(
            .warning, "Your session had ended, so nothing was changed. Sign in and try again.")
    }

    @Sendable func signIn(_ exchange: PageExchange) throws -> Response {
        // Anyone can send the form, and the response contains both again.
        let email = Self.displayed(exchange.form["email"])
        let next = exchange.form["next"].utf8.count <= Self.maxNext ? exchange.form["next"] : ""
        @Sendable func formAgain(_ problem: String, status: Int, retryAfter: Int64? = nil) -> Response {
            var response = form(
                exchange, next: next, email: email, notice: Notice(.problem, problem), status: status)
            if let retryAfter { response.set("Retry-After", String(retryAfter)) }
            return response
        }
        @Sendable func tooManyAttempts(_ seconds: Int64) -> Response {
            formAgain(
                RetryText.sentence("Too many attempts to sign in.", seconds: seconds), status: 429, retryAfter: seconds)
        }
        let verdict = attempts.take(exchange.request.address.network)
        guard verdict.isAllowed else {
            metrics.signIn(.tooManyAttempts)
            return tooManyAttempts(verdict.retryAfter)
        }
        return service.passwords.respond { turn in
            do {
                try turn.get()
                let secret = try service.signIn(
                    email: email, password: exchange.form["password"], from: exchange.origin, now: exchange.now)
                var response = Response.redirect(Self.destination(next))
                response.set(
                    "Set-Cookie",
                    Cookie.session.set(secret.text, isSecure: isSecure, seconds: WebSession.lifetimeSeconds))
                metrics.signIn(.success)
                return response
            } catch SignInError.tooManyAttempts(let seconds) {
                metrics.signIn(.tooManyAttempts)
                return tooManyAttempts(seconds)
            } catch SignInError.userDisabled {
                metrics.signIn(.disabled)
                return formAgain("Your account is disabled. Contact the operator of this service.", status: 403)
            } catch is SignInError {
                metrics.signIn(.wrongCredentials)
                return formAgain("Incorrect email address or password.", status: 422)
            } catch DomainError.unavailable(let message, let seconds) {
                metrics.signIn(.unavailable)
                return formAgain("\(message).", status: 503, retryAfter: Int64(seconds))
            }
        }
    }

    /// The bytes of the longest path to which a sign-in leads.
    private static let maxNext = 2 << 10

    /// Returns the part of an email address that a response contains: more than a valid address has.
    static func displayed(_ email: String) -> String {
        let maxBytes = 254
        return email.utf8.count <= maxBytes ? email : String(decoding: email.utf8.prefix(maxBytes), as: UTF8.self)
    }

    private func form(
        _ exchange: PageExchange, next: String, email: String = "", notice: Notice? = nil, status: Int = 200
    ) -> Response {
        Document("Sign in", for: exchange) {
            if let notice { notice }
            Element("form", .class("card narrow"), .method("post"), .action(Link("/sign-in"))) {
                FormKeyField(exchange)
                VoidElement("input", .type("hidden"), .name("next"), .value(next))
                Field(
                    "Email", name: "email", value: email, .type("email"), .autocomplete("username"),
                    .flag("required"), .flag("autofocus", if: email.isEmpty))
                Field(
                    "Password", name: "password", .type("password"), .autocomplete("current-password"),
                    .flag("required"), .flag("autofocus", if: !email.isEmpty))
                Element("button", .type("submit")) { "Sign in" }
                Element("p", .class("hint")) {
                    "No password yet, or forgot it? Ask the operator of this service for a sign-in link."
                }
            }
        }.response(status: status)
    }

    // MARK: Signing out

    @Sendable func signOut(_ exchange: PageExchange) throws -> Response {
        try service.signOut(try exchange.signedIn(), from: exchange.origin, now: exchange.now)
        var response = Response.redirect(Link("/sign-in", query: [("done", "signed-out")]))
        response.set("Set-Cookie", Cookie.session.removed(isSecure: isSecure))
        // The next user of this browser must not find the pages of this session in its cache.
        response.set("Clear-Site-Data", "\"cache\"")
        return response
    }
}

// MARK: - Sign-in links

/// The pages of a one-time link.
///
/// Opening `/welcome/{link}` redirects to `/welcome`, so that the secret is in the address bar, the history and the
/// `Referer` of no further request. A cookie that browsers send only to `/welcome` carries it to the form. Opening the
/// link does not use it up, because mail scanners open links too; choosing a password does.
struct SignInLinkPages: Sendable {
    /// The time in which the form of an opened link can be used; the link itself can be opened again.
    static let formSeconds: Int64 = 3600

    private let service: SignInService
    private let isSecure: Bool

    init(_ services: Services) {
        self.service = services.signIn
        isSecure = services.settings.publicURL.isSecure
    }

    /// The link whose form is open.
    private struct OpenLink {
        var secret: OneTimeSecret
        var handle: String
        var holder: SignInLinks.Holder

        var cookie: Cookie { .link(handle) }
        var address: Link { Link("/welcome", query: [("link", handle)]) }
    }

    /// A link that cannot be used.
    private enum Unusable: Error {
        /// The link is unknown, used or expired.
        case invalid
        /// The browser has no cookie of the link.
        case notOpened
    }

    @Sendable func open(_ exchange: PageExchange) throws -> Response {
        do {
            let link = try find(OneTimeSecret(exchange.parameters[0]), exchange)
            var response = Response.redirect(link.address)
            response.set(
                "Set-Cookie", link.cookie.set(link.secret.text, isSecure: isSecure, seconds: Self.formSeconds))
            return response
        } catch let problem as Unusable {
            return page(of: problem, exchange)
        }
    }

    @Sendable func show(_ exchange: PageExchange) throws -> Response {
        do { return form(exchange, try openLink(exchange)) } catch let problem as Unusable {
            return page(of: problem, exchange)
        }
    }

    @Sendable func choosePassword(_ exchange: PageExchange) throws -> Response {
        let link: OpenLink
        do { link = try openLink(exchange) } catch let problem as Unusable { return page(of: problem, exchange) }
        return service.passwords.respond { turn in
            try turn.get()
            return try choosePassword(exchange, link)
        }
    }

    private func choosePassword(_ exchange: PageExchange, _ link: OpenLink) throws -> Response {
        do {
            guard exchange.form["password"] == exchange.form["repeated"] else {
                return form(exchange, link, passwordProblem: "The two passwords do not match.")
            }
            let cookie = try service.useLink(
                link.secret, email: exchange.form["email"], password: exchange.form["password"],
                from: exchange.origin, now: exchange.now)
            var response = Response.redirect(Link("/", query: [("done", "welcome")]))
            response.set(
                "Set-Cookie", Cookie.session.set(cookie.text, isSecure: isSecure, seconds: WebSession.lifetimeSeconds))
            response.set("Set-Cookie", link.cookie.removed(isSecure: isSecure))
            return response
        } catch SignInError.invalidPassword(let defect) {
            return form(exchange, link, passwordProblem: "The password \(defect).")
        } catch SignInError.invalidEmail(let defect) {
            return form(exchange, link, emailProblem: "The email address \(defect).")
        } catch is UserStore.EmailTaken {
            return form(exchange, link, emailProblem: "An account with this email address already exists.")
        } catch SignInError.invalidLink {
            return page(of: .invalid, exchange)
        }
    }

    // MARK: Finding the link

    /// Returns the link of the form that a request names, whose secret is in the cookie.
    private func openLink(_ exchange: PageExchange) throws -> OpenLink {
        guard let handle = exchange.request.query("link"), SignInLinkHandle.isValid(handle),
            let text = Cookie.link(handle).value(in: exchange.request, isSecure: isSecure)
        else { throw Unusable.notOpened }
        let link = try find(OneTimeSecret(text), exchange)
        // Another site could have set the cookie to the secret of another link.
        guard link.handle == handle else { throw Unusable.notOpened }
        return link
    }

    private func find(_ secret: OneTimeSecret, _ exchange: PageExchange) throws -> OpenLink {
        guard let holder = try service.database.read({ try service.links.holder(secret, now: exchange.now, in: $0) })
        else { throw Unusable.invalid }
        return OpenLink(secret: secret, handle: SignInLinkHandle.derive(from: secret), holder: holder)
    }

    // MARK: Pages

    private func form(
        _ exchange: PageExchange, _ link: OpenLink, emailProblem: String? = nil, passwordProblem: String? = nil
    ) -> Response {
        let isFirst = link.holder == .firstUser
        let hasProblem = emailProblem != nil || passwordProblem != nil
        return Document(isFirst ? "Create the first account" : "Choose your password", for: exchange) {
            if let problem = emailProblem ?? passwordProblem { Notice(.problem, problem) }
            Element("form", .class("card narrow"), .method("post"), .action(link.address)) {
                FormKeyField(exchange)
                if case .user(let user) = link.holder {
                    Element("p") { "For \(Isolated.text(user.email)). This link works once." }
                    // Tells password managers which user the password belongs to.
                    VoidElement(
                        "input", .class("visually-hidden"), .type("text"), .name("username"), .value(user.email),
                        .autocomplete("username"), .flag("readonly"), .tabIndex(-1), .aria("aria-hidden", "true"))
                } else {
                    Element("p") { "This service has no accounts yet. Yours will be the first." }
                    Field(
                        "Email", name: "email", value: SignInPages.displayed(exchange.form["email"]),
                        problem: emailProblem,
                        .type("email"),
                        .autocomplete("username"), .flag("required"), .flag("autofocus", if: !hasProblem))
                }
                Field(
                    "Password", name: "password", hint: Password.hint, problem: passwordProblem, .type("password"),
                    .autocomplete("new-password"), .minLength(Password.minimumLength), .flag("required"),
                    .flag("autofocus", if: !isFirst || hasProblem))
                Field(
                    "Confirm password", name: "repeated", .type("password"), .autocomplete("new-password"),
                    .flag("required"))
                Element("button", .type("submit")) { isFirst ? "Create account" : "Save and sign in" }
            }
        }.response(status: hasProblem ? 422 : 200)
    }

    private func page(of problem: Unusable, _ exchange: PageExchange) -> Response {
        switch problem {
        case .invalid:
            Document("This link no longer works", for: exchange) {
                Element("p") {
                    "A sign-in link works once and expires after three days. Ask the operator of this service for a new "
                    "one, or "
                    Element("a", .href(Link("/sign-in"))) { "sign in" }
                    " with your password."
                }
            }.response(status: 410)
        case .notOpened:
            Document("Open your sign-in link again", for: exchange) {
                Element("p") {
                    "This page works in the browser that opened the link, within an hour, and only with cookies. Opening "
                    "the link again does not use it up. If you have chosen a password already, "
                    Element("a", .href(Link("/sign-in"))) { "sign in" }
                    "."
                }
            }.response(status: 410)
        }
    }
}

extension PasswordHasher {
    /// Returns a response that is created on the hasher's queue.
    ///
    /// - Parameter body: Creates the response on another thread. Its argument is the error to throw, or to show, if the
    ///   queue is full.
    /// - Returns: A deferred response.
    func respond(_ body: @escaping @Sendable (_ turn: Result<Void, DomainError>) throws -> Response) -> Response {
        .deferred(on: queue) { isTurn in try body(isTurn ? .success(()) : .failure(Self.busy)) }
    }
}

extension Password {
    /// The hint at fields for a new password.
    static var hint: String { "At least \(Password.minimumLength) characters. A sentence works well." }
}
