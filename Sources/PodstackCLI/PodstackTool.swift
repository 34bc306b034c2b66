import Podstack
package import PodstackCommandLine

typealias CommandAction = @Sendable (Invocation) async throws -> ExitStatus
typealias Command = PodstackCommandLine.Command<CommandAction>

/// The `podstack` program.
package enum PodstackTool {
    static let program: Program<CommandAction> = Program(
        "podstack",
        commands: AuthCommands.all + TokenCommands.all + [ScanCommand.command] + ProjectCommands.all
            + MemberCommands.all + AuditCommands.all + ConfigCommands.all + ProfileCommands.all + [
                ConfigCheck.command, EnvCommand.command,
            ] + CompletionCommands.all + [version],
        globalFlags: GlobalFlags.all,
        footer: """
            The token is the first of: --token or --token-file; the profile of --profile; PODSTACK_API_TOKEN;
            the file that PODSTACK_API_TOKEN_FILE names; the profile that PODSTACK_PROFILE names, or "default",
            in ~/.podstack/credentials.
            """)

    static let version = Command("version", summary: "Show the version.") { invocation in
        try invocation.write(["version": PodstackVersion.current]) { "podstack \(PodstackVersion.current)" }
        return .success
    }

    /// Runs the command line `words`, without the name of the program.
    package static func run(_ words: [String], context: Context) async -> ExitStatus {
        let context = context.bounded(words)
        defer { context.boundary?.finish() }
        // An error in the command line itself is written in this format too.
        var format = OutputFormat.requested(in: words, environment: context.environment)
        var command: Command?
        do {
            let status = try await perform(words, context: context, format: &format, command: &command)
            if let reason = context.outputFailure() {
                throw CommandError(
                    message: "cannot write to standard output: \(reason)",
                    hint: context.boundary?.hasPrintedNewToken == true
                        ? "The new token was not printed, and cannot be shown again: revoke it and create another one"
                        : "The command was carried out, but a part of its output is lost")
            }
            return status
        } catch {
            let report = ErrorReport(error) { command?.name(ofField: $0) ?? $0 }
            report.write(to: context.standardError, format: format)
            return ExitStatus(for: error)
        }
    }

    private static func perform(
        _ words: [String], context: Context, format: inout OutputFormat, command used: inout Command?
    ) async throws -> ExitStatus {
        switch try program.parse(words) {
        case .run(let command, let arguments):
            used = command
            format = try OutputFormat.format(of: command, arguments, environment: context.environment)
            try MisplacedToken.check(arguments, of: command)
            return try await command.action(Invocation(arguments: arguments, context: context, format: format))
        case .version:
            return try await version.action(Invocation(arguments: Arguments(), context: context, format: format))
        case .help(let text), .incomplete(group: nil, let text):
            context.standardOutput(text)
            return .success
        case .incomplete(let group?, _) where format == .json:
            throw UsageError("\(group) needs a command", hint: "podstack \(group) --help lists the commands")
        case .incomplete(_, let text):
            context.standardError(text)
            return .usage
        }
    }
}

/// A command failed for a reason that is not an error of the SDK.
struct CommandError: Error {
    var message: String
    var hint: String?
    var status = ExitStatus.failure
}

extension ExitStatus {
    init(for error: any Error) {
        self =
            switch error {
            case is UsageError: .usage
            case let error as CommandError: error.status
            case let error as ConfigurationError where error.isAboutArgument: .usage
            case is AuthenticationError: .notAuthenticated
            case is PermissionError: .notAllowed
            case is ResourceNotFoundError: .notFound
            case is NetworkError, is ServerError: .unreachable
            default: .failure
            }
    }
}
