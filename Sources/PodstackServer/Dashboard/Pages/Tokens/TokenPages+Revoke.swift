import PodstackAPI

extension TokenPages {
    @Sendable func confirmRevocation(_ visit: Visit) throws -> Response {
        let token = tokens.upToDate(
            try tokens.token(visit.parameters[0], accountID: try visit.signedIn().user.accountID))
        let details = Link("/account/tokens", token.id)
        guard TokenHealth(token, now: visit.now).state == .active else { return .redirect(details) }
        return Document("Revoke “\(token.name)”?", .tokens, under: (token.name, details), for: visit) {
            Element("div", .class("card")) {
                Element("p") {
                    "From that moment on nobody can use "
                    Element("code") { TokenFormat.prefix(id: token.id) }
                    ". It cannot be undone."
                }
                Element("p") {
                    "Last used: "
                    LastUse(token: token, now: visit.now)
                }
                Element("form", .method("post"), .action(Link("/account/tokens", token.id, "revoke"))) {
                    FormKeyField(visit)
                    Element("p", .class("ways")) {
                        Element("button", .type("submit"), .class("danger")) { "Revoke token" }
                        Element("a", .class("button quiet"), .href(details)) { "Keep it" }
                    }
                }
            }
        }.response()
    }

    @Sendable func revoke(_ visit: Visit) throws -> Response {
        let session = try visit.signedIn()
        try changes.perform(by: try visit.actor(), at: visit.now) {
            try tokens.revoke(visit.parameters[0], accountID: session.user.accountID, in: $0)
        }
        return .redirect(Link("/account/tokens", query: [("done", "revoked")]))
    }
}
