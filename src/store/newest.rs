//! What was said last with some words, in one room or in many.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::base::record::Record;
use crate::base::{RoomId, Seq, UserId};
use crate::store::reader::before_log;
use crate::store::rows::{SEQ_MAX, message_id, record, record_columns, room_of, rows_max, seq_of};

/// A message with its offset: the order in which all came in.
macro_rules! found_columns {
    () => {
        concat!(record_columns!(), r#", message."offset""#)
    };
}
const OFFSET_COLUMN: usize = 7;

/// CROSS JOIN keeps the order of the tables: the index finds, the log is only looked up.
pub(super) const SEARCH: &str = concat!(
    "SELECT ",
    found_columns!(),
    " FROM message_text CROSS JOIN message ON message.id = message_text.rowid",
    " WHERE message_text MATCH ?1 AND message_text.rowid > max(?2, ",
    before_log!("?5"),
    ") AND message_text.rowid < ?3 AND (?6 IS NULL OR message.author = ?6)",
    " ORDER BY message_text.rowid DESC LIMIT ?4"
);

/// Where the words are, in all rooms.
pub(super) const PLACES: &str =
    "SELECT rowid FROM message_text WHERE message_text MATCH ?1 ORDER BY rowid DESC";

/// Whether that is in so many places.
pub(super) const FREQUENT: &str =
    "SELECT EXISTS (SELECT rowid FROM message_text WHERE message_text MATCH ?1 LIMIT 1 OFFSET ?2)";

pub(super) const ONE: &str = concat!(
    "SELECT ",
    found_columns!(),
    " FROM message WHERE id = ?1 AND id > ",
    before_log!("?1 >> 36")
);

/// When a room was last written in.
pub(super) const LAST: &str =
    r#"SELECT "offset" FROM message WHERE id > ?1 AND id < ?2 ORDER BY id DESC LIMIT 1"#;

/// Words that are in fewer places are looked for in all rooms at once, which takes some milliseconds then. Others are looked
/// for room by room: to come to the end of a room, FTS5 goes through all that comes after it, a third of a millisecond
/// where a word is in ten million messages.
const RARE_PLACES: usize = 10_000;

/// What is looked for.
pub(super) struct Search<'a> {
    pub connection: &'a Connection,
    /// See [`crate::store::search::expression`].
    pub expression: &'a str,
    pub from: Option<UserId>,
    pub before: Seq,
    pub limit: usize,
}

/// The newest so far, by offset.
struct Newest {
    limit: usize,
    found: BTreeMap<i64, Record>,
}

impl Newest {
    /// Whether what came in then is among them.
    fn wants(&self, offset: i64) -> bool {
        let oldest = self.found.first_key_value();
        self.found.len() < self.limit || oldest.is_some_and(|(oldest, _)| offset > *oldest)
    }

    fn take(&mut self, row: &Row) -> rusqlite::Result<bool> {
        let offset = row.get(OFFSET_COLUMN)?;
        let wanted = self.wants(offset);
        if wanted {
            self.found.insert(offset, record(row)?);
            if self.found.len() > self.limit {
                self.found.pop_first();
            }
        }
        Ok(wanted)
    }
}

impl Search<'_> {
    /// The newest of all these rooms, newest first.
    pub fn newest(&self, rooms: &[RoomId], has_beginnings: bool) -> rusqlite::Result<Vec<Record>> {
        let mut newest = Newest {
            limit: self.limit,
            found: BTreeMap::new(),
        };
        if self.limit > 0 {
            match rooms.len() > 1 && (has_beginnings || !self.is_frequent()?) {
                true => self.at_once(rooms, &mut newest)?,
                false => self.room_by_room(rooms, &mut newest)?,
            }
        }
        Ok(newest.found.into_values().rev().collect())
    }

    fn is_frequent(&self) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached(FREQUENT)?
            .query_row((self.expression, rows_max(RARE_PLACES)), |row| row.get(0))
    }

    /// Goes through all places once. Room by room, FTS5 would gather all words with a beginning anew for each: with
    /// 200 000 messages in 1 000 rooms that took eight seconds.
    fn at_once(&self, rooms: &[RoomId], newest: &mut Newest) -> rusqlite::Result<()> {
        let mut left: HashMap<_, _> = rooms.iter().map(|room| (*room, self.limit)).collect();
        let mut all_left = left.len() * self.limit;
        let mut one = self.connection.prepare_cached(ONE)?;
        let mut places = self.connection.prepare_cached(PLACES)?;
        let mut rows = places.query([self.expression])?;
        while all_left > 0
            && let Some(row) = rows.next()?
        {
            let id: i64 = row.get(0)?;
            let Some(left) = left.get_mut(&room_of(id)) else {
                continue;
            };
            if *left == 0 || seq_of(id) >= self.before {
                continue;
            }
            let mut take = |row: &Row| {
                let author: u32 = row.get(2)?;
                match self.from.is_none_or(|from| from.0 == author) {
                    true => newest.take(row).map(|_| true),
                    false => Ok(false),
                }
            };
            // What was cleared away may still be in the index.
            if one.query_row([id], |row| take(row)).optional()? == Some(true) {
                (*left, all_left) = (*left - 1, all_left - 1);
            }
        }
        Ok(())
    }

    /// Those first in which somebody has written last, until none of the others can have anything newer.
    fn room_by_room(&self, rooms: &[RoomId], newest: &mut Newest) -> rusqlite::Result<()> {
        let mut last = self.connection.prepare_cached(LAST)?;
        let mut ends = Vec::with_capacity(rooms.len());
        for room in rooms {
            let range = (message_id(*room, Seq(0)), message_id(*room, self.before));
            let end: Option<i64> = last.query_row(range, |row| row.get(0)).optional()?;
            ends.extend(end.map(|end| (end, *room)));
        }
        ends.sort_unstable_by(|one, other| other.cmp(one));
        let mut statement = self.connection.prepare_cached(SEARCH)?;
        for (end, room) in ends {
            if !newest.wants(end) {
                break;
            }
            let mut rows = statement.query((
                self.expression,
                message_id(room, Seq(0)),
                message_id(room, self.before.min(SEQ_MAX)),
                rows_max(self.limit),
                room.0,
                self.from.map(|from| from.0),
            ))?;
            while let Some(row) = rows.next()?
                && newest.take(row)?
            {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{Database, connect_reader};
    use crate::store::tests::stage::{make, open, room, say};
    use crate::store::{KeySource, Store as _};

    /// Whichever way is taken, the same is found, with any bounds.
    #[test]
    fn at_once_and_room_by_room_find_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &KeySource::default()).unwrap();
        let mut store = database.writer().unwrap();
        let rooms: Vec<_> = (2..7).map(RoomId).collect();
        let new = rooms.iter().map(|id| room(*id, open(&format!("room{id}"))));
        make(&mut store, new.collect());
        // Some rooms are long quiet, and some never had the word.
        let mut words = 0;
        for n in 0..200_u32 {
            let room = rooms[match n % 7 {
                0 if n < 60 => 0,
                1..=3 => 1,
                4 => 2,
                5 => 3,
                _ => 4,
            }];
            let text = match (n % 3, room.0) {
                (0, _) | (_, 6) => "other",
                _ => "word",
            };
            words += usize::from(text == "word");
            say(&mut store, room, &[text]);
        }
        while store.index(100).unwrap() {}
        let connection = connect_reader(&folder.path().join("chatd.db")).unwrap();
        let mut most = 0;
        for limit in [1, 2, 7, 50, 1_000] {
            for before in [1, 5, 30, u64::MAX] {
                for rooms in [&rooms[..], &rooms[1..], &rooms[..1], &rooms[3..], &[]] {
                    let search = Search {
                        connection: &connection,
                        expression: "\"word\"",
                        from: None,
                        before: Seq(before),
                        limit,
                    };
                    let new = || Newest {
                        limit,
                        found: BTreeMap::new(),
                    };
                    let (mut one, mut other) = (new(), new());
                    search.at_once(rooms, &mut one).unwrap();
                    search.room_by_room(rooms, &mut other).unwrap();
                    assert_eq!(one.found, other.found, "{limit} before {before}");
                    let newest = search.newest(rooms, false).unwrap();
                    assert!(newest.iter().eq(one.found.values().rev()));
                    most = most.max(newest.len());
                }
            }
        }
        assert_eq!(most, words);
    }
}
