//! What can be done about somebody, and to whom.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::base::{BanKind, Network, RoomName, UserName};

/// What is to be done. Without a room on the whole server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Somebody is put out of a room, and may come back.
    Kick {
        /// From where.
        room: RoomName,
        /// Who.
        user: UserName,
        /// Why; may be empty.
        reason: Arc<str>,
    },
    /// Somebody may not come in, or not speak.
    Ban {
        /// Which of the two.
        kind: BanKind,
        /// Who.
        who: Whom,
        /// Where.
        room: Option<RoomName>,
        /// For how long; none for good.
        seconds: Option<NonZeroU32>,
        /// Why; may be empty.
        reason: Arc<str>,
    },
    /// They may again.
    Unban {
        /// Which of the two.
        kind: BanKind,
        /// Who.
        who: Whom,
        /// Where.
        room: Option<RoomName>,
    },
    /// Somebody is an operator of a room, or no longer.
    Operator {
        /// Of which.
        room: RoomName,
        /// Who.
        user: UserName,
        /// Whether they are.
        operator: bool,
    },
}

/// Whom it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// An account.
    User(UserName),
    /// Everybody who comes from there; the admin's alone.
    Network(Network),
}

impl Act {
    pub(in crate::engine) fn room(&self) -> Option<&RoomName> {
        match self {
            Self::Kick { room, .. } | Self::Operator { room, .. } => Some(room),
            Self::Ban { room, .. } | Self::Unban { room, .. } => room.as_ref(),
        }
    }

    pub(super) fn user(&self) -> Option<&UserName> {
        match self {
            Self::Kick { user, .. }
            | Self::Operator { user, .. }
            | Self::Ban {
                who: Whom::User(user),
                ..
            }
            | Self::Unban {
                who: Whom::User(user),
                ..
            } => Some(user),
            Self::Ban { .. } | Self::Unban { .. } => None,
        }
    }
}
