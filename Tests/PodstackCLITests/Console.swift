import Podstack
import PodstackCLI
import Synchronization

/// Runs commands in this process, in a world of their own.
struct Console: Sendable {
    struct Outcome {
        var status: PodstackCLI.ExitStatus
        var output: String
        var error: String
    }

    private final class Streams: Sendable {
        let output = Mutex("")
        let error = Mutex("")
    }

    /// What every command finds in its environment.
    var environment: [String: String]
    var keyringProgram: String?
    /// What somebody at a terminal answers; nil where there is none.
    var answer: String?

    func run(_ words: String..., environment: [String: String] = [:], input: String = "") async -> Outcome {
        await run(words, environment: environment, input: input)
    }

    func run(_ words: [String], environment: [String: String] = [:], input: String = "") async -> Outcome {
        let streams = Streams()
        var context = Context(
            environment: PodstackEnvironment(self.environment.merging(environment) { $1 }),
            standardOutput: { text in streams.output.withLock { $0 += text } },
            standardError: { text in streams.error.withLock { $0 += text } },
            readInput: { input }, askSecret: nil)
        context.keyringProgram = { [keyringProgram] in keyringProgram }
        if let answer {
            context.askLine = { prompt in
                streams.error.withLock { $0 += prompt }
                return answer
            }
        }
        let status = await Tool.run(words, context: context)
        return Outcome(
            status: status, output: streams.output.withLock { $0 }, error: streams.error.withLock { $0 })
    }
}
