import PodstackAPI

/// `podstack-server token create EMAIL`.
enum TokenCreateCommand {
    static let flags = ["--name", "--expires-in-days", "--scope", "--project", "--max-active-tokens"]

    static func run(_ flags: Flags) throws {
        let email = try flags.positional(["EMAIL"])[0]
        guard let name = try flags.one("--name") else { throw UsageFailure("--name is missing") }
        let service = try Service(
            directory: try flags.dataDirectory(), database: try flags.database(),
            settings: Settings(maxActiveTokens: try flags.count("--max-active-tokens") ?? 5))
        let request = TokenRequest(
            name: try checked(name), expiry: try expiry(flags, now: service.now()), scopes: try scopes(flags),
            projectIDs: flags.all("--project"))
        guard let user = try service.database.read({ try AccountStore.user(email: email, in: $0) }) else {
            throw SetupFailure("nobody has the address \(email): podstack-server user add makes an account")
        }
        guard try !service.database.read({ try AccountStore.isDisabled(user.id, in: $0) }) else {
            throw SetupFailure("\(email) is disabled, and so would the token be: podstack-server user enable")
        }
        let maker = Grant(accountID: user.accountID, userID: user.id)
        let (_, secret) = try service.changes.make(by: .administrator, at: service.now()) {
            try service.tokens.create(request, by: maker, in: $0)
        }
        StandardStream.output.write((secret ?? "") + "\n")
    }

    private static func checked(_ name: String) throws -> String {
        do { return try TokenFields.name(.string(name)) } catch { throw UsageFailure("--name \(error.message)") }
    }

    private static func expiry(_ flags: Flags, now: Int64) throws -> TokenRequest.Expiry {
        guard let text = try flags.one("--expires-in-days") else { return .standard }
        if text == "never" { return .never }
        guard let days = Int(text), TokenExpiry.choices.contains(days) else {
            throw UsageFailure("--expires-in-days must be one of 7, 30, 90, 180, 365, never")
        }
        return .at(now + Int64(days) * 86_400)
    }

    private static func scopes(_ flags: Flags) throws -> [Scope]? {
        try flags.all("--scope")?.flatMap { $0.split(separator: ",").map(String.init) }.map { text in
            guard let scope = Scope(text) else { throw UsageFailure("\"\(text)\" is not a scope") }
            return scope
        }
    }
}
