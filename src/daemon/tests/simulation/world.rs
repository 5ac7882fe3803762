//! One life of a server and its people: chance says in each step who does something, what moves on the wires, which part
//! takes its turn, and what breaks. In the end nothing breaks any more, and everybody has to come to the same.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::acts;
use super::device::{Device, Link};
use super::dice::Dice;
use super::disk::{Disk, Planted, State};
use super::seen::{Seen, kind};
use super::server::Server;
use crate::base::{CallId, Now, Timestamp};
use crate::net::played::Pipe;

/// Rounds of the end, each a quarter of a second or longer: more than what waits for a clock can take.
const ROUNDS_MAX: usize = 3_000;
/// Where the clock on the wall begins.
const WALL: i64 = 1_795_000_000_000;
/// How long a stop takes at most.
const STOP_MAX: Duration = Duration::from_secs(10);

pub struct World {
    seed: u64,
    disk: Disk,
    server: Server,
    devices: Vec<Device>,
    /// Connections that their clients have given up, and the server knows nothing of it.
    ghosts: Vec<Pipe>,
    elapsed: Duration,
    /// How far the clock on the wall is off, in milliseconds.
    skew: i64,
    calls: u64,
    /// How often something breaks: once in so many steps.
    peace: usize,
    pub seen: Seen,
    /// What was done, for people, if they want it.
    pub diary: Option<Vec<String>>,
}

impl World {
    pub fn new(seed: u64, planted: Planted, diary: bool) -> Self {
        let mut dice = Dice::of(seed, u64::MAX);
        let disk = Disk::new(planted, dice.clone());
        let peace = [4, 10, 40, 1_000_000][dice.below(4)];
        let now = Now {
            elapsed: Duration::ZERO,
            wall: Timestamp(WALL),
        };
        let mut world = Self {
            seed,
            server: Server::start(&disk, now),
            disk,
            devices: acts::devices(),
            ghosts: Vec::new(),
            elapsed: Duration::ZERO,
            skew: 0,
            calls: 0,
            peace,
            seen: Seen::default(),
            diary: diary.then(Vec::new),
        };
        if !dice.one_in(4) {
            world.bring_together(&mut dice);
        }
        world
    }

    /// Mostly a life begins where everybody has an account, and many are in two more rooms.
    fn bring_together(&mut self, dice: &mut Dice) {
        let now = self.elapsed;
        let people = acts::PEOPLE.len();
        for at in 0..self.devices.len() {
            let device = &mut self.devices[at];
            device.start(self.seed);
            device.ask(now, acts::come_in(device.name, at < people));
            self.calm_down(dice);
        }
        for at in 0..people {
            for (room, request) in acts::first_rooms(at).into_iter().enumerate() {
                if at == room || !dice.one_in(3) {
                    self.devices[at].ask(now, request);
                }
            }
            self.calm_down(dice);
        }
    }

    fn calm_down(&mut self, dice: &mut Dice) {
        for _ in 0..ROUNDS_MAX {
            if !self.round(dice) {
                return;
            }
        }
    }

    fn now(&self) -> Now {
        let past = i64::try_from(self.elapsed.as_millis()).unwrap();
        Now {
            elapsed: self.elapsed,
            wall: Timestamp(WALL + past + self.skew),
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(diary) = &mut self.diary {
            let at = self.elapsed.as_millis();
            diary.push(format!("{at} ms: {}", what()));
        }
    }

    /// What happened in this step, by this number's chance.
    pub fn step(&mut self, step: u64) {
        let mut dice = Dice::of(self.seed, step);
        self.pass_time(&mut dice);
        if dice.one_in(self.peace) {
            self.break_something(&mut dice);
        }
        self.mend_something(&mut dice);
        if dice.one_in(100) {
            self.server.reload([2_048, 4_096][dice.below(2)]);
        }
        if dice.one_in(2) {
            let (at, now) = (dice.below(self.devices.len()), self.elapsed);
            let what = acts::act(&mut self.devices[at], self.seed, now, &mut dice);
            self.note(|| format!("{} ({at}) {what}", acts::PEOPLE[at % 4]));
        }
        if dice.one_in(12) {
            self.calls += 1;
            let command = acts::command(&mut dice);
            self.seen.count("call", kind(&command));
            self.note(|| format!("the admin: {command:?}"));
            self.server.call(CallId(self.calls), command);
        }
        self.move_wires(&mut dice);
        for _ in 0..dice.below(16) {
            self.take_turn(&mut dice);
        }
    }

    fn pass_time(&mut self, dice: &mut Dice) {
        self.elapsed += Duration::from_millis(dice.below(200) as u64);
        if dice.one_in(40) {
            self.elapsed += Duration::from_secs(1 + dice.below(70) as u64);
        }
        if dice.one_in(50) {
            self.skew += (dice.below(60) as i64 - 29) * 3_600_000;
            let skew = self.skew / 3_600_000;
            self.note(|| format!("the clock is {skew} hours off"));
        }
    }

    fn break_something(&mut self, dice: &mut Dice) {
        match dice.below(16) {
            0..8 => {
                let at = dice.below(self.devices.len());
                self.cut(at, dice);
            }
            8..12 => {
                let states = [State::Full, State::Broken, State::Open];
                let state = states[dice.below(3)];
                let mut inner = self.disk.inner();
                if inner.state == State::Fine {
                    inner.state = state;
                    drop(inner);
                    self.seen.count("life", format!("{state:?}"));
                    self.note(|| format!("the disk: {state:?}"));
                }
            }
            12 => {
                self.disk.inner().reads_fail = true;
                self.seen.count("life", "reads fail".into());
            }
            13 => {
                self.note(|| "the server is stopped".into());
                self.server.stop(self.now());
            }
            _ => self.restart("killed"),
        }
    }

    fn mend_something(&mut self, dice: &mut Dice) {
        let mut inner = self.disk.inner();
        let is_stuck = inner.state == State::Stuck;
        if matches!(inner.state, State::Full | State::Broken) && dice.one_in(8) {
            inner.state = State::Fine;
        }
        if dice.one_in(4) {
            inner.reads_fail = false;
        }
        drop(inner);
        if is_stuck && dice.one_in(12) {
            self.restart("started again for its disk");
        }
        let late = |since| self.elapsed > since + STOP_MAX;
        if self.server.is_over() || self.server.stopping.is_some_and(late) {
            self.restart("stopped");
        }
        if dice.one_in(6)
            && let Some(ghost) = self.ghosts.pop()
        {
            match dice.one_in(2) {
                true => ghost.cut(),
                false => ghost.end(),
            }
        }
    }

    fn restart(&mut self, how: &'static str) {
        self.note(|| format!("the server is {how}, and starts"));
        self.seen.count("life", how.into());
        self.server = Server::start(&self.disk, self.now());
        self.disk.check();
    }

    /// A wire breaks, perhaps in the middle of a frame; perhaps only one side hears of it.
    fn cut(&mut self, at: usize, dice: &mut Dice) {
        let (now, most) = (self.elapsed, dice.portion());
        let Self {
            devices,
            disk,
            seen,
            ..
        } = self;
        let device = &mut devices[at];
        device.move_up(most);
        device.move_down(dice.portion(), now, disk, dice, seen);
        let Some(link) = &mut device.link else {
            return;
        };
        let pipe = link.pipe.clone();
        let how = match dice.below(4) {
            0 => {
                link.is_deaf = true;
                pipe.cut();
                "and the client knows nothing"
            }
            1 => {
                self.ghosts.push(pipe);
                device.lose(now, disk, seen);
                "and the server knows nothing"
            }
            _ => {
                pipe.cut();
                device.lose(now, disk, seen);
                "and both know"
            }
        };
        self.seen.count("life", format!("cut, {how}"));
        self.note(|| format!("{} ({at}) is cut, {how}", acts::PEOPLE[at % 4]));
    }

    fn move_wires(&mut self, dice: &mut Dice) {
        for at in 0..self.devices.len() {
            let now = self.elapsed;
            let device = &mut self.devices[at];
            let wants = |model: &crate::client::model::Model| model.wants_connection(now);
            if device.model.as_ref().is_some_and(wants) && dice.one_in(2) {
                self.connect(at, dice);
            }
            let device = &mut self.devices[at];
            let (disk, seen) = (&self.disk, &mut self.seen);
            if !dice.one_in(3) {
                device.move_up(dice.portion());
            }
            if !dice.one_in(3) {
                device.move_down(dice.portion(), now, disk, dice, seen);
            }
            device.tick(now, disk, seen);
        }
    }

    fn connect(&mut self, at: usize, dice: &mut Dice) {
        if self.server.stopping.is_some() {
            return;
        }
        let pipe = Pipe::new([60, 700, 5_000, 65_536][dice.below(4)]);
        let peer = match at {
            0 | 1 => None,
            _ => Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, at as u8))),
        };
        self.server.adopt(&pipe, peer);
        let device = &mut self.devices[at];
        device.link = Some(Link::new(pipe));
        if let Some(model) = &mut device.model {
            model.connected(self.elapsed);
        }
        self.note(|| format!("{} ({at}) connects", acts::PEOPLE[at % 4]));
    }

    fn take_turn(&mut self, dice: &mut Dice) {
        let now = self.now();
        let seen = &mut self.seen;
        match dice.below(10) {
            0..3 => drop(self.server.turn_worker(dice.below(2), now, seen)),
            3..6 => drop(self.server.turn_hub(1 + dice.below(20), now, seen)),
            6 => drop(self.server.turn_writer(1 + dice.below(10))),
            7 => drop(self.server.turn_reader(dice.one_in(2))),
            8 => drop(self.server.turn_passwords(dice, true)),
            _ => self.server.rest_writer(),
        }
    }

    /// Nothing breaks any more: everybody has to come to the same, and within bounds.
    pub fn end(&mut self) {
        let mut dice = Dice::of(self.seed, u64::MAX - 1);
        self.note(|| "peace".into());
        let state = self.disk.inner().state;
        self.disk.inner().reads_fail = false;
        match state {
            State::Open | State::Stuck => self.restart("started again for its disk"),
            _ => self.disk.inner().state = State::Fine,
        }
        if self.server.stopping.is_some() {
            self.restart("stopped");
        }
        self.ghosts.drain(..).for_each(|ghost| ghost.cut());
        for at in 0..self.devices.len() {
            let device = &mut self.devices[at];
            if device.link.as_ref().is_some_and(|link| link.is_deaf) {
                device.lose(self.elapsed, &self.disk, &mut self.seen);
            }
        }
        let mut lacks = Some("it never comes to rest".to_owned());
        for _ in 0..ROUNDS_MAX {
            if self.round(&mut dice) {
                continue;
            }
            let inner = self.disk.inner();
            lacks = self.devices.iter().find_map(|device| {
                let lacks = device.lacks(&inner.truth)?;
                Some(format!("{} ({}): {lacks}", device.name, device.no))
            });
            if lacks.is_none() {
                break;
            }
            drop(inner);
            self.elapsed += Duration::from_millis(250);
        }
        if let Some(lacks) = lacks {
            panic!("in the end, {lacks}");
        }
        self.devices.iter().for_each(Device::check_posts);
        assert!(self.server.calls.is_empty(), "a call without a reply");
        self.disk.check();
    }

    /// Everything moves that can. Returns whether anything did.
    fn round(&mut self, dice: &mut Dice) -> bool {
        let now = self.elapsed;
        let mut did = false;
        for at in 0..self.devices.len() {
            let wants = |model: &crate::client::model::Model| model.wants_connection(now);
            if self.devices[at].model.as_ref().is_some_and(wants) {
                self.connect(at, dice);
                did = true;
            }
            let device = &mut self.devices[at];
            device.tick(now, &self.disk, &mut self.seen);
            did |= device.move_up(usize::MAX);
            did |= device.move_down(usize::MAX, now, &self.disk, dice, &mut self.seen);
        }
        let now = self.now();
        did | self.server.settle(now, dice, &mut self.seen)
    }
}
