//! `kill -9`, and what is there afterwards: everything that was acknowledged, once, in one order.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::support::{Daemon, Heard, PATIENCE, Talker, View, ask, refused, request};

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

/// How many each sender says in all, how many of them at once without an answer, and how often the server dies.
const SENDS: usize = 400;
const AT_ONCE: usize = 16;
const DEATHS: usize = 4;
const SENDERS: usize = 4;

/// Several people send at full speed while the server is killed again and again. In the end the log is dense, holds
/// each message once, each acknowledged one where it was acknowledged, and everybody has seen the same.
#[test]
fn killed_under_load_nothing_acknowledged_is_lost() {
    let mut daemon = Daemon::start();
    let (acknowledged, counter) = channel();
    let mut senders: Vec<Speaker> = (0..SENDERS)
        .map(|n| {
            Speaker::start(
                n,
                daemon.register(&format!("sender-{n}")),
                acknowledged.clone(),
            )
        })
        .collect();
    drop(acknowledged);
    let mut watcher = daemon.register("watcher");
    let token = watcher.token.clone();
    let mut seen = View::default();
    senders
        .iter_mut()
        .for_each(|sender| sender.goes_on(&daemon));

    let between = SENDERS * SENDS / (DEATHS + 1);
    for _ in 0..DEATHS {
        for _ in 0..between {
            counter.recv_timeout(PATIENCE).expect("sends go on");
        }
        daemon.kill_9();
        watch_to_the_end(&mut watcher, &mut seen);
        daemon.launch();
        watcher = daemon.resume(&token, &[("lobby", seen.cursor)]);
        senders
            .iter_mut()
            .for_each(|sender| sender.goes_on(&daemon));
    }
    let told: Vec<_> = senders.into_iter().map(Speaker::ends).collect();

    let log = View::of_log(&mut daemon.login("watcher"), "lobby");
    let all = (SENDERS * SENDS) as u64;
    assert!(log.is_whole(all), "the log has {} of {all}", log.cursor);
    let mut once = BTreeMap::new();
    for (seq, text) in &log.texts {
        let before = once.insert(text.clone(), *seq);
        assert_eq!(before, None, "'{text}' is there twice");
    }
    for (text, seq) in told.iter().flatten() {
        assert_eq!(once.get(text), Some(seq), "'{text}' was acknowledged");
    }
    watch(&mut watcher, &mut seen, all);
    assert_eq!(seen, log, "the watcher saw something else");
}

/// Reads messages of the lobby up to this number.
fn watch(watcher: &mut Talker, seen: &mut View, last: u64) {
    while seen.cursor < last {
        let (seq, _, text) = watcher.expect_message("lobby");
        seen.heard(seq, &text);
    }
}

/// Reads messages of the lobby until the server is gone.
fn watch_to_the_end(watcher: &mut Talker, seen: &mut View) {
    for push in watcher.expect_closed() {
        if push["type"] == "message" {
            seen.heard(push.seq(), push.text("text"));
        }
    }
}

/// Somebody in a thread of their own who sends, and after each death of the server sends again under the same keys
/// what was not acknowledged.
struct Speaker {
    up: Sender<std::net::SocketAddr>,
    thread: JoinHandle<BTreeMap<String, u64>>,
}

impl Speaker {
    fn start(number: usize, talker: Talker, acknowledged: Sender<()>) -> Self {
        let (up, ups) = channel();
        let token = talker.token.clone();
        drop(talker);
        let thread = std::thread::spawn(move || send_all(number, &token, &ups, &acknowledged));
        Self { up, thread }
    }

    /// Tells that the server is there, for the first time or again.
    fn goes_on(&mut self, daemon: &Daemon) {
        // Who has sent everything listens no longer.
        let _ = self.up.send(daemon.address());
    }

    fn ends(self) -> BTreeMap<String, u64> {
        drop(self.up);
        match self.thread.join() {
            Ok(told) => told,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn send_all(
    number: usize,
    token: &str,
    ups: &Receiver<std::net::SocketAddr>,
    acknowledged: &Sender<()>,
) -> BTreeMap<String, u64> {
    let mut told = BTreeMap::new();
    let texts: Vec<_> = (0..SENDS).map(|n| format!("{number}-{n}")).collect();
    while told.len() < SENDS {
        let address = ups.recv_timeout(PATIENCE).expect("the server comes back");
        // The server may be dead again before the greeting is over: then it comes back once more.
        let Some(mut talker) = greet(address, token) else {
            continue;
        };
        let missing: Vec<_> = texts
            .iter()
            .filter(|text| !told.contains_key(*text))
            .cloned()
            .collect();
        for some in missing.chunks(AT_ONCE) {
            let sends = some
                .iter()
                .map(|text| request!("send", to: "lobby", text: text, key: text));
            let Some(ids) = talker.try_begin_all(sends) else {
                break;
            };
            let before = told.len();
            for (text, id) in some.iter().zip(ids) {
                let Some(answer) = talker.try_answer(id) else {
                    break;
                };
                told.insert(text.clone(), answer.must_be("sent").seq());
                // Nobody counts any more after the last death.
                let _ = acknowledged.send(());
            }
            if told.len() < before + some.len() {
                break;
            }
        }
    }
    told
}

fn greet(address: std::net::SocketAddr, token: &str) -> Option<Talker> {
    let mut talker = Talker::try_connect(address)?;
    let ids = talker.try_begin_all([
        request!("hello", protocol: 1, client: "stories/1"),
        request!("resume", token: token),
    ])?;
    talker.try_answer(ids[0])?.must_be("hello");
    talker.try_answer(ids[1])?.must_be("welcome");
    Some(talker)
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
