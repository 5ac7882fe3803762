//! Back after a while: what the server says of its rooms, what is missing, and whom to believe.

use super::*;

#[test]
fn messages_that_are_no_longer_kept_are_told_of() {
    let mut story = Story::online();
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":3"));
    story.welcome(4, 16, 16);
    story.told();
    story.message(16, "bert", None);
    assert_eq!(story.told(), "! lobby#16 t16\n");
    let mut story = Story::online();
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":3"));
    story.told();
    story.welcome(4, 16, 15);
    insta::assert_snapshot!(story.told(), @r#"
    ! Back { missed: 0 }
    ! Expired { room: "lobby", count: 5 }
    "#);
}

#[test]
fn a_server_that_went_back_to_a_backup_is_told_of_and_followed() {
    let mut story = Story::online();
    story.message(11, "bert", None);
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":3"));
    story.told();
    story.welcome(4, 1, 7);
    story.message(8, "bert", None);
    insta::assert_snapshot!(story.told(), @r#"
    ! Back { missed: 0 }
    ! WentBack { room: "lobby", had: Seq(11), has: Seq(7) }
    ! lobby#8 t8
    "#);
}

/// Others have said as much since as was lost: no number shows that the server went back.
#[test]
fn a_server_that_went_back_and_on_is_told_of() {
    let mut story = Story::online();
    story.message(11, "bert", None);
    for (no, epoch, asked) in [("3", "a", ""), ("5", "b", r#","epoch":"a""#)] {
        story.lose();
        story.wait();
        story.connect();
        let hello = HELLO.replace(r#""re":1"#, &format!(r#""re":{no}"#));
        story.says(&hello.replace(r#""server":"#, &format!(r#""epoch":"{epoch}","server":"#)));
        let told = story.told();
        assert!(
            told.contains(&format!(r#""cursors":{{"lobby":11}}{asked}}}"#)),
            "{told}"
        );
        story.welcome(
            no.parse::<u64>().unwrap() + 1,
            1,
            13 - u64::from(epoch == "a") * 2,
        );
    }
    assert_eq!(
        story.told(),
        "! Back { missed: 0 }\n! WentBack { room: \"lobby\", had: Seq(11), has: Seq(13) }\n"
    );
    assert_eq!(story.model.cursors()["lobby"], Seq(13));
}

#[test]
fn rooms_that_do_not_fit_the_welcome_are_caught_up_with_as_they_are_told() {
    let mut story = Story::online();
    story.says(r#"{"type":"joined","room":"music","topic":"","first_seq":1,"last_seq":3,"read_seq":0,"members":2,"joined":true}"#);
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":3"));
    story.says(r#"{"re":4,"type":"welcome","user":"anna","expires_at":"2027-01-01T00:00:00Z","resumed":true,"rooms":[{"room":"lobby","topic":"","first_seq":1,"last_seq":10,"read_seq":0,"members":2,"joined":true}],"rooms_follow":1}"#);
    assert!(!story.model.rooms().contains_key("music"));
    // Another break before the rest is told loses no cursor.
    assert_eq!(story.model.cursors()["music"], Seq(3));
    story.told();
    story.says(r#"{"type":"joined","room":"music","topic":"","first_seq":1,"last_seq":4,"read_seq":0,"members":2,"joined":true}"#);
    story.send("later");
    assert_eq!(story.told(), "");
    story.says(r#"{"type":"message","room":"music","seq":4,"from":"bert","at":"2026-11-20T10:30:00Z","kind":"text","text":"la"}"#);
    insta::assert_snapshot!(story.told(), @r#"
    ! music#4 la
    > {"id":5,"type":"send","to":"Lobby","text":"later","key":"k1"}
    "#);
}

#[test]
fn the_state_of_things_that_is_told_anew_moves_no_cursor() {
    let mut story = Story::online();
    story.message(11, "bert", None);
    story.says(r#"{"type":"welcome","user":"anna","expires_at":"2027-01-01T00:00:00Z","resumed":true,"rooms":[{"room":"lobby","topic":"new","first_seq":1,"last_seq":12,"read_seq":4,"members":3,"joined":true}]}"#);
    story.told();
    assert_eq!(&*story.model.rooms()["lobby"].state.topic, "new");
    story.message(12, "bert", None);
    assert_eq!(story.told(), "! lobby#12 t12\n");
}

#[test]
fn what_does_not_fit_the_state_told_anew_keeps_its_cursor() {
    let mut story = Story::online();
    story.message(11, "bert", None);
    story.message(12, "bert", None);
    story.send("hi");
    story.told.clear();
    story.says(r#"{"type":"welcome","user":"anna","expires_at":"2027-01-01T00:00:00Z","resumed":true,"rooms":[],"rooms_follow":1}"#);
    story.says(r#"{"type":"joined","room":"lobby","topic":"tea","first_seq":1,"last_seq":14,"read_seq":0,"members":2,"joined":true}"#);
    story.message(13, "bert", None);
    story.sent(3, 14);
    story.send("so");
    assert_eq!(story.model.rooms()["lobby"].cursor(), Seq(14));
    insta::assert_snapshot!(story.told(), @r#"
    ! lobby#13 t13
    ! sent k1 as 14
    ! lobby#14 own hi
    > {"id":4,"type":"send","to":"Lobby","text":"so","key":"k2"}
    "#);
}

#[test]
fn a_room_that_is_spoken_in_before_it_is_told_shows_nothing_again() {
    let mut story = Story::online();
    story.message(11, "bert", None);
    story.says(r#"{"type":"welcome","user":"anna","expires_at":"2027-01-01T00:00:00Z","resumed":true,"rooms":[],"rooms_follow":1}"#);
    story.told();
    story.message(11, "bert", None);
    story.message(12, "bert", None);
    assert_eq!(story.told(), "! lobby#12 t12\n");
}

#[test]
fn a_server_may_say_that_more_was_missed_than_can_be_counted() {
    let mut story = Story::online();
    let tea = r#"{"room":"tea","topic":"","first_seq":1,"last_seq":1,"read_seq":0,"members":1,"joined":true}"#;
    story.says(&tea.replacen('{', r#"{"type":"joined","#, 1));
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":3"));
    let endless = tea.replace(r#""last_seq":1"#, r#""last_seq":18446744073709551615"#);
    let lobby = endless.replace("tea", "lobby");
    story.told();
    let welcome = r#"{"re":4,"type":"welcome","user":"anna","expires_at":"2027-01-01T00:00:00Z","resumed":true"#;
    story.says(&format!("{welcome},\"rooms\":[{lobby},{endless}]}}"));
    assert_eq!(story.told(), format!("! Back {{ missed: {} }}\n", u64::MAX));
}

#[test]
fn what_an_earlier_run_did_not_get_sent_is_sent_with_its_key_and_once() {
    let mut story = Story::online();
    let left = Unsent {
        key: "0000000000000009-7".into(),
        to: "lobby".into(),
        kind: Kind::Action,
        text: "waves".into(),
    };
    story.model.send_again(story.now, left.clone());
    story.model.send_again(story.now, left);
    story.send("new");
    insta::assert_snapshot!(story.told(), @r#"
    > {"id":3,"type":"send","to":"lobby","text":"waves","kind":"action","key":"0000000000000009-7"}
    > {"id":4,"type":"send","to":"Lobby","text":"new","key":"k1"}
    "#);
}

#[test]
fn how_the_connection_is_can_be_seen() {
    let mut story = Story::online();
    story.send("one");
    story.now += Duration::from_millis(30);
    story.sent(3, 11);
    assert_eq!(story.model.round_trip(), Some(Duration::from_millis(30)));
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":4"));
    assert!(!story.model.is_catching_up());
    story.welcome(5, 1, 13);
    assert!(story.model.is_catching_up());
    story.message(12, "bert", None);
    assert!(story.model.is_catching_up());
    story.message(13, "bert", None);
    assert!(!story.model.is_catching_up());
}

#[test]
fn a_person_need_not_wait_for_the_next_try() {
    let mut story = Story::online();
    for _ in 0..8 {
        story.lose();
        story.wait();
        story.model.connected(story.now);
    }
    story.lose();
    assert!(story.model.deadline().unwrap() > story.now + Duration::from_secs(10));
    story.now += Duration::from_secs(1);
    assert!(!story.model.wants_connection(story.now));
    story.model.retry_now(story.now);
    assert!(story.model.wants_connection(story.now));
    // It stands already: nothing is made anew.
    story.model.connected(story.now);
    story.model.retry_now(story.now);
    assert!(story.model.is_up() && !story.model.wants_connection(story.now));
}
