//! A conversation in lines, without I/O: is told what a person writes and what the client's events are, and says what to
//! print and what to do.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::base::record::Kind;
use crate::base::{Seq, Timestamp};
use crate::client::calls::history;
use crate::client::model::Model;
use crate::client::{
    Answer, Code, Event, Message, Part, Person, Refusal, Request, RoomEntry, RoomState, Welcome,
};
use crate::tui::coming::Comings;
use crate::tui::command;
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
            None => format!("welcome, {name}"),
            Some(last) => {
                let from = last.from.as_deref().map(harmless);
                let from = from.map_or(String::new(), |from| format!(" from {from}"));
                format!(
                    "welcome back, {name}: last here {}{from}",
                    ago(now.since(last.at))
                )
            }
        });
        let names: Vec<_> = rooms.iter().map(room_and_unread).collect();
        self.note(format!(
            "you are in {}; /help tells what you can do",
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
                self.note(format!("not sent to {to}: \"{text}\": {}", harmless(&refusal.text)));
            }
            Event::Delayed { refusal, .. } if refusal.code == Some(Code::RateLimited) => {
                if !std::mem::replace(&mut self.slowed, true) {
                    self.note("(waiting: the server asks to go slower)".to_owned());
                }
            }
            Event::Delayed { refusal, .. } => {
                let why = harmless(&refusal.text);
                self.note(format!("not sent yet, it is tried again by itself: {why}"));
            }
            Event::Lost { why, .. } if !self.lost => {
                self.lost = true;
                self.note(format!("{}; connecting again…", harmless(&why)));
            }
            Event::Back { missed } => {
                self.lost = false;
                self.comings.set_returning(true);
                let missed = match missed {
                    0 => "nothing was missed".to_owned(),
                    1 => "1 message was missed and comes now".to_owned(),
                    missed => format!("{missed} messages were missed and come now"),
                };
                self.note(format!("connected again; {missed}"));
            }
            Event::WentBack { room, had, has } => self.note(format!(
                "the server went back to a backup: it has {} of the {} messages of {} that were here",
                has.0, had.0, harmless(&room)
            )),
            Event::Expired { room, count } => self.note(format!(
                "{count} messages of {} were missed and are no longer kept by the server",
                harmless(&room)
            )),
            Event::Push(push) => self.pushed(push),
            // Why is the last thing that the program says.
            Event::Ended(_) => return Do::Quit,
            Event::Waiting => self.note("the server has not answered yet, waiting (it may be paused)…".to_owned()),
            Event::Lost { .. } | Event::Greeted(_) | Event::Sent(_) | Event::Postponed { .. } => {}
        }
        Do::Nothing
    }

    /// A send has waited for a while.
    pub fn still_pending(&mut self, to: &str, text: &str) {
        self.note(format!(
            "not sent to {} yet: \"{}\"",
            harmless(to),
            harmless(text)
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
        self.note(format!("what you write now goes to {}", harmless(room)));
    }

    /// The room that is named, else the one one is in.
    ///
    /// # Errors
    /// With a sentence when there is neither.
    pub fn room_or_current(&self, named: &str) -> Result<String, String> {
        match (named.trim_start_matches('#'), &self.current) {
            ("", Some(current)) => Ok(current.to_string()),
            ("", None) => Err("you are in no room; go into one with /join ROOM".to_owned()),
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
            _ if is_direct => self.answer("a conversation between two has no topic"),
            None | Some("") => {
                self.answer(&format!("{name} has no topic; set one with /topic TEXT"))
            }
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
                self.note(format!("you left {}", harmless(&room)));
                self.left(&room);
            }
            (Wanted::Who, Ok(Answer::Who { who, more, .. })) => self.who(&who, more),
            (Wanted::Rooms, Ok(Answer::Rooms { rooms, more })) => self.rooms(&rooms, more),
            (Wanted::Messages | Wanted::Before, Ok(Answer::Page { messages, .. })) => {
                if messages.is_empty() && wanted == Wanted::Messages {
                    self.note("nothing found".to_owned());
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
            topic => format!(", about \"{}\"", harmless(topic)),
        };
        let people = if state.members == 1 {
            "1 member"
        } else {
            &format!("{} members", state.members)
        };
        self.note(format!("you are in {room} ({people}{about})"));
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

    /// With a ban: until when, if it ends.
    fn kicked(
        &mut self,
        room: &str,
        by: &str,
        reason: Option<&str>,
        ban: Option<Option<Timestamp>>,
    ) {
        let what = match ban {
            None => "kicked out of",
            Some(_) => "banned from",
        };
        let until = ban.flatten().map(|until| self.style.until(until));
        let until = until.map_or(String::new(), |until| format!(" until {until}"));
        let reason = reason.map_or(String::new(), |reason| format!(": {}", harmless(reason)));
        let (shown, by) = (harmless(room), harmless(by));
        self.note(format!("you were {what} {shown} by {by}{until}{reason}"));
        self.left(room);
    }

    fn who(&mut self, who: &[Person], more: bool) {
        let mut names: Vec<_> = (who.iter())
            .map(|person| {
                let away = if person.online { "" } else { " (away)" };
                let role = person.role.as_deref().map(harmless);
                let role = role.map_or(String::new(), |role| format!(" ({role})"));
                format!("{}{role}{away}", harmless(&person.user))
            })
            .collect();
        if more {
            names.push("and more".to_owned());
        }
        self.answer(&format!("{}: {}", who.len(), names.join(", ")));
    }

    fn rooms(&mut self, rooms: &[RoomEntry], more: bool) {
        for entry in rooms {
            let line = room_line(entry);
            self.answer(&line);
        }
        if more {
            self.answer("and more: `chat-client rooms` lists them all");
        }
    }

    fn pushed(&mut self, push: Answer) {
        let here = |room: &Arc<str>, talk: &Self| talk.current.as_ref() == Some(room);
        match push {
            Answer::Notice { text } => self.note(format!("notice: {}", harmless(&text))),
            Answer::Presence {
                room,
                user,
                state,
                others,
            } if self.style.terminal && here(&room, self) => {
                self.comings.comes(room, user, state, others);
            }
            Answer::Topic { room, topic, by } => {
                let by = by.map_or(String::new(), |by| format!(" by {}", harmless(&by)));
                let (room, topic) = (harmless(&room), harmless(&topic));
                self.note(format!("the topic of {room} was set{by}: {topic}"));
            }
            // A conversation is begun by its first message, which says enough.
            Answer::Joined(state) if !state.room.starts_with('@') => {
                self.note(format!("you are now in {}, too", harmless(&state.room)));
            }
            Answer::Cleared { room, first_seq } => {
                let last = first_seq.0.saturating_sub(1);
                let room = harmless(&room);
                self.note(format!(
                    "the messages of {room} up to number {last} were cleared away by the admin"
                ));
            }
            Answer::Removed { room } => {
                self.note(format!(
                    "the room {} was removed by the admin",
                    harmless(&room)
                ));
                self.left(&room);
            }
            Answer::Kicked {
                room,
                by,
                reason,
                banned,
                until,
            } => {
                self.kicked(&room, &by, reason.as_deref(), banned.then_some(until));
            }
            Answer::Role {
                room,
                user,
                role,
                by,
            } => self.note(role_words(room.as_deref(), &user, role.as_deref(), &by)),
            Answer::Left { room } => {
                self.note(format!("you are no longer in {}", harmless(&room)));
                self.left(&room);
            }
            _ => {}
        }
    }
}

/// Who may do what from now on.
fn role_words(room: Option<&str>, user: &str, role: Option<&str>, by: &str) -> String {
    let (user, by) = (harmless(user), harmless(by));
    let place = room.map_or("this server".to_owned(), harmless);
    match role.map(harmless) {
        Some(role) => format!("{user} is {role} of {place} now, by {by}"),
        None => format!("{user} is {} of {place} no more, by {by}", former(room)),
    }
}

fn former(room: Option<&str>) -> &'static str {
    match room {
        Some(_) => "operator",
        None => "moderator",
    }
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

/// A room of the list of all as a line.
#[must_use]
pub fn room_line(entry: &RoomEntry) -> String {
    let about = match &*entry.topic {
        "" => String::new(),
        topic => format!("  {}", harmless(topic)),
    };
    let joined = if entry.joined { "*" } else { " " };
    let (room, members, online) = (harmless(&entry.room), entry.members, entry.online);
    format!("{joined} {room:<20} {members:>5} members {online:>5} online{about}")
}

fn room_and_unread(room: &RoomState) -> String {
    let read = room.read_seq.0.max(room.first_seq.0.saturating_sub(1));
    let name = harmless(&room.room);
    match room.last_seq.0.saturating_sub(read) {
        0 => name,
        unread => format!("{name} ({unread} unread)"),
    }
}

/// How long a send may wait before that is told.
pub const PENDING_TOLD: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
