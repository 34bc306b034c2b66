import PodstackAPI

/// `/sign-in` and `/sign-out`.
struct SignInPages: Sendable {
    private let service: SignInService
    private let isSecure: Bool
    /// Of each neighbourhood, whatever addresses are tried.
    private let attempts = RateLimiter<ClientAddress>(RateLimit(name: "sign-in", count: 30))

    init(_ service: Service) {
        self.service = service.signIn
        isSecure = service.settings.publicURL.isSecure
    }

    /// To the sign-in page, and from there to what was asked for.
    static func link(returningTo request: Request) -> Link {
        guard request.path != "/" else { return Link("/sign-in") }
        let query = Link("/", query: request.query).text.dropFirst()
        return Link("/sign-in", query: [("next", request.path + query)])
    }

    /// For whoever sent a form when they were signed out already.
    static func link(overtaken request: Request) -> Link {
        request.path == "/sign-out" ? Link("/sign-in") : Link("/sign-in", query: [("ended", "")])
    }

    /// Where to go once signed in.
    private static func link(to next: String) -> Link { Link.local(next) ?? Link("/account/tokens") }

    @Sendable func show(_ visit: Visit) throws -> Response {
        let next = visit.request.query("next") ?? ""
        if visit.session != nil { return .redirect(Self.link(to: next)) }
        return form(visit, next: next, notice: Self.notice(visit.request))
    }

    /// What has just become of the session of whoever comes here.
    private static func notice(_ request: Request) -> Notice? {
        if request.query("done") == "signed-out" { return Notice(.done, "You are signed out.") }
        guard request.query("ended") != nil else { return nil }
        return Notice(
            .warning, "You were signed out before that could be done: nothing was changed. Sign in, and do it again.")
    }

    @Sendable func signIn(_ visit: Visit) throws -> Response {
        let email = String(visit.form["email"].prefix(254))
        let next = visit.form["next"]
        @Sendable func again(_ problem: String, status: Int, retryAfter: Int64? = nil) -> Response {
            var response = form(
                visit, next: next, email: email, notice: Notice(.problem, problem), status: status)
            if let retryAfter { response.set("Retry-After", String(retryAfter)) }
            return response
        }
        let verdict = attempts.take(visit.request.address.neighbourhood, now: visit.now)
        guard verdict.isAllowed else {
            return again(Self.tooMany(verdict.retryAfter), status: 429, retryAfter: verdict.retryAfter)
        }
        return service.effort.later { turn in
            do {
                try turn.get()
                let secret = try service.signIn(
                    email: email, password: visit.form["password"], from: visit.origin, now: visit.now)
                var response = Response.redirect(Self.link(to: next))
                response.set("Set-Cookie", Cookie.session.set(secret, isSecure: isSecure, lasts: WebSession.life))
                return response
            } catch SignInService.Refusal.tooMany(let seconds) {
                return again(Self.tooMany(seconds), status: 429, retryAfter: seconds)
            } catch SignInService.Refusal.disabled {
                return again("Your account is disabled. Ask whoever runs this service.", status: 403)
            } catch is SignInService.Refusal {
                return again("That e-mail address and password do not go together.", status: 422)
            } catch DomainError.unavailable(let message, let seconds) {
                return again("\(message).", status: 503, retryAfter: Int64(seconds))
            }
        }
    }

    @Sendable func signOut(_ visit: Visit) throws -> Response {
        try service.signOut(try visit.signedIn(), from: visit.origin, now: visit.now)
        var response = Response.redirect(Link("/sign-in", query: [("done", "signed-out")]))
        response.set("Set-Cookie", Cookie.session.removed(isSecure: isSecure))
        // What was shown to the one who leaves is not for whoever comes next.
        response.set("Clear-Site-Data", "\"cache\"")
        return response
    }

    private static func tooMany(_ seconds: Int64) -> String {
        TryAgain.sentence("Too many attempts.", after: seconds)
    }

    private func form(
        _ visit: Visit, next: String, email: String = "", notice: Notice? = nil, status: Int = 200
    ) -> Response {
        Document("Sign in", for: visit) {
            if let notice { notice }
            Element("form", .class("card narrow"), .method("post"), .action(Link("/sign-in"))) {
                FormKeyField(visit)
                VoidElement("input", .type("hidden"), .name("next"), .value(next))
                Field(
                    "E-mail", name: "email", value: email, .type("email"), .autocomplete("username"),
                    .flag("required"), .flag("autofocus", if: email.isEmpty))
                Field(
                    "Password", name: "password", .type("password"), .autocomplete("current-password"),
                    .flag("required"), .flag("autofocus", if: !email.isEmpty))
                Element("button", .type("submit")) { "Sign in" }
                Element("p", .class("hint")) {
                    "No password yet, or forgotten it? Ask whoever runs this service for a sign-in link."
                }
            }
        }.response(status: status)
    }
}
