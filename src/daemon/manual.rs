//! What chatd(8) says beyond the command line.

use crate::base::manual::{Entries, Manual, Section};

pub(super) fn manual() -> Manual {
    Manual {
        section: "8",
        description: &[
            "chatd stays in the foreground and prints a line for each address that it listens on, and the fingerprint of \
             its certificate. Whoever comes from another machine has to come over TLS, unless the configuration says \
             `allow_plaintext = true`; on this machine one may speak in the clear, on the same port.",
        ],
        more: vec![configuration(), certificate(), signals()],
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
                "the state folder, the log file or the control socket cannot be made",
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
                "whether those who come from other machines may speak in the clear, too",
            ),
            (
                "[tls] certificate, key",
                "the files of the certificate and its key; see CERTIFICATE",
            ),
            (
                "[log] level",
                "how much is written: `error`, `warn`, `info`, `debug` or `trace`",
            ),
            ("[limits]", "every bound of the daemon, by its name"),
        ],
    )
}

fn certificate() -> Section {
    Section::new(
        "CERTIFICATE",
        &[
            "The certificate and its key are in PEM form, the key not encrypted; of several certificates in a file the \
             server's own comes first. They are read at the start and at each reload. A pair that cannot be used is \
             refused with the reason, and the one before stays in use; whoever is connected is not disturbed by either. \
             That a certificate ends is told in the log and in `chatctl status` from its last quarter on, or a month \
             before. They are looked for in this order:",
        ],
        [
            (
                "$CREDENTIALS_DIRECTORY/chatd.tls-certificate, chatd.tls-key",
                "credentials, as a service manager hands them over (`LoadCredential=`); systemd does so at the start only",
            ),
            (
                "[tls] certificate, key",
                "the files that the configuration names, such as those that certbot renews",
            ),
            (
                "tls-certificate.pem, tls-key.pem",
                "in the state folder. Where there are none they are made, and vouch for themselves without an end: \
                 people are shown the fingerprint at their first connection and compare it with `chatctl status`",
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
        "CREDENTIALS_DIRECTORY",
        "the folder with the credentials of a service manager, as for the certificate",
    ),
    (
        "CONFIGURATION_DIRECTORY, STATE_DIRECTORY, RUNTIME_DIRECTORY, LOGS_DIRECTORY",
        "the folders for the configuration file, the state, the control socket and the log file, as a service \
         manager sets them; of several with colons between, the first",
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
        "tls-certificate.pem, tls-key.pem",
        "in the state folder: the certificate that chatd made for itself, and its key",
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
