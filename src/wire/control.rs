//! The words of the control socket (`io.chatd.Control`): methods with their parameters, replies and errors. How they
//! are framed and who may say them is `control`'s business; what they look like in Varlink is written in
//! `src/control/io.chatd.Control.varlink`, which a test compares with this file.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{
    InviteId, Network, Password, RoomLabel, RoomName, Seq, SessionId, Timestamp, UserName,
};

pub use self::audit::*;
pub use self::diagnosis::*;
pub use self::error::{ControlError, SERVICE};
pub use self::moderation::*;
pub use self::observe::*;
pub use self::reply::*;
pub use self::room::{NameKind, Topic, TopicError};
pub use self::words::{Words, WordsError};

#[macro_use]
mod macros;

mod audit;
mod diagnosis;
mod error;
mod moderation;
mod observe;
mod reply;
mod room;
mod words;

/// The name of the interface.
pub const INTERFACE: &str = "io.chatd.Control";

/// The name of the socket's file, in the folders where programs look for it.
pub const SOCKET_NAME: &str = INTERFACE;

/// What each type of parameters tells of its method.
pub trait Method: Serialize + Sized {
    /// What is known of it without calling it.
    const ABOUT: About;
    /// What is replied when it is done.
    type Reply: Serialize + DeserializeOwned;

    /// Reads the parameters.
    ///
    /// # Errors
    /// [`ControlError::InvalidParameter`] with the name of the one that is missing, mistyped or not known;
    /// [`ControlError::BadName`] when a name cannot be one.
    fn read(parameters: Map<String, Value>) -> Result<Self, ControlError>;

    /// Writes the parameters; those that are not set are left out.
    #[must_use]
    fn write(&self) -> Map<String, Value> {
        let parameters = match serde_json::to_value(self) {
            Ok(Value::Object(parameters)) => parameters,
            _ => Map::new(),
        };
        parameters
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect()
    }
}

/// One row of the table of methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The method's name without the interface.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub help: &'static str,
    /// Whether it changes something, or gives away what people wrote or how they log in: then it is written down who called
    /// it, and its stream has not ended well before its last reply.
    pub changes: bool,
    /// Whether it replies again and again; only to calls with `more`.
    pub streams: bool,
}

impl About {
    /// The name with the interface, as it stands in a call.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{INTERFACE}.{}", self.name)
    }
}

macro_rules! methods {
    ($(
        #[doc = $help:literal]
        $(#[$more:meta])*
        $name:ident { $($field:ident: $type:ty),* $(,)? } -> $reply:ty, $changes:ident, $streams:ident;
    )+) => {
        /// All methods, in the order of the interface's description.
        pub const METHODS: &[About] = &[$($name::ABOUT),+];

        $(
            #[doc = $help]
            $(#[$more])*
            #[derive(Clone, Debug, PartialEq, Serialize)]
            #[serde(rename_all = "camelCase")]
            #[allow(missing_docs, reason = "described in io.chatd.Control.varlink")]
            pub struct $name { $(pub $field: $type,)* }

            impl Method for $name {
                const ABOUT: About = About {
                    name: stringify!($name),
                    help: $help.trim_ascii(),
                    changes: $changes,
                    streams: $streams,
                };
                type Reply = $reply;

                #[allow(unused_mut, reason = "not every method has parameters")]
                fn read(mut parameters: Map<String, Value>) -> Result<Self, ControlError> {
                    let method = Self { $($field: take(&mut parameters, stringify!($field))?,)* };
                    match parameters.into_iter().next() {
                        Some((parameter, _)) => Err(ControlError::InvalidParameter { parameter }),
                        None => Ok(method),
                    }
                }
            }
        )+
    };
}

// How the rows below say what a method is like.
const CHANGES: bool = true;
const AUDITED: bool = CHANGES;
const READS: bool = false;
const STREAMS: bool = true;
const ONCE: bool = false;

methods! {
    /// Show what chatd does, for whom, and since when.
    Status {} -> DaemonStatus, READS, ONCE;
    /// Let nobody new in; whoever is connected goes on.
    Pause { refuse: Option<bool> } -> Changed, CHANGES, ONCE;
    /// Let people in again, first of all those who wait.
    Resume {} -> Changed, CHANGES, ONCE;
    /// Say good-bye to everyone and stop.
    Shutdown { message: Option<Words>, in_seconds: Option<u32> } -> ShutdownPlan, CHANGES, ONCE;
    /// Let nobody new in, wait until everyone has what was said, and stop.
    Drain { message: Option<Words>, limit_seconds: Option<u32> } -> Draining, CHANGES, STREAMS;
    /// Read the configuration again and reopen the log file.
    Reload {} -> Reloaded, CHANGES, ONCE;
    /// Turn chatd's own log on or off, or set the level of all that chatd says.
    SetLog { on: Option<bool>, level: Option<LogLevel> } -> LogState, CHANGES, ONCE;
    /// Show the last lines of chatd's own log.
    ShowLog { lines: Option<u32> } -> LogLines, READS, ONCE;
    /// Show the lines of chatd's own log as they come.
    FollowLog { lines: Option<u32> } -> LogLine, READS, STREAMS;
    /// Empty chatd's own log file and forget the lines that were kept of it.
    ClearLog {} -> LogCleared, CHANGES, ONCE;
    /// List the accounts.
    ListUsers {} -> Users, READS, ONCE;
    /// Show all about one account.
    ShowUser { name: UserName } -> ShownUser, AUDITED, ONCE;
    /// Make an account.
    AddUser { name: UserName, password: Password } -> Added, CHANGES, ONCE;
    /// Give an account another password.
    SetPassword { name: UserName, password: Password } -> Done, CHANGES, ONCE;
    /// Disable an account: nobody can log in to it, and its sessions end.
    DisableUser { name: UserName } -> Changed, CHANGES, ONCE;
    /// Enable an account that was disabled.
    EnableUser { name: UserName } -> Changed, CHANGES, ONCE;
    /// Remove an account; its messages stay, under its name.
    RemoveUser { name: UserName } -> Done, CHANGES, ONCE;
    /// Remove all accounts but those that are kept; their messages stay, under their names.
    ClearUsers { keep: Option<Vec<UserName>>, dry_run: Option<bool> } -> Cleared, CHANGES, ONCE;
    /// Make an invite, with which an account can be made.
    CreateInvite { uses: Option<NonZeroU32>, seconds: Option<NonZeroU32>, note: Option<Words> } -> InviteCreated, CHANGES, ONCE;
    /// List the invites.
    ListInvites {} -> Invites, READS, ONCE;
    /// Revoke an invite: no account can be made with it any more.
    RevokeInvite { id: InviteId } -> Changed, CHANGES, ONCE;
    /// List the sessions: who is logged in on which device.
    ListSessions { user: Option<UserName> } -> Sessions, READS, ONCE;
    /// End a session: its device has to log in again.
    RevokeSession { id: SessionId } -> Done, CHANGES, ONCE;
    /// Seal names and addresses in the database with a new identity key.
    Rekey { key: Option<Password> } -> Rekeyed, CHANGES, STREAMS;
    /// List who is connected.
    ListConnected {} -> Users, READS, ONCE;
    /// List the rooms.
    ListRooms {} -> Rooms, READS, ONCE;
    /// List the names that begin in some way, for completions.
    ListNames { kind: NameKind, prefix: Option<String>, limit: Option<u32> } -> Names, READS, ONCE;
    /// Make a room.
    CreateRoom { name: RoomName, topic: Option<Topic> } -> Added, CHANGES, ONCE;
    /// Remove a room with all that was said in it.
    RemoveRoom { room: RoomName, dry_run: Option<bool> } -> RoomRemoved, CHANGES, ONCE;
    /// Say what a room is about.
    SetTopic { room: RoomName, topic: Topic } -> Done, CHANGES, ONCE;
    /// List who is in a room, and how far they have read.
    ListMembers { room: RoomLabel } -> Members, READS, ONCE;
    /// Clear away what was said in a room, or everywhere.
    ClearHistory { room: Option<RoomLabel>, before: Option<Timestamp>, dry_run: Option<bool> } -> HistoryCleared, CHANGES, ONCE;
    /// Remove the text of a message; its number stays.
    Redact { room: RoomLabel, seq: Seq } -> Changed, CHANGES, ONCE;
    /// List who is behind: whose connections have not taken everything that was said.
    ListBehind {} -> Behind, READS, ONCE;
    /// Tell what is counted and measured.
    GetStats {} -> Stats, READS, ONCE;
    /// Show the load of the daemon as it changes.
    FollowLoad { seconds: Option<u32> } -> Load, READS, STREAMS;
    /// Make somebody a moderator, or take that back.
    SetRole { name: UserName, role: UserRole } -> Changed, CHANGES, ONCE;
    /// Make somebody an operator of a room.
    AddOperator { room: RoomName, user: UserName } -> Changed, CHANGES, ONCE;
    /// Make somebody an operator of a room no longer.
    RemoveOperator { room: RoomName, user: UserName } -> Changed, CHANGES, ONCE;
    /// End somebody's connections, or put them out of a room; they may come back.
    Kick { user: UserName, room: Option<RoomName>, reason: Option<Words> } -> Reached, CHANGES, ONCE;
    /// Ban somebody, or everybody who comes from a network, from a room or from the server.
    Ban { user: Option<UserName>, network: Option<Network>, room: Option<RoomName>, seconds: Option<NonZeroU32>, reason: Option<Reason> }
        -> BanSet, CHANGES, ONCE;
    /// Lift a ban.
    Unban { user: Option<UserName>, network: Option<Network>, room: Option<RoomName> } -> Changed, CHANGES, ONCE;
    /// Let somebody read but not speak, in a room or anywhere.
    Mute { user: UserName, room: Option<RoomName>, seconds: Option<NonZeroU32>, reason: Option<Reason> } -> BanSet, CHANGES, ONCE;
    /// Lift a mute.
    Unmute { user: UserName, room: Option<RoomName> } -> Changed, CHANGES, ONCE;
    /// List the bans and mutes.
    ListBans {} -> Bans, READS, ONCE;
    /// Tell everyone who is connected something.
    Announce { text: Words } -> Reached, CHANGES, ONCE;
    /// Give out the messages of all rooms, or of one.
    ExportHistory { room: Option<String>, since: Option<Timestamp>, until: Option<Timestamp>, direct: Option<bool> }
        -> Exported, AUDITED, STREAMS;
    /// Give out the accounts.
    ExportUsers { passwords: Option<bool> } -> ExportedUsers, AUDITED, STREAMS;
    /// Take accounts in that are to be imported; nothing is changed yet.
    StageUsers { import: Option<u32>, users: Vec<Account> } -> Staged, READS, ONCE;
    /// Make all accounts that were taken in, or none of them.
    ImportUsers { import: u32, users: u32, dry_run: Option<bool> } -> Imported, CHANGES, STREAMS;
    /// Give out a consistent copy of the database, while people talk.
    Backup {} -> BackedUp, AUDITED, STREAMS;
    /// Look whether the database, the numbering of the rooms and the search index are sound.
    Check {} -> Checked, AUDITED, STREAMS;
    /// Make the search index anew, while people talk.
    Reindex {} -> Reindexed, CHANGES, STREAMS;
    /// Look for messages in all rooms, or in one.
    Search { text: String, room: Option<String>, from: Option<UserName>, direct: Option<bool>, limit: Option<u32> } -> Found, AUDITED, ONCE;
    /// List what was done by whom: the newest entries of the audit log.
    ListAudit { entries: Option<u32>, below: Option<u64>, since: Option<Timestamp>, user: Option<UserName>, method: Option<String> }
        -> AuditEntries, READS, ONCE;
    /// Show what is done by whom as it is written down.
    FollowAudit { entries: Option<u32>, since: Option<Timestamp>, user: Option<UserName>, method: Option<String> }
        -> AuditLine, READS, STREAMS;
    /// Tell what a bug report needs, without secrets, names and texts.
    Diagnose {} -> Diagnosis, READS, ONCE;
    /// Tell the version of the daemon that runs.
    GetVersion {} -> Version, READS, ONCE;
}

/// Hands the names of all methods to a macro, so that nothing that must know them all can leave one out.
macro_rules! with_methods {
    ($then:ident) => {
        $then! {
            Status, Pause, Resume, Shutdown, Drain, Reload, SetLog, ShowLog, FollowLog, ClearLog, ListUsers, AddUser,
            ShowUser, SetPassword, DisableUser, EnableUser, RemoveUser, ClearUsers, CreateInvite, ListInvites, RevokeInvite,
            ListSessions, RevokeSession, Rekey, ListConnected, ListRooms, ListNames, ListBehind, GetStats, FollowLoad,
            CreateRoom, RemoveRoom, SetTopic,
            ListMembers, ClearHistory, Redact, Kick, Announce,
            SetRole, AddOperator, RemoveOperator, Ban, Unban, Mute, Unmute, ListBans,
            ExportHistory, ExportUsers, StageUsers, ImportUsers, Backup, Check, Reindex, Search,
            ListAudit, FollowAudit, Diagnose,
            GetVersion,
        }
    };
}
pub(crate) use with_methods;

/// A type that a parameter can have.
trait Parameter: DeserializeOwned {
    /// What is wrong with a value, where there is more to say than which parameter it is.
    fn complaint(_value: &Value) -> Option<ControlError> {
        None
    }
}

impl Parameter for bool {}
impl Parameter for u32 {}
impl Parameter for u64 {}
impl Parameter for LogLevel {}
impl Parameter for InviteId {}
impl Parameter for NonZeroU32 {}
impl Parameter for Password {}
impl Parameter for SessionId {}
impl Parameter for Words {}
impl Parameter for String {}
impl Parameter for Timestamp {}
impl Parameter for Account {}

impl Parameter for UserName {
    fn complaint(value: &Value) -> Option<ControlError> {
        let name = value.as_str()?;
        let reason = name.parse::<Self>().err()?.to_string();
        Some(ControlError::BadName {
            name: name.to_owned(),
            reason,
        })
    }
}

impl<T: Parameter> Parameter for Option<T> {
    fn complaint(value: &Value) -> Option<ControlError> {
        T::complaint(value)
    }
}

impl<T: Parameter> Parameter for Vec<T> {
    fn complaint(value: &Value) -> Option<ControlError> {
        value.as_array()?.iter().find_map(T::complaint)
    }
}

/// Takes one parameter out of those given. One that may be left out may also be null.
fn take<T: Parameter>(parameters: &mut Map<String, Value>, field: &str) -> Result<T, ControlError> {
    let parameter = camel_case(field);
    let value = parameters.remove(&parameter).unwrap_or(Value::Null);
    if let Some(complaint) = T::complaint(&value) {
        return Err(complaint);
    }
    serde_json::from_value(value).map_err(|_| ControlError::InvalidParameter { parameter })
}

/// `dry_run` → `dryRun`.
fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}

words! {
    /// How much chatd says, wherever it is told: each level includes those before it.
    LogLevel {
        /// Nothing.
        Off = "off",
        /// What has failed.
        Error = "error",
        /// What may need a hand.
        Warn = "warn",
        /// What the daemon does; the default.
        Info = "info",
        /// What each connection does.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

words! {
    /// What the daemon is at.
    State {
        /// It is not ready yet.
        Starting = "starting",
        /// People are let in.
        Serving = "serving",
        /// Whoever connects waits until the daemon resumes.
        Paused = "paused",
        /// Whoever connects is refused until the daemon resumes.
        Refusing = "refusing",
        /// Whoever connects is refused, and it stops once everyone has what was said.
        Draining = "draining",
        /// It says good-bye.
        Stopping = "stopping",
    }
}

words! {
    /// What an account is.
    AccountState {
        /// One can log in to it.
        Active = "active",
        /// Nobody can log in to it until it is enabled.
        Disabled = "disabled",
        /// It is gone; only its name is left, under its messages.
        Removed = "removed",
    }
}

words! {
    /// How far a stop is that waits for everyone.
    DrainStep {
        /// It waits.
        Waiting = "waiting",
        /// Everyone has what was said: it stops.
        CaughtUp = "caught_up",
        /// The time is up: it stops, and those named come back to what they have missed.
        LimitReached = "limit_reached",
    }
}

words! {
    /// What has become of an invite.
    InviteState {
        /// An account can be made with it.
        Open = "open",
        /// As many accounts as can be were made.
        Used = "used",
        /// It has run out.
        Expired = "expired",
        /// An admin took it back.
        Revoked = "revoked",
    }
}

words! {
    /// What kind of thing is counted or measured, in the words of OpenMetrics.
    MetricKind {
        /// It only grows, and begins at 0 with the daemon.
        Counter = "counter",
        /// It is what it is at the moment.
        Gauge = "gauge",
        /// How often it came, and how large it was.
        Histogram = "histogram",
        /// Words about the daemon; the value is always 1.
        Info = "info",
        /// One of several words: 1 for that, 0 for the others.
        StateSet = "stateset",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::limit::TEXT_BYTES_MAX;

    fn read<M: Method>(parameters: Value) -> Result<M, ControlError> {
        M::read(parameters.as_object().unwrap().clone())
    }

    fn invalid(parameter: &str) -> ControlError {
        ControlError::InvalidParameter {
            parameter: parameter.into(),
        }
    }

    #[test]
    fn parameters_are_read_by_their_names_and_nothing_else_is_taken() {
        let clear: ClearUsers = read(json!({"keep": ["anna", "Боб"], "dryRun": true})).unwrap();
        assert_eq!(clear.keep.unwrap()[1].as_str(), "Боб");
        assert_eq!(clear.dry_run, Some(true));
        assert_eq!(
            read::<Pause>(json!({"refuse": null})),
            Ok(Pause { refuse: None })
        );
        assert_eq!(
            read::<Pause>(json!({"refuse": "yes"})),
            Err(invalid("refuse"))
        );
        assert_eq!(
            read::<Pause>(json!({"refuse": true, "x": 1})),
            Err(invalid("x"))
        );
        assert_eq!(
            read::<AddUser>(json!({"name": "anna"})),
            Err(invalid("password"))
        );
        assert_eq!(
            read::<Shutdown>(json!({"inSeconds": -1})),
            Err(invalid("inSeconds"))
        );
        assert_eq!(read::<Announce>(json!({"text": ""})), Err(invalid("text")));
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        assert_eq!(
            read::<Announce>(json!({ "text": long })),
            Err(invalid("text"))
        );
    }

    #[test]
    fn a_name_that_cannot_be_one_is_refused_with_the_reason() {
        let refused = read::<ClearUsers>(json!({"keep": ["anna", "a b"]})).unwrap_err();
        assert!(matches!(&refused, ControlError::BadName { name, .. } if name == "a b"));
        assert!(refused.to_string().contains("without spaces"), "{refused}");
        assert_eq!(read::<Kick>(json!({"user": 7})), Err(invalid("user")));
    }

    #[test]
    fn what_changes_something_is_marked_so() {
        let reading: Vec<_> = METHODS
            .iter()
            .filter(|about| !about.changes)
            .map(|about| about.name)
            .collect();
        assert_eq!(
            reading,
            [
                "Status",
                "ShowLog",
                "FollowLog",
                "ListUsers",
                "ListInvites",
                "ListSessions",
                "ListConnected",
                "ListRooms",
                "ListNames",
                "ListMembers",
                "ListBehind",
                "GetStats",
                "FollowLoad",
                "ListBans",
                "StageUsers",
                "ListAudit",
                "FollowAudit",
                "Diagnose",
                "GetVersion"
            ]
        );
        let streaming: Vec<_> = METHODS
            .iter()
            .filter(|about| about.streams)
            .map(|about| about.name)
            .collect();
        assert_eq!(
            streaming,
            [
                "Drain",
                "FollowLog",
                "Rekey",
                "FollowLoad",
                "ExportHistory",
                "ExportUsers",
                "ImportUsers",
                "Backup",
                "Check",
                "Reindex",
                "FollowAudit"
            ]
        );
    }
}
