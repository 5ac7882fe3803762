//! Bans and mutes: who may not come in or not speak, where, and until when. What follows from one is the engine's business.

use std::sync::Arc;

use super::{Network, RoomId, Timestamp, UserId};

/// What somebody may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BanKind {
    /// Come in.
    Ban,
    /// Say something.
    Mute,
}

/// Who may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Banned {
    /// An account.
    User(UserId),
    /// Everybody who comes from there.
    Network(Network),
}

/// What tells one ban from another: of two with the same key the later one takes the place of the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BanKey {
    /// What is not allowed.
    pub kind: BanKind,
    /// To whom.
    pub who: Banned,
    /// In which room; none for the whole server.
    pub room: Option<RoomId>,
}

/// A ban or a mute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanRecord {
    /// What, to whom and where.
    pub key: BanKey,
    /// Who decided so.
    pub by: UserId,
    /// Since when.
    pub at: Timestamp,
    /// Until when; none for good.
    pub until: Option<Timestamp>,
    /// Why; may be empty.
    pub reason: Arc<str>,
}

impl BanRecord {
    /// Whether it has ended by itself.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether it is about this account.
    #[must_use]
    pub fn is_about(&self, user: UserId) -> bool {
        self.key.who == Banned::User(user)
    }
}
