import PodstackAPI

/// The pages below `/account/tokens`.
///
/// This file has the list and the revocation.
struct TokenPages: Sendable {
    /// The most revoked and expired tokens on one page.
    private static let endedPerPage = 20
    /// The page above the pages of single tokens.
    static let parent = ("API Tokens", Link("/account/tokens"))

    let tokens: TokenService
    let projects: ProjectService
    let changes: Changes

    init(_ services: Services) {
        tokens = services.tokens
        projects = services.projects
        changes = services.changes
    }

    var routes: [PageRoute] {
        let one = "/account/tokens/{id}"
        return [
            PageRoute("GET", "/account/tokens", .signedIn, handle: list),
            PageRoute("POST", "/account/tokens", .signedIn, handle: create),
            PageRoute("GET", "/account/tokens/new", .signedIn, handle: new),
            PageRoute("GET", one, .signedIn, handle: show),
            PageRoute("POST", one + "/name", .signedIn, handle: rename),
            PageRoute("POST", one + "/scopes", .signedIn, handle: reduceScopes),
            PageRoute("POST", one + "/rotate", .signedIn, handle: rotate),
            PageRoute("GET", one + "/revoke", .signedIn, handle: confirmRevocation),
            PageRoute("POST", one + "/revoke", .signedIn, handle: revoke),
        ]
    }

    // MARK: List

    @Sendable private func list(_ exchange: PageExchange) throws -> Response {
        let session = try exchange.signedIn()
        let accountID = session.user.accountID
        let cursors = (active: exchange.request.query("active"), ended: exchange.request.query("ended"))
        let active = try tokens.list(
            accountID: accountID, .active, PageRequest(limit: 100, after: try cursors.active.map(PageRequest.cursor)),
            now: exchange.now)
        let ended = try tokens.list(
            accountID: accountID, .ended,
            PageRequest(limit: Self.endedPerPage, after: try cursors.ended.map(PageRequest.cursor)), now: exchange.now)
        let names = try projects.names(userID: session.user.id)
        let count = try tokens.countActive(accountID: accountID, now: exchange.now)
        return Document("API Tokens", .tokens, for: exchange) {
            switch exchange.request.query("done") {
            case "revoked": Notice(.done, "The token is revoked and no longer works.")
            default: EmptyHTML()
            }
            if cursors.active != nil || cursors.ended != nil {
                Element("p") { Element("a", .class("standalone"), .href(Link("/account/tokens"))) { "Back to newest" } }
            }
            Element("div", .class("bar")) {
                Element("p") { "\(count) of \(tokens.maxActive) active" }
                LinkButton("Create Token", to: Link("/account/tokens/new"))
            }
            // A page of older tokens of one kind does not repeat the newest of the other kind.
            if cursors.ended == nil {
                if active.page.isEmpty {
                    EmptyState(
                        "No active tokens",
                        "A token lets the command line and your programs act for you, within the limits that you choose.",
                        action: ("Create a token", Link("/account/tokens/new")), snippet: "podstack auth login --web")
                } else {
                    ActiveTokenTable(tokens: active.page.map(tokens.upToDate), names: names, now: exchange.now)
                }
                if let next = active.next { olderTokens(Link("/account/tokens", query: [("active", next.text)])) }
            }
            if cursors.active == nil, !ended.page.isEmpty {
                Element("h2") { "Revoked and expired" }
                Element("p", .class("hint")) { "Tokens are listed here for 90 days." }
                EndedTokenTable(tokens: ended.page.map(tokens.upToDate), now: exchange.now)
                if let next = ended.next { olderTokens(Link("/account/tokens", query: [("ended", next.text)])) }
            }
        }.response()
    }

    private func olderTokens(_ link: Link) -> some HTML { MoreLink(link: link, text: "Older tokens") }

    // MARK: Revocation

    @Sendable private func confirmRevocation(_ exchange: PageExchange) throws -> Response {
        let token = tokens.upToDate(
            try tokens.token(exchange.parameters[0], accountID: try exchange.signedIn().user.accountID))
        let details = Link("/account/tokens", token.publicID)
        guard TokenHealth(token, now: exchange.now).state == .active else { return .redirect(details) }
        return Document("Revoke “\(Isolated.text(token.name))”?", .tokens, under: (token.name, details), for: exchange)
        {
            Card {
                Element("p") {
                    "The token "
                    Element("code") { TokenFormat.prefix(id: token.publicID) }
                    " stops working immediately. This cannot be undone."
                }
                Element("p") {
                    "Last used: "
                    LastUse(token: token, now: exchange.now)
                }
                Confirmation(
                    action: Link("/account/tokens", token.publicID, "revoke"), confirmLabel: "Revoke token",
                    cancelLink: details, exchange: exchange)
            }
        }.response()
    }

    @Sendable private func revoke(_ exchange: PageExchange) throws -> Response {
        try exchange.change(with: changes, requiring: .scope(.tokensDelete)) {
            try tokens.revoke(exchange.parameters[0], in: $0)
        }
        return .redirect(Link("/account/tokens", query: [("done", "revoked")]))
    }
}

// MARK: - Tables

private struct ActiveTokenTable: Component {
    let tokens: [TokenRecord]
    let names: [String: String]
    let now: Int64

    var body: some HTML {
        DataTable(
            "Active tokens",
            [
                "Token", "Scopes", Column("Projects", style: "wide"), Column("Created", style: "wide"), "Expires",
                "Last used",
            ],
            style: "tokens"
        ) {
            for token in tokens {
                Row {
                    TokenTitle(token: token, now: now)
                    Cell("Scopes") { ScopeList(scopes: token.scopes, limit: 4) }
                    Cell("Projects", style: "wide") { ProjectList(ids: token.projectIDs, names: names, limit: 3) }
                    Cell("Created", style: "wide") { TimeElement(token.createdAt) }
                    Cell("Expires") { Expiry(token: token, now: now) }
                    Cell("Last used") { LastUse(token: token, now: now) }
                }
            }
        }
    }
}

private struct EndedTokenTable: Component {
    let tokens: [TokenRecord]
    let now: Int64

    var body: some HTML {
        DataTable("Revoked and expired tokens", ["Token", "Ended", "Created", "Last used"], style: "tokens") {
            for token in tokens {
                Row {
                    TokenTitle(token: token, now: now)
                    Cell("Ended") { if let end = TokenHealth(token, now: now).endedAt { TimeElement(end, now: now) } }
                    Cell("Created") { TimeElement(token.createdAt) }
                    Cell("Last used") { LastUse(token: token, now: now) }
                }
            }
        }
    }
}

private struct TokenTitle: Component {
    let token: TokenRecord
    let now: Int64

    var body: some HTML {
        RowTitle {
            Element("a", .href(Link("/account/tokens", token.publicID))) { token.name }
            " "
            Element("code", .class("prefix")) { TokenFormat.prefix(id: token.publicID) }
            " "
            TokenBadges(token, now: now)
        }
    }
}

// MARK: - Components

/// The state of a token, with its warnings.
struct TokenBadges: Component {
    let health: TokenHealth
    /// Whether a new secret has been created but not used yet.
    let hasPendingSecret: Bool

    init(_ token: TokenRecord, now: Int64) {
        health = TokenHealth(token, now: now)
        hasPendingSecret = health.state == .active && token.pending.map { !$0.hasLapsed(at: now) } ?? false
    }

    var body: some HTML {
        switch health.state {
        case .active: Badge("active", .good)
        case .expired: Badge("expired")
        case .revoked: Badge("revoked", .bad)
        }
        for warning in health.warnings {
            " "
            Badge(warning, .warning)
        }
        if hasPendingSecret {
            " "
            Badge("new secret not used yet")
        }
    }
}

/// The scopes of a token.
struct ScopeList: Component {
    let scopes: [Scope]
    /// The most scopes to list; nil for all of them.
    var limit: Int?

    var body: some HTML {
        if scopes == [.all] {
            "Full access"
        } else {
            for (index, scope) in scopes.prefix(limit ?? .max).enumerated() {
                if index > 0 { " " }
                Element("code") { scope.description }
            }
            if let limit, scopes.count > limit { " and \(scopes.count - limit) more" }
        }
    }
}

/// The projects that a token includes.
struct ProjectList: Component {
    /// The IDs of the projects; nil for all projects.
    let ids: [String]?
    /// The names of the viewer's projects, by ID.
    let names: [String: String]
    /// The most projects to list; nil for all of them.
    var limit: Int?

    var body: some HTML {
        if let ids {
            ids.prefix(limit ?? .max).map { names[$0] ?? "\($0) (no access)" }.joined(separator: ", ")
            if let limit, ids.count > limit { " and \(ids.count - limit) more" }
        } else {
            "All"
        }
    }
}

/// The time of a token's last use, with its address if it is known.
struct LastUse: Component {
    let token: TokenRecord
    let now: Int64

    var body: some HTML {
        if let time = token.lastUsedAt {
            TimeElement(time, now: now)
            if let address = token.lastUsedFrom {
                " "
                Element("span", .class("address")) { "from \(address)" }
            }
        } else {
            "Never"
        }
    }
}

/// The time at which a token expires.
struct Expiry: Component {
    let token: TokenRecord
    let now: Int64

    var body: some HTML {
        if let end = token.expiresAt { TimeElement(end, now: now) } else { "Never" }
    }
}

/// A sentence about what a token can do.
enum TokenSummary {
    static func sentence(for token: TokenRecord, names: [String: String]) -> String {
        let place =
            switch token.projectIDs?.count {
            case nil: "in all your projects"
            case 1?: "in " + (token.projectIDs?.first.flatMap { names[$0] }.map(Isolated.text) ?? "one project")
            case let count?: "in \(count) projects"
            }
        let end =
            token.expiresAt.map { "until " + CivilDate.text(of: $0) }
            ?? (token.revokedAt == nil ? "until you revoke it" : "until it was revoked")
        return "This token can \(Scope.phrase(for: token.scopes)), \(place), \(end)."
    }
}
