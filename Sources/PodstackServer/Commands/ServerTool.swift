#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The `podstack-server` command line.
public enum ServerTool {
    static let versionNumber = "0.1.0"

    /// Runs the command line `words`, without the name of the program, and gives the exit status:
    /// 0 done, 1 failed, 2 wrong usage.
    public static func run(_ words: [String]) -> Int32 {
        // A file that may not grow is then an error like a full disk, and not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        do {
            switch (words.first, words.dropFirst().first) {
            case (nil, _):
                StandardStream.error.write(help)
                return 2
            case ("--help", _), ("-h", _), ("help", _):
                StandardStream.output.write(try ServerHelp(help).text(for: Array(words.dropFirst())))
            case ("--version", _), ("version", _): StandardStream.output.write("podstack-server \(versionNumber)\n")
            case (_, _) where words.contains("--help") || words.contains("-h"):
                StandardStream.output.write(try ServerHelp(help).text(for: words))
            case ("serve", _): try ServeCommand(Flags(words.dropFirst(), names: ServeCommand.flags)).run()
            case ("user", "add"):
                try UserAddCommand.add(
                    Flags(words.dropFirst(2), names: UserAddCommand.addFlags, switches: UserAddCommand.addSwitches))
            case ("user", "link"):
                try UserAddCommand.link(Flags(words.dropFirst(2), names: UserAddCommand.linkFlags))
            case ("user", "disable"):
                try UserCommand.set(isDisabled: true, Flags(words.dropFirst(2), names: UserCommand.flags))
            case ("user", "enable"):
                try UserCommand.set(isDisabled: false, Flags(words.dropFirst(2), names: UserCommand.flags))
            case ("user", "list"): try UserCommand.list(Flags(words.dropFirst(2), names: UserCommand.flags))
            case ("token", "create"):
                try TokenCreateCommand.run(Flags(words.dropFirst(2), names: TokenCreateCommand.flags))
            case ("audit", "verify"):
                try AuditVerifyCommand.run(Flags(words.dropFirst(2), names: AuditVerifyCommand.flags))
            case ("pepper", "rotate"):
                try PepperCommand.rotate(Flags(words.dropFirst(2), names: PepperCommand.flags))
            case ("pepper", "status"):
                try PepperCommand.status(Flags(words.dropFirst(2), names: PepperCommand.flags))
            case ("device", "approve"):
                try DeviceCommand.run(.approve, Flags(words.dropFirst(2), names: DeviceCommand.flags))
            case ("device", "deny"):
                try DeviceCommand.run(.deny, Flags(words.dropFirst(2), names: DeviceCommand.flags))
            case ("backup", _): try BackupCommand.run(Flags(words.dropFirst(), names: BackupCommand.flags))
            case ("migrate", _): try MigrateCommand.run(Flags(words.dropFirst(), names: MigrateCommand.flags))
            default:
                throw ServerHelp(help).unknown(words)
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
        case let error as APIError: error.message
        case let error as Listener.Failure: error.reason
        default: "something unexpected went wrong"
        }
    }

    private static let help = """
        Usage: podstack-server COMMAND [OPTIONS]

        Commands:
          serve                Serve the API until SIGTERM, which lets running requests finish.
            --listen ADDRESS:PORT  where to listen; 127.0.0.1:8080 unless said; port 0 picks one; beyond this machine
                                 only with --tls-cert and --tls-key, or --behind-proxy
            --threads N          threads that answer; as many as processors unless said
            --max-active-tokens N  of each account; 5 unless said
            --requests-per-minute N  with each token; no limit unless said
            --failed-authentications N  from each address in a minute; 20 unless said
            --reports-per-minute N  of leaked tokens, from each address; 60 unless said
            --device-codes-per-minute N  for programs without a browser, from each address; 10 unless said
            --public-url URL     where browsers reach the service; what each client calls it unless said
            --behind-proxy IP    a proxy whose X-Forwarded-For counts; may be repeated
            --tls-cert F --tls-key F  certificate with its chain, and key, in PEM; SIGHUP reads them again
            --request-timeout S  seconds that a request may take to arrive; 30 unless said
          user add EMAIL       Add an account with its first user; prints the account's id, and a link that works
                               once, to choose a password for the dashboard.
            --name NAME          the user's name
            --password-stdin     take the password from a pipe, and print no link
            --public-url URL     where browsers reach the service; where it last listened unless said
          user link EMAIL      Print a link that works once, to choose a new password when the old one was forgotten.
            --public-url URL     where browsers reach the service; where it last listened unless said
          user disable EMAIL   Refuse a user's tokens and sign-ins from now on, and sign them out everywhere.
          user enable EMAIL    Let them in again: their tokens work as before.
          user list            Everybody, a line each: address, account, since when, active or disabled.
          token create EMAIL   Make a token for a user; prints it alone, this once.
            --name NAME          what it is for
            --expires-in-days D  7, 30, 90, 180, 365 or never; 30 unless said
            --scope S            such as projects:read; may be repeated; * unless said
            --project ID         a project it is good for; may be repeated; all unless said
            --max-active-tokens N  of each account; 5 unless said
          audit verify         Check that nothing in the audit log was changed, removed or moved.
          device approve CODE EMAIL
                               Give the program that shows CODE a token of a user.
          device deny CODE EMAIL
                               Refuse that program.
          backup FILE          Copy the database, as it is now, to a new file. The pepper is not in it.
          pepper rotate        Replace the pepper. Every token stays good, and moves to the new one when it is next used.
          pepper status        What still needs the pepper before.
          migrate              Bring the database to the schema of this program, as serving does too.

        Options of every command:
          --data DIR           the folder with everything; ./podstack-data unless said
          --database URL       postgres://USER@HOST/NAME: the database is there, and DIR holds the pepper alone, the
                               same for every instance; PODSTACK_DATABASE_URL says it too, and shows no password
          --help, --version

        All but serve, migrate and pepper rotate work beside a running server.

        """
}

/// The command line is not one that the program understands.
struct UsageFailure: Error {
    var message: String
    init(_ message: String) { self.message = message }
}
