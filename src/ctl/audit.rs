//! `chatctl audit`: who did what, on whom, and how it came out; once, or as it happens.

use std::collections::HashMap;

use clap::Args as ClapArgs;
use nix::unistd::{Uid, User};
use serde_json::{Value, json};

use crate::base::text::harmless;
use crate::base::{Timestamp, UserName};
use crate::wire::control::{
    AuditEntries, AuditEntry, AuditLine, FollowAudit, ListAudit, METHODS, OWN_ACTS,
};

use super::call::Daemon;
use super::table::{Column, Look, absolute, cut, relative, table};
use super::when::{self, When};
use super::{Console, Failure};

/// The entries that are shown when nobody says how many; and those before the first that is followed.
const ENTRIES: u32 = 50;
const ENTRIES_BEFORE: u32 = 10;
/// Asked for at a time.
const PAGE: u32 = 1_000;

/// On a terminal narrower than this, moments are told in fewer letters.
const WIDE: usize = 80;

const COLUMNS: [Column; 5] = [
    ("WHEN (UTC)", false),
    ("WHO", false),
    ("WHAT", false),
    ("ON", false),
    ("OUTCOME", false),
];

/// How the names of errors begin that are of this interface.
const OUR_ERRORS: &str = "io.chatd.Control.";

/// The parameters that say on whom or what, in this order; others are shown with their names.
const TARGETS: [&str; 8] = [
    "name", "user", "network", "room", "seq", "id", "address", "keep",
];

#[derive(Debug, ClapArgs)]
pub(super) struct AuditArgs {
    /// How many entries at most, the newest: 50 unless said, or all with `--since`; 10 before those with `--follow`
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    lines: Option<u32>,
    /// What was done since then: 2026-11-20, 2026-11-20T10:30:00Z, or how long ago, such as 12h
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    since: Option<When>,
    /// What they have done, or what was done to them
    #[arg(long, value_name = "NAME")]
    user: Option<UserName>,
    /// One thing only, as the column WHAT shows it
    #[arg(long, value_name = "WHAT", value_parser = method)]
    what: Option<String>,
    /// Go on with what is done from now on
    #[arg(short, long)]
    follow: bool,
}

/// As it is written down, however it is typed.
fn method(text: &str) -> Result<String, String> {
    let plain = text.replace('-', "");
    let known = METHODS.iter().map(|about| about.name).chain(OWN_ACTS);
    let mut meant = known.filter(|name| name.eq_ignore_ascii_case(&plain));
    meant.next().map(str::to_owned).ok_or_else(|| {
        format!("nothing is called '{text}'; the column WHAT shows how things are called, such as ClearUsers")
    })
}

pub(super) fn run(
    args: &AuditArgs,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let since = args.since.map(|since| since.at(console.now));
    match args.follow {
        true => follow(args, since, daemon, console),
        false => list(args, since, daemon, console),
    }
}

fn list(
    args: &AuditArgs,
    since: Option<Timestamp>,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let all = since.map(|_| u32::MAX);
    let limit = args.lines.or(all).unwrap_or(ENTRIES) as usize;
    let mut found = AuditEntries {
        entries: Vec::new(),
        more: true,
    };
    while found.more && found.entries.len() < limit {
        let left = u32::try_from(limit - found.entries.len()).unwrap_or(PAGE);
        let mut page = daemon.call(&ListAudit {
            entries: Some(left.min(PAGE)),
            below: found.entries.first().map(|entry| entry.number),
            since,
            user: args.user.clone(),
            method: args.what.clone(),
        })?;
        // A page of nothing is the end, whatever is said of more.
        found.more = page.more && !page.entries.is_empty();
        page.entries.append(&mut found.entries);
        found.entries = page.entries;
    }
    if !console.json {
        return console.print(&found, |found, console| {
            entries(found, console.now, console.look, &mut Names::default())
        });
    }
    found
        .entries
        .iter()
        .try_for_each(|entry| console.print(entry, |_, _| String::new()))
}

fn follow(
    args: &AuditArgs,
    since: Option<Timestamp>,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let call = FollowAudit {
        entries: Some(args.lines.unwrap_or(ENTRIES_BEFORE)),
        since,
        user: args.user.clone(),
        method: args.what.clone(),
    };
    let mut names = Names::default();
    daemon.stream(&call, |reply: AuditLine| {
        if reply.entry.is_none() && reply.missed.is_none() {
            return Ok(());
        }
        // As JSON the entries look as in a list.
        if let Some(missed) = reply.missed.filter(|_| console.json) {
            console.print(&json!({ "missed": missed }), |_, _| String::new())?;
        }
        match reply.entry.as_ref().filter(|_| console.json) {
            Some(entry) => console.print(entry, |_, _| String::new())?,
            None if console.json => {}
            None => console.print(&reply, |reply, console| {
                line(reply, console.look, &mut names)
            })?,
        }
        console.out.flush().map_err(Failure::Output)
    })
}

pub(super) fn entries(
    found: &AuditEntries,
    now: Timestamp,
    look: Look,
    names: &mut Names,
) -> String {
    let (mut columns, is_narrow) = (COLUMNS, look.width < WIDE);
    let rows = found.entries.iter().map(|entry| {
        let mut row = row(entry, names);
        if is_narrow {
            row[0] = relative(now, entry.at);
        }
        row
    });
    let rows: Vec<_> = rows.collect();
    if is_narrow {
        columns[0].0 = "WHEN";
    }
    let mut text = match rows.is_empty() {
        true => "nothing is written down\n".to_owned(),
        false => table(&columns, &rows, look),
    };
    if found.more {
        text.push_str("(there are more before these; -n shows more)\n");
    }
    text
}

/// One that has just come: nobody knows how long those after it will be.
pub(super) fn line(reply: &AuditLine, look: Look, names: &mut Names) -> String {
    let missed = reply.missed.map(|count| {
        let missed = if count == 1 { "entry" } else { "entries" };
        format!("({count} {missed} missed)\n")
    });
    let entry = reply.entry.as_ref().map(|entry| {
        let cells = row(entry, names);
        let cells: Vec<_> = cells.iter().map(|cell| harmless(cell)).collect();
        // The day is known.
        let when = match look.width < WIDE {
            true => cells[0].get(11..).unwrap_or(&cells[0]),
            false => &cells[0],
        };
        let line = format!(
            "{when}  {:<10}  {:<14}  {}  {}",
            cells[1], cells[2], cells[4], cells[3]
        );
        format!("{}\n", cut(line.trim_end(), look.width))
    });
    [missed, entry].into_iter().flatten().collect()
}

fn row(entry: &AuditEntry, names: &mut Names) -> Vec<String> {
    let who = match (entry.uid, &entry.user) {
        (Some(uid), _) => names.of(uid),
        // Nobody's name begins so: one of the machine's users is told from somebody with a client.
        (None, Some(user)) => format!("@{user}"),
        (None, None) => "(chatd)".to_owned(),
    };
    vec![
        absolute(entry.at).trim_end_matches(" UTC").to_owned(),
        who,
        entry.method.clone(),
        on(entry),
        entry.outcome.trim_start_matches(OUR_ERRORS).to_owned(),
    ]
}

/// On whom or what, and what else was said.
fn on(entry: &AuditEntry) -> String {
    let known = TARGETS
        .iter()
        .filter_map(|name| Some((*name, entry.parameters.get(*name)?)));
    let target = known.map(|(name, value)| match name {
        "seq" | "id" => format!("#{}", plain(value)),
        "keep" => format!("keep={}", plain(value)),
        _ => plain(value),
    });
    let others = entry
        .parameters
        .iter()
        .filter(|(name, value)| !TARGETS.contains(&name.as_str()) && **value != Value::Bool(false))
        .map(|(name, value)| match value {
            Value::Bool(true) => name.clone(),
            value => format!("{name}={}", plain(value)),
        });
    target.chain(others).collect::<Vec<_>>().join(" ")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}

/// What users of this machine are called. It is asked here and not written down by the daemon: that may have to wait for a
/// directory on the network, and is not allowed to ask one.
#[derive(Default)]
pub(super) struct Names(HashMap<u32, String>);

impl Names {
    fn of(&mut self, uid: u32) -> String {
        let look_up = || {
            let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
            user.map_or_else(|| format!("uid {uid}"), |user| user.name)
        };
        self.0.entry(uid).or_insert_with(look_up).clone()
    }

    /// One that is known already.
    #[cfg(test)]
    pub(super) fn with(uid: u32, name: &str) -> Self {
        Self([(uid, name.to_owned())].into())
    }
}
