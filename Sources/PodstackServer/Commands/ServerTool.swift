import PodstackAPI
package import PodstackCommandLine
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

typealias ServerCommand = Command<@Sendable (Arguments) throws -> Void>

/// The `podstack-server` program.
package enum ServerTool {
    static var versionNumber: String { PodstackVersion.current }

    static let program: Program<@Sendable (Arguments) throws -> Void> = Program(
        "podstack-server", summary: "Run and administer the Podstack service.",
        groups: [
            CommandGroup("Service", "serve", "doctor", "migrate"),
            CommandGroup("Users and tokens", "user", "token", "device"),
            CommandGroup("GPUs and money", "gpu", "price", "wallet"),
            CommandGroup("Data", "audit", "backup", "pepper"), CommandGroup("Tools", "completion", "version"),
        ],
        commands: [ServeCommand.command] + UserCommands.all + TokenCommands.all + BillingCommands.all
            + MaintenanceCommands.all
            + [DoctorCommand.command, completion, version, complete, manual],
        globalFlags: [.data, .database], commandComesFirst: true,
        footer: "All commands except serve, migrate and pepper rotate may run while a server is running.",
        reference: ServerReference.reference)

    private static let version = ServerCommand(
        "version", summary: "Show the version.", examples: ["podstack-server version"]
    ) { _ in printVersion() }

    private static let completion = ServerCommand(
        "completion", summary: "Print the script with which a shell completes commands and flags.",
        arguments: [
            Argument(
                "SHELL", summary: "bash, zsh or fish", values: .choices(CompletionShell.allCases.map(\.rawValue)))
        ],
        examples: [
            Example("eval \"$(podstack-server completion bash)\"", "in ~/.bashrc"),
            Example(
                "podstack-server completion fish >~/.config/fish/completions/podstack-server.fish", "once, for fish"),
        ]
    ) { arguments in
        guard let shell = CompletionShell(rawValue: arguments.positional[0]) else { return }
        StandardStream.output.write(shell.script(for: program.name) + "\n")
    }

    /// The command that the completion scripts call.
    private static let complete = ServerCommand(
        "__complete", summary: "Print the candidates for the next word.", isHidden: true
    ) { _ in
        let line = LineCompletion.words(of: StandardInput.readAll(limit: 1 << 16) ?? "")
        StandardStream.output.write(LineCompletion(line, of: program) { _ in [] }.text + "\n")
    }

    /// Writes the manual pages, for packages.
    private static let manual = ServerCommand(
        "man", summary: "Write the manual pages to a directory.",
        arguments: [Argument("DIR", summary: "an existing directory", values: .files)],
        examples: ["podstack-server man /usr/local/share/man/man8"], isHidden: true
    ) { arguments in
        let pages = ManPages(of: program, section: 8, version: versionNumber)
        for file in try pages.write(to: arguments.positional[0]) { StandardStream.output.write(file + "\n") }
    }

    private static func printVersion() { StandardStream.output.write("podstack-server \(versionNumber)\n") }

    /// Runs the command line `words`, without the name of the program.
    package static func run(_ words: [String]) -> ExitStatus {
        // Writing to a file beyond its size limit is then an error, like a full disk, and does not end the process.
        signal(SIGXFSZ, SIG_IGN)
        // A log reader that stalls must not keep the process from ending.
        defer { LogWriter.standardError.flush(seconds: flushSeconds) }
        do {
            guard words.allSatisfy(SystemText.isUTF8) else { throw UsageError("an argument is not valid UTF-8") }
            switch try program.parse(words) {
            case .run(let command, let arguments): try command.action(arguments)
            case .help(let text): StandardStream.output.write(text)
            case .version: printVersion()
            case .incomplete(group: nil, let help):
                StandardStream.error.write(help)
                return .usage
            case .incomplete(let group?, _):
                throw UsageError(
                    "missing command after \"\(group)\"", hint: "podstack-server \(group) --help lists the commands")
            }
            return .success
        } catch is ReportedProblems {
            return .failure
        } catch let error as UsageError {
            let hint = error.hint ?? "\(program.helpCommand(for: words)) shows the usage"
            StandardStream.error.write("error: \(error.message) (\(hint))\n")
            return .usage
        } catch {
            if words.first == "serve" {
                // Programs read the log of a service. Written without the buffer, which ends with the process.
                LogWriter.standardError.flush(seconds: flushSeconds)
                StandardStream.error.write(
                    Log.line("serve_failed", level: "fatal", [LogField("reason", describe(error))]))
            } else {
                StandardStream.error.write("error: \(describe(error))\n")
            }
            return .failure
        }
    }

    /// The seconds within which the last lines of the log are written.
    private static let flushSeconds = 1.0

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as SetupFailure: error.message
        case let error as DatabaseFailure: "the database failed: \(error.reason)"
        case let error as DomainError: ErrorResponse(error).message
        case let error as Listener.Failure: error.reason
        default: "an unexpected error occurred"
        }
    }
}
