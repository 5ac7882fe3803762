//! A search by the admin, over all rooms.

use std::collections::HashMap;

use super::{Clerk, Result, places};
use crate::base::{Seq, UserId, UserName};
use crate::control::Reply;
use crate::daemon::admin::Admin;
use crate::daemon::reader::newest_delivered;
use crate::engine::effect::Reply as Outcome;
use crate::engine::input::Command as Ask;
use crate::wire::control::{self as wire, ControlError, Found};

/// The messages that are told when nobody says how many, and at most.
const MESSAGES: u32 = 50;
const MESSAGES_MAX: u32 = 1_000;

pub(in crate::daemon) async fn search(admin: &Admin, call: wire::Search) -> Result<Reply> {
    let (places, direct) = places(admin, call.room.as_deref(), call.direct).await?;
    let from = match &call.from {
        Some(name) => Some(author(admin, name).await?),
        None => None,
    };
    let limit = call.limit.unwrap_or(MESSAGES).clamp(1, MESSAGES_MAX) as usize;
    let read = move |clerk: &mut Clerk| {
        let lasts = places.iter().map(|place| (place.id, place.last)).collect();
        let (reader, before) = (&mut *clerk.reader, Seq(u64::MAX));
        let mut found = newest_delivered(reader, &lasts, &call.text, from, before, limit + 1)?;
        let places: HashMap<_, _> = places.iter().map(|place| (place.id, place)).collect();
        found.sort_by_key(|record| (record.draft.at, record.draft.room, record.seq));
        let more = found.len() > limit;
        let mut messages = Vec::with_capacity(limit);
        for record in found.split_off(found.len().saturating_sub(limit)) {
            if let Some(place) = places.get(&record.draft.room) {
                messages.append(&mut clerk.messages(&place.label, vec![record])?);
            }
        }
        Ok((messages, more))
    };
    let (messages, more) = admin.data.read(read).await?;
    Ok(Found {
        messages,
        more,
        direct,
    }
    .into())
}

/// Also of somebody who is gone: the messages stay, under the name.
async fn author(admin: &Admin, name: &UserName) -> Result<UserId> {
    match admin.ask(Ask::ShowUser { name: name.clone() }).await? {
        Outcome::Account(account) => Ok(account.line.id),
        _ => Err(ControlError::no_such_user(name.clone())),
    }
}
