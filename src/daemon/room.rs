//! What the admin does with rooms, in the words of the control socket.

use super::admin::{Admin, Result};
use crate::control::Reply;
use crate::engine::effect::Reply as Outcome;
use crate::engine::input::Command as Ask;
use crate::wire::control as wire;

pub(super) async fn create(admin: &Admin, create: wire::CreateRoom) -> Result<Reply> {
    let topic = create.topic.unwrap_or_default().text().clone();
    let name = create.name.clone();
    admin.ask(Ask::CreateRoom { name, topic }).await?;
    let name = create.name.into();
    Ok(wire::Added { name }.into())
}

pub(super) async fn remove(admin: &Admin, remove: wire::RemoveRoom) -> Result<Reply> {
    let (name, dry_run) = (remove.room, remove.dry_run.unwrap_or(false));
    let (members, messages) = match admin.ask(Ask::RemoveRoom { name, dry_run }).await? {
        Outcome::Removed { members, messages } => (members, messages),
        _ => (0, 0),
    };
    Ok(wire::RoomRemoved { members, messages }.into())
}

pub(super) async fn set_topic(admin: &Admin, set: wire::SetTopic) -> Result<Reply> {
    let (name, topic) = (set.room, set.topic.text().clone());
    admin.ask(Ask::SetTopic { name, topic }).await?;
    Ok(wire::Done {}.into())
}

pub(super) async fn members(admin: &Admin, list: wire::ListMembers) -> Result<Reply> {
    let lines = match admin.ask(Ask::Members { room: list.room }).await? {
        Outcome::Members(lines) => lines,
        _ => Vec::new(),
    };
    let members = lines.into_iter().map(|line| wire::Member {
        name: line.user.into(),
        online: line.online,
        operator: line.is_operator,
        read_seq: line.read_seq,
        unread: line.unread,
    });
    Ok(wire::Members {
        members: members.collect(),
    }
    .into())
}

pub(super) async fn clear_history(admin: &Admin, clear: wire::ClearHistory) -> Result<Reply> {
    let wire::ClearHistory {
        room,
        before,
        dry_run,
    } = clear;
    let dry_run = dry_run.unwrap_or(false);
    let ask = Ask::ClearHistory {
        room,
        before,
        dry_run,
    };
    let (rooms, messages) = match admin.ask(ask).await? {
        Outcome::Cleared { rooms, messages } => (rooms, messages),
        _ => (0, 0),
    };
    Ok(wire::HistoryCleared { rooms, messages }.into())
}

pub(super) async fn redact(admin: &Admin, redact: wire::Redact) -> Result<Reply> {
    let (room, seq) = (redact.room, redact.seq);
    let outcome = admin.ask(Ask::Redact { room, seq }).await?;
    let changed = matches!(outcome, Outcome::Changed(true));
    Ok(wire::Changed { changed }.into())
}
