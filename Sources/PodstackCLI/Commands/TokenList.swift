import Podstack

extension Command {
    static let tokenList = Command(
        words: ["token", "list"], summary: "List the API tokens of the account."
    ) { invocation in
        try invocation.arguments.nothing()
        let tokens = try await invocation.client().tokens.list().all()
        let isWide = invocation.format == .wide
        try invocation.write(["tokens": tokens]) {
            Table.text(
                ["ID", "NAME", "STATUS", "EXPIRES", "LAST USED"] + (isWide ? ["CREATED", "SCOPES", "PROJECTS"] : []),
                tokens.map { token in
                    [
                        token.id, token.name, token.status ?? "", token.expiresAt.map(Timestamp.format) ?? "never",
                        token.lastUsedAt.map(Timestamp.format) ?? "never",
                    ]
                        + (isWide
                            ? [
                                Timestamp.format(token.createdAt), token.scopes.joined(separator: " "),
                                token.projectIDs?.joined(separator: " ") ?? "all",
                            ] : [])
                })
        }
        return .done
    }
}
