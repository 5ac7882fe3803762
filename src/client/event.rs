//! What a program is told: by the client about its connection, and by the server about everything else.

use std::sync::Arc;
use std::time::Duration;

use crate::base::record::Kind;
use crate::base::{Seq, Timestamp};
use crate::wire::event::{Hello, Message};
use crate::wire::{Code, event};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The connection stands, but the server has not answered yet: it may be paused.
    Waiting,
    /// The server has said who it is.
    Greeted(Hello),
    /// Logged in again after a loss of connection; so many messages were missed and come now.
    Back {
        /// How many.
        missed: u64,
    },
    /// Somebody else said something. Each message comes once, in the order of its room.
    Message(Message),
    /// The same for what this account said, from here or from another device.
    Own(Message),
    /// What was to be sent is stored.
    Sent(Sent),
    /// What was to be sent waits, because the server asked for it; it is sent again by itself.
    Delayed {
        /// The key that the message was given.
        key: Arc<str>,
        /// What the server said.
        refusal: Refusal,
    },
    /// What a program asks for waits, because the server asked for it; it is asked again by itself.
    Postponed {
        /// The number that the request was given.
        no: u64,
        /// What the server said.
        refusal: Refusal,
        /// For how long.
        wait: Duration,
    },
    /// What was to be sent is refused and will not be sent again.
    Failed {
        /// The message.
        message: Unsent,
        /// What the server said.
        refusal: Refusal,
    },
    /// The answer to a request that nobody waits for otherwise.
    Answer {
        /// The number that the request was given.
        no: u64,
        /// What the server said.
        answer: Result<event::Event, Refusal>,
    },
    /// Presence, topic, roles, read, typing, notice; rooms one was kicked out of, joined or left on another device, removed, or with a log that begins
    /// later.
    Push(event::Event),
    /// The server holds less of the room than it did: it went back to a backup.
    WentBack {
        /// The room.
        room: Arc<str>,
        /// The last number held here.
        had: Seq,
        /// The last number the server has now.
        has: Seq,
    },
    /// The server no longer keeps messages of the room that were missed.
    Expired {
        /// The room.
        room: Arc<str>,
        /// How many.
        count: u64,
    },
    /// The connection is gone, or could not be made again; it is tried again by itself.
    Lost {
        /// Why, for people.
        why: String,
        /// How often it has been tried since it was last there.
        attempts: u32,
        /// When it is tried next.
        retry_in: Duration,
    },
    /// It is over; nothing comes after this.
    Ended(Ending),
}

/// A message that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The key that the message was given.
    pub key: Arc<str>,
    /// The room it is in.
    pub room: Arc<str>,
    /// Its number there.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
}

/// A message that is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// The key that it was given.
    pub key: Arc<str>,
    /// Where it should have gone.
    pub to: Arc<str>,
    /// What sort it is.
    pub kind: Kind,
    /// What it said.
    pub text: Arc<str>,
}

/// Why the server, or the client for it, did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// The stable word; none when the connection was lost before the answer.
    pub code: Option<Code>,
    /// What to do, for people.
    pub text: Arc<str>,
    /// When it makes sense to try again.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    pub(super) fn local(text: impl Into<Arc<str>>) -> Self {
        Self {
            code: None,
            text: text.into(),
            retry_after_ms: None,
        }
    }
}

/// Why nothing more will come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Ending {
    /// What sort of ending.
    pub kind: EndingKind,
    /// A sentence that says what to do.
    pub text: Arc<str>,
}

/// What sort of ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndingKind {
    /// The server wants no more of us: kicked, banned, account removed, too many attempts.
    Refused,
    /// The session is over: only name and password help.
    SessionOver,
    /// The server could not be reached for longer than the program's patience.
    Unreachable,
    /// Whoever answers is no chat server, or one that speaks another version.
    Foreign,
    /// Whoever answers does not prove to be the server that is meant.
    Untrusted,
}
