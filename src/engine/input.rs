//! Everything the engine can be told: one closed list.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;

use crate::base::record::{KeyRecord, Kind, PasswordHash};
use crate::base::{
    AuditRecord, CallId, ConnId, InviteHash, InviteId, InviteRecord, Password, RequestId, RoomId,
    RoomLabel, RoomName, Seq, SessionId, Target, Ticket, Timestamp, Token, TokenHash, UserId,
    UserName,
};
use crate::engine::moderation::Act;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// A client asks for something.
    Request {
        /// On which connection.
        conn: ConnId,
        /// From which address; none for a local socket.
        from: Option<IpAddr>,
        /// The client's name for the request.
        id: Option<RequestId>,
        /// What is asked.
        request: Request,
    },
    /// The keys of what was said lately, oldest first. Comes once: until then all sends wait.
    Keys(Vec<KeyRecord>),
    /// All of these, in this order.
    Several(Vec<Self>),
    /// A connection is gone.
    Gone {
        /// Which.
        conn: ConnId,
    },
    /// A connection that had missed pushes because it was behind is live again: it is told the state of things.
    Refresh {
        /// Which.
        conn: ConnId,
    },
    /// What was asked of the writer is on disk, in this order.
    Stored(Vec<(Ticket, Outcome)>),
    /// What was asked of the writer could not be stored, none of it.
    NotStored {
        /// What was asked.
        tickets: Vec<Ticket>,
        /// Why it failed.
        fault: Fault,
    },
    /// A search that was asked for is answered.
    Searched {
        /// Who asked.
        user: UserId,
    },
    /// The password threads are done.
    Password {
        /// With what.
        ticket: Ticket,
        /// How it came out.
        outcome: PasswordOutcome,
    },
    /// The admin asks for something.
    Call {
        /// The call that gets the reply.
        call: CallId,
        /// What is asked.
        command: Command,
    },
    /// Other rules are in force from now on.
    Reload(Box<Rules>),
    /// A deadline has passed; or just a look at the time.
    Tick,
    /// The daemon is stopping: no new requests; when nothing is pending any more, everyone is told good-bye.
    Stop {
        /// What everyone is told.
        text: Arc<str>,
    },
}

impl Input {
    /// How many inputs it is.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Several(inputs) => inputs.len(),
            _ => 1,
        }
    }
}

/// The part of the configuration that the engine goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Who may make an account.
    pub registration: Registration,
    /// How much of each log is kept.
    pub retention: Retention,
    /// The bounds.
    pub limits: crate::base::Limits,
}

/// How much of each log is kept; without a number, all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// So many days.
    pub days: Option<NonZeroU32>,
    /// So many messages.
    pub messages: Option<NonZeroU64>,
}

impl Retention {
    /// Whether anything is ever to go.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.days.is_some() || self.messages.is_some()
    }
}

/// Who may make an account, the admin apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everyone.
    Open,
    /// Who has an invite.
    Invite,
    /// Nobody.
    Closed,
}

/// What a client asks for, with names that are names. `hello`, `echo` and `ping` never get here.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "each is a request of PROTOCOL.md, where the fields are described"
)]
pub enum Request {
    Register {
        name: UserName,
        password: Password,
        invite: Option<InviteHash>,
        device: Arc<str>,
    },
    /// A name that cannot be one is like a name that nobody has.
    Login {
        name: Option<UserName>,
        password: Password,
        device: Arc<str>,
    },
    /// A token that cannot be one is like a token that nobody has.
    Resume {
        token: Option<TokenHash>,
        cursors: Vec<(Target, Seq)>,
    },
    Logout,
    Send {
        to: Target,
        kind: Kind,
        key: Option<Arc<str>>,
        text: Arc<str>,
    },
    Join {
        room: RoomName,
    },
    Leave {
        room: RoomName,
    },
    Create {
        room: RoomName,
    },
    Rooms {
        after: Option<RoomName>,
    },
    Who {
        room: Option<Target>,
        after: Option<UserName>,
    },
    History {
        room: Target,
        range: Range,
        limit: usize,
    },
    Search {
        text: Arc<str>,
        room: Option<Target>,
        before: Option<Seq>,
        limit: usize,
    },
    Read {
        room: Target,
        seq: Seq,
    },
    Topic {
        room: RoomName,
        topic: Arc<str>,
    },
    Redact {
        room: Target,
        seq: Seq,
    },
    Moderate(Act),
    ChangePassword {
        old: Password,
        new: Password,
    },
    Typing {
        to: Target,
    },
}

/// Which part of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// The newest messages before this number; the newest of all with [`Range::NEWEST`].
    Before(Seq),
    /// The oldest messages after this number.
    After(Seq),
}

impl Range {
    /// The end of the log.
    pub const NEWEST: Self = Self::Before(Seq(u64::MAX));
}

/// How one thing that was asked of the writer came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The message has this number.
    Appended(Seq),
    /// The changes are made.
    Changed,
    /// None of the changes is made: somebody or something else has the name, the password is no longer the account's, the
    /// account is disabled, or the invite is no longer open.
    Taken,
    /// The room is gone, or the message that was to be redacted is not there.
    Missing,
    /// The message that was to be redacted is another author's.
    Foreign,
    /// The message that was to be redacted was so before; nothing is stored.
    Unchanged,
    /// The log begins here now, or would.
    Cleared(Seq),
}

/// Why something could not be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full.
    Full,
    /// Something else; the log says what.
    Broken,
}

/// How the password threads are done.
#[derive(Debug)]
pub enum PasswordOutcome {
    /// Here is the hash of the new password, and a fresh token for whoever will need one.
    Hashed(PasswordHash, Token),
    /// The password was the account's, which has this hash; here is a fresh token, and a hash by today's settings where
    /// that one was made by lower ones.
    Right(PasswordHash, Token, Option<PasswordHash>),
    /// It was not.
    Wrong,
    /// Too many wait; nothing was done.
    Busy,
    /// The store could not be read; the log says why.
    Broken,
}

/// What the admin asks for that is the engine's to know. What concerns listeners, log and process is not. Two are the
/// daemon's own: `Glance`, how it goes, which is asked often and so costs no look at every account and room; and `Probe`,
/// whether hub and writer answer.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "each is a method of io.chatd.Control.varlink, where the parameters are described"
)]
pub enum Command {
    Counts,
    Glance,
    Users,
    AddUser {
        name: UserName,
        hash: PasswordHash,
    },
    AddUsers {
        users: Vec<Newcomer>,
    },
    CheckNames {
        names: Vec<UserName>,
    },
    SetPassword {
        name: UserName,
        hash: PasswordHash,
    },
    RemoveUser {
        name: UserName,
    },
    ClearUsers {
        keep: Vec<UserName>,
        dry_run: bool,
    },
    Sessions {
        user: Option<UserName>,
    },
    RevokeSession {
        id: SessionId,
    },
    Who,
    Rooms,
    CreateRoom {
        name: RoomName,
        topic: Arc<str>,
    },
    RemoveRoom {
        name: RoomName,
        dry_run: bool,
    },
    SetTopic {
        name: RoomName,
        topic: Arc<str>,
    },
    Members {
        room: RoomLabel,
    },
    ClearHistory {
        room: Option<RoomLabel>,
        before: Option<Timestamp>,
        dry_run: bool,
    },
    Redact {
        room: RoomLabel,
        seq: Seq,
    },
    Owners {
        conns: Vec<ConnId>,
    },
    Busiest {
        before: Vec<(RoomId, Seq)>,
        /// How many messages had been said then.
        said_before: u64,
        most: usize,
    },
    Kick {
        name: UserName,
        text: Arc<str>,
    },
    Announce {
        text: Arc<str>,
    },
    Moderate(Act),
    SetModerator {
        name: UserName,
        moderator: bool,
    },
    ListBans,
    ShowUser {
        name: UserName,
    },
    SetDisabled {
        name: UserName,
        disabled: bool,
    },
    /// Its number is given here.
    CreateInvite(InviteRecord),
    ListInvites,
    RevokeInvite {
        id: InviteId,
    },
    /// Which account or room may have been meant where there is none of that name.
    Nearest {
        name: Known,
    },
    /// The names that begin so, at most so many.
    Names {
        of_rooms: bool,
        prefix: String,
        most: usize,
    },
    Audit(AuditRecord),
    Probe,
}

/// Whose name was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// An account's.
    User(UserName),
    /// A room's, or that of a direct conversation.
    Room(RoomLabel),
}

/// An account that is brought along from elsewhere. What is not known of it is now.
#[derive(Debug)]
#[expect(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct Newcomer {
    pub name: UserName,
    pub hash: PasswordHash,
    pub created_at: Option<Timestamp>,
    pub last_login_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
}
