import Podstack
import PodstackCommandLine
import PodstackSystem

/// The flags that every command takes.
enum GlobalFlags {
    static let all: [Flag] = [
        Flag(
            "profile", value: "P", summary: "use this profile of the credentials file",
            values: .listed(CompletionCommands.profiles)),
        Flag("token", value: "T", summary: "use this token; - reads it from standard input"),
        Flag("token-file", value: "F", summary: "use the token in this file", values: .files),
        Flag(
            "project", value: "PROJECT", summary: "use the project with this ID or name",
            values: .listed(CompletionCommands.projects)),
        Flag(
            "api-endpoint", value: "URL",
            summary: "the URL of the service (default: from the environment, the profile, or https://api.podstack.ai)"),
        Flag("env-file", value: "F", summary: "load the variables of this .env file first", values: .files),
        Flag(
            "output", short: "o", value: "FORMAT",
            summary: "table, wide, json or yaml (default: PODSTACK_OUTPUT, else table)",
            values: .choices(OutputFormat.allCases.map(\.rawValue))),
        Flag("quiet", short: "q", summary: "write only data, warnings and errors"),
        Flag("yes", short: "y", summary: "do not ask for confirmation"),
        Flag("debug", summary: "write each request to standard error"),
        Flag("no-color", summary: "write no colors, as with the variable NO_COLOR"),
    ]
}

/// One run of a command: its arguments, its context and its output.
struct Invocation: Sendable {
    var arguments: Arguments
    var context: Context
    var format: OutputFormat
    /// The token of `--token` or `--token-file`, read once.
    var token: TokenInput?

    init(arguments: Arguments, context: Context, format: OutputFormat) throws {
        self.arguments = arguments
        self.context = context
        self.format = format
        if let path = arguments.value("env-file") {
            guard !path.isEmpty else { throw UsageError("--env-file: the path is empty") }
            let file = try DotEnv.load(path, into: &self.context.environment)
            for warning in file?.warnings ?? [] { warn(warning) }
        }
        token = try TokenInput.given(by: arguments, self.context, warn: warn)
    }

    // MARK: - The SDK

    /// Creates a client from the flags, which are its explicit arguments.
    ///
    /// `override` replaces the token of the flags and their profile, `endpoint` the endpoint of the flags.
    func client(token override: TokenInput? = nil, endpoint: String? = nil) throws -> Client {
        let token = override ?? token
        var options = ClientOptions()
        options.environment = context.environment
        options.transport = context.transport
        options.time = context.time
        options.onEvent = eventLog
        options.tokenSource = token?.source ?? TokenInput.flag
        return try Client(
            apiToken: token?.text, profile: override == nil ? arguments.value("profile") : nil,
            projectID: arguments.value("project"), apiEndpoint: endpoint ?? arguments.value("api-endpoint"),
            options: options)
    }

    func configuration() throws -> ClientConfiguration {
        try ClientConfiguration(
            apiToken: token?.text, from: token?.source ?? TokenInput.flag, profile: arguments.value("profile"),
            projectID: arguments.value("project"), apiEndpoint: arguments.value("api-endpoint"),
            environment: context.environment)
    }

    /// Writes the events of a client to standard error: warnings always, requests with `--debug`.
    var eventLog: @Sendable (ClientEvent) -> Void {
        let isDebugging = arguments.has("debug")
        let isQuiet = arguments.has("quiet")
        let (standardError, format) = (context.standardError, self.format)
        let wait = ServiceWait(context)
        @Sendable func write(_ kind: Message.Kind, _ text: String) {
            Message(kind, TerminalText.printable(text)).write(to: standardError, format: format)
        }
        return { event in
            wait.observe(event)
            switch event {
            case .warning(let text): write(.warning, text)
            case .tokenExpiring(let end, let seconds) where !isQuiet:
                write(.warning, "the token \(Self.expiry(end, seconds)); \"podstack auth login\" stores another")
            default: if isDebugging { write(.debug, event.debugText) }
            }
        }
    }

    private static func expiry(_ end: String, _ seconds: Int) -> String {
        let days = seconds / 86_400
        return days < 1
            ? "expires within a day, at \(end)" : "expires in \(days) \(days == 1 ? "day" : "days"), at \(end)"
    }

    // MARK: - The profile

    /// The name of the profile that the command reads or changes.
    var profileName: String {
        arguments.value("profile") ?? CredentialsFile.ambientProfileName(context.environment)
    }

    /// The reason why no profile is used: a variable that comes first.
    ///
    /// Nil when a profile is used.
    var reasonForNoProfile: String? {
        guard arguments.value("profile") == nil else { return nil }
        return ClientConfiguration.variableHoldingToken(context.environment).map {
            "\($0) is set, so no profile is used"
        }
    }

    func credentialsFile() throws -> CredentialsFile {
        try CredentialsFile(path: CredentialsFile.path(context.environment))
    }

    func changeProfile(_ change: (inout CredentialsFile, String) throws -> Void) throws {
        var file = try CredentialsFile(changing: CredentialsFile.path(context.environment))
        try change(&file, profileName)
        try file.save()
    }

    // MARK: - Questions and messages

    /// Asks before a change that cannot be undone.
    ///
    /// Without a terminal, `--yes` is required.
    func confirm(_ question: String) throws {
        if arguments.has("yes") { return }
        guard let ask = context.askLine else {
            throw UsageError(
                "this cannot be undone, and there is no terminal to ask on", hint: "--yes confirms the change")
        }
        try Self.check(ask("\(question) This cannot be undone. [y/N] "))
    }

    /// Asks on the terminal before a change that can be undone; without a terminal, the change is made.
    func ask(_ question: String) throws {
        guard asksForConfirmation, let ask = context.askLine else { return }
        try Self.check(ask("\(question) [y/N] "))
    }

    private static func check(_ answer: String?) throws(CommandError) {
        guard ["y", "yes"].contains((answer ?? "").filter { !$0.isWhitespace }.lowercased()) else {
            throw CommandError(message: "nothing was changed: the answer was not yes")
        }
    }

    /// Asks a question on the terminal until the answer is valid, at most five times.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - value: Returns the value of an answer without whitespace around it; throws for an answer that is wrong.
    /// - Returns: The value.
    /// - Throws: The error of the last answer.
    func answer<Value>(to question: String, _ value: (String) throws(UsageError) -> Value) throws -> Value {
        var attempts = 5
        while true {
            let answer = context.askLine?(question)
            attempts -= 1
            do { return try value(answer.map(Self.trimmed) ?? "") } catch {
                guard attempts > 0, answer != nil else {
                    throw CommandError(message: error.message, hint: error.hint)
                }
                context.standardError("\(TerminalText.printable(error.message))\n")
            }
        }
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }

    /// Whether ``confirm(_:)`` will ask.
    var asksForConfirmation: Bool { !arguments.has("yes") && context.askLine != nil }

    func print(_ text: String) { context.standardOutput(text + "\n") }

    /// Writes a sentence for people to standard error; `--quiet` omits it.
    func inform(_ text: String) {
        if !arguments.has("quiet") { Message(.info, text).write(to: context.standardError, format: format) }
    }

    func warn(_ text: String) { Message(.warning, text).write(to: context.standardError, format: format) }
}

extension CredentialsFile {
    /// Throws when the file has no profile of that name.
    func checkHas(_ profile: String) throws {
        guard !hasProfile(profile) else { return }
        let near = Suggestion.question(profile, among: profileNames)
        let message = "\(path) has no profile \"\(Arguments.displayed(profile))\"\(near)"
        guard !profileNames.isEmpty else {
            throw CommandError(message: message, hint: "podstack auth login --profile P creates a profile")
        }
        throw CommandError(message: message, hint: "Existing profiles: \(profileNames.joined(separator: ", "))")
    }
}
