//! Bans and mutes: what follows from one, what crosses it, and when it ends.

use std::time::Duration;

use super::moderation::{HOUR, act, admin, admin_begins, ban, join, tea, unban};
use super::notes::noted;
use super::world::World;
use crate::base::{BanKind, Limits};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Fault, Request};

#[test]
fn a_ban_from_a_room_keeps_out_of_it_and_of_nothing_else() {
    let mut world = tea();
    act(&mut world, 1, ban(BanKind::Ban, "boris", Some("tea"), HOUR));
    assert_eq!(world.told(2), ["kicked from tea by anna banned (spam)"]);
    let refused = "refused: you are banned from 'tea' until 2027-01-15T09:00:00Z: spam";
    assert_eq!(join(&mut world, 2), [refused]);
    world.say(2, "lobby", "here I am");
    assert_eq!(world.told(2), ["sent lobby 1"]);
    // A later one takes the place of the earlier; what a moderator decided an operator does not change.
    act(&mut world, 4, ban(BanKind::Ban, "boris", Some("tea"), 0));
    assert_eq!(
        join(&mut world, 2),
        ["refused: you are banned from 'tea': spam"]
    );
    let lift = || unban(BanKind::Ban, "boris", Some("tea"));
    assert_eq!(act(&mut world, 1, lift()), ["refused Outranked"]);
    let shorter = ban(BanKind::Ban, "boris", Some("tea"), 1);
    assert_eq!(act(&mut world, 1, shorter), ["refused Outranked"]);
    assert_eq!(act(&mut world, 4, lift()), ["ok"]);
    assert_eq!(act(&mut world, 4, lift()), ["ok"], "there is none");
    assert_eq!(join(&mut world, 2), ["joined tea with 3"]);
    // Somebody who is not there.
    act(&mut world, 1, ban(BanKind::Ban, "boris", Some("tea"), 0));
    world.ask(
        1,
        Request::Leave {
            room: "tea".parse().unwrap(),
        },
    );
    assert_eq!(
        world.command(Command::ListBans).map(lines).unwrap(),
        ["Ban boris tea by anna: spam"]
    );
    let lobby = ban(BanKind::Ban, "boris", Some("lobby"), 0);
    assert_eq!(act(&mut world, 4, lobby), ["refused LobbyStays"]);
    // With the room they go, and with the account.
    let name = "tea".parse().unwrap();
    world.command(Command::RemoveRoom {
        name,
        dry_run: false,
    });
    act(&mut world, 4, ban(BanKind::Mute, "boris", None, 0));
    world.command(Command::RemoveUser {
        name: "boris".parse().unwrap(),
    });
    assert_eq!(
        world.command(Command::ListBans).map(lines).unwrap(),
        [""; 0]
    );
}

fn lines(reply: Reply) -> Vec<String> {
    let Reply::Bans(lines) = reply else {
        panic!("{reply:?}")
    };
    let line = |line: crate::engine::bans::BanLine| {
        let who = line.user.map(|user| user.to_string());
        let who = who
            .or(line.network.map(|network| network.to_string()))
            .unwrap();
        let place = line
            .room
            .map_or("everywhere".to_owned(), |room| room.to_string());
        format!(
            "{:?} {who} {place} by {}: {}",
            line.kind, line.by, line.reason
        )
    };
    lines.into_iter().map(line).collect()
}

/// A join that was under way when the ban was stored, and one that came before it.
#[test]
fn joins_that_cross_a_ban_lead_nowhere() {
    for joins_first in [true, false] {
        let mut world = tea();
        world.ask(
            3,
            Request::Leave {
                room: "tea".parse().unwrap(),
            },
        );
        world.hush();
        world.quick = false;
        let ban = || Request::Moderate(ban(BanKind::Ban, "clara", Some("tea"), 0));
        let join = || Request::Join {
            room: "tea".parse().unwrap(),
        };
        match joins_first {
            true => {
                world.ask(3, join());
                world.ask(1, ban());
            }
            false => {
                world.ask(1, ban());
                world.ask(3, join());
            }
        }
        world.store();
        let told = world.told(3);
        let expected: &[&str] = match joins_first {
            true => &["joined tea with 3", "kicked from tea by anna banned (spam)"],
            false => &["refused: you are banned from 'tea': spam"],
        };
        assert_eq!(told, expected);
        world.say(1, "tea", "hello");
        world.store();
        assert_eq!(world.told(3), [""; 0]);
    }
}

#[test]
fn a_ban_from_the_server_ends_connections_and_keeps_out_and_leaves_the_sessions() {
    let mut world = tea();
    world.login(5, "boris", "correct horse");
    world.hush();
    world.notes.clear();
    assert_eq!(
        act(&mut world, 4, ban(BanKind::Ban, "boris", None, 0)),
        ["boris is out of lobby", "ok"]
    );
    for conn in [2, 5] {
        assert_eq!(world.told(conn), ["bye Banned"]);
        world.gone(conn);
    }
    world.login(6, "boris", "wrong horse");
    world.login(6, "boris", "correct horse");
    world.resume(6, 2, &[]);
    let banned = "refused: you are banned from this server: spam";
    assert_eq!(world.told(6), ["refused WrongPassword", banned, banned]);
    assert_eq!(noted(&mut world)[1..], ["boris refused", "boris is banned"]);
    assert_eq!(
        act(&mut world, 4, unban(BanKind::Ban, "boris", None)),
        ["ok"]
    );
    world.resume(7, 2, &[]);
    assert_eq!(world.told(7), ["welcome boris lobby:0/0 tea:0/0"]);
    // While the password is looked at, and while the session is stored.
    for stored_late in [false, true] {
        world.slow_passwords = !stored_late;
        world.login(8, "clara", "correct horse");
        world.quick = false;
        world.slow_passwords = true;
        world.login(9, "clara", "correct horse");
        world.ask(4, Request::Moderate(ban(BanKind::Ban, "clara", None, 0)));
        world.store();
        world.do_passwords();
        world.store();
        let told: Vec<_> = [world.told(8), world.told(9)].concat();
        let ends = |line: &String| line.contains("banned") || line == "bye Banned";
        assert!(
            told.iter().filter(|line| ends(line)).count() == 2,
            "{told:?}"
        );
        world.quick = true;
        world.slow_passwords = false;
        act(&mut world, 4, unban(BanKind::Ban, "clara", None));
    }
}

#[test]
fn who_is_muted_reads_and_says_nothing() {
    let mut world = tea();
    world.say(2, "@clara", "psst");
    act(
        &mut world,
        1,
        ban(BanKind::Mute, "boris", Some("tea"), HOUR),
    );
    world.hush();
    let muted = "refused: you are muted in 'tea' until 2027-01-15T09:00:00Z: spam";
    world.say(2, "tea", "buy now");
    let (room, topic) = ("tea".parse().unwrap(), "buy".into());
    world.ask(2, Request::Topic { room, topic });
    world.ask(
        2,
        Request::Typing {
            to: "tea".parse().unwrap(),
        },
    );
    world.say(2, "lobby", "still here");
    world.say(2, "@clara", "psst");
    world.say(1, "tea", "better");
    assert_eq!(
        world.told(2),
        [
            muted,
            muted,
            "ok",
            "sent lobby 1",
            "sent @clara 2",
            "tea 1 <anna> better"
        ]
    );
    assert_eq!(world.told(1), ["lobby 1 <boris> still here", "sent tea 1"]);
    act(&mut world, 4, ban(BanKind::Mute, "boris", None, 0));
    world.hush();
    let muted = "refused: you are muted in all of this server: spam";
    world.say(2, "lobby", "buy");
    world.say(2, "@clara", "buy");
    world.say(2, "@dora", "buy");
    assert_eq!(world.told(2), [muted; 3]);
    assert_eq!(
        act(&mut world, 4, unban(BanKind::Mute, "boris", None)),
        ["ok"]
    );
    world.say(2, "@dora", "sorry");
    assert_eq!(world.told(2).last().unwrap(), "sent @dora 1");
}

#[test]
fn what_has_an_end_ends_by_itself_and_is_forgotten() {
    let mut world = tea();
    act(&mut world, 1, ban(BanKind::Ban, "boris", Some("tea"), HOUR));
    act(
        &mut world,
        1,
        ban(BanKind::Mute, "clara", Some("tea"), 2 * HOUR),
    );
    admin(&mut world, ban(BanKind::Ban, "192.0.2.0/24", None, HOUR));
    assert_eq!(
        world.barred,
        ["where you come from is banned from this server until 2027-01-15T09:00:00Z: spam"]
    );
    // The clock is looked at once a minute: it may be set.
    let due = world.engine.next_deadline();
    assert_eq!(due, world.now.elapsed + Duration::from_secs(60));
    world.pass(Duration::from_secs(3_599));
    assert_eq!(join(&mut world, 2).len(), 1);
    let due = world.engine.next_deadline();
    assert_eq!(due, world.now.elapsed + Duration::from_secs(1));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.barred, [""; 0]);
    assert_eq!(join(&mut world, 2), ["joined tea with 3"]);
    let left = world.command(Command::ListBans).map(lines).unwrap();
    assert_eq!(left, ["Mute clara tea by anna: spam"]);
    // A clock that is set back lets it last longer, one that is set forward ends it.
    world.now.wall.0 -= 7 * 24 * 3_600_000;
    world.pass(Duration::from_secs(7_200));
    assert_eq!(
        world.command(Command::ListBans).map(lines).unwrap().len(),
        1
    );
    world.now.wall.0 += 30 * 24 * 3_600_000;
    world.pass(Duration::from_secs(60));
    world.say(3, "tea", "at last");
    assert_eq!(world.told(3).last().unwrap(), "sent tea 1");
    // What cannot be forgotten for now is in force no longer all the same, and tried again.
    act(&mut world, 1, ban(BanKind::Mute, "clara", Some("tea"), 60));
    world.quick = false;
    world.pass(Duration::from_secs(60));
    world.fail(Fault::Full);
    world.quick = true;
    world.say(3, "tea", "so there");
    assert_eq!(world.told(3).last().unwrap(), "sent tea 2");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.engine.bans_deadline(), None, "nothing is left to end");
}

#[test]
fn from_a_banned_network_nobody_comes_and_no_password_is_looked_at() {
    let mut world = tea();
    world.from = Some("2001:db8:1:2::7".parse().unwrap());
    world.login(5, "boris", "correct horse");
    world.hush();
    let network = |network: &str| ban(BanKind::Ban, network, None, 0);
    assert!(matches!(
        admin(&mut world, network("2001:db8:1:2::/64")),
        Reply::Count(1)
    ));
    assert_eq!(world.told(5), ["bye Banned"]);
    assert_eq!(world.told(2), ["boris is out of lobby"; 0]);
    world.gone(5);
    world.slow_passwords = true;
    world.from = Some("2001:db8:1:2:ffff::1".parse().unwrap());
    world.login(6, "boris", "correct horse");
    world.register(6, "emil");
    world.resume(6, 2, &[]);
    let banned = "refused: where you come from is banned from this server: spam";
    assert_eq!(world.told(6), [banned; 3]);
    assert_eq!(world.passwords_waiting(), 0);
    world.from = Some("2001:db8:1:3::1".parse().unwrap());
    world.login(7, "boris", "correct horse");
    assert_eq!(world.passwords_waiting(), 1);
    world.do_passwords();
    assert_eq!(world.told(7)[0], "welcome boris lobby:0/0 tea:0/0");
    // A local socket comes from nowhere.
    admin(&mut world, network("0.0.0.0/0"));
    admin(&mut world, network("::/0"));
    world.from = None;
    world.resume(8, 2, &[]);
    assert_eq!(world.told(8), ["welcome boris lobby:0/0 tea:0/0"]);
    assert_eq!(world.barred.len(), 3);
    for other in ["2001:db8:1:2::/64", "0.0.0.0/0", "::/0"] {
        let reply = admin(&mut world, unban(BanKind::Ban, other, None));
        assert!(matches!(reply, Reply::Changed(true)));
        let reply = admin(&mut world, unban(BanKind::Ban, other, None));
        assert!(matches!(reply, Reply::Changed(false)));
    }
    assert_eq!(world.barred, [""; 0]);
}

#[test]
fn bans_have_their_bounds_and_operators_half_of_them() {
    let limits = Limits {
        bans: 6,
        room_bans: 2,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let names = ["anna", "boris", "clara", "dora", "emil"];
    (1..)
        .zip(names)
        .for_each(|(conn, name)| world.register(conn, name));
    let rooms = ["tea", "milk"];
    for room in rooms {
        world.ask(
            1,
            Request::Create {
                room: room.parse().unwrap(),
            },
        );
    }
    let mute = |user, room, seconds| ban(BanKind::Mute, user, room, seconds);
    assert_eq!(act(&mut world, 1, mute("boris", Some("tea"), 60)), ["ok"]);
    assert_eq!(act(&mut world, 1, mute("clara", Some("tea"), 60)), ["ok"]);
    let full = "refused LimitReached(\"room_bans\")";
    assert_eq!(act(&mut world, 1, mute("dora", Some("tea"), 60)), [full]);
    assert_eq!(
        act(&mut world, 1, mute("clara", Some("tea"), 90)),
        ["ok"],
        "in its place"
    );
    assert_eq!(act(&mut world, 1, mute("dora", Some("milk"), 0)), ["ok"]);
    let full = "refused LimitReached(\"bans\")";
    assert_eq!(act(&mut world, 1, mute("emil", Some("milk"), 0)), [full]);
    for user in ["boris", "clara", "dora"] {
        assert!(matches!(
            admin(&mut world, mute(user, None, 0)),
            Reply::Count(1)
        ));
    }
    let reply = admin(&mut world, mute("emil", None, 0));
    assert!(matches!(reply, Reply::LimitReached("bans")), "{reply:?}");
    // What has ended does not count; those on their way to the store do.
    world.pass(Duration::from_secs(60));
    world.quick = false;
    admin_begins(&mut world, mute("emil", None, 0));
    let reply = world.command(Command::Moderate(mute("anna", None, 0)));
    assert!(
        matches!(reply, Some(Reply::LimitReached("bans"))),
        "{reply:?}"
    );
    world.store();
}

#[test]
fn of_two_admins_the_last_one_is_right() {
    let mut world = tea();
    for bans_last in [true, false] {
        world.quick = false;
        let acts = [
            unban(BanKind::Ban, "boris", Some("tea")),
            ban(BanKind::Ban, "boris", Some("tea"), 0),
        ];
        let acts: Vec<_> = match bans_last {
            true => acts.into(),
            false => acts.into_iter().rev().collect(),
        };
        acts.into_iter()
            .for_each(|act| admin_begins(&mut world, act));
        world.store();
        world.replies.clear();
        world.quick = true;
        let left = world.command(Command::ListBans).map(lines).unwrap();
        assert_eq!(left.len(), usize::from(bans_last));
    }
}
