import PodstackAPI

/// The help texts, made from the commands themselves.
struct ServerHelp {
    private let commands: [ServerCommand]

    init(_ commands: [ServerCommand]) { self.commands = commands }

    /// Of the command that `words` name, flags among them; without one of all. Throws when there is no such command.
    func text(for words: [String]) throws(UsageFailure) -> String {
        let words = words.filter { !$0.hasPrefix("-") }
        guard let first = words.first else { return overview }
        let group = commands.filter { $0.words.first == first }
        let found = group.filter { words.starts(with: $0.words) }
        let shown = found.isEmpty && words.count == 1 ? group : found
        guard !shown.isEmpty else { throw unknown(words) }
        return Self.usage + "\n" + Self.list(shown) + "\n" + Self.common
    }

    var overview: String {
        Self.usage + "\nCommands:\n" + Self.list(commands) + "\n" + Self.common + """

            All but serve, migrate and pepper rotate work beside a running server.

            """
    }

    func unknown(_ words: [String]) -> UsageFailure {
        if let first = words.first, first.hasPrefix("-") {
            return UsageFailure("the command comes first, and \(Flags.shown(first)) after it")
        }
        // What follows may be an option with a secret in it.
        let words = words.prefix { !$0.hasPrefix("-") }.map(Flags.shown)
        let names = commands.map(\.name)
        let name = words.prefix(2).joined(separator: " ")
        let near = NearMiss.of(name, among: names) ?? words.first.flatMap { NearMiss.of($0, among: names) }
        return UsageFailure("unknown command \"\(name)\"" + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
    }

    private static let usage = "Usage: podstack-server COMMAND [OPTIONS]\n"

    private static let common =
        "Options of every command:\n" + list(ServerCommand.Option.common, indent: 2) + "  --help, --version\n"

    private static func list(_ commands: [ServerCommand]) -> String {
        commands.map { command in
            row(2, (command.words + command.arguments).joined(separator: " "), command.summary)
                + list(command.options, indent: 4)
        }.joined()
    }

    private static func list(_ options: [ServerCommand.Option], indent: Int) -> String {
        options.map { option in
            row(indent, option.value.map { "\(option.name) \($0)" } ?? option.name, option.summary)
        }.joined()
    }

    /// How far from `label` its text begins; beyond a longer one.
    private static let column = 21
    private static let widest = 116

    private static func row(_ indent: Int, _ label: String, _ text: String) -> String {
        let gap = max(2, column - label.count)
        var lines = [space(indent) + label + space(gap - 1)]
        for word in text.split(separator: " ") {
            if lines[lines.count - 1].count + 1 + word.count > widest { lines.append(space(indent + column - 1)) }
            lines[lines.count - 1] += " " + word
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func space(_ count: Int) -> String { String(repeating: " ", count: count) }
}
