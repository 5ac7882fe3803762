//! Guessing: who is made to wait for it and who is not.

use std::time::Duration;

use super::notes::noted;
use super::world::World;
use crate::base::{Limits, Password};
use crate::engine::input::Request;

const SECOND: Duration = Duration::from_secs(1);
const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.1";

/// Anna, who has registered at home.
fn anna() -> World {
    let mut world = World::new(Limits::default());
    come_from(&mut world, HOME);
    world.register(1, "anna");
    world.hush();
    world.notes.clear();
    world
}

pub fn come_from(world: &mut World, address: &str) {
    world.from = Some(address.parse().unwrap());
}

/// Tries a password on a connection of its own.
fn tries(world: &mut World, name: &str, password: &str) -> String {
    world.login(1_000, name, password);
    world.gone(1_000);
    world.told(1_000)[0].clone()
}

/// Guesses until one has to wait; how often that went well.
fn guess(world: &mut World, name: &str) -> usize {
    let guesses = (0..100).take_while(|_| tries(world, name, "wrong") == "refused WrongPassword");
    guesses.count()
}

#[test]
fn strangers_who_guess_wait_and_the_owner_does_not() {
    let mut world = anna();
    let mut guesses = 0;
    for stranger in 1..=50 {
        come_from(&mut world, &format!("203.0.113.{stranger}"));
        guesses += guess(&mut world, "anna");
    }
    assert_eq!(guesses, 5, "whatever number of addresses they come from");
    let told = tries(&mut world, "anna", "correct horse");
    assert_eq!(told, "refused LoginsLimited(1001)");
    come_from(&mut world, HOME);
    for _ in 0..4 {
        assert_eq!(tries(&mut world, "anna", "slip"), "refused WrongPassword");
        let told = tries(&mut world, "anna", "correct horse");
        assert!(told.starts_with("welcome"), "{told}");
    }
    assert_eq!(guess(&mut world, "anna"), 5, "who sits where she sat");
}

#[test]
fn who_moves_is_known_there_with_a_password_or_a_token() {
    let mut world = anna();
    for (place, by_token) in [(ELSEWHERE, true), ("198.51.100.2", false)] {
        world.pass(SECOND * 3_600);
        come_from(&mut world, place);
        match by_token {
            true => world.resume(2, 1, &[]),
            false => world.login(2, "anna", "correct horse"),
        }
        world.gone(2);
        come_from(&mut world, "203.0.113.1");
        guess(&mut world, "anna");
        come_from(&mut world, place);
        let told = tries(&mut world, "anna", "correct horse");
        assert!(told.starts_with("welcome"), "{place}: {told}");
    }
}

#[test]
fn one_address_is_slowed_down_whatever_names_it_tries() {
    let mut world = anna();
    come_from(&mut world, "2001:db8::1");
    for n in 0..20 {
        come_from(&mut world, &format!("2001:db8::{n}:1"));
        let told = tries(&mut world, &format!("name-{n}"), "wrong");
        assert_eq!(told, "refused WrongPassword");
    }
    let told = tries(&mut world, "anna", "correct horse");
    assert_eq!(told, "refused LoginsLimited(1001)", "the same /64");
    come_from(&mut world, "2001:db8:0:1::1");
    let told = tries(&mut world, "anna", "correct horse");
    assert!(told.starts_with("welcome"), "another /64: {told}");
}

#[test]
fn a_name_that_nobody_has_is_treated_like_one_that_somebody_has() {
    for password in ["wrong", "wrong, too"] {
        let mut world = anna();
        let mut told = |name: &str| {
            come_from(&mut world, ELSEWHERE);
            (0..12)
                .map(|_| {
                    world.pass(SECOND / 2);
                    tries(&mut world, name, password)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(told("anna"), told("nobody"));
    }
}

/// Everybody behind a proxy on this machine comes from here, and so has been here before whoever has a name.
#[test]
fn a_name_is_treated_the_same_from_this_machine_whoever_has_it() {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world.gone(1);
    world.slow_passwords = true;
    let mut answers = ["anna", "nobody"].map(|name| {
        let conns = 100..150;
        for conn in conns.clone() {
            world.login(conn, name, "wrong");
        }
        let looked_at = world.passwords_waiting();
        world.do_passwords();
        let told: Vec<_> = conns.clone().map(|conn| world.told(conn)).collect();
        conns.for_each(|conn| world.gone(conn));
        (looked_at, told)
    });
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 50, "devices come at once");
    world.slow_passwords = false;
    answers[0].1.clear();
    assert_eq!(guess(&mut world, "anna"), 0, "but not again");
    assert_eq!(guess(&mut world, "nobody"), 0, "but not again");
}

#[test]
fn nothing_is_spent_on_who_has_to_wait_and_a_hundred_at_once_are_not_all_the_first() {
    let mut world = anna();
    world.slow_passwords = true;
    come_from(&mut world, ELSEWHERE);
    for conn in 100..200 {
        world.login(conn, "anna", "wrong");
    }
    assert_eq!(world.passwords_waiting(), 5);
    world.do_passwords();
    world.pass(SECOND);
    world.slow_passwords = false;
    assert_eq!(guess(&mut world, "anna"), 1);
    assert_eq!(noted(&mut world).last().unwrap(), "anna refused");
}

#[test]
fn who_has_to_wait_too_often_is_closed_and_the_log_is_told_once_a_minute() {
    let mut world = anna();
    come_from(&mut world, ELSEWHERE);
    guess(&mut world, "anna");
    world.notes.clear();
    for _ in 0..5 {
        world.login(7, "anna", "wrong");
    }
    assert_eq!(world.told(7).last().unwrap(), "bye LoginAttempts");
    assert_eq!(noted(&mut world), [""; 0], "told a moment ago");
    world.pass(SECOND * 60);
    guess(&mut world, "anna");
    assert_eq!(noted(&mut world), ["anna refused", "a login delayed"]);
}

#[test]
fn a_stolen_connection_is_no_place_to_guess_the_password() {
    let mut world = anna();
    let mut refused = Vec::new();
    for _ in 0..6 {
        let [old, new] = ["guess", "correct horse"].map(|text| Password::new(text.into()));
        world.ask(1, Request::ChangePassword { old, new });
        refused.extend(world.told(1));
    }
    assert_eq!(refused[4], "refused WrongPassword");
    assert_eq!(refused[5], "refused LoginsLimited(1001)");
}

#[test]
fn accounts_are_made_at_a_pace_and_by_the_admin_at_any() {
    let mut world = World::new(Limits {
        registrations_per_address: 3,
        registrations_per_hour: 5,
        ..Limits::default()
    });
    come_from(&mut world, HOME);
    let mut told = Vec::new();
    for conn in 0..4 {
        world.register(conn, &format!("one-{conn}"));
        told.extend(world.told(conn).pop());
    }
    assert!(told[2].starts_with("welcome"), "{told:?}");
    assert_eq!(told[3], "refused RegistrationsLimited(1200001)");
    assert_eq!(noted(&mut world).last().unwrap(), "an account delayed");
    world.from = None;
    for conn in 10..13 {
        world.register(conn, &format!("two-{conn}"));
    }
    assert!(world.told(11)[0].starts_with("welcome"));
    assert_eq!(world.told(12), ["refused RegistrationsLimited(720001)"]);
    world.pass(SECOND * 1_200);
    world.register(12, "two-12");
    assert!(world.told(12)[0].starts_with("welcome"), "the name is free");
}

/// Whether somebody has a name is told to who wants to register it, and so often as they could have made accounts.
#[test]
fn names_are_looked_for_no_faster_than_accounts_are_made() {
    let mut world = World::new(Limits {
        registrations_per_address: 3,
        registrations_per_hour: 5,
        ..Limits::default()
    });
    come_from(&mut world, HOME);
    world.register(1, "anna");
    come_from(&mut world, ELSEWHERE);
    let mut told = |conn, name: &str| {
        world.register(conn, name);
        world.told(conn).pop().unwrap()
    };
    for conn in 10..13 {
        assert_eq!(told(conn, "anna"), "refused NameTaken");
    }
    for (conn, name) in [(13, "anna"), (14, "nobody")] {
        assert_eq!(told(conn, name), "refused RegistrationsLimited(1200001)");
    }
    for conn in 20..24 {
        come_from(&mut world, &format!("203.0.113.{conn}"));
        world.register(conn, &format!("new-{conn}"));
        let told = world.told(conn).pop().unwrap();
        assert!(
            told.starts_with("welcome"),
            "accounts are still made: {told}"
        );
    }
}
