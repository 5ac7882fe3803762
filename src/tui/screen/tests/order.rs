//! What those who keep order do, as the others see it.

use super::*;

#[test]
fn whoever_is_kicked_sees_it_where_they_are_then_and_keeps_the_draft() {
    let mut story = Story::new((60, 10), 2, 2);
    story.pages(2);
    story.alt(KeyCode::Down);
    story.pages(9);
    story.types("a draft for tea");
    story.says(r#"{"type":"kicked","room":"tea","by":"vera","reason":"no \u001b[31mkettle","banned":false}"#);
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby         │ 10:01 <boris> number 1
     @boris        │ 10:02 <boris> number 2
                   │ -- welcome, anna
                   │ -- you are in @boris, lobby, tea; /help
                   │    tells what you can do
                   │ -- you were kicked out of tea by vera: no
                   │    ␛[31mkettle
     chat.example:2428 · live 0 ms                      F1 help
    > ▏
    ");
    let draft = Action::Draft("tea".into(), "a draft for tea".into());
    assert!(story.done.contains(&draft), "{:?}", story.done);
    story.writes("/join tea");
    story.answer("join", r#""type":"joined","room":"tea","topic":"kettles","first_seq":1,"last_seq":11,"read_seq":9,"members":2,"joined":true"#);
    assert_eq!(story.app.writing.text(), "a draft for tea");
    assert!(story.page(11).contains(r#""room":"tea""#));
    assert!(story.screen().contains("number 11"), "{}", story.screen());
}

#[test]
fn what_was_said_to_a_room_one_was_kicked_out_of_is_told_where_one_is() {
    let mut story = Story::new((72, 12), 2, 2);
    story.pages(2);
    story.alt(KeyCode::Down);
    story.pages(9);
    story.writes("too late");
    story.says(r#"{"type":"kicked","room":"tea","by":"vera","banned":true,"until":"2026-11-21T12:00:00Z"}"#);
    story.answer(
        "send",
        r#""type":"error","code":"not-a-member","text":"you are not in 'tea'; join it first""#,
    );
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby            │ 10:01 <boris> number 1
     @boris           │ 10:02 <boris> number 2
                      │ -- welcome, anna
                      │ -- you are in @boris, lobby, tea; /help tells what
                      │    you can do
                      │ -- you were banned from tea by vera until 12:00 on
                      │    Saturday, 21 November 2026
                      │ -- a message to tea was not sent: you are not in
                      │    'tea'; join it first
     chat.example:2428 · live 0 ms                                  F1 help
    > ▏
    ");
}

#[test]
fn a_text_that_is_redacted_is_gone_from_everywhere() {
    let mut story = Story::new((60, 12), 2, 2);
    story.pages(2);
    let long = format!("anna, the secret is\n{}", "1234\n".repeat(30));
    story.message("lobby", 3, "boris", &long);
    story.message("lobby", 4, "vera", "anna, what?");
    story.alt(KeyCode::Char('m'));
    assert!(
        story.screen().contains("the secret is"),
        "{}",
        story.screen()
    );
    story.says(r#"{"type":"message","room":"lobby","seq":5,"from":"vera","at":"2026-11-20T11:01:00Z","kind":"redaction","text":"","redacts":3}"#);
    insta::assert_snapshot!(story.screen(), @"
     Mentions
    2026-11-19 10:03 lobby — message 3 of boris was removed
    2026-11-19 10:04 lobby <vera> anna, what?







     Enter goes there · Esc closes
    > ▏
    ");
    story.presses(KeyCode::Esc);
    assert!(!story.screen().contains("secret"), "{}", story.screen());
    story.ctrl('o');
    assert!(!story.screen().contains("1234"), "{}", story.screen());
    story.alt(KeyCode::Char('m'));
    assert!(!story.screen().contains("message 3"), "{}", story.screen());
    story.presses(KeyCode::Esc);
    // What was found, with help over it.
    story.writes("/search secret");
    story.answer(
        "search",
        &format!(
            r#""type":"page","messages":[{}],"more":false"#,
            message("tea", 7, "boris", "a secret of tea")
        ),
    );
    story.presses(KeyCode::F(1));
    story.says(r#"{"type":"message","room":"tea","seq":10,"from":"boris","at":"2026-11-20T11:01:00Z","kind":"redaction","text":"","redacts":7}"#);
    story.presses(KeyCode::Esc);
    assert!(
        !story.screen().contains("a secret of tea"),
        "{}",
        story.screen()
    );
    assert!(
        story.screen().contains("message 7 of boris was removed"),
        "{}",
        story.screen()
    );
}

#[test]
fn how_many_are_in_a_room_is_counted_after_somebody_came() {
    let mut story = Story::new((60, 10), 2, 2);
    story.pages(2);
    story.says(r#"{"type":"presence","room":"lobby","user":"vera","state":"joined"}"#);
    story.says(r#"{"type":"presence","room":"lobby","user":"galya","state":"joined"}"#);
    assert!(story.asked_for("who").is_empty());
    story.passes(3);
    story.answer("who", r#""type":"who","room":"lobby","who":[{"user":"anna","online":true},{"user":"boris","online":true},{"user":"galya","online":true},{"user":"vera","online":true}],"more":false"#);
    assert!(
        story.screen().contains("lobby · 4 members"),
        "{}",
        story.screen()
    );
    // Not again and again, and nobody wakes up for it.
    story.says(r#"{"type":"presence","room":"lobby","user":"vera","state":"left"}"#);
    story.passes(4);
    assert!(story.asked_for("who").is_empty());
    story.passes(40);
    assert_eq!(story.asked_for("who").len(), 1);
    // What the server tells itself is believed more.
    story.says(r#"{"type":"joined","room":"lobby","topic":"","first_seq":1,"last_seq":2,"read_seq":2,"members":9,"joined":true}"#);
    assert!(
        story.screen().contains("lobby · 9 members"),
        "{}",
        story.screen()
    );
}
