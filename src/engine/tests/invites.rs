//! Accounts by invitation.

use std::time::Duration;

use super::guard::come_from;
use super::notes::noted;
use super::world::{World, new_rules};
use crate::base::invite::InviteState;
use crate::base::{InviteHash, InviteId, InviteRecord, Limits, Password};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Fault, Input, Registration, Request};

const HOUR: Duration = Duration::from_secs(3_600);

fn by_invitation(limits: Limits) -> World {
    let mut world = World::new(limits.clone());
    let mut rules = new_rules(limits);
    rules.registration = Registration::Invite;
    world.input(Input::Reload(Box::new(rules)));
    world
}

fn hash(code: &str) -> InviteHash {
    InviteHash::of(&Password::new(code.into()))
}

/// Makes one that is good for so many accounts, for an hour.
fn create(world: &mut World, code: &str, uses: u32) -> Option<Reply> {
    let now = world.now.wall;
    world.command(Command::CreateInvite(InviteRecord {
        id: InviteId(0),
        hash: hash(code),
        note: "".into(),
        uses,
        used: 0,
        created_at: now,
        created_by: 0,
        expires_at: now.plus(HOUR),
        revoked_at: None,
    }))
}

fn registers(world: &mut World, conn: u32, name: &str, code: Option<&str>) {
    let (name, password) = (name.parse().unwrap(), Password::new("correct horse".into()));
    let request = Request::Register {
        name,
        password,
        invite: code.map(hash),
        device: "".into(),
    };
    world.ask(conn, request);
}

/// What comes of it on a connection of its own.
fn tries(world: &mut World, name: &str, code: &str) -> String {
    // What the one before was told after it was gone.
    world.told(1_000);
    registers(world, 1_000, name, Some(code));
    let told = world.told(1_000)[0].clone();
    world.gone(1_000);
    told
}

/// Number, state and how often it was used, of each.
fn listed(world: &mut World) -> Vec<(u32, InviteState, u32)> {
    let Some(Reply::Invites(lines)) = world.command(Command::ListInvites) else {
        panic!("no list");
    };
    let line = lines.into_iter();
    line.map(|line| (line.id.0, line.state, line.used))
        .collect()
}

#[test]
fn an_account_takes_an_invite_that_is_open() {
    let mut world = by_invitation(Limits::default());
    assert!(matches!(
        create(&mut world, "good", 2),
        Some(Reply::Invite(InviteId(1)))
    ));
    registers(&mut world, 1, "anna", None);
    assert_eq!(world.told(1), ["refused InviteNeeded"]);
    assert_eq!(tries(&mut world, "anna", "bad"), "refused BadInvite");
    registers(&mut world, 1, "anna", Some("GO-OD"));
    assert_eq!(world.told(1), ["welcome anna lobby:0/0"]);
    assert_eq!(tries(&mut world, "Anna", "good"), "refused NameTaken");
    assert_eq!(listed(&mut world), [(1, InviteState::Open, 1)]);
    assert!(tries(&mut world, "boris", "good").starts_with("welcome"));
    assert_eq!(listed(&mut world), [(1, InviteState::Used, 2)]);
    assert_eq!(tries(&mut world, "clara", "good"), "refused BadInvite");
    let told = noted(&mut world);
    assert_eq!(
        told,
        [
            "an invite refused",
            "anna registered with invite 1, 1",
            "boris registered with invite 1, 2",
            "an invite refused"
        ]
    );
}

#[test]
fn who_has_no_invite_is_not_told_which_names_there_are() {
    let mut world = by_invitation(Limits::default());
    create(&mut world, "good", 9);
    registers(&mut world, 1, "anna", Some("good"));
    for name in ["anna", "boris"] {
        assert_eq!(tries(&mut world, name, "bad"), "refused BadInvite");
        registers(&mut world, 2, name, None);
        assert_eq!(world.told(2), ["refused InviteNeeded"]);
    }
}

#[test]
fn what_has_run_out_or_was_revoked_is_no_invite() {
    let mut world = by_invitation(Limits::default());
    create(&mut world, "one", 9);
    create(&mut world, "two", 9);
    let revoke = |world: &mut World, id| world.command(Command::RevokeInvite { id: InviteId(id) });
    assert!(matches!(revoke(&mut world, 1), Some(Reply::Changed(true))));
    assert!(matches!(revoke(&mut world, 1), Some(Reply::Changed(false))));
    assert!(matches!(
        revoke(&mut world, 3),
        Some(Reply::NoSuchInvite(InviteId(3)))
    ));
    assert_eq!(tries(&mut world, "anna", "one"), "refused BadInvite");
    assert!(tries(&mut world, "anna", "two").starts_with("welcome"));
    world.pass(HOUR);
    assert_eq!(tries(&mut world, "boris", "two"), "refused BadInvite");
    let states = [(1, InviteState::Revoked, 0), (2, InviteState::Expired, 1)];
    assert_eq!(listed(&mut world), states);
}

#[test]
fn an_invite_for_one_that_many_show_at_once_lets_one_in() {
    let mut world = by_invitation(Limits::default());
    create(&mut world, "good", 1);
    world.quick = false;
    for conn in 1..=50 {
        registers(&mut world, conn, &format!("person-{conn}"), Some("good"));
    }
    world.store();
    assert_eq!(world.told(1), ["welcome person-1 lobby:0/0"]);
    for conn in 2..=50 {
        assert_eq!(world.told(conn), ["refused BadInvite"]);
    }
    world.quick = true;
    assert_eq!(listed(&mut world), [(1, InviteState::Used, 1)]);
    // Their names are free again.
    create(&mut world, "another", 1);
    registers(&mut world, 2, "person-2", Some("another"));
    assert_eq!(world.told(2), ["welcome person-2 lobby:0/0"]);
}

#[test]
fn a_revocation_that_crosses_an_account_comes_before_or_after_it() {
    let mut world = by_invitation(Limits::default());
    create(&mut world, "good", 9);
    let revoke = || Command::RevokeInvite { id: InviteId(1) };
    world.slow_passwords = true;
    registers(&mut world, 1, "anna", Some("good"));
    world.command(revoke());
    world.do_passwords();
    assert_eq!(world.told(1), ["refused BadInvite"]);
    assert_eq!(listed(&mut world), [(1, InviteState::Revoked, 0)]);
}

#[test]
fn an_account_that_could_not_be_stored_has_used_up_nothing() {
    let mut world = by_invitation(Limits::default());
    create(&mut world, "good", 1);
    world.quick = false;
    registers(&mut world, 1, "anna", Some("good"));
    world.fail(Fault::Full);
    assert_eq!(world.told(1), ["refused StorageFull"]);
    world.quick = true;
    registers(&mut world, 1, "anna", Some("good"));
    assert_eq!(world.told(1), ["welcome anna lobby:0/0"]);
}

#[test]
fn who_guesses_waits_as_for_a_password() {
    let mut world = by_invitation(Limits::default());
    create(&mut world, "good", 99);
    come_from(&mut world, "203.0.113.7");
    for n in 0..30 {
        let told = tries(&mut world, &format!("person-{n}"), "good");
        assert!(told.starts_with("welcome"), "{told}");
    }
    let guess = |n: &usize| tries(&mut world, "anna", &format!("guess {n}")) == "refused BadInvite";
    assert_eq!((0..100).take_while(guess).count(), 20);
    let told = tries(&mut world, "anna", "good");
    assert_eq!(told, "refused LoginsLimited(1001)", "whatever is shown");
    come_from(&mut world, "203.0.113.8");
    assert!(tries(&mut world, "anna", "good").starts_with("welcome"));
    (0..4).for_each(|_| registers(&mut world, 9, "boris", Some("bad")));
    world.hush();
    registers(&mut world, 9, "boris", Some("bad"));
    assert_eq!(world.told(9), ["refused BadInvite", "bye LoginAttempts"]);
}

#[test]
fn so_many_and_no_more_and_those_that_are_over_make_room() {
    let limits = Limits {
        invites: 3,
        ..Limits::default()
    };
    let mut world = by_invitation(limits);
    for (n, code) in ["one", "two", "three"].iter().enumerate() {
        let made = create(&mut world, code, 1);
        assert!(matches!(made, Some(Reply::Invite(id)) if id.0 as usize == n + 1));
    }
    assert!(matches!(
        create(&mut world, "four", 1),
        Some(Reply::LimitReached("invites"))
    ));
    assert!(tries(&mut world, "anna", "two").starts_with("welcome"));
    // Two at once: one place is free.
    world.quick = false;
    create(&mut world, "four", 1);
    assert!(matches!(
        create(&mut world, "five", 1),
        Some(Reply::LimitReached("invites"))
    ));
    world.store();
    world.quick = true;
    let open = InviteState::Open;
    assert_eq!(
        listed(&mut world),
        [(1, open, 0), (3, open, 0), (4, open, 0)]
    );
    assert_eq!(tries(&mut world, "boris", "two"), "refused BadInvite");
    assert!(tries(&mut world, "boris", "four").starts_with("welcome"));
}

#[test]
fn invites_are_passed_over_where_nobody_asks_for_them() {
    let mut world = by_invitation(Limits::default());
    create(&mut world, "good", 1);
    world.input(Input::Reload(Box::new(new_rules(Limits::default()))));
    assert!(tries(&mut world, "anna", "good").starts_with("welcome"));
    assert!(tries(&mut world, "boris", "bad").starts_with("welcome"));
    assert_eq!(listed(&mut world), [(1, InviteState::Open, 0)]);
    let mut rules = new_rules(Limits::default());
    rules.registration = Registration::Closed;
    world.input(Input::Reload(Box::new(rules)));
    assert_eq!(
        tries(&mut world, "clara", "good"),
        "refused RegistrationClosed"
    );
}
