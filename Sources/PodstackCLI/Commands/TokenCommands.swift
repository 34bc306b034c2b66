import Podstack
import PodstackAPI
import PodstackCommandLine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `podstack token`: the API tokens of the account.
///
/// For `token scan`, see ``ScanCommand``.
enum TokenCommands {
    static let all: [Command] = [list, create, get, update, revoke, rotate]

    private static let id = Argument("ID", summary: "the ID of the token, 8 characters, or its prefix")

    static let grace = Flag(
        "grace", value: "TIME", summary: "how long the old secret stays valid: 90s, 30m, 12h or 7d (default: 1h)")

    private static let scopeWords =
        ["*"] + Scope.resources.flatMap { resource in (["*"] + Scope.actions).map { "\(resource):\($0)" } }

    private static func scopes(_ summary: String) -> Flag {
        Flag(
            "scope", value: "SCOPE", summary: "\(summary); may be repeated, or separated by commas",
            isRepeatable: true, values: .suggestions(scopeWords))
    }

    private static func projects(_ summary: String) -> Flag {
        Flag("project-id", value: "ID", summary: "\(summary); may be repeated", isRepeatable: true)
    }

    static let list = Command("token", "list", summary: "List the API tokens of the account.") { invocation in
        let tokens = try await invocation.client().tokens.list().all()
        let isWide = invocation.format == .wide
        try invocation.write(["tokens": tokens]) {
            Table.text(
                ["ID", "NAME", "STATUS", "EXPIRES", "LAST USED"] + (isWide ? ["CREATED", "SCOPES", "PROJECTS"] : []),
                tokens.map { token in
                    [
                        token.id, token.name, token.status?.rawValue ?? "",
                        token.expiresAt.map(Timestamp.format) ?? "never",
                        token.lastUsedAt.map(Timestamp.format) ?? "never",
                    ]
                        + (isWide
                            ? [
                                Timestamp.format(token.createdAt), token.scopes.joined(separator: " "),
                                token.projectIDs?.joined(separator: " ") ?? "all",
                            ] : [])
                })
        }
        return .success
    }

    static let create = Command(
        "token", "create", summary: "Create an API token and print it (shown once).",
        flags: [
            Flag("name", value: "NAME", summary: "the name of the token, which says what it is for (required)"),
            Flag(
                "expires-in-days", value: "DAYS", summary: "7, 30, 90, 180, 365 or never (default: 30)",
                values: .choices(TokenExpiry.choices.map(String.init) + ["never"])),
            scopes("a scope, such as projects:read (default: *)"),
            projects("a project in which the token is valid (default: all)"),
        ]
    ) { invocation in
        guard let name = invocation.arguments.value("name") else {
            throw UsageError("--name is missing: give the token a name")
        }
        let expiry: TokenExpiry =
            switch invocation.arguments.value("expires-in-days") {
            case nil: .serviceDefault
            case "never": .never
            // The flag only accepts the choices.
            case let days?: Int(days).flatMap(TokenExpiry.Days.init(rawValue:)).map(TokenExpiry.days) ?? .serviceDefault
            }
        let (token, secret) = try await invocation.client().tokens.create(
            name: name, expiresIn: expiry, scopes: invocation.arguments.list("scope")?.map(Scope.init(rawValue:)),
            projects: invocation.arguments.list("project-id"))
        try secret.withSecret { text in
            try invocation.printingNewToken.write(CreatedToken(token: token, secret: text)) { text }
        }
        let end = token.expiresAt.map { "expires \(Timestamp.format($0))" } ?? "never expires"
        invocation.inform("Created \(token.prefix), \(end). It cannot be shown again.")
        return .success
    }

    static let get = Command("token", "get", summary: "Show a token.", arguments: [id]) { invocation in
        let token = try await invocation.client().tokens.get(try tokenID(invocation))
        try invocation.write(token) { TokenDetails.text(token) }
        return .success
    }

    static let update = Command(
        "token", "update", summary: "Rename a token, or reduce its scopes or projects.", arguments: [id],
        flags: [
            Flag("name", value: "NAME", summary: "the new name"), scopes("a scope that the token keeps"),
            projects("a project that the token keeps"),
        ]
    ) { invocation in
        let arguments = invocation.arguments
        let id = try tokenID(invocation)
        let (name, scopes, projects) = (arguments.value("name"), arguments.list("scope"), arguments.list("project-id"))
        guard name != nil || scopes != nil || projects != nil else {
            throw UsageError("nothing to change: give --name, --scope or --project-id")
        }
        let token = try await invocation.client().tokens.update(
            id, name: name, scopes: scopes?.map(Scope.init(rawValue:)), projects: projects)
        try invocation.write(token) { TokenDetails.text(token) }
        return .success
    }

    static let revoke = Command(
        "token", "revoke", summary: "Revoke a token: it is rejected everywhere at once.", arguments: [id]
    ) { invocation in
        let id = try tokenID(invocation)
        let client = try invocation.client()
        if invocation.asksForConfirmation {
            let name = try await client.tokens.get(id).name
            try invocation.confirm("Revoke \"\(TerminalText.printable(name))\" (\(id))?")
        } else {
            try invocation.confirm("Revoke \(id)?")
        }
        try await client.tokens.revoke(id)
        invocation.inform("Revoked \(TokenFormat.prefix(id: id))")
        return .success
    }

    static let rotate = Command(
        "token", "rotate", summary: "Give a token a new secret and print it (shown once).", arguments: [id],
        flags: [grace]
    ) { invocation in
        let id = try tokenID(invocation)
        let grace = try gracePeriod(invocation.arguments)
        let (token, secret) = try await invocation.client().tokens.rotate(id, grace: grace)
        try secret.withSecret { text in
            try invocation.printingNewToken.write(CreatedToken(token: token, secret: text)) { text }
        }
        invocation.inform(
            "Rotated \(token.prefix). Use the new token within 24 hours; it cannot be shown again. The old one works until the "
                + "grace period after that first use is over."
        )
        return .success
    }

    /// Returns the value of `--grace`, which the service limits.
    static func gracePeriod(_ arguments: Arguments) throws(UsageError) -> Duration? {
        guard let grace = try arguments.duration("grace") else { return nil }
        guard grace <= .seconds(7 * 86_400) else { throw UsageError("--grace must be at most 7d") }
        return grace
    }

    /// Returns the ID of the token argument, which may be the ID or the prefix.
    private static func tokenID(_ invocation: Invocation) throws(UsageError) -> Token.ID {
        let text = invocation.arguments.positional[0]
        let id = text.hasPrefix("podstack_") ? String(text.dropFirst(9)) : text
        guard let problem = TokenFormat.problem(ofID: id) else { return id }
        throw UsageError("invalid token ID: \(problem)", hint: "podstack token list shows the IDs")
    }
}

/// A token as lines of a name and a value.
enum TokenDetails {
    static func text(_ token: Token) -> String {
        func time(_ date: Date?) -> String { date.map(Timestamp.format) ?? "never" }
        return Details.text([
            ("ID", token.id), ("Name", token.name), ("Prefix", token.prefix),
            ("Status", token.status?.rawValue ?? "unknown"),
            ("Scopes", token.scopes.joined(separator: " ")),
            ("Projects", token.projectIDs?.joined(separator: " ") ?? "all"), ("Created", time(token.createdAt)),
            ("Expires", time(token.expiresAt)), ("Last used", time(token.lastUsedAt)),
            ("Rotate by", time(token.rotateBy)), ("Generation", String(token.generation)),
        ])
    }
}
