/// A subcommand: what it is called, what it takes, what it does.
struct Command: Sendable {
    /// As typed: `["token", "list"]`.
    var words: [String]
    var summary: String
    /// What follows the words in the usage line.
    var usage = ""
    var flags: [Arguments.Flag] = []
    var run: @Sendable (Invocation) async throws -> ExitStatus

    var name: String { words.joined(separator: " ") }
}
