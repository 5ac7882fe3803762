//! What chatd(8) says beyond the command line.

use crate::base::manual::{Entries, Manual, Section};

pub(super) fn manual() -> Manual {
    Manual {
        section: "8",
        description: &[
            "chatd stays in the foreground and prints a line for each address that it listens on. What is sent over the \
             network is not encrypted yet; therefore an address that other machines can reach is refused unless the \
             configuration says `allow_plaintext = true`.",
        ],
        more: vec![configuration(), logs(), signals()],
        exit_status: &[
            ("0", "ended in order"),
            ("64", "the command line is wrong"),
            (
                "69",
                "another chatd uses the state folder, or a port is taken",
            ),
            ("70", "a fault of chatd: the log has more"),
            ("71", "the system has no thread or other resource left"),
            (
                "73",
                "the state folder or the control socket cannot be made",
            ),
            ("74", "reading or writing has failed, or the disk is full"),
            (
                "77",
                "not permitted: a port below 1024, a file of somebody else",
            ),
            (
                "78",
                "the configuration is wrong; or the database comes from a newer chatd, is none of chatd's, or does \
                 not fit the identity key",
            ),
        ],
        environment: ENVIRONMENT,
        files: FILES,
        see_also: &["chatctl(8)", "chat-client(1)"],
    }
}

fn configuration() -> Section {
    Section::new(
        "CONFIGURATION",
        &[
            "Flags win over the environment, that over the configuration file, that over the defaults. The file is \
             TOML. `packaging/chatd.toml` in the sources has every setting, commented out, with its default and its \
             reason. A setting that is none of these is an error:",
        ],
        [
            (
                "server_name",
                "what the server calls itself to people; by default the name of the machine",
            ),
            ("listen", "a list of addresses, each as with `--listen`"),
            (
                "registration",
                "who may make an account: `open` is everyone who can connect, `closed` the admin alone",
            ),
            (
                "allow_plaintext",
                "whether other machines may connect although nothing is encrypted",
            ),
            (
                "[log] level",
                "how much is told: `off`, `error`, `warn`, `info`, `debug` or `trace`",
            ),
            (
                "[log] addresses",
                "how people's addresses are told: `masked`, as the network that they are in, or `full`",
            ),
            ("[limits]", "every bound of the daemon, by its name"),
        ],
    )
}

fn logs() -> Section {
    Section::new(
        "LOGS",
        &[
            "What chatd does is told in several places, in the same words. Neither passwords, tokens nor what people say \
             is in any of them.",
        ],
        [
            (
                "the log file",
                "is chatd's own. `chatctl log off`, `log on`, `log show` and `clear-log` are about this file and the \
                 last lines of it in memory. Where it cannot be written, chatd serves all the same, says so, and keeps \
                 the lines in memory; `chatctl reload` tries it again. For logrotate(8) there is \
                 `packaging/logrotate`: after the file was moved away, `chatctl reload` opens a new one, even if the \
                 configuration is wrong by then.",
            ),
            (
                "the journal",
                "when it reads standard error, as under systemd(1). `journalctl -u chatd -x` explains the entries. They \
                 have fields: CHATD_USER, CHATD_ROOM, CHATD_PEER, CHATD_SESSION, CHATD_UID, CHATD_PID, CHATD_METHOD, \
                 CHATD_OUTCOME, CHATD_REASON, CHATD_ERROR, CHATD_FILE, CHATD_ADDRESS, CHATD_CODE, and MESSAGE_ID for \
                 the kind of entry. chatd cannot turn it off or clear it: as root, \
                 `journalctl --rotate --vacuum-time=1s` clears it, for all services; with `LogNamespace=chatd` in the \
                 unit it has a journal of its own, and `--namespace=chatd` clears only that.",
            ),
            (
                "standard error",
                "otherwise, as long as chatd is in the foreground. Standard output has the addresses alone.",
            ),
            (
                "the level",
                "is for all of them: in the configuration, and until the next start by `chatctl log level`.",
            ),
        ],
    )
}

fn signals() -> Section {
    Section::new(
        "SIGNALS",
        &[],
        [
            (
                "SIGTERM, SIGINT",
                "end in order: nothing new is taken on, what was taken on is stored and answered, and everyone is told \
                 good-bye",
            ),
            (
                "SIGHUP",
                "read the configuration again and reopen the log file, as `chatctl reload` does; that also tells what \
                 takes a restart",
            ),
        ],
    )
}

const ENVIRONMENT: Entries = &[
    (
        "CONFIGURATION_DIRECTORY, STATE_DIRECTORY, RUNTIME_DIRECTORY, LOGS_DIRECTORY",
        "the folders for the configuration file, the state, the control socket and the log file, as a service \
         manager sets them; of several with colons between, the first",
    ),
    (
        "JOURNAL_STREAM",
        "which of the standard streams the journal reads, as systemd sets it",
    ),
    (
        "XDG_STATE_HOME, XDG_RUNTIME_DIR, HOME",
        "where the folders of a user's own chatd are",
    ),
];

const FILES: Entries = &[
    (
        "/etc/chatd/chatd.toml",
        "the configuration; it need not be there",
    ),
    (
        "/var/lib/chatd, ~/.local/state/chatd",
        "the state folder: the first for root, the second for anyone else",
    ),
    (
        "chatd.db, chatd.db-wal, chatd.db-shm",
        "in the state folder: the database (SQLite)",
    ),
    (
        "identity.key",
        "in the state folder: the key that names and addresses in the database are read with; keep a copy, apart \
         from those of the database",
    ),
    (
        "chatd.lock",
        "in the state folder: held by the chatd that uses it",
    ),
    (
        "/run/chatd/io.chatd.Control, $XDG_RUNTIME_DIR/chatd/io.chatd.Control",
        "the control socket; root's may be used by the members of the group chatd, anyone else's by its owner alone",
    ),
    (
        "/var/log/chatd/chatd.log, ~/.local/state/chatd/chatd.log",
        "service messages; neither passwords nor what people say",
    ),
];
