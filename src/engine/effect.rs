//! Everything the engine can ask for: one closed list. Carried out in the order given.

use std::sync::Arc;

use crate::base::invite::InviteState;
use crate::base::record::{
    Change, Clearing, Draft, LastLogin, PasswordWork, Redaction, Role, RoomForm, SessionRecord,
};
use crate::base::{
    CallId, Channel, ConnId, InviteId, Origin, RequestId, RoomId, RoomLabel, RoomName, Seq,
    SessionId, Target, Ticket, Timestamp, Token, UserId, UserName,
};
use crate::engine::bans::{BanLine, Barred, Barrier};
use crate::engine::input::Fault;
use crate::engine::note::Note;
pub use crate::engine::query::{Place, Query};
use crate::engine::watch::{Busy, BusyUser, Owner};

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Tell one connection something: an answer when `re` is the name of a request.
    Tell {
        /// Which connection.
        conn: ConnId,
        /// The request that is answered.
        re: Option<RequestId>,
        /// Whether this is the answer to a request, also to one without a name.
        answer: bool,
        /// What it is told.
        news: News,
    },
    /// Tell all connections that are attached to a channel and live. Those behind are told the state later.
    Signal {
        /// Which channel.
        channel: Channel,
        /// What they are told.
        news: News,
        /// A connection that is not told.
        except: Option<ConnId>,
    },
    /// The connection belongs to this account from now on.
    Admit {
        /// Which connection.
        conn: ConnId,
        /// Whose.
        user: UserId,
    },
    /// The connection is logged in no longer but may stay. It is detached from everything.
    Dismiss {
        /// Which connection.
        conn: ConnId,
    },
    /// From now on the connection is given the channel's messages after `after`, in order.
    Attach {
        /// Which connection.
        conn: ConnId,
        /// Which channel.
        channel: Channel,
        /// What the channel is called on this side.
        label: Target,
        /// Who is looking: authors see their own keys.
        viewer: UserId,
        /// The last number that the connection has.
        after: Seq,
        /// The last number delivered so far.
        head: Seq,
    },
    /// The connection is given no more of the channel.
    Detach {
        /// Which connection.
        conn: ConnId,
        /// Which channel.
        channel: Channel,
    },
    /// Say good-bye and end the connection.
    Close {
        /// Which connection.
        conn: ConnId,
        /// The last words.
        bye: Bye,
    },
    /// Put a message at the end of its room's log.
    Append {
        /// By this name the outcome is told.
        ticket: Ticket,
        /// The message.
        draft: Draft,
    },
    /// Take the text of a message away and put the message that tells of it at the end of the log.
    Redact {
        /// By this name the outcome is told.
        ticket: Ticket,
        /// What.
        redaction: Redaction,
    },
    /// Let a log begin later.
    Clear {
        /// By this name the outcome is told.
        ticket: Ticket,
        /// Which, and up to where.
        clearing: Clearing,
    },
    /// Hold the channel's messages up to here no longer: they are to be read from the store, where they may be others, or
    /// none.
    Forget {
        /// Which channel.
        channel: Channel,
        /// The last of them.
        upto: Seq,
        /// Whether they are gone: then what the store gave of them before is not passed on either.
        gone: bool,
    },
    /// Store these changes, all or none.
    Commit {
        /// By this name the outcome is told.
        ticket: Ticket,
        /// The changes.
        changes: Vec<Change>,
    },
    /// Give these messages, which are on disk, to everyone attached to the channel.
    Deliver {
        /// Which channel.
        channel: Channel,
        /// What the channel is called on this side.
        label: Target,
        /// The messages: consecutive numbers.
        messages: Vec<Delivery>,
    },
    /// Look something up in the store and tell the connection.
    Query {
        /// Who is told.
        conn: ConnId,
        /// The request that is answered.
        re: Option<RequestId>,
        /// What is looked up.
        query: Query,
    },
    /// Check or hash a password.
    Password {
        /// By this name the outcome is told.
        ticket: Ticket,
        /// Who it is done for: they take turns.
        origin: Origin,
        /// The work.
        work: PasswordWork,
    },
    /// The admin's call is done.
    Reply {
        /// Which call.
        call: CallId,
        /// The reply.
        reply: Reply,
    },
    /// Let nobody in from these networks, and end the connections of all who come from there. Those before are in force no
    /// longer.
    Bar(Arc<[Barred]>),
    /// Tell the log.
    Note(Note),
    /// Nothing is pending any more and everyone was told good-bye: the daemon may stop.
    Stopped,
}

/// A message on its way to everyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub seq: Seq,
    /// Who wrote it.
    pub from: UserName,
    /// The message.
    pub draft: Draft,
    /// The connection that sent it, which was told `sent` and is not given the message. None on the other side of the
    /// world, such as for a message that came in over a connection that is gone.
    pub origin: Option<ConnId>,
}

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is an event of PROTOCOL.md, where the fields are described"
)]
pub enum News {
    Welcome {
        user: UserName,
        token: Option<Token>,
        expires_at: Timestamp,
        resumed: bool,
        last_login: Option<LastLogin>,
        is_moderator: bool,
        rooms: Vec<RoomView>,
    },
    Ok,
    Sent {
        room: Target,
        seq: Seq,
        at: Timestamp,
    },
    Joined(RoomView),
    Left {
        room: Target,
    },
    Rooms {
        rooms: Vec<RoomLine>,
        more: bool,
    },
    Who {
        room: Option<Target>,
        who: Vec<PersonLine>,
        more: bool,
    },
    Presence {
        room: Target,
        user: UserName,
        joined: bool,
        others: u32,
    },
    Topic {
        room: Target,
        topic: Arc<str>,
        by: Option<UserName>,
    },
    Cleared {
        room: Target,
        first_seq: Seq,
    },
    Removed {
        room: Target,
    },
    /// With a ban: until when, if it ends.
    Kicked {
        room: Target,
        by: UserName,
        reason: Arc<str>,
        ban: Option<Option<Timestamp>>,
    },
    Role {
        room: Option<Target>,
        user: UserName,
        role: Option<Role>,
        by: UserName,
    },
    Read {
        room: Target,
        seq: Seq,
    },
    Typing {
        room: Target,
        user: UserName,
    },
    Notice {
        text: Arc<str>,
    },
    Refused(Refusal),
}

/// A room as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "described in PROTOCOL.md under `joined`")]
pub struct RoomView {
    pub room: Target,
    pub topic: Arc<str>,
    pub first_seq: Seq,
    pub last_seq: Seq,
    pub read_seq: Seq,
    pub members: u32,
    pub is_operator: bool,
}

/// A room in the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "described in PROTOCOL.md under `rooms`")]
pub struct RoomLine {
    pub room: RoomName,
    pub topic: Arc<str>,
    pub members: u32,
    pub online: u32,
    pub last_seq: Seq,
    pub joined: bool,
}

/// Somebody in a list of people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "described in PROTOCOL.md under `who`")]
pub struct PersonLine {
    pub user: UserName,
    pub online: bool,
    pub last_seen: Option<Timestamp>,
    pub role: Option<Role>,
}

/// Why a request was not done. Which word and sentence that is on the wire is decided there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No login yet, or the session has ended.
    NotLoggedIn,
    /// Already logged in: a connection serves one account.
    LoggedIn,
    /// Name and password do not belong together.
    WrongPassword,
    /// The token is dead or invented.
    DeadToken,
    /// Somebody has the name.
    NameTaken,
    /// Somebody has a name that looks the same.
    NameLooksTaken,
    /// A room has the name, or one that looks the same.
    RoomTaken,
    /// The password has fewer characters than this.
    PasswordShort(u32),
    /// The password has more characters than one may have.
    PasswordLong,
    /// The password has a character that passwords may not have.
    PasswordCharacter,
    /// The password is the name.
    PasswordIsName,
    /// The password is among those that everybody tries first.
    PasswordKnown,
    /// Accounts are made by the admin.
    RegistrationClosed,
    /// An account takes an invite, and none was shown.
    InviteNeeded,
    /// The invite is not known, used up, revoked or has run out.
    BadInvite,
    /// The password is right, but nobody can log in to the account.
    AccountDisabled,
    /// No room of that name.
    NoSuchRoom,
    /// Nobody of that name.
    NoSuchUser,
    /// No message of that number that could be redacted.
    NoSuchMessage,
    /// Somebody else's message.
    NotYours,
    /// Not in that room.
    NotAMember,
    /// Whom it is about is not in that room.
    NotThere,
    /// For operators and moderators.
    NoRight,
    /// Whom it is about, or who decided before, has the same role or a higher one.
    Outranked,
    /// Banned or muted.
    Barred(Arc<Barrier>),
    /// Everyone is in the lobby.
    LobbyStays,
    /// A conversation with oneself.
    Yourself,
    /// The name of a limit that is reached.
    LimitReached(&'static str),
    /// Too much at once of one person.
    RateLimited {
        /// The name of the limit.
        limit: &'static str,
        /// When the same would be let through, in milliseconds.
        after_ms: u64,
    },
    /// Too much waits; try again after so many milliseconds.
    Busy(u64),
    /// Too many refused logins, to that name or from that address; try again after so many milliseconds.
    LoginsLimited(u64),
    /// Too many new accounts; try again after so many milliseconds.
    RegistrationsLimited(u64),
    /// The disk is full.
    StorageFull,
    /// The daemon is stopping.
    ShuttingDown,
    /// A fault of ours.
    Internal,
}

/// The last words to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bye {
    /// A stable word.
    pub reason: ByeReason,
    /// What a person is told.
    pub text: Arc<str>,
    /// When it makes sense to come back; none where it does not.
    pub reconnect_after_ms: Option<u64>,
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByeReason {
    /// The daemon is stopping.
    ShuttingDown,
    /// The admin ended it.
    Kicked,
    /// The account is gone.
    AccountRemoved,
    /// Nobody can log in to the account any more.
    AccountDisabled,
    /// Banned from the server.
    Banned,
    /// The session was ended from elsewhere.
    SessionEnded,
    /// Too many refused logins.
    LoginAttempts,
    /// Too long without logging in. Said by the workers.
    LoginTimeout,
    /// Too long without the rest of a frame. Said by the workers.
    FrameTimeout,
}

/// What the admin is told.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub enum Reply {
    Done,
    /// How many accounts or connections it concerned.
    Count(u64),
    Counts {
        users: u64,
        sessions: u64,
        rooms: u64,
        online: u64,
        logged_in: u64,
        messages: u64,
    },
    Glance {
        online: u64,
        rooms: u64,
        /// Why what was to be stored last could not be.
        fault: Option<Fault>,
    },
    Users(Vec<UserLine>),
    Sessions(Vec<SessionLine>),
    Rooms(Vec<AdminRoomLine>),
    /// Whether it was not so before.
    Changed(bool),
    Account(Box<AccountView>),
    /// One was made, with this number.
    Invite(InviteId),
    Invites(Vec<InviteLine>),
    /// Members, messages: what went with a room.
    Removed {
        members: u64,
        messages: u64,
    },
    Members(Vec<MemberLine>),
    Bans(Vec<BanLine>),
    NotAMember(UserName, RoomName),
    /// Rooms whose logs begin later, and the messages that went.
    Cleared {
        rooms: u64,
        messages: u64,
    },
    NoSuchRoom(RoomLabel),
    NoSuchMessage(RoomLabel, Seq),
    RoomTaken(RoomName),
    LobbyStays,
    /// Of each connection that was asked for.
    Owners(Vec<Option<Owner>>),
    Busiest {
        /// The last number of each room, for the next time.
        heads: Vec<(RoomId, Seq)>,
        /// How many messages have been said, for the next time.
        said: u64,
        rooms: Vec<Busy>,
        users: Vec<BusyUser>,
    },
    NoSuchUser(UserName),
    /// Whether there are more.
    Names(Vec<String>, bool),
    /// What may have been meant.
    Nearest(Option<String>),
    NoSuchSession(SessionId),
    NoSuchInvite(InviteId),
    Taken(UserName),
    LimitReached(&'static str),
    NotStored,
    StorageFull,
}

/// An account as the admin sees it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct UserLine {
    pub id: UserId,
    pub name: UserName,
    pub created_at: Timestamp,
    pub last_login: Option<LastLogin>,
    pub disabled_at: Option<Timestamp>,
    pub is_moderator: bool,
    pub sessions: u32,
    pub connections: u32,
    pub rooms: u32,
}

/// A session as the admin sees it: whose, and with how many connections.
pub type SessionLine = (UserName, SessionRecord, u32);

/// All that the admin sees of one account.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct AccountView {
    pub line: UserLine,
    pub is_removed: bool,
    pub sessions: Vec<SessionLine>,
    pub rooms: Vec<AccountRoom>,
}

/// A room that somebody is in, and how far they are there.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct AccountRoom {
    pub label: String,
    pub is_direct: bool,
    pub last_seq: Seq,
    pub read_seq: Seq,
    pub unread: u64,
}

/// A member of a room as the admin sees it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct MemberLine {
    pub user: UserName,
    pub online: bool,
    pub is_operator: bool,
    pub read_seq: Seq,
    pub unread: u64,
}

/// An invite as the admin sees it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct InviteLine {
    pub id: InviteId,
    pub note: Arc<str>,
    pub state: InviteState,
    pub uses: u32,
    pub used: u32,
    pub created_at: Timestamp,
    pub created_by: u32,
    pub expires_at: Timestamp,
}

/// A room as the admin sees it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct AdminRoomLine {
    pub id: RoomId,
    pub first_seq: Seq,
    pub last_seq: Seq,
    pub form: RoomForm,
    pub label: String,
    pub topic: Arc<str>,
    pub members: u32,
    pub online: u32,
    pub messages: u64,
}
