import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackSystem

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The format of data on standard output.
enum OutputFormat: String, CaseIterable, Sendable {
    case table, wide, json, yaml

    /// Returns the format that `-o` or `PODSTACK_OUTPUT` asks for, before the command line is parsed.
    static func requested(in words: [String], environment: PodstackEnvironment) -> OutputFormat {
        let words = words.prefix { $0 != "--" }
        for (flag, value) in zip(words, words.dropFirst()) where flag == "-o" || flag == "--output" {
            if let format = OutputFormat(rawValue: value) { return format }
        }
        for word in words {
            for prefix in ["--output=", "-o=", "-o"] where word.hasPrefix(prefix) {
                if let format = OutputFormat(rawValue: String(word.dropFirst(prefix.count))) { return format }
            }
        }
        return environment.value(of: variable).flatMap(OutputFormat.init) ?? .table
    }

    /// Returns the format of a command: that of `-o`, else that of `PODSTACK_OUTPUT`.
    ///
    /// Throws when the variable names no format, and no option is given instead.
    static func format(
        of command: Command, _ arguments: Arguments, environment: PodstackEnvironment
    ) throws(UsageError) -> OutputFormat {
        // A format that only this command has, such as that of `env`, is text to the others.
        if let name = arguments.value("output") { return OutputFormat(rawValue: name) ?? .table }
        guard let name = environment.value(of: variable), !command.isHidden else { return .table }
        guard let format = OutputFormat(rawValue: name) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageError("\(variable) must be one of \(names)", hint: "unset \(variable), or give --output")
        }
        return format
    }

    private static let variable = "PODSTACK_OUTPUT"
}

extension Invocation {
    /// Whether JSON is written with one value per line: on a terminal, where a user reads it.
    var prettyPrints: Bool { context.isOutputTerminal }

    /// Returns a JSON text as this invocation writes it: readable on a terminal, else on one line.
    func jsonText(_ json: [UInt8]) -> String {
        guard context.isOutputTerminal else { return JSONText.compact(json) }
        let escaped = Array(TerminalText.escaped(String(decoding: json, as: UTF8.self)).utf8)
        return JSONText.pretty(escaped, isStyled: context.stylesOutput)
    }

    /// Returns a time as a table shows it: relative on a terminal, else exact.
    func displayed(_ date: Date?) -> String {
        guard let date else { return "never" }
        guard context.isOutputTerminal, format == .table else { return Timestamp.format(date) }
        return RelativeTime.text(date, now: context.time.date())
    }

    /// Returns a time in a sentence, such as "2 hours ago" or "at 2026-01-31T12:00:00Z".
    func phrase(_ date: Date) -> String {
        let text = displayed(date)
        return text.first?.isNumber == true && text.hasSuffix("Z") ? "at \(text)" : text
    }

    /// Returns a table, which is styled on a terminal; without rows, a terminal shows the sentence `none` instead.
    func table(ifEmpty none: String? = nil, _ header: [String], _ rows: [[String]]) -> String {
        if let none, rows.isEmpty, context.isOutputTerminal { return none }
        return Table.text(header, rows, isStyled: context.stylesOutput)
    }

    /// Writes a value as JSON or YAML or, in the other formats, as `text`.
    func write(_ value: some Encodable, as text: () -> String) throws {
        switch format {
        case .json: print(JSONBytes.displayed(jsonText(try APICoding.encode(value))))
        case .yaml:
            let json = try APICoding.decode(JSONValue.self, from: try APICoding.encode(value))
            print(JSONBytes.displayed(YAML.text(of: json)))
        case .table, .wide: print(text())
        }
    }
}

/// Text in JSON that contains bytes that are not UTF-8, as a path can.
enum JSONBytes {
    /// Returns JSON for standard error, with an escape in place of each such byte and each control character.
    static func text(of json: [UInt8]) -> String {
        displayed(TerminalText.escaped(String(decoding: json, as: UTF8.self)))
    }

    /// Returns the JSON or YAML with an escape in place of each such byte, whose backslash is itself escaped.
    static func displayed(_ json: String) -> String { SystemText.displayed(json, escape: #"\\x"#) }
}

/// JSON values as YAML.
///
/// Strings are quoted as in JSON, which YAML reads in the same way.
enum YAML {
    static func text(of value: JSONValue) -> String { lines(of: value).joined(separator: "\n") }

    private static func lines(of value: JSONValue) -> [String] {
        switch value {
        case .object(let fields) where !fields.isEmpty:
            fields.sorted { $0.key < $1.key }.flatMap { key, value -> [String] in
                guard isNested(value) else { return ["\(name(key)): \(scalar(value))"] }
                return ["\(name(key)):"] + lines(of: value).map { "  " + $0 }
            }
        case .array(let values) where !values.isEmpty:
            values.flatMap { value -> [String] in
                let inner = isNested(value) ? lines(of: value) : [scalar(value)]
                return inner.enumerated().map { ($0 == 0 ? "- " : "  ") + $1 }
            }
        default: [scalar(value)]
        }
    }

    private static func isNested(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let fields): !fields.isEmpty
        case .array(let values): !values.isEmpty
        default: false
        }
    }

    /// Returns a key, in quotes unless it is a plain word that no reader takes for anything else.
    private static func name(_ key: String) -> String {
        let isWord = key.utf8.allSatisfy {
            Base62.isDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
        let isLetter = key.utf8.first.map { $0 == UInt8(ascii: "_") || $0 > 0x40 } ?? false
        return isWord && isLetter && !reserved.contains(key.lowercased()) ? key : scalar(.string(key))
    }

    /// The words that YAML 1.1 reads as a boolean or null.
    private static let reserved: Set<String> = ["y", "yes", "n", "no", "true", "false", "on", "off", "null"]

    /// Returns a value on one line, without characters that YAML forbids.
    static func scalar(_ value: JSONValue) -> String {
        let json = (try? APICoding.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
        return TerminalText.escaped(json, keepsLines: false, isYAML: true)
    }
}
