//! What chat-client(1) says beyond the command line.

use crate::base::manual::{Entries, Manual, Section};
use crate::tui::command::COMMANDS;
use crate::tui::screen::words::KEYS;

pub(super) fn manual() -> Manual {
    Manual {
        section: "1",
        description: &[
            "After a login a token is kept, so that no password is needed from then on; `chat-client logout` ends that. \
             A password is asked for, or comes from the environment or a command, never from the command line.",
            "A lost connection is made anew, and what was missed meanwhile is shown; nothing is sent twice. A command \
             gives up when it has had no connection for a minute; talking and `tail --follow` go on trying.",
        ],
        more: vec![
            slash_commands(),
            entrance(),
            profiles(),
            addresses(),
            screen(),
            pipes(),
            servers(),
            examples(),
        ],
        exit_status: &[
            ("0", "it is done"),
            (
                "1",
                "the server refused it, or it has failed; where lines come from a pipe, one of them is enough",
            ),
            (
                "2",
                "the command line is wrong, or something is missing that it needs, such as a name or a text",
            ),
            ("3", "the server cannot be reached"),
            (
                "4",
                "name or password is wrong, or there is none; or the server does not prove to be the one that is meant",
            ),
        ],
        environment: ENVIRONMENT,
        files: FILES,
        see_also: &["chatd-protocol(7)", "chatd(8)", "chatctl(8)"],
    }
}

fn slash_commands() -> Section {
    let entries = COMMANDS.iter().map(|command| {
        let call = format!("/{} {}", command.name, command.usage);
        (call.trim_end().to_owned(), command.help)
    });
    Section::new(
        "SLASH COMMANDS",
        &[
            "A line that is typed, or read from a pipe, goes to the room that one is in; that is `lobby` at first, and \
             on a terminal the prompt tells it. A line that begins with a slash is a command. Two slashes at the \
             beginning say one.",
        ],
        entries,
    )
}

fn entrance() -> Section {
    Section::new(
        "GETTING IN",
        &[
            "On the full screen a form asks for what is not known: server, port, name and password; for a name that is new \
             the password again and, where the server wants one, an invite; and whether a server that is not known is to be \
             trusted. What is wrong is told at its field, and nothing that was typed is lost. Enter goes on and, where all \
             is filled in, tries it; Tab, Shift-Tab and the arrow keys go from field to field, Esc breaks off or ends. An \
             address (see below) in the first field fills the others.",
            "Server, port and name are remembered, the password never is; so the next time nothing is asked. When a session \
             is over in the middle of a conversation, the form comes back. With `--plain` the same is asked line by line, and \
             scripts are asked nothing; neither of them goes by what is remembered.",
            "What is said in several ways is looked for in this order:",
        ],
        [
            (
                "arguments",
                "an address, or the server of a profile that is named; `--server` and the like",
            ),
            ("the environment", "`CHAT_SERVER` and the like"),
            (
                "a profile",
                "what else it says; where no server was named, the one that `default` names",
            ),
            ("the last time", "server, port and name, on the full screen"),
            (
                "by default",
                "`localhost`, port 2428, the name on this machine",
            ),
        ],
    )
}

fn profiles() -> Section {
    Section::new(
        "PROFILES",
        &[
            "Servers can be given names in `~/.config/chat-client/config.toml` (TOML). `chat-client NAME` or `chat-client \
             --profile NAME` goes there; a profile wins over a host of the same name. `chat-client profiles` lists them. \
             What a profile says goes for its server alone: with another one none of it is used. A file that others can \
             write is refused.",
        ],
        [
            (
                "default = \"NAME\"",
                "at the top: the profile that is taken where no server is named",
            ),
            (
                "[profile.NAME]",
                "begins a profile; what follows belongs to it",
            ),
            ("server = \"HOST\"", "its server"),
            ("port = NUMBER", "its port; 2428 by default"),
            ("name = \"NAME\"", "who one is there"),
            (
                "fingerprint = \"SHA256:…\"",
                "the server's certificate has this fingerprint, as with `--fingerprint`",
            ),
            (
                "plaintext = true",
                "nothing is encrypted, as with `--plaintext`",
            ),
            (
                "password-command = \"COMMAND\"",
                "where no token is kept, `/bin/sh` runs the command, such as `pass show chat`, and the first line that it \
                 prints is the password. What it says on standard error, or asks on the terminal, is seen. It has a minute",
            ),
        ],
    )
}

fn addresses() -> Section {
    Section::new(
        "ADDRESSES",
        &[
            "A server is named by its host, by `HOST:PORT`, or by an address that can be passed on. An address of IPv6 that a \
             port follows stands in brackets.",
        ],
        [(
            "chat://[NAME@]HOST[:PORT][/ROOM]",
            "the name is who one is there. The room (or `@USER`) is where one is at first; one joins it if one is not in it. \
             What an address cannot have is written by percents: a space is `%20`. There is no place for a password: it \
             would be seen in lists of programs",
        )],
    )
}

fn screen() -> Section {
    Section::new(
        "KEYS",
        &[
            "On a terminal chat-client has a full screen: the rooms at the left with what is new in them (where it is wide \
             enough), the conversation, the state of the connection, and the line that is written. With `--plain`, or \
             where `TERM` is `dumb`, it talks line by line.",
            "A message that is on its way has `…` instead of its time, one that the server refused has `!`. What is not \
             sent when the program ends is sent the next time that it runs, and stored once however often it is sent.",
        ],
        KEYS.iter().map(|(key, what)| ((*key).to_owned(), *what)),
    )
}

fn pipes() -> Section {
    Section::new(
        "PIPES",
        &[
            "Where standard input or output is no terminal, nobody is asked: a token has to be there, or `CHAT_NAME` \
             and `CHAT_PASSWORD`. Each line read is a message or a slash command; at the end of the input the program \
             ends once all of it is stored. What the program itself has to say goes to standard error.",
            "Each message, one's own too, is a line of standard output. This form is stable, and `tail`, `history` and \
             `search` print it too; with `--json` they print the protocol's `message` objects, one a line.",
        ],
        [
            (
                "2026-11-20T10:30:00.000Z lobby <anna> good morning",
                "the time (UTC), the room (`@boris` is what is said with boris alone), the author, the text, in which \
                 ↵ (U+21B5) stands for a line break",
            ),
            (
                "2026-11-20T10:30:05.000Z lobby * anna waves",
                "what is said with `/me`",
            ),
            (
                "-- 2: anna, boris (away)",
                "a line of the answer to a slash command such as `/who`",
            ),
        ],
    )
}

fn servers() -> Section {
    Section::new(
        "TRUSTING A SERVER",
        &[
            "What is said to a server on another machine is encrypted (TLS). A server on this machine, called \
             `localhost` or by its address, is talked to in the clear. The server has to prove that it is the one that \
             is meant, by a certificate:",
        ],
        [
            (
                "that the system trusts",
                "it is for the name that was given, and one of the authorities that this system knows vouches for it",
            ),
            (
                "that is known",
                "its fingerprint stands in the file `known_hosts`. Where the server does not, a person is shown the \
                 fingerprint and asked once (compare it with what `chatctl status` shows on the server); a script is \
                 refused. A server that shows another certificate than the known one is refused in any case",
            ),
            (
                "that was told",
                "with `--fingerprint` or `CHAT_FINGERPRINT` it is that one and no other, also on this machine",
            ),
        ],
    )
}

fn examples() -> Section {
    Section::new(
        "EXAMPLES",
        &[],
        [
            (
                "chat-client --name anna",
                "talk on this machine's server; an unknown name may be registered there and then",
            ),
            (
                "chat-client chat://anna@chat.example.org/tea",
                "talk in the room tea of that server",
            ),
            (
                "echo \"backup done\" | chat-client send lobby",
                "send all of standard input as one message",
            ),
            (
                "chat-client tail -f --json lobby",
                "read a room from a program, as it goes on",
            ),
        ],
    )
}

const ENVIRONMENT: Entries = &[
    ("CHAT_PASSWORD", "the password, where no token is kept"),
    (
        "CHAT_PASSWORD_COMMAND",
        "a command whose first line of output is the password, where no token is kept and CHAT_PASSWORD is not set",
    ),
    (
        "NO_COLOR",
        "where it is set and not empty, no colours are used",
    ),
    (
        "VISUAL, EDITOR",
        "the editor for Alt-E on the full screen; `vi` where neither is set",
    ),
    ("TZ", "the time zone of what is shown on a terminal"),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "where the authorities are that the system trusts, instead of its usual places",
    ),
    (
        "XDG_CONFIG_HOME",
        "where the folder of `config.toml` is, instead of in `~/.config`",
    ),
    (
        "XDG_STATE_HOME",
        "where the folder of the tokens and of `known_hosts` is, instead of in `~/.local/state`",
    ),
];

const FILES: Entries = &[
    (
        "~/.config/chat-client/config.toml",
        "the profiles; written by hand",
    ),
    (
        "~/.local/state/chat-client/last",
        "server, port and name of the last time on the full screen",
    ),
    (
        "~/.local/state/chat-client/HOST:PORT:NAME.token",
        "a token; whoever can read it is let in, so it is not used where others than its owner can",
    ),
    (
        "~/.local/state/chat-client/HOST:PORT:NAME.NUMBER.unsent",
        "what was written on the full screen and is not stored by the server yet; one file for each program that runs",
    ),
    (
        "~/.local/state/chat-client/known_hosts",
        "the servers that are known by the fingerprints of their certificates, one `HOST:PORT SHA256:…` a line",
    ),
];
