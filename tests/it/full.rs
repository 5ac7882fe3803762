//! One value of each request and each event with every field that it can have. The compiler asks for a new field here,
//! and `spec.rs` then asks for it in the specification.

use std::collections::BTreeMap;
use std::sync::Arc;

use chatd::base::record::Kind;
use chatd::base::{Password, Seq, Timestamp};
use chatd::wire::event::{
    Hello, HelloLimits, LastLogin, Message, Person, Presence, Registration, RoomEntry, RoomState,
    Welcome,
};
use chatd::wire::{Code, Event, Request, event, request};
use serde_json::Value;

/// Every request, in the order of [`Request::TYPES`].
pub fn requests() -> Vec<Value> {
    let text = |text: &str| text.to_owned();
    let password = || Password::new("correct horse".into());
    let room = || request::Room {
        room: text("garden"),
    };
    let ban = || request::Ban {
        user: text("boris"),
        room: Some(text("garden")),
        seconds: Some(3_600),
        reason: Some(text("weeds")),
    };
    let unban = || request::Unban {
        user: text("boris"),
        room: Some(text("garden")),
    };
    let member = || request::Member {
        room: text("garden"),
        user: text("boris"),
    };
    [
        Request::Hello(request::Hello {
            protocol: 1,
            client: text("parrot/0.3"),
        }),
        Request::Register(request::Register {
            name: text("anna"),
            password: password(),
            invite: Some(Password::new(text("7f3k"))),
            device: Some(text("laptop")),
        }),
        Request::Login(request::Login {
            name: text("anna"),
            password: password(),
            device: Some(text("laptop")),
        }),
        Request::Resume(request::Resume {
            epoch: Some("5f3a90c1d2e4b768".into()),
            token: password(),
            cursors: BTreeMap::from([(text("lobby"), Seq(7))]),
        }),
        Request::Logout(request::Empty {}),
        Request::Send(request::Send {
            to: text("lobby"),
            text: "hi".into(),
            kind: Kind::Action,
            key: Some("k".into()),
        }),
        Request::Join(room()),
        Request::Leave(room()),
        Request::Create(room()),
        Request::Rooms(request::Rooms {
            after: Some(text("garden")),
        }),
        Request::Who(request::Who {
            room: Some(text("lobby")),
            after: Some(text("anna")),
        }),
        // The two exclude each other, but that is the rules' business: here they are only read.
        Request::History(request::History {
            room: text("lobby"),
            before: Some(Seq(9)),
            after: Some(Seq(3)),
            limit: 20,
        }),
        Request::Search(request::Search {
            text: text("tea"),
            room: Some(text("lobby")),
            before: Some(Seq(9)),
            limit: 20,
        }),
        Request::Read(request::Read {
            room: text("lobby"),
            seq: Seq(7),
        }),
        Request::Topic(request::Topic {
            room: text("garden"),
            topic: text("tomatoes"),
        }),
        Request::Redact(request::Redact {
            room: text("lobby"),
            seq: Seq(7),
        }),
        Request::Kick(request::Kick {
            room: text("garden"),
            user: text("boris"),
            reason: Some(text("weeds")),
        }),
        Request::Ban(ban()),
        Request::Unban(unban()),
        Request::Mute(ban()),
        Request::Unmute(unban()),
        Request::Op(member()),
        Request::Deop(member()),
        Request::Password(request::ChangePassword {
            old: password(),
            new: password(),
        }),
        Request::Typing(request::Typing { to: text("lobby") }),
        Request::Echo(request::Echo { text: text("hi") }),
        Request::Ping(request::Ping {
            data: Some(text("x")),
        }),
    ]
    .into_iter()
    .map(|request| request::Tagged { id: None, request }.encode())
    .map(|json| serde_json::from_str(&json).unwrap())
    .collect()
}

/// Every event, in the order of [`Event::TYPES`].
pub fn events() -> Vec<Value> {
    let (room, user, text): (Arc<str>, Arc<str>, Arc<str>) =
        ("lobby".into(), "anna".into(), "hi".into());
    let at = Timestamp(1_795_170_600_007);
    let seq = Seq(7);
    let state = RoomState {
        room: room.clone(),
        topic: text.clone(),
        first_seq: seq,
        last_seq: seq,
        read_seq: seq,
        members: 2,
        joined: true,
        role: Some("operator".into()),
    };
    let message = Message {
        room: room.clone(),
        seq,
        from: user.clone(),
        at,
        kind: Kind::Text,
        text: text.clone(),
        redacts: Some(seq),
        key: Some(text.clone()),
    };
    [
        Event::Hello(Hello {
            epoch: Some("5f3a90c1d2e4b768".into()),
            server: text.clone(),
            software: text.clone(),
            protocol: 1,
            registration: Registration::Open,
            limits: HelloLimits {
                frame: 1,
                text: 1,
                name_chars: 1,
                topic: 1,
                key: 1,
                page_messages: 1,
                password_chars_min: 1,
                requests_outstanding: 1,
                key_hours: 1,
            },
            features: vec!["tea".into()],
        }),
        Event::Welcome(Welcome {
            user: user.clone(),
            token: Some(Password::new("ct_".into())),
            expires_at: at,
            resumed: false,
            last_login: Some(LastLogin {
                at,
                from: Some("192.0.2.7".into()),
            }),
            role: Some("moderator".into()),
            rooms: vec![state.clone()],
            rooms_follow: Some(1),
        }),
        Event::Ok,
        Event::Sent {
            room: room.clone(),
            seq,
            at,
        },
        Event::Joined(state),
        Event::Left { room: room.clone() },
        Event::Rooms {
            rooms: vec![RoomEntry {
                room: room.clone(),
                topic: text.clone(),
                members: 2,
                online: 1,
                last_seq: seq,
                joined: true,
            }],
            more: false,
        },
        Event::Who {
            room: Some(room.clone()),
            who: vec![Person {
                user: user.clone(),
                online: true,
                last_seen: Some(at),
                role: Some("operator".into()),
            }],
            more: false,
        },
        Event::Page {
            room: Some(room.clone()),
            messages: vec![message.clone()],
            first_seq: Some(seq),
            last_seq: Some(seq),
            more: false,
        },
        Event::Echo { text: text.clone() },
        Event::Pong {
            data: Some(text.clone()),
        },
        Event::Message(message),
        Event::Presence {
            room: room.clone(),
            user: user.clone(),
            state: Presence::Joined,
            others: 3,
        },
        Event::Topic {
            room: room.clone(),
            topic: text.clone(),
            by: Some(user.clone()),
        },
        Event::Cleared {
            room: room.clone(),
            first_seq: seq,
        },
        Event::Removed { room: room.clone() },
        Event::Kicked {
            room: room.clone(),
            by: user.clone(),
            reason: Some(text.clone()),
            banned: true,
            until: Some(at),
        },
        Event::Role {
            room: Some(room.clone()),
            user: user.clone(),
            role: Some("operator".into()),
            by: user.clone(),
        },
        Event::Read {
            room: room.clone(),
            seq,
        },
        Event::Typing { room, user },
        Event::Notice { text: text.clone() },
        Event::Bye {
            reason: text.clone(),
            text: text.clone(),
            reconnect_after_ms: Some(2_000),
        },
        Event::Error {
            code: Code::Busy,
            text,
            retry_after_ms: Some(250),
        },
    ]
    .into_iter()
    .map(|event| event::Tagged::push(event).encode())
    .map(|json| serde_json::from_str(&json).unwrap())
    .collect()
}
