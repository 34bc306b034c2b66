import PodstackSystem

/// The words that can come next on an unfinished command line, by the table that also parses it.
package struct LineCompletion {
    package struct Candidate: Equatable, Sendable, ExpressibleByStringLiteral {
        package var text: String
        package var summary = ""

        package init(text: String, summary: String = "") {
            self.text = text
            self.summary = summary
        }

        package init(stringLiteral text: String) { self.init(text: text) }
    }

    /// The candidates, whether or not they start with the typed text: shells differ in what they regard as the start.
    package private(set) var candidates: [Candidate] = []
    /// Whether file names can come next.
    package private(set) var wantsFiles = false

    private let listed: (String) -> [Candidate]

    /// Completes the last of `words`.
    ///
    /// - Parameters:
    ///   - words: The words after the name of the program. The last is the one to complete, and may be empty.
    ///   - program: The program whose command line it is.
    ///   - listed: Returns the words of a list of the program; called only when one of them can come next.
    package init<Action>(
        _ words: [String], of program: Program<Action>, listed: @escaping (_ list: String) -> [Candidate]
    ) {
        self.listed = listed
        let current = words.last ?? ""
        let commands = program.visibleCommands
        var line = TypedWords(words.dropLast(), flags: program.globalFlags + commands.flatMap(\.flags))
        let isHelp = line.positional.first == "help"
        if isHelp { line.positional.removeFirst() }
        let command = commands.first { line.positional.starts(with: $0.words) }
        let flags = command.map { program.flags(of: $0) } ?? program.globalFlags
        if let name = line.openFlag {
            // A flag of the command before a flag of the same name of another command.
            if let flag = flags.first(where: { $0.name == name }) ?? line.flags.first(where: { $0.name == name }) {
                add(flag.values)
            }
        } else if !line.isPastFlags, current.hasPrefix(bytes: "--"), let sign = current.firstIndex(byte: "=") {
            if let flag = flags.first(where: { "--" + $0.name == current[..<sign] }) {
                add(flag.values, after: current[..<current.utf8.index(after: sign)])
            }
        } else if !line.isPastFlags, current.hasPrefix(bytes: "-") {
            add(flags.filter { $0.isRepeatable || !line.given.contains($0.name) })
        } else if let command {
            guard !isHelp else { return }
            let index = line.positional.count - command.words.count
            if index < command.arguments.count {
                add(command.arguments[index].values)
            } else if let last = command.arguments.last, last.count.isRest {
                add(last.values)
            }
        } else {
            addWords(of: commands, after: line.positional)
            if line.positional.isEmpty, !isHelp { candidates.append(Candidate(text: "help", summary: "Show help.")) }
        }
    }

    /// Returns the words of a line that a completion script sends, each followed by a zero byte.
    package static func words(of input: String) -> [String] {
        var words = input.split(byte: "\0", omittingEmptySubsequences: false)
        if words.last == "" { words.removeLast() }
        return words.map(String.init)
    }

    /// The text for a completion script: `words` or `files`, then a line for each candidate with a tab and its summary.
    package var text: String {
        ([wantsFiles ? "files" : "words"] + candidates.map { "\($0.text)\t\($0.summary)" }).joined(separator: "\n")
    }

    private mutating func add(_ values: Values, after start: Substring = "") {
        switch values {
        case .any: break
        case .files: wantsFiles = true
        case .choices(let words), .suggestions(let words): candidates += words.map { Candidate(text: start + $0) }
        case .listed(let list): candidates += listed(list).map { Candidate(text: start + $0.text, summary: $0.summary) }
        }
    }

    private mutating func add(_ flags: [Flag]) {
        candidates += flags.flatMap { flag in
            [Candidate(text: "--" + flag.name, summary: flag.summary)]
                + (flag.short.map { [Candidate(text: "-\($0)", summary: flag.summary)] } ?? [])
        }
    }

    /// Adds the next word of each command that starts with `words`.
    private mutating func addWords<Action>(of commands: [Command<Action>], after words: [String]) {
        for command in commands where command.words.starts(with: words) && command.words.count > words.count {
            let word = command.words[words.count]
            guard !candidates.contains(where: { $0.text == word }) else { continue }
            let group = commands.filter { $0.words.starts(with: words + [word]) }
            let isComplete = command.words.count == words.count + 1
            let summary = isComplete ? command.summary : group.compactMap(\.words.last).joined(separator: ", ")
            candidates.append(Candidate(text: word, summary: summary))
        }
    }
}

/// The words before the one to complete.
///
/// Mistakes in them are ignored, because the line is not finished.
private struct TypedWords {
    var positional: [String] = []
    var given: Set<String> = []
    /// The name of the flag whose value comes next.
    var openFlag: String?
    /// Whether `--` was typed: after it, no word is a flag.
    var isPastFlags = false
    let flags: [Flag]

    init(_ words: some Sequence<String>, flags: [Flag]) {
        self.flags = flags
        for word in words {
            if openFlag != nil {
                openFlag = nil
            } else if isPastFlags || !word.hasPrefix(bytes: "-") || word == "-" {
                positional.append(word)
            } else if word == "--" {
                isPastFlags = true
            } else {
                addFlag(word)
            }
        }
    }

    private mutating func addFlag(_ word: String) {
        let name = word.split(byte: "=", maxSplits: 1).first ?? ""
        let short = word.unicodeScalars.dropFirst().first.map(Character.init)
        let flag =
            flags.first { "--" + $0.name == name }
            ?? flags.first { !word.hasPrefix(bytes: "--") && $0.short == short }
        guard let flag else { return }
        given.insert(flag.name)
        let hasValue = word.hasPrefix(bytes: "--") ? word.contains(bytes: "=") : word.utf8.count > 2
        if flag.valueName != nil, !hasValue { openFlag = flag.name }
    }
}
