import Podstack
import PodstackCommandLine

/// `podstack completion`, and the command that its scripts call.
enum CompletionCommands {
    static let all: [Command] = [completion, complete]

    /// The list of profiles, for ``Values/listed(_:)``.
    static let profiles = "profiles"

    static let completion = Command(
        "completion", summary: "Print the script with which a shell completes commands, flags and profiles.",
        arguments: [
            Argument("SHELL", summary: "bash, zsh or fish", values: .choices(Shell.allCases.map(\.rawValue)))
        ],
        details: """
            bash, in ~/.bashrc:

              eval "$(podstack completion bash)"

            zsh, in ~/.zshrc below compinit; or the output as the file _podstack in a directory of fpath:

              eval "$(podstack completion zsh)"

            fish, once:

              podstack completion fish >~/.config/fish/completions/podstack.fish

            The script asks the podstack in PATH for the candidates, so it also works after an update of podstack.
            """
    ) { invocation in
        if let shell = Shell(rawValue: invocation.arguments.positional[0]) { invocation.print(shell.script) }
        return .success
    }

    /// The command that the scripts call.
    ///
    /// Reads the words of the line, each followed by a zero byte. Writes `words` or `files`, then a line for each
    /// candidate with a tab and its summary.
    static let complete = Command(
        "__complete", summary: "Print the candidates for the next word.", isHidden: true
    ) { invocation in
        var words = try invocation.context.readInput().split(separator: "\0", omittingEmptySubsequences: false)
        if words.last == "" { words.removeLast() }
        let completion = LineCompletion(words.map(String.init), of: PodstackTool.program) { _ in
            profileNames(invocation.context.environment)
        }
        invocation.print(
            ([completion.wantsFiles ? "files" : "words"]
                + completion.candidates.map { "\($0.text)\t\($0.summary)" }).joined(separator: "\n"))
        return .success
    }

    /// Returns the profiles of the credentials file; none when it cannot be read, because completion shows no errors.
    ///
    /// Opens the file for changing, which rejects a pipe: reading would empty it.
    private static func profileNames(_ environment: PodstackEnvironment) -> [String] {
        guard let path = try? CredentialsFile.path(environment), let file = try? CredentialsFile(changing: path)
        else { return [] }
        return file.profileNames.filter { $0 == TerminalText.printable($0) }
    }
}

/// A shell with a completion script.
///
/// The script does not contain the commands: it asks the program each time.
///
/// The words of the line reach the program through a pipe, because arguments are visible to other users, and a token may
/// be among the words.
private enum Shell: String, CaseIterable {
    case bash, zsh, fish

    var script: String {
        switch self {
        case .bash: Self.bashScript
        case .zsh: Self.zshScript
        case .fish: Self.fishScript
        }
    }

    private static let bashScript = #"""
        # Completion of podstack for bash: eval "$(podstack completion bash)" in ~/.bashrc

        _podstack() {
            local words=() word= start= fragment='' candidate kind='' i
            for ((i = 1; i <= COMP_CWORD; i++)); do
                fragment=${COMP_WORDS[i]}
                # bash splits --output=json and projects:read, which are one word here.
                if [[ $fragment == [=:]* || $start == *[=:] ]] && [[ -n $fragment && -n $word ]]; then
                    word+=$fragment
                else
                    [ "$i" -gt 1 ] && words+=("$word")
                    word=$fragment
                fi
                start=$word
            done
            words+=("$word")
            # bash replaces only the last part by the candidate.
            case $fragment in
            [=:]*) start=$word ;;
            *) start=${word%"$fragment"} ;;
            esac
            COMPREPLY=()
            while IFS=$'\t' read -r candidate _; do
                if [ -z "$kind" ]; then
                    kind=$candidate
                elif [[ $candidate == "$word"* ]]; then
                    printf -v candidate %q "${candidate#"$start"}"
                    COMPREPLY+=("$candidate")
                fi
            done < <(printf '%s\0' "${words[@]}" | podstack __complete 2>/dev/null)
            [ "$kind" = files ] || return 0
            # bash 3 does not have compopt.
            compopt -o bashdefault -o default 2>/dev/null || {
                local IFS=$'\n'
                COMPREPLY=($(compgen -f -- "${word#"$start"}"))
            }
        }
        complete -F _podstack podstack
        """#

    private static let zshScript = #"""
        #compdef podstack
        # Completion of podstack for zsh: podstack completion zsh >"${fpath[1]}/_podstack"
        # or, in ~/.zshrc below compinit: eval "$(podstack completion zsh)"

        _podstack() {
            local -a lines candidates
            local line text
            lines=("${(@f)$(printf '%s\0' "${(@Q)words[2,CURRENT-1]}" "$PREFIX" | podstack __complete 2>/dev/null)}")
            for line in "${(@)lines[2,-1]}"; do
                text=${line%%$'\t'*}
                candidates+=("${text//:/\\:}:${line#*$'\t'}")
            done
            if [[ $lines[1] == files ]]; then
                compset -P '--[^=]##='
                _files
            elif (( $#candidates )); then
                _describe -V podstack candidates
            else
                return 1
            fi
        }
        if [ "$funcstack[1]" = _podstack ]; then _podstack "$@"; else compdef _podstack podstack; fi
        """#

    private static let fishScript = #"""
        # Completion of podstack for fish: podstack completion fish >~/.config/fish/completions/podstack.fish

        function __podstack_complete
            set -l words (commandline -opc)
            set -l current (commandline -ct)
            set -e words[1]
            set -l lines (printf '%s\0' $words "$current" | command podstack __complete 2>/dev/null)
            if test "$lines[1]" = files
                set -l flag (string match -r -- '^--[^=]+=' "$current")
                for path in (__fish_complete_path (string replace -- "$flag" '' "$current"))
                    echo "$flag$path"
                end
            else
                printf '%s\n' $lines[2..-1]
            end
        end
        complete -c podstack -f -a '(__podstack_complete)'
        """#
}
