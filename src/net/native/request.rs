//! Requests as the engine knows them: names that are names, texts within their bounds. What is not is refused here with
//! a sentence that says what to do.

use std::collections::HashMap;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use crate::base::limit::{
    DEVICE_BYTES_MAX, FRAME_BYTES_MAX, INVITE_BYTES_MAX, KEY_BYTES_MAX, PAGE_MESSAGES_MAX,
    PASSWORD_BYTES_MAX, REASON_BYTES_MAX, TEXT_BYTES_MAX, TOPIC_BYTES_MAX,
};
use crate::base::record::Kind;
use crate::base::{
    BanKind, InviteHash, NameError, Password, RoomName, Seq, Target, Token, UserName,
};
use crate::engine::input::{Range, Request};
use crate::engine::moderation::{Act, Whom};
use crate::net::native::clip;
use crate::wire::{Code, request};

/// What comes before the engine: what the worker answers itself, and the rest.
#[derive(Debug)]
pub enum Asked {
    /// The first request on every connection.
    Hello {
        /// The version that the client speaks.
        protocol: u32,
    },
    /// The same back.
    Echo {
        /// What.
        text: String,
    },
    /// Whether anybody is there.
    Ping {
        /// Comes back.
        data: Option<String>,
    },
    /// The engine's to answer.
    Engine(Request),
}

/// Why a request does not reach the engine.
pub type Refused = (Code, String);

/// Names that were read before. Comparing names of all scripts takes microseconds, and most requests of a busy server
/// name one of a few rooms.
#[derive(Debug, Default)]
pub struct Names(HashMap<Box<str>, Target>);

/// The most names that are kept; with one more, all are forgotten.
const NAMES_MAX: usize = 1_024;

/// Reads a request.
///
/// # Errors
/// With the code and the sentence for the client.
pub fn read(request: request::Request, names: &mut Names) -> Result<Asked, Refused> {
    use request::Request as Wire;
    Ok(Asked::Engine(match request {
        Wire::Hello(hello) => {
            return Ok(Asked::Hello {
                protocol: hello.protocol,
            });
        }
        Wire::Echo(request::Echo { text }) => {
            bounded("text", &text, TEXT_BYTES_MAX)?;
            return Ok(Asked::Echo { text });
        }
        Wire::Ping(request::Ping { data }) => {
            bounded("data", data.as_deref().unwrap_or_default(), TEXT_BYTES_MAX)?;
            return Ok(Asked::Ping { data });
        }
        Wire::Register(register) => Request::Register {
            name: name(&register.name)?,
            password: password(register.password)?,
            invite: register.invite.map(invite).transpose()?,
            device: device(register.device)?,
        },
        Wire::Login(login) => Request::Login {
            name: login.name.parse().ok(),
            password: password(login.password)?,
            device: device(login.device)?,
        },
        Wire::Resume(request::Resume { token, cursors, .. }) => Request::Resume {
            token: Token::parse(token.expose()).map(|token| token.hash()),
            cursors: cursors.iter().filter_map(cursor).collect(),
        },
        Wire::Logout(request::Empty {}) => Request::Logout,
        Wire::Send(send) => read_send(send, names)?,
        Wire::Join(request::Room { room }) => Request::Join {
            room: names.room(&room)?,
        },
        Wire::Leave(request::Room { room }) => Request::Leave {
            room: names.room(&room)?,
        },
        Wire::Create(request::Room { room }) => Request::Create { room: name(&room)? },
        Wire::Rooms(request::Rooms { after }) => Request::Rooms {
            after: after.as_deref().map(name).transpose()?,
        },
        Wire::Who(request::Who { room, after }) => Request::Who {
            room: room.as_deref().map(|room| names.target(room)).transpose()?,
            after: after.as_deref().map(name).transpose()?,
        },
        Wire::History(history) => read_history(&history, names)?,
        Wire::Search(search) => read_search(search, names)?,
        Wire::Read(request::Read { room, seq }) => Request::Read {
            room: names.target(&room)?,
            seq,
        },
        Wire::Topic(request::Topic { room, topic }) => Request::Topic {
            room: names.room(&room)?,
            topic: bounded("topic", &topic, TOPIC_BYTES_MAX)?.into(),
        },
        Wire::Redact(request::Redact { room, seq }) => Request::Redact {
            room: names.target(&room)?,
            seq,
        },
        act @ (Wire::Kick(_)
        | Wire::Ban(_)
        | Wire::Unban(_)
        | Wire::Mute(_)
        | Wire::Unmute(_)
        | Wire::Op(_)
        | Wire::Deop(_)) => Request::Moderate(read_act(act, names)?),
        Wire::Password(request::ChangePassword { old, new }) => Request::ChangePassword {
            old: password(old)?,
            new: password(new)?,
        },
        Wire::Typing(request::Typing { to }) => Request::Typing {
            to: names.target(&to)?,
        },
    }))
}

/// The bytes that the answer to a request may have, where that is a lot.
#[must_use]
pub fn answer_bytes(request: &Request) -> usize {
    match request {
        Request::Register { .. }
        | Request::Login { .. }
        | Request::Resume { .. }
        | Request::Rooms { .. }
        | Request::Who { .. }
        | Request::History { .. }
        | Request::Search { .. } => FRAME_BYTES_MAX,
        _ => 0,
    }
}

fn read_send(send: request::Send, names: &mut Names) -> Result<Request, Refused> {
    let request::Send {
        to,
        text,
        kind,
        key,
    } = send;
    said("text", &text)?;
    if !matches!(kind, Kind::Text | Kind::Action) {
        return Err(bad(
            "the field `kind` is neither `text` nor `action`; to remove a message, ask for `redact`",
        ));
    }
    if let Some(key) = &key {
        bounded("key", key, KEY_BYTES_MAX)?;
        if key.is_empty() {
            return Err(bad("the field `key` is empty; leave it out or choose one"));
        }
    }
    Ok(Request::Send {
        to: names.target(&to)?,
        kind,
        key,
        text,
    })
}

fn read_history(history: &request::History, names: &mut Names) -> Result<Request, Refused> {
    let range = match (history.before, history.after) {
        (Some(_), Some(_)) => {
            return Err(bad(
                "the fields `before` and `after` exclude each other; leave one out",
            ));
        }
        (Some(before), None) => Range::Before(before),
        (None, Some(after)) => Range::After(after),
        (None, None) => Range::NEWEST,
    };
    Ok(Request::History {
        room: names.target(&history.room)?,
        range,
        limit: history.limit.clamp(1, PAGE_MESSAGES_MAX),
    })
}

fn read_search(search: request::Search, names: &mut Names) -> Result<Request, Refused> {
    said("text", &search.text)?;
    if search.before.is_some() && search.room.is_none() {
        return Err(bad(
            "the field `before` is a number in one room; name it in the field `room`, or leave `before` out",
        ));
    }
    Ok(Request::Search {
        text: search.text.into(),
        room: search
            .room
            .as_deref()
            .map(|room| names.target(room))
            .transpose()?,
        before: search.before,
        limit: search.limit.clamp(1, PAGE_MESSAGES_MAX),
    })
}

/// What one does about others.
fn read_act(request: request::Request, names: &mut Names) -> Result<Act, Refused> {
    use request::Request as Wire;
    let kind = match request {
        Wire::Mute(_) | Wire::Unmute(_) => BanKind::Mute,
        _ => BanKind::Ban,
    };
    let operator = matches!(request, Wire::Op(_));
    match request {
        Wire::Kick(request::Kick { room, user, reason }) => Ok(Act::Kick {
            room: names.room(&room)?,
            user: names.user(&user)?,
            reason: read_reason(reason)?,
        }),
        Wire::Ban(ban) | Wire::Mute(ban) => Ok(Act::Ban {
            kind,
            who: Whom::User(names.user(&ban.user)?),
            room: ban.room.map(|room| names.room(&room)).transpose()?,
            seconds: ban.seconds.map(read_seconds).transpose()?,
            reason: read_reason(ban.reason)?,
        }),
        Wire::Unban(unban) | Wire::Unmute(unban) => Ok(Act::Unban {
            kind,
            who: Whom::User(names.user(&unban.user)?),
            room: unban.room.map(|room| names.room(&room)).transpose()?,
        }),
        Wire::Op(request::Member { room, user }) | Wire::Deop(request::Member { room, user }) => {
            Ok(Act::Operator {
                room: names.room(&room)?,
                user: names.user(&user)?,
                operator,
            })
        }
        _ => Err(bad("this does nothing about anybody")),
    }
}

fn read_reason(reason: Option<String>) -> Result<Arc<str>, Refused> {
    let reason = reason.unwrap_or_default();
    Ok(bounded("reason", &reason, REASON_BYTES_MAX)?.into())
}

fn read_seconds(seconds: u32) -> Result<NonZeroU32, Refused> {
    NonZeroU32::new(seconds).ok_or_else(|| {
        bad("the field `seconds` is 0; leave it out for a ban or mute without an end")
    })
}

fn bad(text: impl Display) -> Refused {
    (Code::BadRequest, text.to_string())
}

/// A text within its bound and without NUL, which ends texts in too many programs.
fn bounded<'a>(field: &str, text: &'a str, bytes_max: usize) -> Result<&'a str, Refused> {
    if text.len() > bytes_max {
        return Err(bad(format_args!(
            "the field `{field}` is {} bytes long; the most is {bytes_max}",
            text.len()
        )));
    }
    if text.contains('\0') {
        return Err(bad(format_args!(
            "the field `{field}` has a NUL character in it; leave that out"
        )));
    }
    Ok(text)
}

/// A text that is not empty either.
fn said(field: &str, text: &str) -> Result<(), Refused> {
    bounded(field, text, TEXT_BYTES_MAX)?;
    match text.is_empty() {
        true => Err(bad(format_args!(
            "the field `{field}` is empty; say something in it"
        ))),
        false => Ok(()),
    }
}

fn password(password: Password) -> Result<Password, Refused> {
    match password.expose().len() > PASSWORD_BYTES_MAX {
        true => Err(bad(format_args!(
            "the password is longer than {PASSWORD_BYTES_MAX} bytes; choose a shorter one"
        ))),
        false => Ok(password),
    }
}

/// What is no code is the code of no invite.
fn invite(code: Password) -> Result<InviteHash, Refused> {
    bounded("invite", code.expose(), INVITE_BYTES_MAX)?;
    Ok(InviteHash::of(&code))
}

fn device(device: Option<String>) -> Result<Arc<str>, Refused> {
    let device = device.unwrap_or_default();
    Ok(bounded("device", &device, DEVICE_BYTES_MAX)?.into())
}

/// A name that is to be one.
fn name<N: FromStr<Err: Display>>(text: &str) -> Result<N, Refused> {
    text.parse()
        .map_err(|error: N::Err| (Code::BadName, error.to_string()))
}

impl Names {
    /// A room or a person that is to exist: what cannot be a name is the name of nobody.
    fn target(&mut self, text: &str) -> Result<Target, Refused> {
        if let Some(target) = self.0.get(text) {
            return Ok(target.clone());
        }
        let target: Target = text.parse().map_err(|error| no_such(text, &error))?;
        if self.0.len() == NAMES_MAX {
            self.0.clear();
        }
        self.0.insert(text.into(), target.clone());
        Ok(target)
    }

    /// Somebody who is to exist; an `@` before the name is none of it.
    fn user(&mut self, text: &str) -> Result<UserName, Refused> {
        let label = format!("@{}", text.strip_prefix('@').unwrap_or(text));
        match self.target(&label)? {
            Target::Direct(user) => Ok(user),
            Target::Room(_) => Err(bad("the field `user` names nobody")),
        }
    }

    /// A room that is to exist.
    fn room(&mut self, text: &str) -> Result<RoomName, Refused> {
        match self.target(text)? {
            Target::Room(room) => Ok(room),
            Target::Direct(user) => Err(bad(format_args!(
                "'@{user}' is a person and not a room; to talk to them, send to '@{user}'"
            ))),
        }
    }
}

fn no_such(text: &str, error: &NameError) -> Refused {
    // Long enough for any name; the client knows what it has sent.
    let shown = clip(text, 64);
    match text.starts_with('@') {
        true => (
            Code::NoSuchUser,
            format!("there is nobody called '{shown}': {error}"),
        ),
        false => (
            Code::NoSuchRoom,
            format!("there is no room '{shown}': {error}"),
        ),
    }
}

/// A cursor of a room that cannot exist says nothing.
fn cursor((room, seq): (&String, &Seq)) -> Option<(Target, Seq)> {
    Some((room.parse().ok()?, *seq))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::request::Tagged;

    fn read_all(frame: &str) -> Result<Asked, Refused> {
        let request = Tagged::decode(frame.as_bytes()).unwrap().request;
        read(request, &mut Names::default())
    }

    fn refused(frame: &str) -> Refused {
        read_all(frame).unwrap_err()
    }

    fn asked(frame: &str) -> Request {
        match read_all(frame).unwrap() {
            Asked::Engine(request) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn texts_have_bounds_and_the_refusal_names_the_field() {
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        for (frame, says) in [
            (
                r#"{"type":"send","to":"lobby","text":""}"#.into(),
                "`text` is empty",
            ),
            (
                r#"{"type":"send","to":"lobby","text":"a\u0000"}"#.into(),
                "NUL",
            ),
            (
                format!(r#"{{"type":"send","to":"lobby","text":"{long}"}}"#),
                "the most is 8192",
            ),
            (
                format!(r#"{{"type":"echo","text":"{long}"}}"#),
                "the most is 8192",
            ),
            (format!(r#"{{"type":"ping","data":"{long}"}}"#), "`data`"),
            (
                format!(
                    r#"{{"type":"topic","room":"a","topic":"{}"}}"#,
                    &long[..257]
                ),
                "`topic`",
            ),
            (
                format!(
                    r#"{{"type":"send","to":"a","text":"x","key":"{}"}}"#,
                    &long[..65]
                ),
                "`key`",
            ),
            (
                r#"{"type":"send","to":"a","text":"x","key":""}"#.into(),
                "`key` is empty",
            ),
            (
                format!(
                    r#"{{"type":"login","name":"a","password":"{}"}}"#,
                    &long[..3073]
                ),
                "password",
            ),
            (
                r#"{"type":"history","room":"a","before":5,"after":3}"#.into(),
                "exclude",
            ),
            (
                r#"{"type":"topic","room":"@anna","topic":""}"#.into(),
                "person",
            ),
        ] {
            let (code, text): Refused = refused(&frame);
            assert_eq!(code, Code::BadRequest);
            assert!(text.contains(says), "{text}");
        }
        let text = "я".repeat(TEXT_BYTES_MAX / 2);
        asked(&format!(
            r#"{{"type":"send","to":"lobby","text":"{text}"}}"#
        ));
    }

    #[test]
    fn what_cannot_be_a_name_names_nothing_that_exists() {
        for (frame, code) in [
            (r#"{"type":"join","room":"a b"}"#, Code::NoSuchRoom),
            (
                r#"{"type":"send","to":"@a b","text":"x"}"#,
                Code::NoSuchUser,
            ),
            (r#"{"type":"history","room":""}"#, Code::NoSuchRoom),
            (r#"{"type":"create","room":"a b"}"#, Code::BadName),
            (
                r#"{"type":"register","name":"Admin","password":"12345678"}"#,
                Code::BadName,
            ),
        ] {
            assert_eq!(refused(frame).0, code, "{frame}");
        }
        assert!(matches!(
            asked(r#"{"type":"login","name":"a b","password":"x"}"#),
            Request::Login { name: None, .. }
        ));
        assert!(matches!(
            asked(r#"{"type":"resume","token":"x","cursors":{"a b":1,"@anna":2}}"#),
            Request::Resume { token: None, cursors } if cursors.len() == 1
        ));
    }

    #[test]
    fn a_name_read_before_is_read_as_the_first_time_and_few_are_kept() {
        let mut names = Names::default();
        for round in 0..3 {
            for number in 0..NAMES_MAX {
                let text = format!("@Anna{number}");
                let target = names.target(&text).unwrap();
                assert_eq!(target.to_string(), text, "round {round}");
            }
            names.target("lobby").unwrap();
            assert!(names.0.len() <= NAMES_MAX);
        }
    }

    #[test]
    fn limits_are_brought_within_their_bounds() {
        for (said, taken) in [(0, 1), (7, 7), (1_000_000, PAGE_MESSAGES_MAX)] {
            let frame = format!(r#"{{"type":"history","room":"lobby","limit":{said}}}"#);
            assert!(matches!(asked(&frame), Request::History { limit, .. } if limit == taken));
        }
    }
}
