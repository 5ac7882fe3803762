//! What the engine notes for an admin: who came, who was turned away, what ended, and why.

use std::time::Duration;

use super::world::World;
use crate::base::{Limits, Password, RoomName, SessionId};
use crate::engine::input::{Command, Fault, Request};
use crate::engine::moderation::{Act, Whom};
use crate::engine::note::{Ending, Note};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What was noted since it was last asked, a line each.
pub fn noted(world: &mut World) -> Vec<String> {
    let line = |note| match note {
        Note::Registered(visit, invite) => {
            let with = invite.map_or(String::new(), |id| format!(" with invite {id}"));
            format!("{} registered{with}, {}", visit.user, visit.session)
        }
        Note::LoggedIn(visit) => format!("{} logged in, {}", visit.user, visit.session),
        Note::Resumed(visit) => format!("{} resumed {}", visit.user, visit.session),
        Note::LoginRefused { user, .. } => match user {
            Some(user) => format!("{user} refused"),
            None => "a login refused".to_owned(),
        },
        Note::DisabledRefused { user, .. } => format!("{user} is disabled"),
        Note::BannedRefused { user, .. } => format!("{user} is banned"),
        Note::Moderated { by, act, until } => {
            let ends = if until.is_some() { " for a time" } else { "" };
            format!("{by} does {}{ends}", act_line(act))
        }
        Note::Redacted { by, room, seq } => format!("{by} redacted {room} {seq}"),
        Note::InviteRefused { .. } => "an invite refused".to_owned(),
        Note::TokenRefused { .. } => "a token refused".to_owned(),
        Note::SessionEnded {
            user,
            session,
            ending,
        } => format!("{session} of {user} ended: {ending:?}"),
        Note::LoginDelayed { .. } => "a login delayed".to_owned(),
        Note::RegistrationDelayed { .. } => "an account delayed".to_owned(),
        Note::Retained { rooms, messages } => format!("{messages} cleared in {rooms}"),
        Note::RoomCreated { user, room } => format!("{user} created {room}"),
    };
    world.notes.drain(..).map(line).collect()
}

fn act_line(act: Act) -> String {
    let place =
        |room: Option<RoomName>| room.map_or("everywhere".to_owned(), |room| room.to_string());
    match act {
        Act::Kick { room, user, reason } => format!("kick {user} {room} ({reason})"),
        Act::Ban {
            kind,
            who,
            room,
            reason,
            ..
        } => format!("{kind:?} {} {} ({reason})", whom(&who), place(room)),
        Act::Unban { kind, who, room } => format!("Un{kind:?} {} {}", whom(&who), place(room)),
        Act::Operator {
            room,
            user,
            operator,
        } => format!("operator {user} {room} {operator}"),
    }
}

fn whom(who: &Whom) -> String {
    match who {
        Whom::User(user) => user.to_string(),
        Whom::Network(network) => network.to_string(),
    }
}

fn two_sessions() -> World {
    let limits = Limits {
        sessions_per_user: 2,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    world.register(1, "anna");
    world.login(2, "Anna", "correct horse");
    assert_eq!(
        noted(&mut world),
        ["anna registered, 1", "anna logged in, 2"]
    );
    world
}

#[test]
fn who_comes_and_who_is_turned_away() {
    let mut world = two_sessions();
    world.resume(3, 1, &[]);
    world.resume(4, 77, &[]);
    world.login(5, "anna", "wrong horse");
    world.login(5, "nobody-here", "wrong horse");
    world.login(5, "no name", "wrong horse");
    assert_eq!(
        noted(&mut world),
        [
            "anna resumed 1",
            "a token refused",
            "anna refused",
            "nobody-here refused",
            "a login refused"
        ]
    );
}

#[test]
fn nothing_is_noted_that_was_not_stored() {
    let mut world = two_sessions();
    world.quick = false;
    world.login(3, "anna", "correct horse");
    world.ask(2, Request::Logout);
    let room = "tea".parse().unwrap();
    world.ask(1, Request::Create { room });
    world.fail(Fault::Full);
    assert_eq!(noted(&mut world), [""; 0]);
}

#[test]
fn a_session_ends_for_a_reason() {
    let mut world = two_sessions();
    world.login(3, "anna", "correct horse");
    let [old, new] = ["correct horse"; 2].map(|text| Password::new(text.into()));
    world.ask(3, Request::ChangePassword { old, new });
    world.ask(3, Request::Logout);
    world.login(4, "anna", "correct horse");
    world.command(Command::RevokeSession { id: SessionId(4) });
    world.login(5, "anna", "correct horse");
    world.gone(5);
    world.pass(DAY * (Limits::default().session_days + 1));
    let ended = |session, ending: Ending| format!("{session} of anna ended: {ending:?}");
    assert_eq!(
        noted(&mut world),
        [
            ended(1, Ending::Displaced),
            "anna logged in, 3".to_owned(),
            ended(2, Ending::PasswordChanged),
            ended(3, Ending::LoggedOut),
            "anna logged in, 4".to_owned(),
            ended(4, Ending::Revoked),
            "anna logged in, 5".to_owned(),
            ended(5, Ending::Expired),
        ]
    );
}

#[test]
fn a_room_is_noted_when_it_is_made_and_not_when_it_is_joined() {
    let mut world = two_sessions();
    world.register(3, "boris");
    let room = || "Tea".parse().unwrap();
    world.ask(1, Request::Create { room: room() });
    world.ask(3, Request::Create { room: room() });
    world.ask(3, Request::Join { room: room() });
    assert_eq!(
        noted(&mut world),
        ["boris registered, 3", "anna created Tea"]
    );
}

#[test]
fn with_an_account_its_sessions_go_unsaid() {
    let mut world = two_sessions();
    let name = "anna".parse().unwrap();
    world.command(Command::RemoveUser { name });
    assert_eq!(noted(&mut world), [""; 0]);
}
