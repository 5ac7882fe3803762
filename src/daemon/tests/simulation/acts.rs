//! What the people of the simulation and its admin do, as chance has it.

use std::time::Duration;

use super::device::Device;
use super::dice::Dice;
use crate::base::Password;
use crate::base::record::Kind;
use crate::client::model::Model;
use crate::engine::input::Command;
use crate::engine::tests::simulation::asks;
use crate::wire::request::{self, Request};

pub const PEOPLE: [&str; 4] = ["anna", "boris", "clara", "dora"];
const ROOMS: [&str; 3] = ["lobby", "tea", "milk"];
const PLACES: [&str; 8] = [
    "lobby", "lobby", "tea", "milk", "@anna", "@boris", "@clara", "@dora",
];

/// Somebody does something with a program. Returns what, for people.
pub fn act(device: &mut Device, seed: u64, now: Duration, dice: &mut Dice) -> String {
    let is_ended = device.model.as_ref().is_none_or(Model::is_ended);
    if is_ended {
        if device.model.is_some() && dice.one_in(2) {
            device.kept = None;
        }
        device.start(seed);
        let request = match device.kept.clone() {
            Some((token, mut cursors)) if !dice.one_in(4) => {
                if dice.one_in(8) {
                    cursors.clear();
                }
                Request::Resume(request::Resume {
                    token,
                    cursors,
                    epoch: None,
                })
            }
            _ => device.login(dice),
        };
        return ask(device, now, request);
    }
    let has_session = device
        .model
        .as_ref()
        .is_some_and(|model| model.token().is_some());
    if !has_session && !dice.one_in(4) {
        let request = device.login(dice);
        return ask(device, now, request);
    }
    match dice.below(40) {
        0..16 => say(device, now, 1, dice),
        16 => say(device, now, 12, dice),
        17 => {
            device.end();
            if dice.one_in(3) {
                device.kept = None;
            }
            "ends the program".into()
        }
        18 if dice.one_in(2) => ask(device, now, Request::Logout(request::Empty {})),
        _ => {
            let request = request(device, dice);
            ask(device, now, request)
        }
    }
}

fn ask(device: &mut Device, now: Duration, request: Request) -> String {
    let text = format!("asks {request:?}");
    device.ask(now, request);
    text
}

fn say(device: &mut Device, now: Duration, times: usize, dice: &mut Dice) -> String {
    let to = PLACES[dice.below(PLACES.len())];
    for _ in 0..times {
        let padding = if dice.one_in(6) { 900 } else { dice.below(20) };
        let kind = if dice.one_in(5) {
            Kind::Action
        } else {
            Kind::Text
        };
        device.send(now, to, kind, padding);
    }
    format!("says {times} things to {to}")
}

fn request(device: &Device, dice: &mut Dice) -> Request {
    let room = ROOMS[dice.below(ROOMS.len())].to_owned();
    let place = PLACES[dice.below(PLACES.len())].to_owned();
    let somewhere = Some(room.clone()).filter(|_| !dice.one_in(4));
    match dice.below(32) {
        0..5 => Request::Join(request::Room { room }),
        5..7 => Request::Leave(request::Room { room }),
        7..10 => Request::Create(request::Room { room }),
        10 | 11 => Request::Topic(request::Topic {
            room,
            topic: format!("topic {}", dice.below(1_000)),
        }),
        12..15 if device.knows(&place) => Request::Read(request::Read {
            seq: device.some_number(&place, dice),
            room: place,
        }),
        15..18 => Request::Redact(request::Redact {
            seq: device.some_number(&place, dice),
            room: place,
        }),
        12..15 | 18 | 19 => Request::History(request::History {
            before: Some(device.some_number(&place, dice)).filter(|_| dice.one_in(3)),
            after: None,
            limit: 1 + dice.below(20),
            room: place,
        }),
        20 => Request::Search(request::Search {
            text: "tea".into(),
            room: somewhere,
            before: None,
            limit: 1 + dice.below(20),
        }),
        21 => Request::Who(request::Who {
            room: somewhere,
            after: None,
        }),
        22 => Request::Rooms(request::Rooms { after: None }),
        23 => Request::Typing(request::Typing { to: place }),
        24 if dice.one_in(3) => Request::Password(request::ChangePassword {
            old: Password::new(format!("password {}", dice.below(2))),
            new: Password::new(format!("password {}", dice.below(2))),
        }),
        24 => Request::Echo(request::Echo { text: room }),
        _ => moderation(dice),
    }
}

fn moderation(dice: &mut Dice) -> Request {
    let room = ROOMS[dice.below(ROOMS.len())].to_owned();
    let user = PEOPLE[dice.below(PEOPLE.len())].to_owned();
    let somewhere = Some(room.clone()).filter(|_| !dice.one_in(4));
    let reason = None;
    match dice.below(7) {
        0 => Request::Kick(request::Kick { room, user, reason }),
        1 => Request::Ban(request::Ban {
            user,
            room: somewhere,
            seconds: Some(1 + dice.below(5_000) as u32).filter(|_| dice.one_in(2)),
            reason,
        }),
        2 => Request::Unban(request::Unban {
            user,
            room: somewhere,
        }),
        3 => Request::Mute(request::Ban {
            user,
            room: somewhere,
            seconds: Some(1 + dice.below(100) as u32),
            reason,
        }),
        4 => Request::Unmute(request::Unban {
            user,
            room: somewhere,
        }),
        5 => Request::Op(request::Member { room, user }),
        _ => Request::Deop(request::Member { room, user }),
    }
}

/// What the admin does. What ends lives is done seldom, and undone.
pub fn command(dice: &mut Dice) -> Command {
    let name = PEOPLE[dice.below(PEOPLE.len())].parse().unwrap();
    match dice.below(12) {
        0 => Command::SetDisabled {
            name,
            disabled: dice.one_in(3),
        },
        1 => Command::Announce {
            text: "tea is ready".into(),
        },
        2 => Command::Users,
        3 => Command::Sessions { user: None },
        4 => Command::ShowUser { name },
        5 => Command::Who,
        _ => {
            let numbers = dice.next().to_be_bytes();
            let command = asks::command(numbers[0], numbers[1]);
            let ends_lives = matches!(
                command,
                Command::RemoveUser { .. } | Command::ClearUsers { .. }
            );
            match ends_lives && !dice.one_in(6) {
                true => Command::Rooms,
                false => command,
            }
        }
    }
}

/// An account, or a further device of it.
pub fn come_in(name: &str, is_new: bool) -> Request {
    let (name, password) = (name.to_owned(), Password::new("password 0".into()));
    match is_new {
        true => Request::Register(request::Register {
            name,
            password,
            invite: None,
            device: None,
        }),
        false => Request::Login(request::Login {
            name,
            password,
            device: None,
        }),
    }
}

/// The first two make rooms, into which the others come.
pub fn first_rooms(at: usize) -> Vec<Request> {
    let rooms = ROOMS[1..].iter().enumerate();
    let request = |(no, room): (usize, &&str)| {
        let room = (*room).to_owned();
        match no == at {
            true => Request::Create(request::Room { room }),
            false => Request::Join(request::Room { room }),
        }
    };
    rooms.map(request).collect()
}

/// Everybody has two devices.
pub fn devices() -> Vec<Device> {
    let device = |no: usize| Device::new(no, PEOPLE[no % PEOPLE.len()]);
    (0..PEOPLE.len() * 2).map(device).collect()
}
