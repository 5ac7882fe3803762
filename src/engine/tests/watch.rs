//! What those ask for who watch: whose connections, and where most is said.

use super::world::{World, id_of};
use crate::base::{Limits, RoomId, Seq};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Request};

type Rooms = Vec<(String, u64)>;

fn busiest(
    world: &mut World,
    before: &[(RoomId, Seq)],
    most: usize,
) -> (Vec<(RoomId, Seq)>, Rooms) {
    let before = before.to_vec();
    let Some(Reply::Busiest { heads, rooms }) = world.command(Command::Busiest { before, most })
    else {
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
