# Completions for chatctl in bash. What may come next chatctl says itself: verbs, options and their values, and the
# names of users and rooms as the daemon knows them, where one answers at once.

_chatctl() {
    local -a found
    COMPREPLY=()
    # What comes is quoted already and is never evaluated here.
    mapfile -t found < <("$1" complete bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    case ${found[0]-} in
        words) COMPREPLY=("${found[@]:1}") ;;
        files) compopt -o default 2>/dev/null ;;
    esac
}

complete -F _chatctl chatctl
