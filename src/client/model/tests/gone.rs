//! What is taken away by others: texts, the beginning of a log, a room.

use super::*;

fn redaction(story: &mut Story, seq: u64, redacts: u64) {
    story.says(&format!(
        r#"{{"type":"message","room":"lobby","seq":{seq},"from":"bert","at":"2026-11-20T10:30:00Z","kind":"redaction","text":"","redacts":{redacts}}}"#
    ));
}

#[test]
fn a_text_that_waits_for_its_turn_is_taken_away_and_one_in_a_page_that_was_under_way() {
    let mut story = Story::online();
    // Its number is not known yet, so that what comes meanwhile waits.
    story.send("one");
    story.message(12, "bert", None);
    redaction(&mut story, 13, 12);
    story.model.ask(story.now, calls_history());
    story.sent(3, 11);
    story.says(
        r#"{"re":4,"type":"page","room":"lobby","first_seq":1,"last_seq":13,"more":true,"messages":[{"room":"lobby","seq":12,"from":"bert","at":"2026-11-20T10:30:00Z","kind":"text","text":"t12"}]}"#,
    );
    let told = story.told();
    let after = told.split_once("sent k1").unwrap().1;
    assert!(after.contains("! lobby#12 \n! lobby#13 \n"), "{told}");
    assert!(!told.contains("t12"), "{told}");
}

fn calls_history() -> Request {
    crate::client::calls::history("lobby", crate::client::Part::Newest, 5)
}

#[test]
fn what_was_cleared_is_not_waited_for_and_not_shown() {
    let mut story = Story::online();
    story.send("one");
    story.message(12, "bert", None);
    story.message(14, "bert", None);
    story.told();
    story.says(r#"{"type":"cleared","room":"lobby","first_seq":14}"#);
    story.message(13, "bert", None);
    let told = story.told();
    assert!(
        told.contains("lobby#14 t14") && !told.contains("t12"),
        "{told}"
    );
    assert!(!told.contains("t13"), "{told}");
    let lobby = &story.model.rooms()["lobby"];
    assert_eq!((lobby.state.first_seq, lobby.cursor()), (Seq(14), Seq(14)));
    story.says(r#"{"type":"cleared","room":"lobby","first_seq":20}"#);
    assert_eq!(story.model.cursors()["lobby"], Seq(19));
}

#[test]
fn a_removed_room_is_one_is_in_no_longer() {
    let mut story = Story::online();
    story.says(r#"{"type":"removed","room":"lobby"}"#);
    assert!(story.model.rooms().is_empty());
    assert!(story.told().contains("Removed"));
}

#[test]
fn who_is_kicked_leaves_the_room_and_who_is_banned_does_not_come_back() {
    let mut story = Story::online();
    story.says(r#"{"type":"role","room":"lobby","user":"anna","role":"operator","by":"bert"}"#);
    assert_eq!(story.model.role("lobby"), Some("operator"));
    story.says(r#"{"type":"role","room":"lobby","user":"bert","by":"admin"}"#);
    assert_eq!(
        story.model.role("lobby"),
        Some("operator"),
        "that was another"
    );
    story.says(r#"{"type":"kicked","room":"lobby","by":"bert","reason":"spam"}"#);
    assert!(story.model.rooms().is_empty());
    assert_eq!(story.model.role("lobby"), None);
    assert!(story.told().contains("Kicked"));
    story.says(r#"{"type":"role","user":"anna","role":"moderator","by":"admin"}"#);
    assert_eq!(story.model.role("lobby"), Some("moderator"));
    story.says(r#"{"type":"bye","reason":"banned","text":"you are banned from this server"}"#);
    assert!(story.model.is_ended(), "{}", story.told());
    // Coming back, and from where nobody is let in.
    for refusal in [r#""re":4,"#, ""] {
        let mut story = Story::online();
        story.lose();
        story.wait();
        story.connect();
        story.says(&HELLO.replace(r#""re":1"#, r#""re":3"#));
        story.says(&format!(
            r#"{{{refusal}"type":"error","code":"banned","text":"no","retry_after_ms":9}}"#
        ));
        assert!(story.model.is_ended(), "{}", story.told());
    }
}

/// Kinds and events of later servers break nothing.
#[test]
fn an_unknown_kind_is_a_text_and_an_unknown_event_is_passed_over() {
    let mut story = Story::online();
    story.says(
        r#"{"type":"message","room":"lobby","seq":11,"from":"bert","at":"2026-11-20T10:30:00Z","kind":"sticker","text":"a cat"}"#,
    );
    story.says(r#"{"type":"moon","room":"lobby"}"#);
    story.message(12, "bert", None);
    let told = story.told();
    assert_eq!(told, "! lobby#11 a cat\n! lobby#12 t12\n");
}
