//! `chatctl import`: accounts from a file that `chatctl export users` wrote, or from a list that somebody made. The file is
//! read here, since the daemon sees other files than its admin; all of it is looked at before anything is changed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use csv::{ReaderBuilder, StringRecord};
use serde_json::json;

use crate::base::text::{from_cell, harmless};
use crate::base::{Password, Timestamp, UserName};
use crate::wire::control::{Account, ImportUsers, Imported, StageUsers};

use super::args::Sure;
use super::call::Daemon;
use super::export::USER_COLUMNS;
use super::progress::Progress;
use super::table::counted;
use super::verb::would;
use super::{Console, Failure};

/// A longer file is no list of accounts: this is room for 200 000.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// What one call has at most: well below what the daemon takes.
const CALL_BYTES: usize = 128 * 1024;
/// A password that is typed out, for lists made by hand.
const PASSWORD_COLUMN: &str = "password";
/// Before the text in files of some editors and spreadsheets.
const BYTE_ORDER_MARK: &str = "\u{feff}";

#[derive(Debug, Subcommand)]
pub(super) enum ImportVerb {
    /// Accounts, all of them or none, from CSV or JSON lines with `name` and `password_hash` or `password`
    Users {
        /// The file; `-` is standard input
        file: PathBuf,
        #[command(flatten)]
        sure: Sure,
    },
}

/// An account, and the line on which it begins.
pub type Line = (u64, Account);

pub(super) fn run(
    what: &ImportVerb,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let ImportVerb::Users { file, sure } = what;
    let bytes = read(file)?;
    let nothing = |why: &str| {
        let file = file.display();
        Failure::Refused(format!("'{file}' {why}; nothing was imported"))
    };
    let lines = read_accounts(&bytes).map_err(|why| nothing(&why))?;
    let numbers: Vec<_> = lines.iter().map(|(number, _)| *number).collect();
    let imported = import(lines, sure.dry_run, daemon);
    let imported = imported.map_err(|failure| match failure {
        Failure::BadAccount(index, reason) => {
            let number = usize::try_from(index)
                .ok()
                .and_then(|index| numbers.get(index));
            nothing(&format!("line {}: {reason}", number.copied().unwrap_or(0)))
        }
        other => other,
    })?;
    if sure.dry_run {
        let words = format!("import {}", counted(imported, "account"));
        return would(console, &words, json!({ "users": imported }));
    }
    console.print(&json!({ "users": imported }), |_, _| {
        format!("imported {}\n", counted(imported, "account"))
    })
}

fn import(lines: Vec<Line>, is_dry_run: bool, daemon: &mut Daemon) -> Result<u64, Failure> {
    if lines.is_empty() {
        return Ok(0);
    }
    let users = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let (mut import, mut waiting, mut bytes) = (None, Vec::new(), 0);
    for (_, account) in lines {
        let size = size(&account);
        if bytes + size > CALL_BYTES && !waiting.is_empty() {
            let users = std::mem::take(&mut waiting);
            import = Some(daemon.call(&StageUsers { import, users })?.import);
            bytes = 0;
        }
        bytes += size;
        waiting.push(account);
    }
    let import = daemon
        .call(&StageUsers {
            import,
            users: waiting,
        })?
        .import;
    let call = ImportUsers {
        import,
        users,
        dry_run: Some(is_dry_run),
    };
    let (mut progress, mut imported) = (Progress::new(false), None);
    daemon.replies(&call, |reply: Imported| {
        imported = reply.users;
        progress.tell(|| {
            format!(
                "hashed {} of {}",
                reply.hashed,
                counted(reply.to_hash, "password")
            )
        });
        Ok(())
    })?;
    imported.ok_or_else(|| {
        Failure::Refused(
            "chatd has ended the import; `chatctl users` shows whether it was done".into(),
        )
    })
}

/// About what it takes as JSON, where everything has to be escaped.
fn size(account: &Account) -> usize {
    let length = |secret: &Option<Password>| secret.as_ref().map_or(0, |it| it.expose().len());
    let texts = account.name.len() + length(&account.password) + length(&account.password_hash);
    200 + 6 * texts
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX + 1;
    let outcome = match file.as_os_str() == "-" {
        true => io::stdin().lock().take(limit).read_to_end(&mut bytes),
        false => File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    let file = file.display();
    match outcome {
        Err(error) => Err(Failure::Usage(format!("cannot read '{file}': {error}"))),
        Ok(_) if bytes.len() as u64 > FILE_BYTES_MAX => {
            let mib = FILE_BYTES_MAX >> 20;
            Err(Failure::Usage(format!("'{file}' is longer than {mib} MiB")))
        }
        Ok(_) => Ok(bytes),
    }
}

/// Reads a file of accounts: JSON lines if it begins with `{`, else CSV with a line of headings. Each account has a name of
/// its own, and a password or a hash.
///
/// # Errors
/// With the line that is wrong, and what is wrong with it.
pub fn read_accounts(bytes: &[u8]) -> Result<Vec<Line>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + line_ends(&bytes[..error.valid_up_to()]);
        format!("line {line}: that is not UTF-8")
    })?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let lines = match text.trim_start().starts_with('{') {
        true => json_lines(text),
        false => csv_lines(text),
    }?;
    let mut known: HashMap<UserName, u64> = HashMap::with_capacity(lines.len());
    for (line, account) in &lines {
        let shown = harmless(&account.name);
        let name: UserName = account
            .name
            .parse()
            .map_err(|error| format!("line {line}: '{shown}' cannot be a name: {error}"))?;
        match (&account.password_hash, &account.password) {
            (None, None) => {
                return Err(format!(
                    "line {line}: '{name}' has no password; export with --with-passwords, or add a column '{PASSWORD_COLUMN}'"
                ));
            }
            (Some(_), Some(_)) => {
                return Err(format!(
                    "line {line}: '{name}' has a password and a hash; one will do"
                ));
            }
            _ => {}
        }
        if let Some(first) = known.insert(name, *line) {
            return Err(format!("line {line}: '{shown}' is on line {first} already"));
        }
    }
    Ok(lines)
}

fn json_lines(text: &str) -> Result<Vec<Line>, String> {
    let lines = (1..).zip(text.lines());
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let account = |(number, line): (u64, &str)| match serde_json::from_str::<Account>(line) {
        Ok(mut account) => {
            // As in CSV, where an empty cell is none.
            let is_empty = |secret: &mut Password| secret.expose().is_empty();
            account.password_hash.take_if(is_empty);
            account.password.take_if(is_empty);
            Ok((number, account))
        }
        Err(error) => {
            // The place within the line is all that it knows of lines.
            let (why, column) = (error.to_string(), error.column());
            let why = harmless(why.split(" at line ").next().unwrap_or_default());
            Err(format!("line {number}: {why}, at column {column}"))
        }
    };
    lines.map(account).collect()
}

fn csv_lines(text: &str) -> Result<Vec<Line>, String> {
    let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
    let mut ruler = Ruler {
        text,
        at: 0,
        line: 1,
    };
    let headings = reader
        .headers()
        .map_err(|error| why(&error, &mut ruler))?
        .clone();
    let known = || USER_COLUMNS.into_iter().chain([PASSWORD_COLUMN]);
    if let Some(other) = headings
        .iter()
        .find(|heading| known().all(|known| known != *heading))
    {
        let known: Vec<_> = known().collect();
        return Err(format!(
            "line 1: there is no column '{}'; those known are {}",
            harmless(other),
            known.join(", ")
        ));
    }
    if headings.iter().all(|heading| heading != USER_COLUMNS[0]) {
        return Err(
            "line 1: there is no column 'name'; the first line has to have the headings".into(),
        );
    }
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| why(&error, &mut ruler))?;
        let line = ruler.line_of(record.position());
        let account = account(&headings, &record).map_err(|why| format!("line {line}: {why}"))?;
        lines.push((line, account));
    }
    Ok(lines)
}

fn account(headings: &StringRecord, cells: &StringRecord) -> Result<Account, String> {
    let mut account = Account::default();
    for (heading, cell) in headings.iter().zip(cells) {
        let text = from_cell(cell);
        let time = || {
            let moment: Result<Timestamp, _> = text.parse();
            moment.map_err(|_| {
                let text = harmless(&text);
                format!("{heading}: '{text}' is no time like 2026-11-20T10:30:00Z")
            })
        };
        match heading {
            _ if text.is_empty() => {}
            "created_at" => account.created_at = Some(time()?),
            "last_login_at" => account.last_login_at = Some(time()?),
            "disabled_at" => account.disabled_at = Some(time()?),
            "password_hash" => account.password_hash = Some(Password::new(text.into_owned())),
            PASSWORD_COLUMN => account.password = Some(Password::new(text.into_owned())),
            _ => account.name = text.into_owned(),
        }
    }
    Ok(account)
}

fn why(error: &csv::Error, ruler: &mut Ruler) -> String {
    let line = ruler.line_of(error.position());
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("line {line}: it has {len} cells, and the headings are {expected_len}"),
        _ => format!("line {line}: it cannot be read as CSV"),
    }
}

/// Tells on which line a record begins. The reader's own count is off by the ends of lines that it has not passed yet.
struct Ruler<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Ruler<'_> {
    /// Records are asked for in their order.
    fn line_of(&mut self, position: Option<&csv::Position>) -> u64 {
        let begin = position.map_or(0, |position| position.byte() as usize);
        let bytes = self.text.as_bytes();
        let ends = bytes.iter().skip(begin);
        let ends = ends
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let begin = (begin + ends).clamp(self.at, bytes.len());
        self.line += line_ends(&bytes[self.at..begin]);
        self.at = begin;
        self.line
    }
}

/// How many lines end in the bytes: with LF, with CR LF, or with CR alone, as old editors wrote them.
fn line_ends(bytes: &[u8]) -> u64 {
    let is_end = |(at, byte): (usize, &u8)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    let ends = bytes.iter().enumerate().filter(|place| is_end(*place));
    ends.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read_accounts(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn accounts_are_read_from_both_forms() {
        let csv = "\u{feff}name,created_at,password_hash\r\nanna,2026-11-20T10:30:00.000Z,$x\r\n\"'@lf\",,$y\r\n";
        let json = "{\"name\":\"anna\",\"createdAt\":\"2026-11-20T10:30:00.000Z\",\"passwordHash\":\"$x\"}\n\n\
                    {\"name\":\"@lf\",\"passwordHash\":\"$y\"}\n";
        let wrong = [csv, json].map(refused);
        // No name begins like this, but its cell gave back what was in it.
        assert!(
            wrong[0].contains("line 3: '@lf' cannot be a name"),
            "{wrong:?}"
        );
        assert!(
            wrong[1].contains("line 3: '@lf' cannot be a name"),
            "{wrong:?}"
        );
        let read = read_accounts(csv.replace("'@lf", "boris").as_bytes()).unwrap();
        let lines: Vec<_> = read
            .iter()
            .map(|(line, user)| (*line, user.name.as_str()))
            .collect();
        assert_eq!(lines, [(2, "anna"), (3, "boris")]);
        assert_eq!(
            read[0].1.created_at.unwrap().to_string(),
            "2026-11-20T10:30:00.000Z"
        );
        assert_eq!(
            read_accounts(b""),
            Err(
                "line 1: there is no column 'name'; the first line has to have the headings".into()
            )
        );
        assert_eq!(read_accounts(b"name,password\n"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, why) in [
            (
                "name,pass\nanna,x\n",
                "line 1: there is no column 'pass'; those known are name, ",
            ),
            ("password\nx\n", "line 1: there is no column 'name'"),
            ("name,password\nanna,x\nboris\n", "line 3: it has 1 cells"),
            (
                "name,password\nanna,x\n\nAnna,y\n",
                "line 4: 'Anna' is on line 2 already",
            ),
            ("name,password\nanna,\n", "line 2: 'anna' has no password"),
            (
                "name,password,password_hash\nanna,x,y\n",
                "line 2: 'anna' has a password and a hash",
            ),
            (
                "name,password,created_at\nanna,x,now\n",
                "line 2: created_at: 'now' is no time",
            ),
            (
                "name,password\n\"a\nb\",x\n",
                "line 2: 'a\\u{a}b' cannot be a name",
            ),
            (
                "{\"name\":\"anna\"",
                "line 1: EOF while parsing an object, at column 14",
            ),
            ("{\"name\":\"anna\",\"password\":\"x\"}\n[]\n", "line 2: "),
            // The fuzzer's.
            (
                "{\"name\":\"anna\",\"passwordHash\":\"\"}",
                "line 1: 'anna' has no password",
            ),
            (
                "{\"name\":\"anna\",\"createdAt\":\"\x7f\"}",
                "line 1: '\\u{7f}' is not a time",
            ),
            (
                "name,password\r\"anna\",x\rboris\r",
                "line 3: it has 1 cells",
            ),
        ] {
            let refused = refused(text);
            assert!(refused.starts_with(why), "{refused}");
        }
        let refused = read_accounts(b"name,password\nanna,x\n\xff,y\n").unwrap_err();
        assert_eq!(refused, "line 3: that is not UTF-8");
    }
}
