//! A conversation in lines, without I/O: is told what a person writes and what the client's events are, and says what to
//! print and what to do.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::base::record::Kind;
use crate::base::tongue::{plural, say};
use crate::base::{Seq, Timestamp};
use crate::client::calls::history;
use crate::client::model::Model;
use crate::client::{Answer, Code, Event, Message, Part, Refusal, Request, RoomState, Welcome};
use crate::tui::coming::Comings;
use crate::tui::command;
use crate::tui::screen::words;
use crate::tui::show::{Style, ago, harmless};

/// Messages shown on coming into a room.
const GREETING_MESSAGES: usize = 10;
/// The room one is in at first.
pub const FIRST_ROOM: &str = "lobby";

/// What to do for the person.
#[derive(Clone, Debug, PartialEq)]
pub enum Do {
    /// Nothing.
    Nothing,
    /// Say something.
    Say(String, Kind, String),
    /// Ask the server; the answer is shown as what was wanted.
    Ask(Request, Wanted),
    /// Tell the topic of a room, which is known.
    TellTopic(String),
    /// Tell what can be done, or about one command.
    Help(String),
    /// Say that the room is read as far as it was shown.
    Read(String),
    /// End.
    Quit,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// To be in a room.
    Joined,
    /// To be no longer in it.
    Left(Arc<str>),
    /// A list of people.
    Who,
    /// A list of rooms.
    Rooms,
    /// Messages that were asked for.
    Messages,
    /// Messages that tell what a room is about, if there are any.
    Before,
    /// That it is done, to be told so.
    Done(String),
    /// That it is done.
    Nothing,
}

/// A line to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// What was asked for, and messages.
    Output(String),
    /// What the program has to say: to standard error in a pipe.
    Note(String),
}

/// A conversation.
#[derive(Debug)]
pub struct Talk {
    style: Style,
    current: Option<Arc<str>>,
    /// Requests under way.
    waiting: BTreeMap<u64, Wanted>,
    /// The last thing that this account said in each room, as far as it was shown.
    own: BTreeMap<Arc<str>, Seq>,
    lines: VecDeque<Line>,
    day: Option<String>,
    comings: Comings,
    lost: bool,
    /// Whether it was told that the server asks to go slower.
    slowed: bool,
    failed: bool,
}

impl Talk {
    /// A conversation that has not begun.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self {
            style,
            current: None,
            waiting: BTreeMap::new(),
            own: BTreeMap::new(),
            lines: VecDeque::new(),
            day: None,
            comings: Comings::default(),
            lost: false,
            slowed: false,
            failed: false,
        }
    }

    /// Somebody has come in. Says what to do next.
    pub fn begin(&mut self, welcome: &Welcome, now: Timestamp) -> Do {
        let rooms = &welcome.rooms;
        let first = rooms.iter().find(|room| *room.room == *FIRST_ROOM);
        self.current = first.or(rooms.first()).map(|room| room.room.clone());
        if !self.style.terminal {
            return Do::Nothing;
        }
        let name = self.style.name(&welcome.user);
        self.note(match &welcome.last_login {
            None => say!("welcome, {name}", "добро пожаловать, {name}"),
            Some(last) => {
                let from = last.from.as_deref().map(harmless);
                let from = from.map_or(String::new(), |from| say!(" from {from}", " с {from}"));
                say!(
                    "welcome back, {name}: last here {}{from}",
                    "с возвращением, {name}: последний вход {}{from}",
                    ago(now.since(last.at))
                )
            }
        });
        let names: Vec<_> = rooms.iter().map(room_and_unread).collect();
        self.note(say!(
            "you are in {}; /help tells what you can do",
            "ваши комнаты: {}; что здесь можно делать, расскажет /help",
            names.join(", ")
        ));
        let current = (rooms.iter()).find(|room| Some(&room.room) == self.current.as_ref());
        current.map_or(Do::Nothing, said_before)
    }

    /// A person has written a line.
    pub fn line(&mut self, line: &str) -> Do {
        let done = match line.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => command::run(self, rest),
            // Two slashes say one.
            rest => match rest.unwrap_or(line) {
                text if text.trim().is_empty() => Ok(Do::Nothing),
                text => {
                    let to = self.room_or_current("");
                    to.map(|to| Do::Say(to, Kind::Text, text.to_owned()))
                }
            },
        };
        done.unwrap_or_else(|sentence| {
            self.note(harmless(&sentence));
            Do::Nothing
        })
    }

    /// Where one is.
    #[must_use]
    pub fn current(&self) -> Option<&Arc<str>> {
        self.current.as_ref()
    }

    /// One has gone there in another way than by what was written.
    pub fn set_current(&mut self, room: Arc<str>) {
        self.current = Some(room);
    }

    /// A message is shown by somebody else; `own`: this account said it.
    pub fn shown(&mut self, message: &Message, own: bool) {
        match message.kind {
            Kind::Redaction => {}
            _ if own => {
                self.own.insert(message.room.clone(), message.seq);
            }
            _ => self.comings.spoke(&message.room, &message.from),
        }
    }

    /// A request was made: what its answer is for.
    pub fn asked(&mut self, no: u64, wanted: Wanted) {
        self.waiting.insert(no, wanted);
    }

    /// Everything that was said is stored: the next time the server asks to go slower is told again.
    pub fn all_sent(&mut self) {
        self.slowed = false;
    }

    /// Whether what was said waits because the server asks to go slower.
    #[must_use]
    pub fn is_slowed(&self) -> bool {
        self.slowed
    }

    /// Something happened. Says what to do about it.
    pub fn event(&mut self, event: Event) -> Do {
        match event {
            Event::Message(message) => self.message(&message),
            Event::Own(message) => {
                self.shown(&message, true);
                self.message(&message);
            }
            Event::Answer { no, answer } => {
                if let Some(wanted) = self.waiting.remove(&no) {
                    return self.answered(wanted, answer);
                }
            }
            Event::Failed { message, refusal } => {
                self.failed = true;
                let (to, text) = (harmless(&message.to), harmless(&message.text));
                self.note(say!(
                    "not sent to {to}: \"{text}\": {}",
                    "не дошло до {to}: «{text}»: {}",
                    harmless(&refusal.text)
                ));
            }
            Event::Delayed { refusal, .. } if refusal.code == Some(Code::RateLimited) => {
                if !std::mem::replace(&mut self.slowed, true) {
                    self.note(say!(
                        "(waiting: the server asks to go slower)",
                        "(ждём: сервер просит писать помедленнее)"
                    ));
                }
            }
            Event::Delayed { refusal, .. } => {
                let why = harmless(&refusal.text);
                self.note(say!(
                    "not sent yet, it is tried again by itself: {why}",
                    "пока не отправлено, попытка повторится сама: {why}"
                ));
            }
            Event::Lost { why, .. } if !self.lost => {
                self.lost = true;
                self.note(say!(
                    "{}; connecting again…",
                    "{}; переподключение…",
                    harmless(&why)
                ));
            }
            Event::Back { missed } => {
                self.lost = false;
                self.comings.set_returning(true);
                let missed = match missed {
                    0 => say!("nothing was missed", "ничего не пропущено"),
                    1 => say!(
                        "1 message was missed and comes now",
                        "пропущено 1 сообщение, сейчас придёт"
                    ),
                    missed => {
                        let form = messages_form(missed);
                        say!(
                            "{missed} messages were missed and come now",
                            "пропущено {missed} {form}, сейчас придут"
                        )
                    }
                };
                self.note(say!(
                    "connected again; {missed}",
                    "связь восстановлена; {missed}"
                ));
            }
            Event::WentBack { room, had, has } => {
                let (has, had, room) = (has.0, had.0, harmless(&room));
                self.note(say!(
                    "the server went back to a backup: {room} ends at message {has} there, and at {had} here",
                    "сервер восстановлен из резервной копии: последнее сообщение в {room} теперь {has}, а здесь {had}"
                ));
            }
            Event::Expired { room, count } => {
                let (room, form) = (harmless(&room), messages_form(count));
                self.note(say!(
                    "{count} messages of {room} were missed and are no longer kept by the server",
                    "в {room} пропущено {count} {form}, и сервер их больше не хранит"
                ));
            }
            Event::Push(push) => self.pushed(push),
            // Why is the last thing that the program says.
            Event::Ended(_) => return Do::Quit,
            Event::Waiting => self.note(say!(
                "the server has not answered yet, waiting (it may be paused)…",
                "сервер пока молчит, ждём (возможно, он на паузе)…"
            )),
            Event::Lost { .. } | Event::Greeted(_) | Event::Sent(_) | Event::Postponed { .. } => {}
        }
        Do::Nothing
    }

    /// A send has waited for a while.
    pub fn still_pending(&mut self, to: &str, text: &str) {
        let (to, text) = (harmless(to), harmless(text));
        self.note(say!(
            "not sent to {to} yet: \"{text}\"",
            "пока не дошло до {to}: «{text}»"
        ));
    }

    /// Whether somebody came or left and it was not told yet.
    #[must_use]
    pub fn has_comings(&self) -> bool {
        !self.comings.is_empty()
    }

    /// Tells who came and left.
    pub fn tell_comings(&mut self) {
        for sentence in self.comings.take() {
            self.note(sentence);
        }
    }

    /// The server has been back for a while: who comes now was not here before.
    pub fn all_are_back(&mut self) {
        self.comings.set_returning(false);
    }

    /// Goes to a room or person without asking the server.
    pub fn go_to(&mut self, room: &str) {
        self.current = Some(room.into());
        let shown = harmless(room);
        self.note(match room.starts_with('@') {
            true => say!(
                "what you write now goes to {shown}",
                "теперь вы пишете лично {shown}"
            ),
            false => say!(
                "what you write now goes to {shown}",
                "теперь вы пишете в {shown}"
            ),
        });
    }

    /// The room that is named, else the one one is in.
    ///
    /// # Errors
    /// With a sentence when there is neither.
    pub fn room_or_current(&self, named: &str) -> Result<String, String> {
        match (named.trim_start_matches('#'), &self.current) {
            ("", Some(current)) => Ok(current.to_string()),
            ("", None) => Err(say!(
                "you are in no room; go into one with /join ROOM",
                "вы ни в одной комнате; войдите: /join КОМНАТА"
            )),
            (named, _) => Ok(named.to_owned()),
        }
    }

    /// What this account said last in a room.
    #[must_use]
    pub fn last_own(&self, room: &str) -> Option<Seq> {
        self.own.get(room).copied()
    }

    /// Prints what was asked for.
    pub fn answer(&mut self, text: &str) {
        for line in text.lines() {
            self.lines.push_back(Line::Output(self.style.note(line)));
        }
    }

    /// Tells what can be done by whoever is here.
    pub fn help(&mut self, model: &Model, name: &str) {
        let room = self.current.as_deref().unwrap_or_default();
        let keeps_order = model.role(room).is_some();
        for line in command::help_lines(name, keeps_order) {
            self.answer(&line);
        }
    }

    /// Tells the topic of a room.
    pub fn tell_topic(&mut self, model: &Model, name: &str) {
        let topic = model.rooms().get(name).map(|room| room.state.topic.clone());
        let is_direct = name.starts_with('@');
        let name = harmless(name);
        match topic.as_deref() {
            _ if is_direct => self.answer(&say!(
                "a conversation between two has no topic",
                "у личной переписки нет темы"
            )),
            None | Some("") => self.answer(&say!(
                "{name} has no topic; set one with /topic TEXT",
                "у {name} нет темы; задайте её: /topic ТЕКСТ"
            )),
            Some(topic) => self.answer(&format!("{name}: {}", harmless(topic))),
        }
    }

    /// The next line to print.
    pub fn next_line(&mut self) -> Option<Line> {
        self.lines.pop_front()
    }

    /// Whether no answer is due.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether one is on the way into a room or out of one: what is written next is meant for where that leads.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        let moves = |wanted: &Wanted| matches!(wanted, Wanted::Joined | Wanted::Left(_));
        self.waiting.values().any(moves)
    }

    /// Whether the server refused something.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// What the line that is written begins with.
    #[must_use]
    pub fn prompt(&self) -> String {
        let room = self.current.as_deref().map_or(String::new(), harmless);
        format!("{room}> ")
    }

    fn note(&mut self, text: String) {
        let text = match self.style.terminal {
            true => self.style.note(&text),
            false => text,
        };
        self.lines.push_back(Line::Note(text));
    }

    fn message(&mut self, message: &Message) {
        if self.style.terminal {
            let day = self.style.day(message.at);
            if self.day.as_ref() != Some(&day) {
                self.lines.push_back(Line::Output(self.style.note(&day)));
                self.day = Some(day);
            }
        }
        if message.kind != Kind::Redaction {
            self.comings.spoke(&message.room, &message.from);
        }
        let line = self.style.message(message, self.current.as_deref());
        self.lines.push_back(Line::Output(line));
    }

    fn answered(&mut self, wanted: Wanted, answer: Result<Answer, Refusal>) -> Do {
        match (wanted.clone(), answer) {
            (_, Err(refusal)) => {
                self.failed = true;
                self.note(harmless(&refusal.text));
            }
            (Wanted::Joined, Ok(Answer::Joined(state))) => return self.joined(&state),
            (Wanted::Left(room), Ok(_)) => {
                self.note(say!("you left {}", "вы вышли из {}", harmless(&room)));
                self.left(&room);
            }
            (Wanted::Who, Ok(Answer::Who { who, more, .. })) => self.who(&who, more),
            (Wanted::Rooms, Ok(Answer::Rooms { rooms, more })) => self.rooms(&rooms, more),
            (Wanted::Messages | Wanted::Before, Ok(Answer::Page { messages, .. })) => {
                if messages.is_empty() && wanted == Wanted::Messages {
                    self.note(words::nothing_found());
                }
                messages.iter().for_each(|message| self.message(message));
            }
            (Wanted::Done(text), Ok(_)) if self.style.terminal => self.note(text),
            (_, Ok(_)) => {}
        }
        Do::Nothing
    }

    fn joined(&mut self, state: &RoomState) -> Do {
        self.current = Some(state.room.clone());
        let room = harmless(&state.room);
        let about = match &*state.topic {
            "" => String::new(),
            topic => say!(", about \"{}\"", ", тема: «{}»", harmless(topic)),
        };
        let people = words::members(state.members);
        self.note(say!(
            "you are in {room} ({people}{about})",
            "вы в {room} ({people}{about})"
        ));
        match self.style.terminal {
            true => said_before(state),
            false => Do::Nothing,
        }
    }

    fn left(&mut self, room: &str) {
        if self
            .current
            .as_deref()
            .is_some_and(|current| current == room)
        {
            self.current = Some(FIRST_ROOM.into());
        }
    }
}

fn messages_form(count: u64) -> &'static str {
    plural(count, "сообщение", "сообщения", "сообщений")
}

/// Shows what was said in a room up to where the live messages begin: none is shown twice.
fn said_before(state: &RoomState) -> Do {
    if state.last_seq < state.first_seq || state.last_seq == Seq(0) {
        return Do::Nothing;
    }
    let part = Part::Before(Seq(state.last_seq.0.saturating_add(1)));
    Do::Ask(
        history(&state.room, part, GREETING_MESSAGES),
        Wanted::Before,
    )
}

/// How long a send may wait before that is told.
pub const PENDING_TOLD: Duration = Duration::from_secs(1);

mod news;
#[cfg(test)]
mod tests;

use news::room_and_unread;
pub use news::room_line;
