//! Reading from SQLite beside the writer: pages of the log, search, passwords, names. A call ends
//! its read transactions: one held open would keep the write-ahead log from being begun anew.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Params};

use crate::base::record::{KeyRecord, PasswordHash, Record};
use crate::base::{AuditEntry, RoomId, Seq, Timestamp, UserId, UserName};
use crate::store::keys::Keys;
use crate::store::newest::Search;
use crate::store::rows::{SEQ_MAX, fault, message_id, record, record_columns, rows_max};
use crate::store::snapshot::open_name;
use crate::store::{Page, Reader, StoreError, audit, search, snapshot, sqlite};

/// The id before the first that is in a room's log. NULL where the room is gone, and nothing is above that.
macro_rules! before_log {
    ($room:literal) => {
        concat!(
            "(SELECT (room.id << 36) + room.first_seq - 1 FROM room WHERE room.id = ",
            $room,
            ")"
        )
    };
}
pub(super) use before_log;

pub(super) const AFTER: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM message WHERE id > max(?1, ",
    before_log!("?4"),
    ") AND id <= ?2 ORDER BY id LIMIT ?3"
);

pub(super) const BEFORE: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM message WHERE id > max(?1, ",
    before_log!("?4"),
    ") AND id < ?2 ORDER BY id DESC LIMIT ?3"
);

/// A connection that can only read. Cheap to make; each thread has its own.
pub struct SqliteReader {
    connection: Connection,
    keys: Arc<Keys>,
    path: Arc<Path>,
}

impl SqliteReader {
    pub(super) fn open(path: Arc<Path>, keys: Arc<Keys>) -> Result<Self, StoreError> {
        let connection = sqlite::connect_reader(&path)
            .map_err(|error| fault("open for reading", &path, &error))?;
        Ok(Self {
            connection,
            keys,
            path,
        })
    }

    fn page(
        &self,
        sql: &str,
        range: impl Params,
        bytes_max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let read = || {
            let mut page = Page::new(bytes_max);
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query(range)?;
            while let Some(row) = rows.next()? {
                if !page.push(record(row)?) {
                    break;
                }
            }
            Ok(page.records)
        };
        read().map_err(|error| fault("read messages from", &self.path, &error))
    }
}

impl Reader for SqliteReader {
    fn after(
        &mut self,
        room: RoomId,
        after: Seq,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let range = (
            message_id(room, after),
            message_id(room, SEQ_MAX),
            rows_max(limit),
            room.0,
        );
        self.page(AFTER, range, bytes_max)
    }

    fn before(
        &mut self,
        room: RoomId,
        before: Seq,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let range = (
            message_id(room, Seq(0)),
            message_id(room, before),
            rows_max(limit),
            room.0,
        );
        let mut records = self.page(BEFORE, range, bytes_max)?;
        records.reverse();
        Ok(records)
    }

    fn search(
        &mut self,
        rooms: &[RoomId],
        text: &str,
        from: Option<UserId>,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let words = search::words(text);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let search = Search {
            connection: &self.connection,
            expression: &search::expression(&words),
            from,
            before,
            limit,
        };
        search
            .newest(rooms, words.iter().any(|word| word.prefix))
            .map_err(|error| fault("search in", &self.path, &error))
    }

    fn keys(&mut self, since: Timestamp, keys_max: usize) -> Result<Vec<KeyRecord>, StoreError> {
        snapshot::keys(&self.connection, since, keys_max)
            .map_err(|error| fault("read the keys of messages from", &self.path, &error))
    }

    fn password(&mut self, user: UserId) -> Result<Option<PasswordHash>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT password FROM user WHERE id = ?1 AND removed = 0")?
                .query_row([user.0], |row| {
                    Ok(PasswordHash(row.get_ref(0)?.as_str()?.into()))
                })
                .optional()
        };
        read().map_err(|error| fault("read a password from", &self.path, &error))
    }

    fn author(&mut self, user: UserId) -> Result<Option<UserName>, StoreError> {
        // The key does not change between reading and opening.
        let identity = self.keys.in_force();
        let read = || {
            self.connection
                .prepare_cached("SELECT name FROM user WHERE id = ?1")?
                .query_row([user.0], |row| {
                    open_name(&identity, user, row.get_ref(0)?.as_blob()?)
                })
                .optional()
        };
        read().map_err(|error| fault("read a name from", &self.path, &error))
    }

    fn audit_before(
        &mut self,
        number: u64,
        since: Timestamp,
        method: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let identity = self.keys.in_force();
        audit::before(&self.connection, &identity, number, since, method, limit)
            .map_err(|error| fault("read the audit log from", &self.path, &error))
    }

    fn audit_after(&mut self, number: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let identity = self.keys.in_force();
        audit::after(&self.connection, &identity, number, limit)
            .map_err(|error| fault("read the audit log from", &self.path, &error))
    }
}
