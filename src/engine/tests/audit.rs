//! What is done by somebody is an entry of the audit log, stored with what it tells of.

use super::world::World;
use crate::base::audit::DONE;
use crate::base::{Act, Actor, Limits};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Fault};

fn world() -> World {
    let mut world = World::new(Limits {
        audit_entries: 7,
        ..Limits::default()
    });
    world.register(1, "anna");
    world
}

#[test]
fn whoever_asks_for_an_entry_hears_whether_it_is_stored() {
    let mut world = world();
    let record = Act::new("Pause").record(world.now.wall, Actor::Daemon, DONE);
    let asked = Command::Audit(record);
    world.quick = false;
    assert!(world.command(asked).is_none(), "nothing is stored yet");
    world.store();
    assert!(matches!(world.replies.pop(), Some(Reply::Done)));
    let record = Act::new("Resume").record(world.now.wall, Actor::Daemon, DONE);
    assert!(world.command(Command::Audit(record)).is_none());
    world.fail(Fault::Full);
    assert!(matches!(world.replies.pop(), Some(Reply::StorageFull)));
}
