//! TLS as the server does it: on the same port, told by its first byte, with old and new clients and those of others; and
//! whatever strangers send instead of a handshake.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustls::version::{TLS12, TLS13};

use crate::support::tls::{client, reachable_address, usual_client};
use crate::support::{
    Daemon, Heard, PATIENCE, Process, Secure, Talker, UNHURRIED, View, ask, request, run,
    undisturbed,
};

/// The alerts of TLS that are met here.
const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// Connects, says this and reads to the end; gives back the alert with which the server answered, if it did.
#[track_caller]
fn alert_after(daemon: &Daemon, bytes: &[u8]) -> Option<u8> {
    let mut talker = daemon.connect();
    talker.raw(bytes);
    let mut said = Vec::new();
    let _ = talker.stream().read_to_end(&mut said);
    match said[..] {
        [] => None,
        [0x15, 3, _, 0, 2, 2, alert] => Some(alert),
        _ => panic!("neither an end nor an alert: {said:02x?}"),
    }
}

/// How a client begins that speaks TLS up to this version and knows these ciphers, written by hand.
fn hello(version: u16, ciphers: &[u16]) -> Vec<u8> {
    let list = |items: &[u16]| -> Vec<u8> {
        let bytes: Vec<u8> = items.iter().flat_map(|item| item.to_be_bytes()).collect();
        [&(bytes.len() as u16).to_be_bytes(), &bytes[..]].concat()
    };
    let extension = |kind: u16, body: &[u8]| {
        [
            &kind.to_be_bytes(),
            &(body.len() as u16).to_be_bytes(),
            body,
        ]
        .concat()
    };
    let groups = extension(10, &list(&[0x001d, 0x0017]));
    let points = extension(11, &[1, 0]);
    let signatures = extension(13, &list(&[0x0403, 0x0804]));
    let extensions = [groups, points, signatures].concat();
    let body = [
        &version.to_be_bytes()[..],
        &[7; 32],
        &[0],
        &list(ciphers),
        &[1, 0],
        &(extensions.len() as u16).to_be_bytes(),
        &extensions,
    ]
    .concat();
    let length = body.len() as u32 + 4;
    [
        &[0x16, 3, 1][..],
        &(length as u16).to_be_bytes(),
        &[1],
        &(length - 4).to_be_bytes()[1..],
        &body,
    ]
    .concat()
}

/// Two talk with each other, one over TLS 1.3, one over 1.2, and with a third who speaks in the clear, all on one port.
#[test]
fn everyone_talks_with_everyone() {
    let daemon = Daemon::start();
    let mut anna = daemon.greet_secure();
    anna.register("anna");
    let mut boris = daemon.connect().secure(client(&TLS12, &["chat/1"]));
    boris.hello();
    boris.register("boris");
    let mut vera = daemon.register("vera");

    let tls = &anna.security().tls;
    assert_eq!(
        tls.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_3)
    );
    assert_eq!(tls.alpn_protocol(), Some(&b"chat/1"[..]));
    let group = tls.negotiated_key_exchange_group().expect("there is one");
    assert_eq!(group.name(), rustls::NamedGroup::X25519MLKEM768);

    for round in 1..=3 {
        let text = format!("round {round}");
        let seq = anna.say("lobby", &text);
        boris.hears("lobby", seq, "anna", &text);
        vera.hears("lobby", seq, "anna", &text);
        let seq = boris.say("lobby", &text);
        anna.hears("lobby", seq, "boris", &text);
        vera.hears("lobby", seq, "boris", &text);
        let seq = vera.say("lobby", &text);
        anna.hears("lobby", seq, "vera", &text);
        boris.hears("lobby", seq, "vera", &text);
    }
}

/// Frames and records have nothing to do with each other: many frames in one record, one frame in many, the longest
/// frames over several, and answers of every length.
#[test]
fn frames_and_records_are_cut_as_they_like() {
    let daemon = Daemon::start();
    let mut anna = daemon.greet_secure();
    anna.register("anna");
    let ids = anna.begin_all((0..300).map(|n| request!("echo", text: "e".repeat(n))));
    for (n, id) in ids.into_iter().enumerate() {
        assert_eq!(anna.answer(id)["text"], "e".repeat(n));
    }
    let request = request!("echo", text: "in pieces", id: 9_000).to_string();
    let bytes = [&(request.len() as u32).to_be_bytes(), request.as_bytes()].concat();
    for byte in bytes {
        anna.raw(&[byte]);
    }
    assert_eq!(anna.next()["text"], "in pieces");
    for n in 0..20 {
        anna.say("lobby", &format!("{n} {}", "я".repeat(4_000)));
    }
    let page = ask!(anna, "history", room: "lobby", limit: 200).must_be("page");
    assert!(page.to_string().len() > 40_000, "a page of several records");
    let padded = request!("ping", data: "the longest", padding: "x".repeat(65_400));
    assert_eq!(anna.request(padded)["data"], "the longest");
}

/// Where others can come from, one speaks TLS or not at all, unless the admin says otherwise.
#[test]
fn in_the_clear_only_on_this_machine() {
    let Some(address) = reachable_address() else {
        eprintln!("SKIPPED: this machine has no address but loopback");
        return;
    };
    let daemon = Daemon::start_with("", &["--listen", &format!("{address}:0")]);
    let mut stranger = daemon.connect();
    stranger.raw_frame(br#"{"type":"hello","protocol":1,"client":"stories/1"}"#);
    let said = stranger.expect_closed();
    assert_eq!(said.last().expect("an error").code(), "forbidden");
    assert!(said[0].text("text").contains("TLS"));
    daemon.greet_secure().register("anna");

    daemon.configure("allow_plaintext = true");
    daemon.ctl(&["reload"]).done();
    daemon.login("anna").say("lobby", "in the clear");
    daemon.configure("");
    daemon.ctl(&["reload"]).done();
    let mut stranger = daemon.connect();
    stranger.raw_frame(b"{}");
    assert_eq!(stranger.expect_closed()[0].code(), "forbidden");
}

/// When the server is full, nothing is said in the clear to those who come with TLS.
#[test]
fn a_full_server_says_nothing_that_cannot_be_understood() {
    let Some(address) = reachable_address() else {
        eprintln!("SKIPPED: this machine has no address but loopback");
        return;
    };
    let config = "[limits]\nconnections = 1";
    let daemon = Daemon::start_with(config, &["--listen", &format!("{address}:0")]);
    let _anna = daemon.greet_secure();
    let boris = daemon.connect();
    let mut said = Vec::new();
    let _ = boris.stream().read_to_end(&mut said);
    assert_eq!(said, b"");
}

/// Whoever speaks an old version, old ciphers or another protocol is told so as TLS does.
#[test]
fn what_is_too_old_or_for_somebody_else() {
    undisturbed("", |daemon| {
        let authenticated = 0xc02b;
        let (with_cbc, with_rsa) = (0xc009, 0x009c);
        for old in [0x0300, 0x0301, 0x0302] {
            let alert = alert_after(daemon, &hello(old, &[authenticated]));
            assert_eq!(alert, Some(PROTOCOL_VERSION), "{old:x}");
        }
        let alert = alert_after(daemon, &hello(0x0303, &[with_cbc, with_rsa]));
        assert_eq!(alert, Some(HANDSHAKE_FAILURE));

        for version in [&TLS13, &TLS12] {
            let socket = daemon.connect();
            let socket = socket.stream().try_clone().expect("a second handle");
            let browser = Secure::shake_hands(socket, client(version, &["h2", "http/1.1"]));
            let error = browser.err().expect("nobody speaks HTTP here").to_string();
            let alert = format!(
                "{:?}",
                rustls::AlertDescription::from(NO_APPLICATION_PROTOCOL)
            );
            assert!(error.contains(&alert), "{error}");
            // Who asks for nothing is taken to mean chat.
            daemon.connect().secure(client(version, &[])).hello();
        }
    });
}

/// OpenSSL, which shares no code with the server, talks with it in both versions, is told the end, and may not
/// renegotiate.
#[test]
fn a_client_of_others() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("SKIPPED: there is no openssl here");
        return;
    }
    undisturbed("[limits]\nlogin_seconds = 3", |daemon| {
        let openssl = |version: &str| {
            let mut command = Command::new("openssl");
            command
                .args(["s_client", "-alpn", "chat/1", version, "-connect"])
                .arg(daemon.address().to_string());
            command
        };
        let hello = request!("hello", protocol: 1, client: "openssl/3").to_string();
        let frame = format!("\0\0\0{}{hello}", hello.len() as u8 as char);
        for version in ["-tls1_3", "-tls1_2"] {
            let output = run(openssl(version).arg("-quiet"), &frame);
            for said in ["\"type\":\"hello\"", "login-timeout"] {
                assert!(output.stdout.contains(said), "{version}: {output:?}");
            }
        }
        let mut renegotiating = Process::start(&mut openssl("-tls1_2"));
        renegotiating.line_with("Verify return code");
        renegotiating.say("R");
        let output = renegotiating.finish();
        assert!(output.stderr.contains("no renegotiation"), "{output:?}");
    });
}

/// A hand that is held out and is none: garbage, lengths that cannot be, records that are none, silence.
#[test]
fn what_only_begins_like_a_handshake() {
    undisturbed("[limits]\nlogin_seconds = 2", |daemon| {
        let good = hello(0x0303, &[0xc02b]);
        let garbage: Vec<u8> = (0..20_000_u32).map(|n| ((n * 7_919) >> 5) as u8).collect();
        let endless = |length: u16| [&[0x16, 3, 1][..], &length.to_be_bytes(), &garbage].concat();
        let record = |length: u16| {
            let head = [0x16, 3, 1, (length >> 8) as u8, length as u8];
            [&head[..], &garbage[..length.into()]].concat()
        };
        let begin = |length| {
            let mut record = record(length);
            record[5..9].copy_from_slice(&[1, 0, 0xff, 0xf0]);
            record
        };
        for bytes in [
            [&[0x16][..], &garbage].concat(),
            endless(0xffff),
            endless(0),
            endless(16_384),
            [&good[..40], &garbage].concat(),
            [&good[..], &garbage].concat(),
            [0x16; 70_000].to_vec(),
            // A message of 65 520 bytes, and a third of it.
            [begin(16_384).as_slice(), &record(16_384)].concat(),
            [
                &[0x16, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff][..],
                &[0x16, 3, 1, 0x40, 0][..],
            ]
            .concat(),
        ] {
            let mut talker = daemon.connect();
            let _ = talker.try_raw(&bytes);
            let mut said = Vec::new();
            let read = talker.stream().read_to_end(&mut said);
            let waited = read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            assert!(!waited && said.len() < 8_192, "{} bytes came", said.len());
        }
        // Half of it, then silence, with and without an end.
        let started = Instant::now();
        let mut halves: Vec<_> = [1, 5, 6, good.len() - 1]
            .map(|cut| {
                let mut talker = daemon.connect();
                talker.raw(&good[..cut]);
                talker
            })
            .into();
        halves[1]
            .stream()
            .shutdown(Shutdown::Write)
            .expect("still open");
        for half in &mut halves {
            let mut said = Vec::new();
            let _ = half.stream().read_to_end(&mut said);
            assert_eq!(said, b"", "who has no key yet cannot be told anything");
        }
        assert!(
            started.elapsed() > Duration::from_millis(1_500),
            "closed before its time"
        );
    });
}

/// A handshake may come byte by byte, but not for ever: it counts towards the time for the login.
#[test]
fn a_handshake_byte_by_byte() {
    undisturbed("[limits]\nlogin_seconds = 3", |daemon| {
        let mut tls =
            rustls::ClientConnection::new(usual_client(), "localhost".try_into().expect("a name"))
                .expect("a configuration");
        let mut hello = Vec::new();
        tls.write_tls(&mut hello).expect("it fits");
        let patient = daemon.connect();
        for byte in &hello {
            (&mut patient.stream())
                .write_all(&[*byte])
                .expect("it is read");
        }
        let mut socket = patient.stream().try_clone().expect("a second handle");
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).expect("hands are shaken");
        }

        let slow = daemon.connect();
        slow.stream()
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("a TCP socket");
        let started = Instant::now();
        let mut bytes = hello.iter();
        // The pace of the bytes is what is shown; the end comes by itself.
        let ended = loop {
            let _ = (&mut slow.stream()).write_all(&[*bytes.next().expect("not so many")]);
            match (&mut slow.stream()).read(&mut [0; 64]) {
                Ok(0) => break true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(_) => break false,
                Err(_) => break true,
            }
            assert!(started.elapsed() < PATIENCE, "never closed");
        };
        assert!(ended && started.elapsed() > Duration::from_millis(2_500));
    });
}

/// The end is said in both directions, and one that is not said is an end all the same.
#[test]
fn the_end_of_a_connection() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.greet_secure();
    anna.register("anna");
    // What was asked for before is still answered.
    let id = anna.begin(request!("rooms"));
    let security = anna.security();
    security.tls.send_close_notify();
    security
        .tls
        .complete_io(&mut security.socket)
        .expect("it is read");
    anna.answer(id).must_be("rooms");
    assert!(
        anna.security().ends_in_order(),
        "the server has not said that it ends"
    );

    let mut boris = daemon.greet_secure();
    boris.register("boris");
    drop(boris);
    let rude = daemon.greet_secure();
    rude.stream().shutdown(Shutdown::Write).expect("still open");

    let mut vera = daemon.greet_secure();
    vera.register("vera");
    let mut wim = daemon.connect().secure(client(&TLS12, &["chat/1"]));
    wim.hello();
    daemon.stop();
    for late in [&mut vera, &mut wim] {
        assert_eq!(late.expect_bye().text("reason"), "shutting-down");
        assert!(
            late.security().ends_in_order(),
            "the server has not said that it ends"
        );
    }
}

/// Somebody who does not read over TLS costs little, and is given everything in order once they read again.
#[test]
fn who_does_not_read_over_tls_catches_up() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.greet_secure();
    anna.register("anna");
    let mut slow: Vec<_> = (0..5)
        .map(|_| {
            let mut slow = Talker::connect_narrow(daemon.address()).secure(usual_client());
            slow.hello();
            slow.resume(&anna.token, &[]);
            slow
        })
        .collect();
    let before = daemon.memory_kib();
    for round in 0..40 {
        let sends = (0..50).map(|n| {
            request!("send", to: "lobby", text: format!("{} {}", round * 50 + n, "x".repeat(8_000)))
        });
        for id in anna.begin_all(sends.collect::<Vec<_>>()) {
            anna.answer(id).must_be("sent");
        }
    }
    let grown = daemon.memory_kib().saturating_sub(before);
    assert!(
        grown < 96 * 1_024,
        "{grown} KiB for 16 MB that five do not read"
    );
    for slow in &mut slow {
        let mut view = View::default();
        while !view.is_whole(2_000) {
            let (seq, _, text) = slow.expect_message("lobby");
            view.heard(seq, &text[..10]);
        }
    }
}

/// A thousand who are logged in and say nothing: what each of them costs.
#[test]
fn a_thousand_who_say_nothing() {
    const PEOPLE: u64 = 1_000;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is one");
    if hard < 3 * PEOPLE {
        eprintln!("SKIPPED: {hard} open files are too few for {PEOPLE} people");
        return;
    }
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(3 * PEOPLE), hard).expect("up to the hard limit");
    let daemon = Daemon::start();
    let mut anna = daemon.greet_secure();
    anna.register("anna");
    let token = anna.token.clone();
    let come = |people: u64, secure: bool| -> (Vec<Talker>, u64) {
        let before = daemon.memory_kib();
        let config = usual_client();
        let people: Vec<_> = (0..people)
            .map(|_| {
                let mut talker = daemon.connect();
                if secure {
                    talker = talker.secure(config.clone());
                }
                talker.hello();
                talker.resume(&token, &[]);
                talker
            })
            .collect();
        let grown = daemon.memory_kib().saturating_sub(before);
        let each = grown * 1_024 / people.len() as u64;
        (people, each)
    };
    // What is allocated once is allocated by these.
    let _some = (come(50, true), come(50, false));
    let (_secure, over_tls) = come(PEOPLE, true);
    let (_clear, in_the_clear) = come(PEOPLE, false);
    println!("an idle connection: {over_tls} bytes over TLS, {in_the_clear} in the clear");
    assert!(
        over_tls < 16 * 1_024,
        "{over_tls} bytes for an idle TLS connection"
    );
    anna.say("lobby", "anybody there?");
}
