import Podstack

extension Command {
    static let authTokenInfo = Command(words: ["auth", "token-info"], summary: "Show the current token.") {
        invocation in
        try invocation.arguments.nothing()
        let user = try await invocation.client().auth.whoami()
        guard let token = user.token else { throw CommandError(message: "the service says nothing about the token") }
        try invocation.write(token) { TokenDetails.text(token) }
        return .done
    }

    static let authRevoke = Command(
        words: ["auth", "revoke"], summary: "Revoke the current token: it is refused everywhere at once."
    ) { invocation in
        try invocation.arguments.nothing()
        try invocation.confirm("Revoke the current token?")
        try await invocation.client().auth.revoke()
        invocation.note("Revoked")
        return .done
    }
}
