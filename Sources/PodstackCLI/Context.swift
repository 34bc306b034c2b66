import Podstack

/// What a command may touch of the world: a value, so that tests run commands in process.
public struct Context: Sendable {
    public var environment: PodstackEnvironment
    public var standardOutput: @Sendable (String) -> Void
    public var standardError: @Sendable (String) -> Void
    /// Everything that comes on standard input; throws when that is more than a token can be.
    public var readInput: @Sendable () throws -> String
    /// The descriptor of standard input, for what may be of any size.
    public var inputDescriptor: Int32 = 0
    /// Asks on the terminal without echo; nil when there is no terminal to ask on.
    public var askSecret: (@Sendable (_ prompt: String) -> String?)?
    /// Asks on the terminal; nil when there is none.
    public var askLine: (@Sendable (_ prompt: String) -> String?)?
    /// Why standard output lacks something; nil when it lacks nothing.
    public var outputFailure: @Sendable () -> String? = { nil }
    /// Shows a page in a browser, if it can; nil where there is none, or nobody to look at it.
    public var openPage: (@Sendable (_ url: String) -> Void)?
    /// The program that speaks to the keyring; nil where there is none.
    public var keyringProgram: @Sendable () -> String? = { nil }
    /// Whether somebody watches standard error: only then is there progress on it.
    public var showsProgress = false
    /// Whether standard output is a terminal, and not a pipe or a file.
    public var isOutputShown = false
    /// Says a sentence when the program is interrupted, until it is called with nil.
    public var onInterrupt: @Sendable (_ sentence: StaticString?) -> Void = { _ in }
    public var time = TimeSource.system
    /// Nil for the SDK's own.
    public var transport: (any Transport)?

    public init(
        environment: PodstackEnvironment,
        standardOutput: @escaping @Sendable (String) -> Void,
        standardError: @escaping @Sendable (String) -> Void,
        readInput: @escaping @Sendable () throws -> String,
        askSecret: (@Sendable (_ prompt: String) -> String?)?,
        askLine: (@Sendable (_ prompt: String) -> String?)? = nil,
        transport: (any Transport)? = nil
    ) {
        self.environment = environment
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.readInput = readInput
        self.askSecret = askSecret
        self.askLine = askLine
        self.transport = transport
    }

    /// This process.
    public static var process: Context {
        var context = Context(
            environment: .process,
            standardOutput: { Terminal.write($0, to: .output) },
            standardError: { Terminal.write($0, to: .error) },
            readInput: Terminal.readInput,
            askSecret: Terminal.isInteractive ? Terminal.askSecret : nil,
            askLine: Terminal.isInteractive ? Terminal.askLine : nil
        )
        context.outputFailure = { Terminal.outputFailure }
        context.openPage = Terminal.isInteractive ? Browser.opener(context.environment) : nil
        context.keyringProgram = { OwnProgram.neighbour(Keyring.programName) }
        context.showsProgress = Terminal.isInteractive
        context.isOutputShown = Terminal.isOutputShown
        context.onInterrupt = Terminal.onInterrupt
        return context
    }
}
