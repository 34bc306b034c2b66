import Podstack
import PodstackCommandLine
import PodstackSystem

/// A token that the user gave to a command, and the name of the place for errors.
///
/// `APIToken` reads the text, as it reads tokens from variables and files: the same whitespace and quotation marks are
/// removed, and the same mistakes are explained.
struct TokenInput: Sendable {
    var text: String
    var source: ClientConfiguration.Source

    static let flag = ClientConfiguration.Source.argument("--token")
    static let standardInput = ClientConfiguration.Source.argument("standard input")
    static let terminal = ClientConfiguration.Source.argument("the text that was typed")

    static func file(_ path: String) -> ClientConfiguration.Source { .argument("--token-file (\(path))") }

    /// Returns the token of `--token` or `--token-file`; nil when neither is given.
    static func given(by arguments: Arguments, _ context: Context, warn: (String) -> Void) throws -> TokenInput? {
        if let token = arguments.value("token") {
            guard arguments.value("token-file") == nil else {
                throw UsageError("--token and --token-file cannot both be given: give one of them")
            }
            if token == "-" { return TokenInput(text: try context.readInput(), source: standardInput) }
            warn("others on this machine can see a token on the command line; use --token -, or a variable")
            return TokenInput(text: token, source: flag)
        }
        guard let path = arguments.value("token-file") else { return nil }
        guard let text = try TokenFileCredentials.read(context.environment.path(path).text) else {
            throw CommandError(
                message: "--token-file: \(path.isEmpty ? "the path is empty" : "\(path) does not exist")")
        }
        return TokenInput(text: text, source: file(path))
    }

    /// Returns the token that is typed at the terminal, after a prompt, or piped to standard input.
    static func asked(_ context: Context, _ prompt: String = "API token: ") throws -> TokenInput {
        let ask = context.askSecret
        let input =
            if let ask { TokenInput(text: ask(prompt) ?? "", source: terminal) } else {
                TokenInput(text: try context.readInput(), source: standardInput)
            }
        return try input.checked()
    }

    /// Returns the input, unless it is empty.
    func checked() throws(CommandError) -> TokenInput {
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw CommandError(message: "no token was entered: type it, or pipe it to standard input")
        }
        return self
    }
}
