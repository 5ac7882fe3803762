//! Random lives of a few people with many connections, a writer that is slow and fails, an admin who removes them: what
//! always holds is looked at after each step, against a naive store and a list of who is connected as whom.

pub mod asks;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;

use asks::{command, request};

use super::rows::Rows;
use super::world::{Job, new_engine};
use crate::base::record::{Change, PasswordHash, PasswordWork, RoomForm};
use crate::base::{
    BanKey, BanKind, BanRecord, Banned, CallId, Channel, ConnId, Limits, Now, Password, RequestId,
    Seq, Ticket, Timestamp, Token, TokenHash, UserId,
};
use crate::engine::effect::{Effect, Query};
use crate::engine::input::{Command, Fault, Input, Outcome, PasswordOutcome, Request};
use crate::engine::redact::Redactor;
use crate::engine::waiting::Storing;
use crate::engine::{Engine, Then};

/// What is done, to which connection, and two numbers that say how.
type Step = (u8, u8, u8, u8);

const PEOPLE: [&str; 4] = ["anna", "boris", "clara", "dora"];
const PLACES: [&str; 7] = ["lobby", "tea", "milk", "@anna", "@boris", "@clara", "@dora"];
const CONNS: u8 = 6;
/// What each may say, in a second and at once, and how many searches of each may wait.
const MESSAGES: (u32, u32) = (1, 6);
const SEARCHES: u32 = 2;

struct Sim {
    engine: Engine,
    now: Now,
    rows: Rows,
    writer: VecDeque<(Ticket, Job)>,
    passwords: VecDeque<(Ticket, PasswordWork)>,
    tokens: Vec<TokenHash>,
    /// The connection in each slot, and whether it was told good-bye.
    conns: Vec<(ConnId, bool)>,
    /// Who is let in as whom, and what they are given.
    admitted: BTreeMap<ConnId, UserId>,
    attached: BTreeSet<(ConnId, Channel)>,
    /// Requests and calls that wait for their answer, by number.
    waiting: BTreeMap<u64, ConnId>,
    calls: BTreeSet<CallId>,
    asked: u64,
    /// How storing went last.
    fault: Option<Fault>,
    heads: BTreeMap<Channel, Seq>,
    keys: BTreeSet<(UserId, String)>,
    /// The last number under each name of a room.
    last: BTreeMap<String, Seq>,
    /// How many messages of each went to the writer, and how many searches wait.
    said: BTreeMap<UserId, u64>,
    searching: BTreeMap<UserId, u32>,
    stopped: u32,
}

impl Sim {
    fn new() -> Self {
        let limits = Limits {
            rooms: 3,
            rooms_joined: 2,
            direct_conversations: 2,
            sessions_per_user: 2,
            users: 3,
            appends_waiting: 3,
            login_attempts: 3,
            messages_per_second: MESSAGES.0,
            messages_burst: MESSAGES.1,
            changes_burst: 25,
            searches_waiting: SEARCHES,
            presence_room: 1,
            session_days: 2,
            key_hours: 1_000_000,
            ..Limits::default()
        };
        let conn = |slot: u8| ConnId {
            worker: 0,
            turn: 0,
            slot: slot.into(),
        };
        let mut rows = Rows::default();
        let lobby = RoomForm::Open(crate::base::RoomName::lobby());
        rows.rooms.insert(crate::base::id::LOBBY, lobby);
        Self {
            engine: new_engine(limits),
            now: Now::default(),
            rows,
            writer: VecDeque::new(),
            passwords: VecDeque::new(),
            tokens: Vec::new(),
            conns: (0..CONNS).map(|slot| (conn(slot), false)).collect(),
            admitted: BTreeMap::new(),
            attached: BTreeSet::new(),
            waiting: BTreeMap::new(),
            calls: BTreeSet::new(),
            asked: 0,
            fault: None,
            heads: BTreeMap::new(),
            keys: BTreeSet::new(),
            last: BTreeMap::new(),
            said: BTreeMap::new(),
            searching: BTreeMap::new(),
            stopped: 0,
        }
    }

    fn step(&mut self, (what, slot, a, b): Step) {
        let slot = usize::from(slot % CONNS);
        match what % 50 {
            0..31 => self.ask(slot, request(what % 50, a, b, &self.tokens)),
            31..34 => self.hang_up(slot),
            34..38 => self.store(1 + usize::from(a % 4)),
            38 => self.search_ends(),
            39 => self.fail(1 + usize::from(a % 3)),
            40..44 => self.look_at_passwords(1, a % 8),
            44 => {
                let time = Duration::from_secs(u64::from(a) * 600);
                self.now.elapsed += time;
                // The clock on the wall is set, now and then.
                self.now.wall = Timestamp(self.now.wall.0 + (i64::from(b) - 20) * 1_000_000);
                self.input(Input::Tick);
            }
            45 => {
                let conn = self.conns[slot].0;
                self.input(Input::Refresh { conn });
            }
            _ => self.call(command(a, b)),
        }
    }

    fn ask(&mut self, slot: usize, request: Request) {
        let (conn, is_closing) = self.conns[slot];
        self.asked += 1;
        if !is_closing {
            self.waiting.insert(self.asked, conn);
        }
        let id = Some(RequestId(self.asked.to_string().into()));
        let from = None;
        self.input(Input::Request {
            conn,
            from,
            id,
            request,
        });
    }

    fn hang_up(&mut self, slot: usize) {
        let conn = self.conns[slot].0;
        self.forget(conn);
        self.conns[slot].0.turn += 1;
        self.conns[slot].1 = false;
        self.input(Input::Gone { conn });
    }

    fn forget(&mut self, conn: ConnId) {
        self.waiting.retain(|_, other| *other != conn);
        self.attached.retain(|(other, _)| *other != conn);
        self.admitted.remove(&conn);
    }

    fn call(&mut self, command: Command) {
        self.asked += 1;
        let call = CallId(self.asked);
        self.calls.insert(call);
        self.input(Input::Call { call, command });
    }

    fn search_ends(&mut self) {
        let searching = self.searching.iter_mut().find(|(_, count)| **count > 0);
        if let Some((user, count)) = searching {
            *count -= 1;
            let user = *user;
            self.input(Input::Searched { user });
        }
    }

    fn store(&mut self, jobs: usize) {
        let mut outcomes = Vec::new();
        for (ticket, job) in self.writer.drain(..jobs.min(self.writer.len())) {
            let room = match &job {
                Job::Append(draft) => Some(draft.room),
                Job::Redact(redaction) => Some(redaction.room),
                _ => None,
            };
            let form = room.and_then(|room| self.rows.rooms.get(&room).cloned());
            let outcome = match job {
                Job::Append(draft) => {
                    let key = draft.key.as_deref().map(str::to_owned);
                    let is_new = key.is_none_or(|key| self.keys.insert((draft.author, key)));
                    assert!(is_new, "{draft:?} is stored twice");
                    self.fault = None;
                    self.rows.append(&draft)
                }
                Job::Redact(redaction) => {
                    self.fault = None;
                    self.rows.redact(&redaction)
                }
                Job::Clear(clearing) => {
                    self.fault = None;
                    self.rows.clear(&clearing)
                }
                Job::Commit(changes) => {
                    self.fault = self.fault.filter(|_| changes.is_empty());
                    self.rows.change(&changes)
                }
            };
            if let (Some(RoomForm::Open(name)), Outcome::Appended(seq)) = (form, outcome) {
                let last = self.last.entry(name.key().to_owned()).or_default();
                assert!(*last < seq, "{seq} of {name} is given twice");
                *last = seq;
            }
            outcomes.push((ticket, outcome));
        }
        self.input(Input::Stored(outcomes));
    }

    fn fail(&mut self, jobs: usize) {
        let tickets = self.writer.drain(..jobs.min(self.writer.len()));
        let tickets: Vec<_> = tickets.map(|(ticket, _)| ticket).collect();
        let fault = Fault::Full;
        if !tickets.is_empty() {
            self.fault = Some(fault);
        }
        self.input(Input::NotStored { tickets, fault });
    }

    /// A hash is the password itself.
    fn look_at_passwords(&mut self, count: usize, luck: u8) {
        for _ in 0..count {
            let Some((ticket, work)) = self.passwords.pop_front() else {
                return;
            };
            let hash = |password: &Password| PasswordHash(password.expose().into());
            let is_right = |user: UserId, password: &Password| {
                self.rows.passwords.get(&user) == Some(&hash(password))
            };
            let token = Token::from_random([self.tokens.len() as u8; 32]);
            self.tokens.push(token.hash());
            let outcome = match work {
                _ if luck == 0 => PasswordOutcome::Busy,
                _ if luck == 1 => PasswordOutcome::Broken,
                PasswordWork::Hash(new) => PasswordOutcome::Hashed(hash(&new), token),
                PasswordWork::Check(Some(user), shown) if is_right(user, &shown) => {
                    PasswordOutcome::Right(hash(&shown), token, None)
                }
                PasswordWork::Replace(user, old, new) if is_right(user, &old) => {
                    PasswordOutcome::Hashed(hash(&new), token)
                }
                _ => PasswordOutcome::Wrong,
            };
            self.input(Input::Password { ticket, outcome });
        }
    }

    fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.engine.handle(input, self.now, &mut effects);
        effects
            .into_iter()
            .for_each(|effect| self.carry_out(effect));
        self.check();
    }

    fn carry_out(&mut self, effect: Effect) {
        if let Effect::Query {
            query: Query::Search { viewer, .. },
            ..
        } = &effect
        {
            let searching = self.searching.entry(*viewer).or_default();
            *searching += 1;
            assert!(*searching <= SEARCHES, "{viewer} searches too much");
        }
        match effect {
            Effect::Tell {
                conn,
                re: Some(RequestId(re)),
                answer: true,
                ..
            }
            | Effect::Query {
                conn,
                re: Some(RequestId(re)),
                ..
            } => {
                let is_closing = self.conns.contains(&(conn, true));
                let is_gone = self.conns.iter().all(|(other, _)| *other != conn);
                let asked = self.waiting.remove(&re.parse().unwrap());
                assert!(asked.is_some() || is_closing || is_gone, "{re} twice");
            }
            Effect::Admit { conn, user } => {
                let before = self.admitted.insert(conn, user);
                assert_eq!(before, None, "{conn:?} is somebody already");
            }
            Effect::Dismiss { conn } => {
                self.admitted.remove(&conn);
                self.attached.retain(|(other, _)| *other != conn);
            }
            Effect::Attach { conn, channel, .. } => drop(self.attached.insert((conn, channel))),
            Effect::Detach { conn, channel } => drop(self.attached.remove(&(conn, channel))),
            Effect::Close { conn, .. } => {
                self.forget(conn);
                self.conns
                    .iter_mut()
                    .filter(|(other, _)| *other == conn)
                    .for_each(|(_, is_closing)| *is_closing = true);
            }
            Effect::Append { ticket, draft } => {
                let said = self.said.entry(draft.author).or_default();
                *said += 1;
                let (per_second, burst) = MESSAGES;
                let most = self.now.elapsed.as_secs() * u64::from(per_second) + u64::from(burst);
                assert!(*said <= most, "{} has said {said} of {most}", draft.author);
                self.writer.push_back((ticket, Job::Append(draft)));
            }
            Effect::Commit { ticket, changes } => {
                for change in &changes {
                    if let Change::AddRoom(room) = change {
                        let channel = |side| Channel {
                            room: room.id,
                            side,
                        };
                        self.heads
                            .extend([0, 1].map(|side| (channel(side), room.last_seq)));
                    }
                }
                self.writer.push_back((ticket, Job::Commit(changes)));
            }
            Effect::Redact { ticket, redaction } => {
                self.writer.push_back((ticket, Job::Redact(redaction)));
            }
            Effect::Clear { ticket, clearing } => {
                self.writer.push_back((ticket, Job::Clear(clearing)));
            }
            Effect::Forget { channel, upto, .. } => {
                let head = self.heads.get(&channel).copied().unwrap_or_default();
                assert!(
                    upto <= head || upto == Seq(u64::MAX),
                    "the future of {channel:?}"
                );
            }
            Effect::Deliver {
                channel, messages, ..
            } => {
                for message in messages {
                    let head = self.heads.entry(channel).or_default();
                    assert_eq!(message.seq, head.next(), "a hole in {channel:?}");
                    *head = message.seq;
                }
            }
            Effect::Password { ticket, work, .. } => self.passwords.push_back((ticket, work)),
            Effect::Reply { call, .. } => assert!(self.calls.remove(&call), "{call:?} twice"),
            Effect::Stopped => self.stopped += 1,
            Effect::Tell { .. }
            | Effect::Query { .. }
            | Effect::Signal { .. }
            | Effect::Bar(_)
            | Effect::Note(_) => {}
        }
    }

    /// What always holds.
    fn check(&self) {
        let state = &self.engine.state;
        let users = || state.users.iter();
        let members = users().flat_map(|(user, entry)| {
            let rooms = entry.rooms.iter();
            rooms.map(|(room, read)| ((*user, *room), *read))
        });
        assert_eq!(members.collect::<BTreeMap<_, _>>(), self.rows.members);
        let sessions = state.sessions.iter().map(|(id, entry)| (*id, entry.user));
        assert_eq!(sessions.collect::<BTreeMap<_, _>>(), self.rows.sessions);
        let living = state.names.values().collect::<BTreeSet<_>>();
        assert_eq!(living, self.rows.passwords.keys().collect());
        assert_eq!(state.rooms.len(), self.rows.rooms.len());
        for (id, room) in &state.rooms {
            let first = self.rows.firsts.get(id).copied().unwrap_or(Seq(1));
            assert_eq!(room.first_seq, first, "the beginning of {id}");
        }
        assert_eq!(state.moderators, self.rows.moderators);
        let rooms = state.rooms.iter();
        let operators = rooms.flat_map(|(id, room)| room.operators.iter().map(|user| (*user, *id)));
        assert_eq!(operators.collect::<BTreeSet<_>>(), self.rows.operators);
        assert!(state.bans.all().eq(self.rows.bans.values()));
        assert_eq!(self.engine.fault, self.fault);
        if self.stopped == 0 {
            self.check_conns();
        }
    }

    fn check_conns(&self) {
        let state = &self.engine.state;
        let here = self.admitted.values().collect::<BTreeSet<_>>();
        assert_eq!(state.here.values().collect::<BTreeSet<_>>(), here);
        for (id, room) in &state.rooms {
            let online = room.members.iter().filter(|user| here.contains(user));
            assert_eq!(online.count() as u32, room.online, "online in {id}");
        }
        for (conn, user) in &self.admitted {
            assert!(self.rows.passwords.contains_key(user), "a ghost is here");
            let mut bans = self.rows.bans.values();
            let keeps_out = |ban: &BanRecord| {
                let key = &ban.key;
                let is_ban = key.kind == BanKind::Ban && key.room.is_none();
                is_ban && ban.is_about(*user) && ban.until.is_none()
            };
            assert!(!bans.any(keeps_out), "{user} is banned, and here");
            assert!(state.users[user].conns.contains(conn));
            for ((member, room), _) in self.rows.members.iter().filter(|row| row.0.0 == *user) {
                let channel = Channel {
                    room: *room,
                    side: 0,
                };
                let is_open = matches!(self.rows.rooms[room], RoomForm::Open(_));
                let is_given = self.attached.contains(&(*conn, channel));
                assert!(is_given || !is_open, "{member} hears nothing of {room}");
            }
        }
        for (conn, channel) in &self.attached {
            let user = self.admitted[conn];
            let is_member = self.rows.members.contains_key(&(user, channel.room));
            assert!(is_member, "{user} is given {channel:?}");
            let ban = BanKey {
                kind: BanKind::Ban,
                who: Banned::User(user),
                room: Some(channel.room),
            };
            assert!(!self.rows.bans.contains_key(&ban), "{user} is banned there");
        }
        for (conn, entry) in self.engine.conns.iter().filter(|(_, entry)| !entry.closed) {
            let waiting = &self.engine.waiting;
            let waits = waiting.stores().any(|one| asks(one, *conn))
                || waiting.hashes().any(|one| one.asker.conn == *conn);
            assert!(waits || !entry.busy, "{conn:?} is busy with nothing");
            assert!(entry.busy || entry.held.is_empty(), "{conn:?} is held");
        }
    }

    /// Everything that waits is done; then the daemon stops, if it was not told to before.
    fn end(mut self, stops_early: bool) {
        let stop = || Input::Stop { text: "".into() };
        if stops_early {
            self.input(stop());
        }
        self.settle();
        let engine = &self.engine;
        assert_eq!(self.waiting, BTreeMap::new(), "without an answer");
        assert_eq!(self.calls, BTreeSet::new(), "without a reply");
        assert!(engine.waiting.is_empty() && engine.registering.is_empty());
        assert!(engine.creating.is_empty() && engine.clears.is_empty());
        assert_eq!(engine.waiting.appends(), (0, 0));
        if !stops_early {
            self.input(stop());
            // What was due at that moment, such as a ban that ends, is stored first.
            self.settle();
        }
        assert_eq!(self.stopped, 1, "told to stop");
    }

    fn settle(&mut self) {
        while !self.writer.is_empty() || !self.passwords.is_empty() {
            self.store(usize::MAX);
            self.look_at_passwords(1, 7);
        }
    }
}

/// Whether the connection waits for it.
fn asks(storing: &Storing, conn: ConnId) -> bool {
    let asker = match storing {
        Storing::Append { .. } | Storing::Clear { .. } => return false,
        Storing::Redact { by, .. } => match by {
            Redactor::Asker(asker) => asker,
            Redactor::Call(..) => return false,
        },
        Storing::Commit { then, .. } => match then {
            Then::Nothing | Then::Admin(_) | Then::Room(_) => return false,
            Then::Session(then) => &then.asker,
            Then::Member(then) => &then.asker,
            Then::Talk(then) => &then.asker,
            Then::Moderation(then) => match then.asker() {
                Some(asker) => asker,
                None => return false,
            },
        },
    };
    asker.conn == conn
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_in_whatever_order_everyone_is_answered_once_and_nobody_hears_what_is_not_theirs(
        steps in prop::collection::vec(any::<Step>(), 0..200), stops_early: bool,
    ) {
        let mut sim = Sim::new();
        steps.into_iter().for_each(|step| sim.step(step));
        sim.end(stops_early);
    }
}

/// Found by the above: the daemon is told to stop in the moment in which something else is due.
#[test]
fn what_is_due_at_the_stop_is_stored_before() {
    let mut sim = Sim::new();
    let steps = [
        (150, 0, 43, 0),
        (40, 0, 18, 0),
        (134, 0, 0, 0),
        (46, 0, 187, 62),
        (144, 0, 0, 30),
    ];
    steps.into_iter().for_each(|step| sim.step(step));
    sim.end(false);
}
