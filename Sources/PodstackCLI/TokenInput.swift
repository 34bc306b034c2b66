import Podstack
import PodstackCommandLine
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

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

    /// The length of a text below which it cannot be a token.
    static let shortestToken = 16

    /// Returns the source of a token file, in which a rotation replaces the token if it is a regular file.
    static func file(_ path: FilePath) -> ClientConfiguration.Source {
        isRegular(path)
            ? .file(path.text, namedBy: .argument("--token-file")) : .argument("--token-file (\(path))")
    }

    private static func isRegular(_ path: FilePath) -> Bool {
        var status = stat()
        return stat(path.text, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Returns the token of `--token` or `--token-file`; nil when neither is given.
    static func given(by arguments: Arguments, _ context: Context, warn: (String) -> Void) throws -> TokenInput? {
        if let token = arguments.value("token") {
            guard !token.isEmpty else { throw UsageError("--token is empty: give a token, or - to read it") }
            guard arguments.value("token-file") == nil else {
                throw UsageError("--token and --token-file cannot both be given: give one of them")
            }
            if token == "-" { return TokenInput(text: try context.readInput(), source: standardInput) }
            warn("others on this machine can see a token on the command line; use --token -, or a variable")
            return TokenInput(text: token, source: flag)
        }
        guard let path = arguments.value("token-file") else { return nil }
        guard !path.isEmpty else { throw UsageError("--token-file: the path is empty") }
        let file = try context.environment.path(path)
        guard let text = try TokenFileCredentials.read(file.text) else {
            throw CommandError(message: "--token-file: \(path) does not exist")
        }
        guard text.contains(where: { !$0.isWhitespace }) else { throw UsageError("--token-file: \(path) is empty") }
        return TokenInput(text: text, source: Self.file(file))
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

    /// Throws for a token of another service, and for a text that is too short to be a token.
    ///
    /// A login sends no such text: it may be the secret of something else.
    func checkNotForeign() throws(CommandError) {
        let token = APIToken(text)
        // The client explains these.
        guard token.defect == nil else { return }
        let length = token.withSecret { $0.utf8.count }
        let isShort = length < Self.shortestToken
        guard
            let reason = isShort ? "It has only \(length) characters, and was copied incompletely" : token.foreignIssuer
        else { return }
        throw CommandError(
            message: "Invalid API token: \(reason). It came from \(source.onCommandLine), and was not sent",
            hint: "podstack auth login without a token shows the page on which tokens are created",
            status: .notAuthenticated)
    }

    /// Returns the input, unless it is empty.
    func checked() throws(CommandError) -> TokenInput {
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw CommandError(message: "no token was entered: type it, or pipe it to standard input")
        }
        return self
    }
}
