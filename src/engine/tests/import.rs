//! Accounts that are brought along: all of them or none, whatever happens meanwhile.

use super::world::World;
use crate::base::record::PasswordHash;
use crate::base::{Limits, Timestamp};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Fault, Newcomer};

fn newcomers(names: &[&str]) -> Command {
    let newcomer = |name: &&str| Newcomer {
        name: name.parse().unwrap(),
        hash: PasswordHash("right".into()),
        created_at: Some(Timestamp(7)),
        last_login_at: Some(Timestamp(8)),
        disabled_at: None,
    };
    let users = names.iter().map(newcomer).collect();
    Command::AddUsers { users }
}

fn names(world: &mut World) -> Vec<String> {
    match world.command(Command::Users) {
        Some(Reply::Users(users)) => users.iter().map(|user| user.name.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}

fn check(names: &[&str]) -> Command {
    let names = names.iter().map(|name| name.parse().unwrap()).collect();
    Command::CheckNames { names }
}

#[test]
fn all_come_or_none() {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    for taken in [
        &["boris", "Anna", "clara"][..],
        &["boris", "clara", "Boris"],
    ] {
        let refused = world.command(check(taken));
        assert!(matches!(refused, Some(Reply::Taken(_))), "{refused:?}");
        let refused = world.command(newcomers(taken));
        assert!(matches!(refused, Some(Reply::Taken(_))), "{refused:?}");
        assert_eq!(names(&mut world), ["anna"]);
    }
    // The names that were looked at are free.
    assert!(matches!(
        world.command(check(&["boris"])),
        Some(Reply::Done)
    ));
    let come = world.command(newcomers(&["boris", "clara"]));
    assert!(matches!(come, Some(Reply::Count(2))), "{come:?}");
    assert_eq!(names(&mut world), ["anna", "boris", "clara"]);
    let Some(Reply::Users(users)) = world.command(Command::Users) else {
        panic!("no users");
    };
    assert_eq!(users[1].created_at, Timestamp(7));
    assert_eq!(users[1].last_login.map(|last| last.at), Some(Timestamp(8)));
}

#[test]
fn past_the_limit_or_with_a_full_disk_none_comes() {
    let mut world = World::new(Limits {
        users: 3,
        ..Limits::default()
    });
    world.register(1, "anna");
    let many = world.command(newcomers(&["boris", "clara", "dora"]));
    assert!(
        matches!(many, Some(Reply::LimitReached("users"))),
        "{many:?}"
    );
    assert_eq!(names(&mut world), ["anna"]);
    let two = world.command(newcomers(&["boris", "clara"]));
    assert!(matches!(two, Some(Reply::Count(2))), "{two:?}");
}

#[test]
fn names_that_could_not_be_stored_are_free_again() {
    let mut world = World::new(Limits::default());
    world.quick = false;
    assert!(world.command(newcomers(&["boris", "clara"])).is_none());
    let meanwhile = world.command(check(&["Boris"]));
    assert!(matches!(meanwhile, Some(Reply::Taken(_))), "{meanwhile:?}");
    world.fail(Fault::Full);
    world.quick = true;
    let again = world.command(newcomers(&["boris", "clara"]));
    assert!(matches!(again, Some(Reply::Count(2))), "{again:?}");
}
