//! Requests: what is taken is what was written, within all bounds, and comes out the same when it is written again; whatever
//! is refused, the refusal fits a frame.

use std::collections::BTreeSet;
use std::fmt;

use chatd::base::limit::{
    DEVICE_BYTES_MAX, FRAME_BYTES_MAX, JSON_DEPTH_MAX, KEY_BYTES_MAX, PAGE_MESSAGES_MAX,
    PASSWORD_BYTES_MAX, REQUEST_ID_CHARS_MAX, TEXT_BYTES_MAX, TOPIC_BYTES_MAX,
};
use chatd::base::{RequestId, Target};
use chatd::engine::input::Request;
use chatd::net::native::{
    self,
    request::{Asked, Names},
};
use chatd::wire::event;
use chatd::wire::request::Tagged;
use chatd::wire::{Code, frame::HEADER_BYTES};
use serde_json::Value;

pub fn check(data: &[u8]) {
    // The frame parser lets nothing longer through.
    let data = &data[..data.len().min(FRAME_BYTES_MAX)];
    match Tagged::decode(data) {
        Ok(tagged) => {
            is_what_was_written(data, &tagged);
            let again = Tagged::decode(tagged.encode().as_bytes());
            assert_eq!(again.as_ref(), Ok(&tagged));
            let (mut names, id) = (Names::default(), tagged.id.as_ref());
            let first = native::read(tagged.request.clone(), &mut names);
            let second = native::read(tagged.request, &mut names);
            assert_eq!(format!("{first:?}"), format!("{second:?}"));
            match first {
                Ok(asked) => is_within_bounds(asked, id),
                Err((code, text)) => can_be_refused(id, code, &text),
            }
        }
        Err(error) => can_be_refused(error.id.as_ref(), error.code, &error.text),
    }
}

/// Compares with what a parser that knows nothing of requests makes of it.
fn is_what_was_written(data: &[u8], tagged: &Tagged) {
    // In a field that is passed over there may be half a surrogate pair, which only this parser minds.
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    assert!(depth(&value) <= JSON_DEPTH_MAX);
    let written: Value = serde_json::from_str(&tagged.encode()).unwrap();
    for (field, taken) in written.as_object().unwrap() {
        let said = value.get(field);
        let is_default = said.is_none() && field == "limit";
        let is_list = field == "cursors";
        assert!(
            is_default || is_list || said == Some(taken),
            "{field}: {said:?} and {taken}"
        );
    }
    let keys: Keys = serde_json::from_slice(data).unwrap();
    let known = keys.twice.iter().find(|key| written.get(key).is_some());
    assert_eq!(known, None, "a field that is there twice says two things");
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The keys of an object that are there more than once.
struct Keys {
    twice: Vec<String>,
}

impl<'de> serde::Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Keys, M::Error> {
                let (mut seen, mut twice) = (BTreeSet::new(), Vec::new());
                while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                    if !seen.insert(key.clone()) {
                        twice.push(key);
                    }
                }
                Ok(Keys { twice })
            }
        }
        value.deserialize_map(Visitor)
    }
}

fn is_within_bounds(asked: Asked, id: Option<&RequestId>) {
    let is_text = |text: &str| (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.contains('\0');
    let request = match asked {
        Asked::Hello { .. } => return,
        Asked::Echo { text } => {
            let frame = native::encode_echo(id.cloned(), text.clone());
            let event::Event::Echo { text: back } = answer(&frame, id).event else {
                panic!("an echo is answered with an echo");
            };
            return assert_eq!(*back, *text);
        }
        Asked::Ping { data } => {
            let frame = native::encode_pong(id.cloned(), data.clone());
            let event::Event::Pong { data: back } = answer(&frame, id).event else {
                panic!("a ping is answered with a pong");
            };
            return assert_eq!(back.as_deref(), data.as_deref());
        }
        Asked::Engine(request) => request,
    };
    match request {
        Request::Send { key, text, .. } => {
            assert!(is_text(&text));
            assert!(
                key.is_none_or(
                    |key| (1..=KEY_BYTES_MAX).contains(&key.len()) && !key.contains('\0')
                )
            );
        }
        Request::Search {
            text,
            room,
            before,
            limit,
        } => {
            assert!(is_text(&text) && (before.is_none() || room.is_some()));
            assert!((1..=PAGE_MESSAGES_MAX).contains(&limit));
        }
        Request::History { limit, .. } => assert!((1..=PAGE_MESSAGES_MAX).contains(&limit)),
        Request::Topic { topic, .. } => {
            assert!(topic.len() <= TOPIC_BYTES_MAX && !topic.contains('\0'))
        }
        Request::Register {
            password, device, ..
        }
        | Request::Login {
            password, device, ..
        } => {
            assert!(password.expose().len() <= PASSWORD_BYTES_MAX);
            assert!(device.len() <= DEVICE_BYTES_MAX && !device.contains('\0'));
        }
        Request::ChangePassword { old, new } => {
            assert!(old.expose().len().max(new.expose().len()) <= PASSWORD_BYTES_MAX);
        }
        Request::Resume { cursors, .. } => {
            let rooms: BTreeSet<Target> = cursors.into_iter().map(|(room, _)| room).collect();
            rooms
                .iter()
                .for_each(|room| super::must_be_harmless(&room.to_string()));
        }
        _ => {}
    }
}

fn can_be_refused(id: Option<&RequestId>, code: Code, text: &str) {
    assert!(!text.is_empty());
    let frame = native::encode_error(id, code, text, None);
    assert!(
        matches!(answer(&frame, id).event, event::Event::Error { code: back, .. } if back == code)
    );
}

/// Reads a frame of the server as a client does.
fn answer(frame: &[u8], id: Option<&RequestId>) -> event::Tagged {
    let json = &frame[HEADER_BYTES..];
    assert!(
        (1..=FRAME_BYTES_MAX).contains(&json.len()),
        "{} bytes",
        json.len()
    );
    let answer = event::Tagged::decode(json).unwrap();
    assert_eq!(answer.re.as_ref(), id);
    // Each character may be written as an escape, or two.
    assert!(id.is_none_or(|id| id.0.len() <= 2 + 12 * REQUEST_ID_CHARS_MAX));
    answer
}
