/// The help texts, made from the commands themselves.
enum Help {
    static func overview(of commands: [Command]) -> String {
        """
        Usage: podstack COMMAND [OPTIONS]

        Commands:
        \(table(commands.map { ($0.name, $0.summary) }))

        Options of every command:
        \(table(GlobalFlags.all.map { ($0.help, $0.summary) }))

        podstack COMMAND --help says more about one. The token is the first of: --token or --token-file, the profile
        of --profile, PODSTACK_API_TOKEN, the file of PODSTACK_API_TOKEN_FILE, the profile of PODSTACK_PROFILE or
        "default" in ~/.podstack/credentials.

        """
    }

    static func text(for command: Command) -> String {
        let usage = command.usage.isEmpty ? "" : " " + command.usage
        let own = command.flags.isEmpty ? "" : "Options:\n\(table(command.flags.map { ($0.help, $0.summary) }))\n\n"
        let details = command.details.isEmpty ? "" : command.details + "\n\n"
        return """
            Usage: podstack \(command.name)\(usage) [OPTIONS]

            \(command.summary)

            \(details)\(own)podstack --help lists the options of every command.

            """
    }

    private static func table(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, summary in
            "  \(name)\(String(repeating: " ", count: width - name.count))  \(summary)"
        }.joined(separator: "\n")
    }
}

extension Arguments.Flag {
    fileprivate var help: String {
        let long = value.map { "--\(name) \($0)" } ?? "--\(name)"
        return short.map { "-\($0), \(long)" } ?? long
    }
}
