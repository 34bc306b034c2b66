extension Program {
    /// Returns the help that lists the commands of a group, or all commands when `group` is nil.
    package func overview(of group: String? = nil) -> String {
        let listed = visibleCommands.filter { group == nil || $0.words.first == group }
        var sections = [
            "Usage: \(name) \(group.map { "\($0) " } ?? "")COMMAND [OPTIONS]",
            "Commands:\n" + Help.table(listed.map { ($0.name, $0.summary) }),
            globalOptions,
            "\(name) COMMAND --help shows the options of a command.",
        ]
        if group == nil, !footer.isEmpty { sections.append(footer) }
        return sections.joined(separator: "\n\n") + "\n"
    }

    /// Returns the help for one command.
    package func help(for command: Command<Action>) -> String {
        var sections = [
            "Usage: \(name) \(command.usage) [OPTIONS]", Help.wrapped(command.summary).joined(separator: "\n"),
        ]
        if !command.details.isEmpty { sections.append(command.details) }
        if !command.arguments.isEmpty {
            sections.append("Arguments:\n" + Help.table(command.arguments.map { ($0.name, $0.summary) }))
        }
        if !command.flags.isEmpty {
            sections.append("Options:\n" + Help.table(command.flags.map { ($0.usage, $0.summary) }))
        }
        let others = flags(of: command).dropFirst(command.flags.count)
        sections.append("Global options:\n" + Help.table(others.map { ($0.usage, $0.summary) }))
        return sections.joined(separator: "\n\n") + "\n"
    }

    private var globalOptions: String { "Global options:\n" + Help.table(globalFlags.map { ($0.usage, $0.summary) }) }
}

/// Formats the rows and paragraphs of help texts.
private enum Help {
    private static let lineWidth = 100
    /// The longest label that shares a line with its text.
    private static let longestLabel = 28

    /// Returns lines of labels and texts, the texts aligned and wrapped.
    static func table(_ rows: [(label: String, text: String)]) -> String {
        let column = rows.map(\.label.count).filter { $0 <= longestLabel }.max() ?? longestLabel
        return rows.map { label, text in
            let indent = String(repeating: " ", count: column + 4)
            let lines = wrapped(text, width: lineWidth - column - 4)
            guard label.count <= column else { return (["  " + label] + lines.map { indent + $0 }) }
            let gap = String(repeating: " ", count: column - label.count + 2)
            return ["  " + label + gap + (lines.first ?? "")] + lines.dropFirst().map { indent + $0 }
        }.map { $0.joined(separator: "\n") }.joined(separator: "\n")
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
