//! What the people of the simulation ask for, and its admin, by some numbers that chance gives.

use std::num::NonZeroU32;

use super::{PEOPLE, PLACES};
use crate::base::record::{Kind, PasswordHash};
use crate::base::{BanKind, Password, RoomLabel, Seq, SessionId, TokenHash, UserName};
use crate::engine::input::{Command, Range, Request};
use crate::engine::moderation::{Act, Whom};

pub fn request(what: u8, a: u8, b: u8, tokens: &[TokenHash]) -> Request {
    let device = "".into();
    let person = PEOPLE[usize::from(a) % PEOPLE.len()];
    let place = PLACES[usize::from(a) % PLACES.len()];
    let password = |which: u8| Password::new(format!("password {}", which % 2));
    let room = || PLACES[usize::from(a) % 3].parse().unwrap();
    let target = || place.parse().unwrap();
    match what {
        0..4 => Request::Register {
            name: person.parse().unwrap(),
            password: password(0),
            invite: None,
            device,
        },
        4..8 => Request::Login {
            name: person.parse().ok(),
            password: password(b),
            device,
        },
        8..10 => Request::Resume {
            token: tokens.get(usize::from(a) % tokens.len().max(1)).copied(),
            cursors: vec![("lobby".parse().unwrap(), Seq(u64::from(b % 8)))],
        },
        10 => Request::Logout,
        11..18 => Request::Send {
            to: target(),
            kind: Kind::Text,
            key: (b < 128).then(|| (b % 8).to_string().into()),
            text: "hi".into(),
        },
        18..21 => Request::Join { room: room() },
        21..23 => Request::Leave { room: room() },
        23 => Request::Create { room: room() },
        24 => Request::Redact {
            room: target(),
            seq: Seq(u64::from(b % 8)),
        },
        25 => Request::Read {
            room: target(),
            seq: Seq(u64::from(b % 8)),
        },
        26 => Request::Topic {
            room: room(),
            topic: "x".into(),
        },
        27 => Request::ChangePassword {
            old: password(a),
            new: password(b),
        },
        28 if b < 128 => Request::Typing { to: target() },
        28 => Request::Search {
            text: "hi".into(),
            room: None,
            before: None,
            limit: 9,
        },
        29 => Request::History {
            room: target(),
            range: Range::NEWEST,
            limit: 9,
        },
        _ if b >= 64 => Request::Moderate(act(a, b)),
        _ => Request::Who {
            room: (b < 128).then(target),
            after: None,
        },
    }
}

fn act(a: u8, b: u8) -> Act {
    let user: UserName = PEOPLE[usize::from(a) % PEOPLE.len()].parse().unwrap();
    let room = || PLACES[usize::from(a / 4) % 3].parse().unwrap();
    let kind = if a < 128 { BanKind::Ban } else { BanKind::Mute };
    let who = || Whom::User(user.clone());
    let some = (a % 32 < 24).then(room);
    match b % 7 {
        0 | 1 => Act::Kick {
            room: room(),
            user,
            reason: "".into(),
        },
        2 | 3 => Act::Ban {
            kind,
            who: who(),
            room: some,
            seconds: NonZeroU32::new(u32::from(a % 3) * 10_000),
            reason: "".into(),
        },
        4 => Act::Unban {
            kind,
            who: who(),
            room: some,
        },
        _ => Act::Operator {
            room: room(),
            user,
            operator: a % 5 > 1,
        },
    }
}

pub fn command(a: u8, b: u8) -> Command {
    let name = || PEOPLE[usize::from(a) % PEOPLE.len()].parse().unwrap();
    let hash = PasswordHash(format!("password {}", a % 2).into());
    let room = || PLACES[usize::from(a) % 3].parse().unwrap();
    let label = || RoomLabel::Open(room());
    match b % 22 {
        0 | 1 => Command::RemoveUser { name: name() },
        2 => Command::ClearUsers {
            keep: Vec::from_iter((a < 128).then(name)),
            dry_run: false,
        },
        3 => Command::RevokeSession {
            id: SessionId(u64::from(a % 16)),
        },
        4 => Command::Kick {
            name: name(),
            text: "out".into(),
        },
        5 => Command::SetPassword { name: name(), hash },
        6 => Command::AddUser { name: name(), hash },
        7 => Command::Probe,
        8 => Command::Glance,
        9 => Command::CreateRoom {
            name: room(),
            topic: "x".into(),
        },
        10 => Command::RemoveRoom {
            name: room(),
            dry_run: a >= 200,
        },
        11 => Command::SetTopic {
            name: room(),
            topic: "y".into(),
        },
        12 => Command::Members { room: label() },
        13 => Command::ClearHistory {
            room: (a < 128).then(label),
            before: None,
            dry_run: a.is_multiple_of(5),
        },
        14 => Command::Redact {
            room: label(),
            seq: Seq(u64::from(a % 8)),
        },
        15 | 16 => Command::SetModerator {
            name: name(),
            moderator: a < 170,
        },
        17..20 => Command::Moderate(act(a, b.wrapping_mul(11))),
        20 => Command::ListBans,
        _ => Command::Counts,
    }
}
