//! What was said before: pages and search.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{Daemon, Heard, Talker, UNHURRIED, ask, refused, request, until};

/// Says all of these in the lobby, in one go.
fn says_all(talker: &mut Talker, room: &str, texts: impl IntoIterator<Item = String>) {
    let requests: Vec<_> = texts
        .into_iter()
        .map(|text| request!("send", to: room, text: text))
        .collect();
    for id in talker.begin_all(requests) {
        talker.answer(id).must_be("sent");
    }
}

fn numbers(page: &Value) -> Vec<u64> {
    page.texts().into_iter().map(|(seq, _)| seq).collect()
}

/// Pages ascend, `before` and `after` exclude their number, and `more` tells of more in that direction.
#[test]
fn pages_forward_and_backward() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    says_all(&mut anna, "lobby", (1..=25).map(|n| n.to_string()));
    let newest = ask!(anna, "history", room: "lobby", limit: 10).must_be("page");
    assert_eq!(numbers(&newest), (16..=25).collect::<Vec<_>>());
    assert_eq!(
        (&newest["first_seq"], &newest["last_seq"], &newest["more"]),
        (&json!(1), &json!(25), &json!(true))
    );
    let before = ask!(anna, "history", room: "lobby", before: 16, limit: 10);
    assert_eq!(numbers(&before), (6..=15).collect::<Vec<_>>());
    assert_eq!(before["more"], true);
    let oldest = ask!(anna, "history", room: "lobby", before: 6, limit: 10);
    assert_eq!(numbers(&oldest), (1..=5).collect::<Vec<_>>());
    assert_eq!(oldest["more"], false);

    let after = ask!(anna, "history", room: "lobby", after: 0, limit: 10);
    assert_eq!(numbers(&after), (1..=10).collect::<Vec<_>>());
    assert_eq!(after["more"], true);
    let last = ask!(anna, "history", room: "lobby", after: 20, limit: 10);
    assert_eq!(numbers(&last), (21..=25).collect::<Vec<_>>());
    assert_eq!(last["more"], false);
    for (request, what) in [
        (
            request!("history", room: "lobby", after: 25),
            "nothing after the end",
        ),
        (
            request!("history", room: "lobby", after: u64::MAX),
            "nor far after it",
        ),
        (
            request!("history", room: "lobby", before: 1),
            "nothing before the beginning",
        ),
        (
            request!("history", room: "lobby", before: 0),
            "nor before that",
        ),
    ] {
        let page = anna.request(request).must_be("page");
        assert!(numbers(&page).is_empty(), "{what}: {page}");
        assert_eq!(page["more"], false, "{what}: {page}");
    }
    refused!("bad-request": anna, "history", room: "lobby", before: 5, after: 2);
    refused!("bad-request": anna, "history", room: "lobby", before: -1);
    refused!("no-such-room": anna, "history", room: "nowhere");
}

/// A page never outgrows a frame: it is cut short, and the next ones bring the rest, in both directions.
#[test]
fn a_page_is_cut_to_fit_a_frame() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    // Each needs six bytes a character in JSON when control characters are escaped.
    says_all(
        &mut anna,
        "lobby",
        (0..12).map(|n| format!("{n:02}{}", "\u{1}".repeat(8_000))),
    );
    says_all(
        &mut anna,
        "lobby",
        (12..30).map(|n| format!("{n:02}{}", "x".repeat(8_000))),
    );
    let (mut cursor, mut pages) = (0, 0);
    while cursor < 30 {
        let page = ask!(anna, "history", room: "lobby", after: cursor, limit: 200).must_be("page");
        let numbers = numbers(&page);
        assert_eq!(numbers.first(), Some(&(cursor + 1)));
        cursor = *numbers.last().expect("at least one");
        assert_eq!(page["more"], cursor < 30);
        pages += 1;
    }
    assert!(pages >= 12 + 2, "{pages} pages cannot have held it all");
    let mut cursor = 31;
    while cursor > 1 {
        let page = ask!(anna, "history", room: "lobby", before: cursor, limit: 200).must_be("page");
        let numbers = numbers(&page);
        assert_eq!(numbers.last(), Some(&(cursor - 1)));
        assert!(
            numbers.is_sorted_by(|a, b| a + 1 == *b),
            "a hole in {numbers:?}"
        );
        cursor = numbers[0];
        assert_eq!(page["more"], cursor > 1);
    }
}

/// One's own messages are read back with their keys, those of others without.
#[test]
fn only_the_author_reads_the_key() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(anna, "send", to: "lobby", text: "mine", key: "secret-key").must_be("sent");
    assert_eq!(boris.push("message")["key"], json!(null));
    let page = ask!(anna, "history", room: "lobby").must_be("page");
    assert_eq!(page["messages"][0]["key"], "secret-key");
    let page = ask!(boris, "history", room: "lobby").must_be("page");
    assert_eq!(page["messages"][0]["key"], json!(null));
}

/// Searches until the index, which runs behind the log, has got so far.
fn finds(talker: &mut Talker, text: &str) -> Value {
    until(&format!("'{text}' is found"), || {
        let page = ask!(talker, "search", text: text).must_be("page");
        (!page.texts().is_empty()).then_some(page)
    })
}

/// Words are found in any script, by their beginning too, and only if all of them are there.
#[test]
fn words_are_found() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    for text in [
        "The quick brown fox",
        "Съешь ещё этих мягких французских булок",
        "да выпей чаю",
        "a slow brown bear",
        "the last word",
    ] {
        anna.say("lobby", text);
    }
    finds(&mut anna, "last");
    let found = |anna: &mut Talker, text: &str| {
        numbers(&ask!(anna, "search", text: text, limit: 10).must_be("page"))
    };
    assert_eq!(found(&mut anna, "brown"), [1, 4], "a page ascends");
    assert_eq!(found(&mut anna, "BROWN slow"), [4]);
    assert_eq!(found(&mut anna, "ЧАЮ"), [3]);
    assert_eq!(found(&mut anna, "францу*"), [2]);
    assert_eq!(found(&mut anna, "brown chalk"), [0; 0]);
    let page = ask!(anna, "search", text: "brown", room: "lobby", before: 4, limit: 10);
    assert_eq!(numbers(&page), [1]);
    assert_eq!(page.text("room"), "lobby");
}

/// A search sees only the rooms that one is in.
#[test]
fn a_search_stays_in_ones_own_rooms() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    let mut clara = daemon.register("clara");
    ask!(anna, "create", room: "tea").must_be("joined");
    anna.say("tea", "the sesame opens");
    anna.say("@boris", "sesame for you alone");
    anna.say("lobby", "everyone knows sesame");
    until("all three are found", || {
        let page = ask!(anna, "search", text: "sesame").must_be("page");
        (page.texts().len() == 3).then_some(())
    });
    let rooms = |page: &Value| -> BTreeSet<String> {
        let messages = page["messages"].as_array().expect("a page");
        messages
            .iter()
            .map(|message| message.text("room").to_owned())
            .collect()
    };
    let page = ask!(boris, "search", text: "sesame").must_be("page");
    assert_eq!(rooms(&page), ["@anna", "lobby"].map(String::from).into());
    let page = ask!(clara, "search", text: "sesame").must_be("page");
    assert_eq!(rooms(&page), ["lobby"].map(String::from).into());
    refused!("not-a-member": clara, "search", text: "sesame", room: "tea");
    // A number means something in one room only.
    refused!("bad-request": anna, "search", text: "tea", before: 3);
}

/// Whatever stands in a query is taken for words: nothing in it is a command, nothing breaks.
#[test]
fn a_query_is_only_words() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    anna.say("lobby", "a plain marker");
    finds(&mut anna, "marker");
    let (long, wide) = ("word ".repeat(1_500), "слово 👋 ".repeat(500));
    for text in [
        "\"",
        "\"\"\"",
        "*",
        "* *",
        "AND",
        "OR NOT",
        "marker OR nothing",
        "NEAR(marker plain, 2)",
        "text:marker",
        "text : marker",
        "- marker",
        "^marker",
        "(marker",
        "{marker}",
        "marker\" OR \"plain",
        "'; DROP TABLE message; --",
        "\u{202e}",
        "👋👋",
        "ﷺ",
        "\u{1}",
        "",
        " ",
        "-6",
        "a.b",
        "col:",
        "col:marker",
        "NEAR(",
        "marker*",
        "^",
        "+",
        "+marker",
        "\\",
        "[marker]",
        "\0",
        long.as_str(),
        wide.as_str(),
    ] {
        let answer = ask!(anna, "search", text: text, limit: 10);
        match answer.text("type") {
            "page" => {}
            _ => assert_eq!(answer.code(), "bad-request", "the query {text:?}: {answer}"),
        }
    }
    // Signs are looked for as what they are between words, not as what they would tell a database.
    for text in [
        "it was -6 in the morning",
        "version a.b is out",
        "\"quoted\" words",
    ] {
        anna.say("lobby", text);
    }
    finds(&mut anna, "quoted");
    for (text, found) in [("-6", 2), ("a.b", 3), ("\"quoted\"", 4)] {
        let page = ask!(anna, "search", text: text, limit: 10).must_be("page");
        assert_eq!(numbers(&page), [found], "{text}");
    }
    let nothing = ask!(anna, "search", text: "marker OR nothing").must_be("page");
    assert!(nothing.texts().is_empty(), "OR is a word: {nothing}");
    let found = ask!(anna, "search", text: "marker").must_be("page");
    assert_eq!(numbers(&found), [1]);
}

/// What is stored while many search does not wait for them for long, and they find what is there.
#[test]
fn talking_goes_on_while_others_search() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    says_all(
        &mut anna,
        "lobby",
        (0..400).map(|n| format!("needle {n} in a haystack")),
    );
    finds(&mut boris, "needle 399");
    let searches =
        boris.begin_all((0..200).map(|_| request!("search", text: "needle haystack", limit: 200)));
    let started = Instant::now();
    anna.say("lobby", "excuse me");
    assert!(started.elapsed() < crate::support::PATIENCE / 2);
    for id in searches {
        assert!(!boris.answer(id).must_be("page").texts().is_empty());
    }
}
