import Podstack

extension Command {
    static let tokenRevoke = Command(
        words: ["token", "revoke"], summary: "Revoke a token: it is refused everywhere at once.", usage: "ID"
    ) { invocation in
        let given = try invocation.arguments.only("the ID of the token")
        // What people have at hand is the prefix, or the token itself.
        let id =
            given.hasPrefix("podstack_") ? String(given.dropFirst(9).prefix(TokenFormat.idLength)) : given
        guard TokenFormat.isID(id) else { throw UsageError("that is no id of a token: it has 8 characters") }
        if !invocation.arguments.has("yes"), let ask = invocation.context.askSecret {
            let answer = ask("Revoke \(id)? It cannot be undone. Type yes: ")
            guard answer == "yes" else { throw CommandError(message: "not revoked") }
        }
        try await invocation.client().tokens.revoke(id)
        invocation.note("Revoked \(TokenFormat.prefix(id: id))")
        return .done
    }
}
