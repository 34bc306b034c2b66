import Podstack
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Synchronization

/// Runs commands in this process, with their own environment and streams.
struct Console: Sendable {
    struct Outcome {
        var status: PodstackCommandLine.ExitStatus
        var output: String
        var error: String
    }

    /// Collects what a command writes.
    final class Streams: Sendable {
        let output = Mutex("")
        let error = Mutex("")

        func context(environment: [String: String], input: String = "") -> Context {
            Context(
                environment: PodstackEnvironment(environment),
                standardOutput: { text in self.output.withLock { $0 += text } },
                standardError: { text in self.error.withLock { $0 += text } },
                readInput: { input })
        }
    }

    /// The environment of every command.
    var environment: [String: String]
    var keyringProgram: String?
    /// The answer of a user at a terminal to every question; nil when there is no terminal.
    var reply: String?
    /// The answers of a user at a terminal to questions, in order; nil for ``reply``.
    var replies: [String]?
    /// The answers of a user at a terminal to questions without echo, in order; nil when there is no terminal.
    var secrets: [String]?
    /// Receives the pages that are opened; nil when there is no screen.
    var openPage: (@Sendable (String) -> Void)?
    /// Whether standard output is a terminal, which shows styles.
    var isTerminal = false
    var time = TimeSource.system
    /// Long, because a busy machine may need more than the two seconds of the program.
    var completionTimeLimit = Duration.seconds(60)
    /// The transport of clients; nil for the one of the SDK.
    var transport: (any Transport)?

    func run(_ words: String..., environment: [String: String] = [:], input: String = "") async -> Outcome {
        await run(words, environment: environment, input: input)
    }

    func run(_ words: [String], environment: [String: String] = [:], input: String = "") async -> Outcome {
        let streams = Streams()
        var context = streams.context(environment: self.environment.merging(environment) { $1 }, input: input)
        context.keyringProgram = { [keyringProgram] in keyringProgram }
        if let reply {
            context.askLine = { prompt in
                streams.error.withLock { $0 += prompt }
                return reply
            }
        }
        if let replies {
            let rest = Mutex(replies)
            context.askLine = { prompt in
                streams.error.withLock { $0 += prompt + "\n" }
                return rest.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            }
        }
        if let secrets {
            let rest = Mutex(secrets)
            context.askSecret = { prompt in
                streams.error.withLock { $0 += prompt }
                return rest.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            }
        }
        context.openPage = openPage
        context.isOutputTerminal = isTerminal
        context.isErrorTerminal = isTerminal
        context.time = time
        context.completionTimeLimit = completionTimeLimit
        context.transport = transport
        let status = await PodstackTool.run(words, context: context)
        return Outcome(
            status: status, output: streams.output.withLock { $0 }, error: streams.error.withLock { $0 })
    }
}

/// A running server, and a console with its endpoint and an empty home directory.
struct ServerSession {
    let server: RunningServer
    let home: TemporaryDirectory
    let console: Console

    /// Starts the server.
    ///
    /// If `hasToken` is true, the environment of the console contains a token.
    init(hasToken: Bool) throws {
        server = try RunningServer()
        home = try TemporaryDirectory()
        console = Console(
            environment: server.environment(home: home, token: hasToken ? try server.createToken() : nil))
    }
}

/// A suite whose tests run commands against a server.
protocol ServerSuite {
    var session: ServerSession { get }
}

extension ServerSuite {
    var server: RunningServer { session.server }
    var home: TemporaryDirectory { session.home }
    var console: Console { session.console }
}
