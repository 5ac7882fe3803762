//! The crowd without sockets: who comes in, who goes for them, whose turn it is. Time is what the tests say.

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
fn who_is_announced_is_counted_there_like_anybody() {
    let mut door = Door::new(100, 100, 3);
    let announce = |door: &mut Door, number: u64, origin| {
        let mut place = door.inside.remove(&number).unwrap();
        let relocated = place.relocate(&mut door.crowd.counts(), origin);
        match relocated {
            Ok(let_go) => {
                let_go.map(|it| door.inside.remove(&it.number));
                door.inside.insert(number, place);
            }
            Err(_) => drop(place),
        }
        door.is_right();
        relocated.map(|let_go| let_go.map(|it| it.number))
    };
    for number in 0..6_u64 {
        door.enter(Origin::Here).unwrap();
        let gone = number.checked_sub(3);
        assert_eq!(announce(&mut door, number, Origin::V6(1)), Ok(gone));
    }
    for number in [3, 4, 5] {
        door.log_in(number);
    }
    door.enter(Origin::Here).unwrap();
    assert_eq!(announce(&mut door, 6, Origin::V6(1)), Err(Full::Address));
    door.enter(Origin::Here).unwrap();
    assert_eq!(announce(&mut door, 7, Origin::Here), Ok(None));
    assert_eq!(announce(&mut door, 7, Origin::V6(2)), Ok(None));
}

#[test]
fn who_was_let_go_before_being_announced_is_not_counted() {
    let mut door = Door::new(100, 1, 100);
    door.enter(Origin::Here).unwrap();
    let mut slow = door.inside.remove(&0).unwrap();
    door.enter(Origin::V6(2)).unwrap();
    let relocated = slow.relocate(&mut door.crowd.counts(), Origin::V6(1));
    assert_eq!(relocated, Ok(None));
    door.is_right();
    drop(slow);
    door.is_right();
}

#[test]
fn handshakes_of_one_address_go_on_at_a_pace() {
    const SECOND: Duration = Duration::from_secs(1);
    let limits = Limits {
        handshakes_per_second: 2,
        handshakes_burst: 3,
        ..Limits::default()
    };
    let crowd = Crowd::new(&limits);
    let mut counts = crowd.counts();
    let (school, home) = (Origin::V6(1), Origin::V6(2));
    for origin in [school, home, Origin::Here] {
        counts.come(origin);
    }
    let mut wait = |origin, now| counts.begin_handshake(origin, now);
    for _ in 0..3 {
        assert_eq!(wait(school, SECOND), Duration::ZERO);
    }
    assert_eq!(wait(school, SECOND), SECOND / 2);
    assert_eq!(wait(school, SECOND), SECOND);
    assert_eq!(wait(home, SECOND), Duration::ZERO);
    for _ in 0..1_000 {
        assert_eq!(wait(Origin::Here, SECOND), Duration::ZERO);
    }
    assert_eq!(wait(school, SECOND * 3), Duration::ZERO);
    counts.go(school);
    counts.come(school);
    let mut wait = |origin, now| counts.begin_handshake(origin, now);
    assert_eq!(wait(school, SECOND * 3), Duration::ZERO);
    assert_eq!(wait(school, SECOND * 3), SECOND / 2, "it is remembered");
    counts.forgive_handshake(school, SECOND / 2);
    let mut wait = |origin, now| counts.begin_handshake(origin, now);
    assert_eq!(wait(school, SECOND * 3), SECOND / 2, "one went unserved");
    assert_eq!(wait(school, SECOND * 60), Duration::ZERO);
}

#[test]
fn handshakes_of_those_who_are_gone_take_little_memory() {
    let crowd = Crowd::new(&Limits::default());
    let mut counts = crowd.counts();
    let mut shake_hands = |origin, now| {
        counts.come(origin);
        counts.begin_handshake(origin, now);
        counts.go(origin);
        assert!(counts.gone <= GONE_MAX + 1 && counts.groups.len() == counts.gone);
    };
    for n in 0..100_000 {
        shake_hands(Origin::V6(n), Duration::from_millis(n));
        shake_hands(Origin::V6(n / 2), Duration::from_millis(n));
    }
    // All at the same moment.
    for n in 0..100_000 {
        shake_hands(Origin::V6(n), Duration::from_secs(100));
    }
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
