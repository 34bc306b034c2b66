/// A shell that can ask what comes next. Its script knows nothing of the commands: it asks the program, each time.
///
/// The words go through a pipe, since others on the machine can see arguments, and a token may be among the words.
enum Shell: String, CaseIterable {
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
                # bash takes --output=json and projects:read apart: together they are one word.
                if [[ $fragment == [=:]* || $start == *[=:] ]] && [[ -n $fragment && -n $word ]]; then
                    word+=$fragment
                else
                    [ "$i" -gt 1 ] && words+=("$word")
                    word=$fragment
                fi
                start=$word
            done
            words+=("$word")
            # Only the last part is replaced by what is found.
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
            # bash 3 knows no compopt.
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
