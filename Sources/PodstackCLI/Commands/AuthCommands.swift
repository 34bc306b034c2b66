import Podstack
import PodstackAPI
import PodstackCommandLine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `podstack auth`: logging in and out, and the current token.
enum AuthCommands {
    static let all: [Command] = [
        login, status, whoami, token, switchProfile, AuthDoctor.command, logout, tokenInfo, refresh, revoke,
    ]

    // MARK: - The current user and token

    static let status = Command(
        "auth", "status", summary: "Show the current user, the expiry of the token, and the source of each setting.",
        flags: [
            Flag(
                "fail-if-expires-within", value: "TIME",
                summary: "fail with status 1 if the token expires within this time: 90s, 30m, 12h or 7d")
        ],
        examples: [
            "podstack auth status",
            Example("podstack auth status --fail-if-expires-within 7d --quiet", "in a script that renews tokens"),
        ]
    ) { invocation in
        let limit = try invocation.arguments.duration("fail-if-expires-within")
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
        if let limit { try checkExpiry(of: user.token, within: limit, invocation) }
        return .success
    }

    /// Throws when a token expires within a length of time.
    private static func checkExpiry(of token: Token?, within limit: Duration, _ invocation: Invocation) throws {
        guard let token else { throw CommandError(message: "the service does not say when the token expires") }
        guard let end = token.expiresAt else { return }
        let now = invocation.context.time.date()
        guard end.timeIntervalSince(now) <= Double(limit.components.seconds) else { return }
        let verb = end < now ? "expired" : "expires"
        throw CommandError(
            message: "the token \(verb) \(RelativeTime.text(end, now: now)), at \(Timestamp.format(end))",
            hint: "podstack auth login stores a new token")
    }

    private struct Status: Encodable {
        var user: User
        var settings: SettingsReport
    }

    static let whoami = Command(
        "auth", "whoami", summary: "Show the email address of the current user.",
        examples: ["podstack auth whoami", Example("podstack auth whoami -o json", "with the token and the project")]
    ) { invocation in
        let user = try await invocation.client().auth.whoami()
        try invocation.write(user) { TerminalText.printable(user.email) }
        return .success
    }

    static let token = Command(
        "auth", "token", summary: "Print the current token, for other programs.",
        details: """
            No request is sent. Keep the token out of logs and of the arguments of programs, which other users of the \
            machine can see.
            """,
        examples: [
            Example("podstack auth token | docker login --username token --password-stdin registry.example.com"),
            Example("PODSTACK_API_TOKEN=$(podstack auth token --profile work) ./deploy", "for one program"),
        ]
    ) { invocation in
        let token = try await invocation.configuration().currentToken(invocation.context.environment)
        try token.withSecret { text in try invocation.printingData.write(["token": text]) { text } }
        return .success
    }

    static let switchProfile = Command(
        "auth", "switch", summary: "Use another profile from now on, in every shell.",
        arguments: [
            Argument("PROFILE", summary: "the name of the profile", values: .listed(CompletionCommands.profiles))
        ],
        details: """
            The choice is stored in the credentials file, as the key profile of [default], and applies to every program \
            that uses the file and names no profile. podstack auth switch default undoes it. For the current shell only, \
            see podstack config set-profile.
            """,
        examples: ["podstack auth switch work", Example("podstack auth switch default", "back to [default]")]
    ) { invocation in
        let profile = invocation.arguments.positional[0]
        guard invocation.arguments.value("profile") == nil else {
            throw UsageError("--profile names a second profile: leave it out")
        }
        let environment = invocation.context.environment
        var file = try CredentialsFile(changing: CredentialsFile.path(environment))
        try file.checkHasOrIsDefault(profile)
        try file.select(profile: profile)
        try file.save()
        try invocation.write(["profile": profile]) { TerminalText.printable("Using the profile [\(profile)]") }
        for variable in [ClientConfiguration.variableHoldingToken(environment), variableNamingProfile(environment)] {
            guard let variable else { continue }
            invocation.warn("\(variable) is set and still overrides the profile in this shell: unset \(variable)")
        }
        return .success
    }

    private static func variableNamingProfile(_ environment: PodstackEnvironment) -> String? {
        let name = PodstackEnvironment.Variable.profile.rawValue
        return environment[name]?.contains { !$0.isWhitespace } == true ? name : nil
    }

    static let tokenInfo = Command(
        "auth", "token-info", summary: "Show the current token, without its secret.",
        examples: ["podstack auth token-info"]
    ) { invocation in
        let user = try await invocation.client().auth.whoami()
        guard let token = user.token else {
            throw CommandError(message: "the service does not say which token it authenticated")
        }
        try invocation.write(token) { TokenDetails.text(token, invocation) }
        return .success
    }

    static let refresh = Command(
        "auth", "refresh",
        summary: "Rotate the current token, and replace it in its file or keyring; elsewhere, print the new one.",
        flags: [TokenCommands.grace], examples: ["podstack auth refresh", "podstack auth refresh --grace 10m"]
    ) { invocation in
        let grace = try TokenCommands.gracePeriod(invocation.arguments)
        let client = try invocation.client()
        let (token, secret) = try await client.auth.rotate(grace: grace)
        // The rotation has used the new secret, so the grace period has begun.
        let length = grace ?? TokenCommands.defaultGrace
        let oldSecret =
            length == .zero
            ? "The old secret is no longer valid." : "The old secret stays valid for \(RelativeTime.text(length))."
        defer { invocation.inform(oldSecret) }
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
        "auth", "revoke", summary: "Revoke the current token: it is rejected everywhere at once.",
        examples: ["podstack auth revoke", Example("podstack auth revoke --yes", "without a question")]
    ) { invocation in
        let client = try invocation.client()
        // Before the question, which names the token.
        let token = try await client.auth.whoami().token
        let name = token.map { "\($0.prefix) \"\($0.name)\"" } ?? "the current token"
        let source = client.configuration.tokenSource
        let place = source.map { ", from \($0.onCommandLine)" } ?? ""
        try invocation.confirm(TerminalText.printable("Revoke \(name)\(place)?"))
        try await client.auth.revoke()
        invocation.inform(TerminalText.printable("Revoked \(name)"))
        await removeRevokedToken(source, token, invocation)
        return .success
    }

    /// Removes a revoked token from the profile that holds it; names the place where it still is elsewhere.
    private static func removeRevokedToken(
        _ source: ClientConfiguration.Source?, _ token: Token?, _ invocation: Invocation
    ) async {
        guard let source else { return }
        do {
            switch source {
            // Nothing keeps a token that was given to this command alone.
            case .argument: return
            case .profile(let profile, _, _), .process(let profile, _, _):
                let stored = try StoredToken(invocation, profile: profile)
                guard let kind = try await stored.remove(ifRevoked: token?.prefix) else { break }
                let keyring = kind == .keyring ? "the keyring and " : ""
                return invocation.inform(
                    TerminalText.printable("Removed it from \(keyring)\(stored.path) [\(profile)]"))
            default: break
            }
        } catch {
            invocation.warn("the revoked token was not removed: \(ErrorReport(error).body.message)")
        }
        invocation.inform(
            TerminalText.printable("The revoked token is still in \(source.onCommandLine): remove it there"))
    }

    // MARK: - Login and logout

    static let login = Command(
        "auth", "login",
        summary: "Log in with a browser or a token, and store the token in the credentials file or the keyring.",
        flags: [
            Flag("web", summary: "get the token by approving the login in a browser, on this or another machine"),
            Flag("use-keyring", summary: keyringSummary),
            Flag("force", summary: "store the token even when a variable would still be used instead of it"),
        ],
        details: """
            On a terminal, the command offers both ways, and opens the page on which tokens are created. Elsewhere it \
            reads the token from standard input. The token is verified before it is stored. With --use-keyring, \
            podstack-keyring must be in the directory of podstack; the token is never stored in the file instead.
            """,
        examples: [
            Example("podstack auth login", "asks, without echo"),
            Example("podstack auth login <token.txt", "reads the token from a file or a pipe"),
            Example("podstack auth login --web", "approve the login in a browser"),
            "podstack auth login --profile work --use-keyring",
        ]
    ) { invocation in
        if invocation.arguments.has("web") { return try await WebLogin(invocation).run() }
        let usesKeyring = invocation.arguments.has("use-keyring")
        try await StoredToken(invocation).check(usingKeyring: usesKeyring)
        guard let input = try readToken(invocation) else { return try await WebLogin(invocation).run() }
        try input.checkNotForeign()
        let token = APIToken(input.text)
        // The client has no other token that the service could accept instead.
        let client = try invocation.client(token: input, endpoint: try endpointOfProfile(invocation))
        let user = try await client.auth.whoami()
        try checkNotShadowed(invocation)
        try await store(token, for: client.configuration.apiEndpoint, user, invocation)
        return .success
    }

    static let logout = Command(
        "auth", "logout", summary: "Remove the stored token of the profile. It stays valid until it is revoked.",
        examples: ["podstack auth logout", "podstack auth logout --profile work"]
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

    /// Returns the token to store; nil when the user chose the browser.
    private static func readToken(_ invocation: Invocation) throws -> TokenInput? {
        if let token = invocation.token { return token }
        guard let ask = invocation.context.askSecret else { return try TokenInput.asked(invocation.context) }
        let page = try TokenPage(of: endpointOfProfile(invocation), invocation)
        var question = """
            How do you want to log in to \(page.service)?
              1  approve the login in a browser
              2  create a token on its page and paste it here: \(page.url)
            Type 1 or 2, or paste an API token:\u{20}
            """
        for _ in 0..<5 {
            // Without echo, so that a token that is pasted at once is not shown.
            let choice = ask(question) ?? ""
            switch choice.filter({ !$0.isWhitespace }).lowercased() {
            case "1", "b", "browser", "web": return nil
            case "2", "t", "token":
                invocation.context.openPage?(page.url)
                return try TokenInput.asked(invocation.context)
            case let text where !text.isEmpty && text.utf8.count < TokenInput.shortestToken:
                question = "That is not one of the choices. Type 1 or 2, or paste an API token: "
            default: return try TokenInput(text: choice, source: TokenInput.terminal).checked()
            }
        }
        throw CommandError(message: "no token was entered: type 1 or 2, or paste an API token")
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

/// The page of the dashboard on which tokens are created.
struct TokenPage {
    /// The address of the service.
    let service: String
    let url: String

    /// Creates the page of a service.
    ///
    /// - Parameters:
    ///   - endpoint: The address of the service; nil for the default order of its sources.
    ///   - invocation: The invocation, whose environment may name the service.
    /// - Throws: The error of an invalid address.
    init(of endpoint: String?, _ invocation: Invocation) throws {
        let variable = invocation.context.environment[PodstackEnvironment.Variable.apiEndpoint.rawValue]
        let text = endpoint ?? variable.flatMap { $0.isEmpty ? nil : $0 }
        let service = try text.map { try APIEndpoint($0, from: .argument("apiEndpoint:")) } ?? .podstack
        self.service = service.url
        // The public service has its dashboard under another name; other services have both at one address.
        url =
            service == .podstack
            ? "https://dashboard.podstack.ai/account/tokens/new" : "\(service.url)/account/tokens/new"
    }
}

extension CredentialsFile {
    /// Throws when the file has no profile of that name, unless it is the default one, which need not exist.
    fileprivate func checkHasOrIsDefault(_ profile: String) throws {
        if profile != Self.defaultProfile { try checkHas(profile) }
    }
}
