//! Roles, bans and mutes in the words of the control socket: what is asked of the engine, and its replies translated by
//! hand.

use std::num::NonZeroU32;
use std::time::Duration;

use super::admin::{Admin, Result};
use super::clock::wall;
use crate::base::{BanKind, Network, RoomName, UserName};
use crate::control::Reply;
use crate::engine::bans::BanLine;
use crate::engine::effect::Reply as Outcome;
use crate::engine::input::Command as Ask;
use crate::engine::moderation::{Act, Whom};
use crate::wire::control::{self as wire, ControlError};

/// What people are told who are kicked without a reason.
const KICKED: &str = "the admin ended your connection";

pub(super) async fn set_role(admin: &Admin, set: wire::SetRole) -> Result<Reply> {
    let moderator = set.role == wire::UserRole::Moderator;
    let name = set.name;
    changed(admin, Ask::SetModerator { name, moderator }).await
}

pub(super) async fn set_operator(
    admin: &Admin,
    room: RoomName,
    user: UserName,
    operator: bool,
) -> Result<Reply> {
    let act = Act::Operator {
        room,
        user,
        operator,
    };
    changed(admin, Ask::Moderate(act)).await
}

pub(super) async fn kick(admin: &Admin, kick: wire::Kick) -> Result<Reply> {
    let wire::Kick { user, room, reason } = kick;
    let ask = match room {
        None => Ask::Kick {
            name: user,
            text: reason.map_or_else(
                || KICKED.into(),
                |words| format!("{KICKED}: {}", words.text()).into(),
            ),
        },
        Some(room) => Ask::Moderate(Act::Kick {
            room,
            user,
            reason: reason.map_or("".into(), |words| words.text().clone()),
        }),
    };
    let connections = count(&admin.ask(ask).await?);
    Ok(wire::Reached { connections }.into())
}

pub(super) async fn ban(admin: &Admin, ban: wire::Ban) -> Result<Reply> {
    let who = whom(ban.user, ban.network, ban.room.is_some())?;
    set(
        admin,
        (BanKind::Ban, who, ban.room),
        ban.seconds,
        ban.reason,
    )
    .await
}

pub(super) async fn unban(admin: &Admin, unban: wire::Unban) -> Result<Reply> {
    let (kind, room) = (BanKind::Ban, unban.room);
    let who = whom(unban.user, unban.network, room.is_some())?;
    changed(admin, Ask::Moderate(Act::Unban { kind, who, room })).await
}

pub(super) async fn mute(admin: &Admin, mute: wire::Mute) -> Result<Reply> {
    let key = (BanKind::Mute, Whom::User(mute.user), mute.room);
    set(admin, key, mute.seconds, mute.reason).await
}

pub(super) async fn unmute(admin: &Admin, unmute: wire::Unmute) -> Result<Reply> {
    let (kind, room) = (BanKind::Mute, unmute.room);
    let who = Whom::User(unmute.user);
    changed(admin, Ask::Moderate(Act::Unban { kind, who, room })).await
}

async fn set(
    admin: &Admin,
    (kind, who, room): (BanKind, Whom, Option<RoomName>),
    seconds: Option<NonZeroU32>,
    reason: Option<wire::Reason>,
) -> Result<Reply> {
    let until = seconds.map(|seconds| wall().plus(Duration::from_secs(seconds.get().into())));
    let act = Act::Ban {
        kind,
        who,
        room,
        seconds,
        reason: reason.map_or("".into(), |reason| reason.text().clone()),
    };
    let connections = count(&admin.ask(Ask::Moderate(act)).await?);
    Ok(wire::BanSet { connections, until }.into())
}

async fn changed(admin: &Admin, ask: Ask) -> Result<Reply> {
    let changed = matches!(admin.ask(ask).await?, Outcome::Changed(true));
    Ok(wire::Changed { changed }.into())
}

fn count(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Count(count) => *count,
        _ => 0,
    }
}

/// Either of the two, and a network only for the whole server.
fn whom(user: Option<UserName>, network: Option<Network>, in_room: bool) -> Result<Whom> {
    let wrong = |parameter: &str| ControlError::InvalidParameter {
        parameter: parameter.to_owned(),
    };
    match (user, network) {
        (Some(user), None) => Ok(Whom::User(user)),
        (None, Some(_)) if in_room => Err(wrong("room")),
        (None, Some(network)) => Ok(Whom::Network(network)),
        (Some(_), Some(_)) => Err(wrong("network")),
        (None, None) => Err(wrong("user")),
    }
}

pub(super) async fn list(admin: &Admin) -> Result<Reply> {
    let lines = match admin.ask(Ask::ListBans).await? {
        Outcome::Bans(lines) => lines,
        _ => Vec::new(),
    };
    let entry = |line: BanLine| wire::BanEntry {
        kind: match line.kind {
            BanKind::Ban => wire::BanKind::Ban,
            BanKind::Mute => wire::BanKind::Mute,
        },
        user: line.user.map(String::from),
        network: line.network,
        room: line.room.map(String::from),
        by: line.by.into(),
        since: line.at,
        until: line.until,
        reason: line.reason.to_string(),
    };
    let bans = lines.into_iter().map(entry).collect();
    Ok(wire::Bans { bans }.into())
}
