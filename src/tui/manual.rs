//! What chat-client(1) says beyond the command line.

use crate::base::manual::{Entries, Manual, Section};
use crate::tui::command::COMMANDS;

pub(super) fn manual() -> Manual {
    Manual {
        section: "1",
        description: &[
            "After a login a token is kept, so that no password is needed from then on; `chat-client logout` ends that. \
             A password is asked for or comes from the environment, never from the command line.",
            "A lost connection is made anew, and what was missed meanwhile is shown; nothing is sent twice. A command \
             gives up when it has had no connection for a minute; talking and `tail --follow` go on trying.",
        ],
        more: vec![slash_commands(), pipes(), servers(), examples()],
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
                "echo \"backup done\" | chat-client send lobby",
                "send all of standard input as one message",
            ),
            (
                "chat-client verify lobby",
                "read all that was ever said there: `lobby: 1..48211, no hole`, or what is missing, and exit status 1",
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
        "NO_COLOR",
        "where it is set and not empty, no colours are used",
    ),
    ("TZ", "the time zone of what is shown on a terminal"),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "where the authorities are that the system trusts, instead of its usual places",
    ),
    (
        "XDG_STATE_HOME",
        "where the folder of the tokens and of `known_hosts` is, instead of in `~/.local/state`",
    ),
];

const FILES: Entries = &[
    (
        "~/.local/state/chat-client/HOST:PORT:NAME.token",
        "a token; whoever can read it is let in, so it is not used where others than its owner can",
    ),
    (
        "~/.local/state/chat-client/known_hosts",
        "the servers that are known by the fingerprints of their certificates, one `HOST:PORT SHA256:…` a line",
    ),
];
