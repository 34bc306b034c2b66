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
        let request = TokenRequest(
            name: try checked(name), expiry: try expiry(flags, now: service.now()), scopes: try scopes(flags),
            projectIDs: flags.all("--project"))
        guard let user = try service.database.read({ try UserStore.find(email: email, in: $0) }) else {
            throw SetupFailure("nobody has the address \(email): podstack-server user add makes an account")
        }
        guard try !service.database.read({ try UserStore.isDisabled(user.id, in: $0) }) else {
            throw SetupFailure("\(email) is disabled, and so would the token be: podstack-server user enable")
        }
        let maker = Grant(accountID: user.accountID, userID: user.id)
        let (_, secret) = try service.changes.perform(by: .administrator, at: service.now()) {
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
        guard let given = flags.all("--scope") else { return nil }
        let texts = given.flatMap { $0.split(separator: ",").map(String.init) }
        do { return try TokenFields.scopes(.array(texts.map(JSONValue.string))) } catch {
            throw UsageFailure("--scope: \(error.message)")
        }
    }
}
