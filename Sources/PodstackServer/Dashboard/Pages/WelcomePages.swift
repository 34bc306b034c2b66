import PodstackAPI

/// `/welcome/…`: where a one-time link leads. Looking at it does not use it up; choosing a password does.
struct WelcomePages: Sendable {
    private let service: SignInService
    private let isSecure: Bool

    init(_ service: Services) {
        self.service = service.signIn
        isSecure = service.settings.publicURL.isSecure
    }

    @Sendable func show(_ visit: Visit) throws -> Response {
        let secret = OneTimeSecret(visit.parameters[0])
        guard let holder = try service.database.read({ try service.links.holder(secret, now: visit.now, in: $0) })
        else { return over(visit) }
        return form(visit, holder)
    }

    @Sendable func choose(_ visit: Visit) throws -> Response {
        let holder = try service.database.read {
            try service.links.holder(OneTimeSecret(visit.parameters[0]), now: visit.now, in: $0)
        }
        guard let holder else { return over(visit) }
        return service.passwords.respond { turn in
            try turn.get()
            return try choose(visit, holder)
        }
    }

    private func choose(_ visit: Visit, _ holder: SignInLinks.Holder) throws -> Response {
        do {
            guard visit.form["password"] == visit.form["repeated"] else {
                throw SignInError.invalidPassword("is not the same in both fields")
            }
            let cookie = try service.useLink(
                OneTimeSecret(visit.parameters[0]), email: visit.form["email"], password: visit.form["password"],
                from: visit.origin,
                now: visit.now)
            var response = Response.redirect(Link("/account/tokens", query: [("done", "welcome")]))
            response.set(
                "Set-Cookie", Cookie.session.set(cookie.text, isSecure: isSecure, lasts: WebSession.lifetimeSeconds))
            return response
        } catch SignInError.invalidPassword(let defect) {
            return form(visit, holder, passwordProblem: "The password \(defect).")
        } catch SignInError.invalidEmail(let defect) {
            return form(visit, holder, emailProblem: "The address \(defect).")
        } catch is UserStore.EmailTaken {
            return form(visit, holder, emailProblem: "That address has an account already.")
        } catch SignInError.invalidLink {
            return over(visit)
        }
    }

    private func form(
        _ visit: Visit, _ holder: SignInLinks.Holder, emailProblem: String? = nil, passwordProblem: String? = nil
    ) -> Response {
        let isFirst = holder == .firstUser
        let isAgain = emailProblem != nil || passwordProblem != nil
        return Document(isFirst ? "Create the first account" : "Choose your password", for: visit) {
            if let problem = emailProblem ?? passwordProblem { Notice(.problem, problem) }
            Element(
                "form", .class("card narrow"), .method("post"), .action(Link("/welcome", visit.parameters[0]))
            ) {
                FormKeyField(visit)
                if case .user(let user) = holder {
                    Element("p") { "For \(user.email). This link works once." }
                    // So that a password manager knows whose password it is.
                    VoidElement(
                        "input", .class("visually-hidden"), .type("text"), .name("username"), .value(user.email),
                        .autocomplete("username"), .flag("readonly"), .tabIndex(-1), .aria("aria-hidden", "true"))
                } else {
                    Element("p") { "Nobody has an account here yet. Yours will be the first." }
                    Field(
                        "E-mail", name: "email", value: visit.form["email"], problem: emailProblem, .type("email"),
                        .autocomplete("username"), .flag("required"), .flag("autofocus", if: !isAgain))
                }
                Field(
                    "Password", name: "password",
                    hint: "At least \(Password.minimumLength) characters; a sentence is fine.",
                    problem: passwordProblem, .type("password"), .autocomplete("new-password"),
                    .minLength(Password.minimumLength), .flag("required"), .flag("autofocus", if: !isFirst || isAgain))
                Field(
                    "Password again", name: "repeated", .type("password"), .autocomplete("new-password"),
                    .flag("required"))
                Element("button", .type("submit")) { isFirst ? "Create account" : "Save and sign in" }
            }
        }.response(status: isAgain ? 422 : 200)
    }

    private func over(_ visit: Visit) -> Response {
        Document("This link is used up", for: visit) {
            Element("p") {
                "A sign-in link works once, and for three days. Ask whoever runs this service for another one, or "
                Element("a", .href(Link("/sign-in"))) { "sign in" }
                " with your password."
            }
        }.response(status: 410)
    }
}
