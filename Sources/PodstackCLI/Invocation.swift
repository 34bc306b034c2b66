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
        if let token = arguments.value("token") {
            guard arguments.value("token-file") == nil else {
                throw UsageError("--token and --token-file cannot both be given")
            }
            if token == "-" {
                self.token = context.readInput()
            } else {
                self.token = token
                warn("others on this machine can see a token on the command line; use --token -, or a variable")
            }
        } else if let path = arguments.value("token-file") {
            self.token = try APITokenFile.read(path)
        }
    }

    /// The flags are the explicit arguments of `Client`.
    func client(token override: String? = nil) throws -> Client {
        try Client(
            apiToken: override ?? token, profile: override == nil ? arguments.value("profile") : nil,
            projectID: arguments.value("project"), apiEndpoint: arguments.value("api-endpoint"),
            environment: context.environment, transport: context.transport, onEvent: eventLog
        )
    }

    private var eventLog: (@Sendable (ClientEvent) -> Void)? {
        guard arguments.has("debug") else { return nil }
        let standardError = context.standardError
        return { event in standardError("debug: \(event)\n") }
    }

    func configuration() throws -> Configuration {
        try Configuration(
            apiToken: token, profile: arguments.value("profile"), projectID: arguments.value("project"),
            apiEndpoint: arguments.value("api-endpoint"), environment: context.environment
        )
    }

    func print(_ text: String) { context.standardOutput(text + "\n") }
    func note(_ text: String) { if !arguments.has("quiet") { context.standardError(text + "\n") } }
    func warn(_ text: String) { context.standardError("warning: \(text)\n") }
}
