//! What chat-client makes of a server that says anything at any time: whatever comes, each message is shown once and in
//! order, what is said back is a request, the lines are harmless, time moves on, and an end is an end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chatd::base::record::Kind;
use chatd::base::{Password, Seq, Timestamp};
use chatd::client::model::{Model, Settings};
use chatd::client::{Answer, Event, Request, request};
use chatd::tui::show::Style;
use chatd::tui::talk::{Do, Line, Talk, Wanted};
use chatd::wire::request::Tagged;
use jiff::tz::TimeZone;

/// A line of the input is a frame of the server, or with one of these signs in front what happens besides.
pub fn check(data: &[u8]) {
    let (steer, script) = super::steered(data);
    let mut seat = Seat::new(steer);
    for line in script.split(|byte| *byte == b'\n') {
        if seat.ended {
            return;
        }
        match line {
            [b'!', b's', text @ ..] => seat.say(text),
            [b'!', b'a', line @ ..] => seat.type_line(line),
            [b'!', b'x', ..] => seat.model.lost(seat.now, "cut"),
            [b'!', b't', seconds @ ..] => seat.wait(seconds),
            [b'!', ..] => seat.wait_until_due(),
            frame => seat.model.received(seat.now, frame),
        }
        seat.go_on();
    }
    for _ in 0..20 {
        seat.wait_until_due();
        seat.go_on();
    }
}

/// Somebody in front of chat-client.
struct Seat {
    model: Model,
    talk: Talk,
    now: Duration,
    /// The last number shown of each room.
    shown: BTreeMap<Arc<str>, Seq>,
    entered: bool,
    ended: bool,
}

impl Seat {
    fn new(steer: u8) -> Self {
        let settings = Settings {
            software: "fuzz/1".to_owned(),
            patience: (steer & 1 == 1).then_some(Duration::from_secs(60)),
            seed: 7,
        };
        let style = Style {
            terminal: steer & 2 == 0,
            colour: false,
            zone: TimeZone::UTC,
        };
        let mut seat = Self {
            model: Model::new(settings),
            talk: Talk::new(style),
            now: Duration::ZERO,
            shown: BTreeMap::new(),
            entered: false,
            ended: false,
        };
        let password = Password::new("ct_secret".to_owned());
        let first = match steer & 4 {
            0 => Request::Resume(request::Resume {
                epoch: None,
                token: password,
                cursors: BTreeMap::from([
                    ("lobby".to_owned(), Seq(5)),
                    ("@bert".to_owned(), Seq(1)),
                ]),
            }),
            _ => Request::Login(request::Login {
                name: "anna".to_owned(),
                password,
                device: None,
            }),
        };
        if steer & 4 == 0 {
            seat.shown.insert("lobby".into(), Seq(5));
        }
        seat.model.ask(seat.now, first);
        seat.go_on();
        seat
    }

    fn say(&mut self, text: &[u8]) {
        self.model.send(
            self.now,
            "lobby",
            Kind::Text,
            &String::from_utf8_lossy(text),
        );
    }

    fn type_line(&mut self, line: &[u8]) {
        let next = self.talk.line(&String::from_utf8_lossy(line));
        self.carry_out(next);
    }

    fn wait(&mut self, seconds: &[u8]) {
        let seconds = seconds.first().copied().unwrap_or(1);
        self.now += Duration::from_secs(seconds.into());
        self.model.tick(self.now);
    }

    /// Sleeps as long as the client would, which must not be for nothing again and again.
    fn wait_until_due(&mut self) {
        for _ in 0..8 {
            match self.model.deadline() {
                None => return,
                Some(due) if due > self.now => {
                    self.now = due;
                    return self.model.tick(due);
                }
                Some(_) => self.model.tick(self.now),
            }
            self.go_on();
        }
        panic!("something is due at {:?} for ever", self.model.deadline());
    }

    fn go_on(&mut self) {
        if self.model.wants_connection(self.now) {
            self.model.connected(self.now);
        }
        while let Some(frame) = self.model.next_frame() {
            assert!(!self.ended && self.model.is_up(), "said to nobody: {frame}");
            assert!(Tagged::decode(frame.as_bytes()).is_ok(), "{frame}");
        }
        while let Some(event) = self.model.next_event() {
            assert!(!self.ended, "after the end: {event:?}");
            self.happens(event);
        }
        // Whoever comes into a room again begins anew.
        let cursors = self.model.cursors();
        self.shown.retain(|room, _| cursors.contains_key(&**room));
        assert_eq!(self.ended, self.model.is_ended());
        assert!(
            !self.ended || self.model.deadline().is_none() && self.model.pending().count() == 0
        );
    }

    fn happens(&mut self, event: Event) {
        match &event {
            Event::Message(message) | Event::Own(message) => {
                let last = self.shown.insert(message.room.clone(), message.seq);
                assert!(
                    last.is_none_or(|last| last < message.seq),
                    "{last:?} before {message:?}"
                );
            }
            // From here on numbers may begin anew.
            Event::WentBack { room, .. } => drop(self.shown.remove(room)),
            Event::Push(Answer::Left { room }) => drop(self.shown.remove(room)),
            Event::Answer { answer, .. } => {
                self.shown.clear();
                if let (Ok(Answer::Welcome(welcome)), false) = (answer, self.entered) {
                    self.entered = true;
                    let next = self.talk.begin(welcome, Timestamp(1_795_170_600_000));
                    self.carry_out(next);
                }
            }
            Event::Ended(_) => self.ended = true,
            _ => {}
        }
        let next = self.talk.event(event);
        self.carry_out(next);
    }

    fn carry_out(&mut self, next: Do) {
        match next {
            _ if self.ended => {}
            Do::Ask(request, wanted) => {
                let no = self.model.ask(self.now, request);
                self.talk.asked(no, wanted);
            }
            Do::Say(to, kind, text) => drop(self.model.send(self.now, &to, kind, &text)),
            Do::Help(name) => self.talk.help(&self.model, &name),
            Do::TellTopic(room) => self.talk.tell_topic(&self.model, &room),
            Do::Read(room) => {
                let seq = Seq(1);
                let no = self
                    .model
                    .ask(self.now, Request::Read(request::Read { room, seq }));
                self.talk.asked(no, Wanted::Nothing);
            }
            Do::Quit | Do::Nothing => {}
        }
        self.talk.tell_comings();
        super::must_be_harmless(&self.talk.prompt());
        while let Some(line) = self.talk.next_line() {
            let (Line::Output(text) | Line::Note(text)) = line;
            text.split("\n      │ ").for_each(super::must_be_harmless);
        }
        // What a screen shows beside the lines.
        let unread = self.model.rooms().values().map(|room| room.unread());
        let _ = unread.max();
    }
}
