import Podstack

/// The `podstack` command line: finds the command, runs it, and turns what it throws into a line and an exit status.
public enum Tool {
    static let commands: [Command] = [
        .authLogin, .authStatus, .authWhoami, .authLogout, .authTokenInfo, .authRefresh, .authRevoke,
        .tokenList, .tokenCreate, .tokenGet, .tokenUpdate, .tokenRevoke, .tokenRotate, .tokenScan,
        .projectList, .projectCreate, .projectGet, .projectUpdate, .projectDelete, .projectUse, .projectCurrent,
        .memberList, .memberAdd, .memberUpdate, .memberRemove, .auditList,
        .configExplain, .configShow, .configGet, .configSet, .configUnset, .configReset, .configSetProfile,
        .configGetProfile, .configCheck, .configPath, .env, .completion, .complete, .version,
    ]

    /// Those that people use.
    private static let shown = commands.filter { !$0.isHidden }

    /// Runs the command line `words`, without the name of the program.
    public static func run(_ words: [String], context: Context) async -> ExitStatus {
        var format = OutputFormat.requested(in: words, environment: context.environment)
        do {
            let status = try await perform(words, context: context, format: &format)
            if let reason = context.outputFailure() {
                throw CommandError(
                    message: "cannot write to standard output: \(reason)",
                    hint: "It was done, but what it printed is lost; revoke a new token that nobody has")
            }
            return status
        } catch {
            ErrorReport(error).write(to: context.standardError, format: format)
            return ExitStatus(for: error)
        }
    }

    private static func perform(
        _ words: [String], context: Context, format: inout OutputFormat
    ) async throws -> ExitStatus {
        let words = words.first == "help" ? Array(words.dropFirst()) + ["--help"] : words
        let all = GlobalFlags.all + commands.flatMap(\.flags)
        var arguments = try Arguments(words, flags: all)
        if arguments.has("version") { arguments = try Arguments(["version"], flags: all) }
        guard let command = commands.first(where: { arguments.positional.starts(with: $0.words) }) else {
            return try help(arguments, context: context)
        }
        // Again, now that it is known which flags count.
        arguments = try Arguments(words, flags: GlobalFlags.all + command.flags)
        if arguments.has("help") {
            context.standardOutput(Help.text(for: command))
            return .done
        }
        if arguments.has("version") { arguments = try Arguments(command.words, flags: all) }
        arguments.dropCommand(command.words.count)
        if let name = arguments.value("output") {
            guard let known = OutputFormat(rawValue: name) else {
                throw UsageError("--output is one of table, wide, json, yaml")
            }
            format = known
        }
        let invocation = try Invocation(arguments: arguments, context: context, format: format)
        return try await command.run(invocation)
    }

    /// The command that was meant, when it is near: `token lst`, or `whoami` without its group.
    private static func suggestion(for words: [String]) -> String {
        let name = words.prefix(2).joined(separator: " ")
        if let whole = shown.first(where: { $0.words.last == words.first }) {
            return "; did you mean \"\(whole.name)\"?"
        }
        let near = NearMiss.of(name, among: shown.map(\.name))
        let group = NearMiss.of(words.first ?? "", among: shown.compactMap(\.words.first))
        return (near ?? group).map { "; did you mean \"\($0)\"?" } ?? ""
    }

    private static func help(_ arguments: Arguments, context: Context) throws -> ExitStatus {
        let group = arguments.positional.first
        if let group, !shown.contains(where: { $0.words.first == group }) {
            throw UsageError(
                "unknown command \"\(Arguments.shown(group))\"\(suggestion(for: arguments.positional))",
                hint: "podstack --help lists the commands")
        }
        if arguments.positional.count > 1 {
            let name = arguments.positional.prefix(2).map(Arguments.shown).joined(separator: " ")
            throw UsageError(
                "unknown command \"\(name)\"\(suggestion(for: arguments.positional))",
                hint: "podstack \(group ?? "") --help lists the commands")
        }
        let text = Help.overview(of: shown.filter { group == nil || $0.words.first == group })
        if arguments.has("help") || arguments.positional.isEmpty {
            context.standardOutput(text)
            return .done
        }
        context.standardError(text)
        return .usage
    }
}
