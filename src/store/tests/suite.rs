//! What every store does, shown on each of them. A test takes a [`Stage`], writes through the store and looks through
//! a reader or a fresh snapshot.

use crate::base::id::LOBBY;
use crate::base::name::LOBBY_NAME;
use crate::base::record::{
    Change, Kind, LastLogin, Record, RoomForm, RoomRecord, SessionRecord, Snapshot, UserRecord,
};
use crate::base::{Actor, AuditRecord, InviteId, RoomId, Seq, SessionId, Timestamp, UserId};
use crate::store::tests::accounts::{
    an_invite_for_one_lets_one_in_of_many, an_invite_is_counted_with_its_account_or_not_at_all,
    nobody_logs_in_to_an_account_that_is_disabled,
};
use crate::store::tests::audit::{
    an_entry_is_stored_with_what_it_tells_of_or_not_at_all, past_its_bound_the_oldest_entries_go,
    what_was_done_is_read_back_as_it_was,
};
use crate::store::tests::gone::{
    a_cleared_log_begins_later_and_goes_on_counting, a_log_is_cleared_up_to_a_moment,
    a_redacted_text_is_gone_and_a_message_tells_of_it,
    a_removed_room_frees_its_name_and_its_numbers_go_on,
};
use crate::store::tests::moderation::{
    a_redaction_spares_those_whom_it_must_not_be_of,
    bans_end_and_go_with_whom_and_where_they_are_about,
    of_two_bans_with_one_key_the_later_one_is_kept, roles_go_with_the_account_and_with_being_there,
    who_is_banned_from_a_room_does_not_come_into_it,
};
use crate::store::tests::search::{
    search_comes_behind_the_log_in_portions, search_finds_all_the_words_newest_first,
    search_finds_the_newest_of_all_rooms, search_takes_any_text,
};
use crate::store::tests::stage::{
    ANNA, BORIS, Stage, TEA, draft, hash, lines, log_in, make, member, open, room, said, say,
    session, snapshot, user,
};
use crate::store::{Entry, Outcome, Reader, Store, StoreError};

macro_rules! suite {
    ($($name:ident)+) => {
        mod on_memory {
            $(#[test] fn $name() { super::$name(&mut super::Memory::default()); })+
        }
        mod on_sqlite {
            $(#[test] fn $name() { super::$name(&mut crate::store::sqlite::tests::Stand::new()); })+
        }
    };
}

suite! {
    a_new_store_has_the_lobby_and_nobody
    messages_are_numbered_in_each_room_and_read_back_as_they_were
    a_room_made_in_a_batch_takes_messages_in_the_same
    a_page_is_cut_by_number_and_by_bytes
    a_name_that_is_taken_holds_up_nobody_else
    accounts_sessions_and_members_are_as_they_were_left
    who_is_removed_stays_an_author_and_the_name_is_free_again
    what_comes_too_late_for_an_account_or_its_password_is_not_stored
    nobody_logs_in_to_an_account_that_is_disabled
    an_invite_is_counted_with_its_account_or_not_at_all
    an_invite_for_one_lets_one_in_of_many
    roles_go_with_the_account_and_with_being_there
    of_two_bans_with_one_key_the_later_one_is_kept
    bans_end_and_go_with_whom_and_where_they_are_about
    who_is_banned_from_a_room_does_not_come_into_it
    a_redaction_spares_those_whom_it_must_not_be_of
    numbers_of_who_and_what_is_gone_are_not_given_again
    the_newest_keys_are_remembered_oldest_first
    what_was_done_is_read_back_as_it_was
    past_its_bound_the_oldest_entries_go
    an_entry_is_stored_with_what_it_tells_of_or_not_at_all
    search_finds_all_the_words_newest_first
    search_finds_the_newest_of_all_rooms
    search_comes_behind_the_log_in_portions
    search_takes_any_text
    a_redacted_text_is_gone_and_a_message_tells_of_it
    a_cleared_log_begins_later_and_goes_on_counting
    a_log_is_cleared_up_to_a_moment
    a_removed_room_frees_its_name_and_its_numbers_go_on
    on_a_full_disk_nothing_is_stored_and_it_goes_on_when_there_is_room
    a_message_to_a_room_that_is_gone_holds_up_nobody_else
    an_empty_entry_goes_with_the_others_and_alone_also_on_a_full_disk
}

#[derive(Default)]
struct Memory(crate::store::memory::MemoryStore);

impl Stage for Memory {
    fn store(&mut self) -> &mut dyn Store {
        &mut self.0
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.0.clone())
    }

    fn set_full(&mut self, is_full: bool) {
        self.0.set_full(is_full);
    }
}

fn a_new_store_has_the_lobby_and_nobody(stage: &mut dyn Stage) {
    let snapshot = snapshot(stage.store());
    let lobby = &snapshot.rooms[0];
    assert_eq!((lobby.id, &lobby.form), (LOBBY, &open(LOBBY_NAME)));
    assert_eq!((lobby.first_seq, lobby.last_seq), (Seq(1), Seq(0)));
    let expected = Snapshot {
        rooms: vec![lobby.clone()],
        next_user: UserId(1),
        next_room: RoomId(2),
        next_session: SessionId(1),
        next_invite: InviteId(1),
        ..Snapshot::default()
    };
    assert_eq!(snapshot, expected);
    assert_eq!(stage.store().commit(&[]).unwrap(), []);
}

fn messages_are_numbered_in_each_room_and_read_back_as_they_were(stage: &mut dyn Stage) {
    make(stage.store(), vec![room(TEA, open("tea"))]);
    let mut waves = draft(TEA, -5, Some("k-1"), "waves \"'\u{1b}[31m\u{10ffff}");
    waves.kind = Kind::Action;
    let batch = [
        said(LOBBY, "one"),
        Entry::Append(waves.clone()),
        said(LOBBY, "two"),
    ];
    let outcomes = stage.store().commit(&batch).unwrap();
    assert_eq!(outcomes, [1, 1, 2].map(|seq| Outcome::Appended(Seq(seq))));
    let outcomes = stage.store().commit(&[said(TEA, "more")]).unwrap();
    assert_eq!(outcomes, [Outcome::Appended(Seq(2))]);
    let mut reader = stage.reader();
    let lobby = reader.after(LOBBY, Seq(0), 10, usize::MAX).unwrap();
    assert_eq!(lines(&lobby), ["1 one", "2 two"]);
    let tea = reader.after(TEA, Seq(0), 1, usize::MAX).unwrap();
    let expected = Record {
        seq: Seq(1),
        draft: waves,
    };
    assert_eq!(tea, [expected]);
    let last = |room: &RoomRecord| room.last_seq;
    let snapshot = snapshot(stage.store());
    assert_eq!(
        snapshot.rooms.iter().map(last).collect::<Vec<_>>(),
        [Seq(2), Seq(2)]
    );
}

fn a_room_made_in_a_batch_takes_messages_in_the_same(stage: &mut dyn Stage) {
    make(
        stage.store(),
        vec![user(ANNA, "anna"), user(BORIS, "boris")],
    );
    let batch = [
        Entry::Changes(vec![room(TEA, RoomForm::Direct(ANNA, BORIS))]),
        said(TEA, "hello"),
        Entry::Changes(vec![room(RoomId(3), RoomForm::Direct(ANNA, BORIS))]),
    ];
    let outcomes = stage.store().commit(&batch).unwrap();
    let expected = [Outcome::Changed, Outcome::Appended(Seq(1)), Outcome::Taken];
    assert_eq!(outcomes, expected);
    let snapshot = snapshot(stage.store());
    assert_eq!(snapshot.rooms[1].form, RoomForm::Direct(ANNA, BORIS));
    assert_eq!(snapshot.rooms[1].last_seq, Seq(1));
}

fn a_page_is_cut_by_number_and_by_bytes(stage: &mut dyn Stage) {
    make(
        stage.store(),
        vec![room(TEA, open("tea")), room(RoomId(3), open("next"))],
    );
    say(stage.store(), TEA, &["aa", "bbb", "cc", "ddd", "ee"]);
    say(stage.store(), RoomId(3), &["elsewhere"]);
    let mut reader = stage.reader();
    let newest = Seq(u64::MAX);
    let mut after =
        |after, limit, bytes| lines(&reader.after(TEA, Seq(after), limit, bytes).unwrap());
    assert_eq!(after(3, 10, usize::MAX), ["4 ddd", "5 ee"]);
    assert_eq!(after(0, 2, usize::MAX), ["1 aa", "2 bbb"]);
    assert_eq!(after(0, 10, 6), ["1 aa", "2 bbb"]);
    assert_eq!(after(1, 10, 0), ["2 bbb"]);
    assert_eq!(after(0, 0, usize::MAX), [""; 0]);
    assert_eq!(after(5, 10, usize::MAX), [""; 0]);
    assert_eq!(after(u64::MAX, 10, usize::MAX), [""; 0]);
    let mut before =
        |before, limit, bytes| lines(&reader.before(TEA, before, limit, bytes).unwrap());
    assert_eq!(before(newest, 2, usize::MAX), ["4 ddd", "5 ee"]);
    assert_eq!(before(Seq(3), 10, usize::MAX), ["1 aa", "2 bbb"]);
    assert_eq!(before(newest, 10, 5), ["4 ddd", "5 ee"]);
    assert_eq!(before(newest, 10, 0), ["5 ee"]);
    assert_eq!(before(Seq(1), 10, usize::MAX), [""; 0]);
    assert_eq!(before(Seq(0), 10, usize::MAX), [""; 0]);
    let nowhere = reader.before(RoomId(99), newest, 10, usize::MAX).unwrap();
    assert_eq!(nowhere, []);
}

fn a_name_that_is_taken_holds_up_nobody_else(stage: &mut dyn Stage) {
    make(stage.store(), vec![user(ANNA, "Анна")]);
    let batch = [
        said(LOBBY, "before"),
        Entry::Changes(vec![
            Change::SetTopic(LOBBY, "not to be seen".into()),
            user(UserId(9), "анна"),
        ]),
        Entry::Changes(vec![room(TEA, open("Lobby"))]),
        Entry::Changes(vec![
            user(BORIS, "boris"),
            Change::AddMember(member(LOBBY, BORIS, 0)),
        ]),
        Entry::Changes(vec![user(UserId(7), "twin"), user(UserId(8), "Twin")]),
        said(LOBBY, "after"),
    ];
    let outcomes = stage.store().commit(&batch).unwrap();
    let expected = [
        Outcome::Appended(Seq(1)),
        Outcome::Taken,
        Outcome::Taken,
        Outcome::Changed,
        Outcome::Taken,
        Outcome::Appended(Seq(2)),
    ];
    assert_eq!(outcomes, expected);
    let snapshot = snapshot(stage.store());
    let names = |user: &UserRecord| user.name.to_string();
    assert_eq!(
        snapshot.users.iter().map(names).collect::<Vec<_>>(),
        ["Анна", "boris"]
    );
    assert_eq!(&*snapshot.rooms[0].topic, "");
    assert_eq!(snapshot.next_user, UserId(3));
    assert_eq!(snapshot.next_room, RoomId(2));
    let nowhere = stage.store().commit(&[said(TEA, "no such room")]);
    assert_eq!(nowhere.unwrap(), [Outcome::Missing]);
}

fn accounts_sessions_and_members_are_as_they_were_left(stage: &mut dyn Stage) {
    let login = |at, from: Option<&str>| LastLogin {
        at: Timestamp(at),
        from: from.map(|from| from.parse().unwrap()),
    };
    make(
        stage.store(),
        vec![
            user(ANNA, "Anna"),
            user(BORIS, "boris"),
            room(TEA, open("Tea")),
            Change::SetTopic(TEA, "green".into()),
            Change::SetPassword(ANNA, hash("another")),
            Change::SetLastLogin(ANNA, login(5, Some("192.0.2.7"))),
            Change::SetLastLogin(BORIS, login(6, Some("2001:db8::7"))),
            log_in(1, ANNA, "another"),
            log_in(2, BORIS, "boris"),
            log_in(3, ANNA, "another"),
            Change::RenewSession {
                id: SessionId(1),
                seen_at: Timestamp(4_000),
                expires_at: Timestamp(12_000),
            },
            Change::RemoveSession(SessionId(2)),
            Change::AddMember(member(TEA, ANNA, 3)),
            Change::AddMember(member(TEA, ANNA, 0)),
            Change::AddMember(member(LOBBY, ANNA, 0)),
            Change::AddMember(member(LOBBY, BORIS, 0)),
            Change::SetRead(member(LOBBY, ANNA, 7)),
            Change::SetRead(member(LOBBY, ANNA, 6)),
            Change::RemoveMember(LOBBY, BORIS),
            Change::SetRead(member(LOBBY, BORIS, 7)),
        ],
    );
    let snapshot = snapshot(stage.store());
    assert_eq!(
        snapshot.users[0].last_login,
        Some(login(5, Some("192.0.2.7")))
    );
    assert_eq!(
        snapshot.users[1].last_login,
        Some(login(6, Some("2001:db8::7")))
    );
    assert_eq!(snapshot.users[0].name.as_str(), "Anna");
    assert_eq!(&*snapshot.rooms[1].topic, "green");
    let renewed = SessionRecord {
        seen_at: Timestamp(4_000),
        expires_at: Timestamp(12_000),
        ..session(1, ANNA)
    };
    assert_eq!(snapshot.sessions, [renewed, session(3, ANNA)]);
    assert_eq!(
        snapshot.members,
        [member(LOBBY, ANNA, 7), member(TEA, ANNA, 3)]
    );
    let mut reader = stage.reader();
    assert_eq!(reader.password(ANNA).unwrap(), Some(hash("another")));
    assert_eq!(reader.password(UserId(99)).unwrap(), None);
    assert_eq!(reader.author(UserId(99)).unwrap(), None);
}

fn who_is_removed_stays_an_author_and_the_name_is_free_again(stage: &mut dyn Stage) {
    let login = LastLogin {
        at: Timestamp(5),
        from: None,
    };
    make(
        stage.store(),
        vec![
            user(ANNA, "Anna"),
            user(BORIS, "boris"),
            Change::AddMember(member(LOBBY, ANNA, 0)),
            Change::AddMember(member(LOBBY, BORIS, 0)),
            log_in(1, ANNA, "Anna"),
            log_in(2, BORIS, "boris"),
            Change::SetLastLogin(ANNA, login),
            room(TEA, RoomForm::Direct(ANNA, BORIS)),
        ],
    );
    make(
        stage.store(),
        vec![Change::RemoveUser(ANNA), Change::SetLastLogin(ANNA, login)],
    );
    let left = snapshot(stage.store());
    assert_eq!(
        (left.users[0].removed, left.users[0].last_login),
        (true, None)
    );
    assert_eq!(left.members, [member(LOBBY, BORIS, 0)]);
    assert_eq!(left.sessions, [session(2, BORIS)]);
    assert_eq!(left.rooms[1].form, RoomForm::Direct(ANNA, BORIS));
    let mut reader = stage.reader();
    assert_eq!(reader.password(ANNA).unwrap(), None);
    make(stage.store(), vec![user(UserId(3), "anna")]);
    assert_eq!(reader.author(ANNA).unwrap().unwrap().as_str(), "Anna");
    assert_eq!(reader.author(UserId(3)).unwrap().unwrap().as_str(), "anna");
    assert_eq!(reader.password(UserId(3)).unwrap(), Some(hash("anna")));
}

fn what_comes_too_late_for_an_account_or_its_password_is_not_stored(stage: &mut dyn Stage) {
    make(
        stage.store(),
        vec![
            user(ANNA, "anna"),
            user(BORIS, "boris"),
            room(TEA, open("tea")),
            log_in(1, BORIS, "boris"),
            log_in(2, BORIS, "boris"),
        ],
    );
    let batch = [
        Entry::Changes(vec![Change::RemoveUser(ANNA)]),
        Entry::Changes(vec![log_in(3, ANNA, "anna")]),
        Entry::Changes(vec![Change::AddMember(member(TEA, ANNA, 0))]),
        Entry::Changes(vec![
            Change::SetPassword(BORIS, hash("another")),
            Change::RemoveSessions {
                user: BORIS,
                but: Some(SessionId(2)),
            },
        ]),
        Entry::Changes(vec![
            Change::RemoveSession(SessionId(2)),
            log_in(4, BORIS, "boris"),
        ]),
        Entry::Changes(vec![log_in(5, BORIS, "another")]),
    ];
    let outcomes = stage.store().commit(&batch).unwrap();
    use Outcome::{Changed, Taken};
    assert_eq!(outcomes, [Changed, Taken, Changed, Changed, Taken, Changed]);
    let left = snapshot(stage.store());
    assert_eq!(left.members, []);
    assert_eq!(left.sessions, [session(2, BORIS), session(5, BORIS)]);
    let all = vec![Change::RemoveSessions {
        user: BORIS,
        but: None,
    }];
    make(stage.store(), all);
    assert_eq!(snapshot(stage.store()).sessions, []);
}

fn numbers_of_who_and_what_is_gone_are_not_given_again(stage: &mut dyn Stage) {
    make(
        stage.store(),
        vec![
            user(UserId(5), "anna"),
            log_in(8, UserId(5), "anna"),
            room(RoomId(6), open("tea")),
        ],
    );
    make(stage.store(), vec![Change::RemoveUser(UserId(5))]);
    let snapshot = snapshot(stage.store());
    let next = (
        snapshot.next_user,
        snapshot.next_room,
        snapshot.next_session,
    );
    assert_eq!(next, (UserId(6), RoomId(7), SessionId(9)));
}

fn the_newest_keys_are_remembered_oldest_first(stage: &mut dyn Stage) {
    make(stage.store(), vec![room(TEA, open("tea"))]);
    let mut batch = vec![
        Entry::Append(draft(LOBBY, 10, Some("too old"), "x")),
        Entry::Append(draft(LOBBY, 100, Some("a"), "x")),
        Entry::Append(draft(TEA, 101, Some("b"), "x")),
        Entry::Append(draft(TEA, 102, None, "x")),
        // The clock was wrong for a moment.
        Entry::Append(draft(LOBBY, 20, Some("wrong time"), "x")),
        Entry::Append(draft(LOBBY, 103, Some("c"), "x")),
    ];
    batch.extend((0..600).map(|n| Entry::Append(draft(TEA, 104, Some(&format!("t{n}")), "x"))));
    batch.push(Entry::Append(draft(LOBBY, 105, Some("d"), "x")));
    stage.store().commit(&batch).unwrap();
    let keys = |max| {
        let found = stage.reader().keys(Timestamp(100), max).unwrap();
        let key = |key: &crate::base::record::KeyRecord| format!("{} {}", key.key, key.seq);
        found.iter().map(key).collect::<Vec<_>>()
    };
    let all = keys(1_000_000);
    assert_eq!(all.len(), 604);
    assert_eq!(all[..4], ["a 2", "b 1", "c 4", "t0 3"]);
    assert_eq!(all[602..], ["t599 602", "d 5"]);
    assert_eq!(keys(603), all[1..]);
    assert_eq!(keys(2), ["t599 602", "d 5"]);
    assert_eq!(keys(0), [""; 0]);
}

fn on_a_full_disk_nothing_is_stored_and_it_goes_on_when_there_is_room(stage: &mut dyn Stage) {
    say(stage.store(), LOBBY, &["one"]);
    let before = snapshot(stage.store());
    stage.set_full(true);
    let long = "long ".repeat(1_600);
    let mut batch: Vec<_> = (0..20).map(|_| said(LOBBY, &long)).collect();
    batch.insert(0, Entry::Changes(vec![room(TEA, open("tea"))]));
    batch.push(said(TEA, "hello"));
    for _ in 0..2 {
        let error = stage.store().commit(&batch).unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert_eq!(snapshot(stage.store()), before);
    }
    let mut reader = stage.reader();
    let log = reader.after(LOBBY, Seq(0), 10, usize::MAX).unwrap();
    assert_eq!(lines(&log), ["1 one"]);
    stage.set_full(false);
    let outcomes = stage.store().commit(&batch).unwrap();
    assert_eq!(outcomes[1], Outcome::Appended(Seq(2)));
    assert_eq!(outcomes[21], Outcome::Appended(Seq(1)));
}

fn a_message_to_a_room_that_is_gone_holds_up_nobody_else(stage: &mut dyn Stage) {
    let audit = AuditRecord {
        at: Timestamp(1),
        actor: Actor::Control { uid: 0, pid: 1 },
        method: "Kick".into(),
        parameters: "{}".into(),
        outcome: "ok".into(),
    };
    let batch = [
        said(LOBBY, "one"),
        Entry::Changes(vec![Change::AddAudit(audit, 10)]),
        said(RoomId(77), "where?"),
    ];
    let outcomes = stage.store().commit(&batch).unwrap();
    let due = [
        Outcome::Appended(Seq(1)),
        Outcome::Changed,
        Outcome::Missing,
    ];
    assert_eq!(outcomes, due);
}

fn an_empty_entry_goes_with_the_others_and_alone_also_on_a_full_disk(stage: &mut dyn Stage) {
    let empty = || Entry::Changes(Vec::new());
    stage.set_full(true);
    let outcomes = stage.store().commit(&[empty(), empty()]).unwrap();
    assert_eq!(outcomes, [Outcome::Changed; 2]);
    let long = said(LOBBY, &"long ".repeat(20_000));
    let refused = stage.store().commit(&[empty(), long]);
    assert!(matches!(refused, Err(StoreError::Full { .. })));
    stage.set_full(false);
    let batch = [empty(), said(LOBBY, "kept"), empty()];
    let outcomes = stage.store().commit(&batch).unwrap();
    let kept = Outcome::Appended(Seq(1));
    assert_eq!(outcomes, [Outcome::Changed, kept, Outcome::Changed]);
}
