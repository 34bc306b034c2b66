import Foundation
import Podstack
import PodstackTestSupport
import Testing

/// Completes the same lines in each shell, with its script.
@Suite("Completion in real shells", .blocking, .timeLimit(.minutes(5)))
struct ShellCompletionTests {
    let home: TemporaryDirectory

    init() throws {
        home = try TemporaryDirectory()
        _ = try ToolProcess.run("/bin/mkdir", [home.file(".podstack"), home.file("folder")])
        let path = try home.write("[default]\n[my work]\nproject_id = x\n[prod]\n", to: ".podstack/credentials")
        _ = try ToolProcess.run("/bin/chmod", ["600", path])
        _ = try home.write("", to: "token of mine.txt")
    }

    func run(_ shell: String, _ script: String, _ arguments: [String] = []) throws -> String {
        let folder = URL(filePath: try ToolProcess.path(of: "podstack")).deletingLastPathComponent().path
        let outcome = try ToolProcess.run(
            "/usr/bin/env",
            [shell, try home.write(script, to: "script"), home.path] + arguments,
            environment: [
                "HOME": home.path, "ZDOTDIR": home.path, "PATH": "\(folder):/usr/bin:/bin", "TERM": "dumb",
                "LC_ALL": "C.UTF-8",
            ])
        #expect(outcome.status == 0, "\(outcome.error)")
        return outcome.output
    }

    @Test("bash")
    func bash() throws {
        let script = """
            cd "$1"; shift
            eval "$(podstack completion bash)"
            [[ $(complete -p podstack) == 'complete -F _podstack podstack' ]] || exit 3
            while read -ra COMP_WORDS; do
                [[ ${COMP_WORDS[-1]} == . ]] && COMP_WORDS[-1]=
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                _podstack
                (IFS='|'; printf '%s\\n' "${COMPREPLY[*]}")
            done <<'END'
            podstack comp
            podstack auth who
            podstack auth whoami --pro
            podstack auth whoami --profile .
            podstack --profile = m
            podstack --output =
            podstack -o j
            podstack token create --scope projects : r
            podstack token create --scope audit
            podstack token scan to
            podstack auth whoami --token-file = fol
            podstack no such .
            END
            """
        #expect(
            try run("bash", script).split(separator: "\n", omittingEmptySubsequences: false) == [
                "completion", "whoami", "--profile|--project", "default|my\\ work|prod", "my\\ work",
                "table|wide|json|yaml", "json", "read",
                "audit-logs:\\*|audit-logs:create|audit-logs:read|audit-logs:update|audit-logs:delete",
                "token of mine.txt", "folder", "", "",
            ])
    }

    /// Shows, for each line, what zsh completes in a terminal after Tab.
    private static let zshTerminal = #"""
        cd $1; shift
        zmodload zsh/zpty
        zpty z 'stty -echo; exec zsh -i'
        zpty -r -m z out '*READY*'
        for line in "$@"; do
            zpty -w -n z "$line"$'\t\C-x'
            zpty -r -m z out '*<*>*'
            print -r -- "$out"
        done
        zpty -d z
        """#

    @Test("zsh, with the script evaluated or found in fpath", arguments: [false, true])
    func zsh(isFound: Bool) throws {
        let place = isFound ? "podstack completion zsh >$HOME/functions/_podstack; fpath=($HOME/functions $fpath)" : ""
        let settings = """
            PROMPT= RPROMPT= LISTMAX=0
            mkdir -p $HOME/functions; \(place)
            autoload -U compinit; compinit -u -D
            \(isFound ? "" : "eval \"$(podstack completion zsh)\"")
            show() { zle -I; print -r -- "<$BUFFER>"; BUFFER= }
            zle -N show
            bindkey '^X' show
            print READY
            """
        _ = try home.write(settings, to: ".zshrc")
        let displayed = try run(
            "zsh", Self.zshTerminal,
            [
                "podstack comp", "podstack auth who", "podstack auth whoami --profile m", "podstack --output=j",
                "podstack token create --scope projects:r", "podstack token scan to",
                "podstack auth whoami --token-file=fol", "podstack auth whoami --pro",
            ])
        let lines = displayed.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("<") }
        #expect(
            lines.map { $0.dropFirst().dropLast() } == [
                "podstack completion ", "podstack auth whoami ", "podstack auth whoami --profile my\\ work ",
                "podstack --output=json ", "podstack token create --scope projects:read ",
                "podstack token scan token\\ of\\ mine.txt ", "podstack auth whoami --token-file=folder/",
                "podstack auth whoami --pro",
            ])
        #expect(displayed.contains("--profile  -- use this profile of the credentials file"))
    }

    @Test("fish")
    func fish() throws {
        let script = """
            cd $argv[1]
            podstack completion fish | source
            for line in 'podstack comp' 'podstack auth who' 'podstack auth whoami --pro' \\
                    'podstack auth whoami --profile ' 'podstack --output=j' 'podstack -o j' \\
                    'podstack token create --scope projects:r' 'podstack token scan to' \\
                    'podstack auth whoami --token-file=fol' 'podstack no such '
                complete -C $line | string split -f 1 \\t | string join '|'
                echo .
            end
            """
        #expect(
            try run("fish", script).split(separator: "\n").filter { $0 != "." } == [
                "completion", "whoami", "--profile|--project", "default|my work|prod", "--output=json", "json",
                "projects:read", "token of mine.txt", "--token-file=folder/",
            ])
    }

    @Test("the words of the line, which may include a token, are not arguments of a process")
    func secrecy() throws {
        _ = try ToolProcess.run("/bin/mkdir", [home.file("bin")])
        _ = try home.writeProgram(#"echo "$@" >>"$HOME/arguments"; exec cat >/dev/null"#, to: "bin/podstack")
        let shells: [(name: String, complete: String)] = [
            (
                "bash",
                """
                eval "$SCRIPT"; COMP_WORDS=(podstack --token secret au); COMP_CWORD=3
                PATH=$HOME/bin:$PATH _podstack
                """
            ),
            ("fish", "set -x PATH $HOME/bin $PATH; echo $SCRIPT | source; complete -C 'podstack --token secret au'"),
        ]
        for shell in shells {
            let script = try ToolProcess.run("podstack", ["completion", shell.name]).output
            _ = try ToolProcess.run(
                "/usr/bin/env", [shell.name, "-c", shell.complete],
                environment: ["HOME": home.path, "PATH": "/usr/bin:/bin", "SCRIPT": script])
        }
        #expect(home.read("arguments") == "__complete\n__complete\n")
    }
}
