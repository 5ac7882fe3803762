//! What a client says: one type for each request, and how a frame's bytes become one.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::base::limit::{JSON_DEPTH_MAX, PAGE_MESSAGES, REQUEST_ID_CHARS_MAX};
use crate::base::record::Kind;
use crate::base::{Password, RequestId, Seq};
use crate::wire::Code;

/// A request with the name that the client gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagged {
    /// Comes back as `re`.
    pub id: Option<RequestId>,
    /// What is asked.
    pub request: Request,
}

/// What a client asks for. Names are still texts here: whether they are names is the rules' business.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[expect(
    missing_docs,
    reason = "each field is described in PROTOCOL.md, which a test compares with this list"
)]
pub enum Request {
    Hello(Hello),
    Register(Register),
    Login(Login),
    Resume(Resume),
    Logout(Empty),
    Send(Send),
    Join(Room),
    Leave(Room),
    Create(Room),
    Rooms(Rooms),
    Who(Who),
    History(History),
    Search(Search),
    Read(Read),
    Topic(Topic),
    Redact(Redact),
    Kick(Kick),
    Ban(Ban),
    Unban(Unban),
    Mute(Ban),
    Unmute(Unban),
    Op(Member),
    Deop(Member),
    Password(ChangePassword),
    Typing(Typing),
    Echo(Echo),
    Ping(Ping),
}

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[allow(missing_docs, reason = "described in PROTOCOL.md; `Empty` has nothing to describe")]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
            }
        )+
    };
}

bodies! {
    /// The first request on every connection.
    Hello { protocol: u32, client: String, }
    /// A new account.
    Register {
        name: String,
        password: Password,
        #[serde(default, skip_serializing_if = "Option::is_none")] invite: Option<Password>,
        #[serde(default, skip_serializing_if = "Option::is_none")] device: Option<String>,
    }
    /// An account by name and password.
    Login {
        name: String,
        password: Password,
        #[serde(default, skip_serializing_if = "Option::is_none")] device: Option<String>,
    }
    /// A session by its token.
    Resume {
        token: Password,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")] cursors: BTreeMap<String, Seq>,
        #[serde(default, skip_serializing_if = "Option::is_none")] epoch: Option<Arc<str>>,
    }
    /// A request without fields.
    Empty { }
    /// A message to a room or a person.
    Send {
        to: String,
        text: Arc<str>,
        #[serde(default, skip_serializing_if = "is_text")] kind: Kind,
        #[serde(default, skip_serializing_if = "Option::is_none")] key: Option<Arc<str>>,
    }
    /// A request about a room.
    Room { room: String, }
    /// The rooms there are.
    Rooms {
        #[serde(default, skip_serializing_if = "Option::is_none")] after: Option<String>,
    }
    /// Who is there.
    Who {
        #[serde(default, skip_serializing_if = "Option::is_none")] room: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] after: Option<String>,
    }
    /// A page of a room's log.
    History {
        room: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] before: Option<Seq>,
        #[serde(default, skip_serializing_if = "Option::is_none")] after: Option<Seq>,
        #[serde(default = "page_messages")] limit: usize,
    }
    /// Messages with certain words.
    Search {
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] room: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] before: Option<Seq>,
        #[serde(default = "page_messages")] limit: usize,
    }
    /// How far one has read.
    Read { room: String, seq: Seq, }
    /// What a room is about.
    Topic { room: String, topic: String, }
    /// A message whose text is to be gone.
    Redact { room: String, seq: Seq, }
    /// Somebody who is to be out of a room.
    Kick {
        room: String,
        user: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] reason: Option<String>,
    }
    /// Somebody who may not come in, or not speak: in a room, or anywhere.
    Ban {
        user: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] room: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] seconds: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")] reason: Option<String>,
    }
    /// Somebody who may again.
    Unban {
        user: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] room: Option<String>,
    }
    /// Somebody in a room.
    Member { room: String, user: String, }
    /// Another password.
    ChangePassword { old: Password, new: Password, }
    /// That one is writing.
    Typing { to: String, }
    /// Says the same back.
    Echo { text: String, }
    /// Shows that the other side is there.
    Ping {
        #[serde(default, skip_serializing_if = "Option::is_none")] data: Option<String>,
    }
}

fn page_messages() -> usize {
    PAGE_MESSAGES
}

fn is_text(kind: &Kind) -> bool {
    *kind == Kind::Text
}

/// Why a frame is no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    /// The request's name for itself, where it could be read.
    pub id: Option<RequestId>,
    /// `bad-frame` ends the connection, `bad-request` and `unknown-type` do not.
    pub code: Code,
    /// What is wrong and what to do.
    pub text: String,
}

impl Tagged {
    /// Reads the bytes of one frame. Unknown fields are passed over.
    ///
    /// # Errors
    /// [`Code::BadFrame`] when they are no JSON object, [`Code::UnknownType`], or [`Code::BadRequest`] when a field is
    /// missing or mistyped.
    pub fn decode(frame: &[u8]) -> Result<Self, RequestError> {
        let bad_frame = |text: &str| RequestError {
            id: None,
            code: Code::BadFrame,
            text: text.to_owned(),
        };
        let text = std::str::from_utf8(frame)
            .map_err(|_| bad_frame("the frame is not UTF-8; send one JSON object in UTF-8"))?;
        if depth(text) > JSON_DEPTH_MAX {
            return Err(bad_frame(&format!(
                "the frame is nested deeper than {JSON_DEPTH_MAX}; send a flat JSON object"
            )));
        }
        if !text.trim_ascii_start().starts_with('{') {
            return Err(bad_frame(
                "the frame is not a JSON object; send one, such as {\"type\":\"ping\"}",
            ));
        }
        let envelope: Envelope = serde_json::from_str(text)
            .map_err(|error| bad_frame(&format!("the frame is not a JSON object: {error}")))?;
        let id = envelope
            .id
            .map(request_id)
            .transpose()
            .map_err(|text| RequestError {
                id: None,
                code: Code::BadRequest,
                text,
            })?;
        let refuse = |code, text| RequestError {
            id: id.clone(),
            code,
            text,
        };
        let kind = envelope
            .r#type
            .ok_or_else(|| refuse(Code::BadRequest, "the field `type` is missing".to_owned()))?;
        let kind: String = serde_json::from_str(kind.get()).map_err(|_| {
            refuse(
                Code::BadRequest,
                "the field `type` is not a string".to_owned(),
            )
        })?;
        match Request::decode(&kind, text) {
            Some(Ok(request)) => Ok(Self { id, request }),
            Some(Err(error)) => Err(refuse(
                Code::BadRequest,
                format!("`{kind}` cannot be read: {}", plain(&error)),
            )),
            None => Err(refuse(
                Code::UnknownType,
                "the server does not know this `type` of request; check how it is written, or do without"
                    .to_owned(),
            )),
        }
    }

    /// The JSON text of the request, as a client sends it.
    #[must_use]
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        struct Envelope<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a RawValue>,
            #[serde(flatten)]
            request: &'a Request,
        }
        let id = self
            .id
            .as_ref()
            .and_then(|id| serde_json::from_str(&id.0).ok());
        let request = &self.request;
        let json = serde_json::to_string(&Envelope { id, request });
        debug_assert!(json.is_ok());
        json.unwrap_or_default()
    }
}

/// Reads a request's `id`: the JSON text of a string of at most 64 characters or of a number.
fn request_id(raw: &RawValue) -> Result<RequestId, String> {
    let fits = match serde_json::from_str(raw.get()) {
        Ok(serde_json::Value::String(text)) => text.chars().count() <= REQUEST_ID_CHARS_MAX,
        Ok(serde_json::Value::Number(_)) => raw.get().len() <= REQUEST_ID_CHARS_MAX,
        _ => false,
    };
    match fits {
        true => Ok(RequestId(raw.get().into())),
        false => Err(format!(
            "the field `id` is not a number or a string of at most {REQUEST_ID_CHARS_MAX} characters"
        )),
    }
}

/// How deep the JSON text is nested. Counts brackets outside of strings; whether they match is the parser's to say.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The parser's words without the place in the text, which tells a person nothing.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ")
        .map_or(text.clone(), |(words, _)| words.to_owned())
}

macro_rules! requests {
    ($($word:literal => $variant:ident,)+) => {
        impl Request {
            /// Every `type` that the server knows, in the order of the specification.
            pub const TYPES: &[&str] = &[$($word),+];

            fn decode(kind: &str, text: &str) -> Option<serde_json::Result<Self>> {
                match kind {
                    $($word => Some(serde_json::from_str(text).map(Self::$variant)),)+
                    _ => None,
                }
            }
        }
    };
}

requests! {
    "hello" => Hello, "register" => Register, "login" => Login, "resume" => Resume, "logout" => Logout, "send" => Send,
    "join" => Join, "leave" => Leave, "create" => Create, "rooms" => Rooms, "who" => Who, "history" => History,
    "search" => Search, "read" => Read, "topic" => Topic, "redact" => Redact,
    "kick" => Kick, "ban" => Ban, "unban" => Unban, "mute" => Mute, "unmute" => Unmute, "op" => Op, "deop" => Deop,
    "password" => Password, "typing" => Typing, "echo" => Echo,
    "ping" => Ping,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(frame: &str) -> (Code, String) {
        let error = Tagged::decode(frame.as_bytes()).unwrap_err();
        (error.code, error.text)
    }

    #[test]
    fn a_request_is_read_as_written() {
        for text in [
            r#"{"id":7,"type":"send","to":"lobby","text":"hi","key":"k1"}"#,
            r#"{"id":"a\"b","type":"ping"}"#,
            r#"{"type":"logout"}"#,
            r#"{"type":"resume","token":"ct_x","cursors":{"@anna":7,"lobby":3}}"#,
        ] {
            assert_eq!(Tagged::decode(text.as_bytes()).unwrap().encode(), text);
        }
    }

    #[test]
    fn what_is_no_object_ends_the_connection_and_the_rest_does_not() {
        assert_eq!(refused("garbage").0, Code::BadFrame);
        assert_eq!(refused("[1]").0, Code::BadFrame);
        assert_eq!(refused("{\"type\":\"ping\"").0, Code::BadFrame);
        assert_eq!(
            refused(&format!("{{\"x\":{}", "[".repeat(10_000))).0,
            Code::BadFrame
        );
        assert_eq!(
            Tagged::decode(b"{\"type\":\"\xff\"}").unwrap_err().code,
            Code::BadFrame
        );
        assert_eq!(
            refused("{}"),
            (Code::BadRequest, "the field `type` is missing".into())
        );
        assert_eq!(refused(r#"{"type":"dance"}"#).0, Code::UnknownType);
        assert_eq!(refused(r#"{"type":"ping","id":{}}"#).0, Code::BadRequest);
        assert_eq!(
            refused(r#"{"type":"join"}"#),
            (
                Code::BadRequest,
                "`join` cannot be read: missing field `room`".into()
            )
        );
        assert_eq!(
            refused(r#"{"type":"send","to":"lobby","text":"\ud800"}"#).0,
            Code::BadRequest
        );
    }
}
