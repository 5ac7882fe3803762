//! `chatctl debug bundle`: one file for a bug report, which its sender need not look through first. What is in it is chosen
//! here, field by field: numbers, and words from lists in the code. What is told without being named here stays out.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::base::Timestamp;
use crate::base::text::harmless;
use crate::wire::control::{
    Behind, DaemonStatus, Diagnose, Diagnosis, GetStats, GetVersion, ListBehind, Status, Version,
};
use crate::wire::openmetrics::{Format, encode};

use super::call::Daemon;
use super::part::{Part, hex};
use super::progress::Progress;
use super::system;
use super::table::{counted, size};
use super::{Console, Failure};

/// More than the daemon takes to look at the database, and whatever else it has to do meanwhile.
const DIAGNOSIS_TIME: Duration = Duration::from_secs(60);

const README: &str = "\
What is in here, for a bug report about chatd:

  version.json   the versions of chatd and chatctl
  status.json    what chatd does, since when, and how many of everything there are
  settings.txt   the settings in force; what could name somebody is told by what it is like
  stats.txt      what is counted and measured (OpenMetrics)
  lag.json       how far connections are behind, without saying whose they are
  log.txt        the last lines of the log: when, how grave, where in the source, which page of the
                 catalog; numbers stand for names, rooms, addresses and sessions, the same in all lines
  database.json  how large the tables are, and what SQLite's quick check finds wrong
  system.txt     distribution, kernel, processors, memory
  units.txt      the state of chatd's units, as far as systemd tells it

What is not in here: what people wrote, names of people, rooms, machines and files of their own, addresses,
topics, reasons, passwords, tokens, keys.
";

#[derive(Debug, Subcommand)]
pub(super) enum DebugVerb {
    /// Write a file for a bug report: no secrets, names, addresses and texts are in it
    Bundle(BundleArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct BundleArgs {
    /// The file that is made (tar), which must not be there yet; `-` is standard output
    file: PathBuf,
}

pub(super) fn run(
    verb: &DebugVerb,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let DebugVerb::Bundle(args) = verb;
    let is_piped = args.file.as_os_str() == "-";
    if is_piped && io::stdout().is_terminal() {
        return Err(Failure::Usage(
            "a bundle is no text for a terminal; name a file, or send it into a pipe".to_owned(),
        ));
    }
    // Before anything is asked: whether it can be written is what fails most.
    let part = match is_piped {
        true => None,
        false => Some(Part::make(&args.file, "a bundle")?),
    };
    let entries = gather(daemon)?;
    let bytes = pack(&entries, console.now).map_err(Failure::Output)?;
    let Some(mut part) = part else {
        let written = console.out.write_all(&bytes);
        return written
            .and_then(|()| console.out.flush())
            .map_err(Failure::Output);
    };
    part.write(&bytes)?;
    part.settle(&hex(Sha256::new_with_prefix(&bytes)))?;
    let names: Vec<_> = entries.iter().map(|(name, _)| *name).collect();
    let file = args.file.display().to_string();
    let facts = json!({ "file": file, "bytes": bytes.len(), "files": names });
    console.print(&facts, |_, _| {
        format!(
            "'{}' is for a bug report: {}, {}; its README.txt says what is in it\n",
            harmless(&file),
            counted(names.len() as u64, "file"),
            size(bytes.len() as u64)
        )
    })
}

/// A name in the bundle, and what is under it.
type Entry = (&'static str, String);

fn gather(daemon: &mut Daemon) -> Result<Vec<Entry>, Failure> {
    let mut progress = Progress::new(false);
    progress.tell(|| "asking chatd; it looks at the database for 20 s at most".to_owned());
    let version = daemon.call(&GetVersion {})?;
    let status = daemon.call(&Status {})?;
    let behind = daemon.call(&ListBehind {})?;
    let stats = daemon.call(&GetStats {})?;
    let diagnosis = daemon.call_within(&Diagnose {}, DIAGNOSIS_TIME)?;
    progress.clear();
    let lines = |lines: &[String]| -> String {
        let line = |line: &String| format!("{}\n", harmless(line));
        lines.iter().map(line).collect()
    };
    let settings: Vec<_> = diagnosis
        .settings
        .iter()
        .map(|setting| format!("{} = {}", setting.name, setting.value))
        .collect();
    Ok(vec![
        ("README.txt", README.to_owned()),
        ("version.json", pretty(&version_facts(&version))),
        ("status.json", pretty(&status_facts(&status))),
        ("settings.txt", lines(&settings)),
        ("stats.txt", encode(&stats, Format::OpenMetrics)),
        ("lag.json", pretty(&lag_facts(&behind))),
        ("log.txt", lines(&diagnosis.log)),
        ("database.json", pretty(&database_facts(&diagnosis))),
        ("system.txt", system::facts()),
        ("units.txt", system::units()),
    ])
}

fn pretty(facts: &Value) -> String {
    let text = serde_json::to_string_pretty(facts).unwrap_or_default();
    harmless_block(&text)
}

/// Several lines, in which nothing steers a terminal.
fn harmless_block(text: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", harmless(line)))
        .collect()
}

fn version_facts(version: &Version) -> Value {
    json!({
        "chatd": version.version,
        "protocol": version.protocol,
        "chatctl": env!("CARGO_PKG_VERSION"),
    })
}

fn status_facts(status: &DaemonStatus) -> Value {
    json!({
        "state": status.state,
        "since": status.since,
        "addresses": status.addresses.len(),
        "handedIn": status.handed_in.len(),
        "usersOnline": status.users_online,
        "connections": status.connections,
        "strangers": status.strangers,
        "users": status.users,
        "sessions": status.sessions,
        "rooms": status.rooms,
        "messages": status.messages,
        "log": {
            "on": status.log.on,
            "level": status.log.level,
            "toFile": status.log.file.is_some() && status.log.problem.is_none(),
            "journal": status.log.journal,
        },
        "databaseBytes": status.database.bytes,
        "certificateExpiresAt": status.certificate.expires_at,
    })
}

fn lag_facts(behind: &Behind) -> Value {
    let readers = behind.readers.iter().map(|reader| {
        json!({
            "since": reader.since,
            "messages": reader.messages,
            "rooms": reader.rooms,
            "roomMessages": reader.room_messages,
            "bytes": reader.bytes,
        })
    });
    json!({
        "behind": behind.behind,
        "messages": behind.messages,
        "readers": readers.collect::<Vec<_>>(),
    })
}

fn database_facts(diagnosis: &Diagnosis) -> Value {
    json!({
        "schema": diagnosis.schema,
        "sqlite": diagnosis.sqlite,
        "pageBytes": diagnosis.page_bytes,
        "pages": diagnosis.pages,
        "freePages": diagnosis.free_pages,
        "logBytes": diagnosis.log_bytes,
        "tables": diagnosis.tables,
        "findings": diagnosis.findings,
        "whole": diagnosis.whole,
    })
}

/// A tar archive with a folder of its own, in which everything is the owner's alone.
fn pack(entries: &[Entry], now: Timestamp) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime((now.0 / 1_000).unsigned_abs());
        archive.append_data(&mut header, format!("chatd-debug/{name}"), text.as_bytes())?;
    }
    archive.into_inner()
}
