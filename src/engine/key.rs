//! The keys of recent sends: what keeps a repeated send from being stored twice. Bounded by age and by number.

#[expect(
    clippy::disallowed_types,
    reason = "nobody goes through it, so its order does not show"
)]
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::base::record::KeyRecord;
use crate::base::{RoomId, Seq, Ticket, Timestamp, UserId};

/// What became of the send that first used a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for the writer.
    Waiting(Ticket),
    /// It is in the log.
    Stored {
        room: RoomId,
        seq: Seq,
        at: Timestamp,
    },
}

/// The keys that are remembered.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Not in order: a tree of so many compares two dozen texts for each send.
    #[expect(clippy::disallowed_types, reason = "see above")]
    fates: HashMap<(UserId, Arc<str>), Fate>,
    /// The stored ones by age.
    order: VecDeque<(Timestamp, UserId, Arc<str>)>,
}

impl Keys {
    /// The keys that a store holds, oldest first.
    pub fn new(records: Vec<KeyRecord>) -> Self {
        let mut keys = Self::default();
        for KeyRecord {
            author,
            key,
            room,
            seq,
            at,
        } in records
        {
            keys.store(author, key, Fate::Stored { room, seq, at }, at);
        }
        keys
    }

    /// What became of the first send with this key.
    pub fn get(&self, author: UserId, key: &Arc<str>) -> Option<Fate> {
        self.fates.get(&(author, key.clone())).copied()
    }

    /// A send with this key waits for the writer.
    pub fn wait(&mut self, author: UserId, key: Arc<str>, ticket: Ticket) {
        self.fates.insert((author, key), Fate::Waiting(ticket));
    }

    /// The send with this key is in the log.
    pub fn store(&mut self, author: UserId, key: Arc<str>, fate: Fate, at: Timestamp) {
        self.order.push_back((at, author, key.clone()));
        self.fates.insert((author, key), fate);
    }

    /// The send with this key was not stored: it may be tried again.
    pub fn forget(&mut self, author: UserId, key: Arc<str>) {
        self.fates.remove(&(author, key));
    }

    /// Forgets what is too old or too much, the oldest first.
    pub fn trim(&mut self, now: Timestamp, age_max: Duration, keys_max: usize) {
        while let Some((at, ..)) = self.order.front() {
            if self.order.len() <= keys_max && now.since(*at) <= age_max {
                break;
            }
            if let Some((_, author, key)) = self.order.pop_front() {
                self.fates.remove(&(author, key));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_keys_are_forgotten_first() {
        let record = |number: u64| KeyRecord {
            author: UserId(1),
            key: number.to_string().into(),
            room: RoomId(1),
            seq: Seq(number),
            at: Timestamp(number as i64),
        };
        let mut keys = Keys::new((1..=5).map(record).collect());
        let known = |keys: &Keys| {
            (1..=5)
                .filter(|n: &u64| keys.get(UserId(1), &n.to_string().into()).is_some())
                .collect::<Vec<_>>()
        };
        keys.trim(Timestamp(5), Duration::from_secs(1), 4);
        assert_eq!(known(&keys), [2, 3, 4, 5]);
        keys.trim(Timestamp(6), Duration::from_millis(2), 4);
        assert_eq!(known(&keys), [4, 5]);
        keys.trim(Timestamp(-1_000_000), Duration::from_millis(2), 4);
        assert_eq!(known(&keys), [4, 5], "a clock set back forgets nothing");
    }
}
