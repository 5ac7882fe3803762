//! Everybody who is connected, counted by where they come from: who may come in, and which stranger goes for them. A
//! stranger is a connection that nobody has logged in on. Reads and writes no socket.
//!
//! The one lock that listeners and workers share: it is taken when somebody comes, logs in or out, and goes, and held for
//! a look at two small trees. Counting by events was turned down: a listener would not know who is there when it lets
//! the next one in.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{Limits, Origin};

/// Connections past the bound whose sockets may still be on their way to being closed.
const CLOSING_MAX: usize = 100;

/// The crowd, shared by all listeners and workers.
#[derive(Debug)]
pub(super) struct Crowd(Mutex<Counts>);

#[derive(Debug)]
pub(super) struct Counts {
    connections_max: usize,
    strangers_max: usize,
    per_address_max: usize,
    connections: usize,
    strangers: usize,
    next_number: u64,
    groups: BTreeMap<Origin, Group>,
    /// The groups that have strangers: those with most last, of equals the one with the oldest.
    by_strangers: BTreeSet<(usize, Reverse<u64>, Origin)>,
}

/// All from one address.
#[derive(Debug, Default)]
struct Group {
    connections: usize,
    /// By their numbers, so the oldest first, each with its worker.
    strangers: BTreeMap<u64, usize>,
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
            groups: BTreeMap::new(),
            by_strangers: BTreeSet::new(),
        };
        counts.set_limits(limits);
        Arc::new(Self(Mutex::new(counts)))
    }

    pub fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    pub fn set_limits(&mut self, limits: &Limits) {
        self.connections_max = limits.connections as usize;
        self.strangers_max = limits.strangers as usize;
        self.per_address_max = limits.connections_per_address as usize;
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
        let mut let_go = Vec::new();
        let own = self.groups.get(&origin).map_or(0, |own| own.connections);
        if origin != Origin::Here && own >= self.per_address_max {
            let_go.push(self.let_go(origin).ok_or(Full::Address)?);
        }
        while self.strangers >= self.strangers_max || self.connections >= self.connections_max {
            let largest = self.by_strangers.last().map(|(_, _, origin)| *origin);
            let gone = largest.and_then(|largest| self.let_go(largest));
            let_go.push(gone.ok_or(Full::Server)?);
        }
        let number = self.next_number;
        self.next_number += 1;
        self.come(origin, 1);
        self.change(origin, |group| {
            group.strangers.insert(number, worker);
        });
        Ok((number, let_go))
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

    fn come(&mut self, origin: Origin, connections: usize) {
        self.connections += connections;
        self.groups.entry(origin).or_default().connections += connections;
    }

    fn go(&mut self, origin: Origin) {
        self.connections = self.connections.saturating_sub(1);
        if let Some(group) = self.groups.get_mut(&origin) {
            group.connections = group.connections.saturating_sub(1);
            if group.connections == 0 {
                self.groups.remove(&origin);
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
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Somebody has logged in, or out again.
    pub(super) fn set_stranger(&mut self, is_stranger: bool) {
        if std::mem::replace(&mut self.is_stranger, is_stranger) == is_stranger {
            return;
        }
        let (origin, number, worker) = (self.origin, self.number, self.worker);
        let mut counts = self.crowd.counts();
        if is_stranger {
            counts.change(origin, |group| {
                group.strangers.insert(number, worker);
            });
        } else if !counts.take_stranger(origin, number) {
            // Whoever was to have the place has it; they log in before they could be let go.
            counts.come(origin, 1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.crowd.counts();
        // One who was let go is not counted any more.
        if !self.is_stranger || counts.take_stranger(self.origin, self.number) {
            counts.go(self.origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Door {
        crowd: Arc<Crowd>,
        inside: BTreeMap<u64, Place>,
    }

    impl Door {
        fn new(connections: u32, strangers: u32, connections_per_address: u32) -> Self {
            let limits = Limits {
                connections,
                strangers,
                connections_per_address,
                ..Limits::default()
            };
            Self {
                crowd: Crowd::new(&limits),
                inside: BTreeMap::new(),
            }
        }

        /// Lets somebody in from there; tells their number and who had to go.
        fn enter(&mut self, origin: Origin) -> Result<(u64, Vec<u64>), Full> {
            let entered = self.crowd.counts().enter(origin, 0, self.inside.len());
            let (number, let_go) = entered?;
            let let_go: Vec<_> = let_go.iter().map(|it| it.number).collect();
            for gone in &let_go {
                self.inside.remove(gone);
            }
            let place = Place::new(self.crowd.clone(), origin, number, 0);
            self.inside.insert(number, place);
            self.is_right();
            Ok((number, let_go))
        }

        fn log_in(&mut self, number: u64) {
            self.inside.get_mut(&number).unwrap().set_stranger(false);
            self.is_right();
        }

        fn is_right(&self) {
            let counts = self.crowd.counts();
            let strangers = self.inside.values().filter(|place| place.is_stranger);
            assert_eq!(counts.strangers, strangers.count());
            assert_eq!(counts.connections, self.inside.len());
            let groups = counts.groups.values();
            assert_eq!(
                counts.connections,
                groups.map(|it| it.connections).sum::<usize>()
            );
            let groups = counts.groups.values();
            let with_strangers = groups.filter(|it| !it.strangers.is_empty());
            assert_eq!(counts.by_strangers.len(), with_strangers.count());
        }
    }

    #[test]
    fn strangers_make_room_for_strangers_and_the_address_with_most_gives_first() {
        let mut door = Door::new(100, 10, 100);
        let (honest, _) = door.enter(Origin::V6(7)).unwrap();
        for n in 0..9 {
            assert_eq!(door.enter(Origin::V6(1)), Ok((1 + n, vec![])));
        }
        for n in 0..1_000 {
            let (_, let_go) = door.enter(Origin::V6(1 + n % 2)).unwrap();
            assert!(let_go.len() == 1 && !let_go.contains(&honest), "{n}");
        }
        door.log_in(honest);
        assert_eq!(door.enter(Origin::V6(9)).unwrap().1, [0; 0]);
    }

    #[test]
    fn among_many_addresses_the_oldest_goes_first() {
        let mut door = Door::new(100, 10, 100);
        for n in 0..1_000_u64 {
            let gone = n.checked_sub(10).map(|gone| vec![gone]).unwrap_or_default();
            assert_eq!(door.enter(Origin::V6(n)), Ok((n, gone)));
        }
    }

    #[test]
    fn who_is_logged_in_stays_and_a_server_full_of_them_takes_nobody() {
        let mut door = Door::new(6, 4, 100);
        for n in 0..5 {
            door.enter(Origin::V6(n)).unwrap();
            door.log_in(n);
        }
        assert_eq!(door.enter(Origin::V6(8)), Ok((5, vec![])));
        assert_eq!(door.enter(Origin::V6(9)), Ok((6, vec![5])));
        door.log_in(6);
        assert_eq!(door.enter(Origin::V6(9)), Err(Full::Server));
        door.inside.remove(&2);
        assert_eq!(door.enter(Origin::V6(9)), Ok((7, vec![])));
    }

    #[test]
    fn one_address_has_its_bound_and_this_machine_has_none() {
        let mut door = Door::new(100, 100, 3);
        for n in 0..3 {
            door.enter(Origin::V6(1)).unwrap();
            assert_eq!(door.enter(Origin::V6(2)).unwrap().1, [0; 0], "{n}");
        }
        assert_eq!(door.enter(Origin::V6(1)), Ok((6, vec![0])));
        for logged_in in [2, 4, 6] {
            door.log_in(logged_in);
        }
        assert_eq!(door.enter(Origin::V6(1)), Err(Full::Address));
        for _ in 0..20 {
            door.enter(Origin::Here).unwrap();
        }
        door.inside.get_mut(&4).unwrap().set_stranger(true);
        assert_eq!(door.enter(Origin::V6(1)).unwrap().1, [4], "logged out");
    }

    #[test]
    fn who_logs_in_while_being_let_go_stays_and_is_counted() {
        let mut door = Door::new(100, 1, 100);
        door.enter(Origin::V6(1)).unwrap();
        let mut slow = door.inside.remove(&0).unwrap();
        {
            let (_, let_go) = door.crowd.counts().enter(Origin::V6(2), 0, 1).unwrap();
            assert_eq!(let_go.len(), 1);
        }
        slow.set_stranger(false);
        assert_eq!(door.crowd.counts().connections, 2);
        drop(slow);
        assert_eq!(door.crowd.counts().connections, 1);
    }
}
