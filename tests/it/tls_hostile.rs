//! Attacks on TLS after and in the middle of the handshake: floods of records that say nothing, a second handshake, words
//! before the first one is through, and peers that are gone at every step.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, SupportedProtocolVersion};
use socket2::SockRef;

use crate::support::records::{ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, KEY_UPDATE, Records, WORDS};
use crate::support::tls::{client, usual_client};
use crate::support::{Daemon, Heard, PATIENCE, Talker, ask, request, undisturbed, until};

/// Alerts: how bad, and what.
const WARNING: u8 = 1;
const FATAL: u8 = 2;
const UNEXPECTED_MESSAGE: u8 = 10;
const BAD_RECORD_MAC: u8 = 20;
const RECORD_OVERFLOW: u8 = 22;
const USER_CANCELED: u8 = 90;
const NO_RENEGOTIATION: u8 = 100;

fn records(daemon: &Daemon, version: &'static SupportedProtocolVersion) -> Records {
    Records::begin(&daemon.connect(), version)
}

/// Whether a request is still answered on the connection.
#[track_caller]
fn answers(peer: &mut Records) {
    peer.say(&request!("echo", text: "still there?"));
    let (kind, words) = peer.hear().expect("an answer");
    let text = String::from_utf8_lossy(&words);
    assert!(
        kind == WORDS && text.contains("still there?"),
        "{kind}: {text}"
    );
}

/// Sends so many records at once, the last of them one too many; the server ends the connection, perhaps with an alert.
#[track_caller]
fn end_after(
    mut peer: Records,
    count: usize,
    mut next: impl FnMut(&mut Records) -> Vec<u8>,
) -> Option<[u8; 2]> {
    let flood: Vec<_> = (0..count).flat_map(|_| next(&mut peer)).collect();
    peer.send(&flood).expect("they fit");
    peer.hear_alert()
}

/// Records without a word, warnings, new keys: a few are borne, then the connection is over.
#[test]
fn records_that_say_nothing() {
    undisturbed("", |daemon| {
        let cancel = [WARNING, USER_CANCELED];
        for version in [&TLS13, &TLS12] {
            let mut patient = records(daemon, version);
            for _ in 0..4 {
                let few: Vec<_> = (0..8).flat_map(|_| patient.seal(WORDS, b"")).collect();
                patient.send(&few).expect("they fit");
                let warning = patient.seal(ALERT, &cancel);
                patient.send(&warning).expect("it fits");
                answers(&mut patient);
            }
            let peer = || records(daemon, version);
            assert_eq!(end_after(peer(), 33, |peer| peer.seal(WORDS, b"")), None);
            assert_eq!(end_after(peer(), 5, |peer| peer.seal(ALERT, &cancel)), None);
        }
        let mut patient = records(daemon, &TLS13);
        let few: Vec<_> = (0..32)
            .flat_map(|_| patient.seal_key_update(false))
            .collect();
        patient.send(&few).expect("they fit");
        answers(&mut patient);
        let end = end_after(records(daemon, &TLS13), 33, |peer| {
            peer.seal_key_update(true)
        });
        assert_eq!(end, None);
    });
}

/// What cannot be a record, or not here, ends the connection at once, and the server says why.
#[test]
fn records_that_cannot_be() {
    undisturbed("", |daemon| {
        let fatal = |what| Some([FATAL, what]);
        for version in [&TLS13, &TLS12] {
            let peer = || records(daemon, version);
            let broken = |peer: &mut Records| {
                let mut record = peer.seal(WORDS, b"words");
                *record.last_mut().expect("a seal") ^= 1;
                record
            };
            assert_eq!(end_after(peer(), 1, broken), fatal(BAD_RECORD_MAC));
            let long = vec![b'x'; 16_385];
            let end = end_after(peer(), 1, |peer| peer.seal(WORDS, &long));
            assert_eq!(end, fatal(RECORD_OVERFLOW));
        }
        let peer = || records(daemon, &TLS13);
        let twice = KEY_UPDATE.repeat(2);
        let end = end_after(peer(), 1, |peer| peer.seal(HANDSHAKE, &twice));
        assert_eq!(end, fatal(UNEXPECTED_MESSAGE), "two keys in a record");
        let late = [CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1];
        let end = end_after(peer(), 1, |_| late.to_vec());
        assert_eq!(
            end,
            fatal(UNEXPECTED_MESSAGE),
            "a message of the handshake, afterwards"
        );
    });
}

/// New keys with empty records in between are within what TLS allows, and each costs the server a little: whoever sends as
/// many as they can does not hold up the others.
#[test]
fn new_keys_without_end_hold_up_nobody() {
    const PAIRS: usize = 20_000;
    undisturbed("", |daemon| {
        let mut peer = records(daemon, &TLS13);
        let flood: Vec<_> = (0..PAIRS)
            .flat_map(|_| [peer.seal_key_update(true), peer.seal(WORDS, b"")].concat())
            .collect();
        let mut anna = daemon.register("anna");
        let busy = std::thread::spawn(move || {
            peer.send(&flood).expect("the server reads");
            peer
        });
        let mut slowest = Duration::ZERO;
        while !busy.is_finished() {
            let began = Instant::now();
            ask!(anna, "echo", text: "and me?").must_be("echo");
            slowest = slowest.max(began.elapsed());
        }
        println!("while keys changed {PAIRS} times, a round trip took {slowest:?} at most");
        assert!(slowest < PATIENCE / 10, "{slowest:?} for a round trip");
        // Asked so often to change its own key, it has done so once, when it had something to say again.
        let mut peer = busy.join().expect("it was sent");
        peer.say(&request!("echo", text: "still there?"));
        assert_eq!(peer.hear(), Some((HANDSHAKE, KEY_UPDATE.to_vec())));
    });
}

/// TLS 1.2 lets a client ask for another handshake. It is told no; who insists is told good-bye.
#[test]
fn no_second_handshake() {
    undisturbed("", |daemon| {
        let hello = |peer: &mut Records| {
            let name = "localhost".try_into().expect("a name");
            let mut tls =
                ClientConnection::new(client(&TLS12, &["chat/1"]), name).expect("a client");
            let mut hello = Vec::new();
            tls.write_tls(&mut hello).expect("it fits");
            let record = peer.seal(HANDSHAKE, &hello[5..]);
            peer.send(&record).expect("the server reads");
        };
        let mut peer = records(daemon, &TLS12);
        hello(&mut peer);
        assert_eq!(peer.hear_alert(), Some([WARNING, NO_RENEGOTIATION]));
        answers(&mut peer);
        hello(&mut peer);
        assert_eq!(peer.hear(), None);
    });
}

/// Nothing is taken before hands are shaken: no ticket allows it, and what is sent all the same is thrown away, not kept,
/// and not for ever.
#[test]
fn no_words_before_the_handshake() {
    undisturbed("[limits]\nlogin_seconds = 5", |daemon| {
        let mut eager = ClientConfig::clone(&usual_client());
        eager.enable_early_data = true;
        let eager = Arc::new(eager);
        daemon.connect().secure(Arc::clone(&eager)).hello();
        let name = "localhost".try_into().expect("a name");
        let mut tls = ClientConnection::new(eager, name).expect("a client");
        assert!(
            tls.early_data().is_none(),
            "the ticket allows words before the handshake"
        );

        // A client that asks for it nevertheless: an extension (42) more at the head of them.
        let mut hello = Vec::new();
        tls.write_tls(&mut hello).expect("it fits");
        let session = 5 + 4 + 2 + 32;
        let ciphers = session + 1 + usize::from(hello[session]);
        let extensions =
            ciphers + 2 + usize::from(u16::from_be_bytes([hello[ciphers], hello[ciphers + 1]])) + 2;
        hello.splice(extensions + 2..extensions + 2, [0, 42, 0, 0]);
        for (at, width) in [(3, 2), (6, 3), (extensions, 2)] {
            let number = hello[at..at + width]
                .iter()
                .fold(0_usize, |all, byte| all << 8 | usize::from(*byte));
            hello[at..at + width].copy_from_slice(&(number + 4).to_be_bytes()[8 - width..]);
        }
        let mut socket = daemon
            .connect()
            .stream()
            .try_clone()
            .expect("a second handle");
        socket.write_all(&hello).expect("the server reads");
        let early = [&[WORDS, 3, 3, 0x10, 0][..], &[7; 0x1000]].concat();
        let taken = (0..10_000)
            .take_while(|_| socket.write_all(&early).is_ok())
            .count();
        assert!(taken < 10_000, "{taken} records of nonsense were read");
        let _ = socket.read_to_end(&mut Vec::new());
    });
}

/// Somebody who is told good-bye over TLS and talks on is not cut off before they could have read it.
#[test]
fn a_good_bye_to_one_who_talks_on() {
    undisturbed("", |daemon| {
        for version in [&TLS13, &TLS12] {
            let mut rude = daemon.connect().secure(client(version, &["chat/1"]));
            rude.hello();
            rude.raw(&[0; 4]);
            for _ in 0..60 {
                rude.raw(&[b'x'; 16_000]);
            }
            let said = rude.expect_closed();
            assert_eq!(said.last().expect("an error").code(), "bad-frame");
        }
    });
}

/// How far somebody goes before they are gone.
const STEPS: usize = 12;

/// Goes so many steps and then cuts the line: the kernel sends a reset.
fn reset_after(daemon: &Daemon, step: usize, version: &'static SupportedProtocolVersion) {
    let talker = daemon.connect();
    let mut socket = talker.stream().try_clone().expect("a second handle");
    SockRef::from(&socket)
        .set_linger(Some(Duration::ZERO))
        .expect("a TCP socket");
    // Whatever fails from here on: the server may hang up first.
    let _ = go(talker, &mut socket, step, version);
}

fn go(
    mut talker: Talker,
    socket: &mut TcpStream,
    step: usize,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<()> {
    let name = "localhost".try_into().expect("a name");
    let mut tls = ClientConnection::new(client(version, &["chat/1"]), name).expect("a client");
    let mut hello = Vec::new();
    tls.write_tls(&mut hello)?;
    let half = hello.len() / 2;
    match step {
        0 => return Ok(()),
        1 => return socket.write_all(&hello[..1]),
        2 => return socket.write_all(&hello[..half]),
        _ => socket.write_all(&hello)?,
    }
    match step {
        3 => return Ok(()),
        // In the middle of what the server says.
        4 => return socket.read_exact(&mut [0; 5]),
        5 => return socket.read_exact(&mut [0; 90]),
        _ => {}
    }
    while !tls.wants_write() {
        tls.read_tls(socket)?;
        tls.process_new_packets().map_err(std::io::Error::other)?;
    }
    let mut answer = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut answer)?;
    }
    match step {
        6 => return Ok(()),
        7 => return socket.write_all(&answer[..answer.len() / 2]),
        8 => return socket.write_all(&answer),
        _ => drop(tls),
    }
    // Those who are through with it begin anew, on a line of the same kind.
    let address = socket.peer_addr()?;
    drop(talker);
    talker = Talker::connect(address);
    SockRef::from(talker.stream()).set_linger(Some(Duration::ZERO))?;
    talker = talker.secure(client(version, &["chat/1"]));
    match step {
        9 => return Ok(()),
        10 => return talker.try_raw(&[0, 0, 1, 0, b'{']),
        _ => talker.hello(),
    };
    // An answer on its way.
    talker.try_raw(b"\0\0\0\x1d{\"type\":\"echo\",\"text\":\"hey\"}")
}

/// Two hundred times at every step: nothing is left of them.
#[test]
fn a_reset_at_every_step() {
    undisturbed("", |daemon| {
        let connections = || {
            daemon.ctl_json(&["status"])["connections"]
                .as_u64()
                .expect("a number")
        };
        let open_files = || {
            let files = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).expect("it runs");
            files.count()
        };
        let before = (connections(), open_files());
        for round in 0..200 {
            for step in 0..STEPS {
                reset_after(daemon, step, [&TLS13, &TLS12][round % 2]);
            }
        }
        until("they are all gone", || {
            ((connections(), open_files()) == before).then_some(())
        });
        let log = daemon.log();
        assert!(!log.contains(" WARN ") && !log.contains(" ERROR "), "{log}");
    });
}
