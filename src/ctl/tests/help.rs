//! The help of chatctl, of its groups and of each of its verbs, as people see it on a terminal of 80 columns.

mod verbs;

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

#[test]
fn of_the_program() {
    insta::assert_snapshot!(help(""), @r#"
    Steer chatd

    Usage: chatctl [OPTIONS] <VERB>

    Verbs:
      status         Show what chatd does, for whom, and since when
      pause          Let nobody new in; whoever is connected goes on
      resume         Let people in again, first of all those who wait
      shutdown       Say good-bye to everyone and stop
      reload         Read the configuration again and reopen the log file
      wait           Wait until chatd serves
      version        Tell the version of the daemon that runs
      log            Show chatd's own log and steer it
      clear-log      Empty chatd's own log file and forget the lines that were kept
                     of it
      users          List the accounts
      user           Show, add, disable and remove accounts, set passwords and roles
      clear-users    Remove all accounts but those that are kept; their messages
                     stay, under their names
      sessions       List the sessions: who is logged in on which device
      invite         Invite people: codes with which they make their accounts, where
                     `registration` is "invite"
      session        End sessions
      rekey          Seal names and addresses in the database with a new identity
                     key
      who            List who is connected
      rooms          List the rooms
      room           Make and remove rooms, say what they are about, look who is in
                     them, make operators
      clear-history  Clear away what was said in a room, or everywhere
      redact         Remove the text of a message; its number stays
      lag            List who is behind: whose connections have not taken everything
                     that was said
      stats          Tell what is counted and measured
      top            Show the load of the daemon as it changes: busiest rooms,
                     busiest users (u), who is behind (s)
      kick           End somebody's connections, or put them out of a room; they may
                     come back
      ban            Ban somebody, or everybody who comes from a network, from a
                     room or from the server
      unban          Lift a ban
      mute           Let somebody read but not speak, in a room or anywhere
      unmute         Lift a mute
      bans           List the bans and mutes
      export         Write messages or accounts to standard output, for other
                     programs
      import         Make accounts that come from another chatd or from a list
      backup         Write a consistent, verified copy of the database, while people
                     talk
      check          Look whether the database, the numbering of the rooms and the
                     search index are sound
      reindex        Make the search index anew, while people talk
      search         Look for messages in all rooms, or in one
      audit          Show who did what, on whom, and how it came out
      debug          Help to find what is wrong
      announce       Tell everyone who is connected something

    Options:
          --socket <PATH>    The control socket [env: CHATD_CONTROL]
          --json             Print JSON: one object, or one object a line
          --generate <WHAT>  Print the manual page, or completions for a shell
                             [possible values: man, bash, zsh, fish]
      -h, --help             Print help
      -V, --version          Print version

    Exit status: 0 done, 1 refused or failed, 2 usage, 3 chatd is not running, 4 not
    permitted.
    "#);
}

#[test]
fn of_the_groups() {
    insta::assert_snapshot!(["log", "user", "invite", "session"].map(help).join("\n"), @r#"
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

    Show, add, disable and remove accounts, set passwords and roles

    Usage: chatctl user [OPTIONS] <VERB>

    Verbs:
      show     Show all about one account
      add      Make an account; the password is asked for, or is one line of
               standard input
      passwd   Give an account another password, which is asked for, or is one line
               of standard input
      disable  Disable an account: nobody can log in to it, and its sessions end
      enable   Enable an account that was disabled
      role     Make somebody a moderator, or take that back
      remove   Remove an account; its messages stay, under its name

    Options:
          --socket <PATH>  The control socket [env: CHATD_CONTROL]
          --json           Print JSON: one object, or one object a line
      -h, --help           Print help

    Invite people: codes with which they make their accounts, where `registration`
    is "invite"

    Usage: chatctl invite [OPTIONS] <VERB>

    Verbs:
      create  Make an invite, with which an account can be made
      list    List the invites
      revoke  Revoke an invite: no account can be made with it any more

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
    "#);
}
