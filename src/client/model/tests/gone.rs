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

/// Found by the simulation: to a client that is behind `cleared` is not told, and what comes next is behind a hole.
#[test]
fn what_was_cleared_while_one_was_behind_is_told() {
    let mut story = Story::online();
    story.message(11, "bert", None);
    story.message(15, "bert", None);
    let told = story.told();
    assert!(
        told.contains("! Expired { room: \"lobby\", count: 3 }\n! lobby#15 t15"),
        "{told}"
    );
    story.says(
        r#"{"type":"welcome","user":"anna","expires_at":"2027-01-01T00:00:00Z","resumed":false,"rooms":[{"room":"lobby","topic":"","first_seq":19,"last_seq":20,"read_seq":0,"members":2,"joined":true}]}"#,
    );
    story.message(19, "bert", None);
    let told = story.told();
    assert!(
        told.contains("! Expired { room: \"lobby\", count: 3 }\n! lobby#19 t19"),
        "{told}"
    );
}

/// Found by the simulation: one device leaves while another one speaks.
#[test]
fn a_room_that_was_left_does_not_come_back_with_the_answer_to_a_send() {
    let mut story = Story::online();
    story.send("one");
    story.says(r#"{"type":"left","room":"lobby"}"#);
    story.sent(3, 11);
    assert!(story.told().contains("sent k1 as 11"));
    assert!(story.model.rooms().is_empty());
}

/// Found by the simulation: where a room was left while one was away, its cursor was kept for ever.
#[test]
fn a_room_that_was_left_while_one_was_away_begins_anew() {
    let mut story = Story::online();
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":3"));
    story.says(r#"{"re":4,"type":"welcome","user":"anna","expires_at":"2027-01-01T00:00:00Z","resumed":true,"rooms":[]}"#);
    let room = request::Room {
        room: "lobby".into(),
    };
    story.model.ask(story.now, Request::Join(room));
    story.says(r#"{"re":5,"type":"joined","room":"lobby","topic":"","first_seq":1,"last_seq":14,"read_seq":0,"members":2,"joined":true}"#);
    story.told();
    assert_eq!(story.model.cursors()["lobby"], Seq(14));
    // From a room that is not told, nothing before the first message is missed.
    story.says(r#"{"type":"message","room":"tea","seq":7,"from":"bert","at":"2026-11-20T10:30:00Z","kind":"text","text":"t7"}"#);
    assert_eq!(story.told(), "! tea#7 t7\n");
}

/// Found by the simulation: another device joins again, which was taken for a room that did not fit the welcome.
#[test]
fn a_room_that_was_left_and_is_joined_elsewhere_begins_at_its_end() {
    let mut story = Story::online();
    story.message(11, "bert", None);
    story.says(
        r#"{"type":"welcome","user":"anna","expires_at":"2027-01-01T00:00:00Z","resumed":true,"rooms":[]}"#,
    );
    story.says(r#"{"type":"joined","room":"lobby","topic":"","first_seq":1,"last_seq":14,"read_seq":0,"members":2,"joined":true}"#);
    assert_eq!(story.model.cursors()["lobby"], Seq(14));
}

/// Found by the simulation: the server takes nobody for having read past the end, and this client took itself for it.
#[test]
fn nobody_has_read_past_the_end() {
    let mut story = Story::online();
    let read = request::Read {
        room: "Lobby".into(),
        seq: Seq(99),
    };
    story.model.ask(story.now, Request::Read(read));
    story.listen();
    assert!(story.told().contains(r#""seq":10"#));
    story.says(r#"{"re":3,"type":"ok"}"#);
    assert_eq!(story.model.rooms()["lobby"].state.read_seq, Seq(10));
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
