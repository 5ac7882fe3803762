//! History that is cleared away: for everybody at once, whatever happens in between, and with the numbers kept.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Daemon, Heard, PATIENCE, Person, UNHURRIED, ask, refused, request, run};

/// How many rows there are below the beginnings of the logs.
fn rows_left(daemon: &Daemon) -> i64 {
    let database = rusqlite::Connection::open_with_flags(
        daemon.state().join("chatd.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    );
    let database = database.expect("the database is there");
    let sql = "SELECT count(*) FROM message WHERE id & 68719476735 < \
               (SELECT first_seq FROM room WHERE room.id = message.id >> 36)";
    database
        .query_row(sql, [], |row| row.get(0))
        .expect("a number")
}

/// Says so many things at once.
fn say_many(
    talker: &mut crate::support::Talker,
    room: &str,
    texts: impl Iterator<Item = String>,
) -> u64 {
    let texts: Vec<_> = texts.collect();
    let mut last = 0;
    for some in texts.chunks(200) {
        let requests = some
            .iter()
            .map(|text| request!("send", to: room, text: text));
        for id in talker.begin_all(requests) {
            last = talker.answer(id).must_be("sent").seq();
        }
    }
    last
}

/// Who is connected is told where the log begins now; history, search and cursors begin there; numbers go on.
#[test]
fn what_is_cleared_is_gone_for_everybody() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    for n in 1..=5 {
        anna.say("lobby", &format!("quagga {n}"));
    }
    anna.say("@boris", "between us");
    let dry = daemon.ctl_json(&["clear-history", "lobby", "--dry-run"]);
    assert_eq!((&dry["rooms"], &dry["messages"]), (&json!(1), &json!(5)));
    let asked = daemon.ctl(&["clear-history", "lobby"]).failed_in_a_line(2);
    assert!(asked.contains("--yes"), "{asked}");
    daemon.ctl(&["clear-history"]).failed(2);
    daemon.ctl(&["clear-history", "lobby", "--all"]).failed(2);
    let said = daemon.ctl(&["clear-history", "--yes", "lobby"]).done();
    assert_eq!(said, "cleared 5 messages of lobby away\n");
    for talker in [&mut anna, &mut boris] {
        let cleared = talker.push("cleared");
        assert_eq!(
            (cleared.text("room"), &cleared["first_seq"]),
            ("lobby", &json!(6))
        );
        let page = ask!(talker, "history", room: "lobby").must_be("page");
        assert_eq!(
            (&page["first_seq"], &page["last_seq"]),
            (&json!(6), &json!(5))
        );
        assert_eq!((page.texts().len(), &page["more"]), (0, &json!(false)));
        let page = ask!(talker, "history", room: "lobby", after: 0).must_be("page");
        assert!(page.texts().is_empty());
        let found = ask!(talker, "search", text: "quagga").must_be("page");
        assert!(found.texts().is_empty());
    }
    assert_eq!(anna.say("lobby", "on"), 6);
    boris.push_where("the next", |push| push["seq"] == 6);
    let mut back = daemon.greet();
    let welcome = back.resume(&boris.token, &[("lobby", 2), ("@anna", 0)]);
    assert_eq!(welcome.room("lobby")["first_seq"], 6);
    back.hears("lobby", 6, "anna", "on");
    back.hears("@anna", 1, "anna", "between us");

    let said = daemon
        .ctl(&["clear-history", "--yes", "@boris @anna"])
        .done();
    assert_eq!(said, "cleared 1 message of @boris @anna away\n");
    assert_eq!(back.push("cleared").text("room"), "@anna");
    anna.say("@boris", "again");
    let all = daemon.ctl_json(&["clear-history", "--yes", "--all"]);
    assert_eq!((&all["rooms"], &all["messages"]), (&json!(2), &json!(2)));
    let status = daemon.ctl_json(&["status"]);
    assert_eq!(status["messages"], 0);
    assert_eq!(anna.say("@boris", "third"), 3);
}

/// With `--before` only what is older goes; a wrong time is refused with examples.
#[test]
fn only_what_is_older_is_cleared() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    anna.say("lobby", "old");
    let page = ask!(anna, "history", room: "lobby").must_be("page");
    let first = page["messages"][0].text("at").to_owned();
    // The next millisecond, at least.
    let mut second = first.clone();
    while second == first {
        anna.say("lobby", "newer");
        let page = ask!(anna, "history", room: "lobby", limit: 1).must_be("page");
        second = page["messages"][0].text("at").to_owned();
    }
    let clear =
        |moment: &str| daemon.ctl_json(&["clear-history", "--yes", "lobby", "--before", moment]);
    assert_eq!(clear("1d")["messages"], 0);
    assert_eq!(clear("2020-01-01")["messages"], 0);
    assert_eq!(clear(&first)["messages"], 0);
    assert!(clear(&second)["messages"].as_u64() > Some(0));
    assert_eq!(clear(&second)["messages"], 0);
    let page = ask!(anna, "history", room: "lobby").must_be("page");
    assert_eq!(page["messages"][0].text("at"), second);
    for wrong in ["yesterday", "", "30", "2026-13-01"] {
        let refused = daemon.ctl(&["clear-history", "--yes", "lobby", "--before", wrong]);
        let refused = refused.failed(2);
        assert!(refused.contains("such as 12h or 7d"), "{refused}");
    }
}

/// Killed in the midst of it, the log begins where it was said, and the rest is removed after the start.
#[test]
fn a_kill_in_the_midst_of_clearing_loses_nothing_and_shows_nothing() {
    let mut daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    let last = say_many(
        &mut anna,
        "lobby",
        (0..4_000).map(|n| format!("quagga {n}")),
    );
    let old = rows_left(&daemon);
    daemon.ctl(&["clear-history", "--yes", "lobby"]).done();
    let kept = anna.say("lobby", "kept");
    assert_eq!((old, kept), (0, last + 1));
    daemon.kill_9();
    let left = rows_left(&daemon);
    assert!(left > 0, "it was faster than the kill");
    daemon.launch();
    let mut anna = daemon.resume(&anna.token, &[("lobby", 0)]);
    anna.hears("lobby", kept, "anna", "kept");
    let page = ask!(anna, "history", room: "lobby", after: 0).must_be("page");
    assert_eq!(page.texts(), [(kept, "kept".to_owned())]);
    let found = ask!(anna, "search", text: "quagga").must_be("page");
    assert!(found.texts().is_empty());
    let began = Instant::now();
    while rows_left(&daemon) > 0 {
        assert!(began.elapsed() < PATIENCE, "the rest is not removed");
        anna.say("lobby", "meanwhile");
    }
}

/// While a log is cleared again and again by two admins, people go on sending: nothing that is acknowledged above the
/// beginning of the log is lost, and the numbers have no hole.
#[test]
fn senders_go_on_while_two_admins_clear() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    say_many(
        &mut anna,
        "lobby",
        (0..1_000).map(|n| format!("quagga {n}")),
    );
    let longest = std::thread::scope(|scope| {
        let admins: Vec<_> = (0..2)
            .map(|_| daemon.ctl_command(&["clear-history", "--yes", "lobby"]))
            .map(|mut clear| {
                scope.spawn(move || {
                    for _ in 0..5 {
                        run(&mut clear, "").done();
                    }
                })
            })
            .collect();
        let (mut longest, mut last) = (Duration::ZERO, 1_000);
        while admins.iter().any(|admin| !admin.is_finished()) {
            let began = Instant::now();
            assert_eq!(anna.say("lobby", &format!("kept {}", last + 1)), last + 1);
            last += 1;
            longest = longest.max(began.elapsed());
        }
        longest
    });
    assert!(longest < PATIENCE, "{longest:?}");
    let end = anna.say("lobby", "the end");
    let (mut heard, mut first) = (1_000, 1);
    // What boris was told, in order: every number once, but what was cleared away before it was on its way to him.
    while heard < end {
        let next = boris.next();
        match next["type"].as_str() {
            Some("message") if next.seq() > 1_000 => {
                let is_whole = next.seq() == heard + 1 || next.seq() <= first;
                assert!(is_whole, "{} after {heard}, begins at {first}", next.seq());
                heard = next.seq();
            }
            Some("cleared") => {
                let begins = next["first_seq"].as_u64().expect("a number");
                assert!(begins >= first && begins <= end, "{begins} after {first}");
                first = begins;
            }
            Some("welcome") => {
                first = next.room("lobby")["first_seq"].as_u64().expect("a number");
            }
            _ => {}
        }
    }
    let mut back = daemon.greet();
    let welcome = back.resume(&anna.token, &[]);
    let begins = welcome.room("lobby")["first_seq"].as_u64();
    let mut log = Vec::new();
    let mut after = 0;
    loop {
        let page = ask!(back, "history", room: "lobby", after: after, limit: 200).must_be("page");
        log.extend(page.texts().into_iter().map(|(seq, _)| seq));
        after = log.last().copied().unwrap_or(end);
        if page["more"] == Value::Bool(false) {
            break;
        }
    }
    let begins = begins.expect("a number");
    assert_eq!(log, (begins..=end).collect::<Vec<_>>());
}

/// Somebody at a terminal is told; a client that was away begins where the log does.
#[test]
fn clearing_at_a_terminal() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    let mut terminal = anna.terminal(&["--plain"]);
    boris.say("lobby", "one");
    terminal.sees("one");
    daemon.ctl(&["clear-history", "--yes", "lobby"]).done();
    terminal.sees("the messages of lobby up to number 1 were cleared away by the admin");
    boris.say("lobby", "two");
    terminal.sees("two");
    terminal.types("/quit");
    assert_eq!(terminal.ends().0, 0);
    let said = anna.run(&["history", "lobby"]).done();
    assert!(said.contains("two") && !said.contains("one"), "{said}");
    refused!("no-such-message": boris, "redact", room: "lobby", seq: 1);
}

/// Prints what senders notice of a clearing; the figures stand in the report of the work.
#[test]
#[ignore = "a measurement of minutes: cargo test --test it what_senders_notice -- --ignored --nocapture"]
fn what_senders_notice() {
    const MESSAGES: usize = 20_000;
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    ask!(anna, "create", room: "tea").must_be("joined");
    let text = |n| format!("the kettle number {n} of the kitchen is on and tea is soon ready");
    say_many(&mut anna, "tea", (0..MESSAGES).map(text));
    let size = || std::fs::metadata(daemon.state().join("chatd.db")).map_or(0, |file| file.len());
    let mut measure = |what: &str, is_over: &dyn Fn() -> bool| {
        let (began, mut times) = (Instant::now(), Vec::new());
        while !is_over() || times.len() < 500 {
            let sent = Instant::now();
            anna.say("lobby", "and I go on");
            times.push(sent.elapsed());
        }
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 1_000];
        eprintln!(
            "{what}: {:?}, {} sends, median {:?}, 99% {:?}, longest {:?}, file {} bytes",
            began.elapsed(),
            times.len(),
            at(500),
            at(990),
            at(1_000),
            size()
        );
    };
    measure("before", &|| true);
    daemon.ctl(&["clear-history", "--yes", "tea"]).done();
    measure("rows", &|| rows_left(&daemon) == 0);
    let large = size();
    measure("space", &|| size() < large / 2);
    measure("after", &|| true);
}
