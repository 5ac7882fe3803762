//! Reading from SQLite beside the writer: pages of the log, search, passwords, names. Each call is one read
//! transaction of its own: one held open would keep the write-ahead log from being begun anew.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Params};

use crate::base::record::{PasswordHash, Record};
use crate::base::{AuditEntry, RoomId, Seq, Timestamp, UserId, UserName};
use crate::store::keys::Keys;
use crate::store::rows::{
    SEQ_MAX, fault, message_id, record, record_columns, room_of, rows_max, seq_of,
};
use crate::store::snapshot::open_name;
use crate::store::{Page, Reader, StoreError, audit, search, sqlite};

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

/// CROSS JOIN keeps the order of the tables: the index finds, the log is only looked up.
pub(super) const SEARCH: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM message_text CROSS JOIN message ON message.id = message_text.rowid",
    " WHERE message_text MATCH ?1 AND message_text.rowid > max(?2, ",
    before_log!("?5"),
    ") AND message_text.rowid < ?3 AND (?6 IS NULL OR message.author = ?6)",
    " ORDER BY message_text.rowid DESC LIMIT ?4"
);

/// Where the words are, in all rooms.
pub(super) const PLACES: &str =
    "SELECT rowid FROM message_text WHERE message_text MATCH ?1 ORDER BY rowid DESC";

pub(super) const ONE: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM message WHERE id = ?1 AND id > ",
    before_log!("?1 >> 36")
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

impl SqliteReader {
    /// Goes through all places once. Room by room, FTS5 would gather all words with a beginning anew for each: with
    /// 200 000 messages in 1 000 rooms that took eight seconds.
    fn search_at_once(
        &self,
        rooms: &[RoomId],
        expression: &str,
        from: Option<UserId>,
        before: Seq,
        limit: usize,
    ) -> rusqlite::Result<Vec<Record>> {
        let mut left: HashMap<_, _> = rooms.iter().map(|room| (*room, limit)).collect();
        let mut all_left = left.len() * limit;
        let mut found = Vec::new();
        let mut one = self.connection.prepare_cached(ONE)?;
        let mut places = self.connection.prepare_cached(PLACES)?;
        let mut rows = places.query([expression])?;
        while all_left > 0
            && let Some(row) = rows.next()?
        {
            let id: i64 = row.get(0)?;
            // What was cleared away may still be in the index.
            if let Some(left) = left.get_mut(&room_of(id))
                && *left > 0
                && seq_of(id) < before
                && let Some(record) = one.query_row([id], record).optional()?
                && from.is_none_or(|from| record.draft.author == from)
            {
                (*left, all_left) = (*left - 1, all_left - 1);
                found.push(record);
            }
        }
        Ok(found)
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
        let expression = search::expression(&words);
        if rooms.len() > 1 && words.iter().any(|word| word.prefix) {
            return self
                .search_at_once(rooms, &expression, from, before, limit)
                .map_err(|error| fault("search in", &self.path, &error));
        }
        let mut found = Vec::new();
        for room in rooms {
            let range = (
                &expression,
                message_id(*room, Seq(0)),
                message_id(*room, before),
                rows_max(limit),
                room.0,
                from.map(|from| from.0),
            );
            found.append(&mut self.page(SEARCH, range, usize::MAX)?);
        }
        Ok(found)
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
