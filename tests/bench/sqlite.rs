//! The bare limit of storing: the daemon's own tables and settings, one connection, one statement, nothing else.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rusqlite::{Connection, TransactionBehavior};

/// The same tables.
const TABLES: &str = include_str!("../../src/store/migrations/001_init.sql");
/// The same settings as the daemon's writer.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA secure_delete = FAST; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -64000; \
    PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 67108864;";
const INSERT: &str = r#"INSERT INTO message (id, "offset", at, author, kind, key, text) VALUES (?, ?, ?, ?, ?, ?, ?)"#;
const ROOM_SHIFT: u32 = 36;

/// A database that takes messages.
pub struct Bare {
    connection: Connection,
    /// The last number given in each room.
    rooms: Vec<i64>,
    offset: i64,
    text: String,
}

impl Bare {
    /// A new one in this folder, with so many rooms.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn open(folder: &Path, rooms: usize, text_bytes: usize) -> Result<Self> {
        let path = folder.join("bare.db");
        let connection =
            Connection::open(&path).with_context(|| format!("cannot open '{}'", path.display()))?;
        connection.execute_batch(SETTINGS)?;
        connection.execute_batch(TABLES)?;
        Ok(Self {
            connection,
            rooms: vec![0; rooms],
            offset: 0,
            text: "x".repeat(text_bytes),
        })
    }

    /// From now on the write-ahead log is copied every so many pages; with 0 never.
    ///
    /// # Errors
    /// When it cannot be set.
    pub fn checkpoint_every(&self, pages: u32) -> Result<()> {
        let set = self
            .connection
            .pragma_update(None, "wal_autocheckpoint", pages);
        set.context("cannot set SQLite")
    }

    /// Stores batches of so many rows for this time, each in a transaction with a sync, the rooms in turn. Returns how
    /// long each commit took.
    ///
    /// # Errors
    /// When one fails.
    pub fn commits(&mut self, rows: usize, time: Duration) -> Result<Vec<Duration>> {
        let (started, mut times) = (Instant::now(), Vec::new());
        while started.elapsed() < time {
            let begun = Instant::now();
            self.commit(rows).context("cannot commit to bare SQLite")?;
            times.push(begun.elapsed());
        }
        Ok(times)
    }

    /// The same with one row each, so many a second: a disk that has slept for a moment takes longer.
    ///
    /// # Errors
    /// When one fails.
    pub fn paced(&mut self, per_second: u32, time: Duration) -> Result<Vec<Duration>> {
        let (started, mut times) = (Instant::now(), Vec::new());
        while started.elapsed() < time {
            std::thread::sleep(Duration::from_secs(1) / per_second);
            let begun = Instant::now();
            self.commit(1).context("cannot commit to bare SQLite")?;
            times.push(begun.elapsed());
        }
        Ok(times)
    }

    fn commit(&mut self, rows: usize) -> rusqlite::Result<()> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut insert = transaction.prepare_cached(INSERT)?;
        for row in 0..rows {
            let room = row % self.rooms.len();
            self.rooms[room] += 1;
            self.offset += 1;
            insert.execute(rusqlite::params![
                ((room as i64 + 1) << ROOM_SHIFT) | self.rooms[room],
                self.offset,
                1_767_225_600_000 + self.offset,
                room as i64 + 1,
                0,
                format!("{:012}", self.offset),
                self.text,
            ])?;
        }
        drop(insert);
        transaction.commit()
    }
}
