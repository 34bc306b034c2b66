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

    private static let id = Argument(
        "TOKEN", summary: "the ID of the token, its prefix, or its name", values: .listed(CompletionCommands.tokens))

    static let grace = Flag(
        "grace", value: "TIME", summary: "how long the old secret stays valid: 90s, 30m, 12h or 7d (default: 1h)")

    private static func scopes(_ summary: String) -> Flag {
        Flag(
            "scope", value: "SCOPE", summary: "\(summary); may be repeated, or separated by commas",
            isRepeatable: true, values: .suggestions(ScopeInput.words))
    }

    private static func projects(_ summary: String) -> Flag {
        Flag(
            "project-id", value: "PROJECT", summary: "\(summary), by ID or name; may be repeated", isRepeatable: true,
            values: .listed(CompletionCommands.projects))
    }

    static let list = Command(
        "token", "list", summary: "List the API tokens of the account.",
        flags: [
            Flag(
                "status", value: "STATUS", summary: "only tokens in this state: active, revoked or expired",
                values: .choices(["active", "revoked", "expired"]))
        ],
        examples: [
            "podstack token list", "podstack token list --status active",
            Example("podstack token list -o wide", "with scopes and exact times"),
            Example("podstack token list -o json", "as JSON, for programs"),
        ], isPaged: true
    ) { invocation in
        let status = invocation.arguments.value("status").map(Token.Status.init(rawValue:))
        let tokens = try await invocation.client().tokens.list().all()
            .filter { status == nil || $0.status == status }
        let isWide = invocation.format == .wide
        let none = status.map { "No \($0) tokens" } ?? "No tokens"
        try invocation.write(["tokens": tokens]) {
            invocation.table(
                ifEmpty: none,
                ["ID", "NAME", "STATUS", "EXPIRES", "LAST USED"] + (isWide ? ["CREATED", "SCOPES", "PROJECTS"] : []),
                tokens.map { token in
                    [
                        token.id, token.name, token.status?.rawValue ?? "",
                        expiry(of: token, invocation),
                        invocation.displayed(token.lastUsedAt),
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

    /// Returns the expiry of a token as the list shows it, or the time of its revocation.
    private static func expiry(of token: Token, _ invocation: Invocation) -> String {
        guard let revokedAt = token.revokedAt else { return invocation.displayed(token.expiresAt) }
        return "revoked \(invocation.displayed(revokedAt))"
    }

    static let create = Command(
        "token", "create", summary: "Create an API token and print it (shown once).",
        arguments: [
            Argument("NAME", summary: "the name of the token, which says what it is for", count: .optional)
        ],
        flags: [
            Flag("name", value: "NAME", summary: "the name of the token, as an option"),
            Flag(
                "expires-in-days", value: "DAYS", summary: "7, 30, 90, 180, 365 or never (default: 30)",
                values: .choices(TokenExpiry.choices.map(String.init) + ["never"])),
            scopes("a scope, such as projects:read; without it, the command asks on a terminal"),
            Flag("full-access", summary: "create a token that may do everything, as with --scope '*'"),
            projects("a project in which the token is valid (default: all)"),
            Flag(
                "spend-limit", value: "LIMIT",
                summary: "the most that pods which the token starts may cost: \(PodFlags.spendLimitForm)"),
        ],
        details: """
            Standard output contains only the token, so that it can be piped. Give a token only the scopes that it needs: \
            without --scope or --full-access, the command asks on a terminal, and fails elsewhere.
            """,
        examples: [
            "podstack token create --name CI --expires-in-days 7 --scope tokens:read,projects:read",
            "podstack token create laptop --full-access",
            "podstack token create --name agent --scope pods:* --spend-limit 5/day",
            Example("podstack token create --name backup --scope audit-logs:read | vault-store", "to another program"),
        ]
    ) { invocation in
        let name = try invocation.arguments.givenName(for: "podstack token create")
        let scopes = try requestedScopes(invocation)
        let spendLimit = try PodFlags.spendLimit(invocation.arguments)
        let projects = try await invocation.projectIDs(ofFlag: "project-id")
        let expiry: TokenExpiry =
            switch invocation.arguments.value("expires-in-days") {
            case nil: .serviceDefault
            case "never": .never
            // The flag only accepts the choices.
            case let days?: Int(days).flatMap(TokenExpiry.Days.init(rawValue:)).map(TokenExpiry.days) ?? .serviceDefault
            }
        let (token, secret) = try await invocation.client().tokens.create(
            name: name, expiresIn: expiry, scopes: scopes.map(Scope.init(rawValue:)), projects: projects,
            spendLimit: spendLimit)
        try secret.withSecret { text in
            try invocation.printingNewToken.write(CreatedToken(token: token, secret: text)) { text }
        }
        let end = token.expiresAt.map { "expires \(invocation.displayed($0))" } ?? "never expires"
        invocation.inform("Created \(token.prefix), \(end). It cannot be shown again.")
        return .success
    }

    /// Returns the scopes of a new token, which must be chosen: by flags, or by an answer on the terminal.
    private static func requestedScopes(_ invocation: Invocation) throws -> [String] {
        let scopes = try ScopeInput.scopes(ofFlag: "scope", invocation.arguments)
        guard invocation.arguments.has("full-access") else {
            if let scopes { return scopes }
            guard invocation.context.askLine != nil else {
                throw UsageError(
                    "the scopes are missing: give --scope, or --full-access for a token that may do everything",
                    hint: "podstack token create --help lists examples")
            }
            invocation.context.standardError(ScopeInput.table)
            let question = "Scopes of the token, separated by commas (* for full access): "
            let chosen = try invocation.answer(to: question) { answer throws(UsageError) -> [String] in
                try ScopeInput.scopes(ofAnswer: answer)
            }
            guard !chosen.isEmpty else { throw CommandError(message: "no token was created: no scope was entered") }
            return chosen
        }
        guard scopes == nil else {
            throw UsageError("--scope and --full-access cannot both be given: give one of them")
        }
        return ["*"]
    }

    static let get = Command(
        "token", "get", summary: "Show a token.", arguments: [id],
        examples: ["podstack token get CI", "podstack token get abc12345 -o json"]
    ) { invocation in
        let token = try await invocation.withTokenID { client, id in try await client.tokens.get(id) }
        try invocation.write(token) { TokenDetails.text(token, invocation) }
        return .success
    }

    static let update = Command(
        "token", "update", summary: "Rename a token, or reduce its scopes or projects.", arguments: [id],
        flags: [
            Flag("name", value: "NAME", summary: "the new name"), scopes("a scope that the token keeps"),
            projects("a project that the token keeps"),
            Flag(
                "spend-limit", value: "LIMIT",
                summary: "the most that pods which the token starts may cost: \(PodFlags.spendLimitForm), or none"),
        ],
        examples: ["podstack token update CI --scope projects:read", "podstack token update abc12345 --name nightly"]
    ) { invocation in
        let arguments = invocation.arguments
        let name = arguments.value("name")
        let scopes = try ScopeInput.scopes(ofFlag: "scope", arguments)
        guard name != nil || scopes != nil || arguments.has("project-id") || arguments.has("spend-limit") else {
            throw UsageError("nothing to change: give --name, --scope, --project-id or --spend-limit")
        }
        let spendLimit = try PodFlags.change("spend-limit", arguments) { try PodFlags.spendLimit(arguments) }
        let projects = try await invocation.projectIDs(ofFlag: "project-id")
        let token = try await invocation.withTokenID { client, id in
            try await client.tokens.update(
                id, name: name, scopes: scopes?.map(Scope.init(rawValue:)), projects: projects, spendLimit: spendLimit)
        }
        try invocation.write(token) { TokenDetails.text(token, invocation) }
        return .success
    }

    static let revoke = Command(
        "token", "revoke", summary: "Revoke a token: it is rejected everywhere at once.", arguments: [id],
        examples: [
            "podstack token revoke CI", Example("podstack token revoke abc12345 --yes", "without a question"),
        ]
    ) { invocation in
        let text = invocation.arguments.positional[0]
        let (id, former) = try await invocation.withTokenID { client, id in
            let former: Token?
            if invocation.asksForConfirmation {
                let token = try await client.tokens.get(id)
                if token.revokedAt == nil {
                    try invocation.confirm("Revoke \"\(TerminalText.printable(token.name))\" (\(id))?")
                }
                former = token
            } else {
                try invocation.confirm("Revoke \(id)?")
                // A token that may revoke others but not read them learns nothing about the former state.
                former = try await client.tokens.getIfAllowed(id)
            }
            if former?.revokedAt == nil { try await client.tokens.revoke(id) }
            return (id, former)
        }
        if let time = former?.revokedAt {
            invocation.inform(
                "\(TokenFormat.prefix(id: id)) was revoked already, \(invocation.phrase(time)); nothing has changed")
            return .success
        }
        let name = text == id || text.hasPrefix("podstack_") ? "" : " \"\(TerminalText.printable(text))\""
        invocation.inform("Revoked \(TokenFormat.prefix(id: id))\(name)")
        return .success
    }

    static let rotate = Command(
        "token", "rotate", summary: "Give a token a new secret and print it (shown once).", arguments: [id],
        flags: [grace],
        examples: ["podstack token rotate CI", "podstack token rotate abc12345 --grace 12h"]
    ) { invocation in
        let grace = try gracePeriod(invocation.arguments)
        let (token, secret) = try await invocation.withTokenID { client, id in
            try checkNotInUse(id, client, invocation)
            return try await client.tokens.rotate(id, grace: grace)
        }
        try secret.withSecret { text in
            try invocation.printingNewToken.write(CreatedToken(token: token, secret: text)) { text }
        }
        let length = grace ?? defaultGrace
        let end =
            length == .zero
            ? "stops at the first use of the new one"
            : "works for \(RelativeTime.text(length)) after the first use of the new one"
        invocation.inform(
            "Rotated \(token.prefix). Use the new token within 24 hours; it cannot be shown again. The old one \(end).")
        return .success
    }

    /// The grace period of the service, when none is given.
    static let defaultGrace = Duration.seconds(3600)

    /// Asks before the token in use is rotated, because this command does not change the place where it is stored.
    ///
    /// Without a terminal, or with `--yes`, it only warns.
    private static func checkNotInUse(_ id: Token.ID, _ client: Client, _ invocation: Invocation) throws {
        guard client.configuration.apiToken?.value.prefix == TokenFormat.prefix(id: id) else { return }
        let source = client.configuration.tokenSource?.onCommandLine ?? "elsewhere"
        let sentence = TerminalText.printable(
            "\(TokenFormat.prefix(id: id)) is the token in use, from \(source). This command prints the new token and does not "
                + "store it there; podstack auth refresh replaces it where it is stored")
        guard invocation.asksForConfirmation else { return invocation.warn(sentence) }
        try invocation.ask("\(sentence). Rotate it here?")
    }

    /// Returns the value of `--grace`, which the service limits.
    static func gracePeriod(_ arguments: Arguments) throws(UsageError) -> Duration? {
        guard let grace = try arguments.duration("grace") else { return nil }
        guard grace <= .seconds(7 * 86_400) else { throw UsageError("--grace must be at most 7d") }
        return grace
    }
}

/// A token as lines of a name and a value.
enum TokenDetails {
    static func text(_ token: Token, _ invocation: Invocation) -> String {
        func time(_ date: Date?) -> String { invocation.displayed(date) }
        var rows: [(String, String)] = [
            ("ID", token.id), ("Name", token.name), ("Prefix", token.prefix),
            ("Status", token.status?.rawValue ?? "unknown"),
            ("Scopes", token.scopes.joined(separator: " ")),
            ("Projects", token.projectIDs?.joined(separator: " ") ?? "all"), ("Created", time(token.createdAt)),
        ]
        rows += end(of: token, time)
        rows.append(("Last used", time(token.lastUsedAt)))
        // A dead token cannot be rotated.
        if token.status != .revoked, token.status != .expired { rows.append(("Rotate by", time(token.rotateBy))) }
        rows.append(("Generation", String(token.generation)))
        if let limit = PodFlags.text(token.spendLimit) { rows.append(("Spend limit", limit)) }
        return Details.text(rows)
    }

    /// Returns the row about the end of a token: the revocation of one that is revoked, else the expiry.
    private static func end(of token: Token, _ time: (Date?) -> String) -> [(String, String)] {
        if let revokedAt = token.revokedAt { return [("Revoked", time(revokedAt))] }
        if token.status == .revoked { return [] }
        return [(token.status == .expired ? "Expired" : "Expires", time(token.expiresAt))]
    }
}

extension Tokens {
    /// Returns a token; nil when the token in use may not read others.
    fileprivate func getIfAllowed(_ id: Token.ID) async throws -> Token? {
        do { return try await get(id) } catch is PermissionError { return nil }
    }
}
