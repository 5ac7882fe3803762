//! Too much of what is good in small measure: each bound holds, with its error or its timeout, and nobody else notices.

use std::time::{Duration, Instant};

use crate::support::{
    Daemon, Heard, PASSWORD, PATIENCE, Talker, UNHURRIED, View, ask, refused, request, undisturbed,
    until,
};

/// A thousand requests in one write are all answered, also where far fewer may be outstanding.
#[test]
fn a_thousand_requests_in_one_write() {
    undisturbed("[limits]\nrequests_outstanding = 8", |daemon| {
        let mut anna = daemon.register("anna");
        let ids = anna.begin_all((0..1_000).map(|n| match n % 5 {
            0 => request!("send", to: "lobby", text: format!("number {n}")),
            1 => request!("history", room: "lobby", limit: 1),
            2 => request!("echo", text: n.to_string()),
            3 => request!("rooms"),
            _ => request!("no-such-thing"),
        }));
        for (n, id) in ids.into_iter().enumerate() {
            let due = ["sent", "page", "echo", "rooms", "error"][n % 5];
            let answer = anna.answer(id).must_be(due);
            assert!(due != "echo" || answer["text"] == n.to_string().as_str());
        }
        let last = View::of_log(&mut anna, "lobby").cursor;
        assert_eq!(last, 201, "'before' and 200 others");
    });
}

/// Who asks and asks and never reads is not read any more: their requests wait on their own side.
#[test]
fn asking_without_reading() {
    let config = format!("{UNHURRIED}outbox_bytes = 65536");
    undisturbed(&config, |daemon| {
        let mut anna = daemon.register("anna");
        let fill: Vec<_> = (0..8)
            .map(|_| request!("send", to: "lobby", text: "x".repeat(8_000)))
            .collect();
        for id in anna.begin_all(fill) {
            anna.answer(id).must_be("sent");
        }
        let mut greedy = Talker::connect_narrow(daemon.address());
        greedy.hello();
        greedy.resume(&anna.token, &[]);
        let stream = greedy.stream().try_clone().expect("a second handle");
        stream
            .set_write_timeout(Some(Duration::from_millis(500)))
            .expect("a TCP socket");
        let pages = (0..1_000).map(|_| request!("history", room: "lobby", limit: 200));
        let pages: Vec<_> = pages.collect();
        // Each round asks for 64 MB.
        let rounds = (0..100).take_while(|_| greedy.try_begin_all(pages.clone()).is_some());
        let rounds = rounds.count();
        assert!(
            rounds < 100,
            "100 000 requests were taken from who reads no answer"
        );
    });
}

/// Who asks for a lot at once is answered piece by piece: what nobody takes does not pile up.
#[test]
fn asking_for_a_lot_without_reading() {
    undisturbed(UNHURRIED, |daemon| {
        let mut anna = daemon.register("anna");
        let fill = (0..10).map(|_| request!("send", to: "lobby", text: "x".repeat(8_000)));
        for id in anna.begin_all(fill) {
            anna.answer(id).must_be("sent");
        }
        let before = daemon.memory_kib();
        let mut greedy: Vec<_> = (0..20)
            .map(|_| {
                let mut greedy = Talker::connect_narrow(daemon.address());
                greedy.hello();
                greedy.resume(&anna.token, &[]);
                greedy.begin_all((0..256).map(|_| request!("history", room: "lobby", limit: 200)));
                greedy
            })
            .collect();
        // Lookups are answered in turn: when she has been, so have all that were let in before her.
        for _ in 0..10 {
            ask!(anna, "history", room: "lobby").must_be("page");
        }
        let grown = daemon.memory_kib().saturating_sub(before);
        assert!(grown < 32 * 1024, "{grown} KiB wait for 20 who do not read");
        // And nobody is forgotten.
        let patient = &mut greedy[0];
        for id in 3..=258 {
            patient.answer(id).must_be("page");
        }
    });
}

/// A frame has to be whole in time: a byte now and then does not put that off.
#[test]
fn a_byte_at_a_time() {
    undisturbed("[limits]\nframe_seconds = 2", |daemon| {
        let mut anna = daemon.register("anna");
        let request = request!("echo", text: "x".repeat(1_000)).to_string();
        let bytes = [&(request.len() as u32).to_be_bytes(), request.as_bytes()].concat();
        let started = Instant::now();
        let mut bytes = bytes.iter();
        // The pace of the bytes is what is shown; the end comes by itself.
        while anna.is_open_for(Duration::from_millis(400)) {
            assert!(started.elapsed() < PATIENCE, "never closed");
            let byte = bytes.next().expect("two seconds are over long before");
            let _ = anna.try_raw(&[*byte]);
        }
        assert!(
            started.elapsed() > Duration::from_millis(1_500),
            "closed before its time"
        );
        assert_eq!(anna.expect_bye().text("reason"), "frame-timeout");
    });
}

/// Who connects and does not log in is sent away in time, greeted or not; who has logged in may be silent.
#[test]
fn connecting_and_saying_nothing() {
    undisturbed("[limits]\nlogin_seconds = 2", |daemon| {
        let mut anna = daemon.register("anna");
        let started = Instant::now();
        let mut silent = daemon.connect();
        let mut greeted = daemon.greet();
        let mut many: Vec<_> = (0..50).map(|_| daemon.connect()).collect();
        for someone in [&mut silent, &mut greeted] {
            assert_eq!(someone.expect_bye().text("reason"), "login-timeout");
        }
        many.iter_mut()
            .for_each(|silent| drop(silent.expect_closed()));
        assert!(
            started.elapsed() > Duration::from_millis(1_500),
            "closed before its time"
        );
        anna.say("lobby", "I am patient");
    });
}

/// The bound of connections: once all are logged in, who comes past it is not greeted, and as soon as somebody leaves
/// there is room.
#[test]
fn too_many_connections() {
    let daemon = Daemon::start_with("[limits]\nconnections = 5", &[]);
    let mut inside = vec![daemon.register("anna")];
    for _ in 1..5 {
        inside.push(daemon.resume(&inside[0].token, &[]));
    }
    let greeted = |patience| {
        let mut talker = Talker::try_connect(daemon.address())?;
        let hello = request!("hello", protocol: 1, client: "stories/1");
        let id = talker.try_begin_all([hello])?[0];
        talker
            .answer_within(id, patience)
            .filter(|answer| answer["type"] == "hello")
    };
    assert_eq!(greeted(Duration::from_millis(300)), None);
    assert_eq!(ask!(inside[0], "ping").must_be("pong")["type"], "pong");
    inside.pop();
    until("there is room again", || {
        greeted(Duration::from_millis(300))
    });
}

/// More logins of one person than sessions: the one that was idle longest ends.
#[test]
fn too_many_sessions() {
    let daemon = Daemon::start_with("[limits]\nsessions_per_user = 2", &[]);
    let first = daemon.register("anna").token.clone();
    let second = daemon.login("anna").token.clone();
    daemon.login("anna");
    refused!("bad-credentials": daemon.greet(), "resume", token: first);
    daemon.resume(&second, &[]).say("lobby", "still in");
}

/// More passwords at once than may wait: each is answered, some with `busy` and when to try again.
#[test]
fn too_many_passwords_at_once() {
    undisturbed(
        "[limits]\npassword_threads = 1\npasswords_waiting = 1",
        |daemon| {
            daemon.register("anna");
            let mut guests: Vec<_> = (0..30).map(|_| daemon.greet()).collect();
            let login = request!("login", name: "anna", password: PASSWORD);
            let ids: Vec<_> = guests
                .iter_mut()
                .map(|guest| guest.begin(login.clone()))
                .collect();
            let mut welcomes = 0;
            for (guest, id) in guests.iter_mut().zip(ids) {
                let answer = guest.answer(id);
                match answer.text("type") {
                    "welcome" => welcomes += 1,
                    _ => {
                        assert_eq!(answer.code(), "busy");
                        assert!(answer["retry_after_ms"].is_u64(), "{answer}");
                    }
                }
            }
            assert!(welcomes > 0, "everyone was sent away");
        },
    );
}
