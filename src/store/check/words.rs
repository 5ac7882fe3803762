//! Whether the search index has the words of each message where the message has them, and no others.
//!
//! FTS5 can compare its index with the texts by itself, but in one go, while everybody who writes waits, and only when it
//! has come to the end of the log. So both are gone through here, in short transactions: the texts message by message, the
//! index word by word. Each word at its place is a number, and those of a message are added up; where the two sums differ
//! something is wrong with the message, or it was changed in between, which a second look tells apart.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension as _};

use super::{Check, Checking, ROWS, Step};
use crate::base::{RoomId, Seq};
use crate::store::rows::{message_id, room_of, seq_of, unsigned};

/// Messages compared in one go through the index: 32 MiB of sums.
const MESSAGES_MAX: u64 = 4 << 20;
/// Words read in one transaction, and then all places of the last of them.
const WORDS: u64 = 20_000;

const LOGS: &str = "SELECT id, first_seq, indexed_seq, ifnull(name, '@' || lower_user || ' @' || higher_user) \
    FROM room WHERE indexed_seq >= first_seq ORDER BY id";
const TEXTS: &str = "SELECT id, text FROM message WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3";
/// With the same words as `message_text`.
const TEXT_WORDS: &str = "\
    CREATE VIRTUAL TABLE said USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 2'); \
    CREATE VIRTUAL TABLE word USING fts5vocab (said, instance)";
const INDEX_WORDS: &str =
    "CREATE VIRTUAL TABLE temp.index_word USING fts5vocab (main, message_text, instance)";

/// Messages of one room that lie one behind the other.
#[derive(Clone, Debug)]
struct Stretch {
    room: RoomId,
    name: String,
    first: Seq,
    last: Seq,
    /// Where their sums begin.
    base: usize,
}

/// What is compared in one go.
struct Part {
    stretches: Vec<Stretch>,
    /// Of each message what the text has more than the index.
    sums: Vec<u64>,
}

impl Check<'_> {
    /// Both sides, part by part.
    pub(super) fn words(&mut self) -> rusqlite::Result<()> {
        let connection = self.connection;
        connection.execute_batch(INDEX_WORDS)?;
        let texts = Connection::open_in_memory()?;
        texts.execute_batch(TEXT_WORDS)?;
        let parts = parts(self.stretches()?);
        let total = 2 * parts.iter().map(|part| part.sums.len() as u64).sum::<u64>();
        let mut done = 0;
        (self.tell)(Checking::Looked(Step::SearchIndex, 0, total));
        for mut part in parts {
            let messages = part.sums.len() as u64;
            let mut wrong = self.compare(&mut part, &texts, (done, total))?;
            if self.gone.load(Ordering::Relaxed) {
                return Ok(());
            }
            if !wrong.is_empty() {
                // Once more: what was redacted or cleared away in between is right now.
                part.sums.fill(0);
                let again = self.compare(&mut part, &texts, (done, total))?;
                wrong.retain(|id| again.binary_search(id).is_ok());
            }
            if self.is_made_anew(&part)? {
                return Ok(());
            }
            for id in wrong {
                if let Some(name) = self.name(&part, id)? {
                    let seq = seq_of(id);
                    self.found(format!("the words of message {seq} of '{name}' are wrong"));
                }
            }
            done += 2 * messages;
        }
        Ok(())
    }

    fn stretches(&self) -> rusqlite::Result<Vec<Stretch>> {
        let mut logs = self.connection.prepare(LOGS)?;
        let rows = logs.query_map([], |row| {
            Ok(Stretch {
                room: RoomId(row.get(0)?),
                first: Seq(unsigned(row, 1)?),
                last: Seq(unsigned(row, 2)?),
                name: row.get(3)?,
                base: 0,
            })
        })?;
        rows.collect()
    }

    /// The messages whose words differ, by their ids, ascending.
    fn compare(
        &mut self,
        part: &mut Part,
        texts: &Connection,
        (done, total): (u64, u64),
    ) -> rusqlite::Result<Vec<i64>> {
        let messages = part.sums.len() as u64;
        let words = self.add_texts(part, texts, (done, total))?;
        if self.gone.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        self.take_index(part, |read| {
            let share = u128::from(messages) * u128::from(read.min(words));
            let share = share / u128::from(words.max(1));
            Checking::Looked(Step::SearchIndex, done + messages + share as u64, total)
        })?;
        let wrong = part.stretches.iter().flat_map(|stretch| {
            let numbers = stretch.first.0..=stretch.last.0;
            let sums = &part.sums[stretch.base..];
            numbers
                .zip(sums)
                .filter(|(_, sum)| **sum != 0)
                .map(|(seq, _)| message_id(stretch.room, Seq(seq)))
        });
        Ok(wrong.collect())
    }

    /// Adds what the texts say; returns how many words they have.
    fn add_texts(
        &mut self,
        part: &mut Part,
        texts: &Connection,
        (done, total): (u64, u64),
    ) -> rusqlite::Result<u64> {
        let (mut messages, mut words) = (0, 0);
        let mut put = texts.prepare_cached("INSERT INTO said (rowid, text) VALUES (?1, ?2)")?;
        let mut said = texts.prepare_cached(r#"SELECT term, doc, "offset" FROM word"#)?;
        let empty = "INSERT INTO said (said) VALUES ('delete-all')";
        let mut read = self.connection.prepare_cached(TEXTS)?;
        for at in 0..part.stretches.len() {
            let stretch = part.stretches[at].clone();
            let last = message_id(stretch.room, stretch.last);
            let mut after = message_id(stretch.room, Seq(stretch.first.0 - 1));
            while after < last && !self.gone.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let before = after;
                let together = texts.unchecked_transaction()?;
                let mut rows = read.query((before, last, ROWS))?;
                while let Some(row) = rows.next()? {
                    after = row.get(0)?;
                    put.execute((after, row.get_ref(1)?.as_str()?))?;
                    messages += 1;
                }
                drop(rows);
                together.commit()?;
                if after == before {
                    break;
                }
                let mut rows = said.query([])?;
                while let Some(row) = rows.next()? {
                    let word = number(row.get_ref(0)?.as_bytes()?, row.get(2)?);
                    part.add(row.get(1)?, word);
                    words += 1;
                }
                drop(rows);
                texts.execute_batch(empty)?;
                (self.tell)(Checking::Looked(Step::SearchIndex, done + messages, total));
                rest(begun);
            }
        }
        Ok(words)
    }

    /// Takes off what the index has.
    fn take_index(
        &mut self,
        part: &mut Part,
        far: impl Fn(u64) -> Checking,
    ) -> rusqlite::Result<()> {
        let connection = self.connection;
        let mut index = connection.prepare_cached(
            r#"SELECT term, doc, "offset" FROM temp.index_word WHERE term >= CAST(?1 AS TEXT) ORDER BY term"#,
        )?;
        // Words are never empty.
        let (mut last, mut all) = (Vec::new(), 0_u64);
        loop {
            let begun = Instant::now();
            let (mut read, mut is_over) = (0_u64, true);
            let mut rows = index.query([&last])?;
            while let Some(row) = rows.next()? {
                let term = row.get_ref(0)?.as_bytes()?;
                if term == last {
                    // Was read to its end before, unless this is where it is read.
                    if read == 0 {
                        continue;
                    }
                } else if read >= WORDS {
                    is_over = false;
                    break;
                } else {
                    last = term.to_vec();
                }
                read += 1;
                let word = number(term, row.get(2)?);
                part.add(row.get(1)?, word.wrapping_neg());
            }
            drop(rows);
            all += read;
            (self.tell)(far(all));
            if is_over {
                return Ok(());
            }
            rest(begun);
        }
    }

    /// Whether somebody had the index made anew meanwhile: then there is nothing to compare with.
    fn is_made_anew(&self, part: &Part) -> rusqlite::Result<bool> {
        let mut look = self
            .connection
            .prepare_cached("SELECT indexed_seq FROM room WHERE id = ?1")?;
        for stretch in &part.stretches {
            let indexed = look
                .query_row([stretch.room.0], |row| unsigned(row, 0))
                .optional()?;
            if indexed.is_some_and(|indexed| indexed < stretch.last.0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The room of a message that is still somebody's.
    fn name(&self, part: &Part, id: i64) -> rusqlite::Result<Option<String>> {
        let first = self
            .connection
            .prepare_cached("SELECT first_seq FROM room WHERE id = ?1")?
            .query_row([room_of(id).0], |row| unsigned(row, 0))
            .optional()?;
        let is_there = first.is_some_and(|first| seq_of(id).0 >= first);
        let stretch = part.stretch(id).filter(|_| is_there);
        Ok(stretch.map(|stretch| stretch.name.clone()))
    }
}

impl Part {
    fn stretch(&self, id: i64) -> Option<&Stretch> {
        let (room, seq) = (room_of(id), seq_of(id));
        let after = self
            .stretches
            .partition_point(|stretch| (stretch.room, stretch.first) <= (room, seq));
        let stretch = self.stretches.get(after.checked_sub(1)?)?;
        (stretch.room == room && seq <= stretch.last).then_some(stretch)
    }

    /// Messages that are not in this part are passed over.
    fn add(&mut self, id: i64, word: u64) {
        if let Some(stretch) = self.stretch(id) {
            let at = stretch.base + (seq_of(id).0 - stretch.first.0) as usize;
            if let Some(sum) = self.sums.get_mut(at) {
                *sum = sum.wrapping_add(word);
            }
        }
    }
}

/// So many together as there are sums for.
fn parts(stretches: Vec<Stretch>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for mut rest in stretches {
        while rest.first <= rest.last {
            let room = |part: &&mut Part| (part.sums.len() as u64) < MESSAGES_MAX;
            let part = match parts.last_mut().filter(room) {
                Some(part) => part,
                None => {
                    parts.push(Part {
                        stretches: Vec::new(),
                        sums: Vec::new(),
                    });
                    continue;
                }
            };
            let base = part.sums.len();
            let left = MESSAGES_MAX - base as u64;
            let last = Seq(rest.last.0.min(rest.first.0 + left - 1));
            let messages = last.0 - rest.first.0 + 1;
            part.stretches.push(Stretch {
                base,
                last,
                ..rest.clone()
            });
            part.sums.resize(base + messages as usize, 0);
            rest.first = last.next();
        }
    }
    parts
}

/// A word at its place.
fn number(word: &[u8], place: i64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (word, place).hash(&mut hasher);
    hasher.finish()
}

/// Leaves disk and processor to others for as long as it took.
fn rest(begun: Instant) {
    thread::sleep(begun.elapsed());
}
