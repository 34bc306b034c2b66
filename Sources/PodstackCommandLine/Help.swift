extension Program {
    /// Returns the help that lists the commands of a group, or all commands under their headings when `group` is nil.
    package func overview(of group: String? = nil) -> String {
        guard let group else { return overviewOfAll }
        let listed = visibleCommands.filter { $0.words.first == group }
        return Self.text([
            "Usage: \(name) \(group) COMMAND [OPTIONS]",
            "Commands:\n" + Help.table(listed.map { ($0.name, $0.summary) }),
            globalOptions,
            "\(name) \(group) COMMAND --help shows the options and examples of a command.",
        ])
    }

    private var overviewOfAll: String {
        let column = Help.column(visibleCommands.map(\.name))
        var sections = ["Usage: \(name) COMMAND [OPTIONS]"]
        if !summary.isEmpty { sections.insert(summary, at: 0) }
        sections += groupedCommands.map { title, commands in
            "\(title):\n" + Help.table(commands.map { ($0.name, $0.summary) }, column: column)
        }
        sections += [globalOptions, "\(name) COMMAND --help shows the options and examples of a command."]
        if !footer.isEmpty { sections.append(footer) }
        return Self.text(sections)
    }

    /// The visible commands under their headings; those without a heading come last.
    package var groupedCommands: [(title: String, commands: [Command<Action>])] {
        guard !groups.isEmpty else { return [("Commands", visibleCommands)] }
        let named = Set(groups.flatMap(\.words))
        let grouped = groups.map { group in
            (group.title, group.words.flatMap { word in visibleCommands.filter { $0.words.first == word } })
        }
        let others = visibleCommands.filter { command in command.words.first.map { !named.contains($0) } ?? false }
        return (grouped + [("Other commands", others)]).filter { !$0.1.isEmpty }
    }

    /// Returns the help for one command.
    package func help(for command: Command<Action>) -> String {
        var sections = [
            "Usage: \(name) \(command.fullUsage)", Help.wrapped(command.summary).joined(separator: "\n"),
        ]
        if !command.details.isEmpty {
            sections += Paragraph.all(of: command.details).map { paragraph in
                paragraph.isLiteral
                    ? paragraph.lines.map { "  " + $0 }.joined(separator: "\n")
                    : Help.wrapped(paragraph.lines.joined(separator: " ")).joined(separator: "\n")
            }
        }
        if !command.arguments.isEmpty {
            sections.append("Arguments:\n" + Help.table(command.arguments.map { ($0.name, $0.summary) }))
        }
        if !command.flags.isEmpty {
            sections.append("Options:\n" + Help.table(command.flags.map { ($0.usage, $0.description) }))
        }
        if !command.examples.isEmpty { sections.append("Examples:\n" + Help.examples(command.examples)) }
        let others = flags(of: command).dropFirst(command.flags.count)
        sections.append("Global options:\n" + Help.table(others.map { ($0.usage, $0.description) }))
        return Self.text(sections)
    }

    private static func text(_ sections: [String]) -> String { sections.joined(separator: "\n\n") + "\n" }

    private var globalOptions: String {
        "Global options:\n" + Help.table(globalFlags.map { ($0.usage, $0.description) })
    }
}

/// A paragraph of a text whose paragraphs are separated by empty lines.
struct Paragraph {
    /// The lines, without the indent of literal ones.
    var lines: [String]
    /// Whether the lines are indented, so that they are shown as they are.
    var isLiteral: Bool

    static func all(of text: String) -> [Paragraph] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        return lines.split(separator: "").map { lines in
            let isLiteral = lines.allSatisfy { $0.hasPrefix("  ") }
            return Paragraph(lines: lines.map { isLiteral ? String($0.dropFirst(2)) : $0 }, isLiteral: isLiteral)
        }
    }
}

/// Formats the rows and paragraphs of help texts.
private enum Help {
    private static let lineWidth = 100
    /// The longest label that shares a line with its text.
    private static let longestLabel = 28

    /// Returns the width of the labels that share a line with their texts.
    static func column(_ labels: [String]) -> Int {
        labels.map(\.count).filter { $0 <= longestLabel }.max() ?? longestLabel
    }

    /// Returns lines of labels and texts, the texts aligned and wrapped.
    static func table(_ rows: [(label: String, text: String)], column: Int? = nil) -> String {
        let column = column ?? Self.column(rows.map(\.label))
        return rows.map { label, text in
            let indent = String(repeating: " ", count: column + 4)
            let lines = wrapped(text, width: lineWidth - column - 4)
            guard label.count <= column else { return (["  " + label] + lines.map { indent + $0 }) }
            let gap = String(repeating: " ", count: column - label.count + 2)
            return ["  " + label + gap + (lines.first ?? "")] + lines.dropFirst().map { indent + $0 }
        }.map { $0.joined(separator: "\n") }.joined(separator: "\n")
    }

    /// Returns the lines of examples, with their purposes as comments of the shell.
    static func examples(_ examples: [Example]) -> String {
        let column = examples.filter { !$0.purpose.isEmpty }.map(\.line.count).max() ?? 0
        return examples.map { example in
            guard !example.purpose.isEmpty else { return "  " + example.line }
            let gap = String(repeating: " ", count: column - example.line.count)
            let line = "  \(example.line)\(gap)  # \(example.purpose)"
            return line.count <= lineWidth ? line : "  # \(example.purpose)\n  \(example.line)"
        }.joined(separator: "\n")
    }

    static func wrapped(_ text: String, width: Int = lineWidth) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let line = lines.last, line.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(line) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
