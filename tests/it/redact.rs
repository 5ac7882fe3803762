//! Texts that are taken away: out of every view, the index and the files; the numbers stay.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Daemon, Heard, Person, Talker, UNHURRIED, ask, refused, request, until};

/// What is known of a message: its kind and its text.
fn seen(page: &Value, seq: u64) -> (String, String) {
    let messages = page["messages"].as_array().expect("messages");
    let message = messages.iter().find(|message| message.seq() == seq);
    let message = message.expect("its number stays");
    (message.text("kind").into(), message.text("text").into())
}

fn redaction(push: &Value) -> (u64, &str, &Value) {
    (push.seq(), push.text("from"), &push["redacts"])
}

/// The author takes a text away; who is here, who comes back and who looks later hear of it and see it no more.
#[test]
fn an_author_takes_a_text_away() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    let clara = daemon.register("clara").token.clone();
    anna.say("lobby", "a quagga, alas");
    boris.say("lobby", "a what?");
    ask!(anna, "redact", room: "lobby", seq: 1).must_be("ok");
    for talker in [&mut anna, &mut boris] {
        let push = talker.push_where("the redaction", |push| push["kind"] == "redaction");
        assert_eq!(redaction(&push), (3, "anna", &json!(1)));
        let page = ask!(talker, "history", room: "lobby").must_be("page");
        assert_eq!(seen(&page, 1), ("redacted".into(), String::new()));
        assert_eq!(seen(&page, 3), ("redaction".into(), String::new()));
        let found = ask!(talker, "search", text: "quagga").must_be("page");
        assert!(found.texts().is_empty());
    }
    ask!(anna, "redact", room: "lobby", seq: 1).must_be("ok");
    assert_eq!(anna.say("lobby", "four"), 4, "twice stores nothing more");
    let mut clara = daemon.resume(&clara, &[("lobby", 0)]);
    let first = clara.push("message");
    assert_eq!(
        (first.seq(), first.text("kind"), first.text("text")),
        (1, "redacted", "")
    );

    refused!("forbidden": boris, "redact", room: "lobby", seq: 4);
    for seq in [0, 3, 5, 1_u64 << 40] {
        refused!("no-such-message": anna, "redact", room: "lobby", seq: seq);
    }
    refused!("no-such-room": anna, "redact", room: "tea", seq: 1);
    refused!("no-such-user": anna, "redact", room: "@nobody", seq: 1);
    refused!("bad-request": anna, "redact", room: "lobby");
    refused!("bad-request": anna, "send", to: "lobby", text: "x", kind: "redaction");
    refused!("bad-request": anna, "send", to: "lobby", text: "x", kind: "redacted");
    ask!(boris, "create", room: "tea").must_be("joined");
    refused!("not-a-member": anna, "redact", room: "tea", seq: 1);
    let hello = ask!(anna, "hello", protocol: 1, client: "stories/1").must_be("hello");
    assert_eq!(hello["features"], json!(["redaction", "moderation"]));

    daemon.kill_9();
    daemon.launch();
    let mut anna = daemon.resume(&anna.token, &[]);
    let page = ask!(anna, "history", room: "lobby").must_be("page");
    assert_eq!(seen(&page, 1), ("redacted".into(), String::new()));
    ask!(anna, "redact", room: "lobby", seq: 4).must_be("ok");
    assert_eq!(anna.say("lobby", "six"), 6);
}

/// The admin takes any text away, also between two, and is written down as having done so.
#[test]
fn an_admin_takes_a_text_away() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    anna.say("@boris", "a quagga");
    let dry = daemon.ctl_json(&["redact", "@anna @boris", "1", "--dry-run"]);
    assert_eq!((&dry["dryRun"], &dry["seq"]), (&json!(true), &json!(1)));
    let asked = daemon
        .ctl(&["redact", "@anna @boris", "1"])
        .failed_in_a_line(2);
    assert!(asked.contains("--yes"), "{asked}");
    let done = daemon.ctl(&["redact", "--yes", "@anna @boris", "1"]).done();
    assert_eq!(done, "the text of message 1 of @anna @boris is gone\n");
    let heard = |talker: &mut Talker, room: &str| {
        let push = talker.push_where("the redaction", |push| push["kind"] == "redaction");
        assert_eq!(push.text("room"), room);
        assert_eq!(redaction(&push), (2, "admin", &json!(1)));
    };
    heard(&mut anna, "@boris");
    heard(&mut boris, "@anna");
    let again = daemon.ctl_json(&["redact", "--yes", "@anna @boris", "1"]);
    assert_eq!(again["changed"], false);
    let missing = daemon.ctl(&["redact", "--yes", "@anna @boris", "2"]);
    assert!(missing.failed_in_a_line(1).contains("no message 2"));
    let page = ask!(boris, "history", room: "@anna").must_be("page");
    assert_eq!(page["messages"][1].text("from"), "admin");
    assert_eq!(seen(&page, 1), ("redacted".into(), String::new()));
    let exported = daemon.ctl(&["export", "history", "--direct"]).done();
    assert!(exported.contains(",admin,redaction,"), "{exported}");
}

/// Who is behind while it happens is never given the text, or is given it before the redaction.
#[test]
fn who_is_behind_reads_across_a_redaction() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    let slow = daemon.register("slow").token.clone();
    let mut slow_one = Talker::connect_narrow(daemon.address());
    slow_one.hello();
    slow_one.resume(&slow, &[]);
    let long = "x".repeat(8_000);
    let mut secrets = Vec::new();
    for round in 0..300 {
        let text = match round % 10 {
            5 => format!("quagga {round}"),
            _ => long.clone(),
        };
        let seq = anna.say("lobby", &text);
        if round % 10 == 5 {
            secrets.push(seq);
        }
    }
    for seq in &secrets {
        ask!(anna, "redact", room: "lobby", seq: seq).must_be("ok");
    }
    let end = anna.say("lobby", "the end");
    let mut texts = std::collections::BTreeMap::new();
    let mut last = 0;
    while last < end {
        let message = slow_one.push("message");
        assert_eq!(message.seq(), last + 1);
        last = message.seq();
        texts.insert(last, message.text("text").to_owned());
        if let Some(redacted) = message["redacts"].as_u64() {
            texts.insert(redacted, String::new());
        }
    }
    assert!(texts.values().all(|text| !text.contains("quagga")));
    assert!(secrets.iter().all(|seq| texts[seq].is_empty()));
}

/// While the daemon runs on, the text and its words lie nowhere in its files any more.
#[test]
fn a_redacted_text_lies_nowhere() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    let ids =
        anna.begin_all((0..500).map(|n| request!("send", to: "lobby", text: format!("word{n}"))));
    ids.into_iter()
        .for_each(|id| drop(anna.answer(id).must_be("sent")));
    let seq = anna.say("lobby", "the Zyzzyva of Quagga");
    until("the index has it", || {
        let found = ask!(anna, "search", text: "zyzzyva").must_be("page");
        (!found.texts().is_empty()).then_some(())
    });
    let lies_open = |text: &str| {
        let files = fs::read_dir(daemon.state()).expect("the state folder");
        let files = files.map(|file| file.expect("an entry").path());
        files.filter(|path| path.is_file()).any(|path| {
            let bytes = fs::read(path).expect("the file is ours");
            let mut windows = bytes.windows(text.len());
            windows.any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
        })
    };
    assert!(lies_open("zyzzyva") && lies_open("quagga"));
    ask!(anna, "redact", room: "lobby", seq: seq).must_be("ok");
    until("it is wiped", || {
        (!lies_open("zyzzyva") && !lies_open("quagga")).then_some(())
    });
    assert!(lies_open("word77"), "the others stay");
}

/// `/redact` at a terminal, and what others see of it there, in a pipe and as JSON.
#[test]
fn redacting_with_the_client() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    let mut terminal = anna.terminal(&["--plain"]);
    terminal.types("a quagga");
    boris.hears("lobby", 1, "anna", "a quagga");
    // Not the echo of what was typed: the message itself.
    terminal.sees("<anna> a quagga");
    terminal.types("/redact");
    let push = boris.push_where("the redaction", |push| push["kind"] == "redaction");
    assert_eq!(redaction(&push), (2, "anna", &json!(1)));
    terminal.sees("message 1 was removed by anna");
    terminal.types("/redact 7");
    terminal.sees("there is no message of that number");
    terminal.types("/redact x");
    terminal.sees("'x' is no number of a message");
    terminal.types("/quit");
    assert_eq!(terminal.ends().0, 0);
    let said = anna.run(&["tail", "lobby"]).done();
    assert!(
        said.contains("lobby — message 1 of anna was removed"),
        "{said}"
    );
    assert!(
        said.contains("lobby — message 1 was removed by anna"),
        "{said}"
    );
    let lines = anna.run(&["tail", "--json", "lobby"]).json_lines();
    assert_eq!(
        (lines[0].text("kind"), lines[0].text("text")),
        ("redacted", "")
    );
    assert_eq!(
        (lines[1].text("kind"), &lines[1]["redacts"]),
        ("redaction", &json!(1))
    );
}
