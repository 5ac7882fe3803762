//! The audit log as it is listed and followed. Whoever follows it reads it from a number on, whenever the writer has
//! stored an entry: a slow reader costs nothing, and misses only what is removed meanwhile.

use serde_json::{Map, Value};

use super::{Clerk, Result};
use crate::base::{Actor, AuditEntry, Timestamp, UserName};
use crate::control::ReplySender;
use crate::daemon::admin::Admin;
use crate::store::StoreError;
use crate::wire::control::{self as wire, AuditEntries, AuditLine};

/// The entries that are told when nobody says how many, and at most: each has some hundred bytes, and rarely 8 KiB.
const ENTRIES: u32 = 100;
const ENTRIES_MAX: u32 = 1_000;
/// Entries read at a time: about two milliseconds.
const PAGE: usize = 500;
/// The parameters that name an account.
const NAMING: [&str; 3] = ["user", "name", "keep"];

/// Which entries are meant.
#[derive(Clone, Default)]
struct Wanted {
    since: Option<Timestamp>,
    user: Option<UserName>,
    method: Option<String>,
}

impl Wanted {
    fn has(&self, entry: &wire::AuditEntry) -> bool {
        let is_method = |method: &String| *method == entry.method;
        self.method.as_ref().is_none_or(is_method)
            && self.since.is_none_or(|since| entry.at >= since)
            && self.user.as_ref().is_none_or(|user| concerns(entry, user))
    }
}

/// Whether it was done by them or to them.
fn concerns(entry: &wire::AuditEntry, user: &UserName) -> bool {
    let is_user = |text: &str| text.parse::<UserName>().is_ok_and(|name| name == *user);
    let names = NAMING
        .iter()
        .filter_map(|parameter| entry.parameters.get(*parameter));
    let mut texts = names.flat_map(|value| match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        value => Vec::from_iter(value.as_str()),
    });
    entry.user.as_deref().is_some_and(is_user) || texts.any(is_user)
}

pub(in crate::daemon) async fn list(admin: &Admin, call: wire::ListAudit) -> Result<AuditEntries> {
    let limit = call.entries.unwrap_or(ENTRIES).clamp(1, ENTRIES_MAX) as usize;
    let wanted = Wanted {
        since: call.since,
        user: call.user,
        method: call.method,
    };
    newest(admin, call.below.unwrap_or(u64::MAX), wanted, limit).await
}

/// The newest of those that are meant, in the order of their numbers.
async fn newest(
    admin: &Admin,
    mut below: u64,
    wanted: Wanted,
    limit: usize,
) -> Result<AuditEntries> {
    let mut entries = Vec::new();
    // Whether anybody has to look at more than what is told is known only when it was read.
    let rows = if wanted.user.is_some() {
        PAGE
    } else {
        PAGE.min(limit + 1)
    };
    loop {
        let meant = wanted.clone();
        let read = move |clerk: &mut Clerk| {
            let since = meant.since.unwrap_or(Timestamp(i64::MIN));
            let method = meant.method.as_deref();
            let page = clerk.reader.audit_before(below, since, method, rows)?;
            let end = page.last().filter(|_| page.len() == rows);
            let end = end.map(|entry| entry.number);
            let mut page = clerk.entries(page)?;
            page.retain(|entry| meant.has(entry));
            Ok((page, end))
        };
        let (mut page, end) = admin.data.read(read).await?;
        entries.append(&mut page);
        match end {
            Some(end) if entries.len() <= limit => below = end,
            _ => break,
        }
    }
    let more = entries.len() > limit;
    entries.truncate(limit);
    entries.reverse();
    Ok(AuditEntries { entries, more })
}

/// Until either side goes.
pub(in crate::daemon) async fn follow(admin: &Admin, call: wire::FollowAudit, reply: ReplySender) {
    if let Err(error) = tell(admin, call, &reply).await {
        reply.send(Err(error));
    }
}

async fn tell(admin: &Admin, call: wire::FollowAudit, reply: &ReplySender) -> Result<()> {
    let mut audited = admin.audited.clone();
    audited.mark_unchanged();
    let read = |clerk: &mut Clerk| {
        let newest = clerk
            .reader
            .audit_before(u64::MAX, Timestamp(i64::MIN), None, 1)?;
        Ok(newest.first().map_or(0, |entry| entry.number))
    };
    let mut told = admin.data.read(read).await?;
    let wanted = Wanted {
        since: call.since,
        user: call.user,
        method: call.method,
    };
    let before = call.entries.unwrap_or(0).min(ENTRIES_MAX) as usize;
    if before > 0 {
        let first = newest(admin, told + 1, wanted.clone(), before).await?;
        for entry in first.entries {
            if !reply.part(line(entry, 0)).await {
                return Ok(());
            }
        }
    }
    let mut missed = 0;
    loop {
        let read = move |clerk: &mut Clerk| {
            let page = clerk.reader.audit_after(told, PAGE)?;
            clerk.entries(page)
        };
        let page = admin.data.read(read).await?;
        let is_last = page.len() < PAGE;
        for entry in page {
            missed += entry.number - told - 1;
            told = entry.number;
            if wanted.has(&entry) && !reply.part(line(entry, std::mem::take(&mut missed))).await {
                return Ok(());
            }
        }
        if is_last {
            tokio::select! {
                more = audited.changed() => if more.is_err() { return Ok(()) },
                () = reply.closed() => return Ok(()),
            }
        }
    }
}

fn line(entry: wire::AuditEntry, missed: u64) -> AuditLine {
    AuditLine {
        entry: Some(entry),
        missed: (missed > 0).then_some(missed),
    }
}

impl Clerk {
    /// Entries in the words of the control socket.
    fn entries(
        &mut self,
        entries: Vec<AuditEntry>,
    ) -> std::result::Result<Vec<wire::AuditEntry>, StoreError> {
        let entry = |AuditEntry { number, record }| {
            let (mut uid, mut pid, mut user) = (None, None, None);
            match record.actor {
                Actor::Control { uid: of, pid: by } => (uid, pid) = (Some(of), Some(by)),
                Actor::User(by) => user = Some(self.names.of(by, &mut *self.reader)?.into()),
                Actor::Daemon => {}
            }
            // What an older chatd has written was JSON, too.
            let parameters: Map<_, _> =
                serde_json::from_str(&record.parameters).unwrap_or_default();
            Ok(wire::AuditEntry {
                number,
                at: record.at,
                uid,
                pid,
                user,
                method: record.method,
                parameters,
                outcome: record.outcome,
            })
        };
        entries.into_iter().map(entry).collect()
    }
}
