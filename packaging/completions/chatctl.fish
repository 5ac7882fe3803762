# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_chatctl_global_optspecs
    string join \n socket= json generate= h/help V/version
end

function __fish_chatctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_chatctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_chatctl_using_subcommand
    set -l cmd (__fish_chatctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c chatctl -n "__fish_chatctl_needs_command" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_needs_command" -l generate -d 'Print the manual page, or completions for a shell' -r -f -a "man\t''
bash\t''
zsh\t''
fish\t''"
complete -c chatctl -n "__fish_chatctl_needs_command" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_needs_command" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_needs_command" -s V -l version -d 'Print version'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "status" -d 'Show what chatd does, for whom, and since when'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "pause" -d 'Let nobody new in; whoever is connected goes on'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "resume" -d 'Let people in again, first of all those who wait'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "shutdown" -d 'Say good-bye to everyone and stop'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "reload" -d 'Read the configuration again and reopen the log file'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "wait" -d 'Wait until chatd serves'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "version" -d 'Tell the version of the daemon that runs'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "log" -d 'Show chatd\'s own log and steer it'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "clear-log" -d 'Empty chatd\'s own log file and forget the lines that were kept of it'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "users" -d 'List the accounts'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "user" -d 'Show, add, disable and remove accounts, set passwords'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "clear-users" -d 'Remove all accounts but those that are kept; their messages stay, under their names'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "sessions" -d 'List the sessions: who is logged in on which device'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "invite" -d 'Invite people: codes with which they make their accounts, where `registration` is "invite"'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "session" -d 'End sessions'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "rekey" -d 'Seal names and addresses in the database with a new identity key'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "who" -d 'List who is connected'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "rooms" -d 'List the rooms'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "room" -d 'Make and remove rooms, say what they are about, look who is in them'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "clear-history" -d 'Clear away what was said in a room, or everywhere'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "redact" -d 'Remove the text of a message; its number stays'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "lag" -d 'List who is behind: whose connections have not taken everything that was said'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "stats" -d 'Tell what is counted and measured'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "top" -d 'Show the load of the daemon as it changes; q quits, s shows those who are behind'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "kick" -d 'End somebody\'s connections; the account and its sessions stay'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "export" -d 'Write messages or accounts to standard output, for other programs'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "import" -d 'Make accounts that come from another chatd or from a list'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "backup" -d 'Write a consistent, verified copy of the database, while people talk'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "check" -d 'Look whether the database, the numbering of the rooms and the search index are sound'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "search" -d 'Look for messages in all rooms, or in one'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "audit" -d 'Show who did what, on whom, and how it came out'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "debug" -d 'Help to find what is wrong'
complete -c chatctl -n "__fish_chatctl_needs_command" -f -a "announce" -d 'Tell everyone who is connected something'
complete -c chatctl -n "__fish_chatctl_using_subcommand status" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand status" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand status" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand pause" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand pause" -l refuse -d 'Refuse whoever connects, instead of letting them wait: the port is closed, or, where the service manager holds it, they are told so'
complete -c chatctl -n "__fish_chatctl_using_subcommand pause" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand pause" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand pause" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand resume" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand resume" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand resume" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand resume" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand shutdown" -l message -d 'What everyone is told' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand shutdown" -l in -d 'Tell everyone now and stop later: 30s, 5m, 1h30m' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand shutdown" -l limit -d 'Stop after this time all the same: 30s, 5m' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand shutdown" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand shutdown" -l drain -d 'Let nobody in, wait until everyone has what was said, then stop; Ctrl-C takes it back'
complete -c chatctl -n "__fish_chatctl_using_subcommand shutdown" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand shutdown" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand shutdown" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand shutdown" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand reload" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand reload" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand reload" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand reload" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand wait" -l timeout -d 'Give up after this time: 30s, 5m' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand wait" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand wait" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand wait" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand version" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand version" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand version" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and not __fish_seen_subcommand_from on off level show follow" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and not __fish_seen_subcommand_from on off level show follow" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and not __fish_seen_subcommand_from on off level show follow" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and not __fish_seen_subcommand_from on off level show follow" -f -a "on" -d 'Write lines to it again'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and not __fish_seen_subcommand_from on off level show follow" -f -a "off" -d 'Write no lines to it; the journal, or standard error, goes on'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and not __fish_seen_subcommand_from on off level show follow" -f -a "level" -d 'Set how much is told, wherever that is'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and not __fish_seen_subcommand_from on off level show follow" -f -a "show" -d 'Show the last lines of chatd\'s own log'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and not __fish_seen_subcommand_from on off level show follow" -f -a "follow" -d 'Show the lines of chatd\'s own log as they come'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from on" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from on" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from on" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from on" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from off" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from off" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from off" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from off" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from level" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from level" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from level" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from level" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from show" -s n -l lines -d 'How many lines' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from show" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from show" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from follow" -s n -l lines -d 'How many of the lines before to begin with' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from follow" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from follow" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand log; and __fish_seen_subcommand_from follow" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-log" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-log" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-log" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-log" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-log" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand users" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand users" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand users" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and not __fish_seen_subcommand_from show add passwd disable enable remove" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and not __fish_seen_subcommand_from show add passwd disable enable remove" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and not __fish_seen_subcommand_from show add passwd disable enable remove" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and not __fish_seen_subcommand_from show add passwd disable enable remove" -f -a "show" -d 'Show all about one account'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and not __fish_seen_subcommand_from show add passwd disable enable remove" -f -a "add" -d 'Make an account; the password is asked for, or is one line of standard input'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and not __fish_seen_subcommand_from show add passwd disable enable remove" -f -a "passwd" -d 'Give an account another password, which is asked for, or is one line of standard input'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and not __fish_seen_subcommand_from show add passwd disable enable remove" -f -a "disable" -d 'Disable an account: nobody can log in to it, and its sessions end'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and not __fish_seen_subcommand_from show add passwd disable enable remove" -f -a "enable" -d 'Enable an account that was disabled'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and not __fish_seen_subcommand_from show add passwd disable enable remove" -f -a "remove" -d 'Remove an account; its messages stay, under its name'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from show" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from show" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from add" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from add" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from add" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from disable" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from disable" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from disable" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from disable" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from enable" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from enable" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from enable" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from remove" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from remove" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from remove" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from remove" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand user; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-users" -l keep -d 'An account that is kept; may be given again' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-users" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-users" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-users" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-users" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-users" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand sessions" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand sessions" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand sessions" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and not __fish_seen_subcommand_from create list revoke" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and not __fish_seen_subcommand_from create list revoke" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and not __fish_seen_subcommand_from create list revoke" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and not __fish_seen_subcommand_from create list revoke" -f -a "create" -d 'Make an invite, with which an account can be made'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and not __fish_seen_subcommand_from create list revoke" -f -a "list" -d 'List the invites'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and not __fish_seen_subcommand_from create list revoke" -f -a "revoke" -d 'Revoke an invite: no account can be made with it any more'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from create" -l uses -d 'How many accounts can be made with it' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from create" -l for -d 'How long it is good: 12h, 7d, 2w' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from create" -l note -d 'What `chatctl invite list` shows of it, such as whom it is for' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from create" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from create" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from create" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from list" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from list" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from revoke" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from revoke" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from revoke" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from revoke" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand invite; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand session; and not __fish_seen_subcommand_from revoke" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand session; and not __fish_seen_subcommand_from revoke" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand session; and not __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand session; and not __fish_seen_subcommand_from revoke" -f -a "revoke" -d 'End a session: its device has to log in again'
complete -c chatctl -n "__fish_chatctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand session; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand rekey" -l key-file -d 'The new key: 32 bytes, or their base64. Without it a random one is made' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand rekey" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand rekey" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand rekey" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand rekey" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand rekey" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand who" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand who" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand who" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand rooms" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand rooms" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand rooms" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and not __fish_seen_subcommand_from create remove topic members" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and not __fish_seen_subcommand_from create remove topic members" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and not __fish_seen_subcommand_from create remove topic members" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and not __fish_seen_subcommand_from create remove topic members" -f -a "create" -d 'Make a room'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and not __fish_seen_subcommand_from create remove topic members" -f -a "remove" -d 'Remove a room with all that was said in it'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and not __fish_seen_subcommand_from create remove topic members" -f -a "topic" -d 'Say what a room is about'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and not __fish_seen_subcommand_from create remove topic members" -f -a "members" -d 'List who is in a room, and how far they have read'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from create" -l topic -d 'What it is about' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from create" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from create" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from create" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from remove" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from remove" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from remove" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from remove" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from topic" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from topic" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from topic" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from topic" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from members" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from members" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand room; and __fish_seen_subcommand_from members" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-history" -l before -d 'Only what is older: 2026-11-20, 2026-11-20T10:30:00Z, or how long ago, such as 30d' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-history" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-history" -l all -d 'All rooms and conversations'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-history" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-history" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-history" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand clear-history" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand redact" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand redact" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand redact" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand redact" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand redact" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand lag" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand lag" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand lag" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand stats" -l format -d 'Print it for a program that reads metrics' -r -f -a "openmetrics\t'OpenMetrics 1.0'"
complete -c chatctl -n "__fish_chatctl_using_subcommand stats" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand stats" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chatctl -n "__fish_chatctl_using_subcommand top" -s n -l times -d 'Show it so many times, one below the other' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand top" -s d -l delay -d 'The time from one to the next: 1s, 1m' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand top" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand top" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand top" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand kick" -l reason -d 'What they are told' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand kick" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand kick" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand kick" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand kick" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand kick" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and not __fish_seen_subcommand_from history users" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and not __fish_seen_subcommand_from history users" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and not __fish_seen_subcommand_from history users" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and not __fish_seen_subcommand_from history users" -f -a "history" -d 'The messages of all rooms, or of one'
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and not __fish_seen_subcommand_from history users" -f -a "users" -d 'The accounts'
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from history" -l format -d 'How it is written' -r -f -a "csv\t'Comma-separated values (RFC 4180), with a line of headings'
jsonl\t'A JSON object a line'"
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from history" -l room -d 'Those of one room only, as `chatctl rooms` shows its name' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from history" -l since -d 'From this time on: 2026-11-20T10:30:00Z, 2026-11-20 (UTC), or how long ago: 12h, 7d' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from history" -l until -d 'Before this time' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from history" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from history" -l direct -d 'Those of direct conversations, too'
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from history" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from users" -l format -d 'How it is written' -r -f -a "csv\t'Comma-separated values (RFC 4180), with a line of headings'
jsonl\t'A JSON object a line'"
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from users" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from users" -l with-passwords -d 'With the hashes of their passwords, for `chatctl import users` elsewhere: keep them safe'
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from users" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand export; and __fish_seen_subcommand_from users" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chatctl -n "__fish_chatctl_using_subcommand import; and not __fish_seen_subcommand_from users" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand import; and not __fish_seen_subcommand_from users" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand import; and not __fish_seen_subcommand_from users" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand import; and not __fish_seen_subcommand_from users" -f -a "users" -d 'Accounts, all of them or none, from CSV or JSON lines with `name` and `password_hash` or `password`'
complete -c chatctl -n "__fish_chatctl_using_subcommand import; and __fish_seen_subcommand_from users" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand import; and __fish_seen_subcommand_from users" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand import; and __fish_seen_subcommand_from users" -l dry-run -d 'Only tell what would be done'
complete -c chatctl -n "__fish_chatctl_using_subcommand import; and __fish_seen_subcommand_from users" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand import; and __fish_seen_subcommand_from users" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand backup" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand backup" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand backup" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand check" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand check" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand check" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand search" -l room -d 'In one room only, as `chatctl rooms` shows its name' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand search" -s n -l lines -d 'How many at most, the newest' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand search" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand search" -l direct -d 'In direct conversations, too'
complete -c chatctl -n "__fish_chatctl_using_subcommand search" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand search" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand audit" -s n -l lines -d 'How many entries at most, the newest: 50 unless said, or all with `--since`; 10 before those with `--follow`' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand audit" -l since -d 'What was done since then: 2026-11-20, 2026-11-20T10:30:00Z, or how long ago, such as 12h' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand audit" -l user -d 'What they have done, or what was done to them' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand audit" -l what -d 'One thing only, as the column WHAT shows it' -r
complete -c chatctl -n "__fish_chatctl_using_subcommand audit" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand audit" -s f -l follow -d 'Go on with what is done from now on'
complete -c chatctl -n "__fish_chatctl_using_subcommand audit" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand audit" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand debug; and not __fish_seen_subcommand_from bundle" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand debug; and not __fish_seen_subcommand_from bundle" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand debug; and not __fish_seen_subcommand_from bundle" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand debug; and not __fish_seen_subcommand_from bundle" -f -a "bundle" -d 'Write a file for a bug report: no secrets, names, addresses and texts are in it'
complete -c chatctl -n "__fish_chatctl_using_subcommand debug; and __fish_seen_subcommand_from bundle" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand debug; and __fish_seen_subcommand_from bundle" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand debug; and __fish_seen_subcommand_from bundle" -s h -l help -d 'Print help'
complete -c chatctl -n "__fish_chatctl_using_subcommand announce" -l socket -d 'The control socket [env: CHATD_CONTROL]' -r -F
complete -c chatctl -n "__fish_chatctl_using_subcommand announce" -l yes -d 'Do not ask'
complete -c chatctl -n "__fish_chatctl_using_subcommand announce" -l json -d 'Print JSON: one object, or one object a line'
complete -c chatctl -n "__fish_chatctl_using_subcommand announce" -s h -l help -d 'Print help'
