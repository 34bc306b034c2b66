import Podstack

/// How data is written to standard output.
enum OutputFormat: String, CaseIterable, Sendable {
    case table, wide, json, yaml

    /// What `-o` or `PODSTACK_OUTPUT` asks for, as far as can be told before the command line is understood: an error
    /// about the command line itself is written in that form too.
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
    /// Writes a value as JSON or YAML, or, in the other formats, as `text`.
    func write(_ value: some Encodable, as text: () -> String) throws {
        switch format {
        case .json: print(String(decoding: try APICoding.encode(value, pretty: true), as: UTF8.self))
        case .yaml:
            let json = try APICoding.decode(JSONValue.self, from: try APICoding.encode(value))
            print(YAML.text(of: json))
        case .table, .wide: print(text())
        }
    }
}
