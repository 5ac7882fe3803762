//! Roles, bans and mutes: what every store does with them.

use crate::base::id::LOBBY;
use crate::base::record::{Change, Redaction};
use crate::base::{BanKey, BanKind, BanRecord, Banned, Network, RoomId, Seq, Timestamp, UserId};
use crate::store::tests::stage::{
    ANNA, BORIS, Stage, TEA, make, member, open, room, say, snapshot, user,
};
use crate::store::{Entry, Outcome};

fn network(text: &str) -> Banned {
    Banned::Network(text.parse::<Network>().unwrap())
}

fn key(kind: BanKind, who: Banned, room: Option<RoomId>) -> BanKey {
    BanKey { kind, who, room }
}

fn ban(key: BanKey, until: Option<i64>, reason: &str) -> BanRecord {
    BanRecord {
        key,
        by: ANNA,
        at: Timestamp(3_000),
        until: until.map(Timestamp),
        reason: reason.into(),
    }
}

/// From the server, for good.
pub(in crate::store) fn of_good(who: Banned) -> BanRecord {
    ban(key(BanKind::Ban, who, None), None, "spam")
}

fn bans(stage: &mut dyn Stage) -> Vec<BanRecord> {
    let mut bans = snapshot(stage.store()).bans;
    bans.sort_by_key(|ban| ban.key);
    bans
}

/// Anna and Boris in a room.
fn two(stage: &mut dyn Stage) {
    let changes = vec![
        user(ANNA, "anna"),
        user(BORIS, "boris"),
        room(TEA, open("tea")),
        Change::AddMember(member(TEA, ANNA, 0)),
        Change::AddMember(member(TEA, BORIS, 0)),
    ];
    make(stage.store(), changes);
}

pub(in crate::store) fn roles_go_with_the_account_and_with_being_there(stage: &mut dyn Stage) {
    two(stage);
    let roles = |stage: &mut dyn Stage| {
        let snapshot = snapshot(stage.store());
        (snapshot.moderators, snapshot.operators)
    };
    let all = vec![
        Change::SetModerator(BORIS, true),
        Change::SetModerator(UserId(9), true),
        Change::SetOperator(TEA, ANNA, true),
        Change::SetOperator(TEA, BORIS, true),
        Change::SetOperator(LOBBY, ANNA, true),
    ];
    make(stage.store(), all);
    assert_eq!(roles(stage), (vec![BORIS], vec![(TEA, ANNA), (TEA, BORIS)]));
    let leaves = vec![
        Change::RemoveMember(TEA, ANNA),
        Change::AddMember(member(TEA, ANNA, 0)),
    ];
    make(stage.store(), leaves);
    assert_eq!(roles(stage), (vec![BORIS], vec![(TEA, BORIS)]));
    make(stage.store(), vec![Change::SetOperator(TEA, BORIS, false)]);
    assert_eq!(roles(stage), (vec![BORIS], vec![]));
    make(stage.store(), vec![Change::SetOperator(TEA, BORIS, true)]);
    make(stage.store(), vec![Change::RemoveUser(BORIS)]);
    assert_eq!(roles(stage), (vec![], vec![]));
    make(stage.store(), vec![Change::SetModerator(BORIS, true)]);
    assert_eq!(roles(stage), (vec![], vec![]));
}

pub(in crate::store) fn of_two_bans_with_one_key_the_later_one_is_kept(stage: &mut dyn Stage) {
    two(stage);
    let boris = Banned::User(BORIS);
    let keys = [
        key(BanKind::Ban, boris, None),
        key(BanKind::Ban, boris, Some(TEA)),
        key(BanKind::Ban, network("10.0.0.0/8"), None),
        key(BanKind::Ban, network("2001:db8::/64"), None),
        key(BanKind::Mute, boris, None),
        key(BanKind::Mute, boris, Some(TEA)),
    ];
    let all = |until, reason: &str| keys.map(|key| Change::SetBan(ban(key, until, reason)));
    make(stage.store(), all(None, "first").into());
    make(stage.store(), all(Some(9_000), "second, by anna").into());
    let mut expected = keys.map(|key| ban(key, Some(9_000), "second, by anna"));
    expected.sort_by_key(|ban| ban.key);
    assert_eq!(bans(stage), expected);
    make(
        stage.store(),
        keys[..4].iter().map(|key| Change::LiftBan(*key)).collect(),
    );
    let left: Vec<_> = bans(stage).iter().map(|ban| ban.key).collect();
    assert_eq!(left, keys[4..]);
    make(stage.store(), vec![Change::LiftBan(keys[0])]);
    assert_eq!(bans(stage).len(), 2, "there was none");
}

pub(in crate::store) fn bans_end_and_go_with_whom_and_where_they_are_about(stage: &mut dyn Stage) {
    two(stage);
    let (anna, boris) = (Banned::User(ANNA), Banned::User(BORIS));
    let set = |key, until| Change::SetBan(ban(key, until, ""));
    let changes = vec![
        set(key(BanKind::Mute, anna, None), Some(5_000)),
        set(key(BanKind::Mute, anna, Some(TEA)), Some(5_001)),
        set(key(BanKind::Ban, boris, None), None),
        set(key(BanKind::Ban, network("::1"), None), Some(4_000)),
        // Of nobody, and nowhere.
        set(key(BanKind::Ban, Banned::User(UserId(9)), None), None),
        set(key(BanKind::Ban, boris, Some(RoomId(9))), None),
    ];
    make(stage.store(), changes);
    assert_eq!(bans(stage).len(), 4);
    make(stage.store(), vec![Change::EndBans(Timestamp(5_000))]);
    let left = bans(stage);
    let left: Vec<_> = left.iter().map(|ban| (ban.key.kind, ban.key.who)).collect();
    assert_eq!(left, [(BanKind::Ban, boris), (BanKind::Mute, anna)]);
    make(stage.store(), vec![Change::RemoveRoom(TEA)]);
    assert_eq!(bans(stage).len(), 1);
    make(stage.store(), vec![Change::RemoveUser(BORIS)]);
    assert_eq!(bans(stage), []);
}

pub(in crate::store) fn who_is_banned_from_a_room_does_not_come_into_it(stage: &mut dyn Stage) {
    two(stage);
    let boris = Banned::User(BORIS);
    let out = key(BanKind::Ban, boris, Some(TEA));
    let coming = || vec![Change::AddMember(member(TEA, BORIS, 0))];
    let is_in = |stage: &mut dyn Stage| {
        let members = snapshot(stage.store()).members;
        members
            .iter()
            .any(|member| (member.room, member.user) == (TEA, BORIS))
    };
    let changes = vec![
        Change::SetBan(ban(out, None, "")),
        Change::RemoveMember(TEA, BORIS),
    ];
    make(stage.store(), changes);
    make(stage.store(), coming());
    assert!(!is_in(stage));
    make(stage.store(), vec![Change::LiftBan(out)]);
    // Neither a mute there nor a ban from the server keeps anybody from being a member.
    for other in [
        key(BanKind::Mute, boris, Some(TEA)),
        key(BanKind::Ban, boris, None),
    ] {
        make(stage.store(), vec![Change::SetBan(ban(other, None, ""))]);
    }
    make(stage.store(), coming());
    assert!(is_in(stage));
}

pub(in crate::store) fn a_redaction_spares_those_whom_it_must_not_be_of(stage: &mut dyn Stage) {
    two(stage);
    // Anna says everything here.
    say(stage.store(), TEA, &["one"]);
    let redact = |not_of: Vec<UserId>| {
        Entry::Redact(Redaction {
            room: TEA,
            seq: Seq(1),
            by: BORIS,
            at: Timestamp(4_000),
            only_of: None,
            not_of,
        })
    };
    let outcomes = stage
        .store()
        .commit(&[redact(vec![BORIS, ANNA]), redact(vec![BORIS])])
        .unwrap();
    assert_eq!(outcomes, [Outcome::Foreign, Outcome::Appended(Seq(2))]);
}
