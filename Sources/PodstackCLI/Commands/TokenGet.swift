import Podstack

extension Command {
    static let tokenGet = Command(words: ["token", "get"], summary: "Show a token.", usage: "ID") { invocation in
        let id = try TokenID.parse(try invocation.arguments.only("the ID of the token"))
        let token = try await invocation.client().tokens.get(id)
        try invocation.write(token) { TokenDetails.text(token) }
        return .done
    }

    static let tokenUpdate = Command(
        words: ["token", "update"], summary: "Rename a token, or leave it fewer scopes or projects.", usage: "ID",
        flags: [
            .init(name: "name", value: "NAME", summary: "its new name"),
            .init(
                name: "scope", value: "SCOPE", summary: "one that it keeps; may be repeated", isRepeatable: true,
                takes: Scope.expected),
            .init(name: "project-id", value: "ID", summary: "one that it keeps; may be repeated", isRepeatable: true),
        ]
    ) { invocation in
        let arguments = invocation.arguments
        let id = try TokenID.parse(try arguments.only("the ID of the token"))
        let (name, scopes, projects) = (
            arguments.value("name"), arguments.values("scope"), arguments.values("project-id")
        )
        guard name != nil || scopes != nil || projects != nil else {
            throw UsageError("nothing to change: --name, --scope or --project-id")
        }
        let token = try await invocation.client().tokens.update(id, name: name, scopes: scopes, projects: projects)
        try invocation.write(token) { TokenDetails.text(token) }
        return .done
    }

    static let tokenRotate = Command(
        words: ["token", "rotate"], summary: "Give a token a new secret; prints it alone, this once.", usage: "ID",
        flags: [
            .init(name: "grace", value: "TIME", summary: "how long the old one works: 90s, 30m, 1h, 7d; 1h unless said")
        ]
    ) { invocation in
        let id = try TokenID.parse(try invocation.arguments.only("the ID of the token"))
        let grace = try invocation.arguments.value("grace").map(TimeSpan.parse)
        let (token, secret) = try await invocation.client().tokens.rotate(id, grace: grace)
        try secret.withSecret { text in
            try invocation.write(CreatedToken(token: token, secret: text)) { text }
        }
        invocation.note(
            "Rotated \(token.prefix). It cannot be shown again; the old one works until the new one is used.")
        return .done
    }
}
