//! One account: all about it on one screen, and whether one can log in to it.

use serde_json::json;

use crate::base::text::harmless;
use crate::base::{Timestamp, UserName};
use crate::wire::control::{
    AccountRoom, AccountState, DisableUser, EnableUser, Session, ShowUser, ShownUser,
};

use super::args::Sure;
use super::ask::confirm;
use super::call::Daemon;
use super::table::{Look, absolute, counted, indented, paint, relative, table};
use super::{Console, Failure, would};

pub(super) fn show(
    name: &UserName,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let reply = daemon.call(&ShowUser { name: name.clone() })?;
    console.print(&reply, |reply, console| {
        account(reply, console.now, console.look)
    })
}

pub(super) fn disable(
    name: &UserName,
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    if sure.dry_run {
        let account = daemon.call(&ShowUser { name: name.clone() })?;
        let ending = account.sessions.len();
        let sessions = counted(ending as u64, "session");
        let connections = counted(account.connections.into(), "connection");
        return would(
            console,
            &format!("disable '{name}' and end {sessions} and {connections}"),
            json!({ "sessions": ending, "connections": account.connections }),
        );
    }
    confirm(
        &format!("disable the account '{name}'? its sessions end"),
        sure.yes,
    )?;
    let reply = daemon.call(&DisableUser { name: name.clone() })?;
    console.print(&reply, |reply, _| match reply.changed {
        true => format!(
            "'{name}' is disabled, the sessions have ended; `chatctl user enable {name}` undoes it\n"
        ),
        false => format!("'{name}' was disabled already\n"),
    })
}

pub(super) fn enable(
    name: &UserName,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let reply = daemon.call(&EnableUser { name: name.clone() })?;
    console.print(&reply, |reply, _| match reply.changed {
        true => format!("'{name}' can log in again\n"),
        false => format!("'{name}' was not disabled\n"),
    })
}

/// What an admin wants to know of somebody before doing anything about them.
pub(super) fn account(account: &ShownUser, now: Timestamp, look: Look) -> String {
    let moment = |at: Timestamp| format!("{}, {}", absolute(at), relative(now, at));
    let (last_login, from) = match (account.last_login_at, &account.last_login_from) {
        (None, _) => ("never".to_owned(), "-".to_owned()),
        (Some(at), Some(from)) => (moment(at), from.clone()),
        (Some(at), None) => (moment(at), "local".to_owned()),
    };
    let unread = account.rooms.iter().map(|room| room.unread).sum();
    let rows = [
        ("state", state_words(account, now)),
        (
            "role",
            if account.moderator {
                "moderator"
            } else {
                "none"
            }
            .to_owned(),
        ),
        ("created", moment(account.created_at)),
        ("last login", last_login),
        ("from", from),
        (
            "online",
            match account.connections {
                0 => "no".to_owned(),
                connections => counted(connections.into(), "connection"),
            },
        ),
        (
            "rooms",
            format!(
                "{}, {} unread",
                account.rooms.len(),
                counted(unread, "message")
            ),
        ),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    let name = harmless(&account.name).into_owned();
    let mut text = format!("{}\n", paint(&name, "1", look));
    text.push_str(&indented(look, |look| {
        table(&[("", false), ("", false)], &rows, look)
    }));
    if !account.sessions.is_empty() {
        text.push('\n');
        text.push_str(&indented(look, |look| {
            sessions(&account.sessions, now, look)
        }));
    }
    if !account.rooms.is_empty() {
        text.push('\n');
        text.push_str(&indented(look, |look| rooms(&account.rooms, look)));
    }
    text
}

fn state_words(account: &ShownUser, now: Timestamp) -> String {
    match (account.state, account.disabled_at) {
        (AccountState::Active, _) => "active".to_owned(),
        (AccountState::Removed, _) => "removed; the messages stay".to_owned(),
        (AccountState::Disabled, None) => "disabled".to_owned(),
        (AccountState::Disabled, Some(since)) => format!(
            "disabled since {}, {}",
            absolute(since),
            relative(now, since)
        ),
    }
}

fn sessions(sessions: &[Session], now: Timestamp, look: Look) -> String {
    let columns = [
        ("SESSION", true),
        ("ONLINE", true),
        ("USED", false),
        ("ENDS", false),
        ("BEGAN", false),
        ("DEVICE", false),
    ];
    let row = |session: &Session| {
        vec![
            session.id.to_string(),
            session.connections.to_string(),
            relative(now, session.seen_at),
            relative(now, session.expires_at),
            relative(now, session.created_at),
            session.device.clone(),
        ]
    };
    table(
        &columns,
        &sessions.iter().map(row).collect::<Vec<_>>(),
        look,
    )
}

/// Where most is unread stands first.
fn rooms(rooms: &[AccountRoom], look: Look) -> String {
    let columns = [
        ("ROOM", false),
        ("UNREAD", true),
        ("READ", true),
        ("LAST", true),
    ];
    let row = |room: &&AccountRoom| {
        vec![
            room.name.clone(),
            room.unread.to_string(),
            room.read_seq.to_string(),
            room.last_seq.to_string(),
        ]
    };
    let mut rooms: Vec<_> = rooms.iter().collect();
    rooms.sort_by_key(|room| std::cmp::Reverse(room.unread));
    table(&columns, &rooms.iter().map(row).collect::<Vec<_>>(), look)
}
