//! A program of somebody: the client model as it is, on a wire that delays, cuts into portions and breaks. What the program
//! is told is held against the truth, word by word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::dice::Dice;
use super::disk::{Disk, Planted};
use super::seen::{Seen, kind};
use super::truth::{Said, Truth};
use crate::base::record::Kind;
use crate::base::{Password, Seq, SessionId, Token, UserId};
use crate::client::Event;
use crate::client::model::{Model, Settings};
use crate::net::played::Pipe;
use crate::wire::event::{self, Message, Tagged};
use crate::wire::frame::{self, FrameReader};
use crate::wire::request::{self, Request};

/// A program, running or not, and what it has been told.
#[derive(Default)]
pub struct Device {
    pub no: usize,
    pub name: &'static str,
    pub model: Option<Model>,
    pub link: Option<Link>,
    /// Whose session it has.
    pub who: Option<(SessionId, UserId)>,
    /// The last number that was shown of each room.
    views: BTreeMap<String, Seq>,
    /// Rooms of which nothing was told but that somebody speaks there: it is not known what comes first.
    vague: BTreeSet<String>,
    /// Rooms that it was in before the last frame.
    told: BTreeSet<String>,
    posts: BTreeMap<Arc<str>, Post>,
    asked: BTreeMap<u64, Request>,
    /// What a program puts away for the next one.
    pub kept: Option<(Password, BTreeMap<String, Seq>)>,
    lives: u64,
    texts: u64,
}

/// A connection as its client has it.
pub struct Link {
    pub pipe: Pipe,
    up: Vec<u8>,
    reader: FrameReader,
    /// Whether nothing is heard any more, and nobody was told that.
    pub is_deaf: bool,
}

/// A message that was to be sent.
struct Post {
    text: Arc<str>,
    fate: Option<Result<Seq, ()>>,
    /// Whether a connection was lost since: it may be stored and nobody knows.
    is_unsure: bool,
}

impl Link {
    pub fn new(pipe: Pipe) -> Self {
        Self {
            pipe,
            up: Vec::new(),
            reader: FrameReader::default(),
            is_deaf: false,
        }
    }
}

impl Device {
    pub fn new(no: usize, name: &'static str) -> Self {
        Self {
            no,
            name,
            ..Self::default()
        }
    }

    /// The program is started, with what the last one has put away, if that is wanted.
    pub fn start(&mut self, seed: u64) {
        self.lives += 1;
        self.end();
        self.model = Some(Model::new(Settings {
            software: "simulation/1".into(),
            patience: None,
            seed: seed.wrapping_mul(1_000_003) ^ (self.no as u64 * 1_000 + self.lives),
        }));
    }

    /// The program is ended. What it has not heard of it never will.
    pub fn end(&mut self) {
        if let Some(model) = self.model.take()
            && let (Some(token), false) = (model.token(), model.is_ended())
        {
            self.kept = Some((token.clone(), model.cursors()));
        }
        if let Some(link) = self.link.take() {
            link.pipe.end();
        }
        self.who = None;
        self.asked.clear();
        self.posts.clear();
        self.views.clear();
        self.vague.clear();
    }

    pub fn ask(&mut self, now: Duration, request: Request) {
        let Some(model) = &mut self.model else {
            return;
        };
        if let Request::Resume(resume) = &request {
            let cursors = resume.cursors.iter();
            self.views = cursors.map(|(room, seq)| (room.clone(), *seq)).collect();
        }
        let no = model.ask(now, request.clone());
        self.asked.insert(no, request);
    }

    pub fn send(&mut self, now: Duration, to: &str, kind: Kind, padding: usize) {
        let Some(model) = &mut self.model else {
            return;
        };
        self.texts += 1;
        let text = format!("tea {}.{} {}", self.no, self.texts, "x".repeat(padding));
        let key = model.send(now, to, kind, &text);
        let post = Post {
            text: text.into(),
            fate: None,
            is_unsure: false,
        };
        self.posts.insert(key, post);
    }

    /// Whether it is there, as far as it knows.
    pub fn knows(&self, room: &str) -> bool {
        self.told.contains(room)
    }

    /// Somewhere up to what it has seen, or a little further.
    pub fn some_number(&self, room: &str, dice: &mut Dice) -> Seq {
        let seen = self.views.get(room).copied().unwrap_or_default();
        Seq(seen.0.saturating_sub(dice.below(6) as u64) + 1)
    }

    /// What the program wants to say goes onto the wire, and at most so many bytes of that arrive.
    pub fn move_up(&mut self, most: usize) -> bool {
        let (Some(model), Some(link)) = (&mut self.model, &mut self.link) else {
            return false;
        };
        while let Some(json) = model.next_frame() {
            link.up.extend_from_slice(&frame::encode(&json));
        }
        let most = most.min(link.up.len());
        if most > 0 && !link.is_deaf {
            link.pipe.give(link.up.drain(..most));
            return true;
        }
        false
    }

    /// At most so many bytes arrive from the server.
    pub fn move_down(
        &mut self,
        most: usize,
        now: Duration,
        disk: &Disk,
        dice: &mut Dice,
        seen: &mut Seen,
    ) -> bool {
        let Some(link) = self.link.as_mut().filter(|link| !link.is_deaf) else {
            return false;
        };
        let bytes = link.pipe.take(most);
        let mut rest = &bytes[..];
        let mut frames = Vec::new();
        while let Some(frame) = link.reader.next(&mut rest).unwrap() {
            frames.push(frame.into_owned());
        }
        for frame in frames {
            self.hear(now, &frame, disk, dice, seen);
        }
        let is_over = self.link.as_ref().is_some_and(|link| link.pipe.is_over());
        if is_over {
            self.lose(now, disk, seen);
        }
        !bytes.is_empty() || is_over
    }

    fn hear(&mut self, now: Duration, frame: &[u8], disk: &Disk, dice: &mut Dice, seen: &mut Seen) {
        let Some(model) = self.model.as_mut().filter(|model| model.is_up()) else {
            return;
        };
        let inner = disk.inner();
        let said = Tagged::decode(frame).unwrap().event;
        let is_message = matches!(said, event::Event::Message(_));
        if inner.planted == Planted::LostFrame && is_message && dice.one_in(8) {
            return;
        }
        let truth = &inner.truth;
        if let event::Event::Error { code, .. } = &said {
            seen.count("error", kind(code));
        }
        check_said(&said, self.who, truth);
        model.received(now, frame);
        let hash = model
            .token()
            .and_then(|token| Token::parse(token.expose()))
            .map(|token| token.hash());
        self.who = hash.map(|hash| truth.sessions[&hash]);
        self.take_events(&inner.truth, inner.opened, seen);
        self.look(seen);
    }

    /// The connection is gone.
    pub fn lose(&mut self, now: Duration, disk: &Disk, seen: &mut Seen) {
        self.link = None;
        if let Some(model) = &mut self.model
            && model.is_up()
        {
            model.lost(now, "cut");
        }
        self.posts
            .values_mut()
            .for_each(|post| post.is_unsure = true);
        let inner = disk.inner();
        self.take_events(&inner.truth, inner.opened, seen);
    }

    /// Its time has come, perhaps.
    pub fn tick(&mut self, now: Duration, disk: &Disk, seen: &mut Seen) {
        let Some(model) = &mut self.model else {
            return;
        };
        if model.deadline().is_some_and(|due| due <= now) {
            model.tick(now);
        }
        let inner = disk.inner();
        self.take_events(&inner.truth, inner.opened, seen);
        drop(inner);
        self.look(seen);
    }

    /// A model that has given up its connection is not to keep it.
    fn look(&mut self, seen: &mut Seen) {
        let is_up = self.model.as_ref().is_some_and(Model::is_up);
        if !is_up && let Some(link) = self.link.take() {
            seen.count("life", "closed by the client".into());
            link.pipe.end();
            self.posts
                .values_mut()
                .for_each(|post| post.is_unsure = true);
        }
    }

    fn take_events(&mut self, truth: &Truth, opened: u32, seen: &mut Seen) {
        while let Some(event) = self.model.as_mut().and_then(Model::next_event) {
            seen.count("event", kind(&event));
            if let Event::Push(event) = &event {
                seen.count("push", kind(event));
            }
            self.take_event(event, truth, opened);
        }
        let Some(model) = &self.model else {
            return;
        };
        self.told = model.rooms().keys().map(ToString::to_string).collect();
        // Nothing moves without a word about it.
        let cursors = model.cursors();
        self.views.retain(|room, _| cursors.contains_key(room));
        for (room, cursor) in cursors {
            let state = model.rooms().get(&*room).map(|room| &room.state);
            if cursor == Seq(0) && state.is_some_and(|state| state.members == 0) {
                self.vague.insert(room.clone());
            }
            let shown = self.views.entry(room.clone()).or_insert(cursor);
            if self.vague.contains(&room) {
                *shown = cursor;
            }
            assert_eq!(*shown, cursor, "{room}: shown, and taken for shown");
        }
    }

    fn take_event(&mut self, event: Event, truth: &Truth, opened: u32) {
        match event {
            Event::Message(message) | Event::Own(message) => self.shown(&message, truth),
            Event::Expired { room, count } => self.expired(&room, count, truth),
            Event::WentBack { room, had, has } => {
                panic!("{room} went back from {had} to {has}");
            }
            Event::Push(event::Event::Cleared { room, first_seq }) => {
                if let Some(seen) = self.views.get_mut(&*room) {
                    *seen = (*seen).max(Seq(first_seq.0 - 1));
                }
            }
            Event::Push(
                event::Event::Left { room }
                | event::Event::Removed { room }
                | event::Event::Kicked { room, .. },
            ) => drop(self.views.remove(&*room)),
            Event::Answer { no, answer } => {
                let asked = self.asked.remove(&no);
                let asked = asked.unwrap_or_else(|| panic!("{no} is answered twice"));
                let came_in = matches!(answer, Ok(event::Event::Welcome(_)));
                if came_in && !matches!(asked, Request::Resume(_)) {
                    self.views.clear();
                }
                // Who comes in anew begins at the end.
                if let Ok(event::Event::Joined(state)) = &answer
                    && !self.told.contains(&*state.room)
                {
                    self.views.remove(&*state.room);
                }
            }
            Event::Sent(sent) => {
                let post = self.posts.get_mut(&sent.key).unwrap();
                assert_eq!(post.fate, None, "'{}' has two fates", post.text);
                post.fate = Some(Ok(sent.seq));
                let said = truth.said.get(&post.text);
                let said = said.unwrap_or_else(|| panic!("'{}' is not stored", post.text));
                let is_so = said.iter().any(|said| said.seq == sent.seq);
                assert!(is_so, "{} is not the number of '{}'", sent.seq, post.text);
            }
            Event::Failed { message, refusal } => {
                let post = self.posts.get_mut(&message.key).unwrap();
                assert_eq!(post.fate, None, "'{}' has two fates", post.text);
                post.fate = Some(Err(()));
                if refusal.code.is_some() && !post.is_unsure && opened == 0 {
                    let is_stored = truth.said.contains_key(&post.text);
                    assert!(!is_stored, "'{}' is refused, and stored", post.text);
                }
            }
            _ => {}
        }
    }

    /// What is said to be gone is gone.
    fn expired(&mut self, label: &str, count: u64, truth: &Truth) {
        let seen = self.views.entry(label.to_owned()).or_default();
        let gone = seen.0 + 1..=seen.0 + count;
        seen.0 += count;
        let user = self.who.map_or(UserId(0), |(_, user)| user);
        // A conversation with somebody who was removed cannot be asked for any more once there is another of that name.
        if let Some(room) = truth.rooms_called(label, user).max() {
            // What was said while one was out is not missed.
            if truth.out.contains_key(&(user, room)) {
                return;
            }
            let log = truth.logs.get(&room);
            let stays = |seq| log.is_some_and(|log| log.contains_key(&Seq(seq)));
            let lost = gone.clone().find(|seq| stays(*seq));
            assert_eq!(lost, None, "said to be gone from {room}");
        }
    }

    fn shown(&mut self, message: &Message, truth: &Truth) {
        let (room, seq) = (message.room.to_string(), message.seq);
        if let (false, Some(seen)) = (self.vague.remove(&room), self.views.get(&room)) {
            assert_eq!(seq, seen.next(), "the next of {room} that is shown");
        }
        if let (false, Some((_, user))) = (message.text.is_empty(), self.who) {
            check_message(message, user, truth);
        }
        self.views.insert(room, seq);
    }

    /// What it still waits for, or has otherwise than it is, once everything is quiet.
    pub fn lacks(&self, truth: &Truth) -> Option<String> {
        let model = self.model.as_ref().filter(|model| !model.is_ended())?;
        if !self.asked.is_empty() {
            return Some(format!("no answer to {:?}", self.asked));
        }
        // Without a session nothing is sent, and nothing is known.
        model.token()?;
        if model.pending().count() > 0 {
            return Some(format!("not sent: {:?}", model.pending().next()));
        }
        if !model.is_online() {
            return Some("not logged in again".into());
        }
        let (_, user) = self.who?;
        let own = truth.rooms_of(user);
        // Conversations with those who are gone are not taken away from who is connected.
        let is_own = |room: &String| own.contains_key(room) || !room.starts_with('@');
        let rooms: BTreeSet<_> = model.rooms().keys().map(ToString::to_string).collect();
        if !rooms.iter().filter(|room| is_own(room)).eq(own.keys()) {
            return Some(format!("is in {:?}, and thinks in {rooms:?}", own.keys()));
        }
        for (label, room) in own {
            let log = truth.logs.get(&room).and_then(|log| log.last_key_value());
            let (cursor, state) = (self.views[&label], &model.rooms()[&*label].state);
            if let Some((last, _)) = log
                && *last != cursor
            {
                return Some(format!("has {label} up to {cursor} of {last}"));
            }
            let read = truth.rows.members[&(user, room)];
            if state.read_seq != read {
                return Some(format!("has read {label} to {} of {read}", state.read_seq));
            }
            let first = truth.rows.firsts.get(&room).copied().unwrap_or(Seq(1));
            if state.first_seq != first {
                return Some(format!("{label} begins at {} of {first}", state.first_seq));
            }
            let topic = truth.topics.get(&room).cloned().unwrap_or_default();
            if state.topic != topic {
                return Some(format!("{label} is about '{}', not '{topic}'", state.topic));
            }
            let is_operator = truth.rows.operators.contains(&(user, room));
            if state.role.is_some() != is_operator {
                return Some(format!("an operator of {label}: {is_operator}"));
            }
        }
        None
    }

    /// Every send has a fate, once everything is quiet.
    pub fn check_posts(&self) {
        let model = self.model.as_ref();
        let is_decided = model.is_some_and(|model| model.is_ended() || model.token().is_some());
        let undecided = self.posts.values().find(|post| post.fate.is_none());
        if let (Some(post), true) = (undecided, is_decided) {
            panic!("nothing is told of '{}'", post.text);
        }
    }

    pub fn login(&self, dice: &mut Dice) -> Request {
        let password = Password::new(format!("password {}", dice.below(2)));
        let name = self.name.to_owned();
        match dice.below(3) {
            0 => Request::Register(request::Register {
                name,
                password: Password::new("password 0".into()),
                invite: None,
                device: None,
            }),
            _ => Request::Login(request::Login {
                name,
                password,
                device: None,
            }),
        }
    }
}

/// What the server says to somebody is so, and theirs to know.
fn check_said(said: &event::Event, who: Option<(SessionId, UserId)>, truth: &Truth) {
    let messages = match said {
        event::Event::Message(message) => std::slice::from_ref(message),
        event::Event::Page { messages, .. } => messages,
        event::Event::Sent { room, seq, .. } => {
            let (_, user) = who.unwrap();
            let mut rooms = truth.rooms_called(room, user);
            let is_stored = rooms.any(|room| truth.numbers.contains_key(&(room, *seq)));
            assert!(is_stored, "{seq} of {room} is acknowledged, and not stored");
            return;
        }
        _ => return,
    };
    for message in messages {
        let (session, user) = who.unwrap_or_else(|| panic!("a stranger is given {message:?}"));
        let (room, no) = check_message(message, user, truth);
        let is_theirs = truth.was_there(user, room, no);
        assert!(is_theirs, "{user} was out, and is given {message:?}");
        let is_alive = truth.was_alive(session, no);
        assert!(is_alive, "{session} had ended, and is given {message:?}");
    }
}

/// The message is stored as it is told. Tells where, and how many things were stored before.
fn check_message(message: &Message, viewer: UserId, truth: &Truth) -> (crate::base::RoomId, u64) {
    let (label, seq) = (&message.room, message.seq);
    if message.text.is_empty() {
        let rooms = truth.rooms_called(label, viewer);
        let found = rooms.filter_map(|room| Some((room, *truth.numbers.get(&(room, seq))?)));
        return found.max_by_key(|(_, no)| *no).unwrap();
    }
    let said = truth.said.get(&message.text);
    let said = said.unwrap_or_else(|| panic!("nobody has said {message:?}"));
    let is_it = |said: &&Said| said.seq == seq && truth.label(said.room, viewer) == **label;
    let said = said.iter().find(is_it);
    let said = said.unwrap_or_else(|| panic!("it was said elsewhere: {message:?}"));
    assert_eq!(
        truth.users[&said.author], *message.from,
        "who said {message:?}"
    );
    (said.room, said.no)
}
