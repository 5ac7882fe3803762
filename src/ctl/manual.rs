//! What chatctl(8) says beyond the command line.

use crate::base::manual::{Manual, Section};

pub(super) fn manual() -> Manual {
    Manual {
        section: "8",
        description: &[
            "`chatctl` talks with a running `chatd`(8) over its control socket. Whoever may write to that is the \
             admin; chatd writes down who changed what.",
            "A verb that destroys something asks first; without a terminal it wants `--yes`. `--json` and `--socket` \
             go with every verb.",
            "With `--json` each reply is the JSON object that the interface `io.chatd.Control` describes: \
             `varlinkctl introspect` prints it. Times are RFC 3339, fields are only ever added. Errors stay a line on \
             standard error.",
        ],
        more: vec![remote(), completions(), data(), backups(), audit()],
        exit_status: &[
            ("0", "it is done"),
            (
                "1",
                "it was refused or has failed, or chatd has not answered in time; standard error says why",
            ),
            (
                "2",
                "the command line is wrong, or `--yes` is missing where nobody can be asked",
            ),
            ("3", "no chatd is running"),
            ("4", "not permitted"),
        ],
        environment: &[
            (
                "CHATD_CONTROL",
                "stands for `--socket` where that is not given",
            ),
            (
                "NO_COLOR",
                "where it is set and not empty, no colours are used",
            ),
            (
                "TERM",
                "where it is `dumb`, no colours either, and nothing is drawn anew",
            ),
        ],
        files: &[
            (
                "$RUNTIME_DIRECTORY/io.chatd.Control, /run/chatd/io.chatd.Control",
                "the control socket of the system's chatd",
            ),
            (
                "$XDG_RUNTIME_DIR/chatd/io.chatd.Control",
                "that of a user's own chatd",
            ),
            (
                "$STATE_DIRECTORY/run, /var/lib/chatd/run, ~/.local/state/chatd/run",
                "where else it is looked for, in this order",
            ),
        ],
        see_also: &["chat-client(1)", "chatd.toml(5)", "chatd(8)"],
    }
}

fn remote() -> Section {
    Section::new(
        "REMOTE ADMINISTRATION",
        &[
            "The control socket is on the server's own machine. From elsewhere it is reached by `ssh`(1), as somebody who may use it \
             there: root, or a member of the group `chatd`. chatd sees who that is and writes it down like any other caller. What \
             asks before it destroys wants a terminal (`ssh -t`) or `--yes`. Words are read by the remote shell once more: quote \
             them twice.",
            "The socket speaks Varlink, so that other programs may do all that `chatctl` can, and get the same errors. A method \
             with a stream is called with `more`. Whoever only looks (status, users, lag …) gives up after 15 seconds without an \
             answer, and a change has 60 seconds; `chatctl wait --timeout` ends in time also where chatd hangs.",
        ],
        [
            (
                "ssh admin@chat.example chatctl --json status",
                "any verb, with its exit status; `ssh -t … chatctl top` for what draws on the terminal",
            ),
            (
                "ssh admin@chat.example chatctl backup - > chatd.db",
                "a backup, or an export, straight to this machine; the exit status says whether it is whole",
            ),
            (
                "varlinkctl call /run/chatd/io.chatd.Control io.chatd.Control.Status '{}'",
                "on the machine itself, with systemd 255 or later; `varlinkctl introspect` shows all methods, `varlinkctl --more \
                 call` reads a stream",
            ),
            (
                "varlinkctl call ssh-unix:chat.example:/run/chatd/io.chatd.Control io.chatd.Control.Status '{}'",
                "from elsewhere, with systemd 257 or later (256 says `ssh:`) and an OpenSSH server that forwards sockets \
                 (`AllowStreamLocalForwarding`)",
            ),
            (
                "ssh -N -L /tmp/chatd.sock:/run/chatd/io.chatd.Control chat.example",
                "the socket itself on this machine, for `chatctl --socket /tmp/chatd.sock` and for programs such as Python's `varlink`",
            ),
        ],
    )
}

fn completions() -> Section {
    Section::new(
        "COMPLETIONS",
        &[
            "The package brings completions for `bash`(1), `zsh`(1) and `fish`(1): Tab completes verbs, options and their values, \
             and the names of users and rooms, for which the daemon is asked. Where none runs, where it does not answer within 0.4 \
             seconds, or where the caller may not use the socket, there are no names and nothing is said. `--generate` prints the \
             scripts.",
        ],
        [] as [(&str, &str); 0],
    )
}

fn data() -> Section {
    Section::new(
        "DATA",
        &[
            "Exports go to standard output as they are read, room by room in the order in which the rooms were made, and end \
             where each room ended when they began. One that does not come to its end says so and ends with 1; one whose \
             reader has had enough (`head`) ends with 0. Direct conversations are exported and searched only with \
             `--direct`, which the audit log shows like every export, search, backup and check.",
            "Accounts are imported all or none. What is wrong with a file is named with its line.",
        ],
        [
            (
                "history",
                "the columns room, seq, at, from, kind, text. A direct conversation is called `@anna @boris`",
            ),
            (
                "users",
                "the columns name, created_at, last_login_at, disabled_at and, with `--with-passwords`, password_hash (Argon2id, in the \
                 form of PHC): whoever has the file can try passwords. An import takes them in any order, with \
                 password_hash or password for each account",
            ),
            (
                "CSV",
                "as RFC 4180 says, with a line of headings. Each row is one line: control characters, line breaks and marks \
                 of direction are shown as `\\u{a}`, and a cell that a spreadsheet would take for a formula begins with an \
                 apostrophe. A text that looks like either is marked in the same way; an import undoes exactly that",
            ),
            (
                "JSON lines",
                "an object a line, with the fields of `Message` and `Account` in the interface `io.chatd.Control` \
                 (createdAt, passwordHash), and the texts as they were written",
            ),
            (
                "times",
                "2026-11-20T10:30:00Z, 2026-11-20, which is its first moment in UTC, or how long ago: 30s, 15m, 12h, 7d, 2w",
            ),
        ],
    )
}

fn audit() -> Section {
    Section::new(
        "AUDIT",
        &[
            "Whatever is changed is written to the audit log in the database, also what was refused; and who exports, makes a \
             backup, searches, has the database checked or looks at one person with `user show`. An entry is stored before the \
             answer comes. When it cannot be stored, what was asked for is done all the same, and the log says that there is \
             no entry. What only lists something, dry runs and reading the audit log are not written down, nor are calls of those \
             who may not call at all: these stand in the log.",
            "`chatctl audit` shows the newest entries; the oldest go when there are more than `limits.audit_entries`. Long texts \
             and lists are cut. Passwords and keys are never in it.",
        ],
        [
            (
                "WHO",
                "a user of this machine, who called on the control socket (by the number that is stored, as the machine calls it \
                 now; in the sandbox of systemd 252 everybody but root is nobody); @anna, who did it with a client; or \
                 (chatd), which starts, stops, and reloads at a signal. A start without a stop before it comes after a crash",
            ),
            (
                "WHAT",
                "the method of the interface `io.chatd.Control` that does this",
            ),
            ("OUTCOME", "ok, or the name of the error"),
        ],
    )
}

fn backups() -> Section {
    Section::new(
        "BACKUPS",
        &[
            "`chatctl backup` makes a copy of the database while people talk; all that was acknowledged before it began \
             is in it. The copy takes as much room again in the state folder for a while. It is looked at there, and read \
             back where it was written, before it gets its name; a backup that is not whole is not there, at most a file \
             that ends with .part. The identity key is not in a backup. Keep a copy of it in another place: without it \
             nobody's name can be read, and whoever has both can read them all.",
            "To go back to a backup: stop chatd and its sockets; in the state folder, remove chatd.db-wal and chatd.db-shm, \
             which belong to the old database; put the backup there as chatd.db, as a file of chatd's user with mode 600; \
             see that identity.key is that of the backup; start chatd, and run `chatctl check`. What was said since is \
             gone, and clients notice that the server went back. In the same way one goes back to an older chatd, with the \
             chatd.db.v1 that a newer one keeps when it brings the database up to date.",
            "`chatctl check` looks at everything: the file, the numbers of each room (`lobby: 1..48211, no hole`), what refers to \
             what, what is sealed, and the words of the search index. Where \
             only the search index is wrong, `chatctl reindex` makes it anew; until it is done, searches find what it has come to.",
        ],
        [] as [(&str, &str); 0],
    )
}
