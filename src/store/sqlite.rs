//! The store that the daemon runs on: one SQLite file, one writer, many readers.
//!
//! **How messages lie.** One table, `message`, and no index beside it. Its key is a single number, the room in the high
//! bits and the message's number there in the low 36, so that
//! * a page of a room's log is one stretch of one tree, in order, each row read where it is found;
//! * (room, seq) cannot be there twice;
//! * storing a message writes to the end of one stretch and to nothing else. A second index halved the rows stored in a
//!   second and more; a table in the order of arrival with an index by room read pages five times slower.
//!
//! `offset` counts all messages in the order in which they were stored. It rises within each room, too, so what is
//! newest of all is found by going back from the ends of all rooms at once, without an index. Keys of sends are
//! remembered by the engine for a named time and read back in that way, once, at the start.
//!
//! **Numbers** are given by the writer from memory and read back at its start from the end of each room's stretch. A
//! room's `first_seq` keeps the numbering of a log that was emptied, `removed_room` that of a room that is gone,
//! `meta.offset_floor` that of the offsets: whatever removes messages raises them in its own transaction. What lies below
//! `first_seq` is given to nobody; the rows go later, in small steps (tidy.rs).
//!
//! **Durability.** WAL with `synchronous=FULL`: one sync for each commit. The log is copied into the database
//! (`wal_autocheckpoint`) by the writer itself every 1000 pages, right after a commit: that is 4 MiB and one further
//! sync, some milliseconds once in hundreds of commits, during which only the next batch grows. It is passive and
//! waits for no reader. A second thread that did it was turned down: under steady writing the log would be begun anew
//! only when that thread happens to have caught up, and so grow without bound. Readers hold no transaction between
//! calls, so that the log can be begun anew at nearly every checkpoint; `journal_size_limit` gives back what a burst took.
//!
//! **Secrets.** See [`KeySource`]. Names, addresses, devices and the parameters in the audit log are sealed, tokens and
//! passwords are hashes. `secure_delete=FAST` wipes what is removed where that costs no further page; where a text is
//! redacted, it is wiped wherever it lay, and out of the write-ahead log as soon as no reader is in the way.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::Flock;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::store::keys::Keys;
use crate::store::long::LOG_BYTES_MAX;
use crate::store::migrate::{self, Found};
use crate::store::rows::{fault, refused};
use crate::store::{KeySource, SqliteReader, SqliteStore, StoreError, Upkeep, kept, lock, upkeep};

/// The database's name in the state folder.
pub const DATABASE_FILE: &str = "chatd.db";

/// Nobody else writes; what is waited for is a checkpoint's last step or an admin's look with the `sqlite3` program.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(1);
/// More statements than either side has.
const STATEMENTS_CACHED: usize = 64;
/// The writer works at the ends of all rooms' stretches and in the search index: 64 MB.
const WRITER_CACHE_KB: i64 = 64_000;
/// Each reader. What is read often is in the system's cache anyway.
const READER_CACHE_KB: i64 = 4_000;
const WAL_PAGES: i64 = 1_000;
const WAL_BYTES_KEPT: i64 = 64 << 20;

/// The database of a state folder, which is locked for as long as this or its writer lives.
pub struct Database {
    path: Arc<Path>,
    keys: Arc<Keys>,
    lock: Arc<Flock<File>>,
    epoch: Arc<str>,
}

impl Database {
    /// Opens the state folder; makes it, the database and its key where there is none yet.
    ///
    /// # Errors
    /// When another daemon has the folder, or the database is not ours, newer, or of another key.
    pub fn open(state_dir: &Path, key: &KeySource) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(state_dir)
            .map_err(|error| StoreError::io("make the folder", state_dir, error))?;
        check_folder(state_dir)?;
        let lock = lock::take(state_dir)?;
        upkeep::clear(state_dir);
        let path = state_dir.join(DATABASE_FILE);
        make_file(&path)?;
        let failed = |error| fault("open", &path, &error);
        let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
        let found = migrate::look(&connection).map_err(failed)?;
        match found {
            Found::New | Found::Ours => {}
            Found::Newer(found) => {
                let known = migrate::known();
                return Err(StoreError::Newer { path, found, known });
            }
            Found::Foreign => return Err(StoreError::Foreign { path }),
        }
        let keys = Keys::find(key, state_dir, &connection, found)?;
        if let Some(version) = migrate::behind(&connection, found).map_err(failed)? {
            kept::keep_copy(&connection, &path, version)?;
        }
        let epoch = prepare(&connection, found)
            .and_then(|()| migrate::run(&mut connection, &keys.in_force()))
            .and_then(|()| migrate::epoch(&connection))
            .map_err(|error| fault("set up", &path, &error))?;
        Ok(Self {
            path: path.into(),
            keys: Arc::new(keys),
            lock: Arc::new(lock),
            epoch,
        })
    }

    /// Which life of the database this is: another one once a copy of it was put in its place.
    #[must_use]
    pub fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    /// The writer. There is one at a time.
    ///
    /// # Errors
    /// While there is one already, or when the database cannot be read.
    pub fn writer(&self) -> Result<SqliteStore, StoreError> {
        if Arc::strong_count(&self.lock) > 1 {
            return Err(StoreError::Locked {
                path: self.path.with_file_name(lock::LOCK_FILE),
                pid: Some(std::process::id().cast_signed()),
            });
        }
        SqliteStore::open(self.path.clone(), self.keys.clone(), self.lock.clone())
    }

    /// A reader; as many as there are threads that read.
    ///
    /// # Errors
    /// When the database cannot be opened once more.
    pub fn reader(&self) -> Result<SqliteReader, StoreError> {
        SqliteReader::open(self.path.clone(), self.keys.clone())
    }

    /// For copies and checks.
    #[must_use]
    pub fn upkeep(&self) -> Upkeep {
        Upkeep {
            path: self.path.clone(),
            keys: self.keys.clone(),
            growth_max: LOG_BYTES_MAX,
        }
    }
}

pub(super) fn connect_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    tune_writer(&connection)?;
    Ok(connection)
}

pub(super) fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KB)?;
    Ok(connection)
}

/// Changes nothing in the file. Each connection has one thread, so SQLite needs no lock of its own around it.
fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A plan that stays: SQLite would look at the number that is bound to each LIMIT, and so parse every statement that has
    // one again each time, which takes longer than to read a page of messages.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Before the first table: pages that are free can be given back in small steps, which cannot be chosen later. It was
/// measured to cost nothing when storing.
fn prepare(connection: &Connection, found: Found) -> rusqlite::Result<()> {
    if found == Found::New {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    tune_writer(connection)
}

fn tune_writer(connection: &Connection) -> rusqlite::Result<()> {
    let set = |name, value: &dyn rusqlite::ToSql| connection.pragma_update(None, name, value);
    // Some file systems cannot do it; SQLite then answers with the mode that it stays in.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| {
        match row.get_ref(0)?.as_str()? {
            "wal" => Ok(()),
            _ => Err(refused(NoWal)),
        }
    })?;
    set("synchronous", &"FULL")?;
    set("foreign_keys", &true)?;
    set("secure_delete", &"FAST")?;
    set("cache_size", &-WRITER_CACHE_KB)?;
    set("wal_autocheckpoint", &WAL_PAGES)?;
    set("journal_size_limit", &WAL_BYTES_KEPT)
}

#[derive(Debug, thiserror::Error)]
#[error(
    "its file system cannot share memory between connections (WAL); choose a local folder with --state"
)]
struct NoWal;

/// Whoever can put files into the folder can lay links in the way of ours.
fn check_folder(state_dir: &Path) -> Result<(), StoreError> {
    let folder = std::fs::metadata(state_dir)
        .map_err(|error| StoreError::io("look at the folder", state_dir, error))?;
    let exposed = |problem: String| {
        Err(StoreError::Exposed {
            path: state_dir.to_owned(),
            problem,
        })
    };
    match folder.uid() {
        uid if uid != 0 && uid != nix::unistd::geteuid().as_raw() => {
            exposed(format!("belongs to another user ({uid})"))
        }
        _ if folder.mode() & 0o002 != 0 => exposed("can be written by every user".to_owned()),
        _ => Ok(()),
    }
}

/// SQLite gives the files beside the database the mode of the database itself.
fn make_file(path: &PathBuf) -> Result<(), StoreError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| StoreError::io("open", path, error))?;
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
