/// A subcommand: what it is called, what it takes, what it does.
struct Command: Sendable {
    /// As typed: `["token", "list"]`.
    var words: [String]
    var summary: String
    /// What follows the words in the usage line.
    var usage = ""
    var flags: [Arguments.Flag] = []
    /// What each argument behind the words can be; the last is for all that follow.
    var takes: [Expected] = []
    /// Lines of the help below the summary.
    var details = ""
    /// For programs: no help shows it.
    var isHidden = false
    var run: @Sendable (Invocation) async throws -> ExitStatus

    var name: String { words.joined(separator: " ") }
}
