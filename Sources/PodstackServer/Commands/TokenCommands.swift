import PodstackAPI
import PodstackCommandLine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `podstack-server token` and `device`: the tokens of all users, and deciding about logins of devices.
enum TokenCommands {
    static let all = [create, list, revoke, approve, deny]

    // MARK: - Creating a token

    private static let create = ServerCommand(
        "token", "create", summary: "Create a token for a user and print it (shown once).",
        arguments: [UserCommands.email],
        flags: [
            Flag(
                "name", value: "NAME", summary: "the name of the token, which says what it is for", isRequired: true),
            Flag(
                "expires-in-days", value: "D", summary: "7, 30, 90, 180, 365 or never (default: 30)",
                values: .choices(TokenExpiry.choices.map(String.init) + ["never"])),
            Flag(
                "scope", value: "S", summary: "a scope, such as projects:read; may be repeated (default: *)",
                isRepeatable: true),
            Flag(
                "project", value: "ID",
                summary: "a project in which the token is valid; may be repeated (default: all)",
                isRepeatable: true),
            .maxActiveTokens,
        ],
        examples: [
            "podstack-server token create you@example.com --name first --expires-in-days 90",
            "podstack-server token create ci@example.com --name CI --scope projects:read --scope tokens:read",
        ]
    ) { arguments in
        let email = arguments.positional[0]
        let name = arguments.value("name") ?? ""
        let service = try arguments.service()
        let request = try request(name, arguments, now: service.now())
        let user = try user(email, of: service)
        guard try !service.database.read({ try UserStore.isDisabled(user.id, in: $0) }) else {
            throw SetupFailure("\(email) is disabled, and so would the token be: podstack-server user enable first")
        }
        let (_, secret) = try service.changes.perform(by: .administrator, at: service.now()) { change in
            try service.tokens.create(request, in: change.with(Authority(user.grant, in: change.connection)))
        }
        StandardStream.output.write((secret ?? "") + "\n")
    }

    private static func user(_ email: String, of service: Service) throws -> UserRecord {
        guard let user = try service.database.read({ try UserStore.find(email: email, in: $0) }) else {
            throw SetupFailure("no user has the email address \(email): podstack-server user add creates an account")
        }
        return user
    }

    private static func request(_ name: String, _ arguments: Arguments, now: Int64) throws -> TokenRequest {
        let values = TokenRequest.Values(
            name: name, expiry: try expiry(arguments),
            scopes: arguments.all("scope")?.flatMap { $0.split(separator: ",").map(String.init) },
            projectIDs: arguments.all("project"))
        do { return try TokenRequest(values, at: now) } catch {
            guard case .invalid(let errors) = error else { throw error }
            for (flag, field) in [("--name", "name"), ("--scope", "scopes"), ("--project", "project_ids")] {
                if let message = errors.messages[field]?.first { throw UsageError("\(flag) \(message)") }
            }
            throw UsageError("--expires-in-days \(TokenRequest.Expiry.invalidDays.message), never")
        }
    }

    private static func expiry(_ arguments: Arguments) throws -> TokenExpiry {
        switch arguments.value("expires-in-days") {
        case nil: return .serviceDefault
        case "never": return .never
        case let text?:
            guard let days = Int(text).flatMap(TokenExpiry.Days.init(rawValue:)) else {
                throw UsageError("--expires-in-days \(TokenRequest.Expiry.invalidDays.message), never")
            }
            return .days(days)
        }
    }

    // MARK: - Listing and revoking

    /// A token as `token list --output json` prints it.
    private struct Listed: Encodable {
        var token: TokenRecord
        var email: String
        var status: String

        enum CodingKeys: String, CodingKey {
            case id, prefix, name, email, scopes, status
            case accountID = "account_id"
            case userID = "user_id"
            case projectIDs = "project_ids"
            case createdAt = "created_at"
            case expiresAt = "expires_at"
            case revokedAt = "revoked_at"
            case lastUsedAt = "last_used_at"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(token.publicID, forKey: .id)
            try container.encode(TokenFormat.prefix(id: token.publicID), forKey: .prefix)
            try container.encode(token.name, forKey: .name)
            try container.encode(email, forKey: .email)
            try container.encode(token.userID, forKey: .userID)
            try container.encode(token.accountID, forKey: .accountID)
            try container.encode(token.scopes.map(\.description), forKey: .scopes)
            // Null instead of missing, so that every element has the same keys.
            try container.encode(token.projectIDs, forKey: .projectIDs)
            try container.encode(status, forKey: .status)
            try container.encode(Date(token.createdAt), forKey: .createdAt)
            try container.encode(token.expiresAt.map { Date($0) }, forKey: .expiresAt)
            try container.encode(token.revokedAt.map { Date($0) }, forKey: .revokedAt)
            try container.encode(token.lastUsedAt.map { Date($0) }, forKey: .lastUsedAt)
        }
    }

    private static let list = ServerCommand(
        "token", "list", summary: "List the tokens of all users, or of one.",
        flags: [Flag("user", value: "EMAIL", summary: "only the tokens of this user"), .output],
        examples: ["podstack-server token list", "podstack-server token list --user you@example.com --output json"]
    ) { arguments in
        let service = try arguments.service()
        let userID = try arguments.value("user").map { try user($0, of: service).id }
        var output = ListOutput(
            arguments, header: ["PREFIX", "USER", "NAME", "STATUS", "CREATED", "EXPIRES", "LAST USED"])
        var last = ""
        while true {
            let page = try service.database.read {
                try TokenStore.list(userID: userID, after: last, limit: 500, in: $0)
            }
            let now = service.now()
            if !page.isEmpty || last.isEmpty {
                try output.write(
                    page.map { token, email in
                        let status = status(of: token, at: now)
                        return (
                            Listed(token: token, email: email, status: status),
                            [
                                TokenFormat.prefix(id: token.publicID), email, token.name, status,
                                displayedTime(token.createdAt), token.expiresAt.map(displayedTime) ?? "never",
                                displayedTime(token.lastUsedAt),
                            ]
                        )
                    })
            }
            guard let end = page.last else { break }
            last = end.token.id
        }
        output.end()
    }

    private static func status(of token: TokenRecord, at now: Int64) -> String {
        switch token.lifetime.failure(at: now) {
        case nil: "active"
        case .revoked: "revoked"
        case .some: "expired"
        }
    }

    private static let revoke = ServerCommand(
        "token", "revoke", summary: "Revoke a token of any user. Running servers reject it at once.",
        arguments: [Argument("PREFIX-OR-ID", summary: "the prefix of the token, such as podstack_0123abcd, or its ID")],
        flags: [
            Flag(
                "user", value: "EMAIL", summary: "the user of the token, if tokens of several accounts have the prefix")
        ],
        examples: ["podstack-server token revoke podstack_0123abcd"]
    ) { arguments in
        let text = arguments.positional[0]
        // The whole token is a secret, which is now in the history of the shell and in the list of processes.
        guard !TokenFormat.isContained(in: text) else {
            throw UsageError(
                "PREFIX-OR-ID: this is a whole token: give its prefix only, the first 17 characters. Other "
                    + "users of this "
                    + "machine may have seen it; revoke it")
        }
        let id = text.hasPrefix(TokenFormat.prefix(id: "")) ? String(text.dropFirst(9)) : text
        guard TokenFormat.isID(id) else {
            throw UsageError(
                "PREFIX-OR-ID: \"\(Arguments.displayed(text))\" is neither a prefix such as podstack_0123abcd "
                    + "nor an ID")
        }
        let service = try arguments.service()
        let userID = try arguments.value("user").map { try user($0, of: service).id }
        let (token, wasRevoked) = try service.changes.perform(by: .administrator, at: service.now()) { change in
            let found = try TokenStore.sharing(id, in: change.connection).filter { userID ?? $0.userID == $0.userID }
            guard let token = found.first else {
                let owner = arguments.value("user").map { "\($0) has no token with" } ?? "no token has"
                throw SetupFailure("\(owner) the prefix \(TokenFormat.prefix(id: id))")
            }
            guard found.count == 1 else {
                throw SetupFailure(
                    "tokens of \(found.count) accounts have the prefix \(TokenFormat.prefix(id: id)): name the user with --user"
                )
            }
            try TokenService.revoke(token, because: "revoked by the operator", in: change)
            return (token, token.revokedAt != nil)
        }
        let name = TerminalText.printable(token.name)
        let state = wasRevoked ? "was already revoked" : "is revoked"
        StandardStream.output.write("\(TokenFormat.prefix(id: id)) \"\(name)\" \(state)\n")
    }

    // MARK: - Logins of devices

    private static let deviceArguments = [
        Argument("CODE", summary: "the code that the client shows"), UserCommands.email,
    ]

    private static let approve = ServerCommand(
        "device", "approve", summary: "Approve the login of the client that shows CODE, with a token of the user.",
        arguments: deviceArguments, flags: [.maxActiveTokens],
        examples: ["podstack-server device approve WDJB-MJHT you@example.com"]
    ) { try decide(isApproved: true, $0) }

    private static let deny = ServerCommand(
        "device", "deny", summary: "Deny the login of the client that shows CODE.", arguments: deviceArguments,
        examples: ["podstack-server device deny WDJB-MJHT you@example.com"]
    ) { try decide(isApproved: false, $0) }

    private static func decide(isApproved: Bool, _ arguments: Arguments) throws {
        let (code, email) = (arguments.positional[0], arguments.positional[1])
        let service = try arguments.service()
        let user = try user(email, of: service)
        let request = try service.changes.perform(by: .administrator, at: service.now()) { change in
            isApproved
                ? try service.devices.approve(code, by: user, in: change)
                : try service.devices.deny(code, by: user, in: change)
        }
        let scopes = (request.scopes ?? [.all]).map(\.description).joined(separator: " ")
        let decision = isApproved ? "approved" : "denied"
        StandardStream.output.write("\(decision): \(request.clientName) at \(request.address), scopes \(scopes)\n")
    }
}
