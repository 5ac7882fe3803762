//! The plain values that rules and rows share: what a message, an account, a room, a session is, and each way the
//! stored state can change. The engine asks for changes, the store carries them out; neither knows the other.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    AuditRecord, BanKey, BanRecord, InviteId, InviteRecord, Password, RoomId, RoomName, Seq,
    SessionId, TokenHash, UserId, UserName,
};
use crate::base::Timestamp;

/// What sort of message it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something said.
    #[default]
    Text,
    /// Something done, shown as "* anna waves" (`/me`).
    Action,
    /// That another message's text is gone. Has none of its own.
    Redaction,
    /// A message whose text is gone.
    Redacted,
}

/// What somebody may do more than others. Nobody acts on somebody of the same role or a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// In one room, as a member of it.
    Operator,
    /// In all rooms and on the whole server.
    Moderator,
}

impl Role {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Moderator => "moderator",
        }
    }
}

/// A message before it has its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The room it goes to.
    pub room: RoomId,
    /// Who wrote it.
    pub author: UserId,
    /// When it came in.
    pub at: Timestamp,
    /// What sort it is.
    pub kind: Kind,
    /// The sender's own name for it, at most 64 bytes.
    pub key: Option<Arc<str>>,
    /// The text: no NUL, and empty only where it is gone or never was.
    pub text: Arc<str>,
    /// In a redaction: the number of the message whose text is gone.
    pub redacts: Option<Seq>,
}

/// That the text of a message is to be gone. It becomes a message itself, unless there is nothing (any more) to redact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// The room.
    pub room: RoomId,
    /// The number of the message there.
    pub seq: Seq,
    /// Who does it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// Whose message it has to be, where not every author's will do.
    pub only_of: Option<UserId>,
    /// Whose message it must not be.
    pub not_of: Vec<UserId>,
}

impl Redaction {
    /// Whether a message of this author may be redacted.
    #[must_use]
    pub fn may_be_of(&self, author: UserId) -> bool {
        self.only_of.is_none_or(|user| user == author) && !self.not_of.contains(&author)
    }
}

impl Redaction {
    /// The message that tells of it.
    #[must_use]
    pub fn draft(&self) -> Draft {
        Draft {
            room: self.room,
            author: self.by,
            at: self.at,
            kind: Kind::Redaction,
            key: None,
            text: "".into(),
            redacts: Some(self.seq),
        }
    }
}

/// That the log of a room is to begin later: what was said before is gone for everybody at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clearing {
    /// The room.
    pub room: RoomId,
    /// Nothing behind this number goes.
    pub upto: Seq,
    /// Only what is older than this, as far as the times in the log rise.
    pub before: Option<Timestamp>,
    /// Whether only the number is wanted with which the log would begin.
    pub dry_run: bool,
}

/// A message in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number within its room.
    pub seq: Seq,
    /// What was stored.
    pub draft: Draft,
}

/// Somebody's name for a message that is in the log: what keeps a repeated send from being stored twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Whose.
    pub author: UserId,
    /// The key.
    pub key: Arc<str>,
    /// Where the message is.
    pub room: RoomId,
    /// Its number there.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
}

/// An account. Accounts that are gone stay as authors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// Its number.
    pub id: UserId,
    /// Its name.
    pub name: UserName,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When and from where it last logged in or resumed.
    pub last_login: Option<LastLogin>,
    /// Since when nobody can log in to it, if it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// Whether the account was removed: its name stays in history and may be registered by somebody else.
    pub removed: bool,
}

/// When and from where somebody was here last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastLogin {
    /// When.
    pub at: Timestamp,
    /// From which address; none for a local socket.
    pub from: Option<IpAddr>,
}

/// A room, or a direct conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRecord {
    /// Its number.
    pub id: RoomId,
    /// What kind of room.
    pub form: RoomForm,
    /// What it is about; may be empty.
    pub topic: Arc<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first number still in the log; `last_seq + 1` when the log is empty.
    pub first_seq: Seq,
    /// The last number given; 0 before the first message.
    pub last_seq: Seq,
}

/// What kind of room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomForm {
    /// Open to everyone, by its name.
    Open(RoomName),
    /// Between two people, the one with the lower id first.
    Direct(UserId, UserId),
}

/// That somebody is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// Where.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// The last number they said they have read.
    pub read_seq: Seq,
}

/// A session: one login of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its number.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// What is kept of its token.
    pub token: TokenHash,
    /// What the client called the device; may be empty.
    pub device: Arc<str>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself. Each resume moves it on.
    pub expires_at: Timestamp,
    /// When it was last resumed.
    pub seen_at: Timestamp,
}

/// A password as it is stored: an Argon2id string (PHC format).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub Arc<str>);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// One change of what is stored, messages apart. Changes under one ticket happen together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new account with its password. Refused with `Taken` when a living account has the name.
    AddUser(UserRecord, PasswordHash),
    /// Another password for an account.
    SetPassword(UserId, PasswordHash),
    /// The account is gone: password, sessions, memberships and addresses are erased, the name stays as an author's.
    RemoveUser(UserId),
    /// Where and when somebody logged in.
    SetLastLogin(UserId, LastLogin),
    /// Nobody can log in to the account, since then or since it was disabled before, and its sessions are dead; or, without
    /// a moment, one can again.
    SetDisabled(UserId, Option<Timestamp>),
    /// A new session. Refused with `Taken` when the account's password is not (any longer) the one that was shown for it,
    /// or the account is gone or disabled.
    AddSession(SessionRecord, PasswordHash),
    /// A session was used: when, and when it now ends.
    RenewSession {
        /// Which.
        id: SessionId,
        /// When it was used.
        seen_at: Timestamp,
        /// When it now ends.
        expires_at: Timestamp,
    },
    /// The session is dead.
    RemoveSession(SessionId),
    /// All sessions that the account has by then are dead, but this one.
    RemoveSessions {
        /// Whose.
        user: UserId,
        /// The one that lives on.
        but: Option<SessionId>,
    },
    /// A new room. Refused with `Taken` when a room has the name.
    AddRoom(RoomRecord),
    /// The room is gone, with its log and who was in it; its name is free, and the numbers that were given under it are
    /// remembered.
    RemoveRoom(RoomId),
    /// What a room is about.
    SetTopic(RoomId, Arc<str>),
    /// Somebody is in a room. Harmless when they already are; nothing when the account is gone or banned from the room.
    AddMember(MemberRecord),
    /// Somebody is no longer in a room. Harmless when they are not.
    RemoveMember(RoomId, UserId),
    /// How far somebody has read. Nothing when they have read further or are no longer there.
    SetRead(MemberRecord),
    /// Something was done by somebody. The oldest entries go, past so many.
    AddAudit(AuditRecord, u32),
    /// A new invite.
    AddInvite(InviteRecord),
    /// One more account is made with an invite. Refused with `Taken` unless it is open at that moment.
    UseInvite(InviteId, Timestamp),
    /// An invite is good for nothing from then on.
    RevokeInvite(InviteId, Timestamp),
    /// An invite that is over is forgotten.
    RemoveInvite(InviteId),
    /// Whether an account is a moderator. Nothing when it is gone.
    SetModerator(UserId, bool),
    /// Whether a member is an operator of the room. Nothing when they are not there.
    SetOperator(RoomId, UserId, bool),
    /// Somebody is banned or muted. Takes the place of what there was with the same key; nothing when the account or the
    /// room is gone.
    SetBan(BanRecord),
    /// The ban or mute is over. Harmless when there is none.
    LiftBan(BanKey),
    /// All bans and mutes that have ended by themselves until then are forgotten.
    EndBans(Timestamp),
}

/// Everything the engine starts from but the keys of sends, as the store holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// All accounts, removed ones included.
    pub users: Vec<UserRecord>,
    /// All rooms and direct conversations.
    pub rooms: Vec<RoomRecord>,
    /// The last number that was given under a name, in the form that names are compared by, in a room that is gone.
    pub room_ends: Vec<(Box<str>, Seq)>,
    /// Who is where.
    pub members: Vec<MemberRecord>,
    /// All sessions.
    pub sessions: Vec<SessionRecord>,
    /// All invites that are remembered.
    pub invites: Vec<InviteRecord>,
    /// Who is a moderator.
    pub moderators: Vec<UserId>,
    /// Who is an operator where.
    pub operators: Vec<(RoomId, UserId)>,
    /// All bans and mutes.
    pub bans: Vec<BanRecord>,
    /// The next account's number.
    pub next_user: UserId,
    /// The next room's number.
    pub next_room: RoomId,
    /// The next session's number.
    pub next_session: SessionId,
    /// The next invite's number.
    pub next_invite: InviteId,
}

/// Work for the password threads.
#[derive(Clone, Debug)]
pub enum PasswordWork {
    /// Make a hash of a new password.
    Hash(Password),
    /// See whether the password is the account's. Without an account the same work is done and the answer is no.
    Check(Option<UserId>, Password),
    /// First check the old one, then hash the new one.
    Replace(UserId, Password, Password),
}
