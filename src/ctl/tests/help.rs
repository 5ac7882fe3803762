//! The help of chatctl and of each of its verbs, as people see it on a terminal of 80 columns.

use clap::Command;

use crate::ctl::command;

/// The help of a verb that is named by its words.
fn help(words: &str) -> String {
    let mut command = command().term_width(80);
    command.build();
    let verb = words
        .split_whitespace()
        .fold(&mut command, |command, word| {
            command
                .find_subcommand_mut(word)
                .unwrap_or_else(|| panic!("no verb '{word}'"))
        });
    verb.render_help().to_string()
}

/// Every verb that does something, with its words.
fn verbs(command: &Command, before: &str, all: &mut Vec<String>) {
    for verb in command.get_subcommands() {
        let words = format!("{before} {}", verb.get_name()).trim().to_owned();
        match verb.has_subcommands() {
            true => verbs(verb, &words, all),
            false => all.push(words),
        }
    }
}

#[test]
fn of_the_program() {
    insta::assert_snapshot!(help(""), @"
    Steer chatd

    Usage: chatctl [OPTIONS] <VERB>

    Verbs:
      status       Show what chatd does, for whom, and since when
      pause        Let nobody new in; whoever is connected goes on
      resume       Let people in again, first of all those who wait
      shutdown     Say good-bye to everyone and stop
      reload       Read the configuration again and reopen the log file
      wait         Wait until chatd serves
      version      Tell the version of the daemon that runs
      log          Show chatd's own log and steer it
      clear-log    Empty chatd's own log file and forget the lines that were kept of
                   it
      users        List the accounts
      user         Add and remove accounts, set passwords
      clear-users  Remove all accounts but those that are kept; their messages stay,
                   under their names
      sessions     List the sessions: who is logged in on which device
      session      End sessions
      rekey        Seal names and addresses in the database with a new identity key
      who          List who is connected
      rooms        List the rooms
      lag          List who is behind: whose connections have not taken everything
                   that was said
      stats        Tell what is counted and measured
      top          Show the load of the daemon as it changes; q quits, s shows those
                   who are behind
      kick         End somebody's connections; the account and its sessions stay
      announce     Tell everyone who is connected something

    Options:
          --socket <PATH>    The control socket [env: CHATD_CONTROL]
          --json             Print JSON: one object, or one object a line
          --generate <WHAT>  Print the manual page, or completions for a shell
                             [possible values: man, bash, zsh, fish]
      -h, --help             Print help
      -V, --version          Print version

    Exit status: 0 done, 1 refused or failed, 2 usage, 3 chatd is not running, 4 not
    permitted.
    ");
}

#[test]
fn of_the_groups() {
    insta::assert_snapshot!(["log", "user", "session"].map(help).join("\n"), @"
    Show chatd's own log and steer it

    Usage: chatctl log [OPTIONS] <VERB>

    Verbs:
      on      Write lines to it again
      off     Write no lines to it; the journal, or standard error, goes on
      level   Set how much is told, wherever that is
      show    Show the last lines of chatd's own log
      follow  Show the lines of chatd's own log as they come

    Options:
          --socket <PATH>  The control socket [env: CHATD_CONTROL]
          --json           Print JSON: one object, or one object a line
      -h, --help           Print help

    Add and remove accounts, set passwords

    Usage: chatctl user [OPTIONS] <VERB>

    Verbs:
      add     Make an account; the password is asked for, or is one line of standard
              input
      passwd  Give an account another password, which is asked for, or is one line
              of standard input
      remove  Remove an account; its messages stay, under its name

    Options:
          --socket <PATH>  The control socket [env: CHATD_CONTROL]
          --json           Print JSON: one object, or one object a line
      -h, --help           Print help

    End sessions

    Usage: chatctl session [OPTIONS] <VERB>

    Verbs:
      revoke  End a session: its device has to log in again

    Options:
          --socket <PATH>  The control socket [env: CHATD_CONTROL]
          --json           Print JSON: one object, or one object a line
      -h, --help           Print help
    ");
}

#[test]
fn of_each_verb() {
    let mut all = Vec::new();
    verbs(&command(), "", &mut all);
    // What all verbs have is shown above.
    let common = ["      --socket ", "      --json ", "  -h, --help "];
    let is_own = |line: &&str| !common.iter().any(|start| line.starts_with(start));
    let all: Vec<String> = all
        .iter()
        .map(|words| {
            help(words)
                .lines()
                .filter(is_own)
                .collect::<Vec<_>>()
                .join("\n")
        })
        .collect();
    insta::assert_snapshot!(all.join("\n\n"), @"
    Show what chatd does, for whom, and since when

    Usage: chatctl status [OPTIONS]

    Options:

    Let nobody new in; whoever is connected goes on

    Usage: chatctl pause [OPTIONS]

    Options:
          --refuse         Refuse whoever connects, instead of letting them wait:
                           the port is closed, or, where the service manager holds
                           it, they are told so
          --yes            Do not ask

    Let people in again, first of all those who wait

    Usage: chatctl resume [OPTIONS]

    Options:
          --yes            Do not ask

    Say good-bye to everyone and stop

    Usage: chatctl shutdown [OPTIONS]

    Options:
          --message <TEXT>  What everyone is told
          --in <TIME>       Tell everyone now and stop later: 30s, 5m, 1h30m
          --drain           Let nobody in, wait until everyone has what was said,
                            then stop; Ctrl-C takes it back
          --limit <TIME>    Stop after this time all the same: 30s, 5m
          --yes             Do not ask
          --dry-run         Only tell what would be done

    Read the configuration again and reopen the log file

    Usage: chatctl reload [OPTIONS]

    Options:
          --yes            Do not ask

    Wait until chatd serves

    Usage: chatctl wait [OPTIONS]

    Options:
          --timeout <TIME>  Give up after this time: 30s, 5m

    Tell the version of the daemon that runs

    Usage: chatctl version [OPTIONS]

    Options:

    Write lines to it again

    Usage: chatctl log on [OPTIONS]

    Options:
          --yes            Do not ask

    Write no lines to it; the journal, or standard error, goes on

    Usage: chatctl log off [OPTIONS]

    Options:
          --yes            Do not ask

    Set how much is told, wherever that is

    Usage: chatctl log level [OPTIONS] <LEVEL>

    Arguments:
      <LEVEL>  The level; each includes those before it [possible values: off,
               error, warn, info, debug, trace]

    Options:
          --yes            Do not ask

    Show the last lines of chatd's own log

    Usage: chatctl log show [OPTIONS]

    Options:
      -n, --lines <N>      How many lines [default: 100]

    Show the lines of chatd's own log as they come

    Usage: chatctl log follow [OPTIONS]

    Options:
      -n, --lines <N>      How many of the lines before to begin with [default: 10]

    Empty chatd's own log file and forget the lines that were kept of it

    Usage: chatctl clear-log [OPTIONS]

    Options:
          --yes            Do not ask
          --dry-run        Only tell what would be done

    List the accounts

    Usage: chatctl users [OPTIONS]

    Options:

    Make an account; the password is asked for, or is one line of standard input

    Usage: chatctl user add [OPTIONS] <NAME>

    Arguments:
      <NAME>  The name of the account

    Options:
          --yes            Do not ask

    Give an account another password, which is asked for, or is one line of standard
    input

    Usage: chatctl user passwd [OPTIONS] <NAME>

    Arguments:
      <NAME>  The name of the account

    Options:
          --yes            Do not ask

    Remove an account; its messages stay, under its name

    Usage: chatctl user remove [OPTIONS] <NAME>

    Arguments:
      <NAME>  The name of the account

    Options:
          --yes            Do not ask
          --dry-run        Only tell what would be done

    Remove all accounts but those that are kept; their messages stay, under their
    names

    Usage: chatctl clear-users [OPTIONS]

    Options:
          --keep <NAME>    An account that is kept; may be given again
          --yes            Do not ask
          --dry-run        Only tell what would be done

    List the sessions: who is logged in on which device

    Usage: chatctl sessions [OPTIONS] [USER]

    Arguments:
      [USER]  Those of one account only

    Options:

    End a session: its device has to log in again

    Usage: chatctl session revoke [OPTIONS] <ID>

    Arguments:
      <ID>  Its number, as `chatctl sessions` shows it

    Options:
          --yes            Do not ask
          --dry-run        Only tell what would be done

    Seal names and addresses in the database with a new identity key

    Usage: chatctl rekey [OPTIONS]

    Options:
          --key-file <FILE>  The new key: 32 bytes, or their base64. Without it a
                             random one is made
          --yes              Do not ask
          --dry-run          Only tell what would be done

    List who is connected

    Usage: chatctl who [OPTIONS]

    Options:

    List the rooms

    Usage: chatctl rooms [OPTIONS]

    Options:

    List who is behind: whose connections have not taken everything that was said

    Usage: chatctl lag [OPTIONS]

    Options:

    Tell what is counted and measured

    Usage: chatctl stats [OPTIONS]

    Options:
          --format <FORMAT>  Print it for a program that reads metrics [possible
                             values: openmetrics]

    Show the load of the daemon as it changes; q quits, s shows those who are behind

    Usage: chatctl top [OPTIONS]

    Options:
      -n, --times <N>      Show it so many times, one below the other
      -d, --delay <TIME>   The time from one to the next: 1s, 1m [default: 1s]

    End somebody's connections; the account and its sessions stay

    Usage: chatctl kick [OPTIONS] <USER>

    Arguments:
      <USER>  Whose connections

    Options:
          --reason <TEXT>  What they are told
          --yes            Do not ask
          --dry-run        Only tell what would be done

    Tell everyone who is connected something

    Usage: chatctl announce [OPTIONS] <TEXT>

    Arguments:
      <TEXT>  What they are told

    Options:
          --yes            Do not ask
    ");
}
