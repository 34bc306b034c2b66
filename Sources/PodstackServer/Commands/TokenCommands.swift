import PodstackAPI
import PodstackCommandLine

/// `podstack-server token` and `device`: creating tokens for users, and deciding about logins of devices.
enum TokenCommands {
    static let all = [create, approve, deny]

    // MARK: - Creating a token

    private static let create = ServerCommand(
        "token", "create", summary: "Create a token for a user and print it (shown once).",
        arguments: [UserCommands.email],
        flags: [
            Flag("name", value: "NAME", summary: "the name of the token, which says what it is for (required)"),
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
        ]
    ) { arguments in
        let email = arguments.positional[0]
        guard let name = arguments.value("name") else {
            throw UsageError("--name is missing: give the token a name")
        }
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
            name: name, expiry: expiry(arguments),
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

    private static func expiry(_ arguments: Arguments) -> TokenExpiry {
        switch arguments.value("expires-in-days") {
        case nil: .serviceDefault
        case "never": .never
        // The flag only accepts the choices; another text is not one of them.
        case let days?: .days(Int(days) ?? 0)
        }
    }

    // MARK: - Logins of devices

    private static let deviceArguments = [
        Argument("CODE", summary: "the code that the client shows"), UserCommands.email,
    ]

    private static let approve = ServerCommand(
        "device", "approve", summary: "Approve the login of the client that shows CODE, with a token of the user.",
        arguments: deviceArguments, flags: [.maxActiveTokens]
    ) { try decide(isApproved: true, $0) }

    private static let deny = ServerCommand(
        "device", "deny", summary: "Deny the login of the client that shows CODE.", arguments: deviceArguments
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
