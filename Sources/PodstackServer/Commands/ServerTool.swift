import PodstackAPI

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The `podstack-server` command line.
public enum ServerTool {
    static let versionNumber = PodstackVersion.current

    /// In the order in which the help lists them.
    static let commands: [ServerCommand] = [
        .serve, .userAdd, .userLink, .userDisable, .userEnable, .userList, .tokenCreate, .auditVerify, .deviceApprove,
        .deviceDeny, .backup, .pepperRotate, .pepperStatus, .migrate,
    ]

    private static let help = ServerHelp(commands)

    /// Runs the command line `words`, without the name of the program, and gives the exit status:
    /// 0 done, 1 failed, 2 wrong usage.
    public static func run(_ words: [String]) -> Int32 {
        // A file that may not grow is then an error like a full disk, and not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        do {
            switch words.first {
            case nil:
                StandardStream.error.write(help.overview)
                return 2
            case "--help", "-h", "help": StandardStream.output.write(try help.text(for: Array(words.dropFirst())))
            case "--version", "version": StandardStream.output.write("podstack-server \(versionNumber)\n")
            case _ where words.contains("--help") || words.contains("-h"):
                StandardStream.output.write(try help.text(for: words))
            default:
                guard let command = commands.first(where: { words.starts(with: $0.words) }) else {
                    throw help.unknown(words)
                }
                try command.perform(words.dropFirst(command.words.count))
            }
            return 0
        } catch let failure as UsageFailure {
            StandardStream.error.write("error: \(failure.message) (podstack-server --help lists what there is)\n")
            return 2
        } catch {
            StandardStream.error.write("error: \(describe(error))\n")
            return 1
        }
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as SetupFailure: error.message
        case let error as DatabaseFailure: "the database failed: \(error.reason)"
        case let error as DomainError: ErrorResponse(error).message
        case let error as Listener.Failure: error.reason
        default: "something unexpected went wrong"
        }
    }
}

/// The command line is not one that the program understands.
struct UsageFailure: Error {
    var message: String
    init(_ message: String) { self.message = message }
}
