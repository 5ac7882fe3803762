complete -c chatd -l config -d 'Read this configuration file [default: chatd.toml in $CONFIGURATION_DIRECTORY or /etc/chatd, if there is one]' -r -F
complete -c chatd -l listen -d 'Listen on this address and port, such as 0.0.0.0:2428 for everybody; may be given several times, or several with commas between [default: port 2428 of 127.0.0.1 and of ::1]' -r
complete -c chatd -l state -d 'Keep the database in this folder [default: $STATE_DIRECTORY, else /var/lib/chatd for root, else $XDG_STATE_HOME/chatd or ~/.local/state/chatd]' -r -F
complete -c chatd -l control -d 'Put the control socket here [default: io.chatd.Control in $RUNTIME_DIRECTORY, else in /run/chatd for root, else in $XDG_RUNTIME_DIR/chatd, else in the state folder\'s run]' -r -F
complete -c chatd -l log-file -d 'Write service messages here [default: chatd.log in $LOGS_DIRECTORY, else in /var/log/chatd for root, else in the state folder]' -r -F
complete -c chatd -l pid-file -d 'With --daemonize: write the daemon\'s process id to this file, and hold it locked' -r -F
complete -c chatd -l generate -d 'Print the manual page, or completions for a shell' -r -f -a "man\t''
bash\t''
zsh\t''
fish\t''"
complete -c chatd -l next-free-port -d 'Where a port is taken, listen on the next one that is free'
complete -c chatd -l daemonize -d 'Go into the background, and end when the daemon serves; for hosts without a service manager'
complete -c chatd -l check -d 'Look at the configuration, say whether it is good, and end'
complete -c chatd -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chatd -s V -l version -d 'Print version'
