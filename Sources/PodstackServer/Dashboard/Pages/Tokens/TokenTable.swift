import PodstackAPI

/// Tokens that work.
struct ActiveTokenTable: Component {
    let tokens: [TokenRecord]
    let names: [String: String]
    let now: Int64

    var body: some HTML {
        DataTable(
            "Active tokens", ["Token", "May do", "Projects", "Created", "Expires", "Last used"], style: "tokens"
        ) {
            for token in tokens {
                Row {
                    TokenName(token: token, now: now)
                    Cell("May do") { ScopeList(scopes: token.scopes, most: 4) }
                    Cell("Projects") { ProjectList(ids: token.projectIDs, names: names, most: 3) }
                    Cell("Created") { Time(token.createdAt) }
                    Cell("Expires") { Expiry(token: token, now: now) }
                    Cell("Last used") { LastUse(token: token, now: now) }
                }
            }
        }
    }
}

/// Tokens that do not work any more.
struct EndedTokenTable: Component {
    let tokens: [TokenRecord]
    let now: Int64

    var body: some HTML {
        DataTable("Revoked and expired tokens", ["Token", "Since", "Created", "Last used"], style: "tokens") {
            for token in tokens {
                Row {
                    TokenName(token: token, now: now)
                    Cell("Since") { if let end = TokenHealth(token, now: now).endedAt { Time(end, now: now) } }
                    Cell("Created") { Time(token.createdAt) }
                    Cell("Last used") { LastUse(token: token, now: now) }
                }
            }
        }
    }
}

private struct TokenName: Component {
    let token: TokenRecord
    let now: Int64

    var body: some HTML {
        RowTitle {
            Element("a", .href(Link("/account/tokens", token.id))) { token.name }
            " "
            Element("code", .class("prefix")) { TokenFormat.prefix(id: token.id) }
            " "
            TokenBadges(token, now: now)
        }
    }
}
