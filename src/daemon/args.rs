//! The command line of chatd.

use std::path::PathBuf;

use clap::{CommandFactory, Parser};

use super::config::Listen;
use crate::base::manual::Generate;

/// Group chat that is run like sshd: one daemon, a durable history, an admin tool.
///
/// Without any configuration chatd serves on loopback, with its database in the state folder. `chatctl` steers it,
/// people talk with `chat-client`.
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

    /// Listen on this address and port, such as 0.0.0.0:2428 for everybody; may be given several times, or several with
    /// commas between [default: port 2428 of 127.0.0.1 and of ::1]
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

    /// Go into the background, and end when the daemon serves; for hosts without a service manager
    #[arg(long)]
    pub daemonize: bool,

    /// With --daemonize: write the daemon's process id to this file, and hold it locked
    #[arg(long, value_name = "FILE", requires = "daemonize")]
    pub pid_file: Option<PathBuf>,

    /// Look at the configuration, say whether it is good, and end
    #[arg(long)]
    pub check: bool,

    /// Print the manual page, or completions for a shell
    #[arg(long, value_name = "WHAT")]
    pub generate: Option<Generate>,
}

const AFTER_HELP: &str = "\
Signals: SIGTERM and SIGINT end chatd in order, SIGHUP reads the configuration again and reopens the log file.

Exit codes: 0 ended in order, 64 usage, 69 another chatd is running or a port is taken, 70 a fault of chatd, 71 no \
thread or other resource left, 73 cannot create a file, 74 I/O error, 77 no permission, 78 wrong configuration. With \
--daemonize: 0 the daemon serves, 1 it does not; 64 and 78 as before.";

/// The command line as clap knows it: for help, manual page and completions.
pub(super) fn command() -> clap::Command {
    Args::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_says_all_there_is() {
        command().debug_assert();
        let help = command().term_width(80).render_help().to_string();
        insta::assert_snapshot!(help, @r"
        Group chat that is run like sshd: one daemon, a durable history, an admin tool

        Usage: chatd [OPTIONS]

        Options:
              --config <FILE>    Read this configuration file [default: chatd.toml in
                                 $CONFIGURATION_DIRECTORY or /etc/chatd, if there is
                                 one] [env: CHATD_CONFIG]
              --listen <ADDR>    Listen on this address and port, such as 0.0.0.0:2428
                                 for everybody; may be given several times, or several
                                 with commas between [default: port 2428 of 127.0.0.1
                                 and of ::1] [env: CHATD_LISTEN]
              --state <DIR>      Keep the database in this folder [default:
                                 $STATE_DIRECTORY, else /var/lib/chatd for root, else
                                 $XDG_STATE_HOME/chatd or ~/.local/state/chatd] [env:
                                 CHATD_STATE]
              --control <PATH>   Put the control socket here [default: io.chatd.Control
                                 in $RUNTIME_DIRECTORY, else in /run/chatd for root,
                                 else in $XDG_RUNTIME_DIR/chatd, else in the state
                                 folder's run] [env: CHATD_CONTROL]
              --log-file <FILE>  Write service messages here [default: chatd.log in
                                 $LOGS_DIRECTORY, else in /var/log/chatd for root, else
                                 in the state folder] [env: CHATD_LOG_FILE]
              --next-free-port   Where a port is taken, listen on the next one that is
                                 free
              --daemonize        Go into the background, and end when the daemon serves;
                                 for hosts without a service manager
              --pid-file <FILE>  With --daemonize: write the daemon's process id to this
                                 file, and hold it locked
              --check            Look at the configuration, say whether it is good, and
                                 end
              --generate <WHAT>  Print the manual page, or completions for a shell
                                 [possible values: man, bash, zsh, fish]
          -h, --help             Print help (see more with '--help')
          -V, --version          Print version

        Signals: SIGTERM and SIGINT end chatd in order, SIGHUP reads the configuration
        again and reopens the log file.

        Exit codes: 0 ended in order, 64 usage, 69 another chatd is running or a port is
        taken, 70 a fault of chatd, 71 no thread or other resource left, 73 cannot
        create a file, 74 I/O error, 77 no permission, 78 wrong configuration. With
        --daemonize: 0 the daemon serves, 1 it does not; 64 and 78 as before.
        ");
    }
}
