//! What the admin does with rooms and history, and what is taken away from them: a conversation each.

use super::world::World;
use crate::base::{Channel, Limits, RoomId, Seq};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Fault, Request};

fn world() -> World {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world.register(2, "boris");
    world.ask(
        1,
        Request::Create {
            room: "tea".parse().unwrap(),
        },
    );
    world.ask(
        2,
        Request::Join {
            room: "tea".parse().unwrap(),
        },
    );
    world.say(1, "tea", "one");
    world.say(2, "tea", "two");
    world.hush();
    world
}

fn redact(world: &mut World, conn: u32, room: &str, seq: u64) {
    let (room, seq) = (room.parse().unwrap(), Seq(seq));
    world.ask(conn, Request::Redact { room, seq });
}

fn clear(room: Option<&str>) -> Command {
    Command::ClearHistory {
        room: room.map(|room| room.parse().unwrap()),
        before: None,
        dry_run: false,
    }
}

fn remove(name: &str) -> Command {
    Command::RemoveRoom {
        name: name.parse().unwrap(),
        dry_run: false,
    }
}

#[test]
fn who_wrote_a_message_may_redact_it_and_nobody_else_but_the_admin() {
    let mut world = world();
    redact(&mut world, 2, "tea", 1);
    assert_eq!(world.told(2), ["refused NotYours"]);
    redact(&mut world, 1, "tea", 1);
    assert_eq!(world.told(1), ["tea 3 anna redacts 1", "ok"]);
    assert_eq!(world.told(2), ["tea 3 anna redacts 1"]);
    let tea = Channel {
        room: RoomId(2),
        side: 0,
    };
    assert_eq!(world.forgotten, [(tea, Seq(1), false)]);
    redact(&mut world, 1, "tea", 1);
    assert_eq!(world.told(1), ["ok"]);
    for seq in [0, 3, 4, u64::MAX] {
        redact(&mut world, 1, "tea", seq);
        assert_eq!(world.told(1), ["refused NoSuchMessage"], "{seq}");
    }
    redact(&mut world, 1, "milk", 1);
    assert_eq!(world.told(1), ["refused NoSuchRoom"]);
    let admin = |seq| Command::Redact {
        room: "tea".parse().unwrap(),
        seq: Seq(seq),
    };
    assert!(matches!(
        world.command(admin(2)),
        Some(Reply::Changed(true))
    ));
    assert_eq!(world.told(2), ["tea 4 admin redacts 2"]);
    assert!(matches!(
        world.command(admin(2)),
        Some(Reply::Changed(false))
    ));
    let missing = world.command(admin(4));
    assert!(matches!(missing, Some(Reply::NoSuchMessage(..))));
}

#[test]
fn what_is_cleared_is_gone_for_everybody_and_the_numbers_go_on() {
    let mut world = world();
    world.say(1, "@boris", "psst");
    world.hush();
    let reply = world.command(clear(Some("tea")));
    assert!(matches!(
        reply,
        Some(Reply::Cleared {
            rooms: 1,
            messages: 2
        })
    ));
    assert_eq!(world.told(1), ["cleared tea 3"]);
    assert_eq!(world.told(2), ["cleared tea 3"]);
    redact(&mut world, 1, "tea", 1);
    assert_eq!(world.told(1), ["refused NoSuchMessage"]);
    let reply = world.command(clear(None));
    assert!(matches!(
        reply,
        Some(Reply::Cleared {
            rooms: 1,
            messages: 1
        })
    ));
    assert_eq!(world.told(1), ["cleared @boris 2"]);
    assert_eq!(world.told(2), ["cleared @anna 2"]);
    world.say(1, "tea", "three");
    assert_eq!(world.told(2), ["tea 3 <anna> three"]);
    let reply = world.command(clear(Some("@boris @anna")));
    assert!(matches!(reply, Some(Reply::Cleared { messages: 0, .. })));
    let nowhere = world.command(clear(Some("milk")));
    assert!(matches!(nowhere, Some(Reply::NoSuchRoom(_))));
}

#[test]
fn what_was_on_its_way_when_a_log_was_cleared_stays() {
    let mut world = world();
    world.quick = false;
    world.say(1, "tea", "three");
    assert!(world.command(clear(Some("tea"))).is_none());
    world.store();
    assert_eq!(world.told(2), ["tea 3 <anna> three", "cleared tea 3"]);
    assert!(matches!(
        world.replies.pop(),
        Some(Reply::Cleared { messages: 2, .. })
    ));
    assert!(world.command(clear(Some("tea"))).is_none());
    world.fail(Fault::Full);
    assert!(matches!(world.replies.pop(), Some(Reply::StorageFull)));
}

#[test]
fn a_room_that_is_removed_is_gone_and_its_numbers_are_not_given_again() {
    let mut world = world();
    assert!(matches!(
        world.command(remove("lobby")),
        Some(Reply::LobbyStays)
    ));
    let reply = world.command(remove("tea"));
    assert!(matches!(
        reply,
        Some(Reply::Removed {
            members: 2,
            messages: 2
        })
    ));
    assert_eq!(world.told(1), ["removed tea"]);
    assert_eq!(world.told(2), ["removed tea"]);
    world.say(1, "tea", "hello?");
    assert_eq!(world.told(1), ["refused NoSuchRoom"]);
    let gone = world.command(remove("tea"));
    assert!(matches!(gone, Some(Reply::NoSuchRoom(_))));
    let room = "TEA".parse().unwrap();
    world.ask(2, Request::Create { room });
    assert_eq!(world.told(2), ["joined TEA with 1"]);
    world.say(2, "tea", "anew");
    assert_eq!(world.told(2), ["sent TEA 3"]);
    let token = 1;
    world.resume(3, token, &[("tea", 2)]);
    world.ask(
        3,
        Request::Join {
            room: "tea".parse().unwrap(),
        },
    );
    assert_eq!(world.told(3).last().unwrap(), "joined TEA with 2");
}

#[test]
fn what_was_on_its_way_to_a_room_that_was_removed_is_refused() {
    let mut world = world();
    world.register(3, "clara");
    world.hush();
    world.quick = false;
    assert!(world.command(remove("tea")).is_none());
    world.say(1, "tea", "three");
    redact(&mut world, 2, "tea", 2);
    let room = "tea".parse().unwrap();
    world.ask(3, Request::Join { room });
    world.store();
    assert_eq!(world.told(1), ["removed tea", "refused NoSuchRoom"]);
    assert_eq!(world.told(2), ["removed tea", "refused NoSuchMessage"]);
    assert_eq!(world.told(3), ["refused NoSuchRoom"]);
}

#[test]
fn the_admin_makes_rooms_says_what_they_are_about_and_looks_who_is_there() {
    let mut world = world();
    let create = |name: &str| Command::CreateRoom {
        name: name.parse().unwrap(),
        topic: "all".into(),
    };
    assert!(matches!(world.command(create("milk")), Some(Reply::Done)));
    for taken in ["milk", "Milk", "tea", "rnilk"] {
        let reply = world.command(create(taken));
        assert!(matches!(reply, Some(Reply::RoomTaken(_))), "{taken}");
    }
    let topic = Command::SetTopic {
        name: "tea".parse().unwrap(),
        topic: "green".into(),
    };
    assert!(matches!(world.command(topic), Some(Reply::Done)));
    assert_eq!(world.told(1), ["topic tea green"]);
    world.gone(2);
    let room = "tea".parse().unwrap();
    let Some(Reply::Members(members)) = world.command(Command::Members { room }) else {
        panic!("members were due");
    };
    let members = members.iter().map(|member| {
        let (seq, unread) = (member.read_seq, member.unread);
        format!("{} {} {seq} {unread}", member.user, member.online)
    });
    assert_eq!(
        members.collect::<Vec<_>>(),
        ["anna true 0 2", "boris false 0 2"]
    );
}
