import PodstackAPI

/// Tokens that work.
struct ActiveTokenTable: Component {
    let tokens: [TokenRecord]
    let names: [String: String]
    let now: Int64

    var body: some HTML {
        Element("div", .class("table-scroll")) {
            Element("table", .class("tokens")) {
                Element("caption", .class("visually-hidden")) { "Active tokens" }
                TableHead(["Token", "May do", "Projects", "Created", "Expires", "Last used"])
                Element("tbody") {
                    for token in tokens {
                        Element("tr") {
                            TokenName(token: token, now: now)
                            Element("td") { ScopeList(scopes: token.scopes, most: 4) }
                            Element("td") { ProjectList(ids: token.projectIDs, names: names, most: 3) }
                            Element("td") { Time(token.createdAt) }
                            Element("td") { Expiry(token: token) }
                            Element("td") { LastUse(token: token) }
                        }
                    }
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
        Element("div", .class("table-scroll")) {
            Element("table", .class("tokens")) {
                Element("caption", .class("visually-hidden")) { "Revoked and expired tokens" }
                TableHead(["Token", "Since", "Created", "Last used"])
                Element("tbody") {
                    for token in tokens {
                        Element("tr") {
                            TokenName(token: token, now: now)
                            Element("td") { if let end = TokenHealth(token, now: now).endedAt { Time(end) } }
                            Element("td") { Time(token.createdAt) }
                            Element("td") { LastUse(token: token) }
                        }
                    }
                }
            }
        }
    }
}

private struct TokenName: Component {
    let token: TokenRecord
    let now: Int64

    var body: some HTML {
        Element("th", .scope("row")) {
            Element("a", .href(Link("/account/tokens", token.id))) { token.name }
            " "
            Element("code", .class("prefix")) { TokenFormat.prefix(id: token.id) }
            " "
            TokenBadges(token, now: now)
        }
    }
}
