//! Being too fast: what is refused and until when, for whom and for whom not, and that nothing is overtaken.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::world::World;
use crate::base::{Limits, Password, UserId};
use crate::engine::input::{Input, Range, Registration, Request, Retention, Rules};

/// Anna is here with two connections, Boris with one.
fn world(limits: Limits) -> World {
    let mut world = World::new(limits);
    world.register(1, "anna");
    world.login(2, "anna", "correct horse");
    world.register(3, "boris");
    world.hush();
    world
}

fn slow() -> Limits {
    Limits {
        messages_per_second: 2,
        messages_burst: 3,
        ..Limits::default()
    }
}

fn search(text: &str) -> Request {
    Request::Search {
        text: text.into(),
        room: None,
        before: None,
        limit: 9,
    }
}

#[test]
fn who_is_too_fast_is_told_when_to_go_on_and_then_may() {
    let mut world = world(slow());
    (1..=4).for_each(|n| world.say_keyed(1, "lobby", Some(&format!("k{n}")), "hi"));
    assert_eq!(
        world.told(1),
        [
            "sent lobby 1",
            "sent lobby 2",
            "sent lobby 3",
            "refused RateLimited { limit: \"messages_per_second\", after_ms: 1000 }"
        ]
    );
    world.pass(Duration::from_millis(999));
    world.say_keyed(1, "lobby", Some("k4"), "hi");
    assert_eq!(
        world.told(1),
        ["refused RateLimited { limit: \"messages_per_second\", after_ms: 1 }"]
    );
    world.pass(Duration::from_millis(1));
    world.say_keyed(1, "lobby", Some("k4"), "hi");
    world.say_keyed(1, "lobby", Some("k4"), "hi");
    assert_eq!(
        world.told(1),
        ["sent lobby 4", "sent lobby 4"],
        "the key is stored once"
    );
}

#[test]
fn what_was_sent_behind_a_refused_message_does_not_overtake_it() {
    let mut world = world(slow());
    (1..=4).for_each(|n| world.say(1, "lobby", &n.to_string()));
    // There would be one again by now; but this was on its way before anybody knew of the refusal.
    world.pass(Duration::from_millis(600));
    world.say(1, "lobby", "5");
    world.hush();
    world.pass(Duration::from_millis(400));
    world.say(1, "lobby", "4");
    world.say(1, "lobby", "5");
    assert_eq!(world.told(1), ["sent lobby 4", "sent lobby 5"]);
    assert_eq!(
        world.told(3),
        ["lobby 4 <anna> 4", "lobby 5 <anna> 5"],
        "boris hears them in order"
    );
}

#[test]
fn all_devices_of_a_person_share_one_bucket_and_only_the_fast_one_is_paused() {
    let mut world = world(slow());
    (0..4).for_each(|_| world.say(1, "lobby", "flood"));
    world.hush();
    world.say(2, "lobby", "from my telephone");
    assert_eq!(
        world.told(2),
        ["refused RateLimited { limit: \"messages_per_second\", after_ms: 1000 }"]
    );
    world.say(3, "lobby", "I am slow");
    assert_eq!(world.told(3), ["sent lobby 4"], "another person's bucket");
    world.pass(Duration::from_secs(1));
    world.hush();
    (0..3).for_each(|_| world.say(1, "lobby", "flood"));
    world.pass(Duration::from_millis(500));
    world.hush();
    world.say(2, "lobby", "from my telephone");
    assert_eq!(
        world.told(2),
        ["sent lobby 7"],
        "what flows in meanwhile is for the device that is not paused"
    );
}

#[test]
fn a_refused_message_takes_nothing_and_hinders_nothing_else() {
    let mut world = world(slow());
    (0..100).for_each(|_| world.say(1, "lobby", "flood"));
    world.hush();
    world.ask(1, search("flood"));
    world.ask(
        1,
        Request::History {
            room: "lobby".parse().unwrap(),
            range: Range::NEWEST,
            limit: 9,
        },
    );
    world.ask(1, Request::Logout);
    let told = world.told(1);
    assert!(
        told[0].starts_with("Search") && told[1].starts_with("page") && told[2] == "ok",
        "{told:?}"
    );
    world.pass(Duration::from_secs(1));
    (0..2).for_each(|_| world.say(2, "lobby", "calmly"));
    assert_eq!(world.told(2), ["sent lobby 4", "sent lobby 5"]);
}

#[test]
fn bytes_of_text_are_counted_and_what_is_refused_for_them_costs_no_message() {
    let mut world = world(Limits {
        text_bytes_per_second: 10,
        text_bytes_burst: 100,
        ..Limits::default()
    });
    world.say(1, "lobby", &"x".repeat(90));
    world.say(1, "lobby", &"y".repeat(50));
    assert_eq!(
        world.told(1),
        [
            "sent lobby 1",
            "refused RateLimited { limit: \"text_bytes_per_second\", after_ms: 4000 }"
        ]
    );
    world.pass(Duration::from_secs(4));
    world.say(1, "lobby", &"y".repeat(50));
    assert_eq!(world.told(1), ["sent lobby 2"]);
}

#[test]
fn each_kind_of_request_has_its_bucket() {
    let mut world = world(Limits {
        changes_burst: 20,
        pages_burst: 2,
        searches_burst: 2,
        requests_burst: 2,
        ..Limits::default()
    });
    let room = || "tea".parse().unwrap();
    // How many pass at once, and the milliseconds until the next one does.
    let kinds: [(&str, usize, u64, &dyn Fn() -> Request); 6] = [
        ("pages_per_second", 2, 20, &|| Request::History {
            room: "lobby".parse().unwrap(),
            range: Range::NEWEST,
            limit: 9,
        }),
        ("searches_per_second", 2, 500, &|| search("tea")),
        ("requests_per_second", 2, 5, &|| Request::Rooms {
            after: None,
        }),
        ("changes_per_second", 20, 500, &|| Request::Join {
            room: room(),
        }),
        ("changes_per_second", 20, 500, &|| Request::Create {
            room: room(),
        }),
        ("changes_per_second", 1, 10_000, &|| {
            Request::ChangePassword {
                old: Password::new("correct horse".into()),
                new: Password::new("another horse".into()),
            }
        }),
    ];
    for (limit, at_once, after_ms, request) in kinds {
        world.pass(Duration::from_secs(100));
        let refused = format!("refused RateLimited {{ limit: \"{limit}\", after_ms: {after_ms} }}");
        let passed = (0..30).take_while(|_| {
            world.ask(1, request());
            !world.told(1).contains(&refused)
        });
        assert_eq!(passed.count(), at_once, "{limit}");
        world.pass(Duration::from_millis(after_ms - 1));
        world.ask(1, request());
        let almost = refused.replace(&after_ms.to_string(), "1");
        assert_eq!(world.told(1), [almost]);
        world.pass(Duration::from_millis(1));
        world.ask(1, request());
        assert!(!world.told(1)[0].contains("RateLimited"), "{limit}");
    }
}

#[test]
fn coming_back_again_and_again_is_bounded_for_each_person() {
    let mut world = world(Limits {
        requests_burst: 2,
        ..Limits::default()
    });
    (10..13).for_each(|conn| world.resume(conn, 1, &[("lobby", 0)]));
    assert_eq!(
        world.told(12),
        ["refused RateLimited { limit: \"requests_per_second\", after_ms: 5 }"]
    );
}

#[test]
fn first_messages_make_rooms_and_are_counted_as_changes() {
    let mut world = world(Limits {
        changes_burst: 1,
        changes_per_second: 1,
        ..Limits::default()
    });
    world.register(4, "clara");
    world.hush();
    world.say(1, "@boris", "hi");
    world.say(1, "@clara", "hi");
    world.say(1, "@boris", "again");
    assert_eq!(
        world.told(1)[3..],
        [
            "refused RateLimited { limit: \"changes_per_second\", after_ms: 1000 }",
            "refused RateLimited { limit: \"changes_per_second\", after_ms: 1000 }"
        ]
    );
    world.pass(Duration::from_secs(1));
    world.hush();
    world.say(1, "@clara", "hi");
    world.say(1, "@boris", "again");
    assert_eq!(
        world.told(1)[2..],
        ["sent @clara 1", "sent @boris 2"],
        "in the order said"
    );
}

#[test]
fn so_many_searches_of_a_person_wait_and_no_more() {
    let mut world = world(Limits {
        searches_waiting: 2,
        ..Limits::default()
    });
    let refused = "refused RateLimited { limit: \"searches_waiting\", after_ms: 1000 }";
    (0..2).for_each(|_| world.ask(1, search("tea")));
    world.hush();
    world.ask(2, search("tea"));
    assert_eq!(world.told(2), [refused], "all devices together");
    world.ask(3, search("tea"));
    assert_ne!(world.told(3), [refused], "another person's are theirs");
    world.input(Input::Searched { user: UserId(1) });
    world.ask(2, search("tea"));
    assert_ne!(world.told(2), [refused], "one is answered");
}

#[test]
fn a_room_is_full_at_its_bound_and_the_lobby_never() {
    let mut world = World::new(Limits {
        room_members: 2,
        ..Limits::default()
    });
    for (conn, name) in [(1, "anna"), (2, "boris"), (3, "clara")] {
        world.register(conn, name);
    }
    let tea = || "tea".parse().unwrap();
    world.ask(1, Request::Create { room: tea() });
    world.ask(2, Request::Join { room: tea() });
    world.hush();
    world.ask(3, Request::Join { room: tea() });
    assert_eq!(world.told(3), ["refused LimitReached(\"room_members\")"]);
    world.ask(2, Request::Leave { room: tea() });
    world.ask(3, Request::Join { room: tea() });
    assert_eq!(world.told(3), ["joined tea with 2"]);
}

#[test]
fn the_connection_that_is_gone_leaves_no_pause_behind() {
    let mut world = world(slow());
    (0..4).for_each(|_| world.say(1, "lobby", "flood"));
    assert_eq!(world.engine.paused.len(), 1);
    world.gone(1);
    assert!(world.engine.paused.is_empty());
}

#[test]
fn under_other_rules_everybody_begins_anew() {
    let mut world = world(slow());
    (0..4).for_each(|_| world.say(1, "lobby", "flood"));
    let (registration, limits) = (Registration::Open, Limits::default());
    world.input(Input::Reload(Box::new(Rules {
        registration,
        retention: Retention::default(),
        limits,
    })));
    world.hush();
    world.say(1, "lobby", "at once");
    assert_eq!(world.told(1), ["sent lobby 4"]);
}

/// A client as PROTOCOL.md wants it: says what is posted without waiting for answers, and what was refused again, in
/// order, when it may.
#[derive(Default)]
struct Client {
    /// What is not stored, and whether it is on its way.
    pending: Vec<(u64, bool)>,
    /// In milliseconds.
    sends_from: u64,
    /// When what arrives at the server, and when which refusals or none arrive back.
    there: VecDeque<(u64, u64)>,
    back: VecDeque<(u64, u64, Option<u64>)>,
}

impl Client {
    fn hear(&mut self, now: u64) {
        while let Some((_, number, refused)) = self.back.pop_front_if(|(at, ..)| *at <= now) {
            match refused {
                None => self.pending.retain(|(other, _)| *other != number),
                Some(wait) => {
                    self.sends_from = self.sends_from.max(now + wait);
                    let refused = self.pending.iter_mut().find(|(other, _)| *other == number);
                    refused.unwrap().1 = false;
                }
            }
        }
    }

    fn speak(&mut self, now: u64, arrives: u64) {
        for (number, flies) in &mut self.pending {
            if now >= self.sends_from && !std::mem::replace(flies, true) {
                self.there.push_back((arrives, *number));
            }
        }
    }
}

/// Says something and returns for how many milliseconds it is refused, if it is.
fn refused_for(world: &mut World, number: u64) -> Option<u64> {
    world.say_keyed(1, "lobby", Some(&number.to_string()), &number.to_string());
    let answer = world.told(1).pop().unwrap();
    let (_, wait) = answer.split_once("after_ms: ")?;
    wait.strip_suffix(" }")?.parse().ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_a_way_shorter_than_the_pause_all_is_stored_once_and_in_the_order_said(
        (there, back) in (0_u64..500, 0_u64..500), per_second in 1_u32..40, burst in 1_u32..20,
        gaps in prop::collection::vec(0_u64..100, 1..40),
    ) {
        let limits = Limits { messages_per_second: per_second, messages_burst: burst, ..Limits::default() };
        let (mut world, mut client) = (world(limits), Client::default());
        let count = gaps.len() as u64;
        let mut posts = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).zip(1..).peekable();
        for now in 0.. {
            while let Some((_, number)) = posts.next_if(|(at, _)| *at <= now) {
                client.pending.push((number, false));
            }
            client.hear(now);
            client.speak(now, now + there);
            while let Some((_, number)) = client.there.pop_front_if(|(at, _)| *at <= now) {
                let refused = refused_for(&mut world, number);
                client.back.push_back((now + back, number, refused));
            }
            if posts.peek().is_none() && client.pending.is_empty() {
                break;
            }
            world.pass(Duration::from_millis(1));
        }
        let heard: Vec<_> = (1..=count).map(|n| format!("lobby {n} <anna> {n}")).collect();
        prop_assert_eq!(world.told(3), heard);
    }
}
