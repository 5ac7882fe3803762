# Completions for chatctl in fish. What may come next chatctl says itself: verbs, options and their values, and the
# names of users and rooms as the daemon knows them, where one answers at once.

function __chatctl_complete
    set -l words (commandline -opc)
    set -l found ($words[1] complete fish -- $words[2..-1] (commandline -ct) 2>/dev/null)
    switch "$found[1]"
        case words
            # fish itself quotes what it inserts.
            printf '%s\n' $found[2..-1]
        case files
            __fish_complete_path (commandline -ct)
    end
end

complete -c chatctl -f -a '(__chatctl_complete)'
