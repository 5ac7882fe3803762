//! Roles, kicks, bans and mutes: who may do what to whom, what follows, and when it ends.

use std::num::NonZeroU32;

use super::notes::noted;
use super::world::World;
use crate::base::{BanKind, Limits, Network, Seq};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Fault, Request};
use crate::engine::moderation::{Act, Whom};

pub(super) const HOUR: u32 = 3_600;

fn who(user: &str) -> Whom {
    match user.parse::<Network>() {
        Ok(network) => Whom::Network(network),
        Err(_) => Whom::User(user.parse().unwrap()),
    }
}

/// Without a room for the whole server; without seconds for good.
pub(super) fn ban(kind: BanKind, user: &str, room: Option<&str>, seconds: u32) -> Act {
    Act::Ban {
        kind,
        who: who(user),
        room: room.map(|room| room.parse().unwrap()),
        seconds: NonZeroU32::new(seconds),
        reason: "spam".into(),
    }
}

pub(super) fn unban(kind: BanKind, user: &str, room: Option<&str>) -> Act {
    Act::Unban {
        kind,
        who: who(user),
        room: room.map(|room| room.parse().unwrap()),
    }
}

fn kick(user: &str, room: &str) -> Act {
    Act::Kick {
        room: room.parse().unwrap(),
        user: user.parse().unwrap(),
        reason: "spam".into(),
    }
}

fn operator(user: &str, room: &str, operator: bool) -> Act {
    Act::Operator {
        room: room.parse().unwrap(),
        user: user.parse().unwrap(),
        operator,
    }
}

fn moderator(world: &mut World, name: &str, moderator: bool) {
    let name = name.parse().unwrap();
    let reply = world.command(Command::SetModerator { name, moderator });
    assert!(matches!(reply, Some(Reply::Changed(true))), "{reply:?}");
}

pub(super) fn act(world: &mut World, conn: u32, act: Act) -> Vec<String> {
    world.told(conn);
    world.ask(conn, Request::Moderate(act));
    world.told(conn)
}

pub(super) fn admin(world: &mut World, act: Act) -> Reply {
    world.command(Command::Moderate(act)).unwrap()
}

/// Anna (1) has made a room, in which boris (2) and clara (3) are; dora (4) is a moderator and not there.
pub(super) fn tea() -> World {
    let mut world = World::new(Limits::default());
    for (conn, name) in [(1, "anna"), (2, "boris"), (3, "clara"), (4, "dora")] {
        world.register(conn, name);
    }
    let room = || "tea".parse().unwrap();
    world.ask(1, Request::Create { room: room() });
    world.ask(2, Request::Join { room: room() });
    world.ask(3, Request::Join { room: room() });
    moderator(&mut world, "dora", true);
    world.hush();
    world.notes.clear();
    world
}

pub(super) fn join(world: &mut World, conn: u32) -> Vec<String> {
    world.told(conn);
    let room = "tea".parse().unwrap();
    world.ask(conn, Request::Join { room });
    world.told(conn)
}

pub(super) fn admin_begins(world: &mut World, act: Act) {
    assert!(world.command(Command::Moderate(act)).is_none());
}

#[test]
fn nobody_acts_on_the_same_role_or_a_higher_one() {
    let mut world = tea();
    let no_right = ["refused NoRight"];
    let outranked = ["refused Outranked"];
    // Somebody without a role, on somebody without one, on themselves, and somewhere that is not.
    for act_of in [
        kick("clara", "tea"),
        kick("boris", "tea"),
        kick("nobody-here", "tea"),
        ban(BanKind::Ban, "clara", Some("tea"), 0),
        ban(BanKind::Mute, "clara", None, 0),
        unban(BanKind::Mute, "boris", Some("tea")),
        operator("boris", "tea", true),
    ] {
        assert_eq!(act(&mut world, 2, act_of), no_right);
    }
    assert_eq!(
        act(&mut world, 2, kick("clara", "milk")),
        ["refused NoSuchRoom"]
    );
    // An operator elsewhere, on the whole server, on a moderator, on themselves.
    assert_eq!(
        act(&mut world, 1, ban(BanKind::Ban, "clara", None, 0)),
        no_right
    );
    assert_eq!(act(&mut world, 1, kick("clara", "lobby")), no_right);
    assert_eq!(
        act(&mut world, 1, ban(BanKind::Ban, "dora", Some("tea"), 0)),
        outranked
    );
    assert_eq!(
        act(&mut world, 1, ban(BanKind::Mute, "anna", Some("tea"), 0)),
        outranked
    );
    assert_eq!(
        act(&mut world, 1, kick("nobody-here", "tea")),
        ["refused NoSuchUser"]
    );
    assert_eq!(act(&mut world, 1, kick("dora", "tea")), outranked);
    let network = ban(BanKind::Ban, "10.0.0.0/8", None, 0);
    assert_eq!(act(&mut world, 4, network), no_right, "the admin's alone");
    // Two operators leave each other alone; a moderator is above both, and alone among moderators.
    assert_eq!(
        act(&mut world, 1, operator("boris", "tea", true)),
        ["boris is Some(Operator) of tea by anna", "ok"]
    );
    for act_of in [
        kick("anna", "tea"),
        operator("anna", "tea", false),
        ban(BanKind::Mute, "anna", Some("tea"), 0),
    ] {
        assert_eq!(act(&mut world, 2, act_of), outranked);
    }
    moderator(&mut world, "clara", true);
    assert_eq!(act(&mut world, 4, kick("clara", "tea")), outranked);
    assert_eq!(
        act(&mut world, 4, ban(BanKind::Ban, "clara", None, 0)),
        outranked
    );
    assert_eq!(act(&mut world, 4, operator("anna", "tea", false)), ["ok"]);
    assert_eq!(act(&mut world, 1, kick("boris", "tea")), no_right);
    // One may give up what one has.
    let told = act(&mut world, 2, operator("boris", "tea", false));
    assert_eq!(told, ["boris is None of tea by boris", "ok"]);
    assert_eq!(act(&mut world, 2, kick("anna", "tea")), no_right);
    // The admin is above all.
    assert!(matches!(
        admin(&mut world, kick("clara", "tea")),
        Reply::Count(1)
    ));
    let told = world.told(3);
    let promoted = "clara is Some(Moderator) of everything by admin";
    assert!(told.contains(&promoted.to_owned()), "{told:?}");
    assert_eq!(told.last().unwrap(), "kicked from tea by admin (spam)");
}

#[test]
fn what_is_done_is_noted_with_who_and_why() {
    let mut world = tea();
    act(&mut world, 1, kick("clara", "tea"));
    act(&mut world, 4, ban(BanKind::Ban, "clara", Some("tea"), HOUR));
    act(&mut world, 4, ban(BanKind::Mute, "boris", None, 0));
    act(&mut world, 4, unban(BanKind::Mute, "boris", None));
    act(&mut world, 1, operator("boris", "tea", true));
    act(&mut world, 2, kick("anna", "tea"));
    admin(&mut world, kick("boris", "tea"));
    assert_eq!(
        noted(&mut world),
        [
            "anna does kick clara tea (spam)",
            "dora does Ban clara tea (spam) for a time",
            "dora does Mute boris everywhere (spam)",
            "dora does UnMute boris everywhere",
            "anna does operator boris tea true",
        ],
        "what was refused is not, nor what the admin does, which is written down elsewhere"
    );
}

#[test]
fn who_is_kicked_is_out_and_may_come_back() {
    let mut world = tea();
    world.login(5, "boris", "correct horse");
    world.hush();
    assert_eq!(
        act(&mut world, 1, kick("boris", "tea")),
        ["boris is out of tea", "ok"]
    );
    for conn in [2, 5] {
        assert_eq!(world.told(conn), ["kicked from tea by anna (spam)"]);
    }
    world.say(1, "tea", "quiet now");
    assert_eq!(world.told(2), [""; 0]);
    assert_eq!(
        world.told(3),
        ["boris is out of tea", "tea 1 <anna> quiet now"]
    );
    assert_eq!(
        act(&mut world, 1, kick("boris", "tea")),
        ["refused NotThere"]
    );
    assert_eq!(join(&mut world, 2), ["joined tea with 3"]);
    // Who leaves is an operator no more, also on coming back; from the lobby nobody goes.
    assert_eq!(
        act(&mut world, 4, kick("boris", "lobby")),
        ["refused LobbyStays"]
    );
    let room = || "tea".parse().unwrap();
    world.ask(1, Request::Leave { room: room() });
    join(&mut world, 1);
    assert_eq!(
        act(&mut world, 1, kick("boris", "tea")),
        ["refused NoRight"]
    );
}

#[test]
fn topics_are_the_operators_where_there_is_one() {
    let mut world = tea();
    let topic = |world: &mut World, conn: u32, room: &str| {
        world.told(conn);
        let (room, topic) = (room.parse().unwrap(), "green".into());
        world.ask(conn, Request::Topic { room, topic });
        world.told(conn)
    };
    assert_eq!(topic(&mut world, 2, "tea"), ["refused NoRight"]);
    assert_eq!(topic(&mut world, 1, "tea"), ["ok"]);
    assert_eq!(
        topic(&mut world, 4, "tea"),
        ["ok"],
        "a moderator need not be there"
    );
    assert_eq!(
        topic(&mut world, 2, "lobby"),
        ["ok"],
        "there is no operator"
    );
    world.ask(
        1,
        Request::Leave {
            room: "tea".parse().unwrap(),
        },
    );
    assert_eq!(topic(&mut world, 2, "tea"), ["ok"], "the operator has left");
}

#[test]
fn operators_redact_those_below_them() {
    let mut world = tea();
    for (conn, text) in [(1, "one"), (2, "two"), (3, "three")] {
        world.say(conn, "tea", text);
    }
    let redact = |world: &mut World, conn: u32, room: &str, seq: u64| {
        world.told(conn);
        let (room, seq) = (room.parse().unwrap(), Seq(seq));
        world.ask(conn, Request::Redact { room, seq });
        world.told(conn).pop().unwrap()
    };
    assert_eq!(redact(&mut world, 2, "tea", 1), "refused NotYours");
    assert_eq!(redact(&mut world, 1, "tea", 2), "ok");
    moderator(&mut world, "clara", true);
    assert_eq!(
        redact(&mut world, 1, "tea", 3),
        "refused NotYours",
        "a moderator's"
    );
    assert_eq!(
        redact(&mut world, 4, "tea", 3),
        "refused NotYours",
        "another moderator's"
    );
    assert_eq!(redact(&mut world, 3, "tea", 3), "ok", "her own");
    assert_eq!(redact(&mut world, 4, "tea", 1), "ok", "from outside");
    world.say(2, "@clara", "psst");
    assert_eq!(
        redact(&mut world, 3, "@boris", 1),
        "refused NotYours",
        "between two"
    );
    world
        .notes
        .retain(|note| matches!(note, crate::engine::note::Note::Redacted { .. }));
    let notes = noted(&mut world);
    assert_eq!(
        notes,
        [
            "anna redacted tea 2",
            "clara redacted tea 3",
            "dora redacted tea 1"
        ]
    );
}

#[test]
fn what_an_admin_gets_wrong_is_told_with_the_name() {
    let mut world = tea();
    let reply = |world: &mut World, act: Act| format!("{:?}", admin(world, act));
    assert!(reply(&mut world, kick("boris", "milk")).starts_with("NoSuchRoom"));
    assert!(reply(&mut world, kick("nobody-here", "tea")).starts_with("NoSuchUser"));
    assert!(reply(&mut world, kick("dora", "tea")).starts_with("NotAMember"));
    assert!(reply(&mut world, operator("dora", "tea", true)).starts_with("NotAMember"));
    assert!(reply(&mut world, kick("boris", "lobby")).starts_with("LobbyStays"));
    world.quick = false;
    admin_begins(&mut world, kick("boris", "tea"));
    world.ask(1, Request::Moderate(kick("clara", "tea")));
    world.hush();
    world.fail(Fault::Full);
    assert!(matches!(world.replies.pop(), Some(Reply::StorageFull)));
    assert_eq!(world.told(1), ["refused StorageFull"]);
}
