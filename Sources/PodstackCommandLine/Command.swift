/// A command of a program: its words, arguments and flags, and the action that runs it.
///
/// One table of commands drives parsing, help, suggestions and completion, so that they cannot disagree.
package struct Command<Action: Sendable>: Sendable {
    /// The words that select the command, as typed: `["token", "list"]`.
    package var words: [String]
    /// One sentence for the help.
    package var summary: String
    package var arguments: [Argument]
    package var flags: [Flag]
    /// Paragraphs of the help below the summary.
    package var details: String
    /// Command lines that show the use of the command.
    package var examples: [Example]
    /// Whether a pager shows the output on a terminal, because it may be long.
    package var isPaged: Bool
    /// Whether help and completion leave the command out: it is for scripts only.
    package var isHidden: Bool
    package var action: Action

    package init(
        _ words: String..., summary: String, arguments: [Argument] = [], flags: [Flag] = [], details: String = "",
        examples: [Example] = [], isPaged: Bool = false, isHidden: Bool = false, action: Action
    ) {
        self.words = words
        self.summary = summary
        self.arguments = arguments
        self.flags = flags
        self.details = details
        self.examples = examples
        self.isPaged = isPaged
        self.isHidden = isHidden
        self.action = action
    }

    package var name: String { words.joined(separator: " ") }

    /// Returns whether no word is a flag any more after a number of positional words, those of the command included.
    ///
    /// The words are then those of another program's command line, which has its own flags.
    func flagsEnd(after count: Int) -> Bool {
        arguments.last?.count == .commandLine && count >= words.count + arguments.count
    }

    /// The command with its arguments, as the usage line shows it: `config set KEY VALUE`.
    package var usage: String { (words + arguments.map(\.usage)).joined(separator: " ") }

    /// The command with its arguments and required options: `token create --name NAME [OPTIONS]`.
    package var fullUsage: String {
        let required = flags.filter(\.isRequired).map { "--\($0.name)\($0.valueName.map { " \($0)" } ?? "")" }
        return ([usage] + required + ["[OPTIONS]"]).joined(separator: " ")
    }
}

/// A command line that shows the use of a command.
package struct Example: Sendable, ExpressibleByStringLiteral {
    /// The line, as typed in a shell.
    package var line: String
    /// The effect of the line; empty when the line explains itself.
    package var purpose: String

    package init(_ line: String, _ purpose: String = "") {
        self.line = line
        self.purpose = purpose
    }

    package init(stringLiteral line: String) { self.init(line) }
}

/// A positional argument of a command.
package struct Argument: Sendable {
    /// The number of values that the argument takes.
    package enum Count: Sendable {
        case one, optional, oneOrMore, zeroOrMore
        /// One or more words, the first of which ends the flags of this program: the command line of another one.
        case commandLine

        /// Whether the argument takes all words that are left.
        var isRest: Bool { self == .oneOrMore || self == .zeroOrMore || self == .commandLine }
    }

    /// The name in the help, in capitals: `EMAIL`.
    package var name: String
    package var summary: String
    package var count: Count
    package var values: Values

    package init(_ name: String, summary: String, count: Count = .one, values: Values = .any) {
        self.name = name
        self.summary = summary
        self.count = count
        self.values = values
    }

    package var usage: String {
        switch count {
        case .one: name
        case .optional: "[\(name)]"
        case .oneOrMore, .commandLine: "\(name)…"
        case .zeroOrMore: "[\(name)…]"
        }
    }
}

/// A flag of a command: a switch, or a flag with a value.
package struct Flag: Sendable {
    /// The long name, without the dashes.
    package var name: String
    package var short: Character?
    /// The name of the value in the help, in capitals; nil for a switch.
    package var valueName: String?
    package var summary: String
    package var isRepeatable: Bool
    /// Whether the command fails without the flag.
    package var isRequired: Bool
    package var values: Values

    package init(
        _ name: String, short: Character? = nil, value: String? = nil, summary: String, isRepeatable: Bool = false,
        isRequired: Bool = false, values: Values = .any
    ) {
        self.name = name
        self.short = short
        valueName = value
        self.summary = summary
        self.isRepeatable = isRepeatable
        self.isRequired = isRequired
        self.values = values
    }

    /// The flag as the help shows it: `-o, --output FORMAT`.
    package var usage: String {
        let long = valueName.map { "--\(name) \($0)" } ?? "--\(name)"
        return short.map { "-\($0), \(long)" } ?? long
    }

    /// The summary, which says whether the flag is required.
    package var description: String { isRequired ? "\(summary) (required)" : summary }

    /// Whether `word`, which includes its dashes, names this flag.
    func isNamed(_ word: String) -> Bool { word == "--" + name || short.map { word == "-\($0)" } ?? false }

    static let help = Flag("help", short: "h", summary: "show help")
    static let version = Flag("version", summary: "show the version")
}

/// The values that an argument or a flag takes.
package enum Values: Sendable {
    case any
    /// One of these words; any other value is a usage error.
    case choices([String])
    /// These words and others: completion offers the words, parsing takes every value.
    case suggestions([String])
    case files
    /// Words that only the program can list, by the name of the list, such as the profiles of a file.
    case listed(String)
}
