//! The keys of recent sends: what keeps a repeated send from being stored twice. Bounded by age and by number.

use std::collections::VecDeque;
#[expect(
    clippy::disallowed_types,
    reason = "nobody goes through it, so neither its order nor the chance in its hashes shows"
)]
use std::collections::{HashMap, hash_map::RandomState};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
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

/// What stands for an author and their key: two hashes (SipHash) by secrets of this process. A million times as many as are
/// remembered would still not have two alike, and nobody can look for them who does not know the secrets. It takes
/// less than the texts, and a look at it is a look at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(u64, u64);

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Takes a number for its own hash: of a digest it is one.
#[derive(Debug, Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn write(&mut self, bytes: &[u8]) {
        (bytes.iter()).for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The keys that are remembered.
#[derive(Debug, Default)]
pub(super) struct Keys {
    #[expect(clippy::disallowed_types, reason = "see above")]
    secrets: [RandomState; 2],
    /// Not in order: a tree of so many compares two dozen for each send.
    #[expect(clippy::disallowed_types, reason = "see above")]
    fates: HashMap<Digest, Fate, BuildHasherDefault<Itself>>,
    /// The stored ones by age.
    order: VecDeque<(Timestamp, Digest)>,
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
            let digest = keys.digest(author, &key);
            keys.store(digest, Fate::Stored { room, seq, at }, at);
        }
        keys
    }

    /// What stands for the key of this author in all that follows.
    pub fn digest(&self, author: UserId, key: &str) -> Digest {
        let [one, other] = &self.secrets;
        Digest(one.hash_one((author, key)), other.hash_one((author, key)))
    }

    /// What became of the first send with this key.
    pub fn get(&self, key: Digest) -> Option<Fate> {
        self.fates.get(&key).copied()
    }

    /// A send with this key waits for the writer.
    pub fn wait(&mut self, key: Digest, ticket: Ticket) {
        self.fates.insert(key, Fate::Waiting(ticket));
    }

    /// The send with this key is in the log.
    pub fn store(&mut self, key: Digest, fate: Fate, at: Timestamp) {
        self.order.push_back((at, key));
        self.fates.insert(key, fate);
    }

    /// The send with this key was not stored: it may be tried again.
    pub fn forget(&mut self, key: Digest) {
        self.fates.remove(&key);
    }

    /// Forgets what is too old or too much, the oldest first.
    pub fn trim(&mut self, now: Timestamp, age_max: Duration, keys_max: usize) {
        while let Some((at, key)) = self.order.front() {
            if self.order.len() <= keys_max && now.since(*at) <= age_max {
                break;
            }
            self.fates.remove(key);
            self.order.pop_front();
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
                .filter(|n: &u64| keys.get(keys.digest(UserId(1), &n.to_string())).is_some())
                .collect::<Vec<_>>()
        };
        keys.trim(Timestamp(5), Duration::from_secs(1), 4);
        assert_eq!(known(&keys), [2, 3, 4, 5]);
        keys.trim(Timestamp(6), Duration::from_millis(2), 4);
        assert_eq!(known(&keys), [4, 5]);
        keys.trim(Timestamp(-1_000_000), Duration::from_millis(2), 4);
        assert_eq!(known(&keys), [4, 5], "a clock set back forgets nothing");
    }

    #[test]
    fn each_author_has_keys_of_their_own() {
        let keys = Keys::default();
        let digests =
            ["a", "b", "ab", ""].map(|key| [1, 2].map(|user| keys.digest(UserId(user), key)));
        let all: Vec<_> = digests.iter().flatten().collect();
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{all:?}");
        }
        assert_eq!(keys.digest(UserId(2), "ab"), digests[2][1]);
    }
}
