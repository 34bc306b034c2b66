import Podstack

extension Command {
    static let completion = Command(
        words: ["completion"], summary: "Print what makes a shell complete commands, flags and profiles.",
        usage: "bash|zsh|fish", takes: [.words(Shell.allCases.map(\.rawValue)), .anything],
        details: """
            bash, in ~/.bashrc:

              eval "$(podstack completion bash)"

            zsh, in ~/.zshrc below compinit; or the output as the file _podstack in a folder of fpath:

              eval "$(podstack completion zsh)"

            fish, once:

              podstack completion fish >~/.config/fish/completions/podstack.fish

            It asks the podstack in PATH what fits, so that it need not be made again for another version.
            """
    ) { invocation in
        let name = try invocation.arguments.only("the shell, bash, zsh or fish,")
        guard let shell = Shell(rawValue: name) else {
            throw UsageError("\"\(Arguments.shown(name))\" is none of bash, zsh, fish")
        }
        invocation.print(shell.script)
        return .done
    }

    /// What the scripts call. Reads the words, each with a zero behind it, and answers `words` or `files`, then a line
    /// with each candidate, a tab and its summary.
    static let complete = Command(
        words: ["__complete"], summary: "Tell a shell what can come next.", isHidden: true
    ) { invocation in
        var words = try invocation.context.readInput().split(separator: "\0", omittingEmptySubsequences: false)
        if words.last == "" { words.removeLast() }
        let completion = LineCompletion(words.map(String.init), commands: Tool.commands) {
            profiles(invocation.context.environment)
        }
        invocation.print(
            ([completion.wantsFiles ? "files" : "words"]
                + completion.candidates.map { "\($0.text)\t\($0.summary)" }).joined(separator: "\n"))
        return .done
    }

    /// None when the file cannot be used: here nobody can be told. A pipe must not be emptied.
    private static func profiles(_ environment: PodstackEnvironment) -> [String] {
        guard let path = try? CredentialsFile.path(environment), let file = try? CredentialsFile(changing: path)
        else { return [] }
        return file.profileNames.filter { $0 == Table.printable($0) }
    }
}
