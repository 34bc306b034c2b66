import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackSystem

/// `podstack env`: shows the variables of a `.env` file.
enum EnvCommand {
    /// The formats of `-o`; the others are those of every command.
    private enum Format: String, CaseIterable {
        case table, wide, json, yaml, dotenv, shell
    }

    static let command = Command(
        "env",
        summary: "Show the variables that a .env file would set, with their values as they are; sets nothing.",
        arguments: [Argument("FILE", summary: "the file (default: .env)", count: .optional, values: .files)],
        flags: [
            Flag(
                "output", short: "o", value: "FORMAT",
                summary:
                    "dotenv, shell, json or yaml (default: NAME=value lines without quotes, which are for reading)",
                values: .choices(Format.allCases.map(\.rawValue)))
        ],
        details: """
            dotenv is a .env file with the same variables, in which every value is written out. shell is for a POSIX
            shell:

              eval "$(podstack env -o shell)"

            On a terminal, control characters in a value are shown as "?". Otherwise values are never altered.
            """,
        examples: ["podstack env", "podstack env deploy/.env -o json"]
    ) { invocation in
        let path = invocation.arguments.positional.first ?? ".env"
        guard !path.isEmpty else { throw UsageError("FILE: the path is empty") }
        let file = try DotEnv.read(path, environment: invocation.context.environment)
        let format = invocation.arguments.value("output").flatMap(Format.init)
        let text = try text(of: file, as: format ?? Format(rawValue: invocation.format.rawValue) ?? .table, invocation)
        if !text.isEmpty { invocation.printingData.print(text) }
        for warning in file.warnings { invocation.warn(warning) }
        return .success
    }

    private static func text(of file: DotEnv, as format: Format, _ invocation: Invocation) throws -> String {
        let values = file.variables.compactMap { variable in variable.value.map { (name: variable.name, value: $0) } }
        let lines: [String]
        switch format {
        case .json:
            let json = try json(file)
            return invocation.context.isOutputTerminal ? TerminalText.escaped(json) : json
        case .yaml:
            return values.map { "\(YAML.scalar(.string($0.name))): \(YAML.scalar(.string($0.value)))" }
                .joined(separator: "\n")
        case .table, .wide: lines = values.map { "\($0.name)=\($0.value)" }
        case .dotenv: lines = file.variables.map(DotEnvStatement.text)
        case .shell: lines = values.compactMap { shellLine($0.name, $0.value, invocation.warn) }
        }
        let isTerminal = invocation.context.isOutputTerminal
        return lines.map { isTerminal ? printable($0, keepsLines: format != .table && format != .wide) : $0 }
            .joined(separator: "\n")
    }

    /// Returns a text without control characters, except line ends if they are part of the syntax.
    private static func printable(_ text: String, keepsLines: Bool) -> String {
        guard keepsLines else { return TerminalText.printable(text) }
        // Scalars, because "\r\n" is one Character.
        return text.split(byte: "\n", omittingEmptySubsequences: false)
            .map { TerminalText.printable(String($0)) }.joined(separator: "\n")
    }

    /// Returns an object in the order of the file, which an encoder would not keep.
    ///
    /// A name without a value is null.
    private static func json(_ file: DotEnv) throws -> String {
        guard !file.variables.isEmpty else { return "{}" }
        let lines = try file.variables.map { "  \(try quoted($0.name)) : \(try quoted($0.value))" }
        return "{\n\(lines.joined(separator: ",\n"))\n}"
    }

    private static func quoted(_ text: String?) throws -> String {
        String(decoding: try APICoding.encode(text), as: UTF8.self)
    }

    /// Returns a line for a shell; nil, with a warning, for a name that no shell variable can have.
    private static func shellLine(_ name: String, _ value: String, _ warn: (String) -> Void) -> String? {
        let isName = name.utf8.allSatisfy { Base62.isDigit($0) || $0 == UInt8(ascii: "_") }
        guard isName, let first = name.utf8.first, !(0x30...0x39).contains(first) else {
            warn("\(TerminalText.printable(name)) is left out: a shell variable cannot have this name")
            return nil
        }
        return "export \(name)=\(ShellQuotes.posix(value))"
    }
}

/// Writes statements of a `.env` file that read back as they were.
private enum DotEnvStatement {
    static func text(_ variable: DotEnv.Variable) -> String {
        guard let value = variable.value else { return key(variable.name) }
        return "\(key(variable.name))=\(quoted(value))"
    }

    /// A name is written in quotes if it would otherwise end early.
    ///
    /// No name contains both a quote and a character that requires them, because none could be read.
    private static func key(_ name: String) -> String {
        let isPlain = name.unicodeScalars.allSatisfy {
            $0 != "=" && $0 != "#" && $0 != "'" && !$0.properties.isWhitespace && !(0x1C...0x1F).contains($0.value)
        }
        return isPlain || name.utf8.contains(UInt8(ascii: "'")) ? name : "'\(name)'"
    }

    private static func quoted(_ value: String) -> String {
        let bytes = Array(value.utf8)
        let isPlain = bytes.allSatisfy { Base62.isDigit($0) || "_-./:@%+,".utf8.contains($0) }
        if isPlain { return value }
        // A carriage return would become a line feed outside of an escape, and only double quotes have one for it.
        let isDouble = bytes.contains(UInt8(ascii: "\r"))
        var output: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "\\"): output += #"\\"#.utf8
            case UInt8(ascii: "'") where !isDouble: output += #"\'"#.utf8
            case UInt8(ascii: "\"") where isDouble: output += #"\""#.utf8
            case UInt8(ascii: "\r"): output += #"\r"#.utf8
            // `${` would be expanded, and has no escape. The empty name is never set, so its default is used.
            case UInt8(ascii: "$") where index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "{"):
                output += "${:-$}".utf8
            default: output.append(byte)
            }
        }
        let quote = isDouble ? "\"" : "'"
        return quote + String(decoding: output, as: UTF8.self) + quote
    }
}
