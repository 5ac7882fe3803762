//! The client's rules: what to say after connecting, which messages are shown and when, what is sent again. Is told what
//! came in and what time it is, and answers with frames to send and events to show. Does no I/O and reads no clock.
//!
//! Whoever drives it: opens a connection when [`Model::wants_connection`] says so and tells the outcome with
//! [`Model::connected`] or [`Model::lost`]; hands frames to [`Model::received`]; after everything it tells, and at
//! [`Model::deadline`] ([`Model::tick`]), takes what [`Model::next_frame`] and [`Model::next_event`] give.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::base::limit::{FRAME_BYTES_MAX, TEXT_BYTES_MAX};
use crate::base::record::Kind;
use crate::base::tongue::say;
use crate::base::{Password, RequestId, Seq, Target};
use crate::client::event::{Ending, EndingKind, Event, Refusal, Sent, Unsent};
use crate::client::meaning;
use crate::client::room::{Compared, Room};
use crate::wire::event::{Hello, Message, RoomState, Tagged, Welcome};
use crate::wire::{Code, PROTOCOL, Request, event, request};

mod answer;
#[cfg(test)]
mod tests;
mod write;

/// Without an answer to `hello` for so long, the program is told that it waits.
const HELLO_PATIENCE: Duration = Duration::from_secs(2);
/// After so long a silence the client asks whether the server is there.
const PING_AFTER: Duration = Duration::from_secs(30);
/// Without a byte for so long after that, the connection is dead.
const DEAD_AFTER: Duration = Duration::from_secs(20);
/// Without progress in catching up for so long, what is unsent is sent all the same: keys make that harmless.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(30);
/// The first and the longest wait before connecting again.
const RETRY_DELAYS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// A connection that stood for so long was a good one: the waits begin anew.
const GOOD_AFTER: Duration = Duration::from_secs(5);
/// The wait when the server asks for one and does not say how long.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Sends without an answer at once; well below what servers allow (`requests_outstanding`).
const SENDS_IN_FLIGHT_MAX: usize = 64;

/// What the model has to know of the program.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the program calls itself, `NAME/VERSION`.
    pub software: String,
    /// How long it goes on without a connection, or with a send that the server puts off. None: for ever.
    pub patience: Option<Duration>,
    /// Where keys and the spread of waits come from: different for each run.
    pub seed: u64,
}

/// What the client knows and does.
#[derive(Debug)]
pub struct Model {
    settings: Settings,
    random: u64,
    phase: Phase,
    hello: Option<Hello>,
    session: Option<Session>,
    rooms: BTreeMap<Arc<str>, Room>,
    /// Rooms that the last `welcome` has not told of: while some follow it, as `joined`, they may be among those.
    untold: BTreeMap<Arc<str>, Room>,
    /// How many of them follow.
    rooms_follow: u32,
    /// Which life of the server's database the cursors are from.
    epoch: Option<Arc<str>>,
    /// Whether the rooms that are told now are of another one.
    is_other_epoch: bool,
    /// What is to be sent and not acknowledged, in the order it was posted.
    pending: VecDeque<Pending>,
    /// Until when sends wait because the server asked for it.
    sends_from: Duration,
    /// When something was stored last: until then the others have not waited in vain.
    stored_at: Duration,
    /// While catching up: when that is given up.
    catching_up: Option<Duration>,
    /// Requests that are not written yet.
    queue: VecDeque<Asked>,
    /// Requests that are written and not answered.
    asked: BTreeMap<u64, Asked>,
    next_no: u64,
    next_key: u64,
    /// The latest time told.
    now: Duration,
    heard_at: Duration,
    /// How long the last answer took.
    round_trip: Option<Duration>,
    pinged: bool,
    /// When the connection came to stand, or when it was lost.
    since: Duration,
    attempts: u32,
    frames: VecDeque<String>,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No connection; one is wanted from then on.
    Away { until: Duration },
    /// `hello` is said and not answered; whether the program was told that it waits.
    Greeting { told: bool },
    /// The server has answered; nobody is logged in, or not yet again.
    Open,
    /// Logged in.
    Online,
    /// Nothing more happens.
    Ended,
}

#[derive(Clone, Debug)]
struct Session {
    token: Password,
    user: Arc<str>,
    /// On the whole server.
    role: Option<Arc<str>>,
}

/// A message that is not acknowledged.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The key that it was given: however often it is sent, it is stored once.
    pub key: Arc<str>,
    /// Where it goes.
    pub to: Arc<str>,
    /// What sort it is.
    pub kind: Kind,
    /// What it says.
    pub text: Arc<str>,
    /// Whether it is on its way: the number of the request.
    in_flight: Option<u64>,
    since: Duration,
}

#[derive(Clone, Debug)]
struct Asked {
    no: u64,
    request: Request,
    by: By,
    since: Duration,
    not_before: Duration,
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum By {
    Program,
    Model,
    Send(Arc<str>),
}

impl Model {
    /// A model that wants a connection at once.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            random: settings.seed,
            settings,
            phase: Phase::Away {
                until: Duration::ZERO,
            },
            hello: None,
            session: None,
            rooms: BTreeMap::new(),
            untold: BTreeMap::new(),
            rooms_follow: 0,
            epoch: None,
            is_other_epoch: false,
            pending: VecDeque::new(),
            sends_from: Duration::ZERO,
            stored_at: Duration::ZERO,
            catching_up: None,
            queue: VecDeque::new(),
            asked: BTreeMap::new(),
            next_no: 1,
            next_key: 1,
            now: Duration::ZERO,
            heard_at: Duration::ZERO,
            round_trip: None,
            pinged: false,
            since: Duration::ZERO,
            attempts: 0,
            frames: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The connection stands: says `hello`, and `resume` where there is a session.
    pub fn connected(&mut self, now: Duration) {
        self.phase = Phase::Greeting { told: false };
        (self.heard_at, self.pinged, self.since) = (now, false, now);
        let hello = Request::Hello(request::Hello {
            protocol: PROTOCOL,
            client: self.settings.software.clone(),
        });
        self.write(now, hello, By::Model);
        if let Some(session) = &self.session {
            let resume = request::Resume {
                token: session.token.clone(),
                cursors: self.cursors(),
                epoch: self.epoch.clone(),
            };
            self.write(now, Request::Resume(resume), By::Model);
        } else {
            self.flush(now);
        }
    }

    /// The connection is gone or could not be made.
    pub fn lost(&mut self, now: Duration, why: &str) {
        self.lose(now, why, None);
    }

    /// A person does not want to wait for the next try.
    pub fn retry_now(&mut self, now: Duration) {
        if let Phase::Away { until } = &mut self.phase {
            *until = now.min(*until);
        }
    }

    /// The connection is no use, and another one would be none either: it is over.
    pub fn give_up(&mut self, kind: EndingKind, why: &str) {
        self.end(kind, why);
    }

    /// One frame came in.
    pub fn received(&mut self, now: Duration, frame: &[u8]) {
        if !self.is_up() {
            return;
        }
        (self.heard_at, self.pinged) = (now, false);
        match Tagged::decode(frame) {
            Ok(Tagged { re, event }) => {
                let asked = re
                    .and_then(|re| re.0.parse().ok())
                    .and_then(|no: u64| self.asked.remove(&no));
                // What a program asks for may have waited, or take the server a while: a login does.
                if let Some(asked) = asked.as_ref().filter(|asked| asked.by != By::Program) {
                    self.round_trip = Some(now.saturating_sub(asked.since));
                }
                match asked {
                    Some(asked) => self.answered(now, asked, event),
                    None => self.pushed(now, event),
                }
            }
            Err(_) => self.not_understood(frame),
        }
        self.flush(now);
    }

    /// The time of [`Model::deadline`] has come.
    pub fn tick(&mut self, now: Duration) {
        match self.phase {
            Phase::Greeting { told: false } if now >= self.since + HELLO_PATIENCE => {
                self.phase = Phase::Greeting { told: true };
                self.events.push_back(Event::Waiting);
            }
            Phase::Open | Phase::Online if self.pinged && now >= self.heard_at + DEAD_AFTER => {
                let why = say!(
                    "the server does not answer any more",
                    "сервер больше не отвечает"
                );
                self.lose(now, &why, None);
            }
            Phase::Open | Phase::Online if !self.pinged && now >= self.heard_at + PING_AFTER => {
                // From here on `heard_at` is when the question was asked: a program that slept has not waited.
                (self.heard_at, self.pinged) = (now, true);
                self.write(now, Request::Ping(request::Ping { data: None }), By::Model);
            }
            _ => {}
        }
        if self.catching_up.is_some_and(|until| now >= until) {
            self.catching_up = None;
        }
        self.flush(now);
    }

    /// Has the message sent, now or when that is possible. Its fate is told by [`Event::Sent`] or [`Event::Failed`]
    /// with the key that is returned.
    pub fn send(&mut self, now: Duration, to: &str, kind: Kind, text: &str) -> Arc<str> {
        let key: Arc<str> = format!("{:016x}-{}", self.settings.seed, self.next_key).into();
        self.next_key += 1;
        let message = Unsent {
            key: key.clone(),
            to: to.into(),
            kind,
            text: text.into(),
        };
        self.send_again(now, message);
        key
    }

    /// The same of a message that has its key, because it was refused or an earlier run of the program did not get it
    /// sent. One that is on its way already stays as it is.
    pub fn send_again(&mut self, now: Duration, message: Unsent) {
        if self.pending.iter().any(|send| send.key == message.key) {
            return;
        }
        self.pending.push_back(Pending {
            key: message.key,
            to: message.to,
            kind: message.kind,
            text: message.text,
            in_flight: None,
            since: now,
        });
        self.flush(now);
    }

    /// Has the request made, now or when that is possible. The answer is told by [`Event::Answer`] with the number that
    /// is returned.
    pub fn ask(&mut self, now: Duration, request: Request) -> u64 {
        let no = self.number();
        if let Request::Resume(resume) = &request {
            // Rooms with a cursor: their state is told by the welcome.
            self.rooms = (resume.cursors.iter())
                .map(|(room, cursor)| {
                    let room: Arc<str> = room.as_str().into();
                    (room.clone(), Room::after(unknown(room, *cursor), *cursor))
                })
                .collect();
        }
        self.queue.push_back(Asked {
            no,
            request,
            by: By::Program,
            since: now,
            not_before: Duration::ZERO,
        });
        self.flush(now);
        no
    }

    /// The next frame to send, as JSON text.
    pub fn next_frame(&mut self) -> Option<String> {
        self.frames.pop_front()
    }

    /// What happened next.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Model::tick`] is to be called, unless something else happens earlier.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let phase = match self.phase {
            Phase::Greeting { told: false } => Some(self.since + HELLO_PATIENCE),
            Phase::Open | Phase::Online if self.pinged => Some(self.heard_at + DEAD_AFTER),
            Phase::Open | Phase::Online => Some(self.heard_at + PING_AFTER),
            Phase::Away { until } => Some(until),
            Phase::Greeting { .. } | Phase::Ended => return None,
        };
        // Of what could be written already, nothing waits for a time.
        let queue = self.queue.iter().map(|asked| asked.not_before);
        let sends = self.waiting_sends().then_some(self.sends_from);
        (queue.chain(sends))
            .filter(|moment| self.is_up() && *moment > self.now)
            .chain(self.catching_up)
            .chain(phase)
            .min()
    }

    /// Whether a connection is to be opened now.
    #[must_use]
    pub fn wants_connection(&self, now: Duration) -> bool {
        matches!(self.phase, Phase::Away { until } if now >= until)
    }

    /// Whether the model goes by a connection: if not, one that is open is to be closed.
    #[must_use]
    pub fn is_up(&self) -> bool {
        !matches!(self.phase, Phase::Away { .. } | Phase::Ended)
    }

    /// Whether somebody is logged in on a connection that stands.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.phase == Phase::Online
    }

    /// Whether messages that were missed are still coming.
    #[must_use]
    pub fn is_catching_up(&self) -> bool {
        self.catching_up.is_some()
    }

    /// How long the server took for its last answer to what the model itself had to say.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// What the server told of itself.
    #[must_use]
    pub fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// The name one is logged in by.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.session.as_ref().map(|session| &*session.user)
    }

    /// What one may do more than others: in this room, or everywhere.
    #[must_use]
    pub fn role(&self, room: &str) -> Option<&str> {
        let everywhere = self
            .session
            .as_ref()
            .and_then(|session| session.role.as_deref());
        let room = self.rooms.get(room);
        everywhere.or_else(|| room.and_then(|room| room.state.role.as_deref()))
    }

    /// The token of the session.
    #[must_use]
    pub fn token(&self) -> Option<&Password> {
        self.session.as_ref().map(|session| &session.token)
    }

    /// The rooms one is in.
    #[must_use]
    pub fn rooms(&self) -> &BTreeMap<Arc<str>, Room> {
        &self.rooms
    }

    /// What is to be sent and not acknowledged.
    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.pending.iter()
    }

    /// The last number held of each room: what a program that ends may keep and give back with `resume`.
    #[must_use]
    pub fn cursors(&self) -> BTreeMap<String, Seq> {
        let cursor = |(room, state): (&Arc<str>, &Room)| (room.to_string(), state.cursor());
        let all = self.untold.iter().chain(&self.rooms);
        all.map(cursor).collect()
    }

    fn number(&mut self) -> u64 {
        let no = self.next_no;
        self.next_no += 1;
        no
    }

    /// Splitmix64: spreads waits and is no secret.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.random;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Between half of the span and all of it.
    fn spread(&mut self, span: Duration) -> Duration {
        let half = span / 2;
        let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
        half + Duration::from_millis(self.random() % millis.saturating_add(1))
    }
}

fn failed(send: Pending, refusal: Refusal) -> Event {
    Event::Failed {
        message: Unsent {
            key: send.key,
            to: send.to,
            kind: send.kind,
            text: send.text,
        },
        refusal,
    }
}

/// A room of which nothing is known but how far it was read.
fn unknown(room: Arc<str>, last_seq: Seq) -> RoomState {
    RoomState {
        room,
        topic: "".into(),
        first_seq: Seq(1),
        last_seq,
        read_seq: Seq(0),
        members: 0,
        joined: true,
        role: None,
    }
}

/// Whether two texts name the same room or person, however they are written.
#[must_use]
pub fn same_place(one: &str, other: &str) -> bool {
    one == other
        || matches!((one.parse::<Target>(), other.parse::<Target>()), (Ok(one), Ok(other)) if one == other)
}
