import PodstackAPI

extension TokenPages {
    /// A form with more boxes than this is not read any more. The newest ones are there.
    private static let mostProjects = 100

    @Sendable func new(_ visit: Visit) throws -> Response {
        let session = try visit.signedIn()
        guard try tokens.countActive(accountID: session.accountID, now: visit.now) < tokens.maxActive else {
            return full(visit)
        }
        return try page(TokenForm(), visit)
    }

    /// The answer itself holds the secret, and nothing else ever does.
    @Sendable func create(_ visit: Visit) throws -> Response {
        let session = try visit.signedIn()
        var form = TokenForm(visit.form)
        do {
            let creation = try changes.make(by: try visit.actor(), at: visit.now) { change in
                try tokens.createOnce(form.id, by: session.grant, in: change) { try form.request(now: visit.now) }
            }
            switch creation {
            case .created(let token, let secret): return created(token, secret, visit)
            case .repeated(let token): return repeated(token, visit)
            case .idIsTaken:
                form.id = TokenForm().id
                return try page(form, visit, notice: "That form was not complete. Look at it, and send it again.")
            }
        } catch let problems as FieldProblems {
            return try page(form, visit, problems)
        } catch DomainError.quotaExceeded(let excess) {
            let message = ErrorResponse(DomainError.quotaExceeded(excess)).message
            return try page(form, visit, notice: "\(message).", status: 409)
        } catch DomainError.notFound(.project, _) {
            var problems = FieldProblems()
            problems.add("one of the projects is not there any more", to: "project_ids")
            return try page(form, visit, problems)
        }
    }

    private func page(
        _ form: TokenForm, _ visit: Visit, _ problems: FieldProblems = FieldProblems(), notice: String? = nil,
        status: Int = 422
    ) throws -> Response {
        let own = try projects.list(try visit.signedIn().grant, PageRequest(limit: Self.mostProjects))
        let isFirst = notice == nil && problems.isEmpty
        return Document("Create a token", .tokens, under: TokenPages.place, for: visit) {
            if let notice {
                Notice(.problem, notice)
            } else if !problems.isEmpty {
                Notice(.problem, "No token was made yet: see below what has to be changed.")
            }
            TokenFormView(
                form: isFirst ? form : form.shownAgain, problems: problems, projects: own.page, visit: visit)
            if own.next != nil {
                Element("p", .class("hint")) {
                    "These are your \(Self.mostProjects) newest projects. With the command line a token can be "
                    "restricted to others."
                }
            }
        }.response(status: isFirst ? 200 : status)
    }

    private func full(_ visit: Visit) -> Response {
        Document("Create a token", .tokens, under: TokenPages.place, for: visit) {
            Element("div", .class("card")) {
                Element("p") {
                    Element("strong") { "All \(tokens.maxActive) tokens that an account may have are in use." }
                }
                Element("p") {
                    "Revoke one that is not needed any more, and there is room for another. If it was a new secret "
                    "that you wanted, rotate a token: it keeps its name and its place."
                }
                Element("a", .class("button"), .href(Link("/account/tokens"))) { "See the tokens" }
            }
        }.response()
    }

    private func created(_ token: TokenRecord, _ secret: String, _ visit: Visit) -> Response {
        Document("Token created", .tokens, under: TokenPages.place, for: visit) {
            Notice(.done, "“\(token.name)” is ready.")
            ShownSecret(secret: secret, token: token)
            SecretUses(origin: visit.serviceURL)
        }.response()
    }

    private func repeated(_ token: TokenRecord, _ visit: Visit) -> Response {
        Document("This token was created already", .tokens, under: TokenPages.place, for: visit) {
            Element("div", .class("card")) {
                Element("p") {
                    "“\(token.name)” was created already and was shown once. No other token was made."
                }
                Element("p") {
                    "If you did not copy it, rotate it for another secret, or revoke it and create a new one."
                }
                RotateOrRevoke(token: token)
            }
        }.response(status: 409)
    }
}

/// The ways on from a page with a secret.
struct AfterSecret: Component {
    let token: TokenRecord

    var body: some HTML {
        Element("p", .class("ways")) {
            Element("a", .class("button"), .href(Link("/account/tokens", token.id))) { "Done, show its details" }
            Element("a", .class("button quiet"), .href(Link("/account/tokens"))) { "All tokens" }
        }
    }
}

/// For somebody who lost a secret.
struct RotateOrRevoke: Component {
    let token: TokenRecord

    var body: some HTML {
        Element("p", .class("ways")) {
            Element("a", .class("button"), .href(Link("/account/tokens", token.id))) { "Rotate it" }
            Element("a", .class("button quiet danger"), .href(Link("/account/tokens", token.id, "revoke"))) {
                "Revoke it"
            }
            Element("a", .class("button quiet"), .href(Link("/account/tokens"))) { "All tokens" }
        }
    }
}
