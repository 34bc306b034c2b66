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

    static let program = Program(
        "podstack-server",
        commands: [ServeCommand.command] + UserCommands.all + TokenCommands.all + MaintenanceCommands.all
            + [DoctorCommand.command, version],
        globalFlags: [.data, .database], commandComesFirst: true,
        footer: "All commands except serve, migrate and pepper rotate may run while a server is running.")

    private static let version = ServerCommand("version", summary: "Show the version.") { _ in printVersion() }

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
            let hint = error.hint ?? "podstack-server --help lists commands and options"
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
