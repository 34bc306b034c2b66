import PodstackSystem

/// A program with commands: parses its command lines, and knows its help.
package struct Program<Action: Sendable>: Sendable {
    package var name: String
    /// One sentence that says what the program is.
    package var summary: String
    /// The headings of the help that lists all commands.
    package var groups: [CommandGroup]
    /// The commands, in the order in which the help lists them.
    package var commands: [Command<Action>]
    /// The flags of every command, among them `--help` and `--version`.
    package var globalFlags: [Flag]
    /// Whether flags may only follow the words of the command.
    package var commandComesFirst: Bool
    /// The last paragraph of the help that lists all commands.
    package var footer: String
    /// Words that users type for a command of another name, such as `auth list`, by the name of the command.
    package var synonyms: [String: String]
    /// The sections of the manual page about the program as a whole.
    package var reference: ProgramReference

    package init(
        _ name: String, summary: String = "", groups: [CommandGroup] = [], commands: [Command<Action>],
        globalFlags: [Flag], commandComesFirst: Bool = false, footer: String = "",
        synonyms: [String: String] = [:], reference: ProgramReference = ProgramReference()
    ) {
        self.name = name
        self.summary = summary
        self.groups = groups
        self.synonyms = synonyms
        self.reference = reference
        self.commands = commands
        self.globalFlags = globalFlags + [.help, .version]
        self.commandComesFirst = commandComesFirst
        self.footer = footer
    }

    /// The commands that help and completion show.
    package var visibleCommands: [Command<Action>] { commands.filter { !$0.isHidden } }

    /// Returns the flags of a command: its own, and the global ones that it does not replace.
    package func flags(of command: Command<Action>) -> [Flag] {
        command.flags + globalFlags.filter { flag in !command.flags.contains { $0.name == flag.name } }
    }

    /// Returns the command line that shows the help of the command that `words` name, or of the program.
    package func helpCommand(for words: [String]) -> String {
        let named = words.filter { !$0.hasPrefix("-") }
        let command = visibleCommands.first { named.starts(with: $0.words) }
        return command.map { "\(name) \($0.name) --help" } ?? "\(name) --help"
    }

    // MARK: - Parsing

    /// A request that a command line makes.
    package enum Request: Sendable {
        case run(Command<Action>, Arguments)
        /// Show this help text.
        case help(String)
        /// Nothing to run: no command is named, or a group of commands alone.
        case incomplete(group: String?, help: String)
        case version
    }

    /// Parses the command line `words`, without the name of the program.
    package func parse(_ words: [String]) throws(UsageError) -> Request {
        let words = words.first == "help" ? Array(words.dropFirst()) + ["--help"] : words
        let first = words.prefix { !$0.hasPrefix("-") }
        if let command = commands.first(where: { first.starts(with: $0.words) }) {
            return try parse(words, of: command)
        }
        // With the flags of all commands, since the command is not known yet.
        let line = try Arguments(
            words, flags: globalFlags + commands.flatMap(\.flags), helpCommand: "\(name) --help"
        ) { positional in
            commands.first { positional.starts(with: $0.words) }?.flagsEnd(after: positional.count) ?? false
        }
        if line.has("version") { return .version }
        var leading = line.positional
        if commandComesFirst, !line.has("help") {
            if let flag = words.first, flag.hasPrefix("-") {
                throw UsageError("the command comes first, and \(Arguments.displayed(flag)) after it")
            }
            leading = Array(first)
        }
        guard let command = commands.first(where: { leading.starts(with: $0.words) }) else {
            return try parseGroup(leading, isHelp: line.has("help"))
        }
        return try parse(words, of: command)
    }

    private func parse(_ words: [String], of command: Command<Action>) throws(UsageError) -> Request {
        let flags = self.flags(of: command)
        let help = "\(name) \(command.name) --help"
        var arguments = try Arguments(words, flags: flags, helpCommand: help) { command.flagsEnd(after: $0.count) }
        if arguments.has("version") { return .version }
        if arguments.has("help") { return .help(self.help(for: command)) }
        try arguments.checkChoices(of: flags)
        try arguments.check(against: command, helpCommand: help)
        try checkText(arguments, of: command)
        try arguments.checkRequired(command.flags, helpCommand: help)
        return .run(command, arguments)
    }

    /// Rejects bytes that are not UTF-8, except in paths.
    private func checkText(_ arguments: Arguments, of command: Command<Action>) throws(UsageError) {
        func isPath(_ values: Values) -> Bool { if case .files = values { true } else { false } }
        for flag in globalFlags + command.flags where !isPath(flag.values) {
            guard arguments.all(flag.name)?.allSatisfy(SystemText.isUTF8) != false else {
                throw UsageError("--\(flag.name) is not valid UTF-8")
            }
        }
        for (index, value) in arguments.positional.enumerated() {
            let argument = index < command.arguments.count ? command.arguments[index] : command.arguments.last
            guard let argument, !isPath(argument.values), !SystemText.isUTF8(value) else { continue }
            throw UsageError("\(argument.name) is not valid UTF-8")
        }
    }

    /// Handles words that are not a command: a group of commands, no word at all, or a mistake.
    private func parseGroup(_ words: [String], isHelp: Bool) throws(UsageError) -> Request {
        guard let group = words.first else {
            let text = overview()
            return isHelp ? .help(text) : .incomplete(group: nil, help: text)
        }
        guard visibleCommands.contains(where: { $0.words.first == group }) else {
            throw UsageError(
                "unknown command \"\(Arguments.displayed(group))\"\(question(for: words))",
                hint: "\(name) --help lists the commands")
        }
        guard words.count == 1 else {
            let typed = words.prefix(2).map(Arguments.displayed).joined(separator: " ")
            throw UsageError(
                "unknown command \"\(typed)\"\(question(for: words))",
                hint: "\(name) \(group) --help lists the commands")
        }
        let text = overview(of: group)
        return isHelp ? .help(text) : .incomplete(group: group, help: text)
    }

    /// Returns a question that names the nearest command: for `token lst`, or for `whoami` without its group.
    private func question(for words: [String]) -> String {
        let visible = visibleCommands
        if let same = commandOfSameMeaning(words) { return "; did you mean \"\(same)\"?" }
        let isGroup = visible.contains { $0.words.first == words.first }
        if !isGroup, let command = visible.first(where: { $0.words.last == words.first }) {
            return "; did you mean \"\(command.name)\"?"
        }
        let typed = words.prefix(2).joined(separator: " ")
        let near =
            Suggestion.nearest(to: typed, among: visible.map(\.name))
            ?? Suggestion.nearest(to: words.first ?? "", among: visible.compactMap(\.words.first))
        return near.map { "; did you mean \"\($0)\"?" } ?? ""
    }
}

extension Program {
    /// Returns the command for which other programs use the words, such as `pod delete` for `pod rm`.
    private func commandOfSameMeaning(_ words: [String]) -> String? {
        guard words.count > 1 else { return nil }
        if let name = synonyms[words.prefix(2).joined(separator: " ")] { return name }
        let verbs = CommandSynonyms.verbs.first { $0.contains(words[1]) } ?? []
        return verbs.lazy.map { "\(words[0]) \($0)" }
            .first { name in self.visibleCommands.contains { $0.name == name } }
    }
}

/// Verbs that programs use for the same action.
private enum CommandSynonyms {
    static let verbs = [
        ["delete", "remove", "revoke", "rm", "del", "destroy", "erase", "unset"],
        ["list", "ls", "all"], ["get", "show", "info", "describe", "inspect", "view", "cat"],
        ["create", "add", "new", "make", "mk"], ["update", "edit", "change", "modify", "rename", "set"],
        ["stop", "kill", "halt", "pause"], ["start", "resume", "up"], ["exec", "run", "ssh", "shell", "attach"],
        ["rotate", "refresh", "renew", "regenerate"], ["login", "signin", "sign-in"],
        ["logout", "signout", "sign-out"],
        ["switch", "use", "select"], ["logs", "log", "tail"], ["cp", "copy"],
    ]
}

/// A heading of the help that lists all commands.
package struct CommandGroup: Sendable {
    package var title: String
    /// The first words of the commands under the heading.
    package var words: [String]

    package init(_ title: String, _ words: String...) {
        self.title = title
        self.words = words
    }
}

/// The sections of the manual page of a program that no command contains.
package struct ProgramReference: Sendable {
    package typealias Row = (term: String, text: String)

    package var environment: [Row]
    package var files: [Row]
    package var exitStatuses: [Row]

    package init(environment: [Row] = [], files: [Row] = [], exitStatuses: [Row] = []) {
        self.environment = environment
        self.files = files
        self.exitStatuses = exitStatuses
    }
}

/// An error for a command line that the program does not understand.
package struct UsageError: Error, Sendable {
    package var message: String
    package var hint: String?

    package init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}

/// The status with which a program ends; scripts rely on the numbers.
package struct ExitStatus: RawRepresentable, Hashable, Sendable {
    package var rawValue: Int32

    /// Creates a status, such as that of another program that this one ran.
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let success = ExitStatus(rawValue: 0)
    package static let failure = ExitStatus(rawValue: 1)
    package static let usage = ExitStatus(rawValue: 2)
    package static let notAuthenticated = ExitStatus(rawValue: 3)
    package static let notAllowed = ExitStatus(rawValue: 4)
    package static let notFound = ExitStatus(rawValue: 5)
    /// The network or the service failed.
    package static let unreachable = ExitStatus(rawValue: 6)
}
