//! What was written and is not yet stored by the server, on disk: one file for each account and running program beside the
//! tokens, so that nothing typed is lost when the program is killed. Knows no connection; whoever sends says how it went.
//!
//! The file is a list of rows, one JSON object a line, that only grows: what is settled is crossed out by another row, and
//! once nothing is left the file is emptied. A row that was cut off by a crash is passed over. It is not synced: it has to
//! outlive the program, and a message that a power cut takes was not said to be sent. The file is locked while the program
//! runs; a second one for the same account takes another file, and what programs that are gone have left is taken over.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::limit::KEY_BYTES_MAX;
use crate::base::record::Kind;
use crate::client::credential::{CredentialError, file_name, io, make_folder};
use crate::client::event::Unsent;

/// Programs for one account that may run at once and keep what they could not send.
const PROGRAMS_MAX: usize = 16;
/// The longest file that is read: a thousand of the longest messages.
const FILE_BYTES_MAX: u64 = 16 * 1_024 * 1_024;
/// Past so many bytes of rows that are crossed out the file is written anew.
const WASTE_BYTES_MAX: usize = 65_536;

/// What is to be sent, and what was being written.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// None where nothing is kept.
    file: Option<(PathBuf, File)>,
    /// What the paths of all files about the account begin with.
    account: Option<PathBuf>,
    waiting: Vec<Waiting>,
    drafts: BTreeMap<Arc<str>, String>,
    /// Bytes in the file.
    bytes: usize,
}

/// A message that the server does not have, or has not said to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its key: however often it is sent, it is stored once.
    pub key: Arc<str>,
    /// Where it goes.
    pub to: Arc<str>,
    /// What sort it is.
    #[serde(default)]
    pub kind: Kind,
    /// What it says.
    pub text: Arc<str>,
    /// When it was written.
    pub at: Timestamp,
    /// Why it was refused, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Arc<str>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "lowercase")]
enum Row {
    Message(Waiting),
    Settled { key: Arc<str> },
    Refused { key: Arc<str>, why: Arc<str> },
    Draft { room: Arc<str>, text: String },
}

impl Waiting {
    /// As the model takes it.
    #[must_use]
    pub fn unsent(&self) -> Unsent {
        Unsent {
            key: self.key.clone(),
            to: self.to.clone(),
            kind: self.kind,
            text: self.text.clone(),
        }
    }

    /// Whether the server may have forgotten the key: sent again, the message might be stored twice.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp, key_hours: u32) -> bool {
        now.since(self.at) >= Duration::from_secs(u64::from(key_hours) * 3_600)
    }
}

impl Outgoing {
    /// What this account has left in the folder. Kept there from now on.
    ///
    /// # Errors
    /// When the folder or the file cannot be used.
    pub fn open(folder: &Path, host: &str, port: u16, name: &str) -> Result<Self, CredentialError> {
        make_folder(folder)?;
        let mut outgoing = Self {
            account: Some(folder.join(file_name(host, port, name))),
            ..Self::default()
        };
        for number in 1..=PROGRAMS_MAX {
            let file = format!("{}.{number}.unsent", file_name(host, port, name));
            let path = folder.join(file);
            if outgoing.file.is_some() && !path.exists() {
                continue;
            }
            let mut file = (OpenOptions::new().read(true).append(true).create(true))
                .mode(0o600)
                .open(&path)
                .map_err(io("open", &path))?;
            if file.try_lock().is_err() {
                continue;
            }
            outgoing.take_rows(&mut file).map_err(io("read", &path))?;
            match outgoing.file {
                None => outgoing.file = Some((path, file)),
                Some(_) => outgoing.adopt(&path)?,
            }
        }
        outgoing.tidy()?;
        Ok(outgoing)
    }

    /// What the paths of all files about the account begin with; none where nothing is kept.
    #[must_use]
    pub fn account(&self) -> Option<&Path> {
        self.account.as_deref()
    }

    /// The messages, in the order they were written.
    #[must_use]
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// What was being written, by room.
    #[must_use]
    pub fn drafts(&self) -> &BTreeMap<Arc<str>, String> {
        &self.drafts
    }

    /// A message was written, or is to be sent again.
    ///
    /// # Errors
    /// When it cannot be kept; it is known all the same.
    pub fn add(&mut self, message: Waiting) -> Result<(), CredentialError> {
        self.change(Row::Message(message))
    }

    /// It is stored, or dropped. Harmless when it is not known.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn settle(&mut self, key: &Arc<str>) -> Result<(), CredentialError> {
        match self.waiting.iter().any(|message| message.key == *key) {
            true => self.change(Row::Settled { key: key.clone() }),
            false => Ok(()),
        }
    }

    /// It was refused, and is kept until somebody decides.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn refuse(&mut self, key: &Arc<str>, why: &Arc<str>) -> Result<(), CredentialError> {
        let (key, why) = (key.clone(), why.clone());
        self.change(Row::Refused { key, why })
    }

    /// What is being written to a room; empty when that is nothing.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn draft(&mut self, room: &Arc<str>, text: &str) -> Result<(), CredentialError> {
        if self.drafts.get(room).map_or("", String::as_str) == text {
            return Ok(());
        }
        let (room, text) = (room.clone(), text.to_owned());
        self.change(Row::Draft { room, text })
    }

    fn change(&mut self, row: Row) -> Result<(), CredentialError> {
        let line = line(&row);
        self.apply(row);
        if let Some((path, file)) = &mut self.file {
            file.write_all(line.as_bytes()).map_err(io("write", path))?;
            self.bytes += line.len();
        }
        self.tidy()
    }

    fn apply(&mut self, row: Row) {
        match row {
            Row::Message(message) => {
                match (self.waiting.iter_mut()).find(|known| known.key == message.key) {
                    Some(known) => *known = message,
                    None => self.waiting.push(message),
                }
            }
            Row::Settled { key } => self.waiting.retain(|message| message.key != key),
            Row::Refused { key, why } => {
                let known = self.waiting.iter_mut().find(|known| known.key == key);
                known
                    .into_iter()
                    .for_each(|known| known.refused = Some(why.clone()));
            }
            Row::Draft { room, text } if text.is_empty() => {
                self.drafts.remove(&room);
            }
            Row::Draft { room, text } => {
                self.drafts.insert(room, text);
            }
        }
    }

    fn take_rows(&mut self, file: &mut File) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        self.bytes += bytes.len();
        for line in bytes.split(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Row::Message(message)) if !is_sound(&message) => {}
                Ok(row) => self.apply(row),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// What another program has left is in our file from now on.
    fn adopt(&mut self, path: &Path) -> Result<(), CredentialError> {
        self.rewrite()?;
        fs::remove_file(path).map_err(io("delete", path))
    }

    /// Empties the file when nothing is left, and writes it anew when most of it is crossed out.
    fn tidy(&mut self) -> Result<(), CredentialError> {
        let Some((path, file)) = &self.file else {
            return Ok(());
        };
        if self.waiting.is_empty() && self.drafts.is_empty() {
            self.bytes = 0;
            return file.set_len(0).map_err(io("write", path));
        }
        let texts = self.waiting.iter().map(|message| message.text.len() + 256);
        let drafts = self.drafts.values().map(|text| text.len() + 256);
        let needed: usize = texts.chain(drafts).sum();
        match self.bytes > 2 * needed + WASTE_BYTES_MAX {
            true => self.rewrite(),
            false => Ok(()),
        }
    }

    fn rewrite(&mut self) -> Result<(), CredentialError> {
        let Some((path, _)) = &self.file else {
            return Ok(());
        };
        let path = path.clone();
        let messages = self.waiting.iter().cloned().map(Row::Message);
        let drafts = self.drafts.iter().map(|(room, text)| Row::Draft {
            room: room.clone(),
            text: text.clone(),
        });
        let text: String = messages.chain(drafts).map(|row| line(&row)).collect();
        // Beside it first, then in its place, and locked before anybody can find it.
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let write = || -> std::io::Result<File> {
            let mut file = (OpenOptions::new().append(true).create_new(true))
                .mode(0o600)
                .open(&beside)?;
            file.try_lock()?;
            file.write_all(text.as_bytes())?;
            fs::rename(&beside, &path)?;
            Ok(file)
        };
        let file = write().map_err(|cause| {
            let _ = fs::remove_file(&beside);
            io("write", &path)(cause)
        })?;
        self.bytes = text.len();
        self.file = Some((path, file));
        Ok(())
    }
}

fn line(row: &Row) -> String {
    // Plain texts and numbers: nothing in it that JSON could not hold.
    let mut line = serde_json::to_string(row).unwrap_or_default();
    line.push('\n');
    line
}

/// Whether it can be sent: the file may have been edited.
fn is_sound(message: &Waiting) -> bool {
    let key = message.key.len();
    (1..=KEY_BYTES_MAX).contains(&key) && !message.to.is_empty() && !message.text.is_empty()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn open(folder: &Path) -> Outgoing {
        Outgoing::open(folder, "chat.example", 2428, "Anna").unwrap()
    }

    fn message(key: &str, text: &str) -> Waiting {
        Waiting {
            key: key.into(),
            to: "lobby".into(),
            kind: Kind::Text,
            text: text.into(),
            at: Timestamp(1_000),
            refused: None,
        }
    }

    fn texts(outgoing: &Outgoing) -> Vec<&str> {
        outgoing
            .waiting()
            .iter()
            .map(|message| &*message.text)
            .collect()
    }

    #[test]
    fn what_was_not_settled_is_there_after_the_program_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mut outgoing = open(folder.path());
        for (key, text) in [("1", "one"), ("2", "two\nlines"), ("3", "three")] {
            outgoing.add(message(key, text)).unwrap();
        }
        outgoing.settle(&"1".into()).unwrap();
        outgoing.settle(&"never".into()).unwrap();
        outgoing.refuse(&"3".into(), &"muted".into()).unwrap();
        outgoing.draft(&"lobby".into(), "half a th").unwrap();
        drop(outgoing);
        // The last row was cut off.
        let path = folder.path().join("chat.example:2428:anna.1.unsent");
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"row\":\"message\",\"key\":\"4\"")
            .unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        drop(file);

        let mut outgoing = open(folder.path());
        assert_eq!(texts(&outgoing), ["two\nlines", "three"]);
        assert_eq!(outgoing.waiting()[1].refused.as_deref(), Some("muted"));
        assert_eq!(outgoing.drafts()["lobby"], "half a th");
        outgoing.settle(&"2".into()).unwrap();
        outgoing.settle(&"3".into()).unwrap();
        outgoing.draft(&"lobby".into(), "").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }

    #[test]
    fn two_programs_at_once_take_nothing_from_each_other_and_the_next_takes_over_what_both_left() {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (open(folder.path()), open(folder.path()));
        one.add(message("1", "one")).unwrap();
        other.add(message("2", "other")).unwrap();
        one.settle(&"1".into()).unwrap();
        one.add(message("3", "third")).unwrap();
        assert!(texts(&open(folder.path())).is_empty());
        drop((one, other));
        let mut all = open(folder.path());
        assert_eq!(texts(&all), ["third", "other"]);
        for key in ["2", "3"] {
            all.settle(&key.into()).unwrap();
        }
        drop(all);
        assert!(texts(&open(folder.path())).is_empty());
    }

    #[test]
    fn the_file_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut outgoing = open(folder.path());
        outgoing.add(message("stays", "here")).unwrap();
        for number in 0..200 {
            let text = format!("{number}{}", "x".repeat(1_000));
            outgoing.draft(&"lobby".into(), &text).unwrap();
        }
        let path = folder.path().join("chat.example:2428:anna.1.unsent");
        assert!(fs::metadata(&path).unwrap().len() < 80_000);
        drop(outgoing);
        let outgoing = open(folder.path());
        assert_eq!(texts(&outgoing), ["here"]);
        assert!(outgoing.drafts()["lobby"].starts_with("199x"));
        assert!(outgoing.waiting()[0].is_stale(Timestamp(3_601_000), 1));
    }
}
