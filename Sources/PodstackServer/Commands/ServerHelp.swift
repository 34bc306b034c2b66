import PodstackAPI

/// The help of one command, and the names of all, out of the text that lists them.
struct ServerHelp {
    private struct Section {
        var words: [String]
        var lines: [Substring]
    }

    private let text: String
    private let sections: [Section]
    private let common: String

    init(_ text: String) {
        self.text = text
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var sections: [Section] = []
        let list = lines.drop { $0 != "Commands:" }.dropFirst().prefix { !$0.isEmpty }
        for line in list {
            if line.hasPrefix("   ") {
                sections[sections.count - 1].lines.append(line)
            } else {
                // In `  user add EMAIL   Add an account`, what is lower case is the command.
                let words = line.split(separator: " ").prefix { $0.allSatisfy(\.isLowercase) }
                sections.append(Section(words: words.map(String.init), lines: [line]))
            }
        }
        self.sections = sections
        common = lines.drop { $0 != "Options of every command:" }.joined(separator: "\n")
    }

    /// Of the command that `words` name, flags among them; without one of all. Throws when there is no such command.
    func text(for words: [String]) throws(UsageFailure) -> String {
        let words = words.filter { !$0.hasPrefix("-") }
        guard let first = words.first else { return text }
        let group = sections.filter { $0.words.first == first }
        let found = group.filter { words.starts(with: $0.words) }
        let shown = found.isEmpty && words.count == 1 ? group : found
        guard !shown.isEmpty else { throw unknown(words) }
        return "Usage: podstack-server COMMAND [OPTIONS]\n\n"
            + shown.flatMap(\.lines).joined(separator: "\n") + "\n\n" + common
    }

    func unknown(_ words: [String]) -> UsageFailure {
        if let first = words.first, first.hasPrefix("-") {
            return UsageFailure("the command comes first, and \(Flags.shown(first)) after it")
        }
        // What follows may be an option with a secret in it.
        let words = words.prefix { !$0.hasPrefix("-") }.map(Flags.shown)
        let names = sections.map { $0.words.joined(separator: " ") }
        let name = words.prefix(2).joined(separator: " ")
        let near = NearMiss.of(name, among: names) ?? words.first.flatMap { NearMiss.of($0, among: names) }
        return UsageFailure("unknown command \"\(name)\"" + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
    }
}
