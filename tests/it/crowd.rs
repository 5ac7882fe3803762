//! Many people at once, and those who do not keep up.

use std::thread;

use crate::support::{Daemon, Heard, PASSWORD, Talker, UNHURRIED, View, ask, request, undisturbed};

const PEOPLE: usize = 200;
const MESSAGES_EACH: usize = 5;
const THREADS: usize = 4;

/// Two hundred people come at once and all talk in one room: everybody has everything, in the same order.
#[test]
fn two_hundred_people_in_one_room() {
    let daemon = Daemon::start();
    let address = daemon.address();
    let share = PEOPLE / THREADS;
    let come: Vec<_> = (0..THREADS)
        .map(|part| thread::spawn(move || newcomers(address, part * share..(part + 1) * share)))
        .collect();
    let groups: Vec<_> = come
        .into_iter()
        .map(|part| part.join().expect("all are in"))
        .collect();
    assert_eq!(daemon.ctl_json(&["status"])["usersOnline"], PEOPLE);
    let talk: Vec<_> = groups
        .into_iter()
        .map(|group| thread::spawn(move || all_talk(group)))
        .collect();
    let views: Vec<View> = talk
        .into_iter()
        .flat_map(|part| part.join().expect("all were heard"))
        .collect();
    assert_eq!(views.len(), PEOPLE);
    let first = &views[0].texts;
    assert!(
        views.iter().all(|view| view.texts == *first),
        "two people have seen different things"
    );
    let log = View::of_log(&mut daemon.login("guest-0"), "lobby");
    assert_eq!(log.texts, *first);
}

/// Registers these people without waiting for one before the next.
fn newcomers(
    address: std::net::SocketAddr,
    numbers: std::ops::Range<usize>,
) -> Vec<(usize, Talker)> {
    let mut people: Vec<_> = numbers
        .map(|number| (number, Talker::connect(address)))
        .collect();
    let ids: Vec<_> = people
        .iter_mut()
        .map(|(number, talker)| {
            let name = format!("guest-{number}");
            talker.begin_all([
                request!("hello", protocol: 1, client: "stories/1"),
                request!("register", name: name, password: PASSWORD),
            ])
        })
        .collect();
    for ((_, talker), ids) in people.iter_mut().zip(ids) {
        talker.answer(ids[0]).must_be("hello");
        talker.answer(ids[1]).must_be("welcome");
    }
    people
}

/// Everyone says their messages in one write, then reads until they have all of everybody's.
fn all_talk(people: Vec<(usize, Talker)>) -> Vec<View> {
    let all = (PEOPLE * MESSAGES_EACH) as u64;
    let mut begun = Vec::new();
    for (number, mut talker) in people {
        let texts: Vec<_> = (0..MESSAGES_EACH)
            .map(|n| format!("{n} of {number}"))
            .collect();
        let sends = texts
            .iter()
            .map(|text| request!("send", to: "lobby", text: text));
        let ids = talker.begin_all(sends.collect::<Vec<_>>());
        begun.push((talker, texts, ids));
    }
    let read = begun.into_iter().map(|(mut talker, texts, ids)| {
        let mut view = View::default();
        for (text, id) in texts.iter().zip(ids) {
            view.sent(talker.answer(id).must_be("sent").seq(), text);
        }
        while (view.texts.len() as u64) < all {
            let (seq, _, text) = talker.expect_message("lobby");
            view.heard(seq, &text);
        }
        assert!(view.is_whole(all));
        view
    });
    read.collect()
}

/// Ten people stop reading while much is said. The others do not notice, memory stays bounded, and once the ten read
/// again they are given everything in order.
#[test]
fn who_does_not_read_lags_and_catches_up() {
    undisturbed(
        &format!("{UNHURRIED}outbox_bytes = 65536\nring_bytes = 1048576"),
        |daemon| {
            let mut anna = daemon.register("anna");
            let mut boris = daemon.register("boris");
            let mut deaf: Vec<_> = (0..10)
                .map(|_| {
                    let mut talker = Talker::connect_narrow(daemon.address());
                    talker.hello();
                    talker.resume(&boris.token, &[]);
                    talker
                })
                .collect();
            // 16 MB: ten copies of it would be seen.
            let padding = "x".repeat(8_000);
            for round in 0..20 {
                let sends = (0..100)
                    .map(|n| request!("send", to: "lobby", text: format!("{round}-{n} {padding}")));
                for id in anna.begin_all(sends) {
                    anna.answer(id).must_be("sent");
                }
                for _ in 0..100 {
                    boris.expect_message("lobby");
                }
            }
            let last = 2_001;
            for talker in &mut deaf {
                for seq in 2..=last {
                    let (heard, from, _) = talker.expect_message("lobby");
                    assert_eq!((heard, from.as_str()), (seq, "anna"));
                }
            }
            anna.say("lobby", "live again");
            for talker in &mut deaf {
                talker.hears("lobby", last + 1, "anna", "live again");
            }
        },
    );
}

/// Who lags in one room is given every other room whole, too, and answers to what they ask.
#[test]
fn who_lags_misses_nothing_anywhere() {
    undisturbed(
        &format!("{UNHURRIED}outbox_bytes = 16384\nring_bytes = 65536"),
        |daemon| {
            let mut anna = daemon.register("anna");
            let boris = daemon.register("boris");
            let mut deaf = Talker::connect_narrow(daemon.address());
            deaf.hello();
            deaf.resume(&boris.token, &[]);
            for room in ["tea", "coffee"] {
                ask!(anna, "create", room: room).must_be("joined");
                ask!(deaf, "join", room: room).must_be("joined");
            }
            let rooms = ["lobby", "tea", "coffee", "@boris"];
            let padding = "x".repeat(4_000);
            let sends = (0..800)
                .map(|n| request!("send", to: rooms[n % 4], text: format!("{} {padding}", n / 4)));
            for id in anna.begin_all(sends.collect::<Vec<_>>()) {
                anna.answer(id).must_be("sent");
            }
            let echo = deaf.begin(request!("echo", text: "my own"));
            for (room, before) in [("lobby", 1), ("tea", 0), ("coffee", 0), ("@anna", 0)] {
                for n in 0..200 {
                    let (seq, _, text) = deaf.expect_message(room);
                    assert_eq!(seq, before + n + 1, "a hole in {room}");
                    assert!(text.starts_with(&format!("{n} ")), "{room} {seq}");
                }
            }
            assert_eq!(deaf.answer(echo)["text"], "my own");
        },
    );
}

/// Who was behind is told afterwards how things are by then, not each step in between.
#[test]
fn who_was_behind_is_told_the_state() {
    undisturbed(&format!("{UNHURRIED}outbox_bytes = 16384"), |daemon| {
        let mut anna = daemon.register("anna");
        let boris = daemon.register("boris");
        ask!(anna, "create", room: "tea").must_be("joined");
        let mut deaf = Talker::connect_narrow(daemon.address());
        deaf.hello();
        deaf.resume(&boris.token, &[]);
        ask!(deaf, "join", room: "tea").must_be("joined");
        let padding = "x".repeat(8_000);
        let sends = (0..1_000).map(|_| request!("send", to: "tea", text: padding));
        let ids = anna.begin_all(sends.collect::<Vec<_>>());
        for id in ids {
            anna.answer(id).must_be("sent");
        }
        ask!(anna, "topic", room: "tea", topic: "too late").must_be("ok");
        ask!(anna, "topic", room: "tea", topic: "for now").must_be("ok");
        for seq in 1..=1_000 {
            assert_eq!(deaf.expect_message("tea").0, seq);
        }
        deaf.push_where("how it is by now", |push| {
            push["type"] == "welcome" && push.room("tea")["topic"] == "for now"
        });
    });
}

/// A hundred connections come and go, each in another way of leaving; nothing of them is left.
#[test]
fn coming_and_going_leaves_nothing() {
    undisturbed("", |daemon| {
        let token = daemon.register("anna").token.clone();
        for round in 0..100 {
            let mut talker = daemon.connect();
            match round % 4 {
                0 => {}
                1 => drop(talker.hello()),
                2 => talker.raw(&[0, 0]),
                _ => {
                    talker.hello();
                    talker.resume(&token, &[("lobby", 0)]);
                    talker.begin(request!("history", room: "lobby"));
                }
            }
        }
        // `undisturbed` has two people online.
        crate::support::until("only they are left", || {
            let status = daemon.ctl_json(&["status"]);
            (status["connections"] == 2).then_some(())
        });
        assert_eq!(daemon.ctl_json(&["status"])["usersOnline"], 2);
    });
}
