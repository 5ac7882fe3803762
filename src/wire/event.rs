//! What the server says: answers, which carry `re`, and what it pushes.

use std::sync::Arc;

use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::base::record::Kind;
use crate::base::{Password, RequestId, Seq, Timestamp};
use crate::wire::Code;

/// An event with the name of the request that it answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagged {
    /// The `id` of the request, where this is an answer and the request had one.
    pub re: Option<RequestId>,
    /// What is said.
    pub event: Event,
}

/// What the server says. Names are texts: the server has made sure of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[expect(
    missing_docs,
    reason = "each field is described in PROTOCOL.md, which a test compares with this list"
)]
pub enum Event {
    Hello(Hello),
    Welcome(Welcome),
    Ok,
    Sent {
        room: Arc<str>,
        seq: Seq,
        at: Timestamp,
    },
    Joined(RoomState),
    Left {
        room: Arc<str>,
    },
    Rooms {
        rooms: Vec<RoomEntry>,
        more: bool,
    },
    Who {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<Arc<str>>,
        who: Vec<Person>,
        more: bool,
    },
    Page {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<Arc<str>>,
        messages: Vec<Message>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_seq: Option<Seq>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seq: Option<Seq>,
        more: bool,
    },
    Echo {
        text: Arc<str>,
    },
    Pong {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Arc<str>>,
    },
    Message(Message),
    Presence {
        room: Arc<str>,
        user: Arc<str>,
        state: Presence,
        #[serde(default, skip_serializing_if = "is_zero")]
        others: u32,
    },
    Topic {
        room: Arc<str>,
        topic: Arc<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Arc<str>>,
    },
    Cleared {
        room: Arc<str>,
        first_seq: Seq,
    },
    Removed {
        room: Arc<str>,
    },
    Kicked {
        room: Arc<str>,
        by: Arc<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Arc<str>>,
        #[serde(default, skip_serializing_if = "is_no")]
        banned: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    Role {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<Arc<str>>,
        user: Arc<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Arc<str>>,
        by: Arc<str>,
    },
    Read {
        room: Arc<str>,
        seq: Seq,
    },
    Typing {
        room: Arc<str>,
        user: Arc<str>,
    },
    Notice {
        text: Arc<str>,
    },
    Bye {
        reason: Arc<str>,
        text: Arc<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reconnect_after_ms: Option<u64>,
    },
    Error {
        code: Code,
        text: Arc<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
}

impl Event {
    /// Every `type` that the server says, in the order of the specification.
    pub const TYPES: &[&str] = &[
        "hello", "welcome", "ok", "sent", "joined", "left", "rooms", "who", "page", "echo", "pong",
        "message", "presence", "topic", "cleared", "removed", "kicked", "role", "read", "typing",
        "notice", "bye", "error",
    ];
}

/// What the server tells of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "described in PROTOCOL.md")]
pub struct Hello {
    pub server: Arc<str>,
    /// Every server of ours tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Arc<str>>,
    pub software: Arc<str>,
    pub protocol: u32,
    pub registration: Registration,
    pub limits: HelloLimits,
    pub features: Vec<String>,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Everyone.
    #[default]
    Open,
    /// Who has an invite.
    Invite,
    /// The admin alone.
    Closed,
}

/// The bounds that a client has to know. Lengths in bytes of UTF-8 unless the name says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "described in PROTOCOL.md")]
pub struct HelloLimits {
    pub frame: usize,
    pub text: usize,
    pub name_chars: usize,
    pub topic: usize,
    pub key: usize,
    pub page_messages: usize,
    pub password_chars_min: usize,
    pub requests_outstanding: u32,
    pub key_hours: u32,
}

/// What one is told on coming in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "described in PROTOCOL.md")]
pub struct Welcome {
    pub user: Arc<str>,
    /// Only for `register` and `login`: whoever resumes has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Password>,
    pub expires_at: Timestamp,
    pub resumed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_login: Option<LastLogin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Arc<str>>,
    pub rooms: Vec<RoomState>,
    /// None stands for 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms_follow: Option<u32>,
}

/// When and from where one was here last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "described in PROTOCOL.md")]
pub struct LastLogin {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A room that one is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "described in PROTOCOL.md")]
pub struct RoomState {
    pub room: Arc<str>,
    pub topic: Arc<str>,
    pub first_seq: Seq,
    pub last_seq: Seq,
    pub read_seq: Seq,
    pub members: u32,
    pub joined: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Arc<str>>,
}

/// A room in the list of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "described in PROTOCOL.md")]
pub struct RoomEntry {
    pub room: Arc<str>,
    pub topic: Arc<str>,
    pub members: u32,
    pub online: u32,
    pub last_seq: Seq,
    pub joined: bool,
}

/// Somebody in a list of people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "described in PROTOCOL.md")]
pub struct Person {
    pub user: Arc<str>,
    pub online: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Arc<str>>,
}

/// A message as everyone sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "described in PROTOCOL.md")]
pub struct Message {
    pub room: Arc<str>,
    pub seq: Seq,
    pub from: Arc<str>,
    pub at: Timestamp,
    /// One that this build does not know is taken for [`Kind::Text`].
    #[serde(deserialize_with = "kind")]
    pub kind: Kind,
    pub text: Arc<str>,
    /// Only in a redaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacts: Option<Seq>,
    /// Only in what is read back from the log, and only for its author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Arc<str>>,
}

/// Whether somebody came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// Is here now.
    Joined,
    /// Is no longer here.
    Left,
}

fn kind<'de, D: Deserializer<'de>>(kind: D) -> Result<Kind, D::Error> {
    let word = Arc::<str>::deserialize(kind)?;
    let word: StrDeserializer<'_, D::Error> = (*word).into_deserializer();
    Ok(Kind::deserialize(word).unwrap_or_default())
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_no(answer: &bool) -> bool {
    !answer
}

impl Tagged {
    /// A push.
    #[must_use]
    pub fn push(event: Event) -> Self {
        Self { re: None, event }
    }

    /// The JSON text, as it stands in a frame. Whoever says more than fits one sees to it.
    #[must_use]
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        struct Envelope<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            re: Option<&'a RawValue>,
            #[serde(flatten)]
            event: &'a Event,
        }
        let re = self
            .re
            .as_ref()
            .and_then(|id| serde_json::from_str(&id.0).ok());
        let envelope = Envelope {
            re,
            event: &self.event,
        };
        let json = serde_json::to_string(&envelope);
        debug_assert!(json.is_ok(), "{json:?}");
        json.unwrap_or_default()
    }

    /// Reads the bytes of one frame, as a client does. Unknown fields are passed over.
    ///
    /// # Errors
    /// When they are no event that this build knows: a client passes over those whose `type` is not in
    /// [`Event::TYPES`].
    pub fn decode(frame: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow, default)]
            re: Option<&'a RawValue>,
        }
        let envelope: Envelope = serde_json::from_slice(frame)?;
        let event = serde_json::from_slice(frame)?;
        Ok(Self {
            re: envelope.re.map(|raw| RequestId(raw.get().into())),
            event,
        })
    }
}
