import PodstackAPI

/// `/account/tokens` and what is below it.
struct TokenPages: Sendable {
    /// Ended ones on a page.
    private static let mostEnded = 20
    /// Where the pages of single tokens are under.
    static let place = ("API Tokens", Link("/account/tokens"))

    let tokens: TokenService
    let projects: ProjectService
    let changes: Changes

    init(_ service: Services) {
        tokens = service.tokens
        projects = service.projects
        changes = service.changes
    }

    var routes: [PageRoute] {
        let one = "/account/tokens/{id}"
        return [
            PageRoute("GET", "/account/tokens", .signedIn, handle: list),
            PageRoute("POST", "/account/tokens", .signedIn, handle: create),
            PageRoute("GET", "/account/tokens/new", .signedIn, handle: new),
            PageRoute("GET", one, .signedIn, handle: show),
            PageRoute("POST", one + "/name", .signedIn, handle: rename),
            PageRoute("POST", one + "/scopes", .signedIn, handle: shrink),
            PageRoute("POST", one + "/rotate", .signedIn, handle: rotate),
            PageRoute("GET", one + "/revoke", .signedIn, handle: confirmRevocation),
            PageRoute("POST", one + "/revoke", .signedIn, handle: revoke),
        ]
    }

    @Sendable private func list(_ visit: Visit) throws -> Response {
        let session = try visit.signedIn()
        let accountID = session.user.accountID
        let cursors = (active: visit.request.query("active"), ended: visit.request.query("ended"))
        let active = try tokens.list(
            accountID: accountID, .active, PageRequest(limit: 100, after: try cursors.active.map(PageRequest.cursor)),
            now: visit.now)
        let ended = try tokens.list(
            accountID: accountID, .ended,
            PageRequest(limit: Self.mostEnded, after: try cursors.ended.map(PageRequest.cursor)), now: visit.now)
        let names = try projects.names(userID: session.user.id)
        let count = try tokens.countActive(accountID: accountID, now: visit.now)
        return Document("API Tokens", .tokens, for: visit) {
            switch visit.request.query("done") {
            case "revoked": Notice(.done, "The token is revoked. Nobody can use it any more.")
            case "welcome": Notice(.done, "Your password is saved, and you are signed in.")
            default: EmptyHTML()
            }
            if cursors.active != nil || cursors.ended != nil {
                Element("p") { Element("a", .class("alone"), .href(Link("/account/tokens"))) { "Back to the newest" } }
            }
            Element("div", .class("bar")) {
                Element("p") { "\(count) of \(tokens.maxActive) active" }
                Element("a", .class("button"), .href(Link("/account/tokens/new"))) { "Create Token" }
            }
            // Who looks at older ones of the one sort does not want the first of the other again.
            if cursors.ended == nil {
                if active.page.isEmpty {
                    Element("div", .class("card empty")) {
                        Element("p", .class("title")) { "No token yet" }
                        Element("p") { "With one, your programs and the command line can use Podstack in your name." }
                    }
                } else {
                    ActiveTokenTable(tokens: active.page.map(tokens.upToDate), names: names, now: visit.now)
                }
                if let next = active.next { Older(Link("/account/tokens", query: [("active", next.text)])) }
            }
            if cursors.active == nil, !ended.page.isEmpty {
                Element("h2") { "Revoked and expired" }
                Element("p", .class("hint")) { "They stay here for 90 days." }
                EndedTokenTable(tokens: ended.page.map(tokens.upToDate), now: visit.now)
                if let next = ended.next { Older(Link("/account/tokens", query: [("ended", next.text)])) }
            }
        }.response()
    }
}

private struct Older: Component {
    let link: Link
    init(_ link: Link) { self.link = link }
    var body: some HTML { MoreLink(link: link, text: "Older ones") }
}
