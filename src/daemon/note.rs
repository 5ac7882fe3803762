//! What the engine notes, as events. Whatever strangers can cause as often as they like is told at `debug`; a login costs
//! a password that is looked at, so there are only so many in a second, and each is told.

use crate::base::{BanKind, Network, Timestamp, UserName, catalog};
use crate::engine::moderation::{Act, Whom};
use crate::engine::note::{Ending, Note, Visit};
use tracing::field::{DisplayValue, display};

/// Tells the log.
pub(super) fn tell(note: Note) {
    match note {
        Note::Registered(
            Visit {
                user,
                session,
                from,
            },
            invite,
        ) => {
            let (invite, peer) = (invite.map(display), from.map(display));
            tracing::info!(MESSAGE_ID = catalog::REGISTERED, %user, %session, invite, peer, "registered");
        }
        Note::LoggedIn(Visit {
            user,
            session,
            from,
        }) => {
            let peer = from.map(display);
            tracing::info!(MESSAGE_ID = catalog::LOGGED_IN, %user, %session, peer, "logged in");
        }
        Note::Resumed(Visit {
            user,
            session,
            from,
        }) => {
            let peer = from.map(display);
            tracing::debug!(%user, %session, peer, "resumed");
        }
        Note::LoginRefused { user, from } => {
            let (user, peer) = (user.map(display), from.map(display));
            tracing::info!(
                MESSAGE_ID = catalog::LOGIN_REFUSED,
                user,
                peer,
                "login refused"
            );
        }
        Note::LoginDelayed { user, from } => {
            let (user, peer) = (user.map(display), from.map(display));
            tracing::warn!(
                MESSAGE_ID = catalog::LOGINS_DELAYED,
                user,
                peer,
                "too many refused logins, further ones have to wait"
            );
        }
        Note::RegistrationDelayed { from } => {
            let peer = from.map(display);
            tracing::warn!(
                MESSAGE_ID = catalog::REGISTRATIONS_DELAYED,
                peer,
                "too many new accounts, further ones have to wait"
            );
        }
        Note::DisabledRefused { user, from } => {
            let peer = from.map(display);
            tracing::info!(
                MESSAGE_ID = catalog::DISABLED_REFUSED,
                %user,
                peer,
                "login to a disabled account refused"
            );
        }
        Note::BannedRefused { user, from } => {
            let peer = from.map(display);
            tracing::info!(MESSAGE_ID = catalog::BANNED_REFUSED, %user, peer, "login of a banned user refused");
        }
        Note::Moderated { by, act, until } => moderated(&by, &act, until),
        Note::Redacted { by, room, seq } => {
            tracing::info!(MESSAGE_ID = catalog::MODERATED, %by, %room, %seq, "redacted");
        }
        Note::InviteRefused { from } => {
            tracing::debug!(peer = from.map(display), "invite refused");
        }
        Note::TokenRefused { from } => {
            tracing::debug!(peer = from.map(display), "dead token refused");
        }
        Note::SessionEnded {
            user,
            session,
            ending,
        } => {
            let reason = words(ending);
            tracing::info!(MESSAGE_ID = catalog::SESSION_ENDED, %user, %session, reason, "session ended");
        }
        Note::Retained { rooms, messages } => {
            tracing::info!(
                rooms,
                messages,
                "history that the settings do not keep was cleared away"
            );
        }
        Note::RoomCreated { user, room } => {
            tracing::info!(MESSAGE_ID = catalog::ROOM_CREATED, %user, %room, "room created");
        }
    }
}

/// With why, and what it ends.
fn moderated(by: &UserName, act: &Act, until: Option<Timestamp>) {
    let until = until.map(display);
    match act {
        Act::Kick { room, user, reason } => {
            let reason = said(reason);
            tracing::info!(MESSAGE_ID = catalog::MODERATED, %by, %user, %room, reason, "kicked");
        }
        Act::Ban {
            kind,
            who,
            room,
            reason,
            ..
        } => {
            let (room, reason) = (room.as_ref().map(display), said(reason));
            let (user, network) = whom(who);
            let words = match kind {
                BanKind::Ban => "banned",
                BanKind::Mute => "muted",
            };
            tracing::info!(MESSAGE_ID = catalog::MODERATED, %by, user, network, room, until, reason, "{words}");
        }
        Act::Unban { kind, who, room } => {
            let room = room.as_ref().map(display);
            let (user, network) = whom(who);
            let words = match kind {
                BanKind::Ban => "unbanned",
                BanKind::Mute => "unmuted",
            };
            tracing::info!(MESSAGE_ID = catalog::MODERATED, %by, user, network, room, "{words}");
        }
        Act::Operator {
            room,
            user,
            operator,
        } => {
            let words = match operator {
                true => "made an operator",
                false => "is no operator any more",
            };
            tracing::info!(MESSAGE_ID = catalog::MODERATED, %by, %user, %room, "{words}");
        }
    }
}

fn whom(
    who: &Whom,
) -> (
    Option<DisplayValue<&UserName>>,
    Option<DisplayValue<&Network>>,
) {
    match who {
        Whom::User(user) => (Some(display(user)), None),
        Whom::Network(network) => (None, Some(display(network))),
    }
}

fn said(reason: &str) -> Option<&str> {
    (!reason.is_empty()).then_some(reason)
}

fn words(ending: Ending) -> &'static str {
    match ending {
        Ending::LoggedOut => "logged out",
        Ending::PasswordChanged => "password changed",
        Ending::Displaced => "too many sessions",
        Ending::Revoked => "revoked",
        Ending::Expired => "expired",
    }
}
