//! What is taken away, on every store: texts that are redacted, logs that are cleared, rooms that are removed.

use crate::base::id::{ADMIN, LOBBY};
use crate::base::record::{Clearing, Kind, Redaction};
use crate::base::{RoomId, Seq, Timestamp, UserId};
use crate::store::tests::stage::{
    ANNA, BORIS, Stage, TEA, draft, lines, make, member, open, room, said, say, snapshot, user,
};
use crate::store::{Change, Entry, Outcome};

pub(super) fn redact(seq: u64, by: UserId, only_of: Option<UserId>) -> Entry {
    Entry::Redact(Redaction {
        room: TEA,
        seq: Seq(seq),
        by,
        at: Timestamp(4_000),
        only_of,
        not_of: Vec::new(),
    })
}

pub(super) fn clear(room: RoomId, upto: u64) -> Entry {
    Entry::Clear(Clearing {
        room,
        upto: Seq(upto),
        before: None,
        dry_run: false,
    })
}

pub(super) fn a_redacted_text_is_gone_and_a_message_tells_of_it(stage: &mut dyn Stage) {
    make(
        stage.store(),
        vec![user(ANNA, "anna"), room(TEA, open("tea"))],
    );
    say(stage.store(), TEA, &["a zebra", "another zebra", "a gnu"]);
    // Whether it is in the index by then or not.
    stage.store().index(1).unwrap();
    let batch = [
        redact(1, ANNA, Some(ANNA)),
        redact(2, BORIS, Some(BORIS)),
        redact(2, ADMIN, None),
        redact(2, ADMIN, None),
        redact(4, ADMIN, None),
        redact(99, ADMIN, None),
        said(TEA, "on"),
    ];
    let outcomes = stage.store().commit(&batch).unwrap();
    let due = [
        Outcome::Appended(Seq(4)),
        Outcome::Foreign,
        Outcome::Appended(Seq(5)),
        Outcome::Unchanged,
        Outcome::Missing,
        Outcome::Missing,
        Outcome::Appended(Seq(6)),
    ];
    assert_eq!(outcomes, due);
    while stage.store().index(100).unwrap() {}
    let mut reader = stage.reader();
    let log = reader.after(TEA, Seq(0), 10, usize::MAX).unwrap();
    assert_eq!(lines(&log), ["1 ", "2 ", "3 a gnu", "4 ", "5 ", "6 on"]);
    let sorts: Vec<_> = log
        .iter()
        .map(|record| (record.draft.kind, record.draft.redacts))
        .collect();
    assert_eq!(sorts[0], (Kind::Redacted, None));
    assert_eq!(sorts[3], (Kind::Redaction, Some(Seq(1))));
    assert_eq!(sorts[4], (Kind::Redaction, Some(Seq(2))));
    assert_eq!((log[0].draft.author, log[4].draft.author), (ANNA, ADMIN));
    let found = |word| {
        stage
            .reader()
            .search(&[TEA], word, None, Seq(99), 9)
            .unwrap()
    };
    assert!(found("zebra").is_empty());
    assert_eq!(lines(&found("gnu")), ["3 a gnu"]);
}

pub(super) fn a_cleared_log_begins_later_and_goes_on_counting(stage: &mut dyn Stage) {
    make(stage.store(), vec![room(TEA, open("tea"))]);
    say(stage.store(), TEA, &["zebra one", "two", "three"]);
    stage.store().index(2).unwrap();
    let batch = [said(TEA, "zebra four"), clear(TEA, 2), said(LOBBY, "zebra")];
    let outcomes = stage.store().commit(&batch).unwrap();
    assert_eq!(outcomes[1], Outcome::Cleared(Seq(3)));
    let look = |stage: &mut dyn Stage| {
        let mut reader = stage.reader();
        let after = reader.after(TEA, Seq(0), 9, usize::MAX).unwrap();
        let before = reader.before(TEA, Seq(99), 9, usize::MAX).unwrap();
        assert_eq!(lines(&after), lines(&before));
        lines(&after)
    };
    assert_eq!(look(stage), ["3 three", "4 zebra four"]);
    let tidy = |stage: &mut dyn Stage| {
        while stage.store().index(1).unwrap() | stage.store().tidy(1).unwrap() {}
    };
    let found = |stage: &mut dyn Stage, rooms: &[RoomId], words| {
        lines(
            &stage
                .reader()
                .search(rooms, words, None, Seq(99), 9)
                .unwrap(),
        )
    };
    assert!(found(stage, &[TEA], "one").is_empty());
    assert!(found(stage, &[TEA, LOBBY], "one*").is_empty());
    tidy(stage);
    assert_eq!(look(stage), ["3 three", "4 zebra four"]);
    assert_eq!(found(stage, &[TEA], "zebra"), ["4 zebra four"]);
    let both = found(stage, &[TEA, LOBBY], "zeb*");
    assert_eq!(both.len(), 2, "{both:?}");
    // Further than there is, and further back than it was.
    for (upto, first) in [(99, 5), (1, 5)] {
        let outcome = stage.store().commit(&[clear(TEA, upto)]).unwrap();
        assert_eq!(outcome, [Outcome::Cleared(Seq(first))]);
    }
    tidy(stage);
    assert_eq!(look(stage), [""; 0]);
    let tea = &snapshot(stage.store()).rooms[1];
    assert_eq!((tea.first_seq, tea.last_seq), (Seq(5), Seq(4)));
    say(stage.store(), TEA, &["five"]);
    assert_eq!(look(stage), ["5 five"]);
    tidy(stage);
    assert_eq!(found(stage, &[TEA], "five"), ["5 five"]);
    let nowhere = stage.store().commit(&[clear(RoomId(77), 9)]).unwrap();
    assert_eq!(nowhere, [Outcome::Missing]);
}

pub(super) fn a_log_is_cleared_up_to_a_moment(stage: &mut dyn Stage) {
    for at in [10, 20, 20, 30] {
        let message = Entry::Append(draft(LOBBY, at, None, "x"));
        stage.store().commit(&[message]).unwrap();
    }
    let mut before = |at, upto, dry_run| {
        let clearing = Clearing {
            room: LOBBY,
            upto: Seq(upto),
            before: Some(Timestamp(at)),
            dry_run,
        };
        stage.store().commit(&[Entry::Clear(clearing)]).unwrap()
    };
    for (at, upto, first) in [
        (10, 9, 1),
        (11, 9, 2),
        (20, 9, 2),
        (21, 9, 4),
        (99, 2, 3),
        (99, 9, 5),
    ] {
        assert_eq!(
            before(at, upto, true),
            [Outcome::Cleared(Seq(first))],
            "{at}"
        );
    }
    assert_eq!(before(21, 9, false), [Outcome::Cleared(Seq(4))]);
    assert_eq!(before(11, 9, false), [Outcome::Cleared(Seq(4))]);
    assert_eq!(snapshot(stage.store()).rooms[0].first_seq, Seq(4));
}

pub(super) fn a_removed_room_frees_its_name_and_its_numbers_go_on(stage: &mut dyn Stage) {
    make(
        stage.store(),
        vec![
            user(ANNA, "anna"),
            room(TEA, open("Tea")),
            Change::AddMember(member(TEA, ANNA, 0)),
        ],
    );
    say(stage.store(), TEA, &["zebra", "two"]);
    while stage.store().index(9).unwrap() {}
    let batch = [
        Entry::Changes(vec![Change::RemoveRoom(TEA)]),
        said(TEA, "too late"),
        Entry::Changes(vec![
            Change::AddMember(member(TEA, ANNA, 0)),
            Change::SetTopic(TEA, "x".into()),
            Change::RemoveRoom(TEA),
        ]),
        said(LOBBY, "on"),
    ];
    let outcomes = stage.store().commit(&batch).unwrap();
    let due = [
        Outcome::Changed,
        Outcome::Missing,
        Outcome::Changed,
        Outcome::Appended(Seq(1)),
    ];
    assert_eq!(outcomes, due);
    let after = snapshot(stage.store());
    assert_eq!((after.rooms.len(), after.members.len()), (1, 0));
    assert_eq!(after.room_ends, [("tea".into(), Seq(2))]);
    assert_eq!(after.next_room, RoomId(TEA.0 + 1));
    let read = |stage: &dyn Stage| stage.reader().after(TEA, Seq(0), 9, usize::MAX).unwrap();
    assert!(read(stage).is_empty());
    let found = stage
        .reader()
        .search(&[TEA, LOBBY], "zeb*", None, Seq(9), 9);
    assert!(found.unwrap().is_empty());
    while stage.store().tidy(1).unwrap() {}
    make(stage.store(), vec![room(RoomId(3), open("tea"))]);
    say(stage.store(), RoomId(3), &["anew"]);
    assert_eq!(snapshot(stage.store()).rooms.len(), 2);
}
