//! The disk: the store in memory with faults. Tells the truth what it has really stored.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::dice::Dice;
use super::truth::Truth;
use crate::base::record::{KeyRecord, PasswordHash, Record, Snapshot};
use crate::base::{AuditEntry, RoomId, Seq, Timestamp, UserId, UserName};
use crate::store::memory::MemoryStore;
use crate::store::{Entry, IdentityKey, Outcome, Reader, Rekeyed, Store, StoreError};

/// A fault of the server that the simulation has to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    Nothing,
    /// Messages are acknowledged, and stored with the next batch, if there is one.
    EarlyAnswer,
    /// Now and then a message gets lost on its way to a client.
    LostFrame,
    /// Now and then a message is told to have the number of the one before it.
    NumberTwice,
}

/// How it stands with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Fine,
    Full,
    /// Nothing can be stored.
    Broken,
    /// The next batch fails, and is stored nevertheless.
    Open,
    /// That has happened: nothing is stored until the server is started again.
    Stuck,
}

#[derive(Clone)]
pub struct Disk(Arc<Mutex<Inner>>);

pub struct Inner {
    memory: MemoryStore,
    pub truth: Truth,
    pub state: State,
    pub reads_fail: bool,
    /// Batches that were stored although that failed.
    pub opened: u32,
    pub planted: Planted,
    late: Vec<Entry>,
    dice: Dice,
}

impl Disk {
    pub fn new(planted: Planted, dice: Dice) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            memory: MemoryStore::default(),
            truth: Truth::new(),
            state: State::Fine,
            reads_fail: false,
            opened: 0,
            planted,
            late: Vec::new(),
            dice,
        })))
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything on it is compared with what was stored. To be done after each change and at each start.
    pub fn check(&self) {
        let inner = self.inner();
        let mut memory = inner.memory.clone();
        let snapshot = memory.load().unwrap_or_default();
        inner.truth.compare(&snapshot, &mut memory);
    }

    /// The server is gone; what it had not stored goes with it.
    pub fn restart(&self) {
        let mut inner = self.inner();
        inner.late.clear();
        if inner.state != State::Full {
            inner.state = State::Fine;
        }
        inner.reads_fail = false;
    }

    fn reader(&self) -> Result<MemoryStore, StoreError> {
        let inner = self.inner();
        match inner.reads_fail {
            true => Err(failed("read")),
            false => Ok(inner.memory.clone()),
        }
    }
}

impl Inner {
    fn store(&mut self, batch: &[Entry]) -> Result<Vec<Outcome>, StoreError> {
        self.memory.set_full(self.state == State::Full);
        let mut outcomes = self.memory.commit(batch)?;
        if self.planted == Planted::NumberTwice
            && self.dice.one_in(4)
            && let Some(Outcome::Appended(seq)) = outcomes.first_mut()
            && seq.0 > 1
        {
            seq.0 -= 1;
        }
        self.truth.store(batch, &outcomes);
        Ok(outcomes)
    }

    /// What is planted: the numbers are told before the messages are stored.
    fn store_late(&mut self, batch: &[Entry]) -> Result<Vec<Outcome>, StoreError> {
        let late = std::mem::take(&mut self.late);
        if !late.is_empty() {
            self.store(&late)?;
        }
        let only_message = match batch {
            [Entry::Append(draft)] if self.truth.rows.rooms.contains_key(&draft.room) => draft,
            _ => return self.store(batch),
        };
        let log = self.truth.logs.get(&only_message.room);
        let Some((last, _)) = log.and_then(|log| log.last_key_value()) else {
            return self.store(batch);
        };
        let seq = last.next();
        self.late = batch.to_vec();
        Ok(vec![Outcome::Appended(seq)])
    }
}

fn failed(action: &'static str) -> StoreError {
    StoreError::Io {
        action,
        path: "memory".into(),
        cause: "it is planned so".into(),
    }
}

impl Store for Disk {
    fn load(&mut self) -> Result<Snapshot, StoreError> {
        self.inner().memory.load()
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<Vec<Outcome>, StoreError> {
        let mut inner = self.inner();
        if batch.iter().all(Entry::is_empty) {
            return inner.store(batch);
        }
        match inner.state {
            State::Fine | State::Full if inner.planted == Planted::EarlyAnswer => {
                inner.store_late(batch)
            }
            State::Fine | State::Full => inner.store(batch),
            State::Broken | State::Stuck => Err(failed("write to")),
            State::Open => {
                inner.store(batch)?;
                inner.opened += 1;
                inner.state = State::Stuck;
                Err(failed("sync"))
            }
        }
    }

    fn rekey(
        &mut self,
        key: Option<IdentityKey>,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Rekeyed, StoreError> {
        self.inner().memory.rekey(key, tell)
    }

    fn index(&mut self, messages_max: usize) -> Result<bool, StoreError> {
        self.inner().memory.index(messages_max)
    }

    fn unindexed(&self) -> u64 {
        self.inner().memory.unindexed()
    }

    fn reindex(&mut self) -> Result<bool, StoreError> {
        self.inner().memory.reindex()
    }

    fn tidy(&mut self, messages_max: usize) -> Result<bool, StoreError> {
        self.inner().memory.tidy(messages_max)
    }
}

impl Reader for Disk {
    fn after(
        &mut self,
        room: RoomId,
        after: Seq,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.reader()?.after(room, after, limit, bytes_max)
    }

    fn before(
        &mut self,
        room: RoomId,
        before: Seq,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.reader()?.before(room, before, limit, bytes_max)
    }

    fn search(
        &mut self,
        rooms: &[RoomId],
        text: &str,
        from: Option<UserId>,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.reader()?.search(rooms, text, from, before, limit)
    }

    fn keys(&mut self, since: Timestamp, keys_max: usize) -> Result<Vec<KeyRecord>, StoreError> {
        self.inner().memory.keys(since, keys_max)
    }

    fn password(&mut self, user: UserId) -> Result<Option<PasswordHash>, StoreError> {
        self.reader()?.password(user)
    }

    fn author(&mut self, user: UserId) -> Result<Option<UserName>, StoreError> {
        self.reader()?.author(user)
    }

    fn audit_before(
        &mut self,
        number: u64,
        since: Timestamp,
        method: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.reader()?.audit_before(number, since, method, limit)
    }

    fn audit_after(&mut self, number: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.reader()?.audit_after(number, limit)
    }
}
