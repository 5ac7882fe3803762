//! Bans from the server, by name and by network: who is out, who is kept out, and when it ends. Rooms' own are in
//! `moderation.rs`; that nothing of it lies open on the disk is shown in `sealed.rs`.

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::moderation::{Garden, bans};
use crate::support::{Daemon, Heard, PASSWORD, Talker, ask, refused, request, run, until};

/// In this time connections end whose owner is banned.
const AT_ONCE: Duration = Duration::from_secs(1);

fn leaves_within(talker: &mut Talker, begun: Instant) -> Value {
    let bye = talker.expect_bye();
    assert!(begun.elapsed() < AT_ONCE, "{:?} {bye}", begun.elapsed());
    bye
}

#[test]
fn banned_by_name() {
    let Garden {
        mut daemon,
        mut boris,
        mut clara,
        ..
    } = Garden::new();
    let mut tablet = daemon.login("boris");
    let begun = Instant::now();
    ask!(clara, "ban", user: "boris", reason: "spam").must_be("ok");
    for talker in [&mut boris, &mut tablet] {
        let bye = leaves_within(talker, begun);
        assert_eq!(bye["reason"], "banned", "{bye}");
        assert_eq!(bye["text"], "you are banned from this server: spam");
        assert_eq!(bye.get("reconnect_after_ms"), None, "{bye}");
    }
    for restart in [false, true] {
        if restart {
            daemon.restart();
        }
        refused!("banned": daemon.greet(), "login", name: "BORIS", password: PASSWORD);
        refused!("banned": daemon.greet(), "resume", token: boris.token.clone());
        // Who does not know the password is not told.
        refused!("bad-credentials": daemon.greet(), "login", name: "boris", password: "wrong horse");
        refused!("name-taken": daemon.greet(), "register", name: "boris", password: PASSWORD);
    }
    daemon.logged("banned by=clara user=boris reason=spam");
    daemon.logged("login of a banned user refused user=boris");
    let unban = || daemon.ctl(&["unban", "boris"]).done();
    assert_eq!(unban(), "'boris' is not banned from the server any more\n");
    assert_eq!(unban(), "'boris' was not banned from the server\n");
    daemon.resume(&boris.token, &[]).say("garden", "back again");
    let unknown = daemon.ctl(&["ban", "--yes", "bernd"]).failed(1);
    assert!(unknown.contains("there is no user 'bernd'"), "{unknown}");
    refused!("no-such-user": daemon.resume(&clara.token, &[]), "ban", user: "bernd");
}

/// A header of version 1, as nginx speaks it, from a proxy at this address.
fn behind(daemon: &Daemon, source: &str) -> Talker {
    let mut talker = Talker::connect_from(Ipv4Addr::new(127, 0, 0, 2), daemon.address());
    let family = if source.contains(':') {
        "TCP6 "
    } else {
        "TCP4 "
    };
    let to = if source.contains(':') {
        "2001:db8::1"
    } else {
        "192.0.2.1"
    };
    talker.raw(format!("PROXY {family}{source} {to} 50000 2428\r\n").as_bytes());
    talker
}

fn greeted_behind(daemon: &Daemon, source: &str) -> Talker {
    let mut talker = behind(daemon, source);
    talker.hello();
    talker
}

/// Whoever comes from there is told so with the first word, whoever was there is out, also who had not said anything yet;
/// nobody else notices.
#[test]
fn banned_by_network() {
    let mut daemon = Daemon::start_with("proxies = [\"127.0.0.2\"]", &[]);
    let cases = [
        (
            "203.0.113.0/24",
            ["203.0.113.7", "203.0.113.200"],
            "203.0.114.7",
        ),
        (
            "2001:db8:1:2::/64",
            ["2001:db8:1:2::7", "2001:db8:1:2:ffff::9"],
            "2001:db8:1:3::7",
        ),
    ];
    for (number, (network, inside, outside)) in cases.iter().enumerate() {
        let name = |who: &str| format!("{who}{number}");
        let mut anna = greeted_behind(&daemon, inside[0]);
        anna.register(&name("anna"));
        let mut greeted = greeted_behind(&daemon, inside[1]);
        let mut silent = behind(&daemon, inside[1]);
        let mut other = greeted_behind(&daemon, outside);
        other.register(&name("other"));
        let begun = Instant::now();
        let done = daemon
            .ctl(&["ban", "--yes", network, "--reason", "scrapers"])
            .done();
        assert_eq!(
            done,
            format!("{network} is banned from the server for good; ended 1 connection\n")
        );
        for talker in [&mut anna, &mut greeted] {
            let bye = leaves_within(talker, begun);
            assert_eq!(bye["reason"], "banned", "{bye}");
        }
        for restart in [false, true] {
            if restart {
                daemon.restart();
            }
            for source in inside {
                let mut talker = behind(&daemon, source);
                let hello = request!("hello", protocol: 1, client: "stories/1", id: 1);
                let login = request!("login", name: name("anna"), password: PASSWORD, id: 2);
                talker.raw_frame(hello.to_string().as_bytes());
                let _ = talker.try_begin_all([login]);
                let said = talker.expect_closed();
                let [error] = &said[..] else {
                    panic!("{said:?}")
                };
                assert_eq!((error.code(), error.get("re")), ("banned", None), "{error}");
                assert_eq!(
                    error.text("text"),
                    "where you come from is banned from this server: scrapers"
                );
            }
            greeted_behind(&daemon, outside).login(&name("other"));
            daemon.login(&name("anna"));
        }
        let bye = silent.expect_closed();
        assert!(bye.last().is_none_or(|bye| bye["type"] == "bye"), "{bye:?}");
        daemon.ctl(&["unban", network]).done();
        greeted_behind(&daemon, inside[0]).login(&name("anna"));
    }
}

#[test]
fn networks_as_admins_write_them() {
    let daemon = Daemon::start();
    let cut = daemon
        .ctl(&["ban", "--yes", "10.1.2.3/8", "--for", "1h"])
        .done();
    assert!(cut.starts_with("10.1.2.3/8 is taken for its network, 10.0.0.0/8\n10.0.0.0/8 is banned from the server until"), "{cut}");
    for wrong in ["10.0.0.0/33", "10.0.0", "2001:db8::/129", "anna/8"] {
        let refused = daemon.ctl(&["ban", "--yes", wrong]).failed(2);
        assert!(
            refused.contains("write it like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32"),
            "{refused}"
        );
    }
    for (time, says) in [
        ("5 days", "write 30s, 15m, 1h30m, 7d or 2w"),
        ("0s", "over at once"),
    ] {
        let refused = daemon
            .ctl(&["ban", "--yes", "192.0.2.7", "--for", time])
            .failed(2);
        assert!(refused.contains(says), "{refused}");
    }
    let in_room = daemon
        .ctl(&["ban", "--yes", "192.0.2.7", "--room", "lobby"])
        .failed(2);
    assert!(
        in_room.contains("from the server, not from a room"),
        "{in_room}"
    );
    // What would hit more than is meant says so, where it is asked and where it is done.
    for (network, says) in [
        ("0.0.0.0/0", "which is everybody who comes over IPv4"),
        ("::/0", "which is everybody who comes over IPv6"),
        ("127.0.0.0/8", "which has this machine in it"),
    ] {
        let asked = daemon.ctl(&["ban", network]).failed(2);
        assert!(asked.contains(says) && asked.contains("--yes"), "{asked}");
        let would = daemon.ctl(&["ban", "--dry-run", network]).done();
        assert!(
            would.starts_with("would ban ") && would.contains(says),
            "{would}"
        );
    }
    assert_eq!(bans(&daemon), ["ban 10.0.0.0/8 - admin"]);
    let narrower = daemon.ctl(&["unban", "10.0.0.5"]).done();
    assert_eq!(
        narrower,
        "10.0.0.5 was not banned from the server by itself, but 10.0.0.0/8 is, and it is in there\n"
    );
    // The log tells of it what it tells of everybody's address.
    daemon.ctl(&["ban", "--yes", "192.0.2.77"]).done();
    daemon.logged("method=Ban parameters={} network=192.0.2.0/24");
    assert!(!daemon.whole_log().contains("192.0.2.77"));
    daemon.ctl(&["unban", "192.0.2.77"]).done();
    let wrong =
        json!({ "method": "io.chatd.Control.Ban", "parameters": { "network": "10.1.2.3/8" } });
    let reply = call(&daemon, &wrong);
    assert_eq!(reply["error"], "io.chatd.Control.BadNetwork", "{reply}");
    assert!(
        reply["parameters"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("10.0.0.0/8"))
    );
    for parameters in [
        json!({}),
        json!({ "user": "anna", "network": "::1" }),
        json!({ "network": "::1", "room": "lobby" }),
    ] {
        let wrong = json!({ "method": "io.chatd.Control.Ban", "parameters": parameters });
        let reply = call(&daemon, &wrong);
        assert_eq!(
            reply["error"], "org.varlink.service.InvalidParameter",
            "{reply}"
        );
    }
    // A name that looks like an address.
    daemon.register("10.0.0.5");
    daemon.ctl(&["ban", "--yes", "@10.0.0.5"]).done();
    assert_eq!(bans(&daemon)[1..], ["ban 10.0.0.5 - admin"]);
}

/// One call on the control socket, and its reply.
fn call(daemon: &Daemon, call: &Value) -> Value {
    use std::io::{BufRead as _, BufReader, Write as _};
    let socket = std::os::unix::net::UnixStream::connect(daemon.control()).expect("it is there");
    (&socket)
        .write_all(format!("{call}\0").as_bytes())
        .expect("it is read");
    let mut reply = Vec::new();
    BufReader::new(&socket)
        .read_until(0, &mut reply)
        .expect("a reply");
    reply.pop();
    serde_json::from_slice(&reply).expect("JSON")
}

#[test]
fn a_ban_that_ends() {
    let Garden {
        daemon,
        mut anna,
        mut boris,
        ..
    } = Garden::new();
    daemon.ctl(&["ban", "--yes", "boris", "--for", "1s"]).done();
    daemon.ctl(&["mute", "anna", "--for", "1s"]).done();
    boris.expect_bye();
    let mut boris = until("he is let in", || {
        let mut talker = daemon.greet();
        let answer = ask!(talker, "resume", token: boris.token.clone());
        (answer["type"] == "welcome").then_some(talker)
    });
    boris.say("garden", "here again");
    until("she may speak", || {
        let answer = ask!(anna, "send", to: "garden", text: "at last");
        (answer["type"] == "sent").then_some(())
    });
    until("nothing is left", || bans(&daemon).is_empty().then_some(()));
}

/// Two admins at once, again and again: it ends as one of them says, and all of it is written down.
#[test]
fn two_admins_who_do_the_opposite() {
    const ROUNDS: u32 = 10;
    let mut daemon = Daemon::start();
    daemon.register("anna");
    thread::scope(|scope| {
        for verb in ["ban", "unban"] {
            let calls = (0..ROUNDS).map(|_| daemon.ctl_command(&[verb, "--yes", "anna"]));
            let calls: Vec<_> = calls.collect();
            scope.spawn(move || {
                for mut call in calls {
                    run(&mut call, "").done();
                }
            });
        }
    });
    let left = bans(&daemon);
    let answer = ask!(daemon.greet(), "login", name: "anna", password: PASSWORD);
    match &left[..] {
        [] => drop(answer.must_be("welcome")),
        [one] => assert_eq!(
            (one.as_str(), answer.code()),
            ("ban anna - admin", "banned")
        ),
        more => panic!("{more:?}"),
    }
    daemon.restart();
    assert_eq!(bans(&daemon), left);
    daemon.stop();
    let database = daemon.state().join("chatd.db");
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = database.expect("the database is there");
    for method in ["Ban", "Unban"] {
        let sql = "SELECT count(*) FROM audit WHERE method = ?1 AND outcome = 'ok'";
        let count: u32 = database
            .query_row(sql, [method], |row| row.get(0))
            .expect("a number");
        assert_eq!(count, ROUNDS, "{method}");
    }
}
