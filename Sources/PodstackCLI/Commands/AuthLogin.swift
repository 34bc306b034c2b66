import Podstack

extension Command {
    static let authLogin = Command(
        words: ["auth", "login"],
        summary: "Check a token and store it in the credentials file, or in the keyring; asks for it, or reads a pipe.",
        flags: [
            .init(name: "web", summary: "get the token by approving it in a browser, here or on another machine"),
            .init(name: "use-keyring", summary: keyringSummary),
            .init(name: "force", summary: "store it even when a variable will still be used before it"),
        ]
    ) { invocation in
        try invocation.arguments.nothing()
        if invocation.arguments.has("web") { return try await WebLogin(invocation).run() }
        let usesKeyring = invocation.arguments.has("use-keyring")
        if usesKeyring { try await StoredToken(invocation).check(usingKeyring: true) }
        let token = APIToken(try readToken(invocation))
        // Checked alone, so that no other token can answer for it.
        let client = try token.withSecret {
            try invocation.client(token: $0, endpoint: try endpointOfProfile(invocation))
        }
        let user = try await client.auth.whoami()
        try checkNothingHides(invocation)
        try await store(token, for: client.configuration.apiEndpoint, user, invocation)
        return .done
    }

    /// Throws when a variable would still be used instead of what is stored.
    static func checkNothingHides(_ invocation: Invocation) throws {
        guard invocation.arguments.value("profile") == nil, !invocation.arguments.has("force"),
            let variable = ClientConfiguration.variableHoldingToken(invocation.context.environment)
        else { return }
        throw CommandError(
            message: "\(variable) is set and would still be used instead of what is stored",
            hint: "unset \(variable), or store it all the same with --force")
    }

    static func store(
        _ token: APIToken, for endpoint: ClientConfiguration.Setting<APIEndpoint>, _ user: User,
        _ invocation: Invocation
    ) async throws {
        let place = try StoredToken(invocation)
        let usesKeyring = invocation.arguments.has("use-keyring")
        try await place.store(token, for: endpoint, usingKeyring: usesKeyring)
        try invocation.write(user) { "Authenticated as: \(Table.printable(user.email))" }
        let service = endpoint.source == .default ? "" : ", for \(endpoint.value.url)"
        let name = "\(place.path) [\(place.profile)]"
        invocation.note(Table.printable("Stored in \(usesKeyring ? "the keyring, for \(name)" : name)\(service)"))
    }

    private static var keyringSummary: String {
        #if os(Linux)
            "store it in the keyring of the desktop (Secret Service), never in the file"
        #else
            "for Linux desktops alone: not on this system"
        #endif
    }

    /// Where the profile's tokens go: to no other service is a token taken that will be stored in it.
    static func endpointOfProfile(_ invocation: Invocation) throws -> String? {
        if let given = invocation.arguments.value("api-endpoint") { return given }
        let environment = invocation.context.environment
        let isNamed = invocation.arguments.value("profile") != nil
        guard isNamed || environment["PODSTACK_API_ENDPOINT"]?.isEmpty != false else { return nil }
        let file = try CredentialsFile(path: CredentialsFile.path(environment))
        return file.value(.apiEndpoint, profile: invocation.profileName).flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func readToken(_ invocation: Invocation) throws -> String {
        if let token = invocation.token { return token }
        let ask = invocation.context.askSecret
        let token = if let ask { ask("API token: ") ?? "" } else { try invocation.context.readInput() }
        // Else the next one to refuse it would speak of --token, which nobody passed.
        guard token.contains(where: { !$0.isWhitespace }) else { throw CommandError(message: "no token was entered") }
        return token
    }
}
