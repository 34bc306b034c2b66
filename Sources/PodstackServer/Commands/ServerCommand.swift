/// A subcommand: what it is called, what it takes, what it does.
struct ServerCommand: Sendable {
    /// As typed: `["user", "add"]`.
    var words: [String]
    /// What must follow the words, by name: `["EMAIL"]`. ``run`` gets as many.
    var arguments: [String] = []
    var summary: String
    var options: [Option] = []
    var run: @Sendable (Flags) throws -> Void

    var name: String { words.joined(separator: " ") }

    struct Option: Sendable {
        /// As typed: `--name`.
        var name: String
        /// What its value is called in the help; nil for a switch.
        var value: String?
        var summary: String
    }

    func perform(_ words: ArraySlice<String>) throws {
        let flags = try Flags(
            words, names: options.filter { $0.value != nil }.map(\.name),
            switches: options.filter { $0.value == nil }.map(\.name))
        _ = try flags.positional(arguments)
        try run(flags)
    }
}

extension ServerCommand.Option {
    /// Of every command.
    static let common = [
        Self(
            name: "--data", value: "DIR", summary: "the folder with everything; \(DataDirectory.defaultPath) unless said"),
        Self(
            name: "--database", value: "URL",
            summary: "postgres://USER@HOST/NAME: the database is there, and DIR holds the pepper alone, the same for "
                + "every instance; \(Flags.databaseVariable) says it too, and shows no password"),
    ]

    static let maxActiveTokens = Self(
        name: "--max-active-tokens", value: "N", summary: "of each account; 5 unless said")
}
