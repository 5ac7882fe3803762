//! Exports: the messages of rooms, the accounts. Read in pages, each in a transaction of its own, and given out as fast as
//! the caller takes them.

use super::{EXPORTS_MAX, Place, Result, Turn, gone, places};
use crate::base::{Password, Seq, Timestamp};
use crate::control::{Reply, ReplySender};
use crate::daemon::admin::Admin;
use crate::engine::effect::{Reply as Outcome, UserLine};
use crate::engine::input::Command as Ask;
use crate::wire::control::{self as wire, Account, Exported, ExportedUsers, Message};

/// What is read at once: some milliseconds.
const PAGE_MESSAGES: usize = 500;
const PAGE_BYTES: usize = 64 * 1024;
const PAGE_USERS: usize = 200;

pub(in crate::daemon) async fn history(
    admin: &Admin,
    call: wire::ExportHistory,
    reply: &ReplySender,
) -> Result<Reply> {
    let _turn = Turn::take(&admin.data.exports, EXPORTS_MAX, "there are 4 exports")?;
    let (places, direct) = places(admin, call.room.as_deref(), call.direct).await?;
    let length = |place: &Place| (place.last.0 + 1).saturating_sub(place.first.0);
    let total = places.iter().map(length).sum();
    let is_meant = |at: Timestamp| {
        call.since.is_none_or(|since| at >= since) && call.until.is_none_or(|until| at < until)
    };
    let mut done = 0;
    for place in places {
        let (mut after, last) = (Seq(place.first.0.saturating_sub(1)), place.last);
        while after < last {
            let (mut messages, next) = page(admin, place.clone(), after).await?;
            messages.retain(|message| is_meant(message.at));
            done += next.0 - after.0;
            after = next;
            let part = Exported {
                messages,
                done,
                total,
                direct,
                whole: false,
            };
            if !reply.part(part).await {
                return Err(gone());
            }
        }
    }
    Ok(Exported {
        messages: Vec::new(),
        done: total,
        total,
        direct,
        whole: true,
    }
    .into())
}

/// The next messages of a room, and the number that was come to.
async fn page(admin: &Admin, place: Place, after: Seq) -> Result<(Vec<Message>, Seq)> {
    let read = move |clerk: &mut super::Clerk| {
        let mut records = clerk
            .reader
            .after(place.id, after, PAGE_MESSAGES, PAGE_BYTES)?;
        // What was said since is not a part of it.
        records.retain(|record| record.seq <= place.last);
        let next = records.last().map_or(place.last, |record| record.seq);
        Ok((clerk.messages(&place.label, records)?, next))
    };
    admin.data.read(read).await
}

pub(in crate::daemon) async fn users(
    admin: &Admin,
    call: wire::ExportUsers,
    reply: &ReplySender,
) -> Result<Reply> {
    let _turn = Turn::take(&admin.data.exports, EXPORTS_MAX, "there are 4 exports")?;
    let Outcome::Users(lines) = admin.ask(Ask::Users).await? else {
        return Err(gone());
    };
    let with_passwords = call.passwords == Some(true);
    for lines in lines.chunks(PAGE_USERS) {
        let users = accounts(admin, lines.to_vec(), with_passwords).await?;
        if !reply
            .part(ExportedUsers {
                users,
                whole: false,
            })
            .await
        {
            return Err(gone());
        }
    }
    let users = Vec::new();
    Ok(ExportedUsers { users, whole: true }.into())
}

async fn accounts(
    admin: &Admin,
    lines: Vec<UserLine>,
    with_passwords: bool,
) -> Result<Vec<Account>> {
    let read = move |clerk: &mut super::Clerk| {
        let account = |line: UserLine| {
            let hash = match with_passwords {
                true => clerk.password(line.id)?,
                false => None,
            };
            Ok(Account {
                name: line.name.into(),
                created_at: Some(line.created_at),
                last_login_at: line.last_login.map(|last| last.at),
                disabled_at: line.disabled_at,
                password_hash: hash.map(|hash| Password::new(hash.0.to_string())),
                password: None,
            })
        };
        lines.into_iter().map(account).collect()
    };
    admin.data.read(read).await
}
