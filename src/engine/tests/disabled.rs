//! Accounts that nobody can log in to.

use super::notes::noted;
use super::world::World;
use crate::base::{Limits, Password};
use crate::engine::effect::{AccountView, Reply};
use crate::engine::input::{Command, Request};

/// Anna with two devices (1 and 3), Boris with one (2).
fn two() -> World {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world.register(2, "boris");
    world.login(3, "anna", "correct horse");
    world.say(2, "@anna", "psst");
    world.hush();
    world.notes.clear();
    world
}

fn set(name: &str, disabled: bool) -> Command {
    let name = name.parse().unwrap();
    Command::SetDisabled { name, disabled }
}

fn changed(world: &mut World, name: &str, disabled: bool) -> bool {
    match world.command(set(name, disabled)) {
        Some(Reply::Changed(changed)) => changed,
        other => panic!("{other:?}"),
    }
}

fn view(world: &mut World, name: &str) -> AccountView {
    let name = name.parse().unwrap();
    match world.command(Command::ShowUser { name }) {
        Some(Reply::Account(view)) => *view,
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_of_it_stays_but_its_sessions() {
    let mut world = two();
    assert!(changed(&mut world, "anna", true));
    assert!(!changed(&mut world, "Anna", true), "it is so already");
    for conn in [1, 3] {
        assert_eq!(world.told(conn), ["bye AccountDisabled"]);
    }
    world.resume(4, 1, &[]);
    assert_eq!(world.told(4), ["refused DeadToken"]);
    world.login(4, "anna", "wrong horse");
    world.login(4, "anna", "correct horse");
    assert_eq!(
        world.told(4),
        ["refused WrongPassword", "refused AccountDisabled"]
    );
    assert_eq!(
        noted(&mut world),
        ["a token refused", "anna refused", "anna is disabled"]
    );
    world.register(5, "ANNA");
    assert_eq!(world.told(5), ["refused NameTaken"]);

    // To others she is away, and can read later what they write.
    world.hush();
    world.say(2, "@anna", "where are you?");
    world.ask(
        2,
        Request::Who {
            room: Some("lobby".parse().unwrap()),
            after: None,
        },
    );
    let told = world.told(2);
    assert_eq!(told, ["sent @anna 2", "who anna(away) boris"]);

    assert!(changed(&mut world, "anna", false));
    assert!(!changed(&mut world, "anna", false));
    world.login(6, "anna", "correct horse");
    assert_eq!(world.told(6), ["welcome anna lobby:0/0 @boris:0/2"]);
    let nobody = world.command(set("clara", true));
    assert!(matches!(nobody, Some(Reply::NoSuchUser(_))));
}

#[test]
fn a_login_that_crosses_it_is_refused_or_ended() {
    let mut world = two();
    world.quick = false;
    world.command(set("anna", true));
    world.login(4, "anna", "correct horse");
    world.store();
    assert_eq!(world.told(4), ["refused AccountDisabled"]);

    let mut world = two();
    world.quick = false;
    world.login(4, "anna", "correct horse");
    world.command(set("anna", true));
    world.store();
    let told = world.told(4);
    assert_eq!(
        told,
        ["welcome anna lobby:0/0 @boris:0/1", "bye AccountDisabled"]
    );

    // While the password is being looked at.
    let mut world = two();
    world.slow_passwords = true;
    world.login(4, "anna", "correct horse");
    world.login(5, "anna", "wrong horse");
    world.command(set("anna", true));
    world.do_passwords();
    assert_eq!(world.told(4), ["refused AccountDisabled"]);
    assert_eq!(world.told(5), ["refused WrongPassword"]);
}

#[test]
fn a_password_that_is_changed_at_that_moment_opens_nothing() {
    let mut world = two();
    world.slow_passwords = true;
    let [old, new] = ["correct horse", "battery staple"].map(|text| Password::new(text.into()));
    world.ask(1, Request::ChangePassword { old, new });
    world.command(set("anna", true));
    world.do_passwords();
    assert_eq!(
        world.told(1),
        ["bye AccountDisabled", "refused NotLoggedIn"]
    );
    assert!(view(&mut world, "anna").sessions.is_empty());
}

#[test]
fn of_two_admins_who_do_the_opposite_the_one_who_comes_last_is_right() {
    let mut world = two();
    world.quick = false;
    for commands in [[true, false, true], [true, true, false]] {
        let first = world.now.wall;
        for disabled in commands {
            world.command(set("anna", disabled));
            world.pass(std::time::Duration::from_secs(1));
        }
        world.store();
        let since = view(&mut world, "anna").line.disabled_at;
        assert_eq!(since.is_some(), commands[2]);
        world.command(set("anna", true));
        world.store();
        let again = view(&mut world, "anna").line.disabled_at;
        assert!(
            again >= Some(first) && since.is_none_or(|at| again == Some(at)),
            "since the first"
        );
    }
}

#[test]
fn who_is_disabled_can_be_removed_and_whoever_comes_after_is_not() {
    let mut world = two();
    changed(&mut world, "anna", true);
    world.command(Command::RemoveUser {
        name: "anna".parse().unwrap(),
    });
    let gone = view(&mut world, "anna");
    assert!(gone.is_removed && gone.sessions.is_empty() && gone.rooms.is_empty());
    assert_eq!(gone.line.disabled_at, None);
    world.register(7, "anna");
    assert_eq!(world.told(7), ["welcome anna lobby:0/0"]);
    assert!(!view(&mut world, "anna").is_removed);
}

#[test]
fn all_about_somebody() {
    let mut world = two();
    world.say(2, "lobby", "one");
    world.say(2, "lobby", "two");
    let anna = view(&mut world, "anna");
    let sessions = anna.sessions.iter();
    let sessions: Vec<_> = sessions
        .map(|(_, session, connections)| (session.id.0, *connections))
        .collect();
    assert_eq!(sessions, [(1, 1), (3, 1)]);
    let room = |room: &crate::engine::effect::AccountRoom| {
        let state = (room.last_seq.0, room.read_seq.0, room.unread);
        (room.label.clone(), room.is_direct, state)
    };
    let rooms: Vec<_> = anna.rooms.iter().map(room).collect();
    let expected = [
        ("lobby".to_owned(), false, (2, 0, 2)),
        ("@boris".to_owned(), true, (1, 0, 1)),
    ];
    assert_eq!(rooms, expected);
    assert_eq!(anna.line.connections, 2);
    let nobody = Command::ShowUser {
        name: "clara".parse().unwrap(),
    };
    assert!(matches!(world.command(nobody), Some(Reply::NoSuchUser(_))));
}
