//! What chat-client(1) says beyond the command line.

use crate::base::manual::{Entries, Manual, Section};
use crate::tui::command::COMMANDS;
use crate::tui::screen::words::{KEYS, KEYS_OF_JUMP, KEYS_OF_LIST, KEYS_OF_PASTE};

pub(super) fn manual() -> Manual {
    Manual {
        section: "1",
        description: &[
            "After a login a token is kept, so that no password is needed from then on; `chat-client logout` ends that. \
             A password is asked for or comes from the environment, never from the command line.",
            "A lost connection is made anew, and what was missed meanwhile is shown; nothing is sent twice. A command \
             gives up when it has had no connection for a minute; talking and `tail --follow` go on trying.",
        ],
        more: vec![
            slash_commands(),
            screen(),
            keys_in_lists(),
            told_elsewhere(),
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

fn keys_in_lists() -> Section {
    let of = |where_: &'static str, keys: &'static [(&str, &str, &str)]| {
        (keys.iter()).map(move |(key, what, _)| (format!("{where_}: {key}"), *what))
    };
    Section::new(
        "KEYS IN LISTS",
        &[
            "What lies over the conversation for a while has keys of its own: a list of messages (mentions, what was \
             found), the names that Ctrl-K goes to, and a long text that was pasted. F1 tells them there.",
        ],
        of("messages", KEYS_OF_LIST)
            .chain(of("Ctrl-K", KEYS_OF_JUMP))
            .chain(of("paste", KEYS_OF_PASTE)),
    )
}

fn told_elsewhere() -> Section {
    Section::new(
        "ALERTS",
        &[
            "Who mentions you, or says something to you alone, while the terminal has no focus, is told of: by the bell, by \
             OSC 9, which many terminals show as a note, and by `notify-send` where that is installed and the desktop is \
             this machine's. What comes at once is told together, and no more often than every five seconds. `/notify bell` \
             leaves it at the bell, `/notify off` at nothing; `/hush` leaves out a room. Both are remembered.",
            "A terminal that does not tell whether it has the focus gets the bell alone, once no key was pressed for a \
             minute. In tmux, `set -g focus-events on` has it told.",
        ],
        [] as [(&str, &'static str); 0],
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
    (
        "VISUAL, EDITOR",
        "the editor for Alt-E on the full screen; `vi` where neither is set",
    ),
    (
        "DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION",
        "whether there is a desktop here that can be told of mentions",
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
        "~/.local/state/chat-client/HOST:PORT:NAME.NUMBER.unsent",
        "what was written on the full screen and is not stored by the server yet; one file for each program that runs",
    ),
    (
        "~/.local/state/chat-client/HOST:PORT:NAME.preferences.json",
        "what `/notify` and `/hush` have set; a file that is damaged is put aside and told of",
    ),
    (
        "~/.local/state/chat-client/known_hosts",
        "the servers that are known by the fingerprints of their certificates, one `HOST:PORT SHA256:…` a line",
    ),
];
