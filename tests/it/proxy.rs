//! Behind a proxy that says for whom it comes: people are counted, delayed, logged and shown by their own address, and a
//! proxy that does not say it, or not right, lets nobody in.
//!
//! The headers are put together here by the specification, not by the code under test.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use rustls::HandshakeKind;
use serde_json::json;

use crate::support::{Daemon, Heard, PASSWORD, Talker, ask, refused, request, tls, undisturbed};

const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const SETTINGS: &str = "proxies = [\"127.0.0.2\", \"127.77.0.0/16\"]\n[log]\nlevel = \"debug\"\naddresses = \"full\"\n";

const SIGNATURE: [u8; 12] = [
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
];

/// A header of version 2 with these bytes behind its length.
fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, rest].concat()
}

/// One that announces somebody, with notes behind the address as proxies write them.
fn announcing(source: &str) -> Vec<u8> {
    let notes = [&[4, 0, 40][..], &[0; 40]].concat();
    match source.parse().unwrap() {
        IpAddr::V4(source) => {
            let rest = [
                &source.octets()[..],
                &[192, 0, 2, 1, 200, 0, 9, 124],
                &notes,
            ]
            .concat();
            header(0x21, 0x11, &rest)
        }
        IpAddr::V6(source) => {
            let rest = [&source.octets()[..], &[0; 20], &notes].concat();
            header(0x21, 0x21, &rest)
        }
    }
}

/// Whoever the proxy lets in for somebody.
#[track_caller]
fn behind(daemon: &Daemon, source: &str) -> Talker {
    let mut talker = Talker::connect_from(PROXY, daemon.address());
    talker.raw(&announcing(source));
    talker
}

#[track_caller]
fn greeted_behind(daemon: &Daemon, source: &str) -> Talker {
    let mut talker = behind(daemon, source);
    talker.hello();
    talker
}

/// Where somebody last came from, as an admin is told.
#[track_caller]
fn place_of(daemon: &Daemon, name: &str) -> serde_json::Value {
    let users = daemon.ctl_list(&["users"], "users");
    let user = users.iter().find(|user| user["name"] == name);
    user.expect("somebody has the name")["lastLoginFrom"].clone()
}

#[test]
fn people_are_known_by_their_own_addresses() {
    let daemon = Daemon::start_with(SETTINGS, &[]);
    greeted_behind(&daemon, "203.0.113.7").register("anna");
    assert_eq!(place_of(&daemon, "anna"), "203.0.113.7");
    daemon.logged("registered user=anna session=1 peer=203.0.113.7");
    greeted_behind(&daemon, "2001:db8::7").register("boris");
    assert_eq!(place_of(&daemon, "boris"), "2001:db8::7");
    greeted_behind(&daemon, "::ffff:203.0.113.9").register("clara");
    assert_eq!(place_of(&daemon, "clara"), "203.0.113.9");

    // Version 1, as most nginx speak it; from a network of proxies; all in one write with the first frames.
    let mut dora = Talker::connect_from(Ipv4Addr::new(127, 77, 3, 4), daemon.address());
    let hello = request!("hello", protocol: 1, client: "stories/1", id: 1);
    let register = request!("register", name: "dora", password: PASSWORD, id: 2);
    let mut bytes = b"PROXY TCP4 203.0.113.8 192.0.2.1 50000 2428\r\n".to_vec();
    for request in [hello, register] {
        let json = request.to_string();
        bytes.extend(u32::try_from(json.len()).unwrap().to_be_bytes());
        bytes.extend(json.as_bytes());
    }
    dora.raw(&bytes);
    dora.answer(2).must_be("welcome");
    assert_eq!(place_of(&daemon, "dora"), "203.0.113.8");

    // A byte at a time.
    let mut emma = Talker::connect_from(PROXY, daemon.address());
    for byte in announcing("203.0.113.10") {
        emma.raw(&[byte]);
    }
    emma.hello();
    emma.register("emma");
    assert_eq!(place_of(&daemon, "emma"), "203.0.113.10");
}

#[test]
fn tls_goes_through_the_proxy() {
    let daemon = Daemon::start_with(SETTINGS, &[]);
    let mut anna = behind(&daemon, "203.0.113.7").secure(tls::usual_client());
    anna.hello();
    anna.register("anna");
    anna.say("lobby", "nobody in between reads this");
    assert_eq!(place_of(&daemon, "anna"), "203.0.113.7");
}

#[test]
fn limits_hold_for_whom_the_proxy_announces() {
    let limits = "[limits]\nconnections_per_address = 3\nlogin_failures_per_address = 2\n";
    let daemon = Daemon::start_with(&format!("{SETTINGS}{limits}"), &[]);
    let token = greeted_behind(&daemon, "203.0.113.1")
        .register("anna")
        .text("token")
        .to_owned();
    let come = |source| {
        let mut talker = greeted_behind(&daemon, source);
        talker.resume(&token, &[]);
        talker
    };
    // The proxy itself may have any number of connections.
    let _idle: Vec<_> = (0..10)
        .map(|_| Talker::connect_from(PROXY, daemon.address()))
        .collect();
    let _inside: Vec<_> = (0..3).map(|_| come("203.0.113.7")).collect();
    let said = behind(&daemon, "203.0.113.7").expect_closed();
    assert_eq!(said[0].code(), "busy");
    assert!(said[0].text("text").contains("your address"), "{said:?}");
    come("203.0.113.8").say("lobby", "there is room for others");
    let mut oldest = greeted_behind(&daemon, "203.0.113.9");
    let _strangers: Vec<_> = (0..3).map(|_| behind(&daemon, "203.0.113.9")).collect();
    assert_eq!(oldest.expect_closed()[0].code(), "busy");

    let mut guesser = greeted_behind(&daemon, "203.0.113.66");
    for name in ["boris", "clara"] {
        refused!("bad-credentials": guesser, "login", name: name, password: "wrong horse");
    }
    refused!("rate-limited": guesser, "login", name: "anna", password: PASSWORD);
    greeted_behind(&daemon, "203.0.113.67").login("anna");
}

#[test]
fn a_proxy_that_does_not_say_for_whom() {
    undisturbed(
        &format!("{SETTINGS}[limits]\nlogin_seconds = 2\n"),
        |daemon| {
            let connect = || Talker::connect_from(PROXY, daemon.address());
            let mut silent = connect();
            let mut cut = connect();
            cut.raw(&announcing("203.0.113.7")[..20]);
            for (bytes, why) in [
                (&b"\0\0\0\x02{}"[..], "what came is no PROXY header"),
                (b"PROXY TCP5 a b 1 2\r\n", "the line of the PROXY header"),
                (&header(0x31, 0x11, &[0; 12]), "is of version 3"),
                (&header(0x22, 0x11, &[0; 12]), "the unknown command 2"),
                (&header(0x21, 0x11, &[0; 11]), "too short"),
                (&header(0x21, 0x11, &[0; 5_000]), "is 5016 bytes long"),
            ] {
                let mut talker = connect();
                // It may have been turned away before all is said.
                let _ = talker.try_raw(bytes);
                let said = talker.expect_closed();
                assert_eq!(said[0].code(), "bad-frame", "{said:?}");
                assert!(said[0].text("text").contains(why), "{said:?}");
            }
            // Who shakes hands could not understand.
            let mut secure = connect();
            secure.raw(&[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]);
            assert_eq!(secure.expect_closed(), [json!(null); 0]);
            daemon.logged("WARN what came is no PROXY header; let the proxy send one (HAProxy");
            assert_eq!(
                daemon.whole_log().matches("let the proxy send one").count(),
                1
            );
            for late in [&mut silent, &mut cut] {
                let said = late.expect_closed();
                assert!(
                    said[0].text("text").contains("within 2 seconds"),
                    "{said:?}"
                );
            }
        },
    );
}

/// A proxy's own connections: it looks whether anybody answers.
#[test]
fn a_proxy_that_comes_for_itself() {
    let daemon = Daemon::start_with(SETTINGS, &[]);
    drop(Talker::connect_from(PROXY, daemon.address()));
    for header in [
        header(0x20, 0, &[]),
        header(0x20, 0x11, &announcing("203.0.113.7")[16..]),
        header(0x21, 0, &[1; 30]),
        b"PROXY UNKNOWN\r\n".to_vec(),
    ] {
        let mut talker = Talker::connect_from(PROXY, daemon.address());
        talker.raw(&header);
        talker.hello();
        let name = format!("checker-{}", header.len());
        talker.register(&name);
        assert_eq!(place_of(&daemon, &name), "127.0.0.2");
    }
    assert!(!daemon.whole_log().contains("let the proxy send one"));
}

#[test]
fn a_header_from_anybody_else_is_no_frame() {
    undisturbed(SETTINGS, |daemon| {
        for source in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 3)] {
            for header in [&announcing("203.0.113.7")[..], b"PROXY UNKNOWN\r\n"] {
                let mut talker = Talker::connect_from(source, daemon.address());
                talker.raw(header);
                assert_eq!(talker.expect_closed()[0].code(), "too-large");
            }
        }
        assert!(!daemon.whole_log().contains("203.0.113.7"));
    });
}

#[test]
fn a_reload_adds_a_proxy_and_takes_one_away() {
    let daemon = Daemon::start_with("", &[]);
    let mut before = Talker::connect_from(PROXY, daemon.address());
    before.hello();
    daemon.configure(SETTINGS);
    let reloaded = daemon.ctl_json(&["reload"]);
    assert!(
        reloaded["changed"].to_string().contains("proxies"),
        "{reloaded}"
    );
    assert_eq!(reloaded["needRestart"], json!([]), "{reloaded}");
    greeted_behind(&daemon, "203.0.113.7").register("anna");
    assert_eq!(place_of(&daemon, "anna"), "203.0.113.7");
    ask!(before, "echo", text: "who was there stays").must_be("echo");
    daemon.configure("");
    daemon.ctl(&["reload"]).done();
    assert_eq!(
        behind(&daemon, "203.0.113.7").expect_closed()[0].code(),
        "too-large"
    );
    let mut direct = Talker::connect_from(PROXY, daemon.address());
    direct.hello();
    direct.login("anna");
    assert_eq!(place_of(&daemon, "anna"), "127.0.0.2");
}

/// Addresses that open one handshake after the other are served, only slower; nobody else waits.
#[test]
fn handshakes_of_one_address_wait_for_their_turn() {
    let limits = "[limits]\nhandshakes_per_second = 1\nhandshakes_burst = 3\n";
    let daemon = Daemon::start_with(&format!("{SETTINGS}{limits}"), &[]);
    let secure = |talker: Talker| talker.secure(tls::usual_client()).hello();
    let from = |last| Talker::connect_from(Ipv4Addr::new(127, 0, 7, last), daemon.address());
    for come in [&(|| from(1)) as &dyn Fn() -> Talker, &|| {
        behind(&daemon, "203.0.113.1")
    }] {
        let started = Instant::now();
        std::thread::scope(|scope| {
            let come_and_wait = |talker| scope.spawn(move || secure(talker));
            let crowd: Vec<_> = (0..6).map(|_| come_and_wait(come())).collect();
            secure(from(2));
            secure(behind(&daemon, "203.0.113.2"));
            secure(daemon.connect());
            come().hello();
            let others = started.elapsed();
            for one in crowd {
                one.join().expect("each is served in the end");
            }
            // Three at once, and one in each second after that.
            let crowd = started.elapsed();
            assert!(crowd >= Duration::from_secs(3), "{crowd:?}");
            assert!(others < crowd, "the others waited {others:?}");
        });
    }
}

/// Coming back with a ticket is cheap, and so it counts little.
#[test]
fn a_resumed_handshake_counts_a_quarter() {
    let limits = "[limits]\nhandshakes_per_second = 1\nhandshakes_burst = 8\n";
    let daemon = Daemon::start_with(limits, &[]);
    let config = tls::usual_client();
    let started = Instant::now();
    let come = || {
        let address = Ipv4Addr::new(127, 0, 7, 1);
        let mut talker = Talker::connect_from(address, daemon.address()).secure(config.clone());
        talker.hello();
        talker
    };
    let mut first = come();
    first.register("anna");
    for _ in 0..24 {
        let mut again = come();
        let kind = again.security().tls.handshake_kind();
        assert_eq!(kind, Some(HandshakeKind::Resumed));
        again.resume(&first.token, &[]);
    }
    // 25 in full, of which 8 at once, take 17 seconds; these are no more than 7.
    let all = started.elapsed();
    assert!(all < Duration::from_secs(17), "{all:?}");
}

/// Those who are gone before it is their turn do not take it from others.
#[test]
fn who_does_not_wait_gives_the_turn_back() {
    let limits =
        "[limits]\nhandshakes_per_second = 1\nhandshakes_burst = 1\nconnections_per_address = 4\n";
    let daemon = Daemon::start_with(limits, &[]);
    let connect = || Talker::connect_from(Ipv4Addr::new(127, 0, 7, 1), daemon.address());
    let name = "localhost".try_into().unwrap();
    let mut client = rustls::ClientConnection::new(tls::usual_client(), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    let crowd: Vec<_> = (0..100)
        .map(|_| {
            let mut one = connect();
            one.raw(&hello);
            one
        })
        .collect();
    // The oldest are let go for the others.
    for one in &crowd[..96] {
        let _ = one.stream().read_to_end(&mut Vec::new());
    }
    // Were they counted it would take a hundred seconds.
    connect().secure(tls::usual_client()).hello();
}
