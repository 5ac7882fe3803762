//! The numbers that are given to messages: the next of each room, and the next offset. Kept in memory, so that storing
//! a message reads nothing; taken back when the batch they were given in is not stored.

use std::collections::{HashMap, VecDeque};

use rusqlite::{Connection, OptionalExtension};

use crate::base::{RoomId, Seq};
use crate::store::rows::{SEQ_MAX, message_id, seq_of, unsigned};

const ROOMS: &str = "SELECT id, first_seq, indexed_seq FROM room";

/// The text is read too: a last message that does not read back is found here, before anything is put behind it.
pub(super) const LAST: &str =
    r#"SELECT id, "offset", text FROM message WHERE id > ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1"#;

/// The next number of everything.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    rooms: HashMap<RoomId, Tail>,
    next_offset: i64,
    /// Rooms whose search index is behind their log; each once.
    unindexed: VecDeque<RoomId>,
    batch: Batch,
}

/// The end of a room's log.
#[derive(Clone, Copy, Debug)]
struct Tail {
    last: Seq,
    indexed: Seq,
    /// The batch that last gave a number here.
    batch: u64,
}

/// What is to be taken back if the batch is not stored.
#[derive(Debug, Default)]
struct Batch {
    number: u64,
    next_offset: i64,
    /// Where each room was; nowhere if it came with the batch.
    rooms: Vec<(RoomId, Option<Seq>)>,
    /// Those that went with it.
    removed: Vec<(RoomId, Tail)>,
    /// Logs that begin later with it.
    cleared: Vec<(RoomId, Seq)>,
}

/// A stretch of a room's log that is to be indexed: the numbers above `after` up to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub room: RoomId,
    pub after: Seq,
    pub to: Seq,
}

impl Numbers {
    /// Reads the end of each room's log.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut numbers = Self::default();
        let floor: i64 = connection.query_row(
            "SELECT value FROM meta WHERE name = 'offset_floor'",
            [],
            |row| row.get(0),
        )?;
        numbers.next_offset = floor + 1;
        let mut last = connection.prepare(LAST)?;
        let mut rooms = connection.prepare(ROOMS)?;
        let mut rows = rooms.query([])?;
        while let Some(row) = rows.next()? {
            let room = RoomId(row.get(0)?);
            let first = Seq(unsigned(row, 1)?);
            let range = [message_id(room, Seq(0)), message_id(room, SEQ_MAX)];
            let found = last
                .query_row(range, |row| {
                    row.get_ref(2)?.as_str()?;
                    Ok((seq_of(row.get(0)?), row.get::<_, i64>(1)?))
                })
                .optional()?;
            if let Some((_, offset)) = found {
                numbers.next_offset = numbers.next_offset.max(offset + 1);
            }
            let tail = Tail {
                // A log that was emptied goes on from the number it had come to.
                last: found
                    .map_or(Seq(0), |(seq, _)| seq)
                    .max(Seq(first.0.saturating_sub(1))),
                indexed: Seq(unsigned(row, 2)?),
                batch: 0,
            };
            if tail.indexed < tail.last {
                numbers.unindexed.push_back(room);
            }
            numbers.rooms.insert(room, tail);
        }
        numbers.begin();
        Ok(numbers)
    }

    /// The number and the offset of the next message of a room; `None` when there is no such room.
    pub(super) fn give(&mut self, room: RoomId) -> Option<(Seq, i64)> {
        let tail = self.rooms.get_mut(&room)?;
        if tail.batch != self.batch.number {
            tail.batch = self.batch.number;
            self.batch.rooms.push((room, Some(tail.last)));
        }
        tail.last = tail.last.next();
        let offset = self.next_offset;
        self.next_offset += 1;
        Some((tail.last, offset))
    }

    /// A room came with this batch.
    pub(super) fn add_room(&mut self, room: RoomId, last: Seq) {
        let tail = Tail {
            last,
            indexed: last,
            batch: self.batch.number,
        };
        self.rooms.insert(room, tail);
        self.batch.rooms.push((room, None));
    }

    /// A room goes with this batch.
    pub(super) fn remove_room(&mut self, room: RoomId) {
        if let Some(tail) = self.rooms.remove(&room) {
            self.batch.removed.push((room, tail));
        }
    }

    /// The log of a room begins here with this batch.
    pub(super) fn clear(&mut self, room: RoomId, first: Seq) {
        self.batch.cleared.push((room, first));
    }

    /// Whether the batch leaves rows behind that are in no log.
    pub(super) fn clears(&self) -> bool {
        !self.batch.removed.is_empty() || !self.batch.cleared.is_empty()
    }

    /// The batch is on disk.
    pub(super) fn keep(&mut self) {
        for (room, first) in &self.batch.cleared {
            if let Some(tail) = self.rooms.get_mut(room) {
                tail.indexed = tail.indexed.max(Seq(first.0.saturating_sub(1)));
            }
        }
        if !self.batch.removed.is_empty() {
            let rooms = &self.rooms;
            self.unindexed.retain(|room| rooms.contains_key(room));
        }
        for (room, before) in &self.batch.rooms {
            let Some(tail) = self.rooms.get(room) else {
                continue;
            };
            // A room whose index was behind before is in the queue.
            let was_indexed = before.is_none_or(|before| before <= tail.indexed);
            if was_indexed && tail.indexed < tail.last && !self.unindexed.contains(room) {
                self.unindexed.push_back(*room);
            }
        }
        self.begin();
    }

    /// The batch was not stored: its numbers will be given again.
    pub(super) fn take_back(&mut self) {
        self.rooms.extend(self.batch.removed.drain(..));
        for (room, before) in self.batch.rooms.drain(..) {
            match before {
                Some(last) => {
                    if let Some(tail) = self.rooms.get_mut(&room) {
                        tail.last = last;
                    }
                }
                None => {
                    self.rooms.remove(&room);
                }
            }
        }
        self.next_offset = self.batch.next_offset;
        self.begin();
    }

    fn begin(&mut self) {
        self.batch.number += 1;
        self.batch.next_offset = self.next_offset;
        self.batch.rooms.clear();
        self.batch.removed.clear();
        self.batch.cleared.clear();
    }

    /// The last number of a room.
    pub(super) fn last(&self, room: RoomId) -> Option<Seq> {
        Some(self.rooms.get(&room)?.last)
    }

    /// Whether both give the same numbers next.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.next_offset == other.next_offset
            && self.rooms.len() == other.rooms.len()
            && self
                .rooms
                .iter()
                .all(|(room, tail)| other.last(*room) == Some(tail.last))
    }

    /// Whether any index is behind its log.
    pub(super) fn is_unindexed(&self) -> bool {
        !self.unindexed.is_empty()
    }

    /// How many messages that are.
    pub(super) fn unindexed(&self) -> u64 {
        let tails = self
            .unindexed
            .iter()
            .filter_map(|room| self.rooms.get(room));
        tails
            .map(|tail| tail.last.0.saturating_sub(tail.indexed.0))
            .sum()
    }

    /// What is to be indexed next, at most `messages_max` messages.
    pub(super) fn stretches(&self, messages_max: usize) -> Vec<Stretch> {
        let mut left = messages_max as u64;
        let mut stretches = Vec::new();
        for room in &self.unindexed {
            let Some(tail) = self.rooms.get(room).filter(|_| left > 0) else {
                break;
            };
            let to = Seq(tail.last.0.min(tail.indexed.0.saturating_add(left)));
            left -= to.0 - tail.indexed.0;
            stretches.push(Stretch {
                room: *room,
                after: tail.indexed,
                to,
            });
        }
        stretches
    }

    /// These stretches, which are the first of the queue, are indexed.
    pub(super) fn indexed(&mut self, stretches: &[Stretch]) {
        for stretch in stretches {
            if let Some(tail) = self.rooms.get_mut(&stretch.room) {
                tail.indexed = stretch.to;
                if tail.indexed == tail.last {
                    self.unindexed.pop_front();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: RoomId = RoomId(1);
    const B: RoomId = RoomId(2);

    fn numbers() -> Numbers {
        let mut numbers = Numbers {
            next_offset: 1,
            ..Numbers::default()
        };
        numbers.begin();
        numbers.add_room(A, Seq(0));
        numbers.keep();
        numbers
    }

    #[test]
    fn numbers_of_a_batch_that_failed_are_given_again() {
        let mut numbers = numbers();
        assert_eq!(numbers.give(A), Some((Seq(1), 1)));
        numbers.keep();
        numbers.add_room(B, Seq(0));
        assert_eq!(numbers.give(A), Some((Seq(2), 2)));
        assert_eq!(numbers.give(A), Some((Seq(3), 3)));
        assert_eq!(numbers.give(B), Some((Seq(1), 4)));
        numbers.take_back();
        assert_eq!(numbers.give(B), None);
        assert_eq!(numbers.give(A), Some((Seq(2), 2)));
    }

    #[test]
    fn what_is_to_be_indexed_comes_in_portions_and_each_room_once() {
        let mut numbers = numbers();
        numbers.add_room(B, Seq(0));
        numbers.keep();
        for room in [A, A, A, B] {
            numbers.give(room);
        }
        numbers.keep();
        numbers.give(A);
        numbers.keep();
        let stretch = |room, after, to| Stretch {
            room,
            after: Seq(after),
            to: Seq(to),
        };
        let first = numbers.stretches(3);
        assert_eq!(first, [stretch(A, 0, 3)]);
        numbers.indexed(&first);
        let rest = numbers.stretches(3);
        assert_eq!(rest, [stretch(A, 3, 4), stretch(B, 0, 1)]);
        numbers.indexed(&rest);
        assert!(!numbers.is_unindexed());
    }
}
