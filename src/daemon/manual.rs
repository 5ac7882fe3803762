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
        more: vec![configuration(), sockets(), credentials(), signals()],
        exit_status: &[
            ("0", "ended in order"),
            ("64", "the command line is wrong"),
            (
                "69",
                "another chatd uses the state folder or the control socket, or a port is taken",
            ),
            ("70", "a fault of chatd: the log has more"),
            ("71", "the system has no thread or other resource left"),
            (
                "73",
                "the state folder, the log file or the control socket cannot be made",
            ),
            ("74", "reading or writing has failed, or the disk is full"),
            (
                "77",
                "not permitted: a port below 1024, a folder or file of somebody else",
            ),
            (
                "78",
                "the configuration, a socket that is handed in or a credential is wrong; or the database comes from a \
                 newer chatd, is none of chatd's, or does not fit the identity key. Starting again changes nothing",
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
            (
                "listen",
                "a list of addresses, each as with `--listen`; not in force where sockets are handed in",
            ),
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
                "how much is written: `error`, `warn`, `info`, `debug` or `trace`",
            ),
            ("[limits]", "every bound of the daemon, by its name"),
        ],
    )
}

fn sockets() -> Section {
    Section::new(
        "SOCKETS",
        &[
            "A service manager may listen in chatd's place and hand the sockets in (`sd_listen_fds`(3)). Whoever connects \
             while chatd does not run waits and has it started; chatd itself needs no network.",
            "Where a client socket is handed in, the service manager decides where chatd listens: `listen`, `--listen` and \
             `--next-free-port` are not in force. What is not handed in chatd makes by itself, and where its sandbox keeps \
             it from that it says so. The rule for addresses that other machines can reach is the same for both. Sockets \
             that are handed in stay when chatd ends: after `chatctl shutdown` or `systemctl stop chatd` whoever connects, \
             be it a client that comes back by itself or `chatctl`, starts it again, until \
             `systemctl stop chatd-client.socket chatd-control.socket`. Nor can `chatctl pause --refuse` close them: whoever \
             connects is told `busy` and let go.",
            "chatd knows the sockets by the `FileDescriptorName=` of their units; any other name, or none, is an error:",
        ],
        [
            (
                "client",
                "a socket for people, TCP or Unix; there may be several",
            ),
            (
                "control",
                "the control socket: one, Unix, with a path, whose mode says who may use it",
            ),
        ],
    )
}

fn credentials() -> Section {
    Section::new(
        "CREDENTIALS",
        &[
            "Secrets may come from the service manager (`LoadCredential=`, `ImportCredential=` in `systemd.exec`(5)). A \
             credential that is given goes before the file in the state folder; one that cannot be used ends the start.",
        ],
        [
            (
                "chatd.identity-key, else identity.key",
                "what names and addresses in the database are sealed with: 32 bytes (`openssl rand 32`), or their base64 \
                 (`openssl rand -base64 32`). Without either, a new database gets a key in the state folder. A database \
                 that has its key there keeps that: give the credential the content of the file",
            ),
            (
                "chatd.first-admin, else first-admin",
                "makes the first account, at a start without any, also with `registration = \"closed\"`: two lines, its \
                 name and its password. In place of the password may stand its Argon2id hash, as \
                 `argon2 SALT -id -t 2 -k 19456 -p 1 -l 32 -e` prints it. With an account there it is not read",
            ),
            (
                "chatd.tls-key, else tls-key; chatd.tls-certificate, else tls-certificate",
                "key and certificate for encrypted connections",
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
        "LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES",
        "the sockets that a service manager hands in; those for another process are left alone",
    ),
    ("CREDENTIALS_DIRECTORY", "the folder of the credentials"),
    (
        "NOTIFY_SOCKET",
        "where it is set and sockets are handed in, a start that fails rests for a second, so that a client that waits \
         does not have it tried too often",
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
