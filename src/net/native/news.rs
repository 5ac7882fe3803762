//! What the engine tells a connection, as frames.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::limit::{
    FRAME_BYTES_MAX, KEY_BYTES_MAX, PAGE_MESSAGES_MAX, PASSWORD_CHARS_MAX, TEXT_BYTES_MAX,
    TOPIC_BYTES_MAX,
};
use crate::base::name::NAME_CHARS_MAX;
use crate::base::record::Role;
use crate::base::{BanKind, RequestId, Seq, Target, Timestamp};
use crate::engine::effect::{Bye, ByeReason, News, PersonLine, Refusal, RoomLine, RoomView};
use crate::net::Greeting;
use crate::net::native::clip;
use crate::net::native::message::{begin, finish, string};
use crate::wire::event::{
    Event, Hello, HelloLimits, LastLogin, Person, Presence, RoomEntry, RoomState, Tagged, Welcome,
};
use crate::wire::{Code, PROTOCOL, SOFTWARE, frame};

/// What the server can do that a client could not find out by trying.
const FEATURES: [&str; 2] = ["redaction", "moderation"];

/// Encodes what one connection is told. Mostly one frame; a `welcome` with more rooms than fit it is followed by
/// `joined` frames for the rest.
#[must_use]
pub fn encode_news(re: Option<&RequestId>, news: News) -> Bytes {
    // What is said most often does not take the long way.
    if let News::Sent { room, seq, at } = &news {
        return encode_sent(re, room, *seq, *at);
    }
    let mut frames = Vec::new();
    let mut tagged = Tagged {
        re: re.cloned(),
        event: event(news),
    };
    let mut rest = Vec::new();
    loop {
        let json = tagged.encode();
        if json.len() <= FRAME_BYTES_MAX {
            put(&mut frames, &json);
            break;
        }
        if !shorten(&mut tagged.event, &mut rest) {
            break;
        }
    }
    for room in rest.into_iter().rev() {
        put(&mut frames, &Tagged::push(Event::Joined(room)).encode());
    }
    frames.into()
}

/// Adds a frame to those that may have a token among them.
fn put(frames: &mut Vec<u8>, json: &str) {
    frames.extend_from_slice(&(json.len() as u32).to_be_bytes());
    frames.extend_from_slice(json.as_bytes());
}

/// Encodes what everyone in a channel is told, once for all.
#[must_use]
pub fn encode_signal(news: News) -> Bytes {
    encode_news(None, news)
}

/// Encodes the last words to a connection.
#[must_use]
pub fn encode_bye(bye: &Bye) -> Bytes {
    encode(
        None,
        Event::Bye {
            reason: bye_word(bye.reason).into(),
            text: clip(&bye.text, TEXT_BYTES_MAX).into(),
            reconnect_after_ms: bye.reconnect_after_ms,
        },
    )
}

/// Encodes the answer to `hello`.
#[must_use]
pub fn encode_hello(re: Option<RequestId>, greeting: &Greeting) -> Bytes {
    encode(
        re,
        Event::Hello(Hello {
            server: Arc::clone(&greeting.server),
            epoch: Some(Arc::clone(&greeting.epoch)),
            software: SOFTWARE.into(),
            protocol: PROTOCOL,
            registration: greeting.registration,
            limits: HelloLimits {
                frame: FRAME_BYTES_MAX,
                text: TEXT_BYTES_MAX,
                name_chars: NAME_CHARS_MAX,
                topic: TOPIC_BYTES_MAX,
                key: KEY_BYTES_MAX,
                page_messages: PAGE_MESSAGES_MAX,
                password_chars_min: greeting.limits.password_chars_min as usize,
                requests_outstanding: greeting.limits.requests_outstanding,
                key_hours: greeting.limits.key_hours,
            },
            features: FEATURES.map(str::to_owned).into(),
        }),
    )
}

/// Encodes the answer to `echo`.
#[must_use]
pub fn encode_echo(re: Option<RequestId>, text: String) -> Bytes {
    encode(re, Event::Echo { text: text.into() })
}

/// Encodes the answer to `ping`.
#[must_use]
pub fn encode_pong(re: Option<RequestId>, data: Option<String>) -> Bytes {
    let data = data.map(Into::into);
    encode(re, Event::Pong { data })
}

/// Encodes an error.
#[must_use]
pub fn encode_error(
    re: Option<&RequestId>,
    code: Code,
    text: &str,
    retry_after_ms: Option<u64>,
) -> Bytes {
    let event = Event::Error {
        code,
        text: clip(text, TEXT_BYTES_MAX).into(),
        retry_after_ms,
    };
    encode(re.cloned(), event)
}

fn encode(re: Option<RequestId>, event: Event) -> Bytes {
    frame::encode(&Tagged { re, event }.encode())
}

fn encode_sent(re: Option<&RequestId>, room: &Target, seq: Seq, at: Timestamp) -> Bytes {
    let mut bytes = begin(160);
    bytes.push(b'{');
    if let Some(re) = re {
        let _ = write!(bytes, "\"re\":{},", re.0);
    }
    bytes.extend_from_slice(b"\"type\":\"sent\",\"room\":");
    string(&mut bytes, &room.to_string());
    let _ = write!(bytes, ",\"seq\":{seq},\"at\":\"{at}\"}}");
    finish(&mut bytes, 0);
    bytes.into()
}

/// Takes something from an event that does not fit a frame. What may not be left out goes to `rest`, last first.
fn shorten(event: &mut Event, rest: &mut Vec<RoomState>) -> bool {
    let fewer = |length: usize| length - length.div_ceil(8);
    match event {
        Event::Welcome(welcome) if !welcome.rooms.is_empty() => {
            let keep = fewer(welcome.rooms.len());
            rest.extend(welcome.rooms.drain(keep..).rev());
            welcome.rooms_follow = Some(rest.len() as u32);
        }
        Event::Rooms { rooms, more } if !rooms.is_empty() => {
            rooms.truncate(fewer(rooms.len()));
            *more = true;
        }
        Event::Who { who, more, .. } if !who.is_empty() => {
            who.truncate(fewer(who.len()));
            *more = true;
        }
        _ => {
            debug_assert!(false, "an event that fits no frame: {event:?}");
            return false;
        }
    }
    true
}

fn event(news: News) -> Event {
    match news {
        News::Welcome {
            user,
            token,
            expires_at,
            resumed,
            last_login,
            is_moderator,
            rooms,
        } => Event::Welcome(Welcome {
            user: user.as_str().into(),
            token: token.map(|token| token.expose()),
            expires_at,
            resumed,
            last_login: last_login.map(|last| LastLogin {
                at: last.at,
                from: last.from.map(|from| from.to_string()),
            }),
            role: is_moderator.then(|| Role::Moderator.word().into()),
            rooms: rooms.iter().map(room_state).collect(),
            rooms_follow: None,
        }),
        News::Ok => Event::Ok,
        News::Sent { room, seq, at } => Event::Sent {
            room: label(&room),
            seq,
            at,
        },
        News::Joined(room) => Event::Joined(room_state(&room)),
        News::Left { room } => Event::Left { room: label(&room) },
        News::Rooms { rooms, more } => Event::Rooms {
            rooms: rooms.iter().map(room_entry).collect(),
            more,
        },
        News::Who { room, who, more } => Event::Who {
            room: room.as_ref().map(label),
            who: who.iter().map(person).collect(),
            more,
        },
        News::Presence {
            room,
            user,
            joined,
            others,
        } => Event::Presence {
            room: label(&room),
            user: user.as_str().into(),
            state: match joined {
                true => Presence::Joined,
                false => Presence::Left,
            },
            others,
        },
        News::Topic { room, topic, by } => Event::Topic {
            room: label(&room),
            topic,
            by: by.map(|by| by.as_str().into()),
        },
        News::Cleared { room, first_seq } => Event::Cleared {
            room: label(&room),
            first_seq,
        },
        News::Removed { room } => Event::Removed { room: label(&room) },
        News::Kicked {
            room,
            by,
            reason,
            ban,
        } => Event::Kicked {
            room: label(&room),
            by: by.as_str().into(),
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            banned: ban.is_some(),
            until: ban.flatten(),
        },
        News::Role {
            room,
            user,
            role,
            by,
        } => Event::Role {
            room: room.as_ref().map(label),
            user: user.as_str().into(),
            role: role.map(|role| role.word().into()),
            by: by.as_str().into(),
        },
        News::Read { room, seq } => Event::Read {
            room: label(&room),
            seq,
        },
        News::Typing { room, user } => Event::Typing {
            room: label(&room),
            user: user.as_str().into(),
        },
        News::Notice { text } => Event::Notice {
            text: clip(&text, TEXT_BYTES_MAX).into(),
        },
        News::Refused(refusal) => {
            let (code, text, retry_after_ms) = refused(refusal);
            Event::Error {
                code,
                text,
                retry_after_ms,
            }
        }
    }
}

fn label(target: &Target) -> Arc<str> {
    target.to_string().into()
}

fn room_state(view: &RoomView) -> RoomState {
    RoomState {
        room: label(&view.room),
        topic: Arc::clone(&view.topic),
        first_seq: view.first_seq,
        last_seq: view.last_seq,
        read_seq: view.read_seq,
        members: view.members,
        joined: true,
        role: view.is_operator.then(|| Role::Operator.word().into()),
    }
}

fn room_entry(line: &RoomLine) -> RoomEntry {
    RoomEntry {
        room: line.room.as_str().into(),
        topic: Arc::clone(&line.topic),
        members: line.members,
        online: line.online,
        last_seq: line.last_seq,
        joined: line.joined,
    }
}

fn person(line: &PersonLine) -> Person {
    Person {
        user: line.user.as_str().into(),
        online: line.online,
        last_seen: line.last_seen,
        role: line.role.map(|role| role.word().into()),
    }
}

fn bye_word(reason: ByeReason) -> &'static str {
    match reason {
        ByeReason::ShuttingDown => "shutting-down",
        ByeReason::Kicked => "kicked",
        ByeReason::AccountRemoved => "account-removed",
        ByeReason::AccountDisabled => "account-disabled",
        ByeReason::Banned => "banned",
        ByeReason::SessionEnded => "session-ended",
        ByeReason::LoginAttempts => "login-attempts",
        ByeReason::LoginTimeout => "login-timeout",
        ByeReason::FrameTimeout => "frame-timeout",
    }
}

/// The stable word, the sentence that says what to do, and when to try again.
#[must_use]
pub fn refused(refusal: Refusal) -> (Code, Arc<str>, Option<u64>) {
    let (code, text) = match refusal {
        Refusal::NotLoggedIn => (Code::NotLoggedIn, "log in first, with `login` or `resume`"),
        Refusal::LoggedIn => (
            Code::BadRequest,
            "this connection is logged in already; log out first, or open another",
        ),
        Refusal::WrongPassword => (
            Code::BadCredentials,
            "name and password do not belong together; check both and try again",
        ),
        Refusal::DeadToken => (
            Code::BadCredentials,
            "the token is not valid any more; log in with name and password",
        ),
        Refusal::NameTaken => (Code::NameTaken, "somebody has that name; choose another"),
        Refusal::NameLooksTaken => (
            Code::NameTaken,
            "somebody has a name that looks the same; choose another",
        ),
        Refusal::RoomTaken => (
            Code::NameTaken,
            "a room has that name or one that looks the same; choose another, or join it",
        ),
        Refusal::PasswordShort(least) => {
            let text = format!("the password is too short; take at least {least} characters");
            return (Code::WeakPassword, text.into(), None);
        }
        Refusal::PasswordLong => {
            let text = format!(
                "the password is longer than {PASSWORD_CHARS_MAX} characters; choose a shorter one"
            );
            return (Code::WeakPassword, text.into(), None);
        }
        Refusal::PasswordCharacter => (
            Code::WeakPassword,
            "the password has a character that passwords may not have; use letters, digits, signs and spaces",
        ),
        Refusal::PasswordKnown => (
            Code::WeakPassword,
            "the password is one of those that everybody tries first; choose another, such as four words by chance",
        ),
        Refusal::PasswordIsName => (
            Code::WeakPassword,
            "the password is the name; choose one that others do not know",
        ),
        Refusal::RegistrationClosed => (
            Code::RegistrationClosed,
            "accounts are made by the admin here; ask for one",
        ),
        Refusal::InviteNeeded => (
            Code::BadInvite,
            "an account takes an invite here; ask the admin for one",
        ),
        Refusal::BadInvite => (
            Code::BadInvite,
            "this is no invite, or it is used up, revoked or has run out; check how it is written, or ask the admin for another",
        ),
        Refusal::AccountDisabled => (Code::Forbidden, "this account is disabled; ask the admin"),
        Refusal::NoSuchRoom => (
            Code::NoSuchRoom,
            "there is no room of that name; look at the list of rooms, or create it",
        ),
        Refusal::NoSuchUser => (
            Code::NoSuchUser,
            "there is nobody of that name; check how it is written",
        ),
        Refusal::NoSuchMessage => (
            Code::NoSuchMessage,
            "there is no message of that number whose text could be removed; look at the history of the room",
        ),
        Refusal::NotYours => (
            Code::Forbidden,
            "only whoever wrote a message may remove it, or somebody of a higher role than theirs",
        ),
        Refusal::NotThere => (Code::NoSuchUser, "they are not in that room; look who is"),
        Refusal::NoRight => (
            Code::Forbidden,
            "that is for the operators of the room and for moderators; ask one of them",
        ),
        Refusal::Outranked => (
            Code::Forbidden,
            "that takes a higher role than theirs, or than that of whoever decided before; ask the admin",
        ),
        Refusal::Barred(barrier) => {
            let code = match barrier.kind {
                BanKind::Ban => Code::Banned,
                BanKind::Mute => Code::Muted,
            };
            return (code, barrier.to_string().into(), barrier.after_ms);
        }
        Refusal::NotAMember => (Code::NotAMember, "join the room first"),
        Refusal::LobbyStays => (
            Code::Forbidden,
            "everybody is in the lobby: it cannot be left, and nobody be put out of it",
        ),
        Refusal::Yourself => (
            Code::BadRequest,
            "that is yourself; a conversation takes somebody else",
        ),
        Refusal::LimitReached(limit) => {
            let text = format!(
                "the limit `{limit}` of this server is reached; give up one of yours, or ask the admin for more"
            );
            return (Code::Forbidden, text.into(), None);
        }
        Refusal::RateLimited { limit, after_ms } => {
            let text = format!(
                "too much at once: the limit `{limit}` of this server is reached; wait and try again"
            );
            return (Code::RateLimited, text.into(), Some(after_ms));
        }
        Refusal::Busy(after_ms) => {
            let text = "the server has too much to do; try again a little later";
            return (Code::Busy, text.into(), Some(after_ms));
        }
        Refusal::LoginsLimited(after_ms) => {
            let text = "too many refused logins; wait as long as told, then try again";
            return (Code::RateLimited, text.into(), Some(after_ms));
        }
        Refusal::RegistrationsLimited(after_ms) => {
            let text =
                "too many new accounts for now; wait as long as told, or ask the admin for one";
            return (Code::RateLimited, text.into(), Some(after_ms));
        }
        Refusal::StorageFull => (
            Code::StorageFull,
            "the server's disk is full, nothing can be stored; try again when the admin has made room",
        ),
        Refusal::ShuttingDown => (
            Code::ShuttingDown,
            "the server is stopping; connect again in a while",
        ),
        Refusal::Internal => (
            Code::Internal,
            "the server failed at this; try again, and tell the admin, whose log says more",
        ),
    };
    (code, text.into(), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::HEADER_BYTES;

    fn decode(bytes: &[u8]) -> Vec<Tagged> {
        let mut rest = bytes;
        let mut events = Vec::new();
        while let Some((header, tail)) = rest.split_first_chunk::<HEADER_BYTES>() {
            let (frame, tail) = tail.split_at(u32::from_be_bytes(*header) as usize);
            events.push(Tagged::decode(frame).unwrap());
            rest = tail;
        }
        events
    }

    fn view(number: usize) -> RoomView {
        RoomView {
            room: format!("room{number}").parse().unwrap(),
            topic: "\u{1}".repeat(256).into(),
            first_seq: Seq(1),
            last_seq: Seq(2),
            read_seq: Seq(0),
            members: 3,
            is_operator: true,
        }
    }

    #[test]
    fn the_short_way_says_the_same_as_the_long_one() {
        let news = News::Sent {
            room: "@Анна".parse().unwrap(),
            seq: Seq(7),
            at: Timestamp(1_795_170_600_007),
        };
        for re in [None, Some(RequestId("\"a\\\"b\"".into()))] {
            let long = Tagged {
                re: re.clone(),
                event: event(news.clone()),
            };
            assert_eq!(
                encode_news(re.as_ref(), news.clone()),
                frame::encode(&long.encode())
            );
        }
    }

    #[test]
    fn rooms_that_do_not_fit_the_welcome_follow_it_in_order() {
        let news = News::Welcome {
            user: "anna".parse().unwrap(),
            token: None,
            expires_at: Timestamp(0),
            resumed: false,
            last_login: None,
            is_moderator: true,
            rooms: (0..100).map(view).collect(),
        };
        let mut told = Vec::new();
        let events = decode(&encode_news(None, news));
        let following = events.len() as u32 - 1;
        assert!(following > 0);
        for tagged in events {
            match tagged.event {
                Event::Welcome(welcome) => {
                    assert_eq!(welcome.rooms_follow, Some(following));
                    told.extend(welcome.rooms);
                }
                Event::Joined(room) => told.push(room),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(
            told,
            (0..100)
                .map(|number| room_state(&view(number)))
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_list_that_does_not_fit_is_cut_and_says_so() {
        let rooms = (0..200).map(|number| RoomLine {
            room: format!("room{number}").parse().unwrap(),
            topic: "\u{1}".repeat(256).into(),
            members: 1,
            online: 1,
            last_seq: Seq(0),
            joined: false,
        });
        let news = News::Rooms {
            rooms: rooms.collect(),
            more: false,
        };
        let [tagged] = &decode(&encode_news(None, news))[..] else {
            panic!("more than one frame");
        };
        assert!(matches!(&tagged.event, Event::Rooms { rooms, more: true } if rooms.len() > 30));
    }

    #[test]
    fn long_texts_of_the_admin_fit_a_frame() {
        let bye = Bye {
            reason: ByeReason::Kicked,
            text: "\u{1}".repeat(100_000).into(),
            reconnect_after_ms: None,
        };
        assert_eq!(decode(&encode_bye(&bye)).len(), 1);
    }
}
