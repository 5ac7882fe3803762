//! What an admin may want to know of later: who came, who was turned away, what ended. The engine says what has happened
//! and when; how that is worded, and whether anybody wants to know, is for those who carry it out.

use std::net::IpAddr;

use super::effect::Effect;
use super::moderation::Act;
use super::session::Done;
use super::{Asker, Engine, Then};
use crate::base::{InviteId, RoomName, Seq, SessionId, Timestamp, UserName};

/// One such thing. There is no password, token or text of a message in any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Somebody made an account, and is logged in; with this invite where one was asked for.
    Registered(Visit, Option<InviteId>),
    /// Somebody gave the right password.
    LoggedIn(Visit),
    /// Somebody came back with a token.
    Resumed(Visit),
    /// A password was wrong, or nobody has that name.
    LoginRefused {
        /// The name that was tried, if it can be one.
        user: Option<UserName>,
        /// From which address; none for a local socket.
        from: Option<IpAddr>,
    },
    /// After too many refused logins one was not looked at. Noted once a minute for each address.
    LoginDelayed {
        /// The name that was tried, if it can be one.
        user: Option<UserName>,
        /// From which address; none for a local socket.
        from: Option<IpAddr>,
    },
    /// Too many accounts were made, so one was not. Noted once a minute for each address.
    RegistrationDelayed {
        /// From which address; none for a local socket.
        from: Option<IpAddr>,
    },
    /// The password was right, but the account is disabled.
    DisabledRefused {
        /// Whose.
        user: UserName,
        /// From which address; none for a local socket.
        from: Option<IpAddr>,
    },
    /// The password was right, but the account is banned from the server.
    BannedRefused {
        /// Whose.
        user: UserName,
        /// From which address; none for a local socket.
        from: Option<IpAddr>,
    },
    /// An operator or a moderator has acted on somebody. What the admin does is written down elsewhere.
    Moderated {
        /// Who.
        by: UserName,
        /// What was done.
        act: Act,
        /// Until when, if it ends.
        until: Option<Timestamp>,
    },
    /// An operator or a moderator has removed the text of a message; it may have been their own.
    Redacted {
        /// Who.
        by: UserName,
        /// Where.
        room: RoomName,
        /// The number of the message.
        seq: Seq,
    },
    /// An invite was not one, used up, revoked or had run out.
    InviteRefused {
        /// From which address; none for a local socket.
        from: Option<IpAddr>,
    },
    /// A token was dead or invented.
    TokenRefused {
        /// From which address; none for a local socket.
        from: Option<IpAddr>,
    },
    /// A session is over and its token dead. Those of an account that is removed or disabled go with it, unsaid.
    SessionEnded {
        /// Whose.
        user: UserName,
        /// Which.
        session: SessionId,
        /// Why.
        ending: Ending,
    },
    /// What is more or older than the settings keep was cleared away.
    Retained {
        /// In so many rooms and conversations, one counted twice that had too much and too old ones.
        rooms: u64,
        /// So many.
        messages: u64,
    },
    /// Somebody made a room.
    RoomCreated {
        /// Who.
        user: UserName,
        /// Which.
        room: RoomName,
    },
}

/// Who has come, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Who.
    pub user: UserName,
    /// On which session.
    pub session: SessionId,
    /// From which address; none for a local socket.
    pub from: Option<IpAddr>,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its device has logged out.
    LoggedOut,
    /// The password was changed on another device.
    PasswordChanged,
    /// A further login left no room for it.
    Displaced,
    /// The admin ended it, or gave the account another password.
    Revoked,
    /// It was not used for too long.
    Expired,
}

impl Then {
    /// Why the sessions end that end with what is stored.
    pub(super) fn ending(&self) -> Ending {
        match self {
            Self::Session(stored) => match stored.done {
                Done::Logout => Ending::LoggedOut,
                Done::Password => Ending::PasswordChanged,
                Done::Login { .. } => Ending::Displaced,
            },
            Self::Admin(_) | Self::Room(_) => Ending::Revoked,
            Self::Nothing | Self::Member(_) | Self::Talk(_) | Self::Moderation(_) => {
                Ending::Expired
            }
        }
    }
}

impl Engine {
    pub(super) fn note(&mut self, note: Note) {
        self.effects.push(Effect::Note(note));
    }

    /// Somebody has come; `of` says how.
    pub(super) fn note_visit(
        &mut self,
        asker: &Asker,
        session: SessionId,
        of: impl FnOnce(Visit) -> Note,
    ) {
        let from = self.conns.get(&asker.conn).and_then(|conn| conn.from);
        if let Some(user) = self.owner(session) {
            self.note(of(Visit {
                user,
                session,
                from,
            }));
        }
    }

    pub(super) fn note_login_refused(&mut self, asker: &Asker, user: Option<UserName>) {
        let from = self.conns.get(&asker.conn).and_then(|conn| conn.from);
        self.note(Note::LoginRefused { user, from });
    }

    /// Whether the log is to be told now that this connection has to wait.
    pub(super) fn is_delay_told(&mut self, asker: &Asker) -> Option<Option<IpAddr>> {
        let origin = self.origin(asker.conn);
        let is_due = self.guard.told.is_due(origin, self.now.elapsed);
        is_due.then(|| self.conns.get(&asker.conn).and_then(|conn| conn.from))
    }

    /// To be called while the session is still known.
    pub(super) fn note_session_ended(&mut self, session: SessionId, ending: Ending) {
        if let Some(user) = self.owner(session) {
            self.note(Note::SessionEnded {
                user,
                session,
                ending,
            });
        }
    }

    fn owner(&self, session: SessionId) -> Option<UserName> {
        let user = self.state.sessions.get(&session)?.user;
        Some(self.state.users.get(&user)?.name.clone())
    }
}
