//! `kill -9`, and what is there afterwards: everything that was acknowledged, once, in one order.

use serde_json::{Value, json};

use crate::support::{Daemon, Heard, View, ask, refused, request};

/// Nothing acknowledged is lost by a `kill -9` of the server, sessions neither, and numbers go on without a hole.
#[test]
fn a_killed_server_comes_back_with_everything() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(anna, "create", room: "tea").must_be("joined");
    ask!(boris, "join", room: "tea").must_be("joined");
    ask!(anna, "topic", room: "tea", topic: "kettles").must_be("ok");
    for n in 1..=20 {
        assert_eq!(anna.say("tea", &format!("number {n}")), n);
    }
    anna.say("@boris", "between us");
    ask!(anna, "read", room: "tea", seq: 17).must_be("ok");
    daemon.kill_9();
    boris.expect_closed();

    daemon.launch();
    let mut back = daemon.greet();
    let welcome = back.resume(&anna.token, &[("tea", 15)]);
    let tea = welcome.room("tea");
    assert_eq!(
        (&tea["last_seq"], tea.text("topic"), &tea["read_seq"]),
        (&json!(20), "kettles", &json!(17))
    );
    for n in 16..=20 {
        back.hears("tea", n, "anna", &format!("number {n}"));
    }
    let mut boris = daemon.resume(&boris.token, &[("@anna", 0)]);
    boris.hears("@anna", 1, "anna", "between us");
    assert_eq!(back.say("tea", "goes on"), 21);
    boris.hears("tea", 21, "anna", "goes on");
    daemon.login("boris");
}

/// A send that is repeated with its key is answered as the first time and stored once: also by another connection,
/// also after a `kill -9`, also with another text.
#[test]
fn a_repeated_key_is_stored_once() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    let without_re = |mut answer: Value| {
        answer.as_object_mut().expect("an object").remove("re");
        answer.must_be("sent")
    };
    let first = without_re(ask!(anna, "send", to: "lobby", text: "once", key: "k"));
    let again = without_re(ask!(anna, "send", to: "lobby", text: "once", key: "k"));
    assert_eq!(first, again);
    let other = without_re(ask!(anna, "send", to: "lobby", text: "twice?", key: "k"));
    assert_eq!(first, other);
    let theirs = ask!(boris, "send", to: "lobby", text: "mine", key: "k").must_be("sent");
    assert_eq!(theirs.seq(), 2, "a key is its author's alone");

    daemon.kill_9();
    daemon.launch();
    let mut anna = daemon.resume(&anna.token, &[]);
    let late = without_re(ask!(anna, "send", to: "lobby", text: "once", key: "k"));
    assert_eq!(first, late);
    let mut phone = daemon.login("anna");
    let ids =
        phone.begin_all((0..5).map(|_| request!("send", to: "lobby", text: "new", key: "k2")));
    let answers = ids.into_iter().map(|id| without_re(phone.answer(id)));
    let answers: Vec<_> = answers.collect();
    assert_eq!(answers[0].seq(), 3);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let page = ask!(anna, "history", room: "lobby").must_be("page");
    let texts = [(1, "once"), (2, "mine"), (3, "new")];
    assert_eq!(
        page.texts(),
        texts.map(|(seq, text)| (seq, text.to_owned()))
    );
}

/// A stop and a start change nothing that people see, however often.
#[test]
fn many_restarts_in_a_row() {
    let mut daemon = Daemon::start();
    let token = daemon.register("anna").token.clone();
    for n in 1..=5 {
        let mut anna = daemon.resume(&token, &[("lobby", n - 1)]);
        assert_eq!(anna.say("lobby", &format!("round {n}")), n);
        match n % 2 {
            0 => daemon.kill_9(),
            _ => daemon.stop(),
        }
        daemon.launch();
    }
    let mut anna = daemon.resume(&token, &[]);
    assert!(View::of_log(&mut anna, "lobby").is_whole(5));
}

/// What was revoked stays revoked: a token that died before a `kill -9` is dead after it.
#[test]
fn a_dead_token_stays_dead() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut phone = daemon.login("anna");
    ask!(phone, "logout").must_be("ok");
    ask!(anna, "create", room: "tea").must_be("joined");
    ask!(anna, "leave", room: "tea").must_be("ok");
    daemon.kill_9();
    daemon.launch();
    refused!("bad-credentials": daemon.greet(), "resume", token: phone.token.clone());
    let mut back = daemon.greet();
    let welcome = back.resume(&anna.token, &[]);
    assert_eq!(welcome["rooms"].as_array().map(Vec::len), Some(1));
}

/// A message is heard only once it is stored: whoever has heard it finds it after a `kill -9` that follows at once.
#[test]
fn what_was_heard_is_stored() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    for round in 0..5 {
        anna.begin_all(
            (0..50).map(|n| request!("send", to: "lobby", text: format!("{round}-{n}"))),
        );
        let (heard, _, text) = boris.expect_message("lobby");
        daemon.kill_9();
        daemon.launch();
        boris = daemon.resume(&boris.token, &[]);
        let page = ask!(boris, "history", room: "lobby", after: heard - 1, limit: 1);
        assert_eq!(page.texts(), [(heard, text)]);
        anna = daemon.resume(&anna.token, &[]);
        boris.pushed();
    }
}
