//! What a search finds, on every store: the part of the suite that is about words.

use crate::base::id::LOBBY;
use crate::base::record::Record;
use crate::base::{RoomId, Seq};
use crate::store::tests::stage::{Stage, TEA, lines, make, open, room, say};

pub(super) fn search_finds_all_the_words_newest_first(stage: &mut dyn Stage) {
    make(stage.store(), vec![room(TEA, open("tea"))]);
    let texts = [
        "Green tea is ready",
        "the kettle is on, tea later",
        "Чай готов",
        "re-read the tea leaves",
        "teapots",
    ];
    say(stage.store(), TEA, &texts);
    say(stage.store(), LOBBY, &["tea for everyone"]);
    while stage.store().index(100).unwrap() {}
    let mut reader = stage.reader();
    let mut check = |text: &str, before: u64, limit, expected: &[u64]| {
        let found = reader
            .search(&[TEA], text, None, Seq(before), limit)
            .unwrap();
        let found: Vec<_> = found.iter().map(|record| record.seq.0).collect();
        assert_eq!(found, expected, "{text}");
    };
    check("tea", u64::MAX, 10, &[4, 2, 1]);
    check("TEA  is", u64::MAX, 10, &[2, 1]);
    check("tea*", u64::MAX, 10, &[5, 4, 2, 1]);
    check("te*", u64::MAX, 10, &[]);
    check("tea", 4, 1, &[2]);
    check("tea", 1, 10, &[]);
    check("чай", u64::MAX, 10, &[3]);
    check("гото*", u64::MAX, 10, &[3]);
    check("re-read", u64::MAX, 10, &[4]);
    check("read-re", u64::MAX, 10, &[]);
    check("tea coffee", u64::MAX, 10, &[]);
}

pub(super) fn search_finds_the_newest_of_all_rooms(stage: &mut dyn Stage) {
    let milk = RoomId(3);
    make(
        stage.store(),
        vec![room(TEA, open("tea")), room(milk, open("milk"))],
    );
    for place in [LOBBY, TEA, milk, TEA] {
        say(stage.store(), place, &["words", "wordy"]);
    }
    while stage.store().index(100).unwrap() {}
    let mut reader = stage.reader();
    let mut check = |rooms: &[RoomId], text: &str, before: u64, limit, expected: &[(u32, u64)]| {
        let found = reader
            .search(rooms, text, None, Seq(before), limit)
            .unwrap();
        let place = |record: &Record| (record.draft.room.0, record.seq.0);
        let found: Vec<_> = found.iter().map(place).collect();
        assert_eq!(found, expected, "{text}");
    };
    let (all, end) = (&[milk, LOBBY, TEA][..], u64::MAX);
    check(&[TEA, LOBBY], "words", end, 9, &[(2, 3), (2, 1), (1, 1)]);
    check(all, "words", end, 2, &[(2, 3), (3, 1)]);
    check(
        all,
        "word*",
        end,
        5,
        &[(2, 4), (2, 3), (3, 2), (3, 1), (2, 2)],
    );
    check(
        &[TEA, milk],
        "word*",
        3,
        9,
        &[(3, 2), (3, 1), (2, 2), (2, 1)],
    );
    check(all, "word*", end, 0, &[]);
    check(&[], "word*", end, 9, &[]);
}

pub(super) fn search_comes_behind_the_log_in_portions(stage: &mut dyn Stage) {
    make(stage.store(), vec![room(TEA, open("tea"))]);
    assert!(!stage.store().index(10).unwrap());
    say(stage.store(), LOBBY, &["word"; 7]);
    say(stage.store(), TEA, &["word"; 5]);
    let mut reader = stage.reader();
    let mut found = || {
        let mut count = |room| {
            reader
                .search(&[room], "word", None, Seq(u64::MAX), 100)
                .unwrap()
                .len()
        };
        (count(LOBBY), count(TEA))
    };
    assert_eq!(found(), (0, 0));
    assert!(stage.store().index(5).unwrap());
    assert_eq!(found(), (5, 0));
    say(stage.store(), LOBBY, &["word"]);
    assert!(stage.store().index(5).unwrap());
    assert_eq!(found(), (8, 2));
    assert!(!stage.store().index(5).unwrap());
    assert_eq!(found(), (8, 5));
    say(stage.store(), LOBBY, &["word"]);
    assert!(!stage.store().index(5).unwrap());
    assert_eq!(found(), (9, 5));
}

pub(super) fn search_takes_any_text(stage: &mut dyn Stage) {
    say(
        stage.store(),
        LOBBY,
        &["a plain text", "say \"hi\" NEAR the (door)"],
    );
    while stage.store().index(100).unwrap() {}
    let mut reader = stage.reader();
    let many = "x ".repeat(4_000);
    let long = "y".repeat(100_000);
    let wild = "* ".repeat(100);
    let texts = [
        "",
        " ",
        "\"",
        "\"\"\"",
        "'",
        "*",
        "**",
        "(",
        ")",
        "((",
        "a\0b",
        "\0",
        "AND",
        "OR OR",
        "NOT",
        "NEAR(",
        "NEAR(a b, 5)",
        "text:",
        "text : a",
        "{text} : a",
        "-text:a",
        "^",
        "^a",
        "+",
        "a +",
        "a + b",
        "a*b*",
        "*a",
        "\\",
        ";",
        "--",
        "/*",
        "'; DROP TABLE message; --",
        "%",
        "_",
        "?1",
        ":x",
        "@x",
        "$x",
        "rank",
        "message_text",
        "😀",
        "\u{301}",
        "ⓐ",
        "\u{200d}",
        "\u{ffff}",
        "\u{10ffff}",
        &many,
        &long,
        &wild,
    ];
    for text in texts {
        let found = reader.search(&[LOBBY], text, None, Seq(u64::MAX), 10);
        assert!(found.is_ok(), "{text:?}: {found:?}");
    }
    let mut found = |text| {
        lines(
            &reader
                .search(&[LOBBY], text, None, Seq(u64::MAX), 10)
                .unwrap(),
        )
    };
    assert_eq!(
        found("\"hi\" near (door)"),
        ["2 say \"hi\" NEAR the (door)"]
    );
    assert_eq!(found("plain OR text"), [""; 0]);
}
