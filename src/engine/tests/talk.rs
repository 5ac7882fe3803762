//! Saying things: what is stored once, delivered once and acknowledged only when it is stored.

use std::time::Duration;

use super::world::{World, starting_engine};
use crate::base::id::LOBBY;
use crate::base::record::KeyRecord;
use crate::base::{Limits, Seq, Timestamp, UserId};
use crate::engine::input::{Fault, Input, Range, Request};

fn two() -> World {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world.register(2, "boris");
    world.hush();
    world
}

#[test]
fn nobody_is_told_before_it_is_stored() {
    let mut world = two();
    world.quick = false;
    world.say(1, "lobby", "one");
    world.say(2, "lobby", "two");
    assert_eq!((world.told(1), world.told(2)), (vec![], vec![]));
    world.store();
    assert_eq!(world.told(1), ["lobby 2 <boris> two", "sent lobby 1"]);
    assert_eq!(world.told(2), ["lobby 1 <anna> one", "sent lobby 2"]);
}

#[test]
fn what_cannot_be_stored_is_told_and_its_key_may_be_tried_again() {
    let mut world = two();
    world.quick = false;
    world.say_keyed(1, "lobby", Some("k"), "one");
    world.say_keyed(1, "lobby", Some("k"), "one");
    world.fail(Fault::Full);
    assert_eq!(
        world.told(1),
        ["refused StorageFull", "refused StorageFull"]
    );
    world.say_keyed(1, "lobby", Some("k"), "one");
    world.store();
    assert_eq!(world.told(1), ["sent lobby 1"]);
    assert_eq!(world.told(2), ["lobby 1 <anna> one"]);
}

#[test]
fn the_same_key_is_stored_once_also_while_the_first_waits_and_with_other_words() {
    let mut world = two();
    world.quick = false;
    world.say_keyed(1, "lobby", Some("k"), "one");
    world.say_keyed(1, "lobby", Some("k"), "other words");
    world.say_keyed(2, "lobby", Some("k"), "another's key is another key");
    world.store();
    world.say_keyed(1, "lobby", Some("k"), "one");
    assert_eq!(
        world.told(1),
        [
            "lobby 2 <boris> another's key is another key",
            "sent lobby 1",
            "sent lobby 1",
            "sent lobby 1"
        ]
    );
    assert_eq!(world.told(2), ["lobby 1 <anna> one", "sent lobby 2"]);
}

/// After a start people are let in before it is known what was sent lately: then whoever sends, and asks on, waits.
#[test]
fn sends_wait_until_it_is_known_what_was_sent_before_the_start() {
    let mut world = World::new(Limits::default());
    world.engine = starting_engine(Limits::default());
    world.register(1, "anna");
    world.register(2, "boris");
    world.hush();
    world.say_keyed(1, "lobby", Some("k"), "said before");
    world.say(1, "lobby", "and this");
    world.say_keyed(2, "lobby", Some("k"), "another's key");
    assert_eq!((world.told(1), world.told(2)), (vec![], vec![]));
    world.say(3, "lobby", "by a stranger, who is gone then");
    world.gone(3);
    let at = Timestamp(1);
    let (author, room, seq) = (UserId(1), LOBBY, Seq(7));
    world.input(Input::Keys(vec![KeyRecord {
        author,
        key: "k".into(),
        room,
        seq,
        at,
    }]));
    assert_eq!(
        world.told(1),
        [
            "sent lobby 7",
            "lobby 2 <boris> another's key",
            "sent lobby 1"
        ]
    );
    assert_eq!(world.told(2), ["lobby 1 <anna> and this", "sent lobby 2"]);
    world.say_keyed(2, "lobby", Some("l"), "at once");
    assert_eq!(world.told(2), ["sent lobby 3"]);
    assert_eq!(world.told(3), [""; 0]);
}

#[test]
fn too_many_messages_that_wait_are_refused_and_nothing_else_is() {
    let mut world = World::new(Limits {
        appends_waiting: 2,
        ..Limits::default()
    });
    world.register(1, "anna");
    world.hush();
    world.quick = false;
    (0..3).for_each(|_| world.say(1, "lobby", "hi"));
    assert_eq!(world.told(1), ["refused Busy(1000)"]);
    world.store();
    world.pass(Duration::from_secs(1));
    world.say(1, "lobby", "again");
    world.store();
    assert_eq!(
        world.told(1),
        ["sent lobby 1", "sent lobby 2", "sent lobby 3"]
    );
}

#[test]
fn the_bytes_of_what_waits_are_bounded_too() {
    let mut world = World::new(Limits {
        append_bytes_waiting: 100,
        ..Limits::default()
    });
    world.register(1, "anna");
    world.hush();
    world.quick = false;
    let long = "x".repeat(60);
    (0..3).for_each(|_| world.say(1, "lobby", &long));
    assert_eq!(world.told(1), ["refused Busy(1000)"]);
    world.fail(Fault::Full);
    world.hush();
    world.pass(Duration::from_secs(1));
    world.say(1, "lobby", &long);
    world.store();
    assert_eq!(world.told(1), ["sent lobby 1"]);
}

#[test]
fn a_direct_conversation_has_the_others_name_on_each_side_and_no_third_sees_it() {
    let mut world = two();
    world.register(3, "clara");
    world.hush();
    world.say(1, "@boris", "psst");
    world.say(2, "@anna", "what?");
    assert_eq!(
        world.told(1),
        [
            "joined @boris with 2",
            "boris is in @boris",
            "sent @boris 1",
            "@boris 2 <boris> what?"
        ]
    );
    assert_eq!(
        world.told(2),
        ["joined @anna with 2", "@anna 1 <anna> psst", "sent @anna 2"]
    );
    assert_eq!(world.told(3), Vec::<String>::new());
    world.say(1, "@anna", "me?");
    world.say(1, "@dora", "you?");
    world.ask(
        3,
        Request::History {
            room: "@anna".parse().unwrap(),
            range: Range::NEWEST,
            limit: 9,
        },
    );
    assert_eq!(world.told(1), ["refused Yourself", "refused NoSuchUser"]);
    assert_eq!(world.told(3), ["refused NoSuchRoom"]);
}

#[test]
fn two_who_open_the_same_conversation_at_once_have_one() {
    let mut world = two();
    world.quick = false;
    world.say(1, "@boris", "hello");
    world.say(2, "@anna", "hello yourself");
    // Each has asked for the room; the first gets it, and the second's message goes there.
    world.store();
    world.store();
    assert_eq!(
        world.told(1),
        [
            "joined @boris with 2",
            "boris is in @boris",
            "@boris 2 <boris> hello yourself",
            "sent @boris 1"
        ]
    );
    assert_eq!(
        world.told(2),
        [
            "joined @anna with 2",
            "@anna 1 <anna> hello",
            "sent @anna 2"
        ]
    );
}

#[test]
fn one_has_to_be_in_a_room_to_speak_and_joining_works_in_the_same_breath() {
    let mut world = two();
    world.ask(
        1,
        Request::Create {
            room: "tea".parse().unwrap(),
        },
    );
    world.hush();
    world.say(2, "tea", "may I?");
    world.quick = false;
    world.ask(
        2,
        Request::Join {
            room: "tea".parse().unwrap(),
        },
    );
    world.say(2, "tea", "thanks");
    world.say(2, "coffee", "anyone?");
    assert_eq!(world.told(2), ["refused NotAMember"]);
    world.store();
    world.store();
    assert_eq!(
        world.told(2),
        ["joined tea with 2", "refused NoSuchRoom", "sent tea 1"]
    );
    assert_eq!(world.told(1), ["boris is in tea", "tea 1 <boris> thanks"]);
}

#[test]
fn read_markers_go_forward_only_and_are_told_to_the_other_devices() {
    let mut world = two();
    world.login(3, "anna", "correct horse");
    (0..3).for_each(|_| world.say(2, "lobby", "hi"));
    world.hush();
    let read = |world: &mut World, seq| {
        world.ask(
            1,
            Request::Read {
                room: "lobby".parse().unwrap(),
                seq: Seq(seq),
            },
        )
    };
    read(&mut world, 2);
    read(&mut world, 1);
    read(&mut world, 99);
    assert_eq!(world.told(1), ["ok", "ok", "ok"]);
    assert_eq!(world.told(3), ["read lobby 2", "read lobby 3"]);
    assert_eq!(world.told(2), Vec::<String>::new());
}

#[test]
fn a_topic_is_told_to_the_room_and_typing_only_now_and_then() {
    let mut world = two();
    world.ask(
        1,
        Request::Topic {
            room: "lobby".parse().unwrap(),
            topic: "tea at five".into(),
        },
    );
    let typing = |world: &mut World| {
        world.ask(
            1,
            Request::Typing {
                to: "lobby".parse().unwrap(),
            },
        )
    };
    typing(&mut world);
    typing(&mut world);
    world.pass(std::time::Duration::from_secs(3));
    typing(&mut world);
    assert_eq!(world.told(1), ["ok", "ok", "ok", "ok"]);
    assert_eq!(
        world.told(2),
        [
            "topic lobby tea at five",
            "anna types in lobby",
            "anna types in lobby"
        ]
    );
}

#[test]
fn a_connection_that_missed_pushes_is_told_how_things_stand() {
    let mut world = two();
    world.say(1, "lobby", "hi");
    world.hush();
    world.input(Input::Refresh {
        conn: super::world::id_of(2),
    });
    assert_eq!(world.told(2), ["welcome boris lobby:0/1"]);
}
