import PodstackAPI

/// The page of one token, with the forms that rename it and reduce its scopes.
extension TokenPages {
    @Sendable func show(_ exchange: PageExchange) throws -> Response {
        let done: String? =
            switch exchange.request.query("done") {
            case "renamed": "The token is renamed."
            case "scopes": "The token's scopes are reduced."
            default: nil
            }
        return try details(exchange, notice: done.map { Notice(.done, $0) })
    }

    /// Returns the page of a token.
    ///
    /// - Parameters:
    ///   - exchange: The request, whose first parameter is the ID of the token.
    ///   - notice: The notice at the top of the page, if any.
    ///   - problems: The problems of the submitted form.
    ///   - typed: An invalid name as it was typed, to be corrected.
    ///   - status: The status of the response.
    /// - Returns: The page.
    /// - Throws: ``DomainError/notFound(_:id:)`` if the account has no such token.
    func details(
        _ exchange: PageExchange, notice: Notice? = nil, problems: FieldProblems = FieldProblems(),
        typed: String? = nil, status: Int = 200
    ) throws -> Response {
        let session = try exchange.signedIn()
        let token = tokens.upToDate(try tokens.token(exchange.parameters[0], accountID: session.user.accountID))
        let names = try projects.names(userID: session.user.id)
        let isActive = TokenHealth(token, now: exchange.now).state == .active
        return Document(token.name, .tokens, under: TokenPages.parent, for: exchange) {
            if let notice { notice }
            TokenFacts(token: token, names: names, now: exchange.now)
            if isActive {
                if let advice = ScopeAdvice(for: token, now: exchange.now) {
                    UnusedScopesCard(advice: advice, token: token, exchange: exchange)
                }
                RotationForm(token: token, problem: problems["grace_seconds"], exchange: exchange)
                RenameForm(token: token, typed: typed, problem: problems["name"], exchange: exchange)
                Element("h2") { "Revoke" }
                Element("div", .class("card")) {
                    Element("p") { "Revoke the token if you no longer need it or if its secret may have leaked." }
                    Element("a", .class("button danger"), .href(Link("/account/tokens", token.publicID, "revoke"))) {
                        "Revoke token…"
                    }
                }
            }
        }.response(status: status)
    }

    @Sendable func rename(_ exchange: PageExchange) throws -> Response {
        do {
            let request = try TokenUpdate(TokenUpdate.Values(name: exchange.form["name"]))
            let token = try exchange.change(with: changes, requiring: .scope(.tokensUpdate)) {
                try tokens.update(exchange.parameters[0], request, in: $0)
            }
            return .redirect(Link("/account/tokens", token.publicID, query: [("done", "renamed")]))
        } catch DomainError.invalid(let errors) {
            return try details(
                exchange, problems: FieldProblems(errors), typed: exchange.form["name"], status: 422)
        }
    }

    /// Removes the scopes that the token never used, if they are still the scopes that the page displayed.
    @Sendable func reduceScopes(_ exchange: PageExchange) throws -> Response {
        let isDone = try exchange.change(with: changes, requiring: .scope(.tokensUpdate)) { change in
            let id = exchange.parameters[0]
            let accountID = try change.grant.accountID
            let token = tokens.upToDate(try tokens.find(id, accountID: accountID, in: change.connection))
            guard let advice = ScopeAdvice(for: token, now: exchange.now), advice.text == exchange.form["scopes"] else {
                return false
            }
            _ = try tokens.update(id, TokenUpdate(scopes: advice.enough), in: change)
            return true
        }
        guard isDone else {
            let text =
                "The token was used or changed in the meantime, so its scopes were not reduced. Review them again."
            return try details(exchange, notice: Notice(.problem, text), status: 409)
        }
        return .redirect(Link("/account/tokens", exchange.parameters[0], query: [("done", "scopes")]))
    }
}

extension ScopeAdvice {
    /// The scopes that are enough, as the form sends them back.
    fileprivate var text: String { enough.map(\.description).joined(separator: " ") }
}

// MARK: - Components

private struct TokenFacts: Component {
    let token: TokenRecord
    let names: [String: String]
    let now: Int64

    var body: some HTML {
        Element("p", .class("summary")) { TokenSummary.sentence(for: token, names: names) }
        Element("dl", .class("card facts")) {
            Fact("Status") { TokenBadges(token, now: now) }
            Fact("Prefix") { Element("code") { TokenFormat.prefix(id: token.publicID) } }
            Fact("Scopes") { ScopeList(scopes: token.scopes) }
            Fact("Projects") { ProjectList(ids: token.projectIDs, names: names) }
            Fact("Created") { TimeElement(token.createdAt) }
            if let revokedAt = token.revokedAt {
                Fact("Revoked") { TimeElement(revokedAt, now: now) }
            } else {
                Fact(token.isExpired(at: now) ? "Expired" : "Expires") { Expiry(token: token, now: now) }
            }
            Fact("Last used") { LastUse(token: token, now: now) }
            if TokenHealth(token, now: now).state == .active {
                if token.rotateBy < token.expiresAt ?? .max {
                    Fact("Rotate by") { TimeElement(token.rotateBy, now: now) }
                }
                if let rotatedAt = token.rotatedAt {
                    Fact("Secret") {
                        "No. \(token.generation), created "
                        TimeElement(rotatedAt)
                    }
                }
                if let pending = token.pending, !pending.hasLapsed(at: now) {
                    Fact("New secret") {
                        "Created "
                        TimeElement(pending.generatedAt)
                        ", must be used before "
                        TimeElement(pending.lapsesAt)
                    }
                }
            }
        }
    }
}

private struct UnusedScopesCard: Component {
    let advice: ScopeAdvice
    let token: TokenRecord
    let exchange: PageExchange

    var body: some HTML {
        Element("h2") { "Unused scopes" }
        Element("div", .class("card")) {
            Element("p") {
                "The token has "
                if token.scopes == [.all] { "full access" } else { ScopeList(scopes: token.scopes) }
                ". Since "
                TimeElement(advice.since)
                " it has used "
                if advice.used.isEmpty { "none of its scopes" } else { ScopeList(scopes: advice.used) }
                ". These scopes would be enough:"
            }
            Element("p") { ScopeList(scopes: advice.enough) }
            if advice.handsOn {
                Element("p", .class("hint")) {
                    "The token creates or rotates other tokens, which cannot have more scopes than it has. Before you "
                    "reduce its scopes, make sure that the other tokens do not need them."
                }
            }
            Element("form", .method("post"), .action(Link("/account/tokens", token.publicID, "scopes"))) {
                FormKeyField(exchange)
                VoidElement("input", .type("hidden"), .name("scopes"), .value(advice.text))
                Element("button", .type("submit")) { "Keep only these scopes" }
            }
            Element("p", .class("hint")) { "Removed scopes cannot be added again." }
        }
    }
}

private struct RenameForm: Component {
    let token: TokenRecord
    let typed: String?
    let problem: String?
    let exchange: PageExchange

    var body: some HTML {
        Element("h2") { "Rename" }
        Element(
            "form", .class("card narrow"), .method("post"), .action(Link("/account/tokens", token.publicID, "name"))
        ) {
            FormKeyField(exchange)
            Field(
                "Name", name: "name", value: typed ?? token.name, problem: problem, .type("text"),
                .autocomplete("off"), .flag("required"))
            Element("button", .type("submit")) { "Save" }
        }
    }
}
