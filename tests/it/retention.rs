//! History that goes by itself, as the settings say: through a running daemon.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::stock::stock_at;
use crate::support::{Daemon, Heard, ask, until};

/// With `keep_messages` the newest are kept: who is connected is told, numbers go on, the rows leave the disk; without it
/// again, nothing more goes.
#[test]
fn the_newest_are_kept() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    for n in 1..=30 {
        anna.say("lobby", &format!("number {n}"));
        anna.say("@boris", &format!("between us {n}"));
    }
    daemon.configure("[history]\nkeep_messages = 10\n");
    let reloaded = daemon.ctl_json(&["reload"]);
    assert_eq!(reloaded["changed"], json!(["history.keep_messages"]));
    assert_eq!(reloaded["needRestart"], json!([]));
    for talker in [&mut anna, &mut boris] {
        for _ in 0..2 {
            let cleared = talker.push("cleared");
            assert_eq!(cleared["first_seq"], 21, "{cleared}");
        }
    }
    daemon.logged("history that the settings do not keep was cleared away rooms=2 messages=40");
    let page = ask!(boris, "history", room: "lobby", after: 0).must_be("page");
    assert_eq!((page.texts().len(), &page["first_seq"]), (10, &json!(21)));
    let rooms = daemon.ctl_list(&["rooms"], "rooms");
    assert_eq!(
        (
            &rooms[0]["firstSeq"],
            &rooms[0]["lastSeq"],
            &rooms[0]["messages"]
        ),
        (&json!(21), &json!(30), &json!(10))
    );
    assert_eq!(anna.say("lobby", "on"), 31);
    boris.push_where("the next", |push| push["seq"] == 31);
    let checked = daemon.ctl(&["check"]).done();
    assert!(checked.contains("lobby: 21..31, no hole"), "{checked}");
    // Who was away is told by the numbers.
    let mut back = daemon.greet();
    let welcome = back.resume(&boris.token, &[("lobby", 3)]);
    assert_eq!(welcome.room("lobby")["first_seq"], 21);
    back.hears("lobby", 21, "anna", "number 21");
    let status = daemon.ctl_json(&["status"]);
    assert_eq!(status["messages"], 21);
}

/// With `keep_days` what is older goes, at the start as well: thousands of old rows, in steps, while people talk.
#[test]
fn what_is_old_goes() {
    let mut daemon = Daemon::prepare("[history]\nkeep_days = 7\n", &[]);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let (day, now) = (24 * 60 * 60 * 1_000, now.as_millis() as i64);
    // One each hundred seconds, for 3 000 x 100 s before a week ago and some after.
    let begin = now - 7 * day - 3_000 * 100_000;
    stock_at(&daemon.state(), 5_000, 100, |n| begin + n as i64 * 100_000);
    daemon.launch();
    let mut anna = daemon.register("anna");
    let page = until("old messages to go", || {
        anna.say("lobby", "meanwhile");
        let page = ask!(anna, "history", room: "lobby", after: 0, limit: 1).must_be("page");
        (page["first_seq"] != json!(1)).then_some(page)
    });
    let first = page["first_seq"].as_u64().expect("a number");
    assert!((2_999..=3_001).contains(&first), "{first}");
    daemon.logged("history that the settings do not keep was cleared away");
    until("the rows to go", || {
        let database = rusqlite::Connection::open(daemon.state().join("chatd.db")).ok()?;
        let rows: i64 = database
            .query_row(
                "SELECT count(*) FROM message WHERE id & 68719476735 < 2990",
                [],
                |row| row.get(0),
            )
            .ok()?;
        (rows == 0).then_some(())
    });
    assert!(daemon.ctl(&["check"]).done().contains("no hole"));
}

/// What cannot be gone by is told with its line, before anything goes.
#[test]
fn settings_that_cannot_be() {
    let daemon = Daemon::start();
    for (config, what) in [
        ("[history]\nkeep_days = 99999\n", "at most 36500"),
        ("[history]\nkeep_day = 9\n", "did you mean 'keep_days'"),
        ("[history]\nkeep_messages = -1\n", "line 2"),
    ] {
        daemon.configure(config);
        let refused = daemon.ctl(&["reload"]).failed(1);
        assert!(refused.contains(what), "{refused}");
    }
}
