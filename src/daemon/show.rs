//! The engine's replies in the words of the control socket, translated by hand.

use std::path::Path;

use super::config::Config;
use crate::base::Timestamp;
use crate::base::record::RoomForm;
use crate::engine::effect::{Refusal, Reply, SessionLine};
use crate::net::native;
use crate::wire::control::{self as wire, ControlError, State};
use crate::wire::{PROTOCOL, SOFTWARE};

/// What went wrong becomes the caller's error, everything else is left as it is.
pub(super) fn fault(reply: Reply) -> Result<Reply, ControlError> {
    match reply {
        Reply::NoSuchUser(name) => Err(ControlError::no_such_user(name)),
        Reply::NoSuchRoom(room) => Err(ControlError::no_such_room(room)),
        Reply::NoSuchMessage(room, seq) => Err(ControlError::NoSuchMessage {
            room: room.into(),
            seq: seq.0,
        }),
        Reply::NotAMember(user, room) => Err(ControlError::NotAMember {
            user: user.into(),
            room: room.into(),
        }),
        Reply::RoomTaken(name) => Err(ControlError::NameTaken { name: name.into() }),
        Reply::LobbyStays => Err(ControlError::Failed {
            reason: "everybody is in the lobby: it cannot be removed, and nobody be put out of it; `chatctl clear-history lobby` clears it, \
                     `chatctl mute` silences"
                .into(),
        }),
        Reply::NoSuchSession(id) => Err(ControlError::NoSuchSession { id }),
        Reply::NoSuchInvite(id) => Err(ControlError::NoSuchInvite { id }),
        Reply::Taken(name) => Err(ControlError::NameTaken { name: name.into() }),
        Reply::LimitReached(limit) => Err(ControlError::Failed {
            reason: format!(
                "limits.{limit} is reached; raise it in the configuration, then `chatctl reload`"
            ),
        }),
        Reply::StorageFull => Err(ControlError::StorageFull {}),
        Reply::NotStored => Err(ControlError::Failed {
            reason: "it could not be stored; `chatctl log show` says why".into(),
        }),
        reply => Ok(reply),
    }
}

pub(super) fn users(reply: Reply) -> wire::Users {
    let Reply::Users(lines) = reply else {
        return wire::Users { users: vec![] };
    };
    let users = lines.into_iter().map(|line| wire::User {
        name: line.name.into(),
        created_at: line.created_at,
        last_login_at: line.last_login.map(|last| last.at),
        last_login_from: line
            .last_login
            .and_then(|last| last.from)
            .map(|from| from.to_string()),
        disabled_at: line.disabled_at,
        moderator: line.is_moderator,
        sessions: line.sessions,
        connections: line.connections,
        rooms: line.rooms,
    });
    wire::Users {
        users: users.collect(),
    }
}

pub(super) fn sessions(reply: Reply) -> wire::Sessions {
    let Reply::Sessions(lines) = reply else {
        return wire::Sessions { sessions: vec![] };
    };
    wire::Sessions {
        sessions: session_lines(lines),
    }
}

pub(super) fn session_lines(lines: Vec<SessionLine>) -> Vec<wire::Session> {
    lines
        .into_iter()
        .map(|(user, session, connections)| wire::Session {
            id: session.id,
            user: user.into(),
            device: session.device.to_string(),
            created_at: session.created_at,
            seen_at: session.seen_at,
            expires_at: session.expires_at,
            connections,
        })
        .collect()
}

pub(super) fn rooms(reply: Reply) -> wire::Rooms {
    let Reply::Rooms(lines) = reply else {
        return wire::Rooms { rooms: vec![] };
    };
    let rooms = lines.into_iter().map(|line| wire::Room {
        name: line.label,
        direct: matches!(line.form, RoomForm::Direct(..)),
        topic: line.topic.to_string(),
        members: line.members,
        online: line.online,
        messages: line.messages,
        first_seq: line.first_seq,
        last_seq: line.last_seq,
    });
    wire::Rooms {
        rooms: rooms.collect(),
    }
}

/// As far as the engine and the configuration know it.
pub(super) fn status(
    counts: &Reply,
    config: &Config,
    log: wire::LogState,
    certificate: wire::Certificate,
) -> wire::DaemonStatus {
    let database = config.state_dir.join("chatd.db");
    let mut status = wire::DaemonStatus {
        state: State::Serving,
        server: config.server_name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        since: Timestamp(0),
        addresses: vec![],
        handed_in: vec![],
        users_online: 0,
        connections: 0,
        strangers: 0,
        users: 0,
        sessions: 0,
        rooms: 0,
        messages: 0,
        log,
        database: wire::Database {
            bytes: {
                let (database, log) = database_bytes(config);
                database + log
            },
            file: database.display().to_string(),
        },
        certificate,
    };
    if let Reply::Counts {
        users,
        sessions,
        rooms,
        online,
        messages,
        ..
    } = counts
    {
        (status.users, status.sessions, status.rooms) = (*users, *sessions, *rooms);
        (status.users_online, status.messages) = (*online, *messages);
    }
    status
}

/// The database and its write-ahead log.
pub(super) fn database_bytes(config: &Config) -> (u64, u64) {
    let bytes = |path: &Path| path.metadata().map_or(0, |file| file.len());
    let database = config.state_dir.join("chatd.db");
    (bytes(&database), bytes(&database.with_extension("db-wal")))
}

pub(super) fn version() -> wire::Version {
    wire::Version {
        version: SOFTWARE.trim_start_matches("chatd/").to_owned(),
        protocol: PROTOCOL,
    }
}

/// Why a password is too weak, in the words that people are told.
pub(super) fn weakness(refusal: Refusal) -> String {
    native::refused(refusal).1.to_string()
}
