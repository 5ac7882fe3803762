//! Somebody who is too fast: told so and when to go on, loses nothing, and nobody else notices.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{
    Daemon, Heard, Person, Talker, UNHURRIED, View, ask, refused, request, undisturbed, until,
};

/// What a lively human needs, and little more.
const SLOW: &str = "[limits]\nmessages_per_second = 20\nmessages_burst = 30\n";

/// Waits as long as the refusal asks for.
#[track_caller]
fn waits(talker: &mut Talker, refusal: &Value) {
    assert_eq!(refusal.code(), "rate-limited");
    let wait = refusal["retry_after_ms"].as_u64();
    let wait = wait.unwrap_or_else(|| panic!("it does not say when: {refusal}"));
    assert!(wait <= 1_000, "{refusal}");
    // Reads meanwhile; a pause in which nothing comes is what is waited for.
    assert!(talker.is_open_for(Duration::from_millis(wait)));
}

/// A bot that says a hundred things at once and does as it is told has each of them stored once, in the order said.
/// Meanwhile others talk, its own other device reads, and may speak as soon as there is something left for it.
#[test]
fn a_bot_that_floods() {
    undisturbed(SLOW, |daemon| {
        let mut bot = daemon.register("bot");
        let mut phone = daemon.login("bot");
        let mut anna = daemon.register("anna");
        let mut left: Vec<usize> = (0..100).collect();
        let mut rounds = 0;
        while !left.is_empty() {
            let say = |n: &usize| request!("send", to: "lobby", text: format!("line {n}"), key: format!("k{n}"));
            let ids = bot.begin_all(left.iter().map(say));
            let answers: Vec<_> = ids.into_iter().map(|id| bot.answer(id)).collect();
            let passed = answers.iter().filter(|answer| answer["type"] == "sent");
            let passed = passed.count();
            assert!(
                passed >= 20 || rounds == 0 || passed == left.len(),
                "{passed} passed"
            );
            let refused = answers.get(passed);
            assert!(
                answers[passed..]
                    .iter()
                    .all(|answer| answer["type"] == "error"),
                "something overtook what was refused: {answers:?}"
            );
            left.drain(..passed);
            let asked = Instant::now();
            anna.say("lobby", "I notice nothing");
            ask!(phone, "history", room: "lobby").must_be("page");
            assert!(asked.elapsed() < Duration::from_secs(1), "others wait");
            if let Some(refused) = refused {
                waits(&mut bot, refused);
            }
            rounds += 1;
        }
        assert!(rounds > 2, "nothing held it back");
        until("the telephone may speak", || {
            let answer = ask!(phone, "send", to: "lobby", text: "that was me");
            (answer["type"] == "sent").then_some(()).or_else(|| {
                waits(&mut phone, &answer);
                None
            })
        });
        // What is sent again under its key is answered, and stored no second time.
        assert!(bot.is_open_for(Duration::from_millis(200)));
        let again = ask!(bot, "send", to: "lobby", text: "line 7", key: "k7").must_be("sent");
        let log = View::of_log(&mut anna, "lobby");
        assert_eq!(log.texts[&again.seq()], "line 7");
        let lines = log.texts.values().filter(|text| text.starts_with("line"));
        let expected: Vec<_> = (0..100).map(|n| format!("line {n}")).collect();
        assert_eq!(lines.cloned().collect::<Vec<_>>(), expected);
    });
}

/// One person with many devices has no more than one person with one.
#[test]
fn many_devices_are_one_person() {
    let daemon = Daemon::start_with(SLOW, &[]);
    let token = daemon.register("bot").token.clone();
    let started = Instant::now();
    let mut devices: Vec<_> = (0..20).map(|_| daemon.resume(&token, &[])).collect();
    let ids: Vec<_> = devices
        .iter_mut()
        .map(|device| device.begin_all((0..10).map(|_| request!("send", to: "lobby", text: "x"))))
        .collect();
    let mut sent = 0;
    for (device, ids) in devices.iter_mut().zip(ids) {
        for id in ids {
            sent += u64::from(device.answer(id)["type"] == "sent");
        }
    }
    let most = 30 + started.elapsed().as_secs_f64().ceil() as u64 * 20;
    assert!(
        (30..=most).contains(&sent),
        "{sent} of 200 passed, at most {most}"
    );
}

/// A log that is poured into chat-client arrives whole and in order, only later, and the program says why once.
#[test]
fn a_log_is_poured_in() {
    let daemon = Daemon::start_with(SLOW, &[]);
    let mut anna = daemon.register("anna");
    daemon.register("bot");
    let lines: Vec<_> = (0..120).map(|n| format!("line {n}")).collect();
    let bot = Person::new(&daemon, "bot");
    let output = bot.run_with(&["--plain"], &lines.join("\n"));
    let waiting = "(waiting: the server asks to go slower)";
    assert_eq!(output.stderr.matches(waiting).count(), 1, "{output:?}");
    assert!(!output.stderr.contains("not sent"), "{output:?}");
    output.done();
    let log = View::of_log(&mut anna, "lobby");
    assert_eq!(log.texts.into_values().collect::<Vec<_>>(), lines);
}

/// Somebody who searches without end is held back at searching and at nothing else; others find what they look for.
#[test]
fn searching_without_end() {
    let config = UNHURRIED.replace("searches_waiting = 1_000_000", "searches_waiting = 3");
    undisturbed(&config, |daemon| {
        let mut anna = daemon.register("anna");
        let fill = (0..2_000).map(|n| request!("send", to: "lobby", text: format!("needle {n}")));
        for id in anna.begin_all(fill) {
            anna.answer(id).must_be("sent");
        }
        let mut greedy = daemon.register("greedy");
        let searches =
            greedy.begin_all((0..200).map(|_| request!("search", text: "needle", limit: 200)));
        greedy.say("lobby", "and I talk");
        let asked = Instant::now();
        anna.say("lobby", "so do I");
        ask!(anna, "search", text: "needle", limit: 1).must_be("page");
        assert!(asked.elapsed() < Duration::from_secs(5), "others wait");
        let mut refused = 0;
        for id in searches {
            let answer = greedy.answer(id);
            if answer["type"] != "page" {
                assert_eq!(answer.code(), "rate-limited");
                assert!(answer.text("text").contains("searches_waiting"), "{answer}");
                refused += 1;
            }
        }
        assert!((1..198).contains(&refused), "{refused} of 200 were refused");
        ask!(greedy, "search", text: "needle", limit: 1).must_be("page");
    });
}

/// The admin may change at any time how fast people may be, and nobody is held to what was before.
#[test]
fn other_rates_from_now_on() {
    let daemon = Daemon::start_with("[limits]\npages_per_second = 1\npages_burst = 2", &[]);
    let mut anna = daemon.register("anna");
    for _ in 0..2 {
        ask!(anna, "history", room: "lobby").must_be("page");
    }
    refused!("rate-limited": anna, "history", room: "lobby");
    daemon.configure("[limits]\npages_burst = 100");
    daemon.ctl(&["reload"]).done();
    for _ in 0..50 {
        ask!(anna, "history", room: "lobby").must_be("page");
    }
}

/// A bound that would let nothing pass is refused at the start.
#[test]
fn a_rate_of_nothing() {
    for limit in [
        "messages_per_second",
        "text_bytes_burst",
        "searches_waiting",
    ] {
        let daemon = Daemon::prepare(&format!("[limits]\n{limit} = 0"), &[]);
        let refused = crate::support::run(&mut daemon.command(), "").failed_in_a_line(78);
        assert!(refused.contains(limit), "{refused}");
    }
}

/// What belongs to one person, or to all, has its bound, and its refusal names it.
#[test]
fn so_many_and_no_more() {
    let config = "[limits]\nusers = 4\nrooms = 3\nroom_members = 2\ndirect_conversations = 2";
    let daemon = Daemon::start_with(config, &[]);
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    let mut clara = daemon.register("clara");
    daemon.register("dora");
    let named = |answer: Value, limit: &str| {
        assert_eq!(answer.code(), "forbidden");
        assert!(
            answer.text("text").contains(&format!("`{limit}`")),
            "{answer}"
        );
    };
    let mut fifth = daemon.greet();
    let password = crate::support::PASSWORD;
    named(
        ask!(fifth, "register", name: "emil", password: password),
        "users",
    );
    for room in ["tea", "milk"] {
        ask!(anna, "create", room: room).must_be("joined");
    }
    named(ask!(boris, "create", room: "sugar"), "rooms");
    ask!(boris, "join", room: "tea").must_be("joined");
    named(ask!(clara, "join", room: "tea"), "room_members");
    ask!(boris, "leave", room: "tea").must_be("ok");
    ask!(clara, "join", room: "tea").must_be("joined");
    anna.say("@boris", "one");
    anna.say("@clara", "two");
    named(
        ask!(anna, "send", to: "@dora", text: "three"),
        "direct_conversations",
    );
    let mut dora = daemon.login("dora");
    named(
        ask!(dora, "send", to: "@anna", text: "hers is full, too"),
        "direct_conversations",
    );
    anna.say("@boris", "what is there goes on");
}
