//! Coming and going: names, sessions, presence.

use std::time::Duration;

use super::world::World;
use crate::base::{Limits, Password};
use crate::engine::input::{Fault, Input, Request};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn anna() -> World {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world
}

#[test]
fn somebody_registers_leaves_returns_and_is_fed_what_was_missed() {
    let mut world = anna();
    assert_eq!(world.told(1), ["welcome anna lobby:0/0"]);
    world.register(2, "boris");
    world.gone(1);
    world.say(2, "lobby", "anna?");
    assert_eq!(
        world.told(2),
        [
            "welcome boris lobby:0/0",
            "anna is out of lobby",
            "sent lobby 1"
        ]
    );
    world.resume(3, 1, &[("lobby", 0), ("nowhere", 7)]);
    assert_eq!(
        world.told(3),
        ["welcome anna lobby:0/1", "lobby is fed after 0"]
    );
    assert_eq!(world.told(2), ["anna is in lobby"]);
    world.resume(4, 1, &[("lobby", 1_000_000)]);
    assert_eq!(
        world.told(4),
        ["welcome anna lobby:0/1"],
        "a cursor from the future is fed nothing"
    );
}

#[test]
fn a_name_is_taken_whatever_its_case_and_by_what_looks_like_it() {
    let mut world = World::new(Limits::default());
    world.register(1, "coco");
    for (conn, name) in [(2, "Coco"), (3, "сосо")] {
        world.register(conn, name);
    }
    assert_eq!(world.told(2), ["refused NameTaken"]);
    assert_eq!(world.told(3), ["refused NameLooksTaken"]);
}

#[test]
fn of_two_who_register_one_name_at_once_one_has_it() {
    let mut world = World::new(Limits::default());
    world.quick = false;
    world.register(1, "anna");
    world.register(2, "anna");
    world.store();
    assert_eq!(world.told(1), ["welcome anna lobby:0/0"]);
    assert_eq!(world.told(2), ["refused NameTaken"]);
    world.register(3, "boris");
    world.fail(Fault::Full);
    world.register(3, "boris");
    world.store();
    assert_eq!(
        world.told(3),
        ["refused StorageFull", "welcome boris lobby:0/0"],
        "a name that could not be stored is free"
    );
}

#[test]
fn before_a_login_nothing_is_answered_and_after_too_many_wrong_ones_the_connection_ends() {
    let mut world = anna();
    world.say(2, "lobby", "hi");
    for name in ["anna", "nobody", "admin", "a b", "anna"] {
        world.login(2, name, "wrong");
    }
    let mut expected = vec!["refused NotLoggedIn"];
    expected.extend(["refused WrongPassword"; 5]);
    expected.push("bye LoginAttempts");
    assert_eq!(world.told(2), expected);
    world.register(3, "dora");
    world.register(3, "ella");
    assert_eq!(world.told(3)[1..], ["refused LoggedIn"]);
}

#[test]
fn weak_passwords_are_refused_before_any_work_is_done() {
    let mut world = World::new(Limits::default());
    let register = |world: &mut World, password: &str| {
        let (name, password) = ("long-name".parse().unwrap(), Password::new(password.into()));
        world.ask(
            1,
            Request::Register {
                name,
                password,
                invite: None,
                device: "".into(),
            },
        );
    };
    register(&mut world, "короче8");
    register(&mut world, "Long-Name");
    register(&mut world, "long enough");
    assert_eq!(
        world.told(1),
        [
            "refused PasswordShort(8)",
            "refused PasswordIsName",
            "welcome long-name lobby:0/0"
        ]
    );
}

#[test]
fn a_session_that_is_logged_out_is_dead_at_once_everywhere() {
    let mut world = anna();
    world.resume(2, 1, &[]);
    world.login(3, "anna", "correct horse");
    world.hush();
    world.ask(1, Request::Logout);
    world.say(1, "lobby", "still here?");
    world.resume(4, 1, &[]);
    assert_eq!(world.told(1), ["ok", "refused NotLoggedIn"]);
    assert_eq!(world.told(2), ["bye SessionEnded"]);
    assert_eq!(
        world.told(3),
        Vec::<String>::new(),
        "another session goes on"
    );
    assert_eq!(world.told(4), ["refused DeadToken"]);
    world.login(1, "anna", "correct horse");
    assert_eq!(
        world.told(1),
        ["welcome anna lobby:0/0"],
        "the connection can be used again"
    );
}

#[test]
fn another_password_ends_the_other_sessions() {
    let mut world = anna();
    world.login(2, "anna", "correct horse");
    world.hush();
    let change = |world: &mut World, old: &str| {
        let (old, new) = (
            Password::new(old.into()),
            Password::new("battery staple".into()),
        );
        world.ask(2, Request::ChangePassword { old, new });
    };
    change(&mut world, "wrong");
    change(&mut world, "correct horse");
    assert_eq!(world.told(2), ["refused WrongPassword", "ok"]);
    assert_eq!(world.told(1), ["bye SessionEnded"]);
}

#[test]
fn a_session_lives_by_being_used_and_ends_by_itself() {
    let mut world = World::new(Limits {
        session_days: 10,
        ..Limits::default()
    });
    world.register(1, "anna");
    for _ in 0..5 {
        world.pass(DAY * 6);
        world.ask(1, Request::Rooms { after: None });
    }
    world.hush();
    world.pass(DAY * 11);
    assert_eq!(world.told(1), ["bye SessionEnded"]);
    world.resume(2, 1, &[]);
    assert_eq!(world.told(2), ["refused DeadToken"]);
}

#[test]
fn one_session_too_many_ends_the_one_used_longest_ago() {
    let mut world = World::new(Limits {
        sessions_per_user: 2,
        ..Limits::default()
    });
    world.register(1, "anna");
    world.login(2, "anna", "correct horse");
    world.pass(Duration::from_secs(9));
    world.resume(1_000, 1, &[]);
    world.hush();
    world.login(3, "anna", "correct horse");
    assert_eq!(world.told(1), Vec::<String>::new());
    assert_eq!(world.told(2), ["bye SessionEnded"]);
    assert_eq!(world.told(3), ["welcome anna lobby:0/0"]);
}

#[test]
fn in_a_big_room_comings_and_goings_are_told_together() {
    let mut world = World::new(Limits {
        presence_room: 2,
        ..Limits::default()
    });
    for conn in 1..=8 {
        world.register(conn, &format!("user{conn}"));
    }
    world.gone(8);
    assert_eq!(
        world.told(1),
        ["welcome user1 lobby:0/0", "user2 is in lobby"]
    );
    world.pass(Duration::from_secs(1));
    assert_eq!(
        world.told(1),
        ["user3 and 4 others is in lobby"],
        "who came and went in between is not told"
    );
    world.pass(Duration::from_secs(9));
    assert_eq!(world.told(1), Vec::<String>::new());
}

/// Five in a room of six cost as many tellings as a hundred in a room of their own.
#[test]
fn where_many_come_at_once_they_are_told_together_in_a_small_room_too() {
    let mut world = World::new(Limits {
        presence_room: 6,
        ..Limits::default()
    });
    for conn in 1..=6 {
        world.register(conn, &format!("user{conn}"));
    }
    // One is told of the second, two of the third, three of the fourth: that makes six.
    assert_eq!(
        world.told(1),
        [
            "welcome user1 lobby:0/0",
            "user2 is in lobby",
            "user3 is in lobby",
            "user4 is in lobby"
        ]
    );
    world.pass(Duration::from_secs(1));
    assert_eq!(world.told(1), ["user5 and 1 others is in lobby"]);
    world.gone(6);
    assert_eq!(world.told(1).len(), 1, "one at a time is told at once");
}

#[test]
fn who_came_to_a_big_room_and_went_when_it_was_small_is_not_told_to_be_there() {
    let mut world = World::new(Limits {
        presence_room: 2,
        ..Limits::default()
    });
    for conn in 1..=4 {
        world.register(conn, &format!("user{conn}"));
    }
    world.hush();
    world.gone(3);
    world.gone(4);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.told(1), Vec::<String>::new());
}

#[test]
fn the_other_devices_are_told_of_joining_and_leaving() {
    let mut world = anna();
    world.login(2, "anna", "correct horse");
    world.hush();
    world.ask(
        1,
        Request::Create {
            room: "tea".parse().unwrap(),
        },
    );
    world.say(2, "tea", "from the other device");
    world.ask(
        1,
        Request::Leave {
            room: "tea".parse().unwrap(),
        },
    );
    world.ask(
        1,
        Request::Leave {
            room: "lobby".parse().unwrap(),
        },
    );
    assert_eq!(
        world.told(1),
        [
            "joined tea with 1",
            "tea 1 <anna> from the other device",
            "ok",
            "refused LobbyStays"
        ]
    );
    assert_eq!(
        world.told(2),
        [
            "joined tea with 1",
            "anna is in tea",
            "sent tea 1",
            "left tea"
        ]
    );
}

#[test]
fn rooms_and_people_are_listed_in_portions() {
    let mut world = World::new(Limits {
        rooms_joined: 300,
        changes_burst: 300,
        ..Limits::default()
    });
    world.register(1, "anna");
    for number in 0..250 {
        world.ask(
            1,
            Request::Create {
                room: format!("room{number:03}").parse().unwrap(),
            },
        );
    }
    world.hush();
    world.ask(1, Request::Rooms { after: None });
    world.ask(
        1,
        Request::Rooms {
            after: Some("room198".parse().unwrap()),
        },
    );
    let told = world.told(1);
    assert!(
        told[0].starts_with("rooms lobby(1/1) room000(1/1)") && told[0].ends_with("room198(1/1) …"),
        "{}",
        told[0]
    );
    assert!(
        told[1].starts_with("rooms room199(1/1)") && told[1].ends_with("room249(1/1)"),
        "{}",
        told[1]
    );
    world.register(2, "boris");
    world.gone(2);
    world.hush();
    world.ask(
        1,
        Request::Who {
            room: None,
            after: None,
        },
    );
    world.ask(
        1,
        Request::Who {
            room: Some("lobby".parse().unwrap()),
            after: None,
        },
    );
    world.ask(
        1,
        Request::Create {
            room: "ROOM000".parse().unwrap(),
        },
    );
    assert_eq!(
        world.told(1),
        ["who anna", "who anna boris(away)", "refused RoomTaken"]
    );
}

#[test]
fn people_are_listed_by_name_from_any_place_on_in_a_small_room_as_in_a_big_one() {
    let mut world = World::new(Limits::default());
    for (conn, name) in (0..).zip(["zoe", "Вера", "anna", "boris"]) {
        world.register(conn, name);
    }
    let tea = || "tea".parse().unwrap();
    world.ask(0, Request::Create { room: tea() });
    (1..3).for_each(|conn| world.ask(conn, Request::Join { room: tea() }));
    (4..60).for_each(|conn| world.register(conn, &format!("user{conn}")));
    world.gone(2);
    let who = |world: &mut World, room: Option<&str>, after: Option<&str>| {
        world.hush();
        let (room, after) = (
            room.map(|room| room.parse().unwrap()),
            after.map(|name| name.parse().unwrap()),
        );
        world.ask(0, Request::Who { room, after });
        world.told(0).remove(0)
    };
    assert_eq!(
        who(&mut world, Some("tea"), None),
        "who anna(away) zoe(operator) Вера"
    );
    assert_eq!(
        who(&mut world, Some("tea"), Some("Anna")),
        "who zoe(operator) Вера"
    );
    for room in [Some("lobby"), None] {
        assert_eq!(who(&mut world, room, Some("user8")), "who user9 zoe Вера");
    }
    assert!(who(&mut world, None, None).starts_with("who boris user10 "));
}

#[test]
fn of_two_who_make_rooms_that_look_the_same_at_once_one_does() {
    let mut world = anna();
    world.register(2, "boris");
    world.hush();
    world.quick = false;
    let create = |world: &mut World, conn, room: &str| {
        world.ask(
            conn,
            Request::Create {
                room: room.parse().unwrap(),
            },
        );
    };
    create(&mut world, 1, "coco");
    create(&mut world, 2, "сосо");
    assert_eq!(world.told(2), ["refused RoomTaken"]);
    world.fail(Fault::Full);
    create(&mut world, 2, "сосо");
    world.store();
    assert_eq!(world.told(1), ["refused StorageFull"]);
    assert_eq!(world.told(2), ["joined сосо with 1"]);
}

#[test]
fn a_stop_waits_for_what_is_being_stored_and_says_good_bye() {
    let mut world = anna();
    world.quick = false;
    world.say(1, "lobby", "last words");
    world.input(Input::Stop {
        text: "upgrade".into(),
    });
    world.say(1, "lobby", "too late");
    assert!(!world.stopped);
    world.store();
    assert!(world.stopped);
    assert_eq!(
        world.told(1)[1..],
        ["refused ShuttingDown", "sent lobby 1", "bye ShuttingDown"]
    );
}
