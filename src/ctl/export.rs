//! `chatctl export`: messages and accounts as CSV (RFC 4180) or as JSON lines, on standard output as they come.
//!
//! What other people wrote is made harmless in both: for a terminal, and in CSV for spreadsheets, too. JSON loses nothing by
//! that; the CSV of accounts is read back by `chatctl import` as it was.

use std::io::{self, BufWriter, Write};

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use csv::{Terminator, Writer, WriterBuilder};
use nix::sys::stat::fstat;
use serde::Serialize;

use crate::base::Timestamp;
use crate::base::record::Kind;
use crate::base::text::{cell, harmless_json};
use crate::wire::control::{Account, ExportHistory, ExportUsers, Exported, ExportedUsers, Message};

use super::call::Daemon;
use super::progress::{Progress, percent};
use super::table::counted;
use super::when::{self, When};
use super::{Console, Failure};

const BUFFER_BYTES: usize = 64 * 1024;

/// The columns of messages.
const MESSAGE_COLUMNS: [&str; 6] = ["room", "seq", "at", "from", "kind", "text"];
/// The columns of accounts; the last one only where it was asked for.
pub(super) const USER_COLUMNS: [&str; 5] = [
    "name",
    "created_at",
    "last_login_at",
    "disabled_at",
    "password_hash",
];

#[derive(Debug, Subcommand)]
pub(super) enum ExportVerb {
    /// The messages of all rooms, or of one
    History {
        /// How it is written
        #[arg(long, value_name = "FORMAT", default_value = "csv")]
        format: Format,
        /// Those of one room only, as `chatctl rooms` shows its name
        #[arg(long, value_name = "ROOM")]
        room: Option<String>,
        #[command(flatten)]
        span: Span,
        /// Those of direct conversations, too
        #[arg(long)]
        direct: bool,
    },
    /// The accounts
    Users {
        /// How it is written
        #[arg(long, value_name = "FORMAT", default_value = "csv")]
        format: Format,
        /// With the hashes of their passwords, for `chatctl import users` elsewhere: keep them safe
        #[arg(long)]
        with_passwords: bool,
    },
}

/// From when to when.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(super) struct Span {
    /// From this time on: 2026-11-20T10:30:00Z, 2026-11-20 (UTC), or how long ago: 12h, 7d
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    since: Option<When>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    until: Option<When>,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Comma-separated values (RFC 4180), with a line of headings
    Csv,
    /// A JSON object a line
    Jsonl,
}

pub(super) fn run(
    what: &ExportVerb,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    match what {
        ExportVerb::History {
            format,
            room,
            span,
            direct,
        } => {
            let call = ExportHistory {
                room: room.clone(),
                since: span.since.map(|since| since.at(console.now)),
                until: span.until.map(|until| until.at(console.now)),
                direct: Some(*direct),
            };
            history(&call, *format, daemon, console)
        }
        ExportVerb::Users {
            format,
            with_passwords,
        } => {
            if *with_passwords && others_may_read_output() {
                let _ = writeln!(
                    io::stderr(),
                    "chatctl: others may read the file that this goes to, with the hashes of all passwords; chmod 600 it"
                );
            }
            users(*with_passwords, *format, daemon, console)
        }
    }
}

fn history(
    call: &ExportHistory,
    format: Format,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let mut sheet = Sheet::begin(format, &MESSAGE_COLUMNS, console)?;
    let mut progress = Progress::new(true);
    let (mut is_whole, mut written, mut left_out) = (false, 0, 0);
    let ended = daemon.replies(call, |reply: Exported| {
        for message in &reply.messages {
            sheet.write(message, || message_cells(message))?;
        }
        sheet.flush()?;
        written += reply.messages.len() as u64;
        (is_whole, left_out) = (reply.whole, reply.direct);
        progress.tell(|| {
            let total = counted(reply.total, "message");
            format!(
                "{} of {total}, {}",
                reply.done,
                percent(reply.done, reply.total)
            )
        });
        Ok(())
    });
    progress.clear();
    whole(ended, is_whole, written)?;
    if left_out > 0 {
        let what = counted(left_out, "direct conversation");
        let verb = if left_out == 1 { "is" } else { "are" };
        let _ = writeln!(
            io::stderr(),
            "chatctl: {what} {verb} left out; --direct takes them in"
        );
    }
    Ok(())
}

fn users(
    with_passwords: bool,
    format: Format,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let count = USER_COLUMNS.len() - usize::from(!with_passwords);
    let mut sheet = Sheet::begin(format, &USER_COLUMNS[..count], console)?;
    let (mut is_whole, mut written) = (false, 0);
    let call = ExportUsers {
        passwords: Some(with_passwords),
    };
    let ended = daemon.replies(&call, |reply: ExportedUsers| {
        for user in &reply.users {
            sheet.write(user, || user_cells(user)[..count].to_vec())?;
        }
        written += reply.users.len() as u64;
        is_whole = reply.whole;
        sheet.flush()
    });
    whole(ended, is_whole, written)
}

/// What ends early says so, however it came to that.
fn whole(ended: Result<(), Failure>, is_whole: bool, written: u64) -> Result<(), Failure> {
    let cut = |why: &dyn std::fmt::Display| {
        let lines = counted(written, "line");
        Failure::Refused(format!(
            "the export is not whole, it ends after {lines}: {why}"
        ))
    };
    match ended {
        Ok(()) if is_whole => Ok(()),
        Ok(()) => Err(cut(&"chatd has ended it")),
        Err(Failure::Output(error)) => Err(Failure::Output(error)),
        Err(failure) if written > 0 => Err(cut(&failure)),
        Err(failure) => Err(failure),
    }
}

/// What is written row by row.
enum Sheet<'a> {
    Csv(Box<Writer<BufWriter<&'a mut dyn Write>>>),
    Jsonl(BufWriter<&'a mut dyn Write>),
}

impl<'a> Sheet<'a> {
    fn begin(format: Format, columns: &[&str], console: &'a mut Console) -> Result<Self, Failure> {
        let is_json = console.json || format == Format::Jsonl;
        let out: &mut dyn Write = &mut console.out;
        let out = BufWriter::with_capacity(BUFFER_BYTES, out);
        if is_json {
            return Ok(Self::Jsonl(out));
        }
        let mut writer = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .from_writer(out);
        writer.write_record(columns).map_err(output)?;
        Ok(Self::Csv(Box::new(writer)))
    }

    fn write<T: Serialize>(
        &mut self,
        row: &T,
        cells: impl FnOnce() -> Vec<String>,
    ) -> Result<(), Failure> {
        match self {
            Self::Csv(writer) => {
                let cells = cells();
                let cells = cells.iter().map(|text| cell(text));
                let cells: Vec<_> = cells.collect();
                writer
                    .write_record(cells.iter().map(|cell| cell.as_bytes()))
                    .map_err(output)
            }
            Self::Jsonl(out) => {
                let json = serde_json::to_string(row).unwrap_or_default();
                writeln!(out, "{}", harmless_json(&json)).map_err(Failure::Output)
            }
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Self::Csv(writer) => writer.flush(),
            Self::Jsonl(out) => out.flush(),
        }
        .map_err(Failure::Output)
    }
}

fn output(error: csv::Error) -> Failure {
    Failure::Output(match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}

fn message_cells(message: &Message) -> Vec<String> {
    vec![
        message.room.clone(),
        message.seq.to_string(),
        message.at.to_string(),
        message.from.clone(),
        kind_word(message.kind),
        message.text.to_string(),
    ]
}

/// As it is on the wire.
pub(super) fn kind_word(kind: Kind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// In the order of [`USER_COLUMNS`].
fn user_cells(user: &Account) -> [String; USER_COLUMNS.len()] {
    let time = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.to_string());
    let hash = user.password_hash.as_ref();
    [
        user.name.clone(),
        time(user.created_at),
        time(user.last_login_at),
        time(user.disabled_at),
        hash.map_or(String::new(), |hash| hash.expose().to_owned()),
    ]
}

/// Whether standard output is a file that others may read.
fn others_may_read_output() -> bool {
    const REGULAR: u32 = 0o100_000;
    fstat(io::stdout())
        .is_ok_and(|file| file.st_mode & 0o170_000 == REGULAR && file.st_mode & 0o077 != 0)
}
