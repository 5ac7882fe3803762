//! Valid conversations with bits flipped, bytes lost, doubled and mixed up, thrown at every port of a daemon while people
//! talk on it: whatever that makes, nobody else notices.
//!
//! Nothing here knows the grammar of what it breaks. Each run has another seed, which a failed one prints;
//! `CHATD_FLIPPER=SEED,COUNT` repeats it, or makes a longer one.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use serde_json::Value;

use crate::support::{Daemon, Heard, PASSWORD, PATIENCE, Secure, Talker, request, tls, until};

/// Enough for every kind of damage to every conversation, in a few seconds.
const COUNT: u64 = 600;
/// After so many throws somebody says something.
const WORD_EVERY: u64 = 8;
/// What all this may cost the daemon in memory for good: caches of the store and of the allocator.
const GROWTH_KIB: u64 = 64 * 1024;

/// Through which door bytes are thrown.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Door {
    Clear,
    /// As they are, where TLS is expected.
    Handshake,
    /// Within a TLS connection that stands.
    Secure,
    Control,
}

/// Bytes that were valid once.
struct Conversation {
    door: Door,
    bytes: Vec<u8>,
}

/// Splitmix64.
struct Chance(u64);

impl Chance {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        self.word() as usize % end.max(1)
    }

    /// A part of so many bytes; mostly a short one.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let begin = self.below(length + 1);
        let most = [1, 8, 64, length][self.below(4)];
        begin..length.min(begin + self.below(most + 1))
    }
}

#[test]
fn whatever_is_thrown_at_the_ports_nobody_else_notices() {
    let (seed, count) = wanted();
    // Shown when the test fails.
    eprintln!("repeat with CHATD_FLIPPER={seed},{count}");
    let daemon = Daemon::start();
    let mut wim = daemon.register("wim");
    let mut witness = daemon.register("xena");
    let mut thrower = Thrower {
        daemon: &daemon,
        token: daemon.register("mallory").token.clone(),
        thrown: 0,
    };
    let all = conversations(&thrower.token);
    all.iter().for_each(|whole| thrower.is_understood(whole));
    let (pid, memory) = (daemon.pid(), daemon.memory_kib());
    let (descriptors, connections) = (descriptors(pid), connections(&daemon));

    let mut chance = Chance(seed);
    let (mut said, mut heard) = (0, 0);
    for round in 0..count {
        let whole = &all[chance.below(all.len())];
        let bytes = damaged(whole, &all, &mut chance);
        thrower.throw(whole.door, &bytes, &mut chance);
        if round % WORD_EVERY == 0 {
            said += 1;
            wim.say("lobby", &format!("word {said}"));
            heard += hear(&mut witness, heard);
        }
    }
    while heard < said {
        heard += hear(&mut witness, heard);
    }
    assert_eq!(daemon.pid(), pid);
    daemon.still_serves();
    until("all descriptors and connections are given back", || {
        let now = (self::descriptors(pid), self::connections(&daemon));
        (now <= (descriptors, connections)).then_some(())
    });
    let grown = daemon.memory_kib().saturating_sub(memory);
    assert!(grown < GROWTH_KIB, "memory has grown by {grown} KiB");
    let log = daemon.whole_log();
    let bad = log
        .lines()
        .find(|line| line.contains(" ERROR ") || line.contains("panic"));
    assert_eq!(bad, None);
}

/// The seed and how many throws.
fn wanted() -> (u64, u64) {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let any = since_1970.map_or(0, |since| u64::from(since.subsec_nanos()));
    let Ok(said) = std::env::var("CHATD_FLIPPER") else {
        return (any, COUNT);
    };
    let numbers = said
        .split_once(',')
        .map(|(seed, count)| (seed.parse(), count.parse()));
    match numbers {
        Some((Ok(seed), Ok(count))) => (seed, count),
        _ => panic!("CHATD_FLIPPER='{said}' is not SEED,COUNT"),
    }
}

/// How many of wim's words the witness hears next: one, and it is the one that is due.
fn hear(witness: &mut Talker, heard: u64) -> u64 {
    let word = witness.push_where("a word of wim's", |push| {
        push["type"] == "message" && push["from"] == "wim"
    });
    assert_eq!(word.text("text"), format!("word {}", heard + 1));
    1
}

fn descriptors(pid: u32) -> usize {
    let folder = std::fs::read_dir(format!("/proc/{pid}/fd"));
    folder.expect("it runs").count()
}

fn connections(daemon: &Daemon) -> u64 {
    daemon.ctl_json(&["status"])["connections"]
        .as_u64()
        .expect("a number")
}

fn frame(json: &Value) -> Vec<u8> {
    let json = json.to_string();
    [&(json.len() as u32).to_be_bytes(), json.as_bytes()].concat()
}

/// What clients and admins say, all of it in order.
fn conversations(token: &str) -> Vec<Conversation> {
    let hello = request!("hello", protocol: 1, client: "flipper/1");
    let at_home = [
        hello.clone(),
        request!("resume", token: token),
        request!("join", room: "lobby"),
        request!("send", to: "lobby", text: "tea is ready", key: "k1"),
        request!("send", to: "@wim", text: "чай готов", kind: "action"),
        request!("search", text: "tea \"re-read\" NEAR(x) wor*", room: "lobby", limit: 7),
        request!("history", room: "lobby", before: 9, limit: 3),
        request!("who", room: "lobby"),
        request!("rooms"),
        request!("read", room: "lobby", seq: 2),
        request!("typing", to: "lobby"),
        request!("topic", room: "lobby", topic: "tea"),
        request!("echo", text: "\u{1f469}\u{200d}\u{1f680}"),
        request!("ping", data: "x"),
    ];
    let at_the_door = [
        hello,
        request!("login", name: "mallory", password: PASSWORD, device: "flipper"),
        request!("logout"),
    ];
    let frames = |requests: &[Value]| requests.iter().flat_map(frame).collect::<Vec<u8>>();
    let call = |method: &str, parameters: Value| {
        let more = method == "FollowLog";
        let call = serde_json::json!({ "method": format!("io.chatd.Control.{method}"), "parameters": parameters, "more": more });
        [call.to_string().as_bytes(), b"\0"].concat()
    };
    let nothing = || serde_json::json!({});
    let calls = [
        call("Status", nothing()),
        call("GetVersion", nothing()),
        call("ListUsers", nothing()),
        call("ListSessions", serde_json::json!({ "user": "mallory" })),
        call("ListConnected", nothing()),
        call("ListRooms", nothing()),
        call(
            "Kick",
            serde_json::json!({ "user": "mallory", "reason": "tea" }),
        ),
        call("Announce", serde_json::json!({ "text": "tea\u{1b}[2J" })),
        call("ShowLog", serde_json::json!({ "lines": 3 })),
        call("FollowLog", serde_json::json!({ "lines": 1 })),
    ];
    let conversation = |door, bytes| Conversation { door, bytes };
    vec![
        conversation(Door::Clear, frames(&at_home)),
        conversation(Door::Clear, frames(&at_the_door)),
        conversation(Door::Secure, frames(&at_home)),
        conversation(Door::Handshake, first_flight()),
        conversation(Door::Control, calls.concat()),
    ]
}

/// What a client of TLS says first.
fn first_flight() -> Vec<u8> {
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client = ClientConnection::new(tls::usual_client(), name).expect("a configuration");
    let mut flight = Vec::new();
    client.write_tls(&mut flight).expect("room for it");
    flight
}

/// The conversation with one to six things done to it.
fn damaged(whole: &Conversation, all: &[Conversation], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = whole.bytes.clone();
    for _ in 0..=chance.below(6) {
        let length = bytes.len();
        let range = chance.range(length);
        match chance.below(8) {
            0 if length > 0 => bytes[chance.below(length)] ^= 1 << chance.below(8),
            1 if length > 0 => bytes[chance.below(length)] = chance.word() as u8,
            2 => drop(bytes.drain(range)),
            3 => bytes = [&bytes[..range.end], &bytes[range.start..]].concat(),
            4 => bytes.truncate(range.start),
            5 => bytes[range].fill(chance.word() as u8),
            6 => {
                let other = &all[chance.below(all.len())].bytes;
                let part = chance.range(other.len());
                bytes.splice(range, other[part].iter().copied());
            }
            _ => {
                let noise: Vec<u8> = (0..range.len()).map(|_| chance.word() as u8).collect();
                bytes.splice(range.start..range.start, noise);
            }
        }
    }
    bytes
}

struct Thrower<'a> {
    daemon: &'a Daemon,
    token: String,
    thrown: u32,
}

impl Thrower<'_> {
    /// A connection through the door, from an address of its own: it is many strangers who do this, not one.
    fn connect(&mut self, door: Door) -> TcpStream {
        self.thrown += 1;
        let stream = match door {
            Door::Control => {
                let stream = UnixStream::connect(self.daemon.control()).expect("it serves");
                // Reading and writing are the same for every stream.
                TcpStream::from(OwnedFd::from(stream))
            }
            _ => {
                let [_, high, middle, low] = self.thrown.to_be_bytes();
                let from = SocketAddr::from(([127, 255 - high % 2, middle, low], 0));
                let socket =
                    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
                let socket = socket.expect("a socket");
                socket.bind(&from.into()).expect("all of 127 is ours");
                let to = self.daemon.address().into();
                socket.connect_timeout(&to, PATIENCE).expect("it serves");
                socket.into()
            }
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        stream
    }

    /// Says the bytes in one to three parts and goes, in one way or another.
    fn throw(&mut self, door: Door, bytes: &[u8], chance: &mut Chance) {
        let mut stream = self.connect(door);
        let mut secure = (door == Door::Secure).then(|| {
            let socket = stream.try_clone().expect("a second handle");
            Secure::shake_hands(socket, tls::usual_client()).expect("hands are shaken")
        });
        let (first, rest) = bytes.split_at(chance.below(bytes.len() + 1));
        let (second, third) = rest.split_at(chance.below(rest.len() + 1));
        for part in [first, second, third] {
            // Whoever is no longer listened to has been told why.
            let _ = match &mut secure {
                None => stream.write_all(part),
                Some(secure) => secure.write(part),
            };
        }
        match chance.below(4) {
            // A reset.
            0 => {
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            }
            1 => {}
            _ => {
                let _ = stream.shutdown(Shutdown::Write);
                ends(&mut stream);
            }
        }
    }

    /// Makes sure that the conversation is a valid one before anything is done to it: all of it is answered, none of it
    /// with a mistake.
    fn is_understood(&mut self, whole: &Conversation) {
        let mut stream = self.connect(whole.door);
        let answers = match whole.door {
            Door::Secure => {
                let socket = stream.try_clone().expect("a second handle");
                let mut secure =
                    Secure::shake_hands(socket, tls::usual_client()).expect("hands are shaken");
                secure.write(&whole.bytes).expect("it is read");
                let mut bytes = vec![0; 256];
                let length = secure.read(&mut bytes).expect("an answer");
                bytes.truncate(length);
                bytes
            }
            _ => {
                stream.write_all(&whole.bytes).expect("it is read");
                stream.shutdown(Shutdown::Write).expect("it is open");
                ends(&mut stream)
            }
        };
        let text = String::from_utf8_lossy(&answers);
        let says = match whole.door {
            Door::Control => "\"version\"",
            Door::Handshake => "\u{16}\u{3}\u{3}",
            _ => "\"type\":\"hello\"",
        };
        assert!(text.contains(says), "{:?}: {text}", whole.door);
        assert!(!text.contains("bad-"), "{:?}: {text}", whole.door);
    }
}

/// Reads to the end, which comes soon after nothing more is said. Gives back what was said to the last.
fn ends(stream: &mut TcpStream) -> Vec<u8> {
    let mut answers = Vec::new();
    match stream.read_to_end(&mut answers) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            ) =>
        {
            panic!("the connection does not end")
        }
        _ => answers,
    }
}
