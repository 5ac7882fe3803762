//! Logs that get shorter by themselves.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use super::world::{World, new_rules};
use crate::base::Limits;
use crate::base::id::LOBBY;
use crate::engine::input::{Fault, Input, Retention, Rules};
use crate::engine::note::Note;
use crate::engine::retain::INTERVAL;

fn keeping(days: u32, messages: u64) -> Rules {
    let retention = Retention {
        days: NonZeroU32::new(days),
        messages: NonZeroU64::new(messages),
    };
    Rules {
        retention,
        ..new_rules(Limits::default())
    }
}

fn world() -> World {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world.register(2, "boris");
    (1..=9).for_each(|n| world.say(1, "lobby", &format!("number {n}")));
    (1..=4).for_each(|n| world.say(1, "@boris", &format!("between us {n}")));
    world.hush();
    world
}

/// Some steps, as the clock has them done.
fn steps(world: &mut World) {
    (0..10).for_each(|_| world.pass(Duration::from_millis(50)));
}

#[test]
fn without_the_setting_everything_stays() {
    let mut world = world();
    for _ in 0..5 {
        world.pass(INTERVAL);
    }
    assert_eq!(world.told(2), [""; 0]);
    assert_eq!(world.engine.retain_deadline(), None);
}

#[test]
fn the_newest_are_kept_and_everybody_is_told_where_logs_begin() {
    let mut world = world();
    world.input(Input::Reload(Box::new(keeping(0, 3))));
    steps(&mut world);
    assert_eq!(world.told(1), ["cleared lobby 7", "cleared @boris 2"]);
    assert_eq!(world.told(2), ["cleared lobby 7", "cleared @anna 2"]);
    let is_told = |note: &Note| {
        matches!(
            note,
            Note::Retained {
                rooms: 2,
                messages: 7
            }
        )
    };
    assert_eq!(world.notes.iter().filter(|note| is_told(note)).count(), 1);
    world.say(1, "lobby", "ten");
    assert_eq!(world.told(2), ["lobby 10 <anna> ten"]);
    steps(&mut world);
    assert_eq!(world.told(2), [""; 0], "not before its time");
    world.pass(INTERVAL);
    steps(&mut world);
    assert_eq!(world.told(2), ["cleared lobby 8"]);
    world.pass(INTERVAL);
    steps(&mut world);
    assert_eq!(world.told(2), [""; 0], "nothing is too much");
    let told = world
        .notes
        .iter()
        .filter(|note| matches!(note, Note::Retained { .. }));
    assert_eq!(told.count(), 2);
}

#[test]
fn what_is_older_goes_by_the_clock_of_the_messages() {
    let mut world = world();
    world.quick = false;
    world.input(Input::Reload(Box::new(keeping(30, 0))));
    let asked = world.clearings();
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    assert_eq!(asked.len(), 2);
    for clearing in &asked {
        let before = clearing.before.expect("it goes by age");
        assert_eq!(before.plus(month), world.now.wall);
    }
    assert_eq!((asked[0].room, asked[0].upto.0), (LOBBY, 9));
    // One step at a time, however slow the writer is.
    steps(&mut world);
    assert_eq!(world.clearings().len(), 2);
    // What cannot be stored is tried again in the next run.
    world.fail(Fault::Full);
    steps(&mut world);
    assert_eq!(world.clearings().len(), 0);
    world.pass(INTERVAL);
    assert_eq!(world.clearings().len(), 2);
}

#[test]
fn many_rooms_are_gone_through_a_few_at_a_time() {
    let mut world = world();
    for n in 0..50 {
        let room = format!("room-{n}").parse().expect("a name");
        let topic = "".into();
        world.command(crate::engine::input::Command::CreateRoom { name: room, topic });
    }
    world.quick = false;
    world.input(Input::Reload(Box::new(keeping(1, 2))));
    assert_eq!(world.clearings().len(), 4, "empty logs need nothing");
    let first = world.engine.retain_deadline();
    world.store();
    steps(&mut world);
    let next = world.engine.retain_deadline().expect("another run");
    assert!(
        next > world.now.elapsed + INTERVAL / 2,
        "{first:?} {next:?}"
    );
}
