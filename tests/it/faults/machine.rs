//! Machines without memory, and with a clock that is wrong.

use std::process::Command;

use serde_json::Value;

use super::Witness;
use crate::support::preload::Faults;
use crate::support::{Daemon, Heard, PASSWORD, UNHURRIED, View, ask, request};

const DAY: i64 = 24 * 3_600;

/// Less than a hash takes, and more than everything else in a story.
const LITTLE_KIB: u64 = 24 * 1_024;

/// From now on the daemon may take so much memory.
#[track_caller]
fn may_take(daemon: &Daemon, kib: Option<u64>) {
    let limit = kib.map_or("unlimited".to_owned(), |kib| (kib * 1_024).to_string());
    let pid = daemon.pid().to_string();
    let limited = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--data={limit}:")])
        .status();
    assert!(
        limited.is_ok_and(|status| status.success()),
        "the daemon is ours"
    );
}

/// No memory for a hash: whoever logs in or registers is told to try again, and it is no wrong password; who is inside
/// talks on. With memory everybody gets in again.
#[test]
fn no_memory_for_passwords() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let before_any = daemon.reserved_kib();
    let mut anna = Witness::new(&daemon, "anna");
    daemon.register("boris");
    may_take(&daemon, Some(before_any + LITTLE_KIB));
    for password in [PASSWORD, "a wrong one, of course"] {
        for name in ["boris", "nobody"] {
            for _ in 0..5 {
                let answer = ask!(daemon.greet(), "login", name: name, password: password);
                assert_eq!(answer.code(), "busy", "{answer}");
                assert!(answer["retry_after_ms"].as_u64() > Some(0), "{answer}");
            }
        }
    }
    let answer = ask!(daemon.greet(), "register", name: "carla", password: PASSWORD);
    assert_eq!(answer.code(), "busy", "{answer}");
    anna.says_some(100, 100);
    let log = daemon.whole_log();
    let told = "no memory for a password's hash; give chatd more (MemoryMax= of the unit, ulimit -v), or lower limits.password_threads";
    // Once for each thread.
    assert!((1..=2).contains(&log.matches(told).count()), "{log}");
    let added = daemon.ctl_with(&["user", "add", "dora"], "a long password of hers\n");
    assert!(added.failed(1).contains("too much to do"));
    may_take(&daemon, None);
    daemon.login("boris");
    daemon.register("carla");
    anna.lost_nothing();
}

fn time_of(page: &Value, index: usize) -> String {
    page["messages"][index].text("at").to_owned()
}

/// The clock is set back a day, and forward a year, while people talk and while chatd is down: numbers and order go on,
/// what has an end on the wall ends by the wall.
#[test]
fn a_clock_that_jumps() {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    let faults = Faults::of(&mut daemon);
    daemon.launch();
    let mut anna = Witness::new(&daemon, "anna");
    let mut boris = daemon.register("boris");
    let mut carla = daemon.register("carla");
    assert_eq!(anna.says(10), 1);
    let once = request!("send", to: "lobby", text: "once", key: "once");
    assert_eq!(anna.talker.request(once.clone()).must_be("sent").seq(), 2);
    daemon.ctl(&["mute", "carla", "--for", "1h"]).done();

    faults.begin("clock", &(-DAY).to_string());
    assert_eq!(anna.says(10), 3);
    assert_eq!(
        anna.talker.request(once).must_be("sent").seq(),
        2,
        "stored once"
    );
    for seq in 1..=3 {
        assert_eq!(boris.expect_message("lobby").0, seq);
    }
    let page = ask!(boris, "history", room: "lobby", limit: 10).must_be("page");
    assert!(
        time_of(&page, 2) < time_of(&page, 1),
        "times are for people"
    );
    assert_eq!(
        page.texts().iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let muted = ask!(carla, "send", to: "lobby", text: "hush");
    assert_eq!(muted.code(), "muted", "it ends by the clock on the wall");
    daemon.login("boris");
    daemon.restart();
    anna.comes_back(&daemon);
    assert_eq!(anna.says(10), 4);
    daemon
        .resume(&boris.token, &[("lobby", 3)])
        .expect_message("lobby");

    faults.begin("clock", &(365 * DAY).to_string());
    let gone = ask!(anna.talker, "send", to: "lobby", text: "nobody has used this for a year");
    assert_eq!(gone.code(), "not-logged-in");
    let mut dead = daemon.greet();
    let dead = ask!(dead, "resume", token: boris.token);
    assert_eq!(dead.code(), "bad-credentials");
    anna.talker = daemon.login("anna");
    assert_eq!(anna.says(10), 5);
    let mut carla = daemon.login("carla");
    assert_eq!(carla.say("lobby", "at last"), 6);
    daemon.restart();
    anna.comes_back(&daemon);

    faults.end("clock");
    assert_eq!(anna.says(10), 7);
    daemon.restart();
    anna.comes_back(&daemon);
    assert_eq!(anna.says(10), 8);
    anna.lost_nothing();
    assert_eq!(View::of_log(&mut anna.talker, "lobby").cursor, 8);
    assert_eq!(daemon.ctl_json(&["check"])["sound"], true);
}
