//! The admin's hand on people and sessions.

use super::world::World;
use crate::base::record::PasswordHash;
use crate::base::{Limits, SessionId};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Fault, Input, Range, Request};

fn two() -> World {
    let mut world = World::new(Limits::default());
    world.register(1, "anna");
    world.register(2, "boris");
    world.say(1, "@boris", "psst");
    world.hush();
    world
}

#[test]
fn clear_users_removes_all_but_those_kept_and_their_history_stays() {
    let mut world = two();
    let slip = Command::ClearUsers {
        keep: vec!["bors".parse().unwrap()],
        dry_run: false,
    };
    assert!(matches!(world.command(slip), Some(Reply::NoSuchUser(_))));
    let keep = vec!["boris".parse().unwrap()];
    assert!(matches!(
        world.command(Command::ClearUsers {
            keep: keep.clone(),
            dry_run: true
        }),
        Some(Reply::Count(1))
    ));
    assert_eq!(world.told(1), Vec::<String>::new());
    assert!(matches!(
        world.command(Command::ClearUsers {
            keep,
            dry_run: false
        }),
        Some(Reply::Count(1))
    ));
    assert_eq!(world.told(1), ["bye AccountRemoved"]);
    world.resume(3, 1, &[]);
    assert_eq!(world.told(3), ["refused DeadToken"]);
    world.hush();
    world.ask(
        2,
        Request::History {
            room: "@anna".parse().unwrap(),
            range: Range::NEWEST,
            limit: 9,
        },
    );
    world.say(2, "@anna", "are you there?");
    assert_eq!(
        world.told(2),
        ["page of @anna up to 1", "refused NoSuchUser"]
    );
}

#[test]
fn a_new_owner_of_a_name_does_not_get_the_old_owners_conversation() {
    let mut world = two();
    world.command(Command::RemoveUser {
        name: "anna".parse().unwrap(),
    });
    world.register(3, "anna");
    world.hush();
    world.ask(
        3,
        Request::History {
            room: "@boris".parse().unwrap(),
            range: Range::NEWEST,
            limit: 9,
        },
    );
    assert_eq!(world.told(3), ["refused NoSuchRoom"]);
    world.say(2, "@anna", "welcome");
    world.ask(
        2,
        Request::History {
            room: "@anna".parse().unwrap(),
            range: Range::NEWEST,
            limit: 9,
        },
    );
    assert_eq!(
        world.told(3),
        ["joined @boris with 2", "@boris 2 <boris> welcome"]
    );
    assert_eq!(
        world.told(2),
        [
            "joined @anna with 2",
            "anna is in @anna",
            "sent @anna 2",
            "page of @anna up to 2"
        ]
    );
    world.gone(2);
    world.resume(4, 2, &[]);
    assert_eq!(
        world.told(4),
        ["welcome boris lobby:0/0 @anna:1/2"],
        "the name stands for one conversation"
    );
    // What was held of the old conversation hides nothing of the new one.
    world.resume(5, 2, &[("@anna", 1)]);
    assert_eq!(
        world.told(5),
        ["welcome boris lobby:0/0 @anna:1/2", "@anna is fed after 1"]
    );
}

#[test]
fn of_two_who_had_a_name_and_are_gone_the_name_means_the_later_one() {
    let mut world = two();
    let remove = || Command::RemoveUser {
        name: "anna".parse().unwrap(),
    };
    world.command(remove());
    world.register(3, "anna");
    (0..3).for_each(|_| world.say(2, "@anna", "you, too?"));
    world.command(remove());
    world.resume(4, 2, &[("@anna", 1)]);
    assert_eq!(
        world.told(4),
        ["welcome boris lobby:0/0 @anna:1/4", "@anna is fed after 1"]
    );
}

#[test]
fn users_are_added_and_their_passwords_set_by_the_admin() {
    let mut world = two();
    let hash = || PasswordHash("hash".into());
    let add = |name: &str| Command::AddUser {
        name: name.parse().unwrap(),
        hash: hash(),
    };
    assert!(matches!(world.command(add("anna")), Some(Reply::Taken(_))));
    assert!(matches!(world.command(add("clara")), Some(Reply::Done)));
    world.quick = false;
    assert!(
        world.command(add("dora")).is_none(),
        "the reply waits for the writer"
    );
    world.fail(Fault::Full);
    assert!(matches!(world.replies.pop(), Some(Reply::StorageFull)));
    world.quick = true;
    assert!(matches!(world.command(add("dora")), Some(Reply::Done)));
    assert!(matches!(
        world.command(Command::SetPassword {
            name: "anna".parse().unwrap(),
            hash: hash()
        }),
        Some(Reply::Done)
    ));
    assert_eq!(world.told(1), ["bye SessionEnded"]);
    let Some(Reply::Users(users)) = world.command(Command::Users) else {
        panic!("no users")
    };
    assert_eq!(
        users
            .iter()
            .map(|user| user.name.as_str())
            .collect::<Vec<_>>(),
        ["anna", "boris", "clara", "dora"]
    );
}

#[test]
fn the_admin_too_makes_no_more_accounts_than_there_may_be() {
    let mut world = World::new(Limits {
        users: 1,
        ..Limits::default()
    });
    world.register(1, "anna");
    world.register(2, "boris");
    assert_eq!(world.told(2), ["refused LimitReached(\"users\")"]);
    let hash = PasswordHash("hash".into());
    let add = Command::AddUser {
        name: "clara".parse().unwrap(),
        hash,
    };
    assert!(matches!(
        world.command(add),
        Some(Reply::LimitReached("users"))
    ));
}

#[test]
fn a_session_is_revoked_a_person_kicked_and_all_are_told() {
    let mut world = two();
    world.login(3, "anna", "correct horse");
    world.hush();
    assert!(matches!(
        world.command(Command::RevokeSession { id: SessionId(1) }),
        Some(Reply::Done)
    ));
    assert!(matches!(
        world.command(Command::RevokeSession { id: SessionId(1) }),
        Some(Reply::NoSuchSession(_))
    ));
    assert_eq!(
        (world.told(1), world.told(3)),
        (vec!["bye SessionEnded".into()], vec![])
    );
    assert!(matches!(
        world.command(Command::Announce { text: "tea".into() }),
        Some(Reply::Count(2))
    ));
    assert!(matches!(
        world.command(Command::Kick {
            name: "anna".parse().unwrap(),
            text: "out".into()
        }),
        Some(Reply::Count(1))
    ));
    assert_eq!(world.told(3), ["notice tea", "bye Kicked"]);
    world.resume(4, 3, &[]);
    assert_eq!(
        world.told(4)[0],
        "welcome anna lobby:0/0 @boris:0/1",
        "who was kicked may come back"
    );
    let Some(Reply::Counts {
        users: 2,
        sessions: 2,
        online: 2,
        logged_in: 2,
        messages: 1,
        ..
    }) = world.command(Command::Counts)
    else {
        panic!("wrong counts")
    };
}

#[test]
fn a_probe_is_answered_when_the_writer_has_answered_whatever_that_says() {
    let mut world = two();
    let fault = |world: &mut World| match world.command(Command::Glance) {
        Some(Reply::Glance {
            online: 2,
            rooms: 1,
            fault,
        }) => fault,
        other => panic!("another glance was due than {other:?}"),
    };
    world.quick = false;
    assert!(world.command(Command::Probe).is_none(), "nobody answered");
    world.store();
    assert!(matches!(world.replies.pop(), Some(Reply::Done)));
    assert!(world.command(Command::Probe).is_none());
    world.say(1, "lobby", "too much");
    world.fail(Fault::Full);
    assert!(matches!(world.replies.pop(), Some(Reply::StorageFull)));
    assert_eq!(fault(&mut world), Some(Fault::Full));
    world.command(Command::Probe);
    world.store();
    assert_eq!(fault(&mut world), Some(Fault::Full), "it stored nothing");
    world.say(1, "lobby", "there is room again");
    world.store();
    assert_eq!(fault(&mut world), None);
}

#[test]
fn a_stop_waits_for_a_probe_that_is_out() {
    let mut world = two();
    world.quick = false;
    world.command(Command::Probe);
    world.input(Input::Stop { text: "".into() });
    assert!(!world.stopped);
    world.store();
    assert!(world.stopped && matches!(world.replies.pop(), Some(Reply::Done)));
}

#[test]
fn somebody_removed_while_logging_in_is_not_let_in() {
    let mut world = two();
    world.quick = false;
    world.login(3, "anna", "correct horse");
    world.input(Input::Call {
        call: crate::base::CallId(1),
        command: Command::RemoveUser {
            name: "anna".parse().unwrap(),
        },
    });
    world.store();
    assert_eq!(world.told(1), ["bye AccountRemoved"]);
    assert_eq!(
        world.told(3),
        ["welcome anna lobby:0/0 @boris:0/1", "bye AccountRemoved"]
    );
}
