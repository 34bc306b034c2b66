/// What can come next on a command line, by the same table that runs it.
struct LineCompletion {
    struct Candidate: Equatable {
        var text: String
        var summary = ""
    }

    /// What fits, by its begin or not: shells differ in what they take for one.
    private(set) var candidates: [Candidate] = []
    /// The names of files fit too.
    private(set) var wantsFiles = false

    private let profiles: () -> [String]

    /// - Parameters:
    ///   - words: What is typed behind the name of the program; the last is the one to complete, and may be empty.
    ///   - profiles: Asked only when one is expected.
    init(_ words: [String], commands: [Command], profiles: @escaping () -> [String]) {
        self.profiles = profiles
        let current = words.last ?? ""
        let shown = commands.filter { !$0.isHidden }
        var line = Line(words.dropLast(), flags: GlobalFlags.all + shown.flatMap(\.flags))
        let isHelp = line.positional.first == "help"
        if isHelp { line.positional.removeFirst() }
        let command = shown.first { line.positional.starts(with: $0.words) }
        let flags = (command?.flags ?? []) + GlobalFlags.all
        if let name = line.open {
            // A command's own flag before one of the same name of another.
            if let flag = flags.first(where: { $0.name == name }) ?? line.flags.first(where: { $0.name == name }) {
                add(flag.takes)
            }
        } else if !line.isPastFlags, current.hasPrefix("--"), let sign = current.firstIndex(of: "=") {
            if let flag = flags.first(where: { "--" + $0.name == current[..<sign] }) {
                add(flag.takes, behind: current[...sign])
            }
        } else if !line.isPastFlags, current.hasPrefix("-") {
            add(flags.filter { $0.isRepeatable || !line.given.contains($0.name) })
        } else if let command {
            guard !isHelp, let last = command.takes.indices.last else { return }
            add(command.takes[min(line.positional.count - command.words.count, last)])
        } else {
            addWords(of: shown, behind: line.positional)
            if line.positional.isEmpty, !isHelp { candidates.append(Candidate(text: "help", summary: "Show help.")) }
        }
    }

    private mutating func add(_ expected: Expected, behind start: Substring = "") {
        switch expected {
        case .anything: break
        case .files: wantsFiles = true
        case .words(let words): candidates += words.map { Candidate(text: start + $0) }
        case .profiles: candidates += profiles().map { Candidate(text: start + $0) }
        }
    }

    private mutating func add(_ flags: [Arguments.Flag]) {
        candidates += flags.flatMap { flag in
            [Candidate(text: "--" + flag.name, summary: flag.summary)]
                + (flag.short.map { [Candidate(text: "-\($0)", summary: flag.summary)] } ?? [])
        }
    }

    /// The next word of each command that begins with these.
    private mutating func addWords(of commands: [Command], behind words: [String]) {
        for command in commands where command.words.starts(with: words) && command.words.count > words.count {
            let word = command.words[words.count]
            guard !candidates.contains(where: { $0.text == word }) else { continue }
            let group = commands.filter { $0.words.starts(with: words + [word]) }
            let isWhole = command.words.count == words.count + 1
            let summary = isWhole ? command.summary : group.compactMap(\.words.last).joined(separator: ", ")
            candidates.append(Candidate(text: word, summary: summary))
        }
    }
}

/// What stands before the word to complete. Nothing in it is wrong: it is not finished.
private struct Line {
    var positional: [String] = []
    var given: Set<String> = []
    /// The flag whose value comes next.
    var open: String?
    /// Behind `--` nothing is a flag.
    var isPastFlags = false
    let flags: [Arguments.Flag]

    init(_ words: some Sequence<String>, flags: [Arguments.Flag]) {
        self.flags = flags
        for word in words {
            if open != nil {
                open = nil
            } else if isPastFlags || !word.hasPrefix("-") || word == "-" {
                positional.append(word)
            } else if word == "--" {
                isPastFlags = true
            } else {
                note(word)
            }
        }
    }

    private mutating func note(_ word: String) {
        let name = word.prefix { $0 != "=" }
        let short = word.dropFirst().first
        let flag = flags.first { "--" + $0.name == name } ?? flags.first { !word.hasPrefix("--") && $0.short == short }
        guard let flag else { return }
        given.insert(flag.name)
        let isGlued = word.hasPrefix("--") ? word.contains("=") : word.utf8.count > 2
        if flag.value != nil, !isGlued { open = flag.name }
    }
}
