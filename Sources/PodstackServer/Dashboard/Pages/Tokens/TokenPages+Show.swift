import PodstackAPI

extension TokenPages {
    @Sendable func show(_ visit: Visit) throws -> Response {
        let done: String? =
            switch visit.request.query("done") {
            case "renamed": "The token has its new name."
            case "scopes": "The token has only these scopes now."
            default: nil
            }
        return try details(visit, notice: done.map { Notice(.done, $0) })
    }

    /// - Parameter typed: A name that was refused, as it was typed.
    func details(
        _ visit: Visit, notice: Notice? = nil, problems: FieldProblems = FieldProblems(), typed: String? = nil,
        status: Int = 200
    ) throws -> Response {
        let session = try visit.signedIn()
        let token = tokens.upToDate(try tokens.token(visit.parameters[0], accountID: session.accountID))
        let names = try projects.names(userID: session.userID)
        let isActive = TokenHealth(token, now: visit.now).state == .active
        return Document(token.name, .tokens, under: TokenPages.place, for: visit) {
            if let notice { notice }
            TokenFacts(token: token, names: names, now: visit.now)
            if isActive {
                if let advice = ScopeAdvice(for: token, now: visit.now) {
                    AdviceCard(advice: advice, token: token, visit: visit)
                }
                RotationForm(token: token, problem: problems["grace_seconds"], visit: visit)
                RenameForm(token: token, typed: typed, problem: problems["name"], visit: visit)
                Element("h2") { "Revoke" }
                Element("div", .class("card")) {
                    Element("p") { "For a token that is not needed any more, or that somebody else may know." }
                    Element("a", .class("button danger"), .href(Link("/account/tokens", token.id, "revoke"))) {
                        "Revoke this token…"
                    }
                }
            }
        }.response(status: status)
    }

    @Sendable func rename(_ visit: Visit) throws -> Response {
        let session = try visit.signedIn()
        do {
            let request = try TokenUpdate(TokenUpdate.Values(name: visit.form["name"]))
            let token = try changes.make(by: try visit.actor(), at: visit.now) {
                try tokens.update(visit.parameters[0], request, by: session.grant, in: $0)
            }
            return .redirect(Link("/account/tokens", token.id, query: [("done", "renamed")]))
        } catch DomainError.invalid(let errors) {
            return try details(visit, problems: FieldProblems(errors), typed: visit.form["name"], status: 422)
        }
    }

    /// Takes the scopes away that the token never used, if they are still those that were shown.
    @Sendable func shrink(_ visit: Visit) throws -> Response {
        let session = try visit.signedIn()
        let isDone = try changes.make(by: try visit.actor(), at: visit.now) { change in
            let id = visit.parameters[0]
            let token = tokens.upToDate(try tokens.find(id, accountID: session.accountID, in: change.connection))
            guard let advice = ScopeAdvice(for: token, now: visit.now), advice.text == visit.form["scopes"] else {
                return false
            }
            _ = try tokens.update(id, TokenUpdate(scopes: advice.enough), by: session.grant, in: change)
            return true
        }
        guard isDone else {
            let text = "The token was used or changed since. Nothing was taken away: look again."
            return try details(visit, notice: Notice(.problem, text), status: 409)
        }
        return .redirect(Link("/account/tokens", visit.parameters[0], query: [("done", "scopes")]))
    }
}

extension ScopeAdvice {
    /// What a form shows and brings back.
    fileprivate var text: String { enough.map(\.description).joined(separator: " ") }
}

private struct AdviceCard: Component {
    let advice: ScopeAdvice
    let token: TokenRecord
    let visit: Visit

    var body: some HTML {
        Element("h2") { "Scopes that it never used" }
        Element("div", .class("card")) {
            Element("p") {
                "Since "
                Time(advice.since)
                " this token used "
                if advice.used.isEmpty { "none of its scopes" } else { ScopeList(scopes: advice.used) }
                ". It has "
                if token.scopes == [.all] { "full access" } else { ScopeList(scopes: token.scopes) }
                ". These would be enough:"
            }
            Element("p") { ScopeList(scopes: advice.enough) }
            if advice.keepsUnrecorded {
                Element("p", .class("hint")) {
                    "What is done with pods is not seen here, so scopes for pods are kept."
                }
            }
            if advice.handsOn {
                Element("p", .class("hint")) {
                    "It creates or rotates other tokens, which must not be able to do more than it: if they need a "
                    "scope, it needs it too."
                }
            }
            Element("form", .method("post"), .action(Link("/account/tokens", token.id, "scopes"))) {
                FormKeyField(visit)
                VoidElement("input", .type("hidden"), .name("scopes"), .value(advice.text))
                Element("button", .type("submit")) { "Keep only these" }
            }
            Element("p", .class("hint")) { "Scopes that are taken away from a token cannot be given back." }
        }
    }
}

private struct RenameForm: Component {
    let token: TokenRecord
    let typed: String?
    let problem: String?
    let visit: Visit

    var body: some HTML {
        Element("h2") { "Rename" }
        Element("form", .class("card narrow"), .method("post"), .action(Link("/account/tokens", token.id, "name"))) {
            FormKeyField(visit)
            Field(
                "Name", name: "name", value: typed ?? token.name, problem: problem, .type("text"),
                .autocomplete("off"), .flag("required"))
            Element("button", .type("submit")) { "Save" }
        }
    }
}
