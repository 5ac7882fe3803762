//! Everybody who is connected, counted by where they come from: who may come in, which stranger goes for them, and when it
//! is whose turn to shake hands. A stranger is a connection that nobody has logged in on. Reads and writes no socket.
//!
//! The one lock that listeners and workers share: it is taken when somebody comes, shakes hands, logs in or out, and goes,
//! and held for a look at two small trees. Counting by events was turned down: a listener would not know who is there when
//! it lets the next one in.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::{Limits, Origin};

/// Connections past the bound whose sockets may still be on their way to being closed.
const CLOSING_MAX: usize = 100;
/// Addresses that nobody is connected from and whose handshakes are remembered. Those that are forgiven are forgotten when
/// there are more, and all of them when that is not enough: each has cost a handshake, so that does not happen often.
const GONE_MAX: usize = 4_096;

/// The crowd, shared by all listeners and workers.
#[derive(Debug)]
pub(super) struct Crowd {
    counts: Mutex<Counts>,
    began: Instant,
}

#[derive(Debug)]
pub(super) struct Counts {
    connections_max: usize,
    strangers_max: usize,
    per_address_max: usize,
    connections: usize,
    strangers: usize,
    next_number: u64,
    /// The time in which one handshake is forgiven, and how many may be open.
    handshake_each: Duration,
    handshakes_burst: u32,
    groups: BTreeMap<Origin, Group>,
    /// The groups of which nobody is left.
    gone: usize,
    /// The groups that have strangers: those with most last, of equals the one with the oldest.
    by_strangers: BTreeSet<(usize, Reverse<u64>, Origin)>,
}

/// All from one address.
#[derive(Debug, Default)]
struct Group {
    connections: usize,
    /// By their numbers, so the oldest first, each with its worker.
    strangers: BTreeMap<u64, usize>,
    /// When all its handshakes are forgiven, those that wait for their turn included (GCRA, as in `engine/rate.rs`).
    handshakes: Duration,
}

/// A stranger who has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LetGo {
    pub number: u64,
    pub worker: usize,
    pub origin: Origin,
}

/// Why nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// As many are logged in from that address as there may be.
    Address,
    /// As many are logged in as there may be.
    Server,
}

impl Crowd {
    pub fn new(limits: &Limits) -> Arc<Self> {
        let mut counts = Counts {
            connections_max: 0,
            strangers_max: 0,
            per_address_max: 0,
            connections: 0,
            strangers: 0,
            next_number: 0,
            handshake_each: Duration::ZERO,
            handshakes_burst: 0,
            groups: BTreeMap::new(),
            gone: 0,
            by_strangers: BTreeSet::new(),
        };
        counts.set_limits(limits);
        Arc::new(Self {
            counts: Mutex::new(counts),
            began: Instant::now(),
        })
    }

    pub fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time since it began.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Counts {
    pub fn set_limits(&mut self, limits: &Limits) {
        self.connections_max = limits.connections as usize;
        self.strangers_max = limits.strangers as usize;
        self.per_address_max = limits.connections_per_address as usize;
        self.handshake_each = Duration::from_secs(1) / limits.handshakes_per_second.max(1);
        self.handshakes_burst = limits.handshakes_burst;
    }

    pub fn strangers(&self) -> usize {
        self.strangers
    }

    /// Counts a newcomer in, as a stranger, and tells their number and who has to go for them. `sockets` is how many
    /// connections are open, those included that have to go and have not yet gone.
    ///
    /// # Errors
    /// When nobody can go for them.
    pub fn enter(
        &mut self,
        origin: Origin,
        worker: usize,
        sockets: usize,
    ) -> Result<(u64, Vec<LetGo>), Full> {
        if sockets >= self.connections_max + CLOSING_MAX {
            return Err(Full::Server);
        }
        let mut let_go = Vec::from_iter(self.make_room_among(origin)?);
        while self.strangers >= self.strangers_max || self.connections >= self.connections_max {
            let largest = self.by_strangers.last().map(|(_, _, origin)| *origin);
            let gone = largest.and_then(|largest| self.let_go(largest));
            let_go.push(gone.ok_or(Full::Server)?);
        }
        let number = self.next_number;
        self.next_number += 1;
        self.come(origin);
        self.add_stranger(origin, number, worker);
        Ok((number, let_go))
    }

    /// Counts a stranger to another address, of which the oldest may have to go for them.
    fn relocate(&mut self, stranger: LetGo, origin: Origin) -> Result<Option<LetGo>, Full> {
        if !self.take_stranger(stranger.origin, stranger.number) {
            // Somebody else has the place already.
            return Ok(None);
        }
        self.go(stranger.origin);
        let let_go = self.make_room_among(origin)?;
        self.come(origin);
        self.add_stranger(origin, stranger.number, stranger.worker);
        Ok(let_go)
    }

    /// Makes sure that there is room for one more from there. Tells who has to go for them.
    fn make_room_among(&mut self, origin: Origin) -> Result<Option<LetGo>, Full> {
        let own = self.groups.get(&origin).map_or(0, |own| own.connections);
        match origin != Origin::Here && own >= self.per_address_max {
            true => self.let_go(origin).map(Some).ok_or(Full::Address),
            false => Ok(None),
        }
    }

    /// One more handshake from there. Tells how long it has to wait for its turn.
    fn begin_handshake(&mut self, origin: Origin, now: Duration) -> Duration {
        self.forget(now);
        let group = self.groups.get_mut(&origin);
        let Some(group) = group.filter(|_| origin != Origin::Here) else {
            return Duration::ZERO;
        };
        group.handshakes = group.handshakes.max(now) + self.handshake_each;
        let burst = self.handshake_each * self.handshakes_burst;
        group.handshakes.saturating_sub(now + burst)
    }

    /// So much of a handshake from there is not counted after all.
    fn forgive_handshake(&mut self, origin: Origin, share: Duration) {
        if let Some(group) = self.groups.get_mut(&origin) {
            group.handshakes = group.handshakes.saturating_sub(share);
        }
    }

    fn forget(&mut self, now: Duration) {
        if self.gone <= GONE_MAX {
            return;
        }
        let is_gone = |group: &Group| group.connections == 0;
        self.groups
            .retain(|_, group| !is_gone(group) || group.handshakes > now);
        self.gone = self.groups.values().filter(|it| is_gone(it)).count();
        if self.gone > GONE_MAX / 2 {
            self.groups.retain(|_, group| !is_gone(group));
            self.gone = 0;
        }
    }

    /// The oldest stranger from there is not counted any more.
    fn let_go(&mut self, origin: Origin) -> Option<LetGo> {
        let (number, worker) = self.groups.get(&origin)?.strangers.iter().next()?;
        let let_go = LetGo {
            number: *number,
            worker: *worker,
            origin,
        };
        self.change(origin, |group| {
            group.strangers.remove(&let_go.number);
        });
        self.go(origin);
        Some(let_go)
    }

    /// Whether it was a stranger that was still counted.
    fn take_stranger(&mut self, origin: Origin, number: u64) -> bool {
        let mut was_counted = false;
        self.change(origin, |group| {
            was_counted = group.strangers.remove(&number).is_some();
        });
        was_counted
    }

    fn add_stranger(&mut self, origin: Origin, number: u64, worker: usize) {
        self.change(origin, |group| {
            group.strangers.insert(number, worker);
        });
    }

    fn come(&mut self, origin: Origin) {
        self.connections += 1;
        let gone = &mut self.gone;
        let group = self.groups.entry(origin);
        let group = group.and_modify(|it| *gone -= usize::from(it.connections == 0));
        group.or_default().connections += 1;
    }

    fn go(&mut self, origin: Origin) {
        self.connections = self.connections.saturating_sub(1);
        if let Some(group) = self.groups.get_mut(&origin) {
            group.connections = group.connections.saturating_sub(1);
            match group.connections {
                0 if group.handshakes > Duration::ZERO => self.gone += 1,
                0 => drop(self.groups.remove(&origin)),
                _ => {}
            }
        }
    }

    /// Changes the strangers of a group and keeps the order of groups.
    fn change(&mut self, origin: Origin, change: impl FnOnce(&mut Group)) {
        let Some(group) = self.groups.get_mut(&origin) else {
            return;
        };
        let rank = |group: &Group| {
            let (oldest, _) = group.strangers.first_key_value()?;
            Some((group.strangers.len(), Reverse(*oldest), origin))
        };
        if let Some(rank) = rank(group) {
            self.by_strangers.remove(&rank);
            self.strangers -= rank.0;
        }
        change(group);
        if let Some(rank) = rank(group) {
            self.strangers += rank.0;
            self.by_strangers.insert(rank);
        }
    }
}

/// A connection's place in the crowd; free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    crowd: Arc<Crowd>,
    origin: Origin,
    number: u64,
    worker: usize,
    is_stranger: bool,
    /// Whether a handshake is counted that has not begun.
    waits: bool,
}

impl Place {
    /// For a newcomer who was counted in under this number.
    pub(super) fn new(crowd: Arc<Crowd>, origin: Origin, number: u64, worker: usize) -> Self {
        Self {
            crowd,
            origin,
            number,
            worker,
            is_stranger: true,
            waits: false,
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// It turns out that the stranger comes from there. Tells who has to go for them.
    ///
    /// # Errors
    /// When nobody can; then they are not counted any more.
    pub(super) fn relocate(
        &mut self,
        counts: &mut Counts,
        origin: Origin,
    ) -> Result<Option<LetGo>, Full> {
        let stranger = LetGo {
            number: self.number,
            worker: self.worker,
            origin: std::mem::replace(&mut self.origin, origin),
        };
        counts.relocate(stranger, origin)
    }

    /// They want to shake hands. Tells how long they have to wait for their turn.
    pub(super) fn begin_handshake(&mut self) -> Duration {
        let now = self.crowd.now();
        let wait = self.crowd.counts().begin_handshake(self.origin, now);
        self.waits = wait > Duration::ZERO;
        wait
    }

    /// It is their turn.
    pub(super) fn take_turn(&mut self) {
        self.waits = false;
    }

    /// The handshake was a short one: a quarter of the reckoning.
    pub(super) fn was_resumed(&self) {
        let mut counts = self.crowd.counts();
        let share = counts.handshake_each * 3 / 4;
        counts.forgive_handshake(self.origin, share);
    }

    /// Somebody has logged in, or out again.
    pub(super) fn set_stranger(&mut self, is_stranger: bool) {
        if std::mem::replace(&mut self.is_stranger, is_stranger) == is_stranger {
            return;
        }
        let (origin, number, worker) = (self.origin, self.number, self.worker);
        let mut counts = self.crowd.counts();
        if is_stranger {
            counts.add_stranger(origin, number, worker);
        } else if !counts.take_stranger(origin, number) {
            // Whoever was to have the place has it; they log in before they could be let go.
            counts.come(origin);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.crowd.counts();
        if self.waits {
            let each = counts.handshake_each;
            counts.forgive_handshake(self.origin, each);
        }
        // One who was let go is not counted any more.
        if !self.is_stranger || counts.take_stranger(self.origin, self.number) {
            counts.go(self.origin);
        }
    }
}

#[cfg(test)]
mod tests;
