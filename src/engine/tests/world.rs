//! The world around an engine: connections that write down what they are told, a writer that does as a
//! naive store says, a clock that is set by hand.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::rows::Rows;
use crate::base::id::LOBBY;
use crate::base::record::{
    Change, Clearing, Draft, Kind, PasswordHash, PasswordWork, Redaction, RoomForm, RoomRecord,
    Snapshot,
};
use crate::base::{
    CallId, Channel, ConnId, InviteId, Limits, Now, Password, RequestId, RoomId, RoomName, Seq,
    SessionId, Ticket, Timestamp, Token, TokenHash, UserId,
};
use crate::engine::Engine;
use crate::engine::effect::{Effect, News, Query, Refusal, Reply};
use crate::engine::input::{
    Command, Fault, Input, PasswordOutcome, Registration, Request, Retention, Rules,
};
use crate::engine::note::Note;

/// What the writer is asked for.
pub enum Job {
    Append(Draft),
    Redact(Redaction),
    Clear(Clearing),
    Commit(Vec<Change>),
}

pub struct World {
    pub engine: Engine,
    pub now: Now,
    /// From which address people come; none for a local socket.
    pub from: Option<IpAddr>,
    /// What each connection was told and has not been asked for.
    told: BTreeMap<u32, Vec<String>>,
    attached: BTreeMap<(Channel, ConnId), Seq>,
    /// What waits for the writer; done by [`World::store`].
    writer: VecDeque<(Ticket, Job)>,
    /// Whether the writer is done at once.
    pub quick: bool,
    /// What waits for the password threads, when they are slow; done by [`World::do_passwords`].
    passwords: VecDeque<(Ticket, PasswordWork)>,
    pub slow_passwords: bool,
    rows: Rows,
    tokens: u8,
    pub stopped: bool,
    pub notes: Vec<Note>,
    /// What those are told who come from where nobody is let in.
    pub barred: Vec<String>,
    /// What the workers hold no longer.
    pub forgotten: Vec<(Channel, Seq, bool)>,
    pub replies: Vec<Reply>,
}

impl World {
    pub fn new(limits: Limits) -> Self {
        Self {
            engine: new_engine(limits),
            now: Now {
                elapsed: Duration::from_secs(1),
                wall: Timestamp(1_800_000_000_000),
            },
            from: None,
            told: BTreeMap::new(),
            attached: BTreeMap::new(),
            writer: VecDeque::new(),
            quick: true,
            passwords: VecDeque::new(),
            slow_passwords: false,
            rows: Rows::default(),
            tokens: 0,
            stopped: false,
            notes: Vec::new(),
            barred: Vec::new(),
            forgotten: Vec::new(),
            replies: Vec::new(),
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = Now {
            elapsed: self.now.elapsed + time,
            wall: self.now.wall.plus(time),
        };
        self.input(Input::Tick);
    }

    /// Asks on connection `conn` and has everything done that can be.
    pub fn ask(&mut self, conn: u32, request: Request) {
        let id = Some(RequestId("1".into()));
        self.input(Input::Request {
            conn: id_of(conn),
            from: self.from,
            id,
            request,
        });
    }

    pub fn register(&mut self, conn: u32, name: &str) {
        let (name, password) = (name.parse().unwrap(), Password::new("correct horse".into()));
        self.ask(
            conn,
            Request::Register {
                name,
                password,
                invite: None,
                device: "".into(),
            },
        );
    }

    pub fn login(&mut self, conn: u32, name: &str, password: &str) {
        let password = Password::new(password.into());
        self.ask(
            conn,
            Request::Login {
                name: name.parse().ok(),
                password,
                device: "".into(),
            },
        );
    }

    pub fn resume(&mut self, conn: u32, token: u8, cursors: &[(&str, u64)]) {
        let cursors = cursors
            .iter()
            .map(|(room, seq)| (room.parse().unwrap(), Seq(*seq)))
            .collect();
        self.ask(
            conn,
            Request::Resume {
                token: Some(token_hash(token)),
                cursors,
            },
        );
    }

    pub fn say(&mut self, conn: u32, to: &str, text: &str) {
        self.say_keyed(conn, to, None, text);
    }

    pub fn say_keyed(&mut self, conn: u32, to: &str, key: Option<&str>, text: &str) {
        let (to, key) = (to.parse().unwrap(), key.map(Arc::from));
        self.ask(
            conn,
            Request::Send {
                to,
                kind: Kind::Text,
                key,
                text: text.into(),
            },
        );
    }

    pub fn command(&mut self, command: Command) -> Option<Reply> {
        self.input(Input::Call {
            call: CallId(1),
            command,
        });
        self.replies.pop()
    }

    pub fn gone(&mut self, conn: u32) {
        self.input(Input::Gone { conn: id_of(conn) });
    }

    pub fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.engine.handle(input, self.now, &mut effects);
        effects.into_iter().for_each(|effect| self.effect(effect));
        if self.quick && !self.writer.is_empty() {
            self.store();
        }
    }

    /// The writer stores everything that waits, in one commit.
    pub fn store(&mut self) {
        let outcome = |(ticket, job)| match job {
            Job::Append(draft) => (ticket, self.rows.append(&draft)),
            Job::Redact(redaction) => (ticket, self.rows.redact(&redaction)),
            Job::Clear(clearing) => (ticket, self.rows.clear(&clearing)),
            Job::Commit(changes) => (ticket, self.rows.change(&changes)),
        };
        let outcomes = self.writer.drain(..).map(outcome).collect();
        self.input(Input::Stored(outcomes));
    }

    /// Those that wait for the writer.
    pub fn clearings(&self) -> Vec<Clearing> {
        let clearing = |(_, job): &(Ticket, Job)| match job {
            Job::Clear(clearing) => Some(*clearing),
            _ => None,
        };
        self.writer.iter().filter_map(clearing).collect()
    }

    /// The writer cannot store what waits.
    pub fn fail(&mut self, fault: Fault) {
        let tickets = self.writer.drain(..).map(|(ticket, ..)| ticket).collect();
        self.input(Input::NotStored { tickets, fault });
    }

    /// The password threads do everything that waits.
    pub fn do_passwords(&mut self) {
        while let Some((ticket, work)) = self.passwords.pop_front() {
            self.password(ticket, work);
        }
    }

    /// How many passwords wait to be looked at.
    pub fn passwords_waiting(&self) -> usize {
        self.passwords.len()
    }

    /// What the connection was told since it was last asked, a line each.
    pub fn told(&mut self, conn: u32) -> Vec<String> {
        self.told.remove(&conn).unwrap_or_default()
    }

    /// Forgets what everyone was told.
    pub fn hush(&mut self) {
        self.told.clear();
    }

    fn tell(&mut self, conn: ConnId, line: String) {
        self.told.entry(conn.slot).or_default().push(line);
    }

    fn tell_all(&mut self, channel: Channel, except: Option<ConnId>, line: &str) {
        let conns = self
            .attached
            .keys()
            .filter(|(other, conn)| *other == channel && Some(*conn) != except);
        for conn in conns.map(|(_, conn)| *conn).collect::<Vec<_>>() {
            self.tell(conn, line.to_owned());
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Tell { conn, news, .. } => self.tell(conn, line(&news)),
            Effect::Signal {
                channel,
                news,
                except,
            } => self.tell_all(channel, except, &line(&news)),
            Effect::Attach {
                conn,
                channel,
                label,
                after,
                head,
                ..
            } => {
                self.attached.insert((channel, conn), after);
                if after < head {
                    self.tell(conn, format!("{label} is fed after {after}"));
                }
            }
            Effect::Detach { conn, channel } => drop(self.attached.remove(&(channel, conn))),
            Effect::Dismiss { conn } => self.attached.retain(|(_, other), _| *other != conn),
            Effect::Close { conn, bye } => {
                self.attached.retain(|(_, other), _| *other != conn);
                self.tell(conn, format!("bye {:?}", bye.reason));
            }
            Effect::Append { ticket, draft } => self.writer.push_back((ticket, Job::Append(draft))),
            Effect::Commit { ticket, changes } => {
                self.writer.push_back((ticket, Job::Commit(changes)));
            }
            Effect::Redact { ticket, redaction } => {
                self.writer.push_back((ticket, Job::Redact(redaction)));
            }
            Effect::Clear { ticket, clearing } => {
                self.writer.push_back((ticket, Job::Clear(clearing)));
            }
            Effect::Forget {
                channel,
                upto,
                gone,
            } => self.forgotten.push((channel, upto, gone)),
            Effect::Deliver {
                channel,
                label,
                messages,
            } => {
                for message in messages {
                    let (seq, from) = (message.seq, &message.from);
                    let line = match message.draft.redacts {
                        Some(redacts) => format!("{label} {seq} {from} redacts {redacts}"),
                        None => format!("{label} {seq} <{from}> {}", message.draft.text),
                    };
                    self.tell_all(channel, message.origin, &line);
                }
            }
            Effect::Query {
                conn,
                query: Query::History { place, .. },
                ..
            } => {
                self.tell(
                    conn,
                    format!("page of {} up to {}", place.label, place.last_seq),
                );
            }
            Effect::Query { conn, query, .. } => self.tell(conn, format!("{query:?}")),
            Effect::Password { ticket, work, .. } if self.slow_passwords => {
                self.passwords.push_back((ticket, work));
            }
            Effect::Password { ticket, work, .. } => self.password(ticket, work),
            Effect::Reply { reply, .. } => self.replies.push(reply),
            Effect::Stopped => self.stopped = true,
            Effect::Bar(barred) => {
                self.barred = barred.iter().map(|one| one.text.to_string()).collect()
            }
            Effect::Note(note) => self.notes.push(note),
            Effect::Admit { .. } => {}
        }
    }

    /// "correct horse" is everybody's password.
    fn password(&mut self, ticket: Ticket, work: PasswordWork) {
        self.tokens += 1;
        let token = Token::from_random([self.tokens; 32]);
        let right = |password: Password| password.expose() == "correct horse";
        let outcome = match work {
            PasswordWork::Hash(_) => PasswordOutcome::Hashed(PasswordHash("hash".into()), token),
            PasswordWork::Check(Some(user), password) if right(password.clone()) => {
                let known = self.rows.passwords.get(&user).cloned();
                known.map_or(PasswordOutcome::Wrong, |hash| {
                    PasswordOutcome::Right(hash, token, None)
                })
            }
            PasswordWork::Replace(_, old, _) if right(old.clone()) => {
                PasswordOutcome::Hashed(PasswordHash("hash".into()), token)
            }
            _ => PasswordOutcome::Wrong,
        };
        self.input(Input::Password { ticket, outcome });
    }
}

/// An engine with the lobby and nobody in it.
pub fn new_engine(limits: Limits) -> Engine {
    let mut engine = starting_engine(limits);
    engine.handle(Input::Keys(Vec::new()), Now::default(), &mut Vec::new());
    engine
}

/// The same before the keys of what was said earlier are known.
pub fn starting_engine(limits: Limits) -> Engine {
    let lobby = RoomRecord {
        id: LOBBY,
        form: RoomForm::Open(RoomName::lobby()),
        topic: "".into(),
        created_at: Timestamp(0),
        first_seq: Seq(1),
        last_seq: Seq(0),
    };
    let snapshot = Snapshot {
        rooms: vec![lobby],
        next_user: UserId(1),
        next_room: RoomId(2),
        next_session: SessionId(1),
        next_invite: InviteId(1),
        ..Snapshot::default()
    };
    Engine::new(new_rules(limits), snapshot)
}

/// Everybody may make an account.
pub fn new_rules(limits: Limits) -> Rules {
    Rules {
        registration: Registration::Open,
        retention: Retention::default(),
        limits,
    }
}

pub fn id_of(conn: u32) -> ConnId {
    ConnId {
        worker: 0,
        turn: 0,
        slot: conn,
    }
}

/// The token of the nth password that was looked at.
pub fn token_hash(token: u8) -> TokenHash {
    Token::from_random([token; 32]).hash()
}

fn line(news: &News) -> String {
    match news {
        News::Welcome { user, rooms, .. } => {
            let rooms = rooms
                .iter()
                .map(|room| format!(" {}:{}/{}", room.room, room.read_seq, room.last_seq));
            format!("welcome {user}{}", rooms.collect::<String>())
        }
        News::Ok => "ok".into(),
        News::Sent { room, seq, .. } => format!("sent {room} {seq}"),
        News::Joined(view) => format!("joined {} with {}", view.room, view.members),
        News::Left { room } => format!("left {room}"),
        News::Rooms { rooms, more } => {
            let rooms = rooms
                .iter()
                .map(|room| format!(" {}({}/{})", room.room, room.online, room.members));
            format!(
                "rooms{}{}",
                rooms.collect::<String>(),
                if *more { " …" } else { "" }
            )
        }
        News::Who { who, more, .. } => {
            let who = who.iter().map(|person| {
                let role = person
                    .role
                    .map_or(String::new(), |role| format!("({})", role.word()));
                format!(
                    " {}{role}{}",
                    person.user,
                    if person.online { "" } else { "(away)" }
                )
            });
            format!(
                "who{}{}",
                who.collect::<String>(),
                if *more { " …" } else { "" }
            )
        }
        News::Presence {
            room,
            user,
            joined,
            others,
        } => {
            let others = if *others > 0 {
                format!(" and {others} others")
            } else {
                String::new()
            };
            format!(
                "{user}{others} {} {room}",
                if *joined { "is in" } else { "is out of" }
            )
        }
        News::Topic { room, topic, .. } => format!("topic {room} {topic}"),
        News::Cleared { room, first_seq } => format!("cleared {room} {first_seq}"),
        News::Removed { room } => format!("removed {room}"),
        News::Kicked {
            room,
            by,
            reason,
            ban,
        } => {
            let banned = if ban.is_some() { " banned" } else { "" };
            format!("kicked from {room} by {by}{banned} ({reason})")
        }
        News::Role {
            room,
            user,
            role,
            by,
        } => {
            let room = room
                .as_ref()
                .map_or("everything".to_owned(), ToString::to_string);
            format!("{user} is {role:?} of {room} by {by}")
        }
        News::Refused(Refusal::Barred(barrier)) => format!("refused: {barrier}"),
        News::Read { room, seq } => format!("read {room} {seq}"),
        News::Typing { room, user } => format!("{user} types in {room}"),
        News::Notice { text } => format!("notice {text}"),
        News::Refused(refusal) => format!("refused {refusal:?}"),
    }
}
