import Podstack

extension Command {
    static let env = Command(
        words: ["env"], summary: "Show what a .env file would set, as NAME=value, or with -o json as an object.",
        usage: "[FILE]", takes: [.files]
    ) { invocation in
        try invocation.arguments.nothing(after: 1)
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
                            : "\(Table.printable(variable.name))=\(Table.printable(variable.value ?? ""))"
                    }.joined(separator: "\n"))
            }
        }
        for warning in file.warnings { invocation.warn(warning) }
        return .done
    }

    /// In the order of the file, which an encoder would not keep; a name without a value is null.
    private static func json(_ file: DotEnv) throws -> String {
        guard !file.variables.isEmpty else { return "{}" }
        let lines = try file.variables.map { "  \(try quoted($0.name)) : \(try quoted($0.value))" }
        return "{\n\(lines.joined(separator: ",\n"))\n}"
    }

    private static func quoted(_ text: String?) throws -> String {
        String(decoding: try APICoding.encode(text), as: UTF8.self)
    }
}
