import Podstack

/// One run of a command: its arguments, and the world.
struct Invocation: Sendable {
    var arguments: Arguments
    var context: Context
    var format: OutputFormat
    /// From `--token` or `--token-file`, read once.
    var token: String?

    init(arguments: Arguments, context: Context, format: OutputFormat) throws {
        self.arguments = arguments
        self.context = context
        self.format = format
        if let path = arguments.value("env-file") {
            let file = try DotEnv.load(path, into: &self.context.environment)
            for warning in file?.warnings ?? [] { warn(warning) }
        }
        if let token = arguments.value("token") {
            guard arguments.value("token-file") == nil else {
                throw UsageError("--token and --token-file cannot both be given")
            }
            if token == "-" {
                self.token = try context.readInput()
            } else {
                self.token = token
                warn("others on this machine can see a token on the command line; use --token -, or a variable")
            }
        } else if let path = arguments.value("token-file") {
            self.token = try APITokenFile.read(path)
        }
    }

    /// The flags are the explicit arguments of `Client`.
    func client(token override: String? = nil, endpoint: String? = nil) throws -> Client {
        try Client(
            apiToken: override ?? token, profile: override == nil ? arguments.value("profile") : nil,
            projectID: arguments.value("project"), apiEndpoint: endpoint ?? arguments.value("api-endpoint"),
            environment: context.environment, transport: context.transport, onEvent: eventLog
        )
    }

    var eventLog: @Sendable (ClientEvent) -> Void {
        let isDebugging = arguments.has("debug")
        let isQuiet = arguments.has("quiet")
        let standardError = context.standardError
        return { event in
            switch event {
            case .warning(let text): standardError("warning: \(Table.printable(text))\n")
            case .tokenExpiring(let end, let seconds) where !isQuiet:
                standardError(
                    "warning: the token \(Self.ending(end, seconds)); \"podstack auth login\" stores another\n")
            default: if isDebugging { standardError("debug: \(Table.printable(EventWords.of(event)))\n") }
            }
        }
    }

    private static func ending(_ end: String, _ seconds: Int) -> String {
        let days = seconds / 86_400
        return days < 1
            ? "expires within a day, at \(end)" : "expires in \(days) \(days == 1 ? "day" : "days"), at \(end)"
    }

    func configuration() throws -> ClientConfiguration {
        try ClientConfiguration(
            apiToken: token, profile: arguments.value("profile"), projectID: arguments.value("project"),
            apiEndpoint: arguments.value("api-endpoint"), environment: context.environment
        )
    }

    /// Asks before what cannot be undone. Where nobody can be asked, `--yes` must say it.
    func confirm(_ question: String) throws {
        if arguments.has("yes") { return }
        guard let ask = context.askLine else {
            throw UsageError(
                "this cannot be undone, and there is no terminal to ask on", hint: "--yes says that it is meant")
        }
        guard ask("\(question) It cannot be undone. Type yes: ") == "yes" else {
            throw CommandError(message: "nothing was done")
        }
    }

    /// Somebody will be asked before what cannot be undone.
    var mustAsk: Bool { !arguments.has("yes") && context.askLine != nil }

    func print(_ text: String) { context.standardOutput(text + "\n") }
    func note(_ text: String) { if !arguments.has("quiet") { context.standardError(text + "\n") } }
    func warn(_ text: String) { context.standardError("warning: \(text)\n") }
}
