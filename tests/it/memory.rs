//! What was a secret is gone from the memory of the programs once it was used: looked for there, byte by byte, as a core
//! dump or a swapped-out page would show it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Daemon, Heard, Person, Talker, ask, refused, skipped};

/// How long a program may take to let go of what it has used.
const WIPED_WITHIN: Duration = Duration::from_secs(5);
const PAGE_BYTES: usize = 4_096;

/// The writable memory of a process, page by page, without those that nothing was ever written to.
struct Memory {
    file: File,
    maps: String,
}

impl Memory {
    /// Of a process that a test has started; `None` where the system lets nobody look.
    fn of(pid: u32) -> Option<Self> {
        let folder = format!("/proc/{pid}");
        let file = File::open(format!("{folder}/mem")).ok()?;
        let maps = fs::read_to_string(format!("{folder}/maps")).ok()?;
        Some(Self { file, maps })
    }

    /// Where pieces of secrets lie, with the kind of memory and what is around them.
    fn places(&self, pieces: &[Piece]) -> Vec<String> {
        let writable = self.maps.lines().filter(|line| line.contains(" rw"));
        writable
            .flat_map(|line| self.places_in(line, pieces))
            .take(20)
            .collect()
    }

    fn places_in(&self, line: &str, pieces: &[Piece]) -> Vec<String> {
        let (range, rest) = line.split_once(' ').expect("a range of addresses");
        let kind = rest.split_whitespace().nth(4).unwrap_or("mapped");
        let (begin, end) = range.split_once('-').expect("two addresses");
        let [begin, end] = [begin, end].map(|at| u64::from_str_radix(at, 16).expect("a number"));
        let mut beginnings = [false; 256];
        for piece in pieces {
            beginnings[usize::from(piece.bytes[0])] = true;
        }
        let longest = pieces.iter().map(|piece| piece.bytes.len()).max();
        let longest = longest.expect("something is looked for");
        let (mut page, mut before) = ([0; PAGE_BYTES], Vec::new());
        let mut places = Vec::new();
        for at in (begin..end).step_by(PAGE_BYTES) {
            // What cannot be read, such as a page of a device, holds nothing of ours.
            if self.file.read_exact_at(&mut page, at).is_err() || page == [0; PAGE_BYTES] {
                before.clear();
                continue;
            }
            // What lies across two pages is found in the second one.
            before.extend_from_slice(&page);
            for (place, byte) in before.iter().enumerate() {
                if !beginnings[usize::from(*byte)] {
                    continue;
                }
                for piece in pieces {
                    if before[place..].starts_with(&piece.bytes) {
                        let around = place.saturating_sub(48)..before.len().min(place + 96);
                        let around = before[around].escape_ascii();
                        places.push(format!("{}: {kind} {at:x}: {around}", piece.of));
                    }
                }
            }
            before.drain(..before.len() - (longest - 1));
        }
        places
    }
}

/// A piece of something.
struct Piece {
    of: &'static str,
    bytes: Vec<u8>,
}

/// The end of a secret, and what is before it: the allocator itself writes over the beginning of what was let go.
fn pieces(of: &'static str, secret: &[u8]) -> [Piece; 2] {
    let middle = secret.len() / 2;
    let pieces = [&secret[middle..], &secret[middle - 4..middle + 6]];
    pieces.map(|bytes| Piece {
        of,
        bytes: bytes.to_vec(),
    })
}

/// Makes sure that none of these is anywhere in the memory of a process, and that something else is: so the search finds.
#[track_caller]
fn forgets(pid: u32, known: &str, secrets: &[Piece]) {
    let Some(memory) = Memory::of(pid) else {
        return skipped("the memory of a program", "the system lets nobody look");
    };
    let known = Piece {
        of: "what is known",
        bytes: known.into(),
    };
    assert!(
        !memory.places(&[known]).is_empty(),
        "the search finds nothing at all"
    );
    let began = Instant::now();
    loop {
        let found = Memory::of(pid).expect("it runs").places(secrets);
        if found.is_empty() {
            return;
        }
        let found = found.join("\n");
        assert!(began.elapsed() < WIPED_WITHIN, "still in memory\n{found}");
    }
}

/// A secret with a sign of its own; what is looked for is that and what letters around it cannot change.
fn secret(number: u32) -> String {
    format!("q{number}Wx-zEbU-{number}-е\u{308}жик-gnU{number}-oKaPi-{number}")
}

/// Passwords and tokens of people in the daemon: registering, logging in, wrong ones, changing them; cut in pieces, with
/// escapes, many in one write; in the clear and over TLS.
#[test]
fn the_daemon_forgets_what_people_say() {
    let daemon = Daemon::start();
    let secrets: Vec<_> = (100..120).map(secret).collect();
    let mut secrets_used = secrets.iter();
    let mut next = || secrets_used.next().expect("there are enough").as_str();
    let mut tokens = Vec::new();
    for is_secure in [false, true] {
        let connect = || match is_secure {
            true => daemon.greet_secure(),
            false => daemon.greet(),
        };
        let name = format!("Zebulon-{is_secure}");
        let (first, second) = (next(), next());
        let mut zebulon = connect();
        let welcome = ask!(zebulon, "register", name: name, password: first).must_be("welcome");
        tokens.push(welcome.text("token").to_owned());
        refused!("bad-credentials": connect(), "login", name: name, password: next());
        refused!("bad-credentials": connect(), "login", name: "nobody", password: next());
        let mut cut = connect();
        let welcome = in_pieces(
            &mut cut,
            &json!({"type": "login", "name": name, "password": first}),
        );
        tokens.push(welcome.text("token").to_owned());
        ask!(zebulon, "password", old: first, new: second).must_be("ok");
        refused!("bad-credentials": zebulon, "password", old: next(), new: next());
        let escaped: String = second.chars().map(escape).collect();
        let mut other = connect();
        other.raw_frame(
            format!(r#"{{"type":"login","name":"{name}","password":"{escaped}","id":"x"}}"#)
                .as_bytes(),
        );
        let welcome = other.push_where("a welcome", |push| {
            push["re"] == "x" && push["type"] == "welcome"
        });
        tokens.push(welcome.text("token").to_owned());
        let mut back = connect();
        back.resume(welcome.text("token"), &[]);
        ask!(back, "logout").must_be("ok");
        refused!("weak-password": connect(), "register", name: "shorty", password: &next()[..5]);
    }
    let mut all = Vec::new();
    for secret in &secrets {
        for text in [secret.clone(), secret.to_lowercase()] {
            all.extend(pieces("a password", text.as_bytes()));
        }
    }
    for token in &tokens {
        let bytes = URL_SAFE_NO_PAD.decode(&token[3..]).expect("a token");
        all.extend(pieces("a token", token.as_bytes()));
        all.extend(pieces("the bytes of a token", &bytes));
    }
    forgets(daemon.pid(), "Zebulon-true", &all);
}

/// What a library copies while it reads, such as a text whose escapes it undoes, is wiped with all that is let go: many
/// passwords of many lengths, none of which is used for anything.
#[test]
fn the_daemon_forgets_what_was_never_used() {
    let daemon = Daemon::start();
    let mut connections = Vec::new();
    let mut all = Vec::new();
    for number in 400..440 {
        let mut talker = match number % 2 {
            0 => daemon.greet(),
            _ => daemon.greet_secure(),
        };
        let password = secret(number) + &"!".repeat(number as usize - 400);
        let escaped: String = password.chars().map(escape).collect();
        talker.raw_frame(
            format!(r#"{{"type":"register","name":"no name","password":"{escaped}","id":"x"}}"#)
                .as_bytes(),
        );
        let answer = talker.push_where("an answer", |push| push["re"] == "x");
        assert_eq!(answer.code(), "bad-name");
        connections.push(talker);
        let [end, _] = pieces("a password", secret(number).as_bytes());
        all.push(end);
    }
    forgets(daemon.pid(), "serving", &all);
}

fn escape(character: char) -> String {
    format!("\\u{:04x}", u32::from(character))
}

/// Sends a request byte by byte.
#[track_caller]
fn in_pieces(talker: &mut Talker, request: &Value) -> Value {
    let mut request = request.clone();
    request["id"] = json!("in pieces");
    let text = request.to_string();
    let length = u32::try_from(text.len()).expect("a frame");
    for byte in [&length.to_be_bytes(), text.as_bytes()].concat() {
        talker.raw(&[byte]);
    }
    talker.push_where("the answer", |push| push["re"] == "in pieces")
}

/// Passwords and keys that the admin gives, and the key that lies in the state folder: what is derived from it is enough.
/// (The certificate's key is in use as long as the daemon runs.)
#[test]
fn the_daemon_forgets_what_the_admin_gives() {
    let mut daemon = Daemon::prepare("", &[]);
    let [first, added, set] = [200, 201, 202].map(secret);
    daemon.give_credential("chatd.first-admin", format!("zebulon\n{first}\n"));
    daemon.launch();
    daemon
        .ctl_with(&["user", "add", "yolanda"], &format!("{added}\n"))
        .done();
    daemon
        .ctl_with(&["user", "passwd", "zebulon"], &format!("{set}\n"))
        .done();
    let key: Vec<u8> = (0..32).map(|at| 77 + 5 * at).collect();
    let key_text = STANDARD.encode(&key);
    let file = daemon.folder().join("new-key");
    fs::write(&file, &key_text).expect("the folder is ours");
    let file = file.to_str().expect("it is UTF-8");
    daemon.ctl(&["rekey", "--yes", "--key-file", file]).done();
    daemon.ctl(&["rekey", "--yes"]).done();
    let random = fs::read(daemon.state().join("identity.key")).expect("a key");
    let mut all: Vec<_> = [&first, &added, &set]
        .iter()
        .flat_map(|secret| pieces("a password", secret.as_bytes()))
        .collect();
    all.extend(pieces("a key", &key));
    all.extend(pieces("a key", key_text.as_bytes()));
    all.extend(pieces("the key in force", &random));
    forgets(daemon.pid(), "zebulon", &all);
    daemon.restart();
    forgets(daemon.pid(), "zebulon", &all);
}

/// chat-client, once the login is through: a password that was typed. (One in the environment stays there, as for every
/// program, and the token is needed to come back.)
#[test]
fn the_client_forgets_the_password() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    let password = secret(300);
    ask!(daemon.greet(), "register", name: "zebulon", password: password).must_be("welcome");
    let zebulon = Person::new(&daemon, "zebulon").without("CHAT_PASSWORD");
    let mut terminal = zebulon.terminal(&["--plain"]);
    terminal.sees("assword");
    terminal.types_hidden(&password);
    terminal.sees("lobby");
    terminal.types("hello at last");
    boris.hears("lobby", 1, "zebulon", "hello at last");
    forgets(
        zebulon.pid(),
        "hello at last",
        &pieces("a password", password.as_bytes()),
    );
    terminal.types("/quit");
    assert_eq!(terminal.ends().0, 0);
}
