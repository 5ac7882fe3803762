//! The help of each verb that does something.

use clap::Command;

use super::help;
use crate::ctl::command;

/// Every verb that does something, with its words.
fn verbs(command: &Command, before: &str, all: &mut Vec<String>) {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let words = format!("{before} {}", verb.get_name()).trim().to_owned();
        match verb.has_subcommands() {
            true => verbs(verb, &words, all),
            false => all.push(words),
        }
    }
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

    Show all about one account

    Usage: chatctl user show [OPTIONS] <NAME>

    Arguments:
      <NAME>  The name of the account

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

    Disable an account: nobody can log in to it, and its sessions end

    Usage: chatctl user disable [OPTIONS] <NAME>

    Arguments:
      <NAME>  The name of the account

    Options:
          --yes            Do not ask
          --dry-run        Only tell what would be done

    Enable an account that was disabled

    Usage: chatctl user enable [OPTIONS] <NAME>

    Arguments:
      <NAME>  The name of the account

    Options:
          --yes            Do not ask

    Make somebody a moderator, or take that back

    Usage: chatctl user role [OPTIONS] <NAME> <ROLE>

    Arguments:
      <NAME>  The name of the account
      <ROLE>  The role [possible values: moderator, none]

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

    Make an invite, with which an account can be made

    Usage: chatctl invite create [OPTIONS]

    Options:
          --uses <N>       How many accounts can be made with it [default: 1]
          --for <TIME>     How long it is good: 12h, 7d, 2w [default: 7d]
          --note <TEXT>    What `chatctl invite list` shows of it, such as whom it
                           is for
          --yes            Do not ask

    List the invites

    Usage: chatctl invite list [OPTIONS]

    Options:

    Revoke an invite: no account can be made with it any more

    Usage: chatctl invite revoke [OPTIONS] <ID>

    Arguments:
      <ID>  Its number, as `chatctl invite list` shows it

    Options:
          --yes            Do not ask
          --dry-run        Only tell what would be done

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

    Make a room

    Usage: chatctl room create [OPTIONS] <NAME>

    Arguments:
      <NAME>  The name of the new room

    Options:
          --topic <TEXT>   What it is about
          --yes            Do not ask

    Remove a room with all that was said in it

    Usage: chatctl room remove [OPTIONS] <NAME>

    Arguments:
      <NAME>  The name of the room

    Options:
          --yes            Do not ask
          --dry-run        Only tell what would be done

    Say what a room is about

    Usage: chatctl room topic [OPTIONS] <NAME> [TOPIC]

    Arguments:
      <NAME>   The name of the room
      [TOPIC]  What it is to be about, '' for nothing; without it, that is shown

    Options:
          --yes            Do not ask

    Make somebody an operator of a room

    Usage: chatctl room op [OPTIONS] <ROOM> <NAME>

    Arguments:
      <ROOM>  The room
      <NAME>  A member of it

    Options:
          --yes            Do not ask

    Make somebody an operator of a room no longer

    Usage: chatctl room deop [OPTIONS] <ROOM> <NAME>

    Arguments:
      <ROOM>  The room
      <NAME>  A member of it

    Options:
          --yes            Do not ask

    List who is in a room, and how far they have read

    Usage: chatctl room members [OPTIONS] <NAME>

    Arguments:
      <NAME>  The room; a conversation between two as '@anna @boris'

    Options:

    Clear away what was said in a room, or everywhere

    Usage: chatctl clear-history [OPTIONS] [ROOM]

    Arguments:
      [ROOM]  The room; a conversation between two as '@anna @boris'

    Options:
          --all            All rooms and conversations
          --before <TIME>  Only what is older: 2026-11-20, 2026-11-20T10:30:00Z, or
                           how long ago, such as 30d
          --yes            Do not ask
          --dry-run        Only tell what would be done

    Remove the text of a message; its number stays

    Usage: chatctl redact [OPTIONS] <ROOM> <SEQ>

    Arguments:
      <ROOM>  The room; a conversation between two as '@anna @boris'
      <SEQ>   The number of the message

    Options:
          --yes            Do not ask
          --dry-run        Only tell what would be done

    List who is behind: whose connections have not taken everything that was said

    Usage: chatctl lag [OPTIONS]

    Options:

    Tell what is counted and measured

    Usage: chatctl stats [OPTIONS]

    Options:
          --format <FORMAT>  Print it for a program that reads metrics [possible
                             values: openmetrics]

    Show the load of the daemon as it changes: busiest rooms, busiest users (u), who
    is behind (s)

    Usage: chatctl top [OPTIONS]

    Options:
      -n, --times <N>      Show it so many times, one below the other
      -d, --delay <TIME>   The time from one to the next: 1s, 1m [default: 1s]

    End somebody's connections, or put them out of a room; they may come back

    Usage: chatctl kick [OPTIONS] <USER>

    Arguments:
      <USER>  Whose connections

    Options:
          --room <ROOM>    Only out of this room
          --reason <TEXT>  What they are told
          --yes            Do not ask
          --dry-run        Only tell what would be done

    Ban somebody, or everybody who comes from a network, from a room or from the
    server

    Usage: chatctl ban [OPTIONS] <USER|IP|CIDR>

    Arguments:
      <USER|IP|CIDR>  A user, an address or a network, such as anna, 192.0.2.7,
                      10.0.0.0/8 or 2001:db8::/64

    Options:
          --room <ROOM>    From this room only
          --for <TIME>     How long: 30m, 12h, 7d; for good without it
          --reason <TEXT>  What they are told
          --yes            Do not ask
          --dry-run        Only tell what would be done

    Lift a ban

    Usage: chatctl unban [OPTIONS] <USER|IP|CIDR>

    Arguments:
      <USER|IP|CIDR>  A user, an address or a network, as `chatctl bans` shows it

    Options:
          --room <ROOM>    From this room
          --yes            Do not ask

    Let somebody read but not speak, in a room or anywhere

    Usage: chatctl mute [OPTIONS] <USER>

    Arguments:
      <USER>  Who

    Options:
          --room <ROOM>    In this room only; without it everywhere, also between
                           two
          --for <TIME>     How long: 30m, 12h, 7d; for good without it
          --reason <TEXT>  What they are told
          --yes            Do not ask

    Lift a mute

    Usage: chatctl unmute [OPTIONS] <USER>

    Arguments:
      <USER>  Who

    Options:
          --room <ROOM>    In this room
          --yes            Do not ask

    List the bans and mutes

    Usage: chatctl bans [OPTIONS]

    Options:

    The messages of all rooms, or of one

    Usage: chatctl export history [OPTIONS]

    Options:
          --format <FORMAT>  How it is written [default: csv] [possible values: csv,
                             jsonl]
          --room <ROOM>      Those of one room only, as `chatctl rooms` shows its
                             name
          --since <TIME>     From this time on: 2026-11-20T10:30:00Z, 2026-11-20
                             (UTC), or how long ago: 12h, 7d
          --until <TIME>     Before this time
          --direct           Those of direct conversations, too

    The accounts

    Usage: chatctl export users [OPTIONS]

    Options:
          --format <FORMAT>  How it is written [default: csv] [possible values: csv,
                             jsonl]
          --with-passwords   With the hashes of their passwords, for `chatctl import
                             users` elsewhere: keep them safe

    Accounts, all of them or none, from CSV or JSON lines with `name` and
    `password_hash` or `password`

    Usage: chatctl import users [OPTIONS] <FILE>

    Arguments:
      <FILE>  The file; `-` is standard input

    Options:
          --yes            Do not ask
          --dry-run        Only tell what would be done

    Write a consistent, verified copy of the database, while people talk

    Usage: chatctl backup [OPTIONS] <FILE>

    Arguments:
      <FILE>  The file that is made, which must not be there yet; `-` is standard
              output

    Options:

    Look whether the database, the numbering of the rooms and the search index are
    sound

    Usage: chatctl check [OPTIONS]

    Options:

    Make the search index anew, while people talk

    Usage: chatctl reindex [OPTIONS]

    Options:

    Look for messages in all rooms, or in one

    Usage: chatctl search [OPTIONS] <TEXT>

    Arguments:
      <TEXT>  The words, all of which have to be there; `word*` is a beginning

    Options:
          --room <ROOM>    In one room only, as `chatctl rooms` shows its name
          --from <USER>    From one person only, also one who has no account any
                           more
      -n, --lines <N>      How many at most, the newest [default: 50]
          --direct         In direct conversations, too

    Show who did what, on whom, and how it came out

    Usage: chatctl audit [OPTIONS]

    Options:
      -n, --lines <N>      How many entries at most, the newest: 50 unless said, or
                           all with `--since`; 10 before those with `--follow`
          --since <TIME>   What was done since then: 2026-11-20,
                           2026-11-20T10:30:00Z, or how long ago, such as 12h
          --user <NAME>    What they have done, or what was done to them
          --what <WHAT>    One thing only, as the column WHAT shows it
      -f, --follow         Go on with what is done from now on

    Write a file for a bug report: no secrets, names, addresses and texts are in it

    Usage: chatctl debug bundle [OPTIONS] <FILE>

    Arguments:
      <FILE>  The file that is made (tar), which must not be there yet; `-` is
              standard output

    Options:

    Tell everyone who is connected something

    Usage: chatctl announce [OPTIONS] <TEXT>

    Arguments:
      <TEXT>  What they are told

    Options:
          --yes            Do not ask
    ");
}
