//! Accounts and invites in the words of the control socket: what is asked of the engine, and its replies translated by hand.

use std::num::NonZeroU32;
use std::time::Duration;

use super::admin::Admin;
use super::clock::wall;
use crate::base::invite::{InviteState, NOTE_BYTES_MAX, random_code};
use crate::base::{InviteHash, InviteId, InviteRecord};
use crate::control::Caller;
use crate::engine::effect::{AccountView, InviteLine, Reply, UserLine};
use crate::engine::input::Command;
use crate::wire::control::{self as wire, AccountState, ControlError};

/// A week: long enough to read one's mail, and over before it is forgotten.
const INVITE_SECONDS: u32 = 7 * 24 * 3_600;

/// Makes an invite. The code leaves with the reply; only its hash stays.
pub(super) async fn create_invite(
    admin: &Admin,
    create: wire::CreateInvite,
    caller: Caller,
) -> Result<wire::InviteCreated, ControlError> {
    let note = create.note.map_or("".into(), |note| note.text().clone());
    if note.len() > NOTE_BYTES_MAX {
        return Err(ControlError::InvalidParameter {
            parameter: "note".into(),
        });
    }
    let code = random_code(getrandom::fill).map_err(|error| ControlError::Failed {
        reason: format!("the system gives no random bytes: {error}"),
    })?;
    let now = wall();
    let seconds = create.seconds.map_or(INVITE_SECONDS, NonZeroU32::get);
    let invite = InviteRecord {
        // The engine numbers them.
        id: InviteId(0),
        hash: InviteHash::of(&code),
        note,
        uses: create.uses.map_or(1, NonZeroU32::get),
        used: 0,
        created_at: now,
        created_by: caller.uid,
        expires_at: now.plus(Duration::from_secs(seconds.into())),
        revoked_at: None,
    };
    let expires_at = invite.expires_at;
    match admin.ask(Command::CreateInvite(invite)).await? {
        Reply::Invite(id) => Ok(wire::InviteCreated {
            id,
            code,
            expires_at,
        }),
        _ => Err(ControlError::Failed {
            reason: "the invite was not made".into(),
        }),
    }
}

/// Whether it was otherwise before.
pub(super) async fn change(admin: &Admin, command: Command) -> Result<wire::Changed, ControlError> {
    let changed = matches!(admin.ask(command).await?, Reply::Changed(true));
    Ok(wire::Changed { changed })
}

pub(super) fn invites(reply: Reply) -> wire::Invites {
    let lines = match reply {
        Reply::Invites(lines) => lines,
        _ => Vec::new(),
    };
    wire::Invites {
        invites: lines.into_iter().map(invite).collect(),
    }
}

fn invite(line: InviteLine) -> wire::Invite {
    wire::Invite {
        id: line.id,
        note: line.note.to_string(),
        state: match line.state {
            InviteState::Open => wire::InviteState::Open,
            InviteState::Used => wire::InviteState::Used,
            InviteState::Expired => wire::InviteState::Expired,
            InviteState::Revoked => wire::InviteState::Revoked,
        },
        uses: line.uses,
        used: line.used,
        created_at: line.created_at,
        created_by: line.created_by,
        expires_at: line.expires_at,
    }
}

pub(super) async fn show(
    admin: &Admin,
    show: wire::ShowUser,
) -> Result<wire::ShownUser, ControlError> {
    let name = show.name;
    match admin.ask(Command::ShowUser { name: name.clone() }).await? {
        Reply::Account(view) => Ok(account(*view)),
        _ => Err(ControlError::no_such_user(name)),
    }
}

fn account(view: AccountView) -> wire::ShownUser {
    let AccountView {
        line:
            UserLine {
                name,
                created_at,
                last_login,
                disabled_at,
                is_moderator,
                connections,
                ..
            },
        is_removed,
        sessions,
        rooms,
    } = view;
    let room = |room: crate::engine::effect::AccountRoom| wire::AccountRoom {
        name: room.label,
        direct: room.is_direct,
        last_seq: room.last_seq,
        read_seq: room.read_seq,
        unread: room.unread,
    };
    wire::ShownUser {
        name: name.into(),
        state: match disabled_at {
            _ if is_removed => AccountState::Removed,
            Some(_) => AccountState::Disabled,
            None => AccountState::Active,
        },
        created_at,
        disabled_at,
        last_login_at: last_login.map(|last| last.at),
        last_login_from: last_login
            .and_then(|last| last.from)
            .map(|from| from.to_string()),
        moderator: is_moderator,
        connections,
        sessions: super::show::session_lines(sessions),
        rooms: rooms.into_iter().map(room).collect(),
    }
}
