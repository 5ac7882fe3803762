//! What only a file can show of texts that are gone: that they lie nowhere in it, that it gets smaller, that a fall in the
//! midst of it is made good, and that a database from before learns it.

use std::fs;

use rusqlite::Connection;

use super::Stand;
use crate::base::id::{ADMIN, LOBBY};
use crate::base::record::{Change, Clearing, Redaction};
use crate::base::{RoomId, Seq, Timestamp};
use crate::store::tests::stage::{Stage, TEA, lines, make, open, room, said, say, snapshot};
use crate::store::{Entry, Outcome};

fn tidy(stand: &mut Stand, messages_max: usize) -> usize {
    let mut steps = 0;
    while stand.store().index(1_000).unwrap() | stand.store().tidy(messages_max).unwrap() {
        steps += 1;
        assert!(steps < 100_000, "it does not end");
    }
    steps
}

fn clear(room: RoomId) -> Entry {
    Entry::Clear(Clearing {
        room,
        upto: Seq(u64::MAX - 1),
        before: None,
        dry_run: false,
    })
}

/// Whether the text lies anywhere in the database or its write-ahead log, in any case.
fn lies_open(stand: &Stand, text: &str) -> bool {
    let files = fs::read_dir(stand.path()).unwrap();
    files.map(|file| file.unwrap().path()).any(|path| {
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    })
}

fn count(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn is_sound(stand: &Stand) {
    let look = stand.look();
    let verdict: String = look
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    let index = "INSERT INTO message_text (message_text, rank) VALUES ('integrity-check', 1)";
    look.execute_batch(index).unwrap();
}

#[test]
fn a_redacted_text_lies_nowhere_any_more_nor_do_its_words() {
    let mut stand = Stand::new();
    let long = "Xylophone quagga ".repeat(400);
    make(stand.store(), vec![room(TEA, open("tea"))]);
    for turn in 0..40_u64 {
        let others: Vec<_> = (0..50).map(|n| format!("word{n} of turn{turn}")).collect();
        let texts: Vec<_> = others.iter().map(String::as_str).collect();
        say(stand.store(), TEA, &texts);
        if turn == 7 {
            say(stand.store(), TEA, &[&long, "a Zyzzyva"]);
        }
        stand.store().index(1_000).unwrap();
    }
    assert!(lies_open(&stand, "quagga") && lies_open(&stand, "zyzzyva"));
    let redact = |seq| {
        Entry::Redact(Redaction {
            room: TEA,
            seq: Seq(seq),
            by: ADMIN,
            at: Timestamp(9),
            only_of: None,
            not_of: Vec::new(),
        })
    };
    let outcomes = stand.store().commit(&[redact(401), redact(402)]).unwrap();
    assert_eq!(
        outcomes,
        [2_003, 2_004].map(|seq| Outcome::Appended(Seq(seq)))
    );
    tidy(&mut stand, 10);
    for word in ["quagga", "xylophone", "zyzzyva"] {
        assert!(!lies_open(&stand, word), "'{word}' lies open");
    }
    assert!(lies_open(&stand, "word7"), "the others stay");
    is_sound(&stand);
}

#[test]
fn a_cleared_log_gives_its_space_back_and_lies_nowhere_any_more() {
    let mut stand = Stand::new();
    make(stand.store(), vec![room(TEA, open("tea"))]);
    let size = |stand: &Stand| {
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let look = stand.look();
        look.query_row(checkpoint, [], |_| Ok(())).unwrap();
        fs::metadata(stand.path().join("chatd.db")).unwrap().len()
    };
    let empty = size(&stand);
    let texts: Vec<_> = (0..3_000).map(|n| format!("quagga number {n}")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    for some in texts.chunks(500) {
        say(stand.store(), TEA, some);
        say(stand.store(), LOBBY, &["stays"; 20]);
    }
    tidy(&mut stand, 100);
    let before = size(&stand);
    stand.store().commit(&[clear(TEA)]).unwrap();
    let steps = tidy(&mut stand, 100);
    assert!(steps > 30, "in small steps");
    let left = size(&stand);
    assert!(
        left < empty + (before - empty) / 4,
        "{empty} {before} {left}"
    );
    assert_eq!(count(&stand.look(), "PRAGMA freelist_count"), 0);
    assert!(!lies_open(&stand, "quagga"));
    let lobby = stand
        .reader()
        .after(LOBBY, Seq(0), 999, usize::MAX)
        .unwrap();
    assert_eq!(lobby.len(), 120);
    is_sound(&stand);
}

#[test]
fn what_was_not_removed_yet_at_a_fall_is_removed_after_it_and_never_shown() {
    let mut stand = Stand::new();
    make(
        stand.store(),
        vec![room(TEA, open("tea")), room(RoomId(3), open("milk"))],
    );
    for place in [TEA, RoomId(3)] {
        say(stand.store(), place, &["quagga"; 50]);
    }
    stand.store().index(70).unwrap();
    let batch = [
        clear(TEA),
        said(TEA, "stays"),
        Entry::Changes(vec![Change::RemoveRoom(RoomId(3))]),
    ];
    stand.store().commit(&batch).unwrap();
    for step in 0..12 {
        stand.store().tidy(7).unwrap();
        stand.store().index(3).unwrap();
        stand = stand.reopen();
        let mut reader = stand.reader();
        let tea = reader.after(TEA, Seq(0), 99, usize::MAX).unwrap();
        assert_eq!(lines(&tea), ["51 stays"], "{step}");
        let found = reader.search(&[TEA, RoomId(3)], "quag*", None, Seq(99), 99);
        assert!(found.unwrap().is_empty(), "{step}");
    }
    tidy(&mut stand, 7);
    assert_eq!(count(&stand.look(), "SELECT count(*) FROM message"), 1);
    assert_eq!(
        count(&stand.look(), "SELECT count(*) FROM message_text_docsize"),
        1
    );
    is_sound(&stand);
    // Neither numbers nor offsets are given twice.
    say(stand.store(), TEA, &["on"]);
    let look = stand.look();
    assert_eq!(count(&look, r#"SELECT max("offset") FROM message"#), 102);
    make(stand.store(), vec![room(RoomId(4), open("water"))]);
    let ends = snapshot(stand.store()).room_ends;
    assert_eq!(ends, [("milk".into(), Seq(50))]);
}

/// Made with the tables of version 1, filled, and opened by this build: the words are found again, and can be forgotten.
#[test]
fn a_database_of_version_1_learns_it() {
    let mut stand = Stand::new();
    say(stand.store(), LOBBY, &["a quagga", "a gnu"]);
    tidy(&mut stand, 10);
    stand
        .look()
        .execute_batch(
            "DROP TABLE message_text; DROP TABLE removed_room; DROP TABLE invite; DROP TABLE ban; \
             ALTER TABLE user DROP COLUMN moderator; ALTER TABLE member DROP COLUMN operator; \
             ALTER TABLE user DROP COLUMN disabled_at; ALTER TABLE message DROP COLUMN redacts; \
             CREATE VIRTUAL TABLE message_text USING fts5 ( \
                 text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'); \
             INSERT INTO message_text (rowid, text) SELECT id, text FROM message; \
             UPDATE room SET indexed_seq = 2; PRAGMA user_version = 1;",
        )
        .unwrap();
    let mut stand = stand.reopen();
    tidy(&mut stand, 10);
    let found = |stand: &Stand, word| {
        let found = stand
            .reader()
            .search(&[LOBBY], word, None, Seq(9), 9)
            .unwrap();
        lines(&found)
    };
    assert_eq!(found(&stand, "quagga"), ["1 a quagga"]);
    stand.store().commit(&[clear(LOBBY)]).unwrap();
    tidy(&mut stand, 10);
    assert_eq!(found(&stand, "gnu"), [""; 0]);
    is_sound(&stand);
}

/// Prints what clearing costs; the figures stand in the report of the work.
#[test]
#[ignore = "a measurement of minutes: cargo test --lib clearing_costs -- --ignored --nocapture"]
fn clearing_costs() {
    const MESSAGES: usize = 200_000;
    let mut stand = Stand::new();
    make(stand.store(), vec![room(TEA, open("tea"))]);
    let mut word = 1_u64;
    for _ in 0..MESSAGES / 500 {
        let texts: Vec<String> = (0..500)
            .map(|_| {
                let words = (0..10).map(|_| {
                    word = word
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let choice = (word >> 33) % 20_000;
                    format!("w{}", choice * choice / 20_000)
                });
                words.collect::<Vec<_>>().join(" ")
            })
            .collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        say(stand.store(), TEA, &texts);
    }
    let began = std::time::Instant::now();
    while stand.store().index(200).unwrap() {}
    println!("indexed in {:?}", began.elapsed());
    let began = std::time::Instant::now();
    stand.store().commit(&[clear(TEA)]).unwrap();
    println!("first_seq moved in {:?}", began.elapsed());
    let (mut steps, began) = (Vec::new(), std::time::Instant::now());
    loop {
        let step = std::time::Instant::now();
        let more = stand.store().tidy(100).unwrap();
        steps.push(step.elapsed());
        if !more {
            break;
        }
    }
    let took = began.elapsed();
    steps.sort();
    let at = |share: usize| steps[(steps.len() - 1) * share / 1_000];
    println!(
        "{MESSAGES} cleared in {took:?}, {} steps: median {:?}, 99% {:?}, 99.9% {:?}, longest {:?}",
        steps.len(),
        at(500),
        at(990),
        at(999),
        at(1_000)
    );
}
