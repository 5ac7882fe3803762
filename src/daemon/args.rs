//! The command line of chatd.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, ValueEnum};
use clap_complete::Shell;

use super::config::Listen;

/// Group chat that is run like sshd: one daemon, a durable history, an admin tool.
///
/// Without any configuration it serves on loopback, with its database in the state folder. `chatctl` steers it, people
/// talk with `chat-client`.
#[derive(Debug, Parser)]
#[command(name = "chatd", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Read this configuration file [default: chatd.toml in $CONFIGURATION_DIRECTORY or /etc/chatd, if there is one]
    #[arg(
        long,
        value_name = "FILE",
        env = "CHATD_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,

    /// Listen on this address and port; may be given several times [default: 127.0.0.1:2428 and [::1]:2428]
    #[arg(
        long,
        value_name = "ADDR",
        env = "CHATD_LISTEN",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub listen: Vec<Listen>,

    /// Keep the database in this folder [default: $STATE_DIRECTORY, else /var/lib/chatd for root, else
    /// $XDG_STATE_HOME/chatd or ~/.local/state/chatd]
    #[arg(long, value_name = "DIR", env = "CHATD_STATE", hide_env_values = true)]
    pub state: Option<PathBuf>,

    /// Put the control socket here [default: io.chatd.Control in $RUNTIME_DIRECTORY, else in /run/chatd for root, else in
    /// $XDG_RUNTIME_DIR/chatd, else in the state folder's run]
    #[arg(
        long,
        value_name = "PATH",
        env = "CHATD_CONTROL",
        hide_env_values = true
    )]
    pub control: Option<PathBuf>,

    /// Write service messages here [default: chatd.log in $LOGS_DIRECTORY, else in /var/log/chatd for root, else in the
    /// state folder]
    #[arg(
        long,
        value_name = "FILE",
        env = "CHATD_LOG_FILE",
        hide_env_values = true
    )]
    pub log_file: Option<PathBuf>,

    /// Where a port is taken, listen on the next one that is free
    #[arg(long)]
    pub next_free_port: bool,

    /// Look at the configuration, say whether it is good, and end
    #[arg(long)]
    pub check: bool,

    /// Print a man page or a shell's completions, and end
    #[arg(long, value_name = "WHAT")]
    pub generate: Option<Generate>,
}

/// What can be generated from the command line's definition.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Generate {
    Man,
    Bash,
    Zsh,
    Fish,
}

const AFTER_HELP: &str = "\
Signals: SIGTERM and SIGINT end chatd in order, SIGHUP reads the configuration again and reopens the log file.
Exit codes: 0 ended in order, 64 usage, 69 another chatd is running or a port is taken, 73 cannot create a file, 74 I/O \
error, 77 no permission, 78 wrong configuration.";

/// Prints it.
pub(super) fn generate(what: Generate) -> std::io::Result<()> {
    let mut out = Vec::new();
    match what {
        Generate::Man => clap_mangen::Man::new(Args::command())
            .section("8")
            .render(&mut out)?,
        Generate::Bash => {
            clap_complete::generate(Shell::Bash, &mut Args::command(), "chatd", &mut out)
        }
        Generate::Zsh => {
            clap_complete::generate(Shell::Zsh, &mut Args::command(), "chatd", &mut out)
        }
        Generate::Fish => {
            clap_complete::generate(Shell::Fish, &mut Args::command(), "chatd", &mut out)
        }
    }
    std::io::stdout().write_all(&out)
}
