import PodstackAPI

extension ServerCommand {
    static let tokenCreate = ServerCommand(
        words: ["token", "create"], arguments: ["EMAIL"],
        summary: "Make a token for a user; prints it alone, this once.",
        options: [
            Option(name: "--name", value: "NAME", summary: "what it is for"),
            Option(
                name: "--expires-in-days", value: "D", summary: "7, 30, 90, 180, 365 or never; 30 unless said"),
            Option(name: "--scope", value: "S", summary: "such as projects:read; may be repeated; * unless said"),
            Option(
                name: "--project", value: "ID", summary: "a project it is good for; may be repeated; all unless said"),
            .maxActiveTokens,
        ], run: TokenCreateCommand.run)
}

private enum TokenCreateCommand {
    static func run(_ flags: Flags) throws {
        let email = flags.positional[0]
        guard let name = try flags.one("--name") else { throw UsageFailure("--name is missing") }
        let service = try Service(
            directory: try flags.dataDirectory(), database: try flags.database(),
            settings: ServiceSettings(maxActiveTokens: try flags.count("--max-active-tokens") ?? 5))
        let request = try request(name, flags, now: service.now())
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

    private static func request(_ name: String, _ flags: Flags, now: Int64) throws -> TokenRequest {
        let values = TokenRequest.Values(
            name: name, expiry: try expiry(flags),
            scopes: flags.all("--scope")?.flatMap { $0.split(separator: ",").map(String.init) },
            projectIDs: flags.all("--project"))
        do { return try TokenRequest(values, at: now) } catch {
            guard case .invalid(let errors) = error else { throw error }
            let options = [("--name", "name"), ("--scope", "scopes"), ("--project", "project_ids")]
            for (option, field) in options {
                if let message = errors.messages[field]?.first { throw UsageFailure("\(option) \(message)") }
            }
            throw UsageFailure("--expires-in-days \(TokenRequest.Expiry.invalidDays.message), never")
        }
    }

    private static func expiry(_ flags: Flags) throws -> TokenExpiry {
        guard let text = try flags.one("--expires-in-days") else { return .serviceDefault }
        if text == "never" { return .never }
        guard let days = Int(text) else {
            throw UsageFailure("--expires-in-days \(TokenRequest.Expiry.invalidDays.message), never")
        }
        return .days(days)
    }
}
