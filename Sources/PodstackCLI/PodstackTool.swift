import Podstack
package import PodstackCommandLine
import PodstackSystem

typealias CommandAction = @Sendable (Invocation) async throws -> ExitStatus
typealias Command = PodstackCommandLine.Command<CommandAction>

/// The `podstack` program.
package enum PodstackTool {
    static let program: Program<CommandAction> = Program(
        "podstack", summary: "Work with Podstack from the command line.",
        groups: [
            CommandGroup("Authentication", "auth"), CommandGroup("API tokens", "token"),
            CommandGroup("Pods and volumes", "pod", "volume"),
            CommandGroup("GPUs and money", "gpu", "pricing", "wallet"),
            CommandGroup("Projects and members", "project", "member"), CommandGroup("Audit log", "audit"),
            CommandGroup("Settings", "config", "env"), CommandGroup("Tools", "api", "completion", "version"),
        ],
        commands: AuthCommands.all + TokenCommands.all + [ScanCommand.command] + PodCommands.all
            + PodDataCommands.all + VolumeCommands.all + BillingCommands.all + ProjectCommands.all
            + MemberCommands.all + AuditCommands.all + ConfigCommands.all + ProfileCommands.all + [
                ConfigCheck.command, EnvCommand.command, APICommand.command,
            ] + CompletionCommands.all + [version, manual],
        globalFlags: GlobalFlags.all,
        footer: """
            The token is the first of: --token or --token-file; the profile of --profile; PODSTACK_API_TOKEN;
            the file that PODSTACK_API_TOKEN_FILE names; the profile that PODSTACK_PROFILE names, else the one
            that "podstack auth switch" selected, else "default", in ~/.podstack/credentials.
            """,
        synonyms: [
            "auth list": "config show", "auth ls": "config show", "auth profiles": "config show",
            "config list": "config show", "config ls": "config show",
        ],
        reference: PodstackReference.reference)

    static let version = Command("version", summary: "Show the version.", examples: ["podstack version"]) {
        invocation in
        try invocation.write(["version": PodstackVersion.current]) { "podstack \(PodstackVersion.current)" }
        return .success
    }

    /// Writes the manual pages, for packages.
    static let manual = Command(
        "man", summary: "Write the manual pages to a directory.",
        arguments: [Argument("DIR", summary: "an existing directory", values: .files)],
        examples: ["podstack man /usr/local/share/man/man1"], isHidden: true
    ) { invocation in
        let pages = ManPages(of: program, section: 1, version: PodstackVersion.current)
        for file in try pages.write(to: invocation.arguments.positional[0]) { invocation.print(file) }
        return .success
    }

    /// The commands for which the name of a project in `--project` is not looked up, because they do not use it.
    static let ignoringProject: Set<String> = [
        "auth logout", "auth switch", "auth token", "auth doctor", "token scan", "project use", "config explain",
        "config show", "config get", "config set", "config unset", "config reset", "config path", "config set-profile",
        "config get-profile", "config check", "env", "completion", "__complete", "version", "man",
    ]

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
            return command?.isCauseOf(error) == true ? .usage : ExitStatus(for: error)
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
            try EmptyValue.check(arguments, of: command)
            let work = BlockingWork(of: context, format: format, isQuiet: arguments.has("quiet"))
            return try await BlockingWork.$current.withValue(work) { [format] in
                try await perform(command, arguments, context: context, format: format)
            }
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

extension PodstackTool {
    /// Runs a command, whose output a pager shows if it may be long.
    private static func perform(
        _ command: Command, _ arguments: Arguments, context: Context, format: OutputFormat
    ) async throws -> ExitStatus {
        if command.isPaged { context.pager?.begin() }
        // Before an error is written, for which the terminal must be free.
        defer {
            context.boundary?.finish()
            context.pager?.finish()
        }
        var invocation = try Invocation(arguments: arguments, context: context, format: format)
        // The file of --env-file may set the variable for the format.
        if arguments.has("env-file") {
            invocation.format = try OutputFormat.format(
                of: command, arguments, environment: invocation.context.environment)
        }
        if !ignoringProject.contains(command.name) { invocation = try await invocation.resolvingProject() }
        return try await invocation.advisingOnProject { [invocation] in try await command.action(invocation) }
    }
}

/// A command failed for a reason that is not an error of the SDK.
struct CommandError: Error {
    var message: String
    var hint: String?
    var status = ExitStatus.failure
}

extension Command {
    /// Returns whether an error is about values of the command line only, so that it is wrong usage.
    fileprivate func isCauseOf(_ error: any Error) -> Bool {
        guard let error = error as? ValidationError else { return false }
        // Nothing was sent: the client itself rejected the value.
        if error.statusCode == nil { return true }
        let fields = error.fieldErrors.keys
        return !fields.isEmpty && fields.allSatisfy { name(ofField: $0) != $0 }
    }
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
