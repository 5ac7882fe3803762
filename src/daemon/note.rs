//! What the engine notes, as events. Whatever strangers can cause as often as they like is told at `debug`; a login costs
//! a password that is looked at, so there are only so many in a second, and each is told.

use crate::base::catalog;
use crate::engine::note::{Ending, Note, Visit};
use tracing::field::display;

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
        Note::RoomCreated { user, room } => {
            tracing::info!(MESSAGE_ID = catalog::ROOM_CREATED, %user, %room, "room created");
        }
    }
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
