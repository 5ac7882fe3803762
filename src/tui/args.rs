//! What chat-client is told on its command line and by the environment.

use std::convert::Infallible;
use std::str::FromStr;

use clap::{CommandFactory, Parser, Subcommand};

use crate::base::manual::Generate;
use crate::base::tongue::say;
use crate::base::{Fingerprint, Password};
use crate::tui::address::{Address, port};

/// Talk on a chat server: in the terminal, in a pipe or from a script.
///
/// Without a command chat-client asks for what it was not told (server, port, name, password) and lets you talk, on the
/// full screen of a terminal, where the next time it goes straight to the server and the name of the last time. When input
/// or output is no terminal, each line read is a message or a command such as /join, and each line written is a message.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "chat-client", version, max_term_width = 100)]
#[command(after_help = "\
The password is asked for on the terminal, taken from CHAT_PASSWORD, or from the first line that CHAT_PASSWORD_COMMAND or \
the command of a profile prints; never from the command line. After a login a token is kept in ~/.local/state/chat-client, so \
that no password is needed from then on.

Arguments win over the environment, that over a profile, and that over what is remembered. Profiles are told in \
chat-client(1).

What is said is encrypted (TLS), but to a server on this machine, called localhost or by its address. A server that this \
system does not trust is shown by its fingerprint and asked about once; from then on it is known by \
~/.local/state/chat-client/known_hosts.

Exit codes: 0 done, 1 refused by the server, 2 wrong usage, 3 the server cannot be reached, 4 wrong name or password, or \
the server is not trusted.")]
pub struct Args {
    /// The server: HOST, HOST:PORT, chat://NAME@HOST:PORT/ROOM, or the name of a profile, which wins over a host of
    /// that name
    #[arg(value_name = "ADDRESS")]
    pub address: Option<String>,
    /// What that is, once it is checked
    #[arg(skip)]
    pub at: Option<Address>,
    /// The server that has this name in ~/.config/chat-client/config.toml
    #[arg(short, long, global = true, value_name = "NAME", display_order = 99)]
    pub profile: Option<String>,
    /// Name or address of the server [default: localhost]
    #[arg(
        long,
        global = true,
        value_name = "HOST",
        env = "CHAT_SERVER",
        hide_env_values = true,
        display_order = 100
    )]
    pub server: Option<String>,
    /// Its port [default: 2428]
    #[arg(
        long,
        global = true,
        env = "CHAT_PORT",
        hide_env_values = true,
        value_parser = port,
        display_order = 101
    )]
    pub port: Option<u16>,
    /// Your name there
    #[arg(
        long,
        global = true,
        env = "CHAT_NAME",
        hide_env_values = true,
        display_order = 102
    )]
    pub name: Option<String>,
    /// The invite to register with, where the server asks for one
    #[arg(
        long,
        value_name = "CODE",
        env = "CHAT_INVITE",
        hide_env_values = true,
        display_order = 103
    )]
    pub invite: Option<Invite>,
    /// Trust the server whose certificate has this fingerprint, and no other
    #[arg(
        long,
        global = true,
        value_name = "PRINT",
        env = "CHAT_FINGERPRINT",
        hide_env_values = true,
        display_order = 104
    )]
    pub fingerprint: Option<Fingerprint>,
    /// Encrypt nothing: for a server that allows it, on a network that is yours alone
    #[arg(long, global = true, display_order = 105)]
    pub plaintext: bool,
    /// Line by line, also on a terminal that has a full screen
    #[arg(long, display_order = 106)]
    pub plain: bool,
    /// Print the manual page, or completions for a shell
    #[arg(long, display_order = 107, value_name = "WHAT")]
    pub generate: Option<Generate>,
    /// What to do
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

impl Args {
    /// The invite that was named, before or after the verb.
    #[must_use]
    pub fn invite(&self) -> Option<&Password> {
        let after = match &self.verb {
            Some(Verb::Login { invite, .. }) => invite.as_ref(),
            _ => None,
        };
        let named = after.or(self.invite.as_ref()).map(|invite| &invite.0);
        named.filter(|code| !code.expose().is_empty())
    }

    /// What belongs together is named before or after the verb, so it is looked at when all is read.
    ///
    /// # Errors
    /// When one thing that was said excludes another.
    pub fn checked(mut self) -> Result<Self, clap::Error> {
        use clap::error::ErrorKind;
        let at = self.address.as_ref().map(|address| address.parse());
        // An address with a password in it is not shown.
        let at = at.transpose();
        self.at = at.map_err(|text: String| command().error(ErrorKind::ValueValidation, text))?;
        match self.plaintext && self.fingerprint.is_some() {
            true => Err(command().error(
                ErrorKind::ArgumentConflict,
                say!(
                    "--plaintext and --fingerprint (or CHAT_FINGERPRINT) exclude each other: without encryption no \
                     server can be told by its certificate",
                    "--plaintext и --fingerprint (или CHAT_FINGERPRINT) исключают друг друга: без шифрования сервер не узнать \
                     по сертификату"
                ),
            )),
            false => Ok(self),
        }
    }
}

/// What a script can have done.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Send a message; its text comes from standard input when it is not given
    Send {
        /// Where it goes
        #[arg(value_name = "ROOM|@USER")]
        to: String,
        /// What it says; several words need no quotes
        text: Vec<String>,
    },
    /// Print the newest messages of rooms, by default of all you are in
    Tail {
        /// The rooms, or @USER
        #[arg(value_name = "ROOM")]
        rooms: Vec<String>,
        /// One JSON object a line, as on the wire
        #[arg(long)]
        json: bool,
        /// How many messages of each room
        #[arg(short = 'n', value_name = "N", default_value_t = 10)]
        number: usize,
        /// Go on with what comes; after a loss of connection nothing is missing and nothing comes twice
        #[arg(short, long)]
        follow: bool,
    },
    /// Print messages of a room
    History {
        /// The room, or @USER
        room: String,
        /// How many
        #[arg(short = 'n', value_name = "N", default_value_t = 50)]
        number: usize,
        /// Only messages before this number
        #[arg(long, value_name = "SEQ")]
        before: Option<u64>,
        /// One JSON object a line, as on the wire
        #[arg(long)]
        json: bool,
    },
    /// Print messages with certain words
    Search {
        /// The words; `word*` finds longer ones, too
        #[arg(value_name = "WORD", required = true)]
        words: Vec<String>,
        /// Only in this room, or with this @USER
        #[arg(long)]
        room: Option<String>,
        /// One JSON object a line, as on the wire
        #[arg(long)]
        json: bool,
    },
    /// List the rooms there are
    Rooms,
    /// List who is online, or who is in a room
    Who {
        /// The room, or @USER
        room: Option<String>,
    },
    /// Read rooms from beginning to end, by default all you are in, and say whether a message is missing
    Verify {
        /// The rooms, or @USER
        #[arg(value_name = "ROOM")]
        rooms: Vec<String>,
    },
    /// List the profiles: servers that have a name in ~/.config/chat-client/config.toml
    Profiles,
    /// Measure round trips to the server; needs no account
    Echo {
        /// What the server says back
        #[arg(default_value = "hello")]
        text: String,
        /// How often
        #[arg(short, value_name = "COUNT", default_value_t = 4)]
        count: u32,
    },
    /// Log in and keep the token, so that scripts need no password
    Login {
        /// Make the account; without this only a terminal asks whether to
        #[arg(long)]
        register: bool,
        /// The invite to register with, where the server asks for one
        #[arg(long, value_name = "CODE")]
        invite: Option<Invite>,
    },
    /// End the session and forget the token
    Logout,
    /// Change the password; without a terminal the old and the new one are lines of standard input
    Passwd,
}

/// The code of an invite, which no message shows.
#[derive(Clone, Debug)]
pub struct Invite(pub Password);

impl FromStr for Invite {
    type Err = Infallible;

    fn from_str(code: &str) -> Result<Self, Infallible> {
        Ok(Self(Password::new(code.trim().to_owned())))
    }
}

/// The command line as clap knows it: for help, manual page and completions.
#[must_use]
pub fn command() -> clap::Command {
    Args::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(of: &[&str]) -> String {
        let mut command = command().term_width(100);
        command.build();
        let verb = of.iter().fold(&mut command, |command, verb| {
            command.find_subcommand_mut(verb).unwrap()
        });
        verb.render_help().to_string()
    }

    #[test]
    fn the_help_says_all_there_is() {
        insta::assert_snapshot!(help(&[]), @"
        Talk on a chat server: in the terminal, in a pipe or from a script

        Usage: chat-client [OPTIONS] [ADDRESS] [COMMAND]

        Commands:
          send      Send a message; its text comes from standard input when it is not given
          tail      Print the newest messages of rooms, by default of all you are in
          history   Print messages of a room
          search    Print messages with certain words
          rooms     List the rooms there are
          who       List who is online, or who is in a room
          verify    Read rooms from beginning to end, by default all you are in, and say whether a message
                    is missing
          profiles  List the profiles: servers that have a name in ~/.config/chat-client/config.toml
          echo      Measure round trips to the server; needs no account
          login     Log in and keep the token, so that scripts need no password
          logout    End the session and forget the token
          passwd    Change the password; without a terminal the old and the new one are lines of standard
                    input
          help      Print this message or the help of the given subcommand(s)

        Arguments:
          [ADDRESS]  The server: HOST, HOST:PORT, chat://NAME@HOST:PORT/ROOM, or the name of a profile,
                     which wins over a host of that name

        Options:
          -p, --profile <NAME>       The server that has this name in ~/.config/chat-client/config.toml
              --server <HOST>        Name or address of the server [default: localhost] [env: CHAT_SERVER]
              --port <PORT>          Its port [default: 2428] [env: CHAT_PORT]
              --name <NAME>          Your name there [env: CHAT_NAME]
              --invite <CODE>        The invite to register with, where the server asks for one [env:
                                     CHAT_INVITE]
              --fingerprint <PRINT>  Trust the server whose certificate has this fingerprint, and no other
                                     [env: CHAT_FINGERPRINT]
              --plaintext            Encrypt nothing: for a server that allows it, on a network that is
                                     yours alone
              --plain                Line by line, also on a terminal that has a full screen
              --generate <WHAT>      Print the manual page, or completions for a shell [possible values:
                                     man, bash, zsh, fish]
          -h, --help                 Print help (see more with '--help')
          -V, --version              Print version

        The password is asked for on the terminal, taken from CHAT_PASSWORD, or from the first line that
        CHAT_PASSWORD_COMMAND or the command of a profile prints; never from the command line. After a login
        a token is kept in ~/.local/state/chat-client, so that no password is needed from then on.

        Arguments win over the environment, that over a profile, and that over what is remembered. Profiles
        are told in chat-client(1).

        What is said is encrypted (TLS), but to a server on this machine, called localhost or by its
        address. A server that this system does not trust is shown by its fingerprint and asked about once;
        from then on it is known by ~/.local/state/chat-client/known_hosts.

        Exit codes: 0 done, 1 refused by the server, 2 wrong usage, 3 the server cannot be reached, 4 wrong
        name or password, or the server is not trusted.
        ");
    }

    #[test]
    fn each_command_has_its_help() {
        insta::assert_snapshot!(help(&["tail"]), @"
        Print the newest messages of rooms, by default of all you are in

        Usage: chat-client tail [OPTIONS] [ROOM]...

        Arguments:
          [ROOM]...  The rooms, or @USER

        Options:
              --json                 One JSON object a line, as on the wire
          -n <N>                     How many messages of each room [default: 10]
          -f, --follow               Go on with what comes; after a loss of connection nothing is missing
                                     and nothing comes twice
          -p, --profile <NAME>       The server that has this name in ~/.config/chat-client/config.toml
              --server <HOST>        Name or address of the server [default: localhost] [env: CHAT_SERVER]
              --port <PORT>          Its port [default: 2428] [env: CHAT_PORT]
              --name <NAME>          Your name there [env: CHAT_NAME]
              --fingerprint <PRINT>  Trust the server whose certificate has this fingerprint, and no other
                                     [env: CHAT_FINGERPRINT]
              --plaintext            Encrypt nothing: for a server that allows it, on a network that is
                                     yours alone
          -h, --help                 Print help
        ");
        insta::assert_snapshot!(help(&["send"]), @"
        Send a message; its text comes from standard input when it is not given

        Usage: chat-client send [OPTIONS] <ROOM|@USER> [TEXT]...

        Arguments:
          <ROOM|@USER>  Where it goes
          [TEXT]...     What it says; several words need no quotes

        Options:
          -p, --profile <NAME>       The server that has this name in ~/.config/chat-client/config.toml
              --server <HOST>        Name or address of the server [default: localhost] [env: CHAT_SERVER]
              --port <PORT>          Its port [default: 2428] [env: CHAT_PORT]
              --name <NAME>          Your name there [env: CHAT_NAME]
              --fingerprint <PRINT>  Trust the server whose certificate has this fingerprint, and no other
                                     [env: CHAT_FINGERPRINT]
              --plaintext            Encrypt nothing: for a server that allows it, on a network that is
                                     yours alone
          -h, --help                 Print help
        ");
        insta::assert_snapshot!(help(&["echo"]), @"
        Measure round trips to the server; needs no account

        Usage: chat-client echo [OPTIONS] [TEXT]

        Arguments:
          [TEXT]  What the server says back [default: hello]

        Options:
          -c <COUNT>                 How often [default: 4]
          -p, --profile <NAME>       The server that has this name in ~/.config/chat-client/config.toml
              --server <HOST>        Name or address of the server [default: localhost] [env: CHAT_SERVER]
              --port <PORT>          Its port [default: 2428] [env: CHAT_PORT]
              --name <NAME>          Your name there [env: CHAT_NAME]
              --fingerprint <PRINT>  Trust the server whose certificate has this fingerprint, and no other
                                     [env: CHAT_FINGERPRINT]
              --plaintext            Encrypt nothing: for a server that allows it, on a network that is
                                     yours alone
          -h, --help                 Print help
        ");
    }

    #[test]
    fn the_command_line_is_sound_and_takes_no_password() {
        command().debug_assert();
        assert!(Args::try_parse_from(["chat-client", "--password", "x"]).is_err());
    }

    #[test]
    fn who_is_to_be_known_is_not_spoken_to_in_the_clear() {
        let fingerprint = Fingerprint::of(b"").to_string();
        let read = |words: &[&str]| {
            let words = ["chat-client"].iter().chain(words);
            let args = Args::try_parse_from(words).and_then(Args::checked);
            args.map(|args| (args.fingerprint.is_some(), args.plaintext))
        };
        let both = ["--plaintext", "--fingerprint", &fingerprint];
        assert!(read(&both).is_err() && read(&["rooms", both[0], both[1], both[2]]).is_err());
        assert!(read(&["--plaintext", "rooms", both[1], both[2]]).is_err());
        assert_eq!(read(&["rooms", "--plaintext"]).unwrap(), (false, true));
        assert_eq!(read(&["rooms", both[1], both[2]]).unwrap(), (true, false));
    }
}
