//! A machine that has no more to give: the admin gets in, people read on, and the log stays short.

use serde_json::Value;

use crate::support::{Daemon, Heard, Talker, UNHURRIED, ask, request};

/// Fewer open files than connections are allowed: those past what fits are told `busy`, and some are left for the admin.
#[test]
fn few_open_files() {
    let daemon = Daemon::start_after("ulimit -n 100");
    let mut inside = daemon.register("anna");
    let mut others: Vec<_> = (0..99).map(|_| daemon.connect()).collect();
    let hear = |other: &mut Talker| {
        let hello = request!("hello", protocol: 1, client: "stories/1");
        let id = other.try_begin_all([hello]).map(|ids| ids[0]);
        id.is_some_and(|id| other.try_answer(id).is_some())
    };
    // Who has been heard may be let go for others who come after, and those find room then.
    others.retain_mut(hear);
    let there = |other: &mut Talker| {
        let id = other.try_begin_all([request!("ping")]).map(|ids| ids[0]);
        id.is_some_and(|id| other.try_answer(id).is_some())
    };
    others.retain_mut(there);
    let served = others.len();
    assert!((10..=50).contains(&served), "{served} of 99 are served");
    daemon.ctl(&["status"]).done();
    inside.say("lobby", "nothing noticed");
    daemon.logged("fewer open files");
    let log = daemon.whole_log();
    assert!(log.lines().count() < 20, "{log}");
}

/// Each listener has open files of its own, and those are not given to connections: the admin gets in all the same.
#[test]
fn many_listeners_and_few_open_files() {
    let listen = ["127.0.0.1:0"; 60].join(",");
    let mut daemon = Daemon::prepare_after("ulimit -n 700", "", &["--listen", &listen]);
    daemon.launch();
    let _others: Vec<_> = (0..400).map(|_| daemon.connect()).collect();
    daemon.ctl(&["status"]).done();
}

/// A disk that takes no more: nothing is acknowledged, reading goes on, and however often people try, it is said once.
#[test]
fn a_disk_that_takes_no_more() {
    let mut daemon = Daemon::prepare_after("trap '' XFSZ; ulimit -f 600", UNHURRIED, &[]);
    daemon.launch();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    let text = "x".repeat(8_000);
    let (mut last, mut refused) = (0, 0);
    for _ in 0..400 {
        let answer = ask!(anna, "send", to: "lobby", text: text);
        match answer["type"] == "sent" {
            true => last = answer.seq(),
            false => {
                assert!(
                    ["internal", "storage-full"].contains(&answer.code()),
                    "{answer}"
                );
                refused += 1;
            }
        }
    }
    assert!(
        refused > 300 && last > 0,
        "{refused} were refused, {last} stored"
    );
    let page = ask!(boris, "history", room: "lobby", limit: 1).must_be("page");
    assert_eq!(page.texts(), [(last, text)]);
    let mut resumed = daemon.resume(&boris.token, &[("lobby", last - 1)]);
    assert_eq!(resumed.expect_message("lobby").0, last);
    let log = daemon.whole_log();
    assert!(
        log.contains("cannot store") && log.lines().count() < 40,
        "{log}"
    );
}

/// A database that was taken away under the daemon acknowledges nothing; brought back, it goes on.
#[test]
fn a_database_that_was_taken_away() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    anna.say("lobby", "kept");
    let (database, away) = (daemon.state().join("chatd.db"), daemon.state().join("away"));
    std::fs::rename(&database, &away).expect("it is there");
    let answer: Value = ask!(anna, "send", to: "lobby", text: "lost");
    assert_eq!(answer.code(), "internal");
    daemon.logged("was moved away");
    std::fs::rename(&away, &database).expect("it is there");
    assert_eq!(anna.say("lobby", "kept too"), 2);
}
