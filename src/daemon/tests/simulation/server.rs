//! The server in pieces: the hub, the workers, the writer and the readers as they are, each taking a turn when it is told
//! to. Passwords are looked at here, without Argon2.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::dice::Dice;
use super::disk::Disk;
use super::seen::Seen;
use crate::base::record::{PasswordHash, PasswordWork};
use crate::base::{CallId, Limits, Now, Password, Ticket, Timestamp, Token};
use crate::daemon::clock::Clock;
use crate::daemon::hub::{Hub, Outgoing};
use crate::daemon::password::Passwords;
use crate::daemon::{reader, writer};
use crate::engine::Engine;
use crate::engine::effect::{Effect, Reply};
use crate::engine::input::{Command, Input, PasswordOutcome, Registration, Retention, Rules};
use crate::net::played::{Pipe, Played, greeting};
use crate::net::{Lookup, Order};
use crate::store::{Reader as _, Store as _};

const WORKERS: u16 = 2;
/// Everything on the disk is gone through after so many commits, and at each start; what is stored is looked at by itself
/// each time.
const COMMITS_PER_CHECK: usize = 5;

pub struct Server {
    hub: Hub,
    workers: Vec<Played>,
    writer: writer::Writer,
    reader: reader::Thread,
    lookups: Receiver<Lookup>,
    searches: Receiver<Lookup>,
    replies: UnboundedReceiver<(CallId, Reply)>,
    passwords: VecDeque<(Ticket, PasswordWork)>,
    disk: Disk,
    /// Calls without a reply.
    pub calls: BTreeSet<CallId>,
    /// When it was started.
    began: Duration,
    adopted: usize,
    commits: usize,
    /// Since when it is stopping.
    pub stopping: Option<Duration>,
    /// Whether the keys of what was said before are still to be read.
    keys_due: bool,
}

/// What the people of the simulation reach, and what a small machine would take.
pub fn limits() -> Limits {
    Limits {
        rooms: 4,
        rooms_joined: 2,
        direct_conversations: 2,
        sessions_per_user: 3,
        users: 5,
        appends_waiting: 30,
        login_attempts: 4,
        login_delay_seconds: 4,
        messages_per_second: 5,
        messages_burst: 40,
        changes_per_second: 1,
        changes_burst: 30,
        searches_waiting: 2,
        searches_burst: 10,
        searches_per_second: 1,
        presence_room: 2,
        session_days: 5,
        key_hours: 1_000_000,
        requests_outstanding: 12,
        outbox_bytes: 4_096,
        ring_bytes: 2_048,
        registrations_per_hour: 1_000_000,
        registrations_per_address: 1_000_000,
        bans: 6,
        ..Limits::default()
    }
}

impl Server {
    /// Starts from what is on the disk.
    pub fn start(disk: &Disk, now: Now) -> Self {
        disk.restart();
        let limits = limits();
        let snapshot = disk.clone().load();
        let rules = Rules {
            registration: Registration::Open,
            limits: limits.clone(),
            retention: Retention::default(),
        };
        let engine = Engine::new(rules, snapshot.unwrap());
        let ((inputs_in, inputs), (work, jobs)) = (channel(), channel());
        let ((lookups_in, lookups), (searches_in, searches)) = (channel(), channel());
        let (replies_in, replies) = unbounded_channel();
        let greeting = greeting(limits.clone());
        let worker = |index| {
            let (hub, readers) = (inputs_in.clone(), lookups_in.clone());
            Played::new(index, hub, readers, greeting.clone())
        };
        let workers: Vec<_> = (0..WORKERS).map(worker).collect();
        let orders: Vec<_> = workers.iter().map(Played::orders).collect();
        let hub = Hub {
            outgoing: Outgoing::default(),
            engine,
            clock: Clock::start(),
            inputs,
            outcomes: inputs_in.clone(),
            workers: orders.clone(),
            writer: work,
            lookups: lookups_in,
            searches: searches_in,
            passwords: Passwords::spawn(Vec::new(), &limits).unwrap(),
            replies: replies_in,
        };
        Self {
            hub,
            workers,
            writer: writer::Writer::played(Box::new(disk.clone()), jobs, inputs_in.clone()),
            reader: reader::Thread::new(Box::new(disk.clone()), orders, inputs_in),
            lookups,
            searches,
            replies,
            passwords: VecDeque::new(),
            disk: disk.clone(),
            calls: BTreeSet::new(),
            began: now.elapsed,
            adopted: 0,
            commits: 0,
            stopping: None,
            keys_due: true,
        }
    }

    pub fn adopt(&mut self, pipe: &Pipe, peer: Option<IpAddr>) {
        let next = self.adopted % self.workers.len();
        self.adopted += 1;
        self.workers[next].adopt(pipe, peer);
    }

    pub fn call(&mut self, call: CallId, command: Command) {
        self.calls.insert(call);
        drop(self.hub.outcomes.send(Input::Call { call, command }));
    }

    /// Other bounds from now on.
    pub fn reload(&mut self, outbox_bytes: u32) {
        let limits = Limits {
            outbox_bytes,
            ..limits()
        };
        for orders in &self.hub.workers {
            drop(orders.send(Order::Reload(greeting(limits.clone()))));
        }
        let rules = Rules {
            registration: Registration::Open,
            limits,
            retention: Retention::default(),
        };
        drop(self.hub.outcomes.send(Input::Reload(Box::new(rules))));
    }

    pub fn stop(&mut self, now: Now) {
        if self.stopping.is_none() {
            self.stopping = Some(now.elapsed);
            let text = "until tomorrow".into();
            drop(self.hub.outcomes.send(Input::Stop { text }));
        }
    }

    /// Whether everybody was told good-bye and nothing more happens.
    pub fn is_over(&self) -> bool {
        self.workers.iter().all(Played::is_over)
    }

    /// The engine takes in what waits, at most so much, and the others are told. Returns whether anything did.
    pub fn turn_hub(&mut self, most: usize, now: Now, seen: &mut Seen) -> bool {
        let now = Now {
            elapsed: now.elapsed - self.began,
            ..now
        };
        let mut effects = Vec::new();
        let mut taken = 0;
        if self.hub.engine.next_deadline() <= now.elapsed {
            self.take_in(Input::Tick, now, &mut effects, seen);
        }
        while taken < most {
            let Ok(input) = self.hub.inputs.try_recv() else {
                break;
            };
            taken += 1;
            self.take_in(input, now, &mut effects, seen);
        }
        let mut stopped = false;
        for effect in effects {
            match effect {
                Effect::Password { ticket, work, .. } => self.passwords.push_back((ticket, work)),
                effect => stopped |= self.hub.carry_out(effect),
            }
        }
        self.hub.send_on();
        if stopped {
            for orders in &self.hub.workers {
                drop(orders.send(Order::Stop));
            }
        }
        while let Ok((call, _)) = self.replies.try_recv() {
            assert!(self.calls.remove(&call), "{call:?} is answered twice");
        }
        taken > 0
    }

    fn take_in(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>, seen: &mut Seen) {
        // What comes together is looked at one by one.
        if let Input::Several(inputs) = input {
            for input in inputs {
                self.take_in(input, now, effects, seen);
            }
            return;
        }
        let what = seen.input(&input);
        let before = effects.len();
        self.hub.engine.handle(input, now, effects);
        seen.effects(&what, &effects[before..]);
    }

    /// Returns whether there is more to do at once.
    pub fn turn_worker(&mut self, index: usize, now: Now, seen: &mut Seen) -> bool {
        let now = (now.elapsed - self.began).as_millis() as u64;
        let worker = &mut self.workers[index % usize::from(WORKERS)];
        let more = worker.turn(now);
        seen.outbox(worker.unsent());
        more
    }

    pub fn turn_writer(&mut self, most: usize) -> bool {
        let stored = self.writer.turn(most);
        self.commits += usize::from(stored);
        if stored && self.commits.is_multiple_of(COMMITS_PER_CHECK) {
            self.disk.check();
        }
        stored
    }

    pub fn rest_writer(&mut self) {
        self.writer.rest();
    }

    pub fn turn_reader(&mut self, searches: bool) -> bool {
        if std::mem::take(&mut self.keys_due) {
            let keys = (self.disk.clone()).keys(Timestamp(i64::MIN), limits().keys as usize);
            drop(self.hub.outcomes.send(Input::Keys(keys.unwrap())));
            return true;
        }
        let queue = if searches {
            &self.searches
        } else {
            &self.lookups
        };
        let Ok(lookup) = queue.try_recv() else {
            return false;
        };
        self.reader.answer(lookup);
        true
    }

    /// A hash is the password itself.
    pub fn turn_passwords(&mut self, dice: &mut Dice, may_fail: bool) -> bool {
        let Some((ticket, work)) = self.passwords.pop_front() else {
            return false;
        };
        let luck = if may_fail { dice.below(30) } else { 9 };
        let token = Token::from_random(std::array::from_fn(|_| dice.next() as u8));
        let hash = |password: &Password| PasswordHash(password.expose().into());
        let mut disk = self.disk.clone();
        let mut is_right = |user, password: &Password| {
            disk.password(user)
                .map(|known| known == Some(hash(password)))
        };
        let outcome = match &work {
            _ if luck == 0 => Ok(PasswordOutcome::Busy),
            _ if luck == 1 => Ok(PasswordOutcome::Broken),
            PasswordWork::Hash(new) => Ok(PasswordOutcome::Hashed(hash(new), token)),
            PasswordWork::Check(None, _) => Ok(PasswordOutcome::Wrong),
            PasswordWork::Check(Some(user), shown) => {
                is_right(*user, shown).map(|right| match right {
                    true => PasswordOutcome::Right(hash(shown), token, None),
                    false => PasswordOutcome::Wrong,
                })
            }
            PasswordWork::Replace(user, old, new) => {
                is_right(*user, old).map(|right| match right {
                    true => PasswordOutcome::Hashed(hash(new), token),
                    false => PasswordOutcome::Wrong,
                })
            }
        };
        let outcome = outcome.unwrap_or(PasswordOutcome::Broken);
        drop(self.hub.outcomes.send(Input::Password { ticket, outcome }));
        true
    }

    /// Everything takes its turn, as long as there is something to do. Returns whether there was.
    pub fn settle(&mut self, now: Now, dice: &mut Dice, seen: &mut Seen) -> bool {
        let mut did = false;
        for _ in 0..200 {
            let mut more = false;
            for index in 0..usize::from(WORKERS) {
                more |= self.turn_worker(index, now, seen);
            }
            more |= self.turn_hub(usize::MAX, now, seen);
            more |= self.turn_writer(100);
            more |= self.turn_reader(false) | self.turn_reader(true);
            more |= self.turn_passwords(dice, false);
            did |= more;
            if !more {
                break;
            }
        }
        did
    }
}
