import Podstack
import PodstackAPI
import PodstackCommandLine

/// `podstack auth`: logging in and out, and the current token.
enum AuthCommands {
    static let all: [Command] = [login, status, whoami, logout, tokenInfo, refresh, revoke]

    // MARK: - The current user and token

    static let status = Command(
        "auth", "status", summary: "Show the current user, the expiry of the token, and the source of each setting."
    ) { invocation in
        let user = try await invocation.client().auth.whoami()
        let configuration = try invocation.configuration()
        let expiry = user.token?.expiresAt.map { String(Timestamp.format($0).prefix(10)) } ?? "never"
        try invocation.write(Status(user: user, settings: SettingsReport(configuration))) {
            """
            Authenticated as: \(TerminalText.printable(user.email))
            Account ID: \(TerminalText.printable(user.accountID ?? "unknown"))
            Token expires: \(expiry)

            \(SettingsReport.text(configuration))
            """
        }
        return .success
    }

    private struct Status: Encodable {
        var user: User
        var settings: SettingsReport
    }

    static let whoami = Command("auth", "whoami", summary: "Show the email address of the current user.") {
        invocation in
        let user = try await invocation.client().auth.whoami()
        try invocation.write(user) { TerminalText.printable(user.email) }
        return .success
    }

    static let tokenInfo = Command("auth", "token-info", summary: "Show the current token.") { invocation in
        let user = try await invocation.client().auth.whoami()
        guard let token = user.token else {
            throw CommandError(message: "the service does not say which token it authenticated")
        }
        try invocation.write(token) { TokenDetails.text(token) }
        return .success
    }

    static let refresh = Command(
        "auth", "refresh",
        summary: "Rotate the current token, and replace it in its file or keyring; elsewhere, print the new one.",
        flags: [TokenCommands.grace]
    ) { invocation in
        let grace = try TokenCommands.gracePeriod(invocation.arguments)
        let client = try invocation.client()
        let (token, secret) = try await client.auth.rotate(grace: grace)
        switch client.configuration.tokenSource {
        case .profile(let name, let path, _)?:
            try invocation.write(token) { TerminalText.printable("Rotated \(token.prefix) in \(path) [\(name)]") }
        case .file(let path, _)?:
            try invocation.write(token) { TerminalText.printable("Rotated \(token.prefix) in \(path)") }
        case .process(let name, let path, _)? where client.configuration.keepsRotatedToken:
            let isKeyring = try Keyring.entry(of: name, in: CredentialsFile(path: path)) != nil
            let place = isKeyring ? "in the keyring, for" : "by the credential_store_process of"
            try invocation.write(token) {
                TerminalText.printable("Rotated \(token.prefix) \(place) \(path) [\(name)]")
            }
        case let source:
            // Nothing else holds the new token: it is printed, alone.
            try secret.withSecret { text in
                try invocation.printingNewToken.write(CreatedToken(token: token, secret: text)) { text }
            }
            invocation.inform(
                "Store it in place of the old token, which came from \(source?.onCommandLine ?? "elsewhere"). "
                    + "It cannot be shown again.")
        }
        return .success
    }

    static let revoke = Command(
        "auth", "revoke", summary: "Revoke the current token: it is rejected everywhere at once."
    ) { invocation in
        try invocation.confirm("Revoke the current token?")
        try await invocation.client().auth.revoke()
        invocation.inform("Revoked")
        return .success
    }

    // MARK: - Login and logout

    static let login = Command(
        "auth", "login",
        summary: "Verify a token and store it in the credentials file or the keyring. Asks for the token, or reads it "
            + "from a pipe.",
        flags: [
            Flag("web", summary: "get the token by approving the login in a browser, on this or another machine"),
            Flag("use-keyring", summary: keyringSummary),
            Flag("force", summary: "store the token even when a variable would still be used instead of it"),
        ]
    ) { invocation in
        if invocation.arguments.has("web") { return try await WebLogin(invocation).run() }
        let usesKeyring = invocation.arguments.has("use-keyring")
        try await StoredToken(invocation).check(usingKeyring: usesKeyring)
        let input = try invocation.token ?? TokenInput.asked(invocation.context)
        let token = APIToken(input.text)
        // The client has no other token that the service could accept instead.
        let client = try invocation.client(token: input, endpoint: try endpointOfProfile(invocation))
        let user = try await client.auth.whoami()
        try checkNotShadowed(invocation)
        try await store(token, for: client.configuration.apiEndpoint, user, invocation)
        return .success
    }

    static let logout = Command(
        "auth", "logout", summary: "Remove the stored token of the profile. It stays valid until it is revoked."
    ) { invocation in
        let stored = try StoredToken(invocation)
        guard let kind = try await stored.remove() else {
            throw CommandError(message: "\(stored.path) has no token for the profile \"\(stored.profile)\"")
        }
        let keyring = kind == .keyring ? "the keyring and " : ""
        invocation.inform(
            TerminalText.printable("Removed the token of [\(stored.profile)] from \(keyring)\(stored.path)"))
        return .success
    }

    private static var keyringSummary: String {
        #if os(Linux)
            "store the token in the keyring of the desktop (Secret Service), never in the file"
        #else
            "only for Linux desktops: not available on this system"
        #endif
    }

    // MARK: - Shared with the login in a browser

    /// Throws when a variable would still be used instead of the stored token.
    static func checkNotShadowed(_ invocation: Invocation) throws {
        guard invocation.arguments.value("profile") == nil, !invocation.arguments.has("force"),
            let variable = ClientConfiguration.variableHoldingToken(invocation.context.environment)
        else { return }
        throw CommandError(
            message: "\(variable) is set and would still be used instead of the stored token",
            hint: "unset \(variable), or store the token anyway with --force")
    }

    static func store(
        _ token: APIToken, for endpoint: ClientConfiguration.Setting<APIEndpoint>, _ user: User,
        _ invocation: Invocation
    ) async throws {
        let stored = try StoredToken(invocation)
        let usesKeyring = invocation.arguments.has("use-keyring")
        try await stored.store(token, for: endpoint, usingKeyring: usesKeyring)
        try invocation.write(user) { "Authenticated as: \(TerminalText.printable(user.email))" }
        let service = endpoint.source == .default ? "" : ", for \(endpoint.value.url)"
        let name = "\(stored.path) [\(stored.profile)]"
        invocation.inform(
            TerminalText.printable("Stored in \(usesKeyring ? "the keyring, for \(name)" : name)\(service)"))
    }

    /// Returns the endpoint of the profile, to which the token is sent for verification; nil for the default order.
    static func endpointOfProfile(_ invocation: Invocation) throws -> String? {
        if let given = invocation.arguments.value("api-endpoint") { return given }
        let isNamed = invocation.arguments.value("profile") != nil
        let variable = PodstackEnvironment.Variable.apiEndpoint.rawValue
        guard isNamed || invocation.context.environment.value(of: variable) == nil else { return nil }
        let file = try invocation.credentialsFile()
        return file.value(.apiEndpoint, profile: invocation.profileName).flatMap { $0.isEmpty ? nil : $0 }
    }
}
