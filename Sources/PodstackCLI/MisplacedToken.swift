import Podstack
import PodstackCommandLine

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A token on the command line in place of another value.
///
/// It is rejected before anything is sent, stored or printed.
enum MisplacedToken {
    /// Throws when an option other than `--token`, or an argument, contains a token.
    static func check(_ arguments: Arguments, of command: Command) throws(UsageError) {
        for flag in PodstackTool.program.flags(of: command) where flag.name != "token" {
            for value in arguments.all(flag.name) ?? [] { try check(value, flag.values, "--\(flag.name)", command) }
        }
        for (index, value) in arguments.positional.enumerated() {
            guard let argument = index < command.arguments.count ? command.arguments[index] : command.arguments.last
            else { continue }
            try check(value, argument.values, argument.name, command)
        }
    }

    private static func check(
        _ value: String, _ values: Values, _ name: String, _ command: Command
    ) throws(UsageError) {
        guard TokenRedaction.isTokenContained(in: value) else { return }
        // A file may have such a name, and a scan reports what it cannot find.
        if case .files = values, command.words == ["token", "scan"] || access(value, F_OK) == 0 { return }
        throw UsageError(
            "\(name) contains an API token in place of its value, so the command was not carried out",
            hint: command.words.first == "token"
                ? "The ID of a token is the 8 characters after podstack_; others can see a token on the command line"
                : "Others on this machine can see a token on the command line; use --token -, or PODSTACK_API_TOKEN")
    }
}
