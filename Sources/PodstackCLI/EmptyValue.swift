import PodstackCommandLine

/// Rejects empty values of options and arguments, such as those of an unset shell variable.
enum EmptyValue {
    /// The options and arguments that may be empty, or whose own check reports the problem.
    private static let exceptions: Set<String> = [
        "--description", "--command", "--search", "--field", "--raw-field", "--header", "--input", "--jq", "VALUE",
    ]

    /// Throws when an option or an argument of a command is empty.
    static func check(_ arguments: Arguments, of command: Command) throws(UsageError) {
        guard !command.isHidden else { return }
        for flag in command.flags where flag.valueName != nil && !exceptions.contains("--\(flag.name)") {
            guard arguments.all(flag.name)?.contains("") == true else { continue }
            throw UsageError("--\(flag.name) is empty: \(flag.summary)")
        }
        for (index, argument) in command.arguments.enumerated() where !exceptions.contains(argument.name) {
            guard index < arguments.positional.count, arguments.positional[index].isEmpty else { continue }
            throw UsageError("\(argument.name) is empty: \(argument.summary)")
        }
    }
}

extension Arguments {
    /// Returns the name of a new resource, which is the argument NAME or the option `--name`.
    func givenName(for command: String) throws(UsageError) -> String {
        switch (positional.first, value("name")) {
        case (let name?, nil), (nil, let name?): return name
        case (.some, .some): throw UsageError("the name is given twice: give NAME or --name")
        case (nil, nil):
            throw UsageError("the name is missing: \(command) NAME", hint: "\(command) --help shows the usage")
        }
    }
}
