import Podstack

/// A command line taken apart: the words of the command, its flags, and what it is about.
struct Arguments: Sendable {
    /// A flag, by its long name.
    struct Flag: Sendable {
        var name: String
        var short: Character?
        /// What its value is called in the help; nil for a switch.
        var value: String?
        var summary: String
        var isRepeatable = false
        /// What its value can be.
        var takes = Expected.anything
    }

    private(set) var positional: [String] = []
    private var values: [String: [String]] = [:]

    /// Global flags are understood everywhere, those of the command once it is known.
    init(_ words: [String], flags: [Flag]) throws(UsageError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                positional += rest
                break
            }
            guard word.hasPrefix("-"), word != "-" else {
                positional.append(word)
                continue
            }
            let parts = Self.parts(of: word, flags)
            guard let flag = flags.first(where: { $0.isNamed(parts[0]) }) else {
                let near = NearMiss.question(parts[0], among: flags.map { "--" + $0.name })
                throw UsageError(
                    "unknown option \(Self.shown(parts[0]))\(near)", hint: "podstack --help lists the options")
            }
            guard let valueName = flag.value else {
                guard parts.count == 1 else { throw UsageError("--\(flag.name) takes no value") }
                values[flag.name] = ["true"]
                continue
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw UsageError("--\(flag.name) needs a value: \(valueName)")
            }
            guard flag.isRepeatable || values[flag.name] == nil else {
                throw UsageError("--\(flag.name) is given twice")
            }
            values[flag.name, default: []].append(value)
        }
    }

    /// The name and the value of `--name=value`, `-nvalue` and `-n=value`; the name alone of other words.
    private static func parts(of word: String, _ flags: [Flag]) -> [String] {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard !word.hasPrefix("--"), parts[0].utf8.count > 2,
            flags.contains(where: { $0.value != nil && $0.isNamed(String(word.prefix(2))) })
        else { return parts }
        return [String(word.prefix(2)), String(word.dropFirst(2))]
    }

    /// An argument as an error may repeat it: one that is long may be a token.
    static func shown(_ text: String) -> String { text.utf8.count > 24 ? "…" : text }

    /// Takes the words of the command itself away.
    mutating func dropCommand(_ count: Int) { positional.removeFirst(count) }

    func has(_ name: String) -> Bool { values[name] != nil }
    func value(_ name: String) -> String? { values[name]?.first }
    /// Of a flag that may be repeated, or have several values with commas between.
    func values(_ name: String) -> [String]? {
        values[name]?.flatMap {
            $0.split(separator: ",").map { $0.trimmingPrefix(while: \.isWhitespace) }.map(String.init)
        }
    }

    /// The value of a flag that takes one of a few.
    func choice(_ name: String, of choices: [String]) throws(UsageError) -> String? {
        guard let value = value(name) else { return nil }
        guard choices.contains(value) else {
            throw UsageError("--\(name) is one of \(choices.joined(separator: ", "))")
        }
        return value
    }

    /// The one thing that the command is about.
    func only(_ name: String) throws(UsageError) -> String {
        guard let first = positional.first else { throw UsageError("\(name) is missing") }
        try nothing(after: 1)
        return first
    }

    func nothing(after count: Int = 0) throws(UsageError) {
        guard positional.count <= count else {
            throw UsageError("unexpected argument \"\(Self.shown(positional[count]))\"")
        }
    }
}

extension Arguments.Flag {
    fileprivate func isNamed(_ word: String) -> Bool {
        word == "--" + name || short.map { word == "-\($0)" } ?? false
    }
}
