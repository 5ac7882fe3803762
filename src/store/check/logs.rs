//! The numbers of the messages in each room: none is missing, none is there twice; and which of them are in the search
//! index.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension as _, Row};

use super::{Check, Checking, ROWS, Step, note};
use crate::base::{RoomId, Seq};
use crate::store::rows::{SEQ_MAX, message_id, record, record_columns, room_of, seq_of, unsigned};

/// Offsets in a part of the set of those seen, and as many parts as are kept: 256 MiB, two thousand million messages.
const PART_OFFSETS: i64 = 32_768;
const PARTS_MAX: usize = 65_536;

const MESSAGES: &str = concat!(
    "SELECT ",
    record_columns!(),
    r#", message."offset" FROM message WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3"#
);
const INDEXED: &str = "SELECT id FROM message_text_docsize WHERE id > ?1 AND id <= ?2 ORDER BY id";

/// The numbers of one room, or of all direct conversations together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCount {
    /// The room; none for direct conversations.
    pub room: Option<String>,
    /// How many logs these are.
    pub logs: u64,
    /// Where it begins; of direct conversations 0.
    pub first: Seq,
    /// The last number, or the one before the first; of direct conversations 0.
    pub last: Seq,
    /// The messages there are.
    pub messages: u64,
    /// How many numbers have none.
    pub missing: u64,
}

/// A room as far as its log is concerned.
struct Log {
    id: RoomId,
    /// As people know it.
    name: String,
    direct: bool,
    first: Seq,
    messages: u64,
    missing: u64,
    indexed: Seq,
    /// The last number looked at, and its offset.
    last: Seq,
    offset: i64,
    end: Seq,
}

impl Log {
    fn count(&self) -> LogCount {
        LogCount {
            room: Some(self.name.clone()),
            logs: 1,
            first: self.first,
            last: self.last,
            messages: self.messages,
            missing: self.missing,
        }
    }
}

impl LogCount {
    fn nothing() -> Self {
        Self {
            room: None,
            logs: 0,
            first: Seq(0),
            last: Seq(0),
            messages: 0,
            missing: 0,
        }
    }

    fn add(&mut self, log: &Log) {
        self.logs += 1;
        self.messages += log.messages;
        self.missing += log.missing;
    }
}

impl Check<'_> {
    pub(super) fn numbering(&mut self) -> rusqlite::Result<()> {
        let mut logs = self.logs()?;
        self.strays(&logs)?;
        let total = logs
            .iter()
            .map(|log| log.end.0.saturating_sub(log.last.0))
            .sum();
        let mut done = 0;
        let mut direct = LogCount::nothing();
        for log in &mut logs {
            while log.last < log.end {
                let before = log.last;
                self.stretch(log)?;
                done += log.last.0 - before.0;
                (self.tell)(Checking::Looked(Step::Numbering, done, total));
            }
            match log.direct {
                true => direct.add(log),
                false => (self.tell)(Checking::Log(log.count())),
            }
        }
        if direct.logs > 0 {
            (self.tell)(Checking::Log(direct));
        }
        Ok(())
    }

    fn logs(&self) -> rusqlite::Result<Vec<Log>> {
        let connection = self.connection;
        let mut statement = connection.prepare(
            "SELECT id, ifnull(name, '@' || lower_user || ' @' || higher_user), first_seq, indexed_seq, \
             (SELECT max(id) FROM message WHERE id > room.id << 36 AND id < (room.id + 1) << 36), name IS NULL \
             FROM room ORDER BY id",
        )?;
        let log = |row: &Row| {
            let before = Seq(unsigned(row, 2)?.saturating_sub(1));
            Ok(Log {
                id: RoomId(row.get(0)?),
                name: row.get(1)?,
                direct: row.get(5)?,
                first: before.next(),
                messages: 0,
                missing: 0,
                indexed: Seq(unsigned(row, 3)?),
                last: before,
                offset: 0,
                end: row.get::<_, Option<i64>>(4)?.map_or(before, seq_of),
            })
        };
        statement.query_map([], log)?.collect()
    }

    /// Messages in no room, and in none that was removed.
    fn strays(&mut self, logs: &[Log]) -> rusqlite::Result<()> {
        let connection = self.connection;
        let mut removed = connection.prepare("SELECT id FROM removed_room")?;
        let mut rooms = removed
            .query_map([], |row| row.get(0).map(RoomId))?
            .collect::<rusqlite::Result<HashSet<_>>>()?;
        rooms.extend(logs.iter().map(|log| log.id));
        let mut next = connection.prepare("SELECT min(id) FROM message WHERE id > ?1")?;
        let mut after = 0_i64;
        while let Some(id) = next.query_row([after], |row| row.get::<_, Option<i64>>(0))? {
            let room = room_of(id);
            if !rooms.contains(&room) {
                self.found(format!("messages are in room {room}, which is not there"));
            }
            after = message_id(room, SEQ_MAX);
        }
        Ok(())
    }

    /// One stretch of a room's log, with what the search index has of it, in one transaction.
    fn stretch(&mut self, log: &mut Log) -> rusqlite::Result<()> {
        let connection = self.connection;
        let transaction = connection.unchecked_transaction()?;
        let start = log.last;
        let (after, end) = (message_id(log.id, start), message_id(log.id, log.end));
        let mut messages = transaction.prepare_cached(MESSAGES)?;
        let mut rows = messages.query([after, end, ROWS])?;
        // Those that are to be in the index, and those that may be: the text of one may have been taken back.
        let mut texts: Vec<(i64, bool)> = Vec::new();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let has_text = self.message(log, id, row)?;
            if log.last <= log.indexed {
                texts.push((id, has_text));
            }
        }
        if log.last == start {
            // The rest was removed meanwhile.
            log.last = log.end;
            return Ok(());
        }
        let to = message_id(log.id, log.last.min(log.indexed));
        let mut indexed = transaction.prepare_cached(INDEXED)?;
        let indexed = indexed.query_map([after, to], |row| row.get::<_, i64>(0))?;
        let mut indexed = indexed.collect::<rusqlite::Result<HashSet<_>>>()?;
        for (id, has_text) in texts {
            if !indexed.remove(&id) && has_text {
                let what = format!("message {} of '{}' is not in it", seq_of(id), log.name);
                note(&mut self.index, what);
            }
        }
        for id in indexed {
            let what = format!(
                "it has message {} of '{}', which is not there",
                seq_of(id),
                log.name
            );
            note(&mut self.index, what);
        }
        Ok(())
    }

    /// One message. Returns whether it has a text.
    fn message(&mut self, log: &mut Log, id: i64, row: &Row) -> rusqlite::Result<bool> {
        let (name, seq) = (&log.name, seq_of(id));
        if seq != log.last.next() && !self.was_cleared(log.id, seq)? {
            let what = match log.last.next().0 + 1 == seq.0 {
                true => format!("'{name}' has no message {}", log.last.next()),
                false => format!(
                    "'{name}' has no messages {} to {}",
                    log.last.next(),
                    seq.0 - 1
                ),
            };
            note(&mut self.findings, what);
            log.missing += seq.0.saturating_sub(log.last.next().0);
        }
        log.messages += 1;
        let offset: i64 = row.get(7)?;
        if offset <= log.offset {
            let what = format!("message {seq} of '{name}' does not come after the one before it");
            note(&mut self.findings, what);
        }
        if !self.seen.is_new(offset) {
            let what = format!("message {seq} of '{name}' has the place of another one");
            note(&mut self.findings, what);
        }
        (log.last, log.offset) = (seq, offset);
        match record(row) {
            Ok(record) => {
                self.authors.insert(record.draft.author.0);
                Ok(!record.draft.text.is_empty())
            }
            Err(error) => {
                let what = format!("message {seq} of '{}' cannot be read: {error}", log.name);
                self.found(what);
                Ok(false)
            }
        }
    }

    /// Whether the log begins here by now, or is gone.
    fn was_cleared(&self, room: RoomId, seq: Seq) -> rusqlite::Result<bool> {
        let first = self
            .connection
            .prepare_cached("SELECT first_seq FROM room WHERE id = ?1")?
            .query_row([room.0], |row| unsigned(row, 0))
            .optional()?;
        Ok(first.is_none_or(|first| first >= seq.0))
    }
}

/// The offsets seen, a bit for each.
#[derive(Default)]
pub(super) struct Offsets(HashMap<i64, Box<[u64]>>);

impl Offsets {
    /// Notes the offset. Where there are too many, all count as new.
    fn is_new(&mut self, offset: i64) -> bool {
        let part = offset.div_euclid(PART_OFFSETS);
        let place = offset.rem_euclid(PART_OFFSETS) as usize;
        if self.0.len() >= PARTS_MAX && !self.0.contains_key(&part) {
            return true;
        }
        let words = PART_OFFSETS as usize / 64;
        let part = self
            .0
            .entry(part)
            .or_insert_with(|| vec![0; words].into_boxed_slice());
        let (word, bit) = (place / 64, 1 << (place % 64));
        let is_new = part[word] & bit == 0;
        part[word] |= bit;
        is_new
    }
}
