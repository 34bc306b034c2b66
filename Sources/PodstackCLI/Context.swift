package import Podstack
package import PodstackCommandLine

/// The process as commands see it: a value, so that tests run commands without a process.
package struct Context: Sendable {
    package var environment: PodstackEnvironment
    package var standardOutput: @Sendable (String) -> Void
    package var standardError: @Sendable (String) -> Void
    /// Writes bytes that need not be text to standard output or standard error, as they are; nil uses the two above.
    package var writeBytes: (@Sendable (_ bytes: [UInt8], _ isError: Bool) -> Void)?
    /// Returns all of standard input; throws when that is more than a token can be.
    package var readInput: @Sendable () throws -> String
    /// Returns all of standard input as the body of a request; nil uses `readInput`.
    package var readBody: (@Sendable () throws -> String)?
    /// The descriptor of standard input, for input of any size.
    package var inputDescriptor = StandardInput.descriptor
    /// Asks on the terminal without echo; nil when there is no terminal.
    package var askSecret: (@Sendable (_ prompt: String) -> String?)?
    /// Asks on the terminal; nil when there is no terminal.
    package var askLine: (@Sendable (_ prompt: String) -> String?)?
    /// Returns the reason why a part of standard output is missing; nil when all of it was written.
    package var outputFailure: @Sendable () -> String? = { nil }
    /// Opens a page in a browser; nil when there is no screen or no user at it.
    package var openPage: (@Sendable (_ url: String) -> Void)?
    /// Returns the path of the program that accesses the keyring; nil when it is not installed.
    package var keyringProgram: @Sendable () -> String? = { nil }
    /// The name of the library that reads archives, loaded when it is needed.
    package var archiveLibrary = ArchiveLibrary.name
    /// Whether standard error is a terminal with a user, so that progress is written to it.
    package var showsProgress = false
    package var isOutputTerminal = false
    package var isErrorTerminal = false
    /// Whether standard output shows styles, such as colors; set by ``bounded(_:)``.
    var stylesOutput = false
    /// The pager for long output; nil when standard output is not a terminal.
    package var pager: Pager?
    /// Makes an interrupt write a sentence before it ends the program, until the function is called with nil.
    package var onInterrupt: @Sendable (_ sentence: StaticString?) -> Void = { _ in }
    package var time = TimeSource.system
    /// The longest time that a user waits for names from the service after pressing the key that completes.
    package var completionTimeLimit = Duration.seconds(2)
    /// The transport of clients; nil for the one of the SDK.
    package var transport: (any Transport)?
    /// The boundary that the streams pass through; nil before ``bounded(_:)``.
    var boundary: OutputBoundary?

    package init(
        environment: PodstackEnvironment,
        standardOutput: @escaping @Sendable (String) -> Void,
        standardError: @escaping @Sendable (String) -> Void,
        readInput: @escaping @Sendable () throws -> String
    ) {
        self.environment = environment
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.readInput = readInput
    }

    /// The process that runs.
    package static var process: Context {
        var context = Context(
            environment: .process,
            standardOutput: { StandardStream.output.write($0) },
            standardError: { StandardStream.error.write($0) },
            readInput: readToken)
        if Terminal.isInteractive {
            context.askSecret = Terminal.askSecret
            context.askLine = Terminal.askLine
            context.openPage = Browser.opener(context.environment)
            context.showsProgress = StandardStream.error.isTerminal
        }
        context.writeBytes = { bytes, isError in (isError ? StandardStream.error : .output).write(bytes) }
        context.outputFailure = { StandardStream.outputFailure }
        context.addPager()
        context.readBody = readRequestBody
        context.keyringProgram = Keyring.installedProgram
        context.isOutputTerminal = StandardStream.output.isTerminal
        context.isErrorTerminal = StandardStream.error.isTerminal
        context.onInterrupt = Terminal.onInterrupt
        return context
    }

    /// Uses a pager where a terminal shows it.
    private mutating func addPager() {
        let environment = environment
        guard StandardStream.output.isTerminal, let pager = Pager({ environment[$0] }) else { return }
        self.pager = pager
        standardOutput = { pager.write($0) }
        // Once the user has left the pager, no more pages of a list are requested.
        outputFailure = { pager.hasBeenLeft ? "the pager was left" : StandardStream.outputFailure }
    }

    private static func readRequestBody() throws -> String {
        let limit = 16 << 20
        guard let text = StandardInput.readAll(limit: limit) else {
            throw CommandError(message: "standard input is larger than \(limit >> 20) MiB")
        }
        return text
    }

    private static func readToken() throws -> String {
        // A token that is typed must not be visible.
        if StandardInput.isTerminal { return Terminal.askSecret("API token: ") ?? "" }
        let limit = APIToken.largestText
        guard let text = StandardInput.readAll(limit: limit) else {
            throw CommandError(
                message: "standard input is larger than \(limit >> 10) KiB, so it is not a token",
                hint: "Pipe the token alone")
        }
        return text
    }
}
