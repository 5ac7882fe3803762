//! What chatctl(8) says beyond the command line.

use crate::base::manual::Manual;

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
        more: Vec::new(),
        exit_status: &[
            ("0", "it is done"),
            ("1", "it was refused or has failed; standard error says why"),
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
