import Podstack

extension Command {
    static let tokenRevoke = Command(
        words: ["token", "revoke"], summary: "Revoke a token: it is refused everywhere at once.", usage: "ID"
    ) { invocation in
        let id = try TokenID.parse(try invocation.arguments.only("the ID of the token"))
        let client = try invocation.client()
        if invocation.mustAsk {
            let name = try await client.tokens.get(id).name
            try invocation.confirm("Revoke \"\(Table.printable(name))\" (\(id))?")
        } else {
            try invocation.confirm("Revoke \(id)?")
        }
        try await client.tokens.revoke(id)
        invocation.note("Revoked \(TokenFormat.prefix(id: id))")
        return .done
    }
}
