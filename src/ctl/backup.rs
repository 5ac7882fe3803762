//! `chatctl backup`: takes the bytes that the daemon gives out into a file that gets its name only once they are on the
//! disk and read back as they were sent.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args as ClapArgs;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::base::text::harmless;
use crate::wire::control::{BackedUp, Backup};

use super::call::Daemon;
use super::part::{Part, hex};
use super::progress::{Progress, percent};
use super::table::{counted, size};
use super::{Console, Failure};

#[derive(Debug, ClapArgs)]
pub(super) struct BackupArgs {
    /// The file that is made, which must not be there yet; `-` is standard output
    file: PathBuf,
}

pub(super) fn run(
    args: &BackupArgs,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    if args.file.as_os_str() == "-" {
        return to_output(daemon, console);
    }
    let mut part = Part::make(&args.file, "a backup")?;
    let last = receive(daemon, |bytes| part.write(bytes))?;
    part.settle(last.sha256.as_deref().unwrap_or_default())?;
    let facts = json!({
        "file": args.file.display().to_string(), "bytes": last.total, "messages": last.messages,
        "sha256": last.sha256, "keyFile": last.key_file,
    });
    console.print(&facts, |_, _| {
        let file = args.file.display().to_string();
        format!(
            "'{}' is a copy of the database: {}\n{}\n",
            harmless(&file),
            summary(&last),
            key(&last)
        )
    })
}

/// For a pipe. What is said about it goes to standard error.
fn to_output(daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        return Err(Failure::Usage(
            "a backup is no text for a terminal; name a file, or send it into a pipe".to_owned(),
        ));
    }
    let last = receive(daemon, |bytes| {
        console.out.write_all(bytes).map_err(Failure::Output)
    })?;
    console.out.flush().map_err(Failure::Output)?;
    let sum = last.sha256.as_deref().unwrap_or_default();
    let _ = writeln!(
        io::stderr(),
        "chatctl: {}, SHA-256 {}\nchatctl: {}",
        summary(&last),
        harmless(sum),
        key(&last)
    );
    Ok(())
}

fn summary(last: &BackedUp) -> String {
    let messages = counted(last.messages.unwrap_or(0), "message");
    format!("{messages}, {}, verified", size(last.total))
}

fn key(last: &BackedUp) -> String {
    let place = match &last.key_file {
        Some(file) => format!("'{}'", harmless(file)),
        None => "the credential 'chatd.identity-key'".to_owned(),
    };
    format!(
        "the identity key is not in it: keep a copy of {place}, apart from this; without it names cannot be read"
    )
}

/// Takes all bytes, and makes sure that they are those that were sent.
fn receive(
    daemon: &mut Daemon,
    mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<BackedUp, Failure> {
    let (mut sum, mut progress, mut last) = (Sha256::new(), Progress::new(false), None);
    let ended = daemon.replies(&Backup {}, |reply: BackedUp| {
        let Some(data) = &reply.data else {
            progress.tell(|| format!("copying, {}", percent(reply.done, reply.total)));
            if reply.sha256.is_some() {
                last = Some(reply);
            }
            return Ok(());
        };
        let bytes = STANDARD
            .decode(data)
            .map_err(|_| not_whole("it came in damaged"))?;
        sum.update(&bytes);
        progress.tell(|| format!("{}, {}", size(reply.done), percent(reply.done, reply.total)));
        write(&bytes)
    });
    progress.clear();
    match ended {
        // It is broken off wherever that happens.
        Err(Failure::NotRunning(why)) => return Err(not_whole(&why)),
        ended => ended?,
    }
    let last = last.ok_or_else(|| not_whole("chatd has ended it"))?;
    match last.sha256.as_deref() == Some(&hex(sum)) {
        true => Ok(last),
        false => Err(not_whole("other bytes came in than were sent")),
    }
}

fn not_whole(why: &str) -> Failure {
    Failure::Refused(format!("there is no backup: {why}"))
}
