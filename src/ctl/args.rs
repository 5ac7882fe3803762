//! The verbs of chatctl and their flags. What a verb does is told in the words of the method that it calls.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, CommandFactory, Parser, Subcommand, ValueEnum};

use super::audit::AuditArgs;
use super::backup::BackupArgs;
use super::bundle::DebugVerb;
use super::complete::CompleteArgs;
use super::export::ExportVerb;
use super::import::ImportVerb;
use super::search::SearchArgs;
use super::when;
use crate::base::manual::Generate;
use crate::base::{RoomLabel, UserName};
use crate::wire::control::{self as wire, LogLevel, Method, Words};

use super::invite::InviteVerb;
use super::moderation::{BanArgs, KickArgs, MuteArgs, RoleArgs, UnbanArgs, UnmuteArgs};
use super::room::RoomVerb;

/// The program as clap knows it: for help, manual pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Args::command()
}

const EXIT_STATUS: &str = "\
Exit status: 0 done, 1 refused or failed, 2 usage, 3 chatd is not running, 4 not permitted.";

/// Steer chatd
#[derive(Debug, Parser)]
#[command(name = "chatctl", version, after_help = EXIT_STATUS)]
#[command(
    override_usage = "chatctl [OPTIONS] <VERB>",
    subcommand_value_name = "VERB"
)]
#[command(subcommand_help_heading = "Verbs", disable_help_subcommand = true)]
pub(super) struct Args {
    /// The control socket [env: CHATD_CONTROL]
    #[arg(long, global = true, value_name = "PATH", display_order = 100)]
    pub(super) socket: Option<PathBuf>,
    /// Print JSON: one object, or one object a line
    #[arg(long, global = true, display_order = 101)]
    pub(super) json: bool,
    /// Print the manual page, or completions for a shell
    #[arg(long, value_name = "WHAT", display_order = 102)]
    pub(super) generate: Option<Generate>,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

/// For verbs that change something and need no question.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(super) struct Yes {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// For verbs that destroy something.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(super) struct Sure {
    /// Do not ask
    #[arg(long)]
    pub(super) yes: bool,
    /// Only tell what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// For the stop that waits.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(super) struct DrainArgs {
    /// Let nobody in, wait until everyone has what was said, then stop; Ctrl-C takes it back
    #[arg(long, conflicts_with = "delay")]
    pub(super) drain: bool,
    /// Stop after this time all the same: 30s, 5m
    #[arg(long, value_name = "TIME", value_parser = when::span, requires = "drain")]
    pub(super) limit: Option<Duration>,
}

/// How statistics are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum StatsFormat {
    /// OpenMetrics 1.0
    Openmetrics,
}

/// A method's help as the help of a verb, which has no full stop.
pub(super) fn about<M: Method>() -> &'static str {
    M::ABOUT.help.trim_end_matches('.')
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    #[command(about = about::<wire::Status>())]
    Status,
    #[command(about = about::<wire::Pause>())]
    Pause {
        /// Refuse whoever connects, instead of letting them wait: the port is closed, or, where the service manager holds
        /// it, they are told so
        #[arg(long)]
        refuse: bool,
        #[command(flatten)]
        yes: Yes,
    },
    #[command(about = about::<wire::Resume>())]
    Resume {
        #[command(flatten)]
        yes: Yes,
    },
    #[command(about = about::<wire::Shutdown>())]
    Shutdown {
        /// What everyone is told
        #[arg(long, value_name = "TEXT")]
        message: Option<Words>,
        /// Tell everyone now and stop later: 30s, 5m, 1h30m
        #[arg(long = "in", value_name = "TIME", value_parser = when::span)]
        delay: Option<Duration>,
        #[command(flatten)]
        drain: DrainArgs,
        #[command(flatten)]
        sure: Sure,
    },
    #[command(about = about::<wire::Reload>())]
    Reload {
        #[command(flatten)]
        yes: Yes,
    },
    /// Wait until chatd serves
    Wait {
        /// Give up after this time: 30s, 5m
        #[arg(long, value_name = "TIME", value_parser = when::span)]
        timeout: Option<Duration>,
    },
    #[command(about = about::<wire::GetVersion>())]
    Version,
    /// Show chatd's own log and steer it
    #[command(
        subcommand,
        subcommand_value_name = "VERB",
        subcommand_help_heading = "Verbs"
    )]
    Log(LogVerb),
    #[command(about = about::<wire::ClearLog>())]
    ClearLog {
        #[command(flatten)]
        sure: Sure,
    },
    #[command(about = about::<wire::ListUsers>())]
    Users,
    /// Show, add, disable and remove accounts, set passwords and roles
    #[command(
        subcommand,
        subcommand_value_name = "VERB",
        subcommand_help_heading = "Verbs"
    )]
    User(UserVerb),
    #[command(about = about::<wire::ClearUsers>())]
    ClearUsers {
        /// An account that is kept; may be given again
        #[arg(long, value_name = "NAME")]
        keep: Vec<UserName>,
        #[command(flatten)]
        sure: Sure,
    },
    #[command(about = about::<wire::ListSessions>())]
    Sessions {
        /// Those of one account only
        user: Option<UserName>,
    },
    /// Invite people: codes with which they make their accounts, where `registration` is "invite"
    #[command(
        subcommand,
        subcommand_value_name = "VERB",
        subcommand_help_heading = "Verbs"
    )]
    Invite(InviteVerb),
    /// End sessions
    #[command(
        subcommand,
        subcommand_value_name = "VERB",
        subcommand_help_heading = "Verbs"
    )]
    Session(SessionVerb),
    #[command(about = about::<wire::Rekey>())]
    Rekey {
        /// The new key: 32 bytes, or their base64. Without it a random one is made
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        #[command(flatten)]
        sure: Sure,
    },
    #[command(about = about::<wire::ListConnected>())]
    Who,
    #[command(about = about::<wire::ListRooms>())]
    Rooms,
    /// Make and remove rooms, say what they are about, look who is in them, make operators
    #[command(
        subcommand,
        subcommand_value_name = "VERB",
        subcommand_help_heading = "Verbs"
    )]
    Room(RoomVerb),
    #[command(about = about::<wire::ClearHistory>())]
    ClearHistory {
        /// The room; a conversation between two as '@anna @boris'
        #[arg(required_unless_present = "all")]
        room: Option<RoomLabel>,
        /// All rooms and conversations
        #[arg(long, conflicts_with = "room")]
        all: bool,
        /// Only what is older: 2026-11-20, 2026-11-20T10:30:00Z, or how long ago, such as 30d
        #[arg(long, value_name = "TIME", value_parser = when::moment)]
        before: Option<when::When>,
        #[command(flatten)]
        sure: Sure,
    },
    #[command(about = about::<wire::Redact>())]
    Redact {
        /// The room; a conversation between two as '@anna @boris'
        room: RoomLabel,
        /// The number of the message
        seq: u64,
        #[command(flatten)]
        sure: Sure,
    },
    #[command(about = about::<wire::ListBehind>())]
    Lag,
    #[command(about = about::<wire::GetStats>())]
    Stats {
        /// Print it for a program that reads metrics
        #[arg(long, value_name = "FORMAT")]
        format: Option<StatsFormat>,
    },
    /// Show the load of the daemon as it changes: busiest rooms, busiest users (u), who is behind (s)
    Top {
        /// Show it so many times, one below the other
        #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        times: Option<u32>,
        /// The time from one to the next: 1s, 1m
        #[arg(short = 'd', long, value_name = "TIME", value_parser = when::span, default_value = "1s")]
        delay: Duration,
    },
    #[command(about = about::<wire::Kick>())]
    Kick(KickArgs),
    #[command(about = about::<wire::Ban>())]
    Ban(BanArgs),
    #[command(about = about::<wire::Unban>())]
    Unban(UnbanArgs),
    #[command(about = about::<wire::Mute>())]
    Mute(MuteArgs),
    #[command(about = about::<wire::Unmute>())]
    Unmute(UnmuteArgs),
    #[command(about = about::<wire::ListBans>())]
    Bans,
    /// Write messages or accounts to standard output, for other programs
    #[command(
        subcommand,
        subcommand_value_name = "WHAT",
        subcommand_help_heading = "What"
    )]
    Export(ExportVerb),
    /// Make accounts that come from another chatd or from a list
    #[command(
        subcommand,
        subcommand_value_name = "WHAT",
        subcommand_help_heading = "What"
    )]
    Import(ImportVerb),
    /// Write a consistent, verified copy of the database, while people talk
    Backup(BackupArgs),
    #[command(about = about::<wire::Check>())]
    Check,
    #[command(about = about::<wire::Reindex>())]
    Reindex,
    #[command(about = about::<wire::Search>())]
    Search(SearchArgs),
    /// Show who did what, on whom, and how it came out
    Audit(AuditArgs),
    /// Help to find what is wrong
    #[command(
        subcommand,
        subcommand_value_name = "VERB",
        subcommand_help_heading = "Verbs"
    )]
    Debug(DebugVerb),
    /// Print what may come next on a command line, for the shells
    #[command(hide = true)]
    Complete(CompleteArgs),
    #[command(about = about::<wire::Announce>())]
    Announce {
        /// What they are told
        text: Words,
        #[command(flatten)]
        yes: Yes,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum LogVerb {
    /// Write lines to it again
    On {
        #[command(flatten)]
        yes: Yes,
    },
    /// Write no lines to it; the journal, or standard error, goes on
    Off {
        #[command(flatten)]
        yes: Yes,
    },
    /// Set how much is told, wherever that is
    Level {
        /// The level; each includes those before it
        #[arg(value_parser = PossibleValuesParser::new(LogLevel::WORDS).try_map(|word| word.parse::<LogLevel>()))]
        level: LogLevel,
        #[command(flatten)]
        yes: Yes,
    },
    #[command(about = about::<wire::ShowLog>())]
    Show {
        /// How many lines
        #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
        lines: u32,
    },
    #[command(about = about::<wire::FollowLog>())]
    Follow {
        /// How many of the lines before to begin with
        #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
        lines: u32,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum UserVerb {
    #[command(about = about::<wire::ShowUser>())]
    Show {
        /// The name of the account
        name: UserName,
    },
    /// Make an account; the password is asked for, or is one line of standard input
    Add {
        /// The name of the account
        name: UserName,
        #[command(flatten)]
        yes: Yes,
    },
    /// Give an account another password, which is asked for, or is one line of standard input
    Passwd {
        /// The name of the account
        name: UserName,
        #[command(flatten)]
        yes: Yes,
    },
    #[command(about = about::<wire::DisableUser>())]
    Disable {
        /// The name of the account
        name: UserName,
        #[command(flatten)]
        sure: Sure,
    },
    #[command(about = about::<wire::EnableUser>())]
    Enable {
        /// The name of the account
        name: UserName,
        #[command(flatten)]
        yes: Yes,
    },
    #[command(about = about::<wire::SetRole>())]
    Role(RoleArgs),
    #[command(about = about::<wire::RemoveUser>())]
    Remove {
        /// The name of the account
        name: UserName,
        #[command(flatten)]
        sure: Sure,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum SessionVerb {
    #[command(about = about::<wire::RevokeSession>())]
    Revoke {
        /// Its number, as `chatctl sessions` shows it
        #[arg(value_parser = session)]
        id: u64,
        #[command(flatten)]
        sure: Sure,
    },
}

fn session(text: &str) -> Result<u64, String> {
    let wrong = |_| format!("'{text}' is no number of a session; `chatctl sessions` lists them");
    text.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clap_checks_of_its_own_definitions_holds() {
        command().debug_assert();
    }
}
