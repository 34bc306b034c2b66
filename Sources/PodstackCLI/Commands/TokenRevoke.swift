import Podstack

extension Command {
    static let tokenRevoke = Command(
        words: ["token", "revoke"], summary: "Revoke a token: it is refused everywhere at once.", usage: "ID"
    ) { invocation in
        let id = try TokenID.parse(try invocation.arguments.only("the ID of the token"))
        try invocation.confirm("Revoke \(id)?")
        try await invocation.client().tokens.revoke(id)
        invocation.note("Revoked \(TokenFormat.prefix(id: id))")
        return .done
    }
}
