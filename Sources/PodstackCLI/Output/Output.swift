import Podstack
import PodstackAPI
import PodstackCommandLine

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
        for (flag, value) in zip(words, words.dropFirst()) where flag == "-o" || flag == "--output" {
            if let format = OutputFormat(rawValue: value) { return format }
        }
        for word in words {
            for prefix in ["--output=", "-o=", "-o"] where word.hasPrefix(prefix) {
                if let format = OutputFormat(rawValue: String(word.dropFirst(prefix.count))) { return format }
            }
        }
        return environment["PODSTACK_OUTPUT"].flatMap(OutputFormat.init) ?? .table
    }
}

extension Invocation {
    /// Whether JSON is written with one value per line: on a terminal, where a user reads it.
    var prettyPrints: Bool { context.isOutputTerminal }

    /// Returns a JSON text as this invocation writes it: readable on a terminal, else on one line.
    func jsonText(_ json: [UInt8]) -> String {
        prettyPrints ? JSONText.pretty(json, isStyled: context.stylesOutput) : JSONText.compact(json)
    }

    /// Returns a time as a table shows it: relative on a terminal, else exact.
    func displayed(_ date: Date?) -> String {
        guard let date else { return "never" }
        guard context.isOutputTerminal, format == .table else { return Timestamp.format(date) }
        return RelativeTime.text(date, now: context.time.date())
    }

    /// Returns a table, which is styled on a terminal.
    func table(_ header: [String], _ rows: [[String]]) -> String {
        Table.text(header, rows, isStyled: context.stylesOutput)
    }

    /// Writes a value as JSON or YAML or, in the other formats, as `text`.
    func write(_ value: some Encodable, as text: () -> String) throws {
        switch format {
        case .json: print(jsonText(try APICoding.encode(value)))
        case .yaml:
            let json = try APICoding.decode(JSONValue.self, from: try APICoding.encode(value))
            print(YAML.text(of: json))
        case .table, .wide: print(text())
        }
    }
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
                guard isNested(value) else { return ["\(key): \(scalar(value))"] }
                return ["\(key):"] + lines(of: value).map { "  " + $0 }
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

    private static func scalar(_ value: JSONValue) -> String {
        (try? APICoding.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }
}
