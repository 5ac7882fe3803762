//! What those ask for who watch: whose connections, and where most is said.

use super::world::{World, id_of};
use crate::base::{Limits, RoomId, Seq};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Known, Request};

type Rooms = Vec<(String, u64)>;

fn busiest(
    world: &mut World,
    before: &[(RoomId, Seq)],
    most: usize,
) -> (Vec<(RoomId, Seq)>, Rooms) {
    let before = before.to_vec();
    let said_before = 0;
    let command = Command::Busiest {
        before,
        said_before,
        most,
    };
    let Some(Reply::Busiest { heads, rooms, .. }) = world.command(command) else {
        panic!("another reply was due")
    };
    let rooms = rooms.into_iter().map(|(line, said)| (line.label, said));
    (heads, rooms.collect())
}

#[test]
fn the_rooms_in_which_most_was_said_since_the_last_time() {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world.register(2, "boris");
    world.say(1, "lobby", "one");
    let (heads, rooms) = busiest(&mut world, &[], 9);
    assert_eq!(rooms, [("lobby".to_owned(), 1)]);
    world.say(1, "lobby", "two");
    world.say(1, "@boris", "a");
    world.say(2, "@anna", "b");
    let (later, rooms) = busiest(&mut world, &heads, 9);
    let both = [("@anna @boris".to_owned(), 2), ("lobby".to_owned(), 1)];
    assert_eq!(rooms, both);
    let (_, rooms) = busiest(&mut world, &heads, 1);
    assert_eq!(rooms, both[..1]);
    assert_eq!(busiest(&mut world, &later, 9).1, []);
}

#[test]
fn who_has_said_most_since_the_last_time() {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world.register(2, "boris");
    let busiest = |world: &mut World, said_before, most| {
        let command = Command::Busiest {
            before: Vec::new(),
            said_before,
            most,
        };
        let Some(Reply::Busiest { said, users, .. }) = world.command(command) else {
            panic!("another reply was due")
        };
        let users = users
            .into_iter()
            .map(|(name, said)| (name.to_string(), said));
        (said, users.collect::<Vec<_>>())
    };
    world.say(1, "lobby", "one");
    let (said, users) = busiest(&mut world, 0, 9);
    assert_eq!((said, users), (1, vec![("anna".to_owned(), 1)]));
    world.say(2, "lobby", "two");
    world.say(2, "@anna", "three");
    world.say(1, "lobby", "four");
    let both = [("boris".to_owned(), 2), ("anna".to_owned(), 1)];
    assert_eq!(busiest(&mut world, said, 9), (4, both.to_vec()));
    assert_eq!(busiest(&mut world, said, 1).1, both[..1]);
    assert_eq!(busiest(&mut world, 4, 9).1, []);
    assert_eq!(busiest(&mut world, u64::MAX, 9).1, []);
}

#[test]
fn which_name_was_meant() {
    let mut world = World::new(Limits::default());
    for (conn, name) in [(1, "anna"), (2, "boris"), (3, "Константин")] {
        world.register(conn, name);
    }
    world.say(1, "@boris", "a");
    let mut nearest = |name| {
        let Some(Reply::Nearest(nearest)) = world.command(Command::Nearest { name }) else {
            panic!("another reply was due")
        };
        nearest
    };
    for (wrong, meant) in [
        ("anan", Some("anna")),
        ("bors", Some("boris")),
        ("констатин", Some("Константин")),
        ("zoe", None),
    ] {
        let user = Known::User(wrong.parse().unwrap());
        assert_eq!(nearest(user).as_deref(), meant, "{wrong}");
    }
    for (wrong, meant) in [
        ("loby", Some("lobby")),
        ("@bors @anan", Some("@anna @boris")),
        ("@anna @константин", None),
        ("tea", None),
    ] {
        let room = Known::Room(wrong.parse().unwrap());
        assert_eq!(nearest(room).as_deref(), meant, "{wrong}");
    }
}

#[test]
fn whose_connections_those_are_that_are_asked_for() {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world.register(2, "boris");
    world.ask(2, Request::Logout);
    world.store();
    let conns = [1, 2, 3].map(id_of).to_vec();
    let Some(Reply::Owners(owners)) = world.command(Command::Owners { conns }) else {
        panic!("another reply was due")
    };
    let names = owners
        .iter()
        .map(|owner| Some(owner.as_ref()?.user.as_str()));
    assert_eq!(names.collect::<Vec<_>>(), [Some("anna"), None, None]);
}
