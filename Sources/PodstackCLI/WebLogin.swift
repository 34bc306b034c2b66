import Podstack
import PodstackCommandLine
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// `podstack auth login --web`: the user approves the login on a page in a browser, on this or another machine.
struct WebLogin {
    private let invocation: Invocation
    private var context: Context { invocation.context }

    init(_ invocation: Invocation) throws {
        guard invocation.token == nil else {
            throw UsageError(
                "--web cannot be combined with --token or --token-file: --web creates its own token")
        }
        self.invocation = invocation
    }

    func run() async throws -> ExitStatus {
        // Obstacles are reported before the user approves in vain.
        try AuthCommands.checkNotShadowed(invocation)
        try await StoredToken(invocation).check(usingKeyring: invocation.arguments.has("use-keyring"))
        let login = try DeviceLogin(
            apiEndpoint: try AuthCommands.endpointOfProfile(invocation), environment: context.environment,
            transport: context.transport, time: context.time, onEvent: invocation.eventLog)
        let request = try await login.begin(clientName: clientName)
        try show(request)
        let secret = try await approvedToken(of: request)
        let client = try secret.withSecret {
            try invocation.client(
                token: TokenInput(text: $0, source: .argument("the service")), endpoint: login.apiEndpoint.value.url)
        }
        do {
            let user = try await client.auth.whoami()
            try await AuthCommands.store(secret, for: login.apiEndpoint, user, invocation)
        } catch {
            // The token is not stored anywhere: without this it would stay valid, unused.
            try? await client.auth.revoke()
            throw error
        }
        return .success
    }

    private func show(_ request: DeviceLoginRequest) throws {
        let page = request.verificationURIComplete
        // A browser opens more than pages: files, and the handlers of other schemes.
        guard ["https://", "http://"].contains(where: page.hasPrefix), page.utf8.allSatisfy({ 0x21...0x7E ~= $0 })
        else {
            throw CommandError(message: "the service does not name a page to open, but \"\(page)\"")
        }
        let code = TerminalText.printable(request.userCode)
        let text = "Open this page in any browser:  \(page)\nIt must show this code:         \(code)"
        Message(.info, text).write(to: context.standardError, format: invocation.format)
        context.openPage?(page)
    }

    private func approvedToken(of request: DeviceLoginRequest) async throws -> APIToken {
        context.onInterrupt("\nInterrupted: nothing was stored. If you approved already, revoke the token.\n")
        let showsProgress = context.showsProgress && !invocation.arguments.has("quiet")
        let progress = ProgressLine(write: context.standardError)
        defer {
            context.onInterrupt(nil)
            progress.clear()
        }
        return try await request.token { left in
            guard showsProgress else { return }
            let (minutes, seconds) = left.components.seconds.quotientAndRemainder(dividingBy: 60)
            progress.show("Waiting for your decision there, \(minutes):\(seconds < 10 ? "0" : "")\(seconds) left")
        }.secret
    }

    // MARK: - The name of this client

    /// The name by which the user recognizes the login on the page: `podstack on HOST (USER)`.
    private var clientName: String {
        let user = ["USER", "LOGNAME"].lazy.compactMap { context.environment.value(of: $0) }.first ?? ""
        return "podstack on \(Self.shortened(Self.host))" + (user.isEmpty ? "" : " (\(Self.shortened(user)))")
    }

    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0, name[0] != 0 else { return "a machine without a name" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Returns `text` as the service accepts it in a client name.
    private static func shortened(_ text: String) -> String {
        String(TerminalText.printable(TokenRedaction.redact(text)).prefix(40))
    }
}

/// The browser of the desktop.
enum Browser {
    /// Returns a function that opens a page; nil when there is no screen.
    ///
    /// `BROWSER` names the program; `%s` in it stands for the page. Over SSH without a display, a page would open where no
    /// user sees it, or a text browser would take the terminal.
    static func opener(_ environment: PodstackEnvironment) -> (@Sendable (String) -> Void)? {
        // A `.env` file must not choose the program, or the code that it loads.
        let variables = environment.allTrusted
        func value(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
        let hasScreen = value("DISPLAY") != nil || value("WAYLAND_DISPLAY") != nil
        let isRemote = value("SSH_CONNECTION") != nil || value("SSH_TTY") != nil
        guard hasScreen || !isRemote else { return nil }
        // The variable may list several programs, as for xdg-open.
        if let first = value("BROWSER")?.split(byte: ":").first, let words = CommandWords.split(String(first)),
            !words.isEmpty
        {
            return { page in
                let isNamed = words.dropFirst().contains { $0.contains(bytes: "%s") }
                start(words.map { $0.replacing(bytes: "%s", with: page) } + (isNamed ? [] : [page]), variables)
            }
        }
        #if canImport(Darwin)
            return { page in start(["open", page], variables) }
        #else
            guard hasScreen else { return nil }
            return { page in start(["xdg-open", page], variables) }
        #endif
    }

    /// Starts a program and does not wait for it.
    ///
    /// Failures are ignored: the user can open the page by hand.
    private static func start(_ words: [String], _ environment: [String: String]) {
        guard let program = ProgramSearch.find(words[0], in: environment["PATH"]) else { return }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for stream: Int32 in [1, 2] { posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_WRONLY, 0) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Ctrl-C is meant for this program only.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        // The browser needs no token, and starts programs by name itself.
        var variables = environment.filter { !$0.key.hasPrefix(bytes: "PODSTACK_") }
        variables["PATH"] = ProgramSearch.absolute(environment["PATH"])
        var entries = variables.map { SystemText.withCString("\($0.key)=\($0.value)") { strdup($0) } } + [nil]
        var arguments = words.map { SystemText.withCString($0) { strdup($0) } } + [nil]
        defer { for string in arguments + entries { free(string) } }
        var id = pid_t()
        _ = SystemText.withCString(program) { posix_spawn(&id, $0, &actions, &attributes, &arguments, &entries) }
    }
}
