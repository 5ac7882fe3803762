//! What chatd(8) says beyond the command line.

use crate::base::manual::{Entries, Manual, Section};

pub(super) fn manual() -> Manual {
    Manual {
        section: "8",
        description: &[
            "Unless it is told to `--daemonize`, chatd stays in the foreground. It prints a line for each address that it \
             listens on, and the fingerprint of its certificate. Whoever comes from another machine has to come over TLS, \
             unless the configuration says `allow_plaintext = true`; on this machine one may speak in the clear, on the \
             same port.",
        ],
        more: vec![
            configuration(),
            certificate(),
            sockets(),
            proxies(),
            credentials(),
            background(),
            trouble(),
            logs(),
            metrics(),
            signals(),
            service_manager(),
        ],
        exit_status: &[
            ("0", "ended in order; with `--daemonize`: the daemon serves"),
            (
                "1",
                "with `--daemonize` alone: the daemon does not serve, for the reason that was told",
            ),
            ("64", "the command line is wrong"),
            (
                "69",
                "another chatd uses the state folder or the control socket, or a port is taken",
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
        see_also: &[
            "chat-client(1)",
            "chatd.toml(5)",
            "chatd-protocol(7)",
            "chatctl(8)",
        ],
    }
}

fn configuration() -> Section {
    Section::new(
        "CONFIGURATION",
        &[
            "Flags win over the environment, that over the configuration file, that over the defaults. chatd.toml(5) has \
             every setting, with its default and its reason. One that is not known is an error.",
        ],
        [] as [(&str, &str); 0],
    )
}

fn background() -> Section {
    Section::new(
        "WITHOUT A SERVICE MANAGER",
        &[
            "`chatd --daemonize` is for hosts that have none, such as those with init scripts; `packaging/chatd.init` in the \
             sources is one. The configuration is read first. Then the daemon starts in the background, and the command \
             ends when it serves. Where it listens, or why it does not serve, is told by the command. Paths are taken \
             from the folder in which it is called.",
            "The daemon has a session of its own without a terminal, the folder `/`, the file mode mask 027 and nothing \
             open that its caller had open. Its standard streams lead to `/dev/null`: what it has to say is in its log.",
            "With `--pid-file` it writes its process id to a file, holds that locked, and removes it when it ends. A file \
             that another daemon holds is an error; one that was left over is taken over.",
            "Where a service manager is at work, which `NOTIFY_SOCKET` or `LISTEN_PID` tells, `--daemonize` is ignored: it \
             wants chatd in the foreground.",
        ],
        [] as [(&str, &str); 0],
    )
}

fn trouble() -> Section {
    Section::new(
        "WHEN SOMETHING FAILS",
        &[
            "What was acknowledged, or seen by anybody, is on the disk and stays there. What cannot be stored is refused, and \
             whoever sent it is told so. `systemctl status chatd` shows that storing fails, the log says why, and \
             `journalctl -x` what to do:",
        ],
        [
            (
                "the disk is full",
                "Who sends is told `storage-full`, who reads notices nothing. Make room; it goes on by itself.",
            ),
            (
                "the file system has become read-only",
                "Who sends is told `internal`. Look why (`journalctl -k`), mount it for writing, restart chatd.",
            ),
            (
                "another program holds the database",
                "After a second who sends is told `internal`. End that program (`fuser` names it); it goes on by itself.",
            ),
            (
                "the database is damaged",
                "What cannot be read is answered `internal`, and all else goes on; `chatctl check` tells more. Where the \
                 newest messages cannot be read, chatd ends right after its start. Put a backup in its place, as chatctl(8) tells under \
                 BACKUPS. Damage in chatd.db-wal looks like its end: what was stored after it is gone, and clients notice \
                 that the server went back.",
            ),
            (
                "the disk does not answer",
                "Who sends waits. The watchdog is not fed, so in the end the service manager starts chatd again.",
            ),
            (
                "there is no memory for passwords",
                "Who logs in or registers is told `busy`; who is inside goes on. Each of `limits.password_threads` takes \
                 33 MiB while it works.",
            ),
            (
                "the clock jumps",
                "Order and numbers never depend on it. What has an end, such as sessions, bans, mutes and invites, has it by \
                 the clock on the wall: with a clock that was set forward too far, people have to log in again.",
            ),
        ],
    )
}

fn sockets() -> Section {
    Section::new(
        "SOCKETS",
        &[
            "A service manager may listen in chatd's place and hand the sockets in (`sd_listen_fds`(3)). Whoever connects \
             while chatd does not run waits and has it started; chatd itself needs no network. The package's \
             chatd-client.socket listens on port 2428 of every address; at its head stands how to change that.",
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
            (
                "metrics",
                "where metrics are served: one, Unix, or TCP on a loopback address; see METRICS",
            ),
        ],
    )
}

fn proxies() -> Section {
    Section::new(
        "PROXIES",
        &[
            "A proxy that speaks the PROXY protocol, version 2 or 1, says for whom it comes. Its address is named by `proxies` in \
             chatd.toml(5), and each of its connections has to begin with the header: HAProxy sends it with `send-proxy-v2` \
             on the `server` line, nginx with `proxy_protocol on` in a `stream` server. What follows is the client's, over \
             TLS or not. Limits, delays, the log and `chatctl users` go by the address in the header; a proxy that comes for \
             itself, such as to see whether chatd answers, is known by its own. From another machine a proxy has to come \
             with TLS like anybody.",
            "Who comes from there without the header is refused, and the log says so, once a minute for each proxy. A \
             header from anybody else is no frame and refused as such. Local sockets are never taken for a proxy's. See \
             to it that every proxy that is named sends the header: behind one that does not, clients could write it.",
            "Chat is mostly silence: let the proxy wait for a day before it ends an idle connection (`timeout client`, \
             `timeout server`; `proxy_timeout`).",
        ],
        [] as [(&str, &str); 0],
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
                "makes the first account, at a start without any, whatever `registration` says: two lines, its \
                 name and its password. In place of the password may stand its Argon2id hash, as \
                 `argon2 SALT -id -t 2 -k 19456 -p 1 -l 32 -e` prints it. With an account there it is not read",
            ),
            (
                "chatd.tls-certificate, chatd.tls-key",
                "certificate and key, both of them; see CERTIFICATE",
            ),
        ],
    )
}

fn metrics() -> Section {
    Section::new(
        "METRICS",
        &[
            "With `metrics.listen` in chatd.toml(5), or a socket that is handed in as `metrics`, chatd answers HTTP there, to \
             whoever may connect. It tells numbers, no names and no texts. In the package's service chatd may open no \
             port: take a path such as /run/chatd/metrics, or the example \
             /usr/share/doc/chatd/examples/chatd-metrics.socket. Beside it lie a dashboard for Grafana and alerts for \
             Prometheus. `chatctl stats` tells the same numbers without any of this.",
            "Counters begin at 0 with the daemon. A commit is one transaction with one sync. A delivery lasts from the end \
             of the commit, as the hub orders it, until a worker has written to everybody who keeps up; who is behind is \
             counted in `chatd_readers_behind`.",
        ],
        [
            (
                "/metrics",
                "everything that is counted, as OpenMetrics 1.0 where that is asked for (`Accept`), else in the text \
                 format 0.0.4",
            ),
            (
                "/healthz",
                "200 while hub and writer answer, else 503 after 5 s",
            ),
            (
                "/readyz",
                "200 while, beyond that, people are let in and messages can be stored; 503 while chatd is paused, drains \
                 or stops",
            ),
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
                 CHATD_OUTCOME, CHATD_REASON, CHATD_ERROR, CHATD_FILE, CHATD_ADDRESS, CHATD_CODE, CHATD_FINGERPRINT, \
                 CHATD_EXPIRES, CHATD_INVITE, CHATD_BY, CHATD_UNTIL, and MESSAGE_ID for the kind of entry. chatd cannot turn it off or clear it: as root, \
                 `journalctl --rotate --vacuum-time=1s` clears it, for all services; with `LogNamespace=chatd` in the \
                 unit it has a journal of its own, and `--namespace=chatd` clears only that.",
            ),
            (
                "standard error",
                "otherwise, as long as chatd is in the foreground. Standard output has the addresses and the \
                 fingerprint alone.",
            ),
            (
                "the level",
                "is for all of them: in the configuration, and until the next start by `chatctl log level`.",
            ),
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
                "credentials, as a service manager hands them over (`LoadCredential=`); systemd does so at the start only, so \
                 others are in force after `systemctl restart chatd`",
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

fn service_manager() -> Section {
    Section::new(
        "SERVICE MANAGER",
        &[
            "Under systemd, or any other that sets `NOTIFY_SOCKET`, chatd tells how it is: `Type=notify`, or \
             `Type=notify-reload` from systemd 253 on. `systemctl status chatd` shows the line.",
        ],
        [
            (
                "ready",
                "when people are served: the database is read, and signals, listeners and the control socket are \
                 looked after. Until then, and while a stop stores what is left (five minutes at most), chatd asks \
                 for more time",
            ),
            (
                "status",
                "what it does, for how many people, in how many rooms; that storing fails; that a part does not \
                 answer; why it could not start. Counted anew every five seconds",
            ),
            (
                "reload",
                "by SIGHUP or `chatctl reload`. There is no word for a reload that was refused: `chatctl reload` \
                 fails with the reason, and the status tells it for a moment",
            ),
            (
                "watchdog",
                "with `WatchdogSec=` it is fed three times in that period, as long as a question goes through the \
                 hub to the writer of the database and back. A disk that is full is an answer, one that hangs is not",
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
        "JOURNAL_STREAM",
        "which of the standard streams the journal reads, as systemd sets it",
    ),
    (
        "LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES",
        "the sockets that a service manager hands in; those for another process are left alone",
    ),
    ("CREDENTIALS_DIRECTORY", "the folder of the credentials"),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID",
        "where a service manager listens, and how often it wants to hear from chatd; where sockets are handed in, too, \
         a start that fails rests for a second, so that a client that waits does not have it tried too often",
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
        "chatd.db.v1",
        "in the state folder: the database as it was before a newer chatd brought it up to date, by the number of its schema; \
         one is kept, until somebody removes it. What is redacted or cleared away later stays in it",
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
        "the control socket; it may be used by the members of the group chatd where root or that group has started chatd, \
         otherwise by its owner alone",
    ),
    (
        "/var/log/chatd/chatd.log, ~/.local/state/chatd/chatd.log",
        "service messages; neither passwords nor what people say",
    ),
];
