/// A shell with a completion script.
///
/// The script does not contain the commands: it asks the program each time.
///
/// The words of the line reach the program through a pipe, because arguments are visible to other users, and a token may
/// be among the words.
package enum CompletionShell: String, CaseIterable, Sendable {
    case bash, zsh, fish

    /// Returns the script that completes a program, which must have the command `__complete`.
    package func script(for program: String) -> String {
        let template =
            switch self {
            case .bash: Self.bashScript
            case .zsh: Self.zshScript
            case .fish: Self.fishScript
            }
        return template.replacing("PROGRAM", with: program)
    }

    private static let bashScript = #"""
        # Completion of PROGRAM for bash: eval "$(PROGRAM completion bash)" in ~/.bashrc

        _PROGRAM() {
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
            done < <(printf '%s\0' "${words[@]}" | PROGRAM __complete 2>/dev/null)
            [ "$kind" = files ] || return 0
            # bash 3 does not have compopt.
            compopt -o bashdefault -o default 2>/dev/null || {
                local IFS=$'\n'
                COMPREPLY=($(compgen -f -- "${word#"$start"}"))
            }
        }
        complete -F _PROGRAM PROGRAM
        """#

    private static let zshScript = #"""
        #compdef PROGRAM
        # Completion of PROGRAM for zsh: PROGRAM completion zsh >"${fpath[1]}/_PROGRAM"
        # or, in ~/.zshrc below compinit: eval "$(PROGRAM completion zsh)"

        _PROGRAM() {
            local -a lines candidates
            local line text
            lines=("${(@f)$(printf '%s\0' "${(@Q)words[2,CURRENT-1]}" "$PREFIX" | PROGRAM __complete 2>/dev/null)}")
            for line in "${(@)lines[2,-1]}"; do
                # A backslash is special in a candidate, as is a colon.
                text=${${line%%$'\t'*}//\\/\\\\}
                candidates+=("${text//:/\\:}:${line#*$'\t'}")
            done
            if [[ $lines[1] == files ]]; then
                compset -P '--[^=]##='
                _files
            elif (( $#candidates )); then
                _describe -V PROGRAM candidates
            else
                return 1
            fi
        }
        if [ "$funcstack[1]" = _PROGRAM ]; then _PROGRAM "$@"; else compdef _PROGRAM PROGRAM; fi
        """#

    private static let fishScript = #"""
        # Completion of PROGRAM for fish: PROGRAM completion fish >~/.config/fish/completions/PROGRAM.fish

        function __PROGRAM_complete
            set -l words (commandline -opc)
            set -l current (commandline -ct)
            set -e words[1]
            set -l lines (printf '%s\0' $words "$current" | command PROGRAM __complete 2>/dev/null)
            if test "$lines[1]" = files
                set -l flag (string match -r -- '^--[^=]+=' "$current")
                for path in (__fish_complete_path (string replace -- "$flag" '' "$current"))
                    echo "$flag$path"
                end
            else
                printf '%s\n' $lines[2..-1]
            end
        end
        complete -c PROGRAM -f -a '(__PROGRAM_complete)'
        """#
}
