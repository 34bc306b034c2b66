import PodstackSystem

/// A parsed command line: the positional arguments and the values of the flags.
package struct Arguments: Sendable {
    package private(set) var positional: [String] = []
    private var values: [String: [String]] = [:]

    /// Creates the arguments of a command line without words.
    package init() {}

    /// Parses `words`, in which only `flags` may occur.
    ///
    /// `helpCommand` is the command that lists the flags, for the hint of an error. `endsFlags` returns whether no word
    /// is a flag after these positional words.
    init(
        _ words: [String], flags: [Flag], helpCommand: String,
        endsFlags: (_ positional: [String]) -> Bool = { _ in false }
    ) throws(UsageError) {
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                positional += rest
                break
            }
            guard word.hasPrefix(bytes: "-"), word != "-" else {
                positional.append(word)
                if endsFlags(positional) {
                    positional += rest
                    break
                }
                continue
            }
            if let switches = Self.switches(in: word, flags) {
                for name in switches { values[name] = [""] }
                continue
            }
            let parts = Self.parts(of: word, flags)
            guard let flag = flags.first(where: { $0.isNamed(parts[0]) }) else {
                let question = Suggestion.question(parts[0], among: flags.map { "--" + $0.name })
                throw UsageError(
                    "unknown option \(Self.displayed(parts[0]))\(question)", hint: "\(helpCommand) lists the options")
            }
            guard let valueName = flag.valueName else {
                guard parts.count == 1 else { throw UsageError("--\(flag.name) takes no value") }
                values[flag.name] = [""]
                continue
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw UsageError("--\(flag.name) needs a value: --\(flag.name) \(valueName)")
            }
            guard flag.isRepeatable || values[flag.name] == nil else {
                throw UsageError("--\(flag.name) is given twice: give it once")
            }
            values[flag.name, default: []].append(value)
        }
    }

    /// Returns the names of several switches in one word, such as those of `-it`; nil if the word is anything else.
    private static func switches(in word: String, _ flags: [Flag]) -> [String]? {
        let letters = word.dropFirst()
        guard !word.hasPrefix("--"), letters.count > 1 else { return nil }
        let found = letters.compactMap { letter in flags.first { $0.short == letter && $0.valueName == nil }?.name }
        return found.count == letters.count ? found : nil
    }

    /// The name and the value of `--name=value`, `-nvalue` and `-n=value`; of other words the name alone.
    private static func parts(of word: String, _ flags: [Flag]) -> [String] {
        let parts = word.split(byte: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard !word.hasPrefix(bytes: "--"), parts[0].utf8.count > 2,
            case let name = String(Substring(word.unicodeScalars.prefix(2))),
            flags.contains(where: { $0.valueName != nil && $0.isNamed(name) })
        else { return parts }
        return [name, String(Substring(word.unicodeScalars.dropFirst(2)))]
    }

    /// A word as an error may repeat it: an option without its value, and no text that is long enough to be a secret.
    package static func displayed(_ word: String) -> String {
        let word = TerminalText.printable(word)
        guard word.hasPrefix(bytes: "-") else { return word.utf8.count > 24 ? "…" : word }
        let name = word.split(byte: "=", maxSplits: 1).first.map(String.init) ?? ""
        return name.hasPrefix(bytes: "--")
            ? (name.utf8.count > 30 ? "…" : name) : String(Substring(name.unicodeScalars.prefix(2)))
    }

    // MARK: - Flags

    /// Replaces the value of a flag that was given.
    package mutating func replaceValue(of name: String, with value: String) {
        if values[name] != nil { values[name] = [value] }
    }

    package mutating func removeValue(of name: String) { values[name] = nil }

    package func has(_ name: String) -> Bool { values[name] != nil }

    package func value(_ name: String) -> String? { values[name]?.first }

    /// The values of a repeatable flag, one for each time that it is given.
    package func all(_ name: String) -> [String]? { values[name] }

    /// The values of a repeatable flag whose values may also be separated by commas.
    package func list(_ name: String) -> [String]? { values[name]?.flatMap(Self.items) }

    private static func items(of text: String) -> [String] {
        text.split(byte: ",").map { String(Substring($0.unicodeScalars.drop { $0.properties.isWhitespace })) }
    }

    /// The value of a flag that takes a whole number of 1 or more.
    package func count(_ name: String) throws(UsageError) -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text), number >= 1 else {
            throw UsageError("--\(name) must be a whole number, 1 or more")
        }
        return number
    }

    /// The value of a flag that takes a whole number of 1 or more, up to a maximum.
    package func count(_ name: String, upTo maximum: Int) throws(UsageError) -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text), (1...maximum).contains(number) else {
            throw UsageError("--\(name) must be a whole number from 1 to \(maximum)")
        }
        return number
    }

    /// The value of a flag that takes a length of time, such as `90s`, `30m`, `12h` or `7d`.
    package func duration(_ name: String) throws(UsageError) -> Duration? {
        guard let text = value(name) else { return nil }
        guard let duration = Self.duration(of: text) else {
            // Not as a word of the command line, which would cut -1h like an option.
            let shown = text.utf8.count > 24 ? "…" : TerminalText.printable(text)
            throw UsageError(
                "--\(name): invalid duration \"\(shown)\": use a number and a unit, such as 30m, 12h or "
                    + "7d")
        }
        return duration
    }

    /// Returns the length of time that `text` names, such as `90s`, `30m`, `12h` or `7d`; nil when it names none.
    package static func duration(of text: String) -> Duration? {
        // No time needs no unit.
        if text == "0" { return .zero }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()),
            (0...100_000_000).contains(count)
        else { return nil }
        return .seconds(count * unit)
    }

    // MARK: - Checks against a command

    /// Removes the words of the command from the positional arguments, and checks the rest against the command.
    mutating func check<Action>(against command: Command<Action>, helpCommand: String) throws(UsageError) {
        positional.removeFirst(command.words.count)
        for (index, argument) in command.arguments.enumerated() {
            guard index < positional.count else {
                guard argument.count != .optional, argument.count != .zeroOrMore else { break }
                throw UsageError(
                    "missing argument \(argument.name): \(argument.summary)", hint: "\(helpCommand) shows the usage")
            }
            let given =
                argument.count.isRest ? positional[index...] : positional[index...index]
            for value in given { try Self.check(value, argument.values, of: argument.name) }
        }
        if command.arguments.last?.count.isRest != true, positional.count > command.arguments.count {
            throw UsageError(
                "unexpected argument \"\(Self.displayed(positional[command.arguments.count]))\"",
                hint: "\(helpCommand) shows the usage")
        }
    }

    /// Throws when a required flag is missing.
    func checkRequired(_ flags: [Flag], helpCommand: String) throws(UsageError) {
        for flag in flags where flag.isRequired && values[flag.name] == nil {
            throw UsageError(
                "--\(flag.name) is missing: \(flag.summary)",
                hint: "\(helpCommand) shows the usage")
        }
    }

    /// Checks the values of the flags that take one of a few words.
    func checkChoices(of flags: [Flag]) throws(UsageError) {
        for flag in flags {
            guard let given = values[flag.name], case .choices = flag.values else { continue }
            let items = flag.isRepeatable ? given.flatMap(Self.items) : given
            for item in items.isEmpty ? [""] : items { try Self.check(item, flag.values, of: "--\(flag.name)") }
        }
    }

    private static func check(_ value: String, _ values: Values, of name: String) throws(UsageError) {
        guard case .choices(let choices) = values, !choices.contains(value) else { return }
        throw UsageError("\(name) must be one of \(choices.joined(separator: ", "))")
    }
}
