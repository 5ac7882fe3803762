//! The one writer: whole batches in one transaction with one sync, and the search index behind them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use nix::fcntl::Flock;
use rusqlite::{CachedStatement, Connection, ErrorCode, Transaction, TransactionBehavior, params};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use crate::base::record::{Change, Draft, Snapshot};
use crate::store::changes::apply;
use crate::store::identity::{Identity, IdentityKey};
use crate::store::keys::Keys;
use crate::store::numbers::{Numbers, Stretch};
use crate::store::redact::{blank, obstacle};
use crate::store::rows::{fault, kind_number, message_id, signed};
use crate::store::tidy::{Chores, clear};
use crate::store::{
    Entry, Outcome, Rekeyed, Store, StoreError, migrate, reindex, snapshot, sqlite,
};

pub(super) const APPEND: &str = r#"INSERT INTO message (id, "offset", at, author, kind, key, text, redacts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"#;

pub(super) const INDEX: &str = "INSERT INTO message_text (rowid, text) SELECT id, text FROM message WHERE id > ?1 AND id <= ?2 ORDER BY id";

/// What SQLite says when a row with this number is there already.
const CONSTRAINT_PRIMARY_KEY: i32 = 1555;

/// The writer of a [`sqlite::Database`]. As long as it lives, the state folder is locked.
pub struct SqliteStore {
    pub(super) connection: Connection,
    pub(super) numbers: Numbers,
    /// Set by an error that leaves it open what is on disk: then nothing is stored before [`SqliteStore::mend`].
    pub(super) broken: bool,
    pub(super) chores: Chores,
    pub(super) keys: Arc<Keys>,
    path: Arc<Path>,
    files: Files,
    _lock: Arc<Flock<File>>,
}

impl SqliteStore {
    pub(super) fn open(
        path: Arc<Path>,
        keys: Arc<Keys>,
        lock: Arc<Flock<File>>,
    ) -> Result<Self, StoreError> {
        let open = || {
            let connection = sqlite::connect_writer(&path)?;
            let numbers = Numbers::load(&connection)?;
            let chores = Chores::find(&connection)?;
            Ok((connection, numbers, chores))
        };
        let (connection, numbers, chores) = open().map_err(|error| fault("open", &path, &error))?;
        let files = Files::look(&path).map_err(|error| StoreError::io("open", &path, error))?;
        Ok(Self {
            connection,
            numbers,
            broken: false,
            chores,
            keys,
            path,
            files,
            _lock: lock,
        })
    }

    /// Where a text is redacted, the pages that it leaves are wiped, too.
    fn store(&mut self, batch: &[Entry]) -> rusqlite::Result<Vec<Outcome>> {
        let redacts = batch.iter().any(|entry| matches!(entry, Entry::Redact(_)));
        if !redacts {
            return self.store_all(batch);
        }
        self.connection.pragma_update(None, "secure_delete", true)?;
        self.chores.scrub();
        let stored = self.store_all(batch);
        self.connection
            .pragma_update(None, "secure_delete", "FAST")?;
        stored
    }

    fn store_all(&mut self, batch: &[Entry]) -> rusqlite::Result<Vec<Outcome>> {
        let transaction = begin(&self.connection)?;
        let identity = self.keys.in_force();
        let mut append = transaction.prepare_cached(APPEND)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        let are_messages =
            |one: &Entry, next: &Entry| matches!((one, next), (Entry::Append(_), Entry::Append(_)));
        // Messages that follow each other, or one entry of another kind.
        for entries in batch.chunk_by(are_messages) {
            outcomes.push(match &entries[0] {
                Entry::Append(_) => {
                    put_all(&mut append, &mut self.numbers, entries, &mut outcomes)?;
                    continue;
                }
                Entry::Redact(redaction) => match obstacle(&transaction, redaction)? {
                    Some(outcome) => outcome,
                    None => {
                        blank(&transaction, redaction)?;
                        put(&mut append, &mut self.numbers, &redaction.draft())?
                    }
                },
                Entry::Clear(clearing) => clear(&transaction, &mut self.numbers, clearing)?,
                Entry::Changes(changes) => {
                    change(&transaction, &identity, &mut self.numbers, changes)?
                }
            });
        }
        drop(append);
        transaction.commit()?;
        Ok(outcomes)
    }

    /// The index can be made again from the log, so its transactions are not synced: the next commit of messages syncs
    /// them along. The cursors move in the same transaction, so the index and they never disagree.
    fn index_next(&mut self, messages_max: usize) -> rusqlite::Result<()> {
        let stretches = self.numbers.stretches(messages_max);
        self.connection
            .pragma_update(None, "synchronous", "NORMAL")?;
        let done = index_stretches(&self.connection, &stretches);
        let restored = self.connection.pragma_update(None, "synchronous", "FULL");
        // Never a commit of messages without its sync: a new connection begins with it.
        self.broken |= restored.is_err();
        restored?;
        done?;
        self.numbers.indexed(&stretches);
        Ok(())
    }

    /// To be called before anything is stored. A database that somebody has moved away or put another in the place of
    /// takes everything and gives nothing back at the next start.
    fn prepare(&mut self) -> Result<(), StoreError> {
        self.mend()?;
        match Files::look(&self.path) {
            Ok(files) if files == self.files => Ok(()),
            _ => {
                let cause = "it or its '-wal' was moved away or replaced; bring the file back, or start chatd again";
                Err(StoreError::io("go on with", &self.path, cause))
            }
        }
    }

    /// After an error that leaves it open what is on disk, a new connection takes the place of the old one. It has to
    /// show what is known to be stored, no less and no more, and begins the write-ahead log anew: pages that failed to
    /// sync are not trusted to a later sync.
    fn mend(&mut self) -> Result<(), StoreError> {
        if !self.broken {
            return Ok(());
        }
        let failed = |error| fault("open again", &self.path, &error);
        self.connection = sqlite::connect_writer(&self.path).map_err(failed)?;
        let busy: bool = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(failed)?;
        if busy {
            let cause = "readers are in the way; it is tried again";
            return Err(StoreError::io("open again", &self.path, cause));
        }
        let numbers = Numbers::load(&self.connection).map_err(failed)?;
        if !numbers.agrees(&self.numbers) {
            let cause = "after a write error it does not hold what was reported as stored; start chatd again";
            return Err(StoreError::io("go on with", &self.path, cause));
        }
        if !migrate::is_bound(&self.connection, &self.keys.in_force()).map_err(failed)? {
            let cause =
                "after a write error it is sealed with another identity key; start chatd again";
            return Err(StoreError::io("go on with", &self.path, cause));
        }
        self.files = Files::look(&self.path)
            .map_err(|error| StoreError::io("open again", &self.path, error))?;
        self.numbers = numbers;
        self.broken = false;
        Ok(())
    }

    /// Notes whether the error leaves it open what is on disk. A number that is there already does; a full disk, a lock
    /// that was not to be had and an entry that refers to nothing do not.
    pub(super) fn failed(&mut self, action: &'static str, error: &rusqlite::Error) -> StoreError {
        self.broken |= match error.sqlite_error() {
            Some(error) => match error.code {
                ErrorCode::DiskFull | ErrorCode::DatabaseBusy => false,
                ErrorCode::ConstraintViolation => error.extended_code == CONSTRAINT_PRIMARY_KEY,
                _ => true,
            },
            None => false,
        };
        fault(action, &self.path, error)
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Snapshot, StoreError> {
        self.prepare()?;
        snapshot::load(&self.connection, &self.keys.in_force(), &self.numbers)
            .map_err(|error| fault("read", &self.path, &error))
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<Vec<Outcome>, StoreError> {
        if batch.iter().all(Entry::is_empty) {
            return Ok(vec![Outcome::Changed; batch.len()]);
        }
        self.prepare()?;
        match self.store(batch) {
            Ok(outcomes) => {
                let clears = self.numbers.clears();
                self.numbers.keep();
                // What cannot be looked for now is found at the next start.
                if clears {
                    let _ = self.chores.look(&self.connection);
                }
                Ok(outcomes)
            }
            Err(error) => {
                self.numbers.take_back();
                Err(self.failed("store messages in", &error))
            }
        }
    }

    fn index(&mut self, messages_max: usize) -> Result<bool, StoreError> {
        if !self.numbers.is_unindexed() {
            return Ok(false);
        }
        self.prepare()?;
        match self.index_next(messages_max) {
            Ok(()) => Ok(self.numbers.is_unindexed()),
            Err(error) => Err(self.failed("index messages in", &error)),
        }
    }

    fn unindexed(&self) -> u64 {
        self.numbers.unindexed()
    }

    fn reindex(&mut self) -> Result<bool, StoreError> {
        self.prepare()?;
        match reindex::begin_anew(&self.connection) {
            Ok(true) => {
                // What cannot be read now is read by `mend`, from what is on disk.
                match Numbers::load(&self.connection) {
                    Ok(numbers) => self.numbers = numbers,
                    Err(_) => self.broken = true,
                }
                self.chores.old_index();
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(error) => Err(self.failed("make the search index anew in", &error)),
        }
    }

    fn tidy(&mut self, messages_max: usize) -> Result<bool, StoreError> {
        if !self.chores.any() {
            return Ok(false);
        }
        self.prepare()?;
        self.tidy_next(messages_max)
            .map_err(|error| self.failed("remove cleared messages from", &error))
    }

    fn rekey(
        &mut self,
        key: Option<IdentityKey>,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Rekeyed, StoreError> {
        self.prepare()?;
        self.change_key(key, tell)
    }
}

/// Which files the database and its write-ahead log are, by device and number.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Files([(u32, u32, u64); 2]);

impl Files {
    /// Those of the names. Nothing else is asked of them: when somebody has asked for a file's times, Linux notes the time of its
    /// next change to the nanosecond, and the sync after that writes the inode, too.
    fn look(path: &Path) -> std::io::Result<Self> {
        let mut log = path.to_owned().into_os_string();
        log.push("-wal");
        let which = |path: &Path| {
            let file = statx(CWD, path, AtFlags::empty(), StatxFlags::INO)?;
            Ok::<_, std::io::Error>((file.stx_dev_major, file.stx_dev_minor, file.stx_ino))
        };
        Ok(Self([which(path)?, which(Path::new(&log))?]))
    }
}

/// A transaction that has the right to write from the start; dropped without a commit it is undone.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<Transaction<'_>> {
    Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
}

/// Puts a message at the end of its room's log, if there is such a room.
fn put(
    append: &mut CachedStatement<'_>,
    numbers: &mut Numbers,
    draft: &Draft,
) -> rusqlite::Result<Outcome> {
    let Some((seq, offset)) = numbers.give(draft.room) else {
        return Ok(Outcome::Missing);
    };
    insert(append, message_id(draft.room, seq), offset, draft)?;
    Ok(Outcome::Appended(seq))
}

/// The same with all of these. They are numbered as they came and written room by room, so that each page of the tree is
/// looked for and filled once.
fn put_all(
    append: &mut CachedStatement<'_>,
    numbers: &mut Numbers,
    messages: &[Entry],
    outcomes: &mut Vec<Outcome>,
) -> rusqlite::Result<()> {
    let mut rows = Vec::with_capacity(messages.len());
    for entry in messages {
        let Entry::Append(draft) = entry else {
            continue;
        };
        outcomes.push(match numbers.give(draft.room) {
            Some((seq, offset)) => {
                rows.push((message_id(draft.room, seq), offset, draft));
                Outcome::Appended(seq)
            }
            None => Outcome::Missing,
        });
    }
    rows.sort_unstable_by_key(|(id, ..)| *id);
    for (id, offset, draft) in rows {
        insert(append, id, offset, draft)?;
    }
    Ok(())
}

fn insert(
    append: &mut CachedStatement<'_>,
    id: i64,
    offset: i64,
    draft: &Draft,
) -> rusqlite::Result<usize> {
    append.execute(params![
        id,
        offset,
        draft.at.0,
        draft.author.0,
        kind_number(draft.kind),
        draft.key,
        draft.text,
        draft.redacts.map(|seq| signed(seq.0))
    ])
}

/// Makes the changes of one entry, all or none. Only an entry that can be refused pays for a savepoint.
fn change(
    connection: &Connection,
    identity: &Identity,
    numbers: &mut Numbers,
    changes: &[Change],
) -> rusqlite::Result<Outcome> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]).map(drop);
    let refusable = |change: &Change| {
        matches!(
            change,
            Change::AddUser(..)
                | Change::AddRoom(_)
                | Change::AddSession(..)
                | Change::UseInvite(..)
        )
    };
    let can_be_refused = changes.iter().any(refusable);
    if can_be_refused {
        run("SAVEPOINT entry")?;
    }
    for change in changes {
        if !apply(connection, identity, change)? {
            run("ROLLBACK TO entry")?;
            run("RELEASE entry")?;
            return Ok(Outcome::Taken);
        }
    }
    if can_be_refused {
        run("RELEASE entry")?;
    }
    for change in changes {
        match change {
            Change::AddRoom(room) => numbers.add_room(room.id, room.last_seq),
            Change::RemoveRoom(room) => numbers.remove_room(*room),
            _ => {}
        }
    }
    Ok(Outcome::Changed)
}

fn index_stretches(connection: &Connection, stretches: &[Stretch]) -> rusqlite::Result<()> {
    let transaction = begin(connection)?;
    for stretch in stretches {
        let after = message_id(stretch.room, stretch.after);
        let to = message_id(stretch.room, stretch.to);
        transaction.prepare_cached(INDEX)?.execute([after, to])?;
        transaction
            .prepare_cached("UPDATE room SET indexed_seq = ?2 WHERE id = ?1")?
            .execute(params![stretch.room.0, signed(stretch.to.0)])?;
    }
    transaction.commit()
}
