//! What a program can ask of a server, as calls that wait for their answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::record::Kind;
use crate::base::tongue::say;
use crate::base::{Password, Seq};
use crate::client::event::{Event, Refusal, Sent, Unsent};
use crate::client::link::Client;
use crate::wire::event::{
    Event as Answer, Hello, Message, Person, RoomEntry, RoomState, Tagged, Welcome,
};
use crate::wire::{Request, request};

/// Messages out of a room's log, or found by a search; ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction asked for.
    pub more: bool,
}

/// Which part of a room's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The newest messages.
    #[default]
    Newest,
    /// The newest messages before this number.
    Before(Seq),
    /// The oldest messages after this number.
    After(Seq),
}

/// The answer of the kind that was asked for; any other is the server's fault.
macro_rules! expect {
    ($answer:expr, $pattern:pat => $value:expr) => {
        match $answer {
            $pattern => Ok($value),
            _ => Err(Refusal::local(say!(
                "the server gave an answer to another question; tell its admin",
                "сервер ответил не на тот вопрос; сообщите его администратору"
            ))),
        }
    };
}

impl Client {
    /// What the server tells of itself; waits while it is paused.
    ///
    /// # Errors
    /// When it is over before.
    pub async fn hello(&mut self) -> Result<Hello, Refusal> {
        if let Some(hello) = self.model().hello() {
            return Ok(hello.clone());
        }
        self.wait_for(|event| match event {
            Event::Greeted(hello) => Some(hello.clone()),
            _ => None,
        })
        .await
    }

    /// Makes an account, with an invite where the server asks for one, and logs in.
    ///
    /// # Errors
    /// With `name-taken`, `bad-name`, `weak-password`, `bad-invite`, `registration-closed` and others.
    pub async fn register(
        &mut self,
        name: &str,
        password: &Password,
        invite: Option<&Password>,
    ) -> Result<Welcome, Refusal> {
        let request = register(name, password, invite);
        expect!(self.ask(request).await?, Answer::Welcome(welcome) => welcome)
    }

    /// Logs in.
    ///
    /// # Errors
    /// With `bad-credentials` and others.
    pub async fn login(&mut self, name: &str, password: &Password) -> Result<Welcome, Refusal> {
        let request = login(name, password);
        expect!(self.ask(request).await?, Answer::Welcome(welcome) => welcome)
    }

    /// Goes on with a session. What came into the rooms with cursors since then comes as events.
    ///
    /// # Errors
    /// With `bad-credentials` when the session is over.
    pub async fn resume(
        &mut self,
        token: &Password,
        cursors: BTreeMap<String, Seq>,
    ) -> Result<Welcome, Refusal> {
        let token = token.clone();
        let request = Request::Resume(request::Resume {
            token,
            cursors,
            epoch: None,
        });
        expect!(self.ask(request).await?, Answer::Welcome(welcome) => welcome)
    }

    /// Ends the session: its token is dead.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn logout(&mut self) -> Result<(), Refusal> {
        expect!(self.ask(Request::Logout(request::Empty {})).await?, Answer::Ok => ())
    }

    /// Sends a text to a room or `@user` and waits until it is stored.
    ///
    /// # Errors
    /// With `no-such-room`, `not-a-member`, `muted` and others; then it is not stored.
    pub async fn send(&mut self, to: &str, text: &str) -> Result<Sent, Refusal> {
        let key = self.say(to, Kind::Text, text);
        self.sent(&key).await
    }

    /// Sends without waiting; [`Event::Sent`] or [`Event::Failed`] with the key that is returned tells how it went.
    pub fn say(&mut self, to: &str, kind: Kind, text: &str) -> Arc<str> {
        self.with_model(|model, now| model.send(now, to, kind, text))
    }

    /// Sends one again that was refused, or that an earlier run of the program did not get sent: with its key, so that
    /// it is stored once.
    pub fn say_again(&mut self, message: Unsent) {
        self.with_model(|model, now| model.send_again(now, message));
    }

    /// Waits until the message with this key is stored.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn sent(&mut self, key: &str) -> Result<Sent, Refusal> {
        self.wait_for(|event| match event {
            Event::Sent(sent) if *sent.key == *key => Some(Ok(sent.clone())),
            Event::Failed { message, refusal } if *message.key == *key => {
                Some(Err(refusal.clone()))
            }
            _ => None,
        })
        .await?
    }

    /// Becomes a member of a room.
    ///
    /// # Errors
    /// With `no-such-room` and others.
    pub async fn join(&mut self, room: &str) -> Result<RoomState, Refusal> {
        expect!(self.ask(Request::Join(named(room))).await?, Answer::Joined(state) => state)
    }

    /// Makes a room and becomes its member.
    ///
    /// # Errors
    /// With `name-taken` and others.
    pub async fn create(&mut self, room: &str) -> Result<RoomState, Refusal> {
        expect!(self.ask(Request::Create(named(room))).await?, Answer::Joined(state) => state)
    }

    /// Leaves a room.
    ///
    /// # Errors
    /// With `not-a-member` and others.
    pub async fn leave(&mut self, room: &str) -> Result<(), Refusal> {
        expect!(
            self.ask(Request::Leave(named(room))).await?,
            Answer::Ok | Answer::Left { .. } => ()
        )
    }

    /// All rooms that there are.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn rooms(&mut self) -> Result<Vec<RoomEntry>, Refusal> {
        let mut all: Vec<RoomEntry> = Vec::new();
        loop {
            let after = all.last().map(|entry| entry.room.to_string());
            let request = Request::Rooms(request::Rooms { after });
            let (rooms, more) = expect!(
                self.ask(request).await?,
                Answer::Rooms { rooms, more } => (rooms, more)
            )?;
            let end = rooms.is_empty() || !more;
            all.extend(rooms);
            if end {
                return Ok(all);
            }
        }
    }

    /// Who is in a room; without one, who is on the server.
    ///
    /// # Errors
    /// With `no-such-room` and others.
    pub async fn who(&mut self, room: Option<&str>) -> Result<Vec<Person>, Refusal> {
        let mut all: Vec<Person> = Vec::new();
        loop {
            let request = Request::Who(request::Who {
                room: room.map(str::to_owned),
                after: all.last().map(|person| person.user.to_string()),
            });
            let (who, more) = expect!(
                self.ask(request).await?,
                Answer::Who { who, more, .. } => (who, more)
            )?;
            let end = who.is_empty() || !more;
            all.extend(who);
            if end {
                return Ok(all);
            }
        }
    }

    /// A page of a room's log: at most `limit` messages, and no more than the server gives at once.
    ///
    /// # Errors
    /// With `not-a-member` and others.
    pub async fn history(&mut self, room: &str, part: Part, limit: usize) -> Result<Page, Refusal> {
        self.page(history(room, part, limit)).await
    }

    /// The newest messages with certain words, in one room or in all of one's own.
    ///
    /// # Errors
    /// With `not-a-member` and others.
    pub async fn search(
        &mut self,
        text: &str,
        room: Option<&str>,
        limit: usize,
    ) -> Result<Page, Refusal> {
        let request = Request::Search(request::Search {
            text: text.to_owned(),
            room: room.map(str::to_owned),
            before: None,
            limit,
        });
        self.page(request).await
    }

    /// Has the text of a message removed.
    ///
    /// # Errors
    /// With `no-such-message`, `forbidden` and others.
    pub async fn redact(&mut self, room: &str, seq: Seq) -> Result<(), Refusal> {
        let room = room.to_owned();
        let request = Request::Redact(request::Redact { room, seq });
        expect!(self.ask(request).await?, Answer::Ok => ())
    }

    /// Has the same text said back.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn echo(&mut self, text: &str) -> Result<Arc<str>, Refusal> {
        let text = text.to_owned();
        let request = Request::Echo(request::Echo { text });
        expect!(self.ask(request).await?, Answer::Echo { text } => text)
    }

    /// Changes the password; the other sessions of the account end.
    ///
    /// # Errors
    /// With `bad-credentials` or `weak-password`.
    pub async fn change_password(&mut self, old: Password, new: Password) -> Result<(), Refusal> {
        let request = Request::Password(request::ChangePassword { old, new });
        expect!(self.ask(request).await?, Answer::Ok => ())
    }

    async fn page(&mut self, request: Request) -> Result<Page, Refusal> {
        expect!(
            self.ask(request).await?,
            Answer::Page { messages, more, .. } => Page { messages, more }
        )
    }
}

/// The request for a part of a room's log.
#[must_use]
pub fn history(room: &str, part: Part, limit: usize) -> Request {
    let (before, after) = match part {
        Part::Newest => (None, None),
        Part::Before(seq) => (Some(seq), None),
        Part::After(seq) => (None, Some(seq)),
    };
    Request::History(request::History {
        room: room.to_owned(),
        before,
        after,
        limit,
    })
}

/// The message as it stands on the wire.
#[must_use]
pub fn as_on_the_wire(message: &Message) -> String {
    Tagged::push(Answer::Message(message.clone())).encode()
}

fn named(room: &str) -> request::Room {
    let room = room.to_owned();
    request::Room { room }
}

/// Asks for an account, with an invite where the server asks for one.
#[must_use]
pub fn register(name: &str, password: &Password, invite: Option<&Password>) -> Request {
    Request::Register(request::Register {
        name: name.to_owned(),
        password: password.clone(),
        invite: invite.cloned(),
        device: Some(device()),
    })
}

/// Asks to be let in.
#[must_use]
pub fn login(name: &str, password: &Password) -> Request {
    Request::Login(request::Login {
        name: name.to_owned(),
        password: password.clone(),
        device: Some(device()),
    })
}

/// What the session is called in lists: the name of this machine.
fn device() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let name = name.to_string_lossy();
    name.chars().take(16).collect()
}
