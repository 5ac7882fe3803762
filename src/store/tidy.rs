//! Clearing a log away: where it begins is moved at once, and from then on nobody is given what is below; the rows go in
//! small steps behind everybody else's commits, and then the file gets smaller, in small steps, too. All of it goes on
//! after a restart.

use std::collections::VecDeque;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::base::record::Clearing;
use crate::base::{RoomId, Seq, Timestamp};
use crate::store::numbers::Numbers;
use crate::store::redact::unindex;
use crate::store::rows::{message_id, rows_max, signed, unsigned};
use crate::store::sqlite::BUSY_WAIT;
use crate::store::writer::begin;
use crate::store::{Outcome, SqliteStore, reindex};

/// Pages of the search index written at a time, while the words that are only marked as gone go: about two milliseconds.
const INDEX_PAGES_PER_STEP: i64 = 32;

/// Pages of free space given back at a time, of 4 KiB: about two milliseconds.
const PAGES_PER_STEP: u32 = 64;

/// What auto_vacuum says of a database that can give space back in steps.
const INCREMENTAL: i64 = 2;

pub(super) const CLEARED: &str = "\
    SELECT id << 36, (id << 36) + first_seq FROM room WHERE EXISTS ( \
        SELECT 1 FROM message WHERE message.id > room.id << 36 AND message.id < (room.id << 36) + room.first_seq) \
    UNION ALL \
    SELECT id << 36, (id + 1) << 36 FROM removed_room WHERE EXISTS ( \
        SELECT 1 FROM message WHERE message.id > removed_room.id << 36 AND message.id < (removed_room.id + 1) << 36)";

pub(super) const REMAINS: &str =
    "SELECT id FROM message WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3";

/// What is still to be done.
#[derive(Debug, Default)]
pub(super) struct Chores {
    /// The ids between which rows are to go.
    remains: VecDeque<(i64, i64)>,
    /// How many pages of the search index to write next, so that the words of what was removed go with it: at once they are
    /// only marked, which is fifty times as fast. Negative where it begins; 0 where nothing is to be done.
    words: i64,
    /// Whether tables of an old search index are still there.
    old_index: bool,
    /// Whether pages are free that can be given back.
    space: bool,
    /// Whether the write-ahead log may still hold what is gone.
    scrub: bool,
}

impl Chores {
    /// What was left undone when the daemon stopped.
    pub(super) fn find(connection: &Connection) -> rusqlite::Result<Self> {
        let mut chores = Self::default();
        chores.look(connection)?;
        chores.old_index = reindex::is_old_left(connection)?;
        Ok(chores)
    }

    /// A log was cleared: looks for what is to go.
    pub(super) fn look(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.remains = connection
            .prepare_cached(CLEARED)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(())
    }

    /// A text is gone. The write-ahead log still has it, and pages that the search index left before have its words.
    pub(super) fn scrub(&mut self) {
        (self.space, self.scrub) = (true, true);
    }

    /// The search index is made anew: the old one is to go.
    pub(super) fn old_index(&mut self) {
        self.old_index = true;
    }

    pub(super) fn any(&self) -> bool {
        !self.remains.is_empty() || self.words != 0 || self.old_index || self.space || self.scrub
    }
}

impl SqliteStore {
    /// Goes one step. Its transactions are not synced: what is lost with one is done again.
    pub(super) fn tidy_next(&mut self, messages_max: usize) -> rusqlite::Result<bool> {
        let Chores {
            remains,
            words,
            old_index,
            space,
            ..
        } = &self.chores;
        if remains.is_empty() && *words == 0 && !old_index && !space {
            return self.scrub();
        }
        self.connection
            .pragma_update(None, "synchronous", "NORMAL")?;
        let done = self.remove_or_shrink(messages_max);
        let restored = self.connection.pragma_update(None, "synchronous", "FULL");
        // Never a commit of messages without its sync: a new connection begins with it.
        self.broken |= restored.is_err();
        restored?;
        done?;
        Ok(self.chores.any())
    }

    fn remove_or_shrink(&mut self, messages_max: usize) -> rusqlite::Result<()> {
        let Some(remains) = self.chores.remains.front_mut() else {
            if self.chores.words != 0 {
                self.chores.words = merge(&self.connection, self.chores.words)?;
                return Ok(());
            }
            if self.chores.old_index {
                self.chores.old_index = reindex::remove_some(&self.connection)?;
                self.chores.space = true;
                return Ok(());
            }
            self.chores.space = shrink(&self.connection)?;
            self.chores.scrub |= !self.chores.space;
            return Ok(());
        };
        match remove_rows(&self.connection, *remains, messages_max)? {
            Some(last) => remains.0 = last,
            None => {
                self.chores.remains.pop_front();
                self.chores.words = -INDEX_PAGES_PER_STEP;
                self.chores.space = true;
            }
        }
        Ok(())
    }

    /// Copies the write-ahead log into the database and empties it. Readers in the way are not waited for: it is tried
    /// again in the next step.
    fn scrub(&mut self) -> rusqlite::Result<bool> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        self.connection.busy_timeout(BUSY_WAIT)?;
        self.chores.scrub = busy?;
        Ok(self.chores.scrub)
    }
}

/// Removes the first rows between the ids and their words; returns the last id, or nothing where there is no row left.
fn remove_rows(
    connection: &Connection,
    (after, before): (i64, i64),
    messages_max: usize,
) -> rusqlite::Result<Option<i64>> {
    let ids: Vec<i64> = connection
        .prepare_cached(REMAINS)?
        .query_map(params![after, before, rows_max(messages_max)], |row| {
            row.get(0)
        })?
        .collect::<rusqlite::Result<_>>()?;
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else {
        return Ok(None);
    };
    let transaction = begin(connection)?;
    unindex(&transaction, *first, *last)?;
    transaction
        .prepare_cached("DELETE FROM message WHERE id >= ?1 AND id <= ?2")?
        .execute([first, last])?;
    transaction.commit()?;
    Ok(Some(*last))
}

/// Writes some pages of the search index anew, all in one piece in the end, without what is marked as gone. Returns how many to
/// write next.
fn merge(connection: &Connection, pages: i64) -> rusqlite::Result<i64> {
    let before = connection.total_changes();
    connection
        .prepare_cached("INSERT INTO message_text (message_text, rank) VALUES ('merge', ?1)")?
        .execute([pages])?;
    // By its own account one change is the statement itself.
    let more = connection.total_changes() - before > 1;
    Ok(if more { INDEX_PAGES_PER_STEP } else { 0 })
}

/// Gives some free pages back; returns whether there are more.
fn shrink(connection: &Connection) -> rusqlite::Result<bool> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    if number("PRAGMA auto_vacuum")? != INCREMENTAL {
        return Ok(false);
    }
    let free = number("PRAGMA freelist_count")?;
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES_PER_STEP})"))?;
    let left = number("PRAGMA freelist_count")?;
    Ok(left > 0 && left < free)
}

/// Moves the beginning of a log. Returns where it is then, or would be.
pub(super) fn clear(
    connection: &Connection,
    numbers: &mut Numbers,
    clearing: &Clearing,
) -> rusqlite::Result<Outcome> {
    let Clearing { room, upto, .. } = *clearing;
    let first = connection
        .prepare_cached("SELECT first_seq FROM room WHERE id = ?1")?
        .query_row([room.0], |row| unsigned(row, 0).map(Seq))
        .optional()?;
    let (Some(first), Some(last)) = (first, numbers.last(room)) else {
        return Ok(Outcome::Missing);
    };
    let end = upto.min(last).next();
    let to = match clearing.before {
        Some(moment) => first_since(connection, room, (first, end), moment)?,
        None => end,
    };
    if to <= first {
        return Ok(Outcome::Cleared(first));
    }
    if !clearing.dry_run {
        connection
            .prepare_cached(
                "UPDATE room SET first_seq = ?2, indexed_seq = max(indexed_seq, ?2 - 1) WHERE id = ?1",
            )?
            .execute(params![room.0, signed(to.0)])?;
        raise_floor(connection, room)?;
        numbers.clear(room, to);
    }
    Ok(Outcome::Cleared(to))
}

/// The first number from `from` on, below `end`, that is not older than the moment; `end` if all are. Times rise in a log but
/// where a clock was set back, so it is looked for by halves.
fn first_since(
    connection: &Connection,
    room: RoomId,
    (from, end): (Seq, Seq),
    moment: Timestamp,
) -> rusqlite::Result<Seq> {
    let mut look = connection.prepare_cached("SELECT at FROM message WHERE id = ?1")?;
    let (mut low, mut high) = (from.0, end.0);
    while low < high {
        let middle = low + (high - low) / 2;
        let at: Option<i64> = look
            .query_row([message_id(room, Seq(middle))], |row| row.get(0))
            .optional()?;
        match at.is_some_and(|at| at < moment.0) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok(Seq(low))
}

/// Messages of this room will be gone: their offsets are not given again.
fn raise_floor(connection: &Connection, room: RoomId) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            r#"UPDATE meta SET value = max(value, ifnull((SELECT "offset" FROM message
               WHERE id > ?1 << 36 AND id < (?1 + 1) << 36 ORDER BY id DESC LIMIT 1), 0)) WHERE name = 'offset_floor'"#,
        )?
        .execute([room.0])?;
    Ok(())
}

/// The room is gone but for its messages, which are nobody's from now on.
pub(super) fn remove_room(connection: &Connection, room: RoomId) -> rusqlite::Result<()> {
    raise_floor(connection, room)?;
    for sql in [
        "INSERT INTO removed_room (id, name_key, last_seq) SELECT id, name_key, max(first_seq - 1, ifnull((\
             SELECT message.id & 68719476735 FROM message WHERE message.id > ?1 << 36 \
             AND message.id < (?1 + 1) << 36 ORDER BY message.id DESC LIMIT 1), 0)) FROM room \
             WHERE id = ?1 AND name_key IS NOT NULL",
        "DELETE FROM member WHERE room = ?1",
        "DELETE FROM ban WHERE room = ?1",
        "DELETE FROM room WHERE id = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([room.0])?;
    }
    Ok(())
}
