import Podstack
import PodstackAPI
import PodstackCommandLine

/// `podstack env`: shows the variables of a `.env` file.
enum EnvCommand {
    static let command = Command(
        "env",
        summary: "Show the variables that a .env file would set, as NAME=value lines or, with -o json, as an object.",
        arguments: [Argument("FILE", summary: "the file (default: .env)", count: .optional, values: .files)],
        examples: ["podstack env", "podstack env deploy/.env -o json"]
    ) { invocation in
        let path = invocation.arguments.positional.first ?? ".env"
        let file = try DotEnv.read(path, environment: invocation.context.environment)
        switch invocation.format {
        case .json: invocation.print(try json(file))
        case .yaml, .table, .wide:
            let values = file.variables.filter { $0.value != nil }
            if !values.isEmpty {
                invocation.print(
                    try values.map { variable in
                        invocation.format == .yaml
                            ? "\(try quoted(variable.name)): \(try quoted(variable.value))"
                            : "\(TerminalText.printable(variable.name))=\(TerminalText.printable(variable.value ?? ""))"
                    }.joined(separator: "\n"))
            }
        }
        for warning in file.warnings { invocation.warn(warning) }
        return .success
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
}
