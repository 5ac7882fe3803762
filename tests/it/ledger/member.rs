//! Somebody who talks, in a thread of their own, and writes everything down.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use serde_json::Value;

use super::Dice;
use crate::support::{Heard, Talker, request};

/// Where all of them talk.
pub const ROOMS: [&str; 3] = ["lobby", "tea", "milk"];
/// How long whoever looks after the members may wait for all of them, over whatever link.
const TELLS: Duration = Duration::from_secs(300);
/// Sends without an answer.
const AT_ONCE: usize = 24;

/// What members are told.
#[derive(Clone, Copy, Debug)]
pub enum Told {
    /// The server is there, for the first time or again.
    Up(SocketAddr),
    /// It is there again with a backup, which ends at these numbers.
    Back(SocketAddr, [u64; 3]),
    /// What is on the way is sent, and no more.
    Enough,
    /// The last number of each room: everything up to it is to be seen.
    Heads([u64; 3]),
}

/// What a member has written down.
#[derive(Debug, Default)]
pub struct Notes {
    /// Which member.
    pub number: u64,
    /// Which message was at each number, from 1 on; 0 where none was seen.
    pub seen: [Vec<u64>; 3],
    /// Room, number there, and message.
    pub acknowledged: Vec<(usize, u64, u64)>,
    /// In how many rooms the server has gone back to a backup.
    pub went_back: usize,
    /// What cannot be.
    pub troubles: Vec<String>,
}

/// The text of a message: its number, and some more, so that they are of all lengths.
pub fn text_of(number: u64) -> String {
    let length = (number.wrapping_mul(0x9e37_79b9) >> 7) % 400;
    format!("{number:x} {}", "·".repeat(length as usize / 2))
}

fn number_of(text: &str) -> Option<u64> {
    let number = u64::from_str_radix(text.split(' ').next()?, 16).ok()?;
    (text_of(number) == text).then_some(number)
}

pub struct Member {
    token: String,
    dice: Dice,
    /// Told `true` for each that is acknowledged, and `false` when nothing is on the way any more and nothing will be.
    counted: Sender<bool>,
    notes: Notes,
    cursors: [u64; 3],
    said: u64,
    /// Not acknowledged: room and message.
    on_the_way: Vec<(usize, u64)>,
    enough: bool,
    heads: Option<[u64; 3]>,
    /// Which life of the database was seen last, and whether another one is due.
    epoch: Option<String>,
    is_back: bool,
}

/// The connection is gone.
struct Gone;

impl Member {
    pub fn new(number: u64, token: &str, seed: u64, counted: Sender<bool>) -> Self {
        Self {
            token: token.to_owned(),
            dice: Dice(seed),
            counted,
            notes: Notes {
                number,
                ..Notes::default()
            },
            cursors: [0; 3],
            said: 0,
            on_the_way: Vec::new(),
            enough: false,
            heads: None,
            epoch: None,
            is_back: false,
        }
    }

    /// Until everything is seen; gives back the notes.
    pub fn lives(mut self, told: &Receiver<Told>) -> Notes {
        loop {
            let next = told.recv_timeout(TELLS);
            let next = next.expect("somebody looks after us");
            if let Told::Back(_, heads) = next {
                self.go_back(heads);
            }
            match next {
                Told::Up(address) | Told::Back(address, _) => {
                    if self.visit(address, told).is_ok() {
                        return self.notes;
                    }
                }
                Told::Enough => self.enough = true,
                Told::Heads(heads) => self.heads = Some(heads),
            }
        }
    }

    /// As long as the connection holds, or until everything is seen.
    fn visit(&mut self, address: SocketAddr, told: &Receiver<Told>) -> Result<(), Gone> {
        let mut talker = Talker::try_connect(address).ok_or(Gone)?;
        let cursors: serde_json::Map<_, _> = (ROOMS.iter().zip(self.cursors))
            .map(|(room, cursor)| ((*room).to_owned(), cursor.into()))
            .collect();
        let ids = talker.try_begin_all([
            request!("hello", protocol: 1, client: "ledger/1"),
            request!("resume", token: self.token, cursors: cursors),
        ]);
        let [hello, welcome] = ids.ok_or(Gone)?[..] else {
            return Err(Gone);
        };
        let hello = talker.try_answer(hello).ok_or(Gone)?.must_be("hello");
        self.look_at_epoch(hello.text("epoch"));
        let welcome = talker.try_answer(welcome).ok_or(Gone)?;
        if welcome["type"] == "error" {
            // The disk is gone, and the server soon.
            return Err(Gone);
        }
        self.look_back(&welcome.must_be("welcome"));
        loop {
            self.talk(&mut talker)?;
            if self.enough && self.on_the_way.is_empty() {
                break;
            }
            self.enough |= matches!(told.try_recv(), Ok(Told::Enough));
        }
        let _ = self.counted.send(false);
        while self.heads.is_none() {
            match told.recv_timeout(TELLS).expect("somebody looks after us") {
                Told::Heads(heads) => self.heads = Some(heads),
                Told::Enough | Told::Up(_) | Told::Back(..) => {}
            }
        }
        while !self.has_seen_all() {
            let push = talker.next();
            self.note(&push);
        }
        Ok(())
    }

    /// A server that has less than one has seen has lost something.
    fn look_back(&mut self, welcome: &Value) {
        for (room, name) in ROOMS.iter().enumerate() {
            let last = welcome.room(name)["last_seq"].as_u64().unwrap_or(0);
            // What one said oneself may be known before what others said.
            let before = self.cursors[room].max(self.notes.seen[room].len() as u64);
            if before > last {
                self.trouble(&format!("{name} ends at #{last}, and #{before} was seen"));
            }
        }
    }

    /// That a backup was put back is told, and nothing else is told like it.
    fn look_at_epoch(&mut self, epoch: &str) {
        let before = self.epoch.replace(epoch.to_owned());
        let is_other = before.is_some_and(|before| before != epoch);
        if is_other != std::mem::take(&mut self.is_back) {
            self.trouble(&format!("another epoch was told: {is_other}"));
        }
    }

    /// What a backup has is as it was; the rest is no more.
    fn go_back(&mut self, heads: [u64; 3]) {
        self.is_back = true;
        for (room, head) in heads.into_iter().enumerate() {
            let seen = &mut self.notes.seen[room];
            self.notes.went_back += usize::from(seen.len() as u64 > head);
            seen.truncate(head as usize);
            self.cursors[room] = self.cursors[room].min(head);
            let is_left = |of: &(usize, u64, u64)| of.0 != room || of.1 <= head;
            self.notes.acknowledged.retain(is_left);
        }
    }

    /// Says some things and waits for the answers; what was on the way before goes first, under the same keys.
    fn talk(&mut self, talker: &mut Talker) -> Result<(), Gone> {
        while !self.enough && self.on_the_way.len() < AT_ONCE {
            self.said += 1;
            let room = self.dice.roll(3) as usize;
            let message = (self.notes.number + 1) << 40 | self.said;
            self.on_the_way.push((room, message));
        }
        let sends = self.on_the_way.iter().map(|(room, message)| {
            request!("send", to: ROOMS[*room], text: text_of(*message), key: format!("{message:x}"))
        });
        let ids = talker.try_begin_all(sends).ok_or(Gone)?;
        let sent = std::mem::take(&mut self.on_the_way);
        let mut answers = sent.iter().zip(ids);
        for ((room, message), id) in answers.by_ref() {
            let answer = talker.try_answer(id);
            match answer.filter(|answer| answer["type"] == "sent") {
                Some(answer) => self.acknowledged(*room, answer.seq(), *message),
                None => {
                    self.on_the_way.push((*room, *message));
                    break;
                }
            }
        }
        self.on_the_way.extend(answers.map(|(send, _)| *send));
        for push in talker.take_pushes() {
            self.note(&push);
        }
        match self.on_the_way.is_empty() {
            true => Ok(()),
            false => Err(Gone),
        }
    }

    fn acknowledged(&mut self, room: usize, seq: u64, message: u64) {
        self.notes.acknowledged.push((room, seq, message));
        self.saw(room, seq, message);
        let _ = self.counted.send(true);
    }

    fn note(&mut self, push: &Value) {
        if push["type"] != "message" {
            return;
        }
        let (seq, text) = (push.seq(), push.text("text"));
        let Some(room) = ROOMS.iter().position(|room| push["room"] == *room) else {
            return self.trouble(&format!("a message in no room: {push}"));
        };
        if seq <= self.cursors[room] {
            let before = self.cursors[room];
            self.trouble(&format!("{} #{seq} came after #{before}", ROOMS[room]));
        }
        self.cursors[room] = seq;
        match number_of(text) {
            Some(message) => self.saw(room, seq, message),
            None => self.trouble(&format!("nobody said this: {push}")),
        }
    }

    fn saw(&mut self, room: usize, seq: u64, message: u64) {
        let seen = &mut self.notes.seen[room];
        let at = seq as usize - 1;
        if seen.len() <= at {
            seen.resize(at + 1, 0);
        }
        let before = std::mem::replace(&mut seen[at], message);
        if before != 0 && before != message {
            let room = ROOMS[room];
            self.trouble(&format!("{room} #{seq} was {before:x} and is {message:x}"));
        }
    }

    fn has_seen_all(&self) -> bool {
        let heads = self.heads.unwrap_or_default();
        (self.notes.seen.iter().zip(heads))
            .all(|(seen, head)| seen.len() as u64 >= head && !seen.contains(&0))
    }

    fn trouble(&mut self, what: &str) {
        let who = self.notes.number;
        self.notes.troubles.push(format!("member {who}: {what}"));
    }
}
