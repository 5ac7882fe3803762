//! What is kept: messages, accounts, rooms, sessions. Knows rows, no rules and no bytes on the wire.
//!
//! Two stores behave alike and are held to it by one suite: [`sqlite`], which the daemon runs on, and [`memory`], which
//! simulations run on.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::base::record::{
    Change, Clearing, Draft, KeyRecord, PasswordHash, Record, Redaction, Snapshot,
};
use crate::base::{AuditEntry, RoomId, Seq, Timestamp, UserId, UserName};

pub mod memory;
pub mod sqlite;

mod audit;
mod bans;
mod changes;
mod check;
mod diagnosis;
mod identity;
mod invites;
mod kept;
mod keys;
mod lock;
mod long;
mod migrate;
mod newest;
mod numbers;
mod reader;
mod redact;
mod reindex;
mod rekey;
mod rows;
mod search;
mod snapshot;
#[cfg(test)]
mod tests;
mod tidy;
mod upkeep;
mod writer;

pub use check::{Checking, LogCount, Step};
pub use diagnosis::{Diagnosis, TableSize};
pub use identity::{IdentityKey, parse_key};
pub use keys::{KEY_FILE, KeySource};
pub use reader::SqliteReader;
pub use sqlite::Database;
pub use upkeep::{DatabaseCopy, Tell, Upkeep};
pub use writer::SqliteStore;

/// One thing to store.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A message at the end of its room's log.
    Append(Draft),
    /// The text of a message is gone, and a message tells of it.
    Redact(Redaction),
    /// A log begins later.
    Clear(Clearing),
    /// Changes that happen together or not at all.
    Changes(Vec<Change>),
}

impl Entry {
    /// Whether there is nothing to store. Such an entry only goes the way of the others.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Changes(changes) if changes.is_empty())
    }
}

/// How an entry came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The message has this number.
    Appended(Seq),
    /// The changes are made.
    Changed,
    /// None of the entry's changes is made: a name is taken, a password no longer the account's, an account disabled, or
    /// an invite no longer open.
    Taken,
    /// The room is gone, or the message that was to be redacted is not there.
    Missing,
    /// The message that was to be redacted is another author's.
    Foreign,
    /// The message that was to be redacted was so before; nothing is stored.
    Unchanged,
    /// The log begins here now, or would.
    Cleared(Seq),
}

/// What the writer thread does. There is one writer at a time; a second is refused when the store is opened.
pub trait Store: Send {
    /// Everything the engine starts from but the keys of sends: [`Reader::keys`].
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&mut self) -> Result<Snapshot, StoreError>;

    /// Stores a batch in one transaction with one sync. When this returns, the batch is on disk. An entry that is
    /// `Taken` does not hold up the others. An empty one is `Changed`, and a batch of nothing else touches no file.
    ///
    /// # Errors
    /// Then nothing of the batch is stored and the numbers are as before.
    fn commit(&mut self, batch: &[Entry]) -> Result<Vec<Outcome>, StoreError>;

    /// Seals everything with another identity key, all or nothing: the next one that is given, or else this one or a random
    /// one. `tell` is told how many of how many are done.
    ///
    /// # Errors
    /// Then the old key is in force; after an error that leaves it open what is on disk, the next start finds out. When
    /// the new key alone cannot be put in its place, it is in force, and the next start does that.
    fn rekey(
        &mut self,
        key: Option<IdentityKey>,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Rekeyed, StoreError>;

    /// Brings the search index up to `messages_max` messages further behind the log. Returns whether there is more to do.
    ///
    /// # Errors
    /// Then the index stays where it was.
    fn index(&mut self, messages_max: usize) -> Result<bool, StoreError>;

    /// How far the search index is behind the log, in messages.
    fn unindexed(&self) -> u64;

    /// Makes the search index anew: puts the old one aside, and [`Store::index`] goes through everything again. Searches
    /// find what it has come to. Returns whether it was done; not while the one before is still being removed.
    ///
    /// # Errors
    /// Then the index is as before.
    fn reindex(&mut self) -> Result<bool, StoreError>;

    /// Goes one step in removing what nobody is given any more, at most `messages_max` messages, and in giving its space
    /// back. Returns whether there is more to do.
    ///
    /// # Errors
    /// Then it is to be done again.
    fn tidy(&mut self, messages_max: usize) -> Result<bool, StoreError>;
}

/// What a change of the identity key came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rekeyed {
    /// How many accounts, sessions, invites and lines of the audit log were sealed anew.
    pub sealed: u64,
    /// The file with the new key; none where it is given from elsewhere.
    pub key_file: Option<PathBuf>,
}

/// What reader threads do. Sees what was committed before the call, and nothing below the beginning of a log.
pub trait Reader: Send {
    /// At most `limit` messages of a room with numbers above `after`, ascending; stops early when their texts pass
    /// `bytes_max`, but gives at least one where there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn after(
        &mut self,
        room: RoomId,
        after: Seq,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// The newest messages with numbers below `before`, ascending, otherwise as [`Reader::after`].
    ///
    /// # Errors
    /// When the store cannot be read.
    fn before(
        &mut self,
        room: RoomId,
        before: Seq,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// The newest messages in these rooms, at most `limit` in all, with all the words of `text` and numbers below `before`, by
    /// whom they are from where that is said; the one that came in last comes first. Every word is taken as it stands;
    /// `word*` matches what begins so, if that is three bytes at least. Without any word nothing is found. Goes by at most 32
    /// words, and sees only what [`Store::index`] has come to.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn search(
        &mut self,
        rooms: &[RoomId],
        text: &str,
        from: Option<UserId>,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError>;

    /// The keys of the messages since then, at most `keys_max`, the newest, oldest first. Takes a fifth of a second for two
    /// hundred thousand.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn keys(&mut self, since: Timestamp, keys_max: usize) -> Result<Vec<KeyRecord>, StoreError>;

    /// The password of a living account.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn password(&mut self, user: UserId) -> Result<Option<PasswordHash>, StoreError>;

    /// The name of an account, also of one that was removed.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn author(&mut self, user: UserId) -> Result<Option<UserName>, StoreError>;

    /// The newest entries of the audit log with numbers below `number`, made at `since` or later, of one method or of all;
    /// at most `limit`, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn audit_before(
        &mut self,
        number: u64,
        since: Timestamp,
        method: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// The oldest entries of the audit log with numbers above `number`, at most `limit`, ascending.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn audit_after(&mut self, number: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room on the disk.
    #[error("the disk with '{path}' is full; make room there, chatd goes on by itself")]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// Another daemon has it.
    #[error(
        "another chatd (pid {}) uses '{path}'; stop that one, or give this one another folder with --state",
        pid.map_or("unknown".to_owned(), |pid| pid.to_string())
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who has it; not while they are just writing it down.
        pid: Option<i32>,
    },
    /// A later chatd wrote it.
    #[error(
        "'{path}' was written by a newer chatd (schema {found}, this one knows {known}); install that or a later one"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version in it.
        found: i64,
        /// The newest version that this build knows.
        known: i64,
    },
    /// Some other program's database.
    #[error(
        "'{path}' is not a database of chatd; move it away or choose another folder with --state"
    )]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// The key to names and addresses is missing or wrong.
    #[error("the identity key '{path}' {problem}")]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        problem: String,
    },
    /// Others could put files into the state folder.
    #[error(
        "'{path}' {problem}, who could put files there; let it be the folder of chatd's user alone (chown, chmod 700)"
    )]
    Exposed {
        /// The folder.
        path: PathBuf,
        /// Whose it is or who may write there.
        problem: String,
    },
    /// Something else.
    #[error("cannot {action} '{path}': {cause}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        cause: String,
    },
}

impl StoreError {
    fn io(action: &'static str, path: &Path, cause: impl fmt::Display) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            cause: cause.to_string(),
        }
    }
}

/// Messages up to a bound in bytes of text. The first always fits, so that a reader gets on.
struct Page {
    records: Vec<Record>,
    bytes_left: usize,
}

impl Page {
    fn new(bytes_max: usize) -> Self {
        Self {
            records: Vec::new(),
            bytes_left: bytes_max,
        }
    }

    /// Whether there was room for the message.
    fn push(&mut self, record: Record) -> bool {
        let bytes = record.draft.text.len();
        if bytes > self.bytes_left && !self.records.is_empty() {
            return false;
        }
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.records.push(record);
        true
    }
}
