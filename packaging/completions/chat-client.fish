# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_chat_client_global_optspecs
    string join \n p/profile= server= port= name= invite= fingerprint= plaintext plain generate= h/help V/version
end

function __fish_chat_client_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_chat_client_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_chat_client_using_subcommand
    set -l cmd (__fish_chat_client_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c chat-client -n "__fish_chat_client_needs_command" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_needs_command" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_needs_command" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_needs_command" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_needs_command" -l invite -d 'The invite to register with, where the server asks for one' -r
complete -c chat-client -n "__fish_chat_client_needs_command" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_needs_command" -l generate -d 'Print the manual page, or completions for a shell' -r -f -a "man\t''
bash\t''
zsh\t''
fish\t''"
complete -c chat-client -n "__fish_chat_client_needs_command" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_needs_command" -l plain -d 'Line by line, also on a terminal that has a full screen'
complete -c chat-client -n "__fish_chat_client_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chat-client -n "__fish_chat_client_needs_command" -s V -l version -d 'Print version'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "send" -d 'Send a message; its text comes from standard input when it is not given'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "tail" -d 'Print the newest messages of rooms, by default of all you are in'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "history" -d 'Print messages of a room'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "search" -d 'Print messages with certain words'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "rooms" -d 'List the rooms there are'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "who" -d 'List who is online, or who is in a room'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "verify" -d 'Read rooms from beginning to end, by default all you are in, and say whether a message is missing'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "profiles" -d 'List the profiles: servers that have a name in ~/.config/chat-client/config.toml'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "echo" -d 'Measure round trips to the server; needs no account'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "login" -d 'Log in and keep the token, so that scripts need no password'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "logout" -d 'End the session and forget the token'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "passwd" -d 'Change the password; without a terminal the old and the new one are lines of standard input'
complete -c chat-client -n "__fish_chat_client_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chat-client -n "__fish_chat_client_using_subcommand send" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand send" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand send" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand send" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand send" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand send" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand send" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand tail" -s n -d 'How many messages of each room' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand tail" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand tail" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand tail" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand tail" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand tail" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand tail" -l json -d 'One JSON object a line, as on the wire'
complete -c chat-client -n "__fish_chat_client_using_subcommand tail" -s f -l follow -d 'Go on with what comes; after a loss of connection nothing is missing and nothing comes twice'
complete -c chat-client -n "__fish_chat_client_using_subcommand tail" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand tail" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand history" -s n -d 'How many' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand history" -l before -d 'Only messages before this number' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand history" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand history" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand history" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand history" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand history" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand history" -l json -d 'One JSON object a line, as on the wire'
complete -c chat-client -n "__fish_chat_client_using_subcommand history" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand history" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand search" -l room -d 'Only in this room, or with this @USER' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand search" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand search" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand search" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand search" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand search" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand search" -l json -d 'One JSON object a line, as on the wire'
complete -c chat-client -n "__fish_chat_client_using_subcommand search" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand search" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand rooms" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand rooms" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand rooms" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand rooms" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand rooms" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand rooms" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand rooms" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand who" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand who" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand who" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand who" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand who" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand who" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand who" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand verify" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand verify" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand verify" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand verify" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand verify" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand verify" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand verify" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand profiles" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand profiles" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand profiles" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand profiles" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand profiles" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand profiles" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand profiles" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand echo" -s c -d 'How often' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand echo" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand echo" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand echo" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand echo" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand echo" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand echo" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand echo" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand login" -l invite -d 'The invite to register with, where the server asks for one' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand login" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand login" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand login" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand login" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand login" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand login" -l register -d 'Make the account; without this only a terminal asks whether to'
complete -c chat-client -n "__fish_chat_client_using_subcommand login" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand login" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand logout" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand logout" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand logout" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand logout" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand logout" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand logout" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand logout" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand passwd" -s p -l profile -d 'The server that has this name in ~/.config/chat-client/config.toml' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand passwd" -l server -d 'Name or address of the server [default: localhost]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand passwd" -l port -d 'Its port [default: 2428]' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand passwd" -l name -d 'Your name there' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand passwd" -l fingerprint -d 'Trust the server whose certificate has this fingerprint, and no other' -r
complete -c chat-client -n "__fish_chat_client_using_subcommand passwd" -l plaintext -d 'Encrypt nothing: for a server that allows it, on a network that is yours alone'
complete -c chat-client -n "__fish_chat_client_using_subcommand passwd" -s h -l help -d 'Print help'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "send" -d 'Send a message; its text comes from standard input when it is not given'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "tail" -d 'Print the newest messages of rooms, by default of all you are in'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "history" -d 'Print messages of a room'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "search" -d 'Print messages with certain words'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "rooms" -d 'List the rooms there are'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "who" -d 'List who is online, or who is in a room'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "verify" -d 'Read rooms from beginning to end, by default all you are in, and say whether a message is missing'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "profiles" -d 'List the profiles: servers that have a name in ~/.config/chat-client/config.toml'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "echo" -d 'Measure round trips to the server; needs no account'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "login" -d 'Log in and keep the token, so that scripts need no password'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "logout" -d 'End the session and forget the token'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "passwd" -d 'Change the password; without a terminal the old and the new one are lines of standard input'
complete -c chat-client -n "__fish_chat_client_using_subcommand help; and not __fish_seen_subcommand_from send tail history search rooms who verify profiles echo login logout passwd help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
