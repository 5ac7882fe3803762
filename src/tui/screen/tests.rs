//! Pictures of the screen, and how it is used. The server is played by the test: frames go through the client's model, as
//! they do in the program; time jumps.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::alert::Alert;
use super::app::{Action, App};
use super::draw::Beside;
use super::theme::Theme;
use super::timeline::Look;
use crate::base::Password;
use crate::client::model::{Model, Settings};
use crate::client::outgoing::Waiting;
use crate::client::{Answer, Event, Request, Unsent, Welcome, request};
use crate::tui::show::Style;

mod any;
mod elsewhere;
mod going;
mod helping;
mod order;
mod reading;
mod russian;
mod standing;
mod writing;

const HELLO: &str = r#"{"re":1,"type":"hello","server":"s","software":"chatd/1","protocol":1,"registration":"open","limits":{"frame":65536,"text":8192,"name_chars":32,"topic":256,"key":64,"page_messages":200,"password_chars_min":8,"requests_outstanding":256,"key_hours":72},"features":[]}"#;

/// Anna at her screen.
struct Story {
    model: Model,
    app: App,
    now: Duration,
    /// What the server was asked, newest last; answered by the test.
    asked: Vec<(u64, String)>,
    /// What the terminal was to do.
    done: Vec<Action>,
}

impl Story {
    /// Anna is in the lobby, in `tea` and in a conversation with boris; in the lobby are so many messages, read up to one.
    fn new(size: (u16, u16), last: u64, read: u64) -> Self {
        Self::with(size, last, read, &[], &BTreeMap::new())
    }

    fn with(
        size: (u16, u16),
        last: u64,
        read: u64,
        left: &[Waiting],
        drafts: &BTreeMap<Arc<str>, String>,
    ) -> Self {
        let settings = Settings {
            software: "test/1".into(),
            patience: None,
            seed: 1,
        };
        let look = Look {
            show: Style {
                terminal: true,
                colour: true,
                zone: TimeZone::UTC,
            },
            theme: Theme { colour: true },
            user: "".into(),
            unfolded: false,
        };
        let mut story = Self {
            model: Model::new(settings),
            app: App::new(look, "chat.example:2428", size),
            now: Duration::ZERO,
            asked: Vec::new(),
            done: Vec::new(),
        };
        let welcome = story.log_in(last, read);
        left.iter()
            .filter(|waiting| waiting.refused.is_none())
            .for_each(|waiting| story.model.send_again(story.now, waiting.unsent()));
        let wall = "2026-11-20T12:00:00Z".parse().unwrap();
        story.app.begin(&welcome, drafts, left, &story.model, wall);
        story.settle();
        story
    }

    fn log_in(&mut self, last: u64, read: u64) -> Welcome {
        self.model.connected(self.now);
        let login = request::Login {
            name: "anna".into(),
            password: Password::new("correct horse".into()),
            device: None,
        };
        self.model.ask(self.now, Request::Login(login));
        self.model.received(self.now, HELLO.as_bytes());
        self.model
            .received(self.now, welcome(2, last, read).as_bytes());
        while self.model.next_frame().is_some() {}
        let mut events = std::iter::from_fn(|| self.model.next_event());
        let entered = events.find_map(|event| match event {
            Event::Answer {
                answer: Ok(Answer::Welcome(welcome)),
                ..
            } => Some(welcome),
            _ => None,
        });
        entered.unwrap()
    }

    fn says(&mut self, frame: &str) {
        self.model.received(self.now, frame.as_bytes());
        self.settle();
    }

    fn message(&mut self, room: &str, seq: u64, from: &str, text: &str) {
        self.says(&message(room, seq, from, text));
    }

    /// Answers the oldest request of this type with the messages of a room that has so many.
    fn page(&mut self, last: u64) -> String {
        let at = self
            .asked
            .iter()
            .position(|(_, frame)| frame.contains("\"history\""))
            .expect("a page is asked for");
        let (no, frame) = self.asked.remove(at);
        let number = |name: &str| -> Option<u64> {
            let rest = frame.split(&format!("\"{name}\":")).nth(1)?;
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        };
        let room = frame
            .split("\"room\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let limit = number("limit").unwrap_or(50);
        let (from, to, more) = match (number("before"), number("after")) {
            (_, Some(after)) => {
                let to = (after + limit).min(last);
                (after + 1, to, to < last)
            }
            (before, None) => {
                let to = before.map_or(last, |before| (before - 1).min(last));
                let from = (to + 1).saturating_sub(limit).max(1);
                (from, to, from > 1)
            }
        };
        let messages: Vec<_> = (from..=to)
            .map(|seq| message(room, seq, "boris", &format!("number {seq}")))
            .collect();
        let messages = messages.join(",");
        self.says(&format!(
            r#"{{"re":{no},"type":"page","room":"{room}","messages":[{messages}],"first_seq":1,"last_seq":{last},"more":{more}}}"#
        ));
        frame
    }

    /// Answers all pages that are asked for, and those that this leads to.
    fn pages(&mut self, last: u64) -> usize {
        let mut count = 0;
        while self
            .asked
            .iter()
            .any(|(_, frame)| frame.contains("\"history\""))
        {
            self.page(last);
            count += 1;
        }
        count
    }

    /// Answers the oldest request of this type.
    fn answer(&mut self, kind: &str, rest: &str) {
        let wanted = format!("\"type\":\"{kind}\"");
        let at = self
            .asked
            .iter()
            .position(|(_, frame)| frame.contains(&wanted));
        let (no, _) = self
            .asked
            .remove(at.unwrap_or_else(|| panic!("no {kind} in {:?}", self.asked)));
        self.says(&format!(r#"{{"re":{no},{rest}}}"#));
    }

    fn asked_for(&self, kind: &str) -> Vec<&str> {
        let wanted = format!("\"type\":\"{kind}\"");
        let frames = self.asked.iter().map(|(_, frame)| frame.as_str());
        frames.filter(|frame| frame.contains(&wanted)).collect()
    }

    fn lose(&mut self) {
        self.model.lost(self.now, "the connection broke");
        self.asked.clear();
        self.settle();
    }

    fn come_back(&mut self, last: u64) {
        self.now = self.model.deadline().unwrap();
        self.model.connected(self.now);
        let frames: Vec<_> = std::iter::from_fn(|| self.model.next_frame()).collect();
        let no = |frame: &String| number(frame);
        self.model.received(
            self.now,
            HELLO
                .replace("\"re\":1", &format!("\"re\":{}", no(&frames[0])))
                .as_bytes(),
        );
        self.says(&welcome(no(&frames[1]), last, 1));
    }

    fn press(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        self.app
            .key(KeyEvent::new(code, modifiers), &self.model, self.now);
        self.settle();
    }

    fn presses(&mut self, code: KeyCode) {
        self.press(code, KeyModifiers::NONE);
    }

    fn ctrl(&mut self, letter: char) {
        self.press(KeyCode::Char(letter), KeyModifiers::CONTROL);
    }

    fn alt(&mut self, code: KeyCode) {
        self.press(code, KeyModifiers::ALT);
    }

    fn types(&mut self, text: &str) {
        text.chars()
            .for_each(|letter| self.presses(KeyCode::Char(letter)));
    }

    fn writes(&mut self, text: &str) {
        self.types(text);
        self.presses(KeyCode::Enter);
    }

    fn pastes(&mut self, text: &str) {
        self.app.paste(text, &self.model, self.now);
        self.settle();
    }

    /// So many seconds pass.
    fn passes(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.app.tick(self.now, &self.model);
        self.settle();
    }

    /// What the person was told of while they looked elsewhere.
    fn alerts(&mut self) -> Vec<Alert> {
        let alert = |action: &Action| match action {
            Action::Alert(alert) => Some(alert.clone()),
            _ => None,
        };
        let alerts = self.done.iter().filter_map(alert).collect();
        self.done
            .retain(|action| !matches!(action, Action::Alert(_)));
        alerts
    }

    /// Jumps over whatever is due.
    fn later(&mut self) {
        self.now += Duration::from_secs(40);
        self.app.tick(self.now, &self.model);
        self.settle();
    }

    /// Carries between the app and the model until nothing moves.
    fn settle(&mut self) {
        loop {
            while let Some(event) = self.model.next_event() {
                self.app.event(event, &self.model, self.now);
            }
            let actions = self.app.actions(&self.model, self.now);
            if actions.is_empty() {
                break;
            }
            for action in actions {
                match action {
                    Action::Say(to, kind, text) => {
                        self.model.send(self.now, &to, kind, &text);
                    }
                    Action::Again(message) => self.model.send_again(self.now, message),
                    Action::Ask(request, purpose) => {
                        let no = self.model.ask(self.now, request);
                        self.app.asked(no, purpose);
                    }
                    other => self.done.push(other),
                }
            }
            self.listen();
        }
        self.listen();
    }

    fn listen(&mut self) {
        while let Some(frame) = self.model.next_frame() {
            self.asked.push((number(&frame), frame));
        }
    }

    fn picture(&self) -> (Buffer, Beside) {
        let (width, height) = self.app.size();
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let beside = self.app.draw(&self.model, &mut buffer);
        (buffer, beside)
    }

    /// The screen as text, with the cursor as `▏` behind the letter before it.
    fn screen(&self) -> String {
        let (buffer, beside) = self.picture();
        as_text(&buffer, beside.cursor)
    }
}

/// A picture as text, with the cursor as `▏` behind the letter before it.
pub(super) fn as_text(buffer: &Buffer, cursor: Option<(u16, u16)>) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            if cursor == Some((x, y)) {
                line.push('▏');
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
        }
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text
}

fn number(frame: &str) -> u64 {
    let rest = frame.split("\"id\":").nth(1).unwrap_or_default();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

fn welcome(re: u64, last: u64, read: u64) -> String {
    let room = |name: &str, topic: &str, last: u64, read: u64, members: u32| {
        format!(
            r#"{{"room":"{name}","topic":"{topic}","first_seq":1,"last_seq":{last},"read_seq":{read},"members":{members},"joined":true}}"#
        )
    };
    let rooms = [
        room("@boris", "", 2, 2, 2),
        room("lobby", "", last, read, 3),
        room("tea", "kettles and cups", 9, 9, 2),
    ];
    format!(
        r#"{{"re":{re},"type":"welcome","user":"anna","token":"ct_a","expires_at":"2027-01-01T00:00:00Z","resumed":false,"rooms":[{}]}}"#,
        rooms.join(",")
    )
}

fn message(room: &str, seq: u64, from: &str, text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    let day = if seq < 10 { 19 } else { 20 };
    let minute = seq % 60;
    format!(
        r#"{{"type":"message","room":"{room}","seq":{seq},"from":"{from}","at":"2026-11-{day}T10:{minute:02}:00Z","kind":"text","text":{text}}}"#
    )
}

fn waiting(key: &str, text: &str, refused: Option<&str>) -> Waiting {
    Waiting {
        key: key.into(),
        to: "lobby".into(),
        kind: crate::base::record::Kind::Text,
        text: text.into(),
        at: crate::base::Timestamp(0),
        refused: refused.map(Into::into),
    }
}

fn unsent(key: &str, text: &str) -> Unsent {
    waiting(key, text, None).unsent()
}
