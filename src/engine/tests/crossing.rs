//! What crosses on its way: requests that were asked while another was being stored, and so find a world that is not
//! the one they were asked in.

use super::world::World;
use crate::base::record::PasswordHash;
use crate::base::{CallId, Limits, Password, Seq};
use crate::engine::input::{Command, Input, Range, Request};

/// Anna with two devices (1 and 3), Boris with one (2); from now on the writer waits for [`World::store`].
fn two() -> World {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world.register(2, "boris");
    world.login(3, "anna", "correct horse");
    world.ask(1, create("tea"));
    world.hush();
    world.quick = false;
    world
}

fn create(room: &str) -> Request {
    let room = room.parse().unwrap();
    Request::Create { room }
}

fn read(room: &str, seq: u64) -> Request {
    let (room, seq) = (room.parse().unwrap(), Seq(seq));
    Request::Read { room, seq }
}

fn call(world: &mut World, command: Command) {
    let call = CallId(1);
    world.input(Input::Call { call, command });
}

fn remove(world: &mut World, name: &str) {
    let name = name.parse().unwrap();
    call(world, Command::RemoveUser { name });
}

#[test]
fn a_login_that_crosses_the_removal_of_its_account_is_refused() {
    let mut world = two();
    remove(&mut world, "anna");
    world.login(4, "anna", "correct horse");
    world.store();
    assert_eq!(world.told(4), ["refused WrongPassword"]);
    world.resume(5, 4, &[]);
    assert_eq!(world.told(5), ["refused DeadToken"]);
}

#[test]
fn who_is_removed_while_joining_is_nowhere() {
    let mut world = two();
    remove(&mut world, "boris");
    let room = "tea".parse().unwrap();
    world.ask(2, Request::Join { room });
    world.store();
    world.hush();
    world.ask(1, Request::Rooms { after: None });
    assert_eq!(world.told(1), ["rooms lobby(1/1) tea(1/1)"]);
}

#[test]
fn a_read_marker_that_crosses_the_leaving_does_not_bring_one_back() {
    let mut world = two();
    world.say(1, "tea", "hi");
    world.store();
    let room = "tea".parse().unwrap();
    world.ask(1, Request::Leave { room });
    world.ask(3, read("tea", 1));
    world.store();
    world.hush();
    let (room, range) = ("tea".parse().unwrap(), Range::NEWEST);
    let limit = 9;
    world.ask(1, Request::History { room, range, limit });
    assert_eq!(world.told(1), ["refused NotAMember"]);
}

#[test]
fn of_two_read_markers_that_cross_the_further_one_counts() {
    let mut world = two();
    (0..3).for_each(|_| world.say(2, "lobby", "hi"));
    world.store();
    world.hush();
    world.ask(1, read("lobby", 3));
    world.ask(3, read("lobby", 2));
    world.store();
    assert_eq!(world.told(1), ["ok", "read lobby 3"]);
    assert_eq!(world.told(3), ["read lobby 3", "ok"]);
    world.resume(4, 1, &[]);
    assert_eq!(world.told(4), ["welcome anna lobby:3/3 tea:0/0"]);
}

#[test]
fn the_first_message_to_somebody_is_stored_once_also_when_two_connections_send_it() {
    let mut world = two();
    world.say_keyed(1, "@boris", Some("k"), "hello");
    world.say_keyed(3, "@boris", Some("k"), "hello");
    world.store();
    world.store();
    let count = |told: Vec<String>| told.iter().filter(|line| line.contains("hello")).count();
    assert_eq!(count(world.told(2)), 1);
    for conn in [1, 3] {
        assert_eq!(world.told(conn).last().unwrap(), "sent @boris 1");
    }
}

#[test]
fn another_password_ends_also_the_session_that_was_just_begun_with_the_old_one() {
    let set = || Command::SetPassword {
        name: "anna".parse().unwrap(),
        hash: PasswordHash("another".into()),
    };
    let mut world = two();
    world.login(4, "anna", "correct horse");
    call(&mut world, set());
    world.store();
    assert_eq!(
        world.told(4),
        ["welcome anna lobby:0/0 tea:0/0", "bye SessionEnded"]
    );
    let mut world = two();
    call(&mut world, set());
    world.login(4, "anna", "correct horse");
    world.store();
    assert_eq!(world.told(4), ["refused WrongPassword"]);
}

#[test]
fn a_session_that_has_ended_changes_no_password() {
    let mut world = two();
    let (old, new) = ["correct horse", "battery staple"]
        .map(|text| Password::new(text.into()))
        .into();
    world.slow_passwords = true;
    world.ask(3, Request::ChangePassword { old, new });
    let id = crate::base::SessionId(3);
    call(&mut world, Command::RevokeSession { id });
    world.store();
    world.do_passwords();
    world.store();
    assert_eq!(
        world.told(3),
        ["bye SessionEnded", "refused NotLoggedIn"],
        "nobody hears the last"
    );
    assert_eq!(world.told(1), Vec::<String>::new(), "and nobody is put out");
}

#[test]
fn who_was_told_good_bye_is_not_let_in_again_before_the_connection_is_gone() {
    let mut world = two();
    let room = "tea".parse().unwrap();
    world.ask(2, Request::Join { room });
    let (name, text) = ("boris".parse().unwrap(), "out".into());
    call(&mut world, Command::Kick { name, text });
    // What the client had written already.
    world.resume(2, 2, &[]);
    world.login(2, "anna", "correct horse");
    world.store();
    assert_eq!(
        world.told(2),
        ["bye Kicked", "joined tea with 2"],
        "the worker passes over what comes after the good-bye"
    );
    world.gone(2);
    world.ask(1, Request::Rooms { after: None });
    assert_eq!(
        world.told(1).last().unwrap(),
        "rooms lobby(1/2) tea(1/2)",
        "anna alone is here"
    );
}

#[test]
fn sessions_that_began_together_leave_no_more_than_are_allowed() {
    let mut world = World::new(Limits {
        sessions_per_user: 2,
        ..Limits::default()
    });
    world.register(1, "anna");
    world.quick = false;
    (2..6).for_each(|conn| world.login(conn, "anna", "correct horse"));
    world.store();
    world.quick = true;
    world.hush();
    world.login(6, "anna", "correct horse");
    for conn in 2..5 {
        assert_eq!(world.told(conn), ["bye SessionEnded"], "{conn}");
    }
    assert_eq!(world.told(5), Vec::<String>::new());
}
