//! Conversations of the model with a server that is played by the test. `>` is what the client says, `<` what the server
//! says, `!` what the program is told; time jumps.

use std::fmt::Write as _;

use super::*;

const HELLO: &str = r#"{"re":1,"type":"hello","server":"s","software":"chatd/1","protocol":1,"registration":"open","limits":{"frame":65536,"text":8192,"name_chars":32,"topic":256,"key":64,"page_messages":200,"password_chars_min":8,"requests_outstanding":256,"key_hours":72},"features":[]}"#;

/// A model and what was said so far.
struct Story {
    model: Model,
    now: Duration,
    told: String,
}

impl Story {
    fn new() -> Self {
        Self::with_patience(None)
    }

    fn with_patience(patience: Option<Duration>) -> Self {
        let settings = Settings {
            software: "test/1".into(),
            patience,
            seed: 1,
        };
        Self {
            model: Model::new(settings),
            now: Duration::ZERO,
            told: String::new(),
        }
    }

    /// Anna is logged in; the lobby has 10 messages.
    fn online() -> Self {
        let mut story = Self::new();
        story.connect();
        story.log_in();
        story
    }

    fn log_in(&mut self) {
        self.model.ask(
            self.now,
            Request::Login(request::Login {
                name: "anna".into(),
                password: Password::new("correct horse".into()),
                device: None,
            }),
        );
        self.says(HELLO);
        self.welcome(2, 1, 10);
        self.told.clear();
    }

    fn connect(&mut self) {
        assert!(self.model.wants_connection(self.now));
        self.model.connected(self.now);
        self.listen();
    }

    fn welcome(&mut self, re: u64, first: u64, last: u64) {
        self.says(&format!(
            r#"{{"re":{re},"type":"welcome","user":"anna","token":"ct_a","expires_at":"2027-01-01T00:00:00Z","resumed":false,"rooms":[{{"room":"lobby","topic":"","first_seq":{first},"last_seq":{last},"read_seq":0,"members":2,"joined":true}}]}}"#
        ));
    }

    fn says(&mut self, frame: &str) {
        self.model.received(self.now, frame.as_bytes());
        self.listen();
    }

    fn message(&mut self, seq: u64, from: &str, key: Option<&str>) {
        let key = key.map_or(String::new(), |key| format!(r#","key":"{key}""#));
        self.says(&format!(
            r#"{{"type":"message","room":"lobby","seq":{seq},"from":"{from}","at":"2026-11-20T10:30:00Z","kind":"text","text":"t{seq}"{key}}}"#
        ));
    }

    fn sent(&mut self, re: u64, seq: u64) {
        self.says(&format!(
            r#"{{"re":{re},"type":"sent","room":"lobby","seq":{seq},"at":"2026-11-20T10:30:00Z"}}"#
        ));
    }

    fn send(&mut self, text: &str) -> Arc<str> {
        let key = self.model.send(self.now, "Lobby", Kind::Text, text);
        self.listen();
        key
    }

    fn lose(&mut self) {
        self.model.lost(self.now, "gone");
        self.listen();
    }

    /// Jumps to the next deadline.
    fn wait(&mut self) {
        self.now = self.model.deadline().unwrap();
        self.model.tick(self.now);
        self.listen();
    }

    fn listen(&mut self) {
        while let Some(event) = self.model.next_event() {
            writeln!(self.told, "! {}", describe(&event)).unwrap();
        }
        while let Some(frame) = self.model.next_frame() {
            writeln!(self.told, "> {}", frame.replace("0000000000000001-", "k")).unwrap();
        }
    }

    fn told(&mut self) -> String {
        std::mem::take(&mut self.told)
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Message(message) => format!("{}#{} {}", message.room, message.seq, message.text),
        Event::Own(message) => format!("{}#{} own {}", message.room, message.seq, message.text),
        Event::Sent(sent) => format!("sent k{} as {}", &sent.key[17..], sent.seq),
        Event::Failed { message, refusal } => format!("failed {}: {refusal}", message.text),
        Event::Delayed { refusal, .. } => format!("delayed: {refusal}"),
        Event::Lost { why, attempts, .. } => format!("lost: {why}, attempt {attempts}"),
        Event::Ended(ending) => format!("ended: {:?}, {ending}", ending.kind),
        Event::Answer { no, answer: Ok(_) } => format!("answer to {no}"),
        Event::Answer {
            no,
            answer: Err(refusal),
        } => format!("refusal of {no}: {refusal}"),
        Event::Greeted(_) => "greeted".into(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_session_is_resumed_in_one_write_and_what_was_missed_comes_once() {
    let mut story = Story::online();
    story.message(11, "bert", None);
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":3"));
    story.welcome(4, 1, 13);
    for seq in [12, 13, 13, 14] {
        story.message(seq, "bert", None);
    }
    insta::assert_snapshot!(story.told(), @r#"
    ! lobby#11 t11
    ! lost: gone, attempt 1
    > {"id":3,"type":"hello","protocol":1,"client":"test/1"}
    > {"id":4,"type":"resume","token":"ct_a","cursors":{"lobby":11}}
    ! greeted
    ! Back { missed: 2 }
    ! lobby#12 t12
    ! lobby#13 t13
    ! lobby#14 t14
    "#);
}

#[test]
fn the_server_not_answering_hello_is_told_once_and_waited_for() {
    let mut story = Story::with_patience(Some(Duration::from_secs(5)));
    story.connect();
    story.wait();
    assert_eq!(story.now, HELLO_PATIENCE);
    assert_eq!(story.model.deadline(), None);
    story.now += Duration::from_secs(86_400);
    story.says(HELLO);
    insta::assert_snapshot!(story.told(), @r#"
    > {"id":1,"type":"hello","protocol":1,"client":"test/1"}
    ! Waiting
    ! greeted
    "#);
}

#[test]
fn a_lost_acknowledgement_is_made_up_for_by_the_log_or_by_the_key() {
    let mut story = Story::online();
    story.send("one");
    story.send("two");
    story.told();
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":5"));
    story.welcome(6, 1, 12);
    // The first one had been stored. Nothing is sent again before everything has come by.
    story.message(11, "anna", Some("0000000000000001-1"));
    story.message(12, "bert", None);
    story.sent(7, 13);
    insta::assert_snapshot!(story.told(), @r#"
    ! lost: gone, attempt 1
    > {"id":5,"type":"hello","protocol":1,"client":"test/1"}
    > {"id":6,"type":"resume","token":"ct_a","cursors":{"lobby":10}}
    ! greeted
    ! Back { missed: 2 }
    ! sent k1 as 11
    ! lobby#11 own t11
    ! lobby#12 t12
    > {"id":7,"type":"send","to":"Lobby","text":"two","key":"k2"}
    ! sent k2 as 13
    ! lobby#13 own two
    "#);
    assert_eq!(story.model.pending().count(), 0);
}

#[test]
fn what_the_server_knew_already_is_not_shown_again() {
    let mut story = Story::online();
    story.send("one");
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":4"));
    story.welcome(5, 1, 11);
    story.message(11, "anna", None);
    story.told();
    story.sent(6, 11);
    assert_eq!(story.told(), "! sent k1 as 11\n");
}

#[test]
fn an_acknowledgement_before_and_after_its_neighbours_is_shown_in_its_place() {
    let mut story = Story::online();
    story.send("one");
    story.send("two");
    story.told();
    story.sent(3, 12);
    assert_eq!(story.told(), "! sent k1 as 12\n");
    story.message(11, "bert", None);
    assert_eq!(story.told(), "! lobby#11 t11\n! lobby#12 own one\n");
    story.message(14, "bert", None);
    assert_eq!(story.told(), "");
    assert_eq!(story.model.cursors()["lobby"], Seq(12));
    story.sent(4, 13);
    assert_eq!(
        story.told(),
        "! sent k2 as 13\n! lobby#13 own two\n! lobby#14 t14\n"
    );
}

#[test]
fn an_acknowledgement_whose_neighbours_were_cut_off_is_asked_for_again() {
    let mut story = Story::online();
    story.send("one");
    story.sent(3, 12);
    story.told();
    story.lose();
    assert_eq!(story.model.cursors()["lobby"], Seq(10));
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":4"));
    story.welcome(5, 1, 12);
    story.told();
    story.message(11, "bert", None);
    story.message(12, "anna", Some("0000000000000001-1"));
    assert_eq!(story.told(), "! lobby#11 t11\n! lobby#12 own t12\n");
}

#[test]
fn a_gap_that_nothing_will_fill_holds_nothing_up() {
    let mut story = Story::online();
    story.message(40, "bert", None);
    assert_eq!(
        story.told(),
        "! Expired { room: \"lobby\", count: 29 }\n! lobby#40 t40\n"
    );
    story.send("one");
    story.message(60, "bert", None);
    story.told();
    story.says(r#"{"re":3,"type":"error","code":"muted","text":"you may not speak here"}"#);
    insta::assert_snapshot!(story.told(), @r#"
    ! failed one: you may not speak here
    ! Expired { room: "lobby", count: 19 }
    ! lobby#60 t60
    "#);
}

#[test]
fn what_was_asked_for_and_done_is_known_without_being_told() {
    let mut story = Story::online();
    for request in [
        Request::Topic(request::Topic {
            room: "Lobby".into(),
            topic: "tea".into(),
        }),
        Request::Read(request::Read {
            room: "lobby".into(),
            seq: Seq(9),
        }),
    ] {
        let no = story.model.ask(story.now, request);
        story.says(&format!(r#"{{"re":{no},"type":"ok"}}"#));
    }
    let room = &story.model.rooms()["lobby"];
    assert_eq!((&*room.state.topic, room.unread()), ("tea", 1));
}

#[test]
fn a_text_that_is_too_long_is_refused_before_it_can_do_harm() {
    let mut story = Story::online();
    story.send(&"x".repeat(9_000));
    story.send("short");
    insta::assert_snapshot!(story.told(), @r#"
    ! failed xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: the text is 9000 bytes long, and the server takes 8192; divide it
    > {"id":3,"type":"send","to":"Lobby","text":"short","key":"k2"}
    "#);
}

#[test]
fn what_the_server_puts_off_is_sent_again_when_it_said() {
    let mut story = Story::online();
    story.send("one");
    story.says(r#"{"re":3,"type":"error","code":"storage-full","text":"the disk is full","retry_after_ms":5000}"#);
    story.send("two");
    let asked_at = story.now;
    story.wait();
    assert_eq!(story.now - asked_at, Duration::from_secs(5));
    insta::assert_snapshot!(story.told(), @r#"
    > {"id":3,"type":"send","to":"Lobby","text":"one","key":"k1"}
    ! delayed: the disk is full
    > {"id":4,"type":"send","to":"Lobby","text":"one","key":"k1"}
    > {"id":5,"type":"send","to":"Lobby","text":"two","key":"k2"}
    "#);
}

#[test]
fn a_program_with_little_patience_gives_up() {
    let mut story = Story::with_patience(Some(Duration::from_secs(10)));
    story.connect();
    story.says(HELLO);
    story.send("one");
    story.told();
    story.lose();
    while !story.model.is_ended() {
        story.now = story.model.deadline().unwrap();
        story.lose();
    }
    assert!(story.now < Duration::from_secs(10));
    let told = story.told();
    let last = told.lines().rev().take(2).collect::<Vec<_>>();
    assert_eq!(last, ["! ended: Unreachable, gone", "! failed one: gone"]);
}

#[test]
fn waits_grow_and_differ() {
    let mut story = Story::online();
    story.now += GOOD_AFTER;
    let mut waits = Vec::new();
    for _ in 0..12 {
        story.lose();
        let until = story.model.deadline().unwrap();
        waits.push((until - story.now).as_millis());
        story.now = until;
    }
    for (attempt, wait) in waits.iter().enumerate() {
        let longest = (250 << attempt).min(30_000);
        assert!((longest / 2..=longest).contains(wait), "{waits:?}");
    }
}

#[test]
fn good_byes_are_obeyed() {
    let bye = |reason: &str, after: &str| {
        let mut story = Story::online();
        story.says(&format!(
            r#"{{"type":"bye","reason":"{reason}","text":"so long"{after}}}"#
        ));
        (
            story.model.is_ended(),
            story.model.deadline().map(|at| at - story.now),
        )
    };
    for reason in [
        "kicked",
        "account-removed",
        "session-ended",
        "login-attempts",
    ] {
        assert_eq!(bye(reason, ""), (true, None));
    }
    let (ended, after) = bye("shutting-down", r#","reconnect_after_ms":60000"#);
    assert!(
        !ended && after >= Some(Duration::from_secs(60)) && after < Some(Duration::from_secs(80))
    );
    let (ended, after) = bye("shutting-down", "");
    assert!(!ended && after < Some(Duration::from_secs(1)));
}

#[test]
fn a_dead_session_ends_it_and_a_busy_server_does_not() {
    let resume = |answer: &str| {
        let mut story = Story::online();
        story.lose();
        story.wait();
        story.connect();
        story.says(&HELLO.replace("\"re\":1", "\"re\":3"));
        story.told();
        story.says(&format!(
            r#"{{"re":4,"type":"error","text":"no",{answer}}}"#
        ));
        story.told()
    };
    insta::assert_snapshot!(resume(r#""code":"bad-credentials""#), @"! ended: SessionOver, the session has ended; log in again with name and password");
    insta::assert_snapshot!(resume(r#""code":"busy","retry_after_ms":100"#), @"! lost: no, attempt 2");
    let mut story = Story::online();
    story.send("one");
    story.told();
    story.says(r#"{"re":3,"type":"error","code":"not-logged-in","text":"log in first"}"#);
    insta::assert_snapshot!(story.told(), @r"
    ! failed one: log in first
    ! ended: SessionOver, the session has ended; log in again with name and password
    ");
}

#[test]
fn a_silent_server_is_asked_and_then_given_up() {
    let mut story = Story::online();
    story.wait();
    assert_eq!(story.now, PING_AFTER);
    story.says(r#"{"re":3,"type":"pong"}"#);
    story.wait();
    story.wait();
    assert_eq!(story.now, PING_AFTER * 2 + DEAD_AFTER);
    insta::assert_snapshot!(story.told(), @r#"
    > {"id":3,"type":"ping"}
    > {"id":4,"type":"ping"}
    ! lost: the server does not answer any more, attempt 1
    "#);
}

#[test]
fn requests_are_repeated_after_a_loss_where_that_is_harmless() {
    let mut story = Story::online();
    story.model.ask(
        story.now,
        Request::Who(request::Who {
            room: None,
            after: None,
        }),
    );
    story.model.ask(
        story.now,
        Request::Create(request::Room {
            room: "music".into(),
        }),
    );
    story.listen();
    story.told();
    story.lose();
    story.wait();
    story.connect();
    story.says(&HELLO.replace("\"re\":1", "\"re\":5"));
    story.welcome(6, 1, 10);
    insta::assert_snapshot!(story.told(), @r#"
    ! refusal of 4: the connection was lost before the answer; look whether it was done, and try again if not
    ! lost: gone, attempt 1
    > {"id":5,"type":"hello","protocol":1,"client":"test/1"}
    > {"id":6,"type":"resume","token":"ct_a","cursors":{"lobby":10}}
    ! greeted
    ! Back { missed: 0 }
    > {"id":3,"type":"who"}
    "#);
}

#[test]
fn whoever_is_no_chat_server_is_recognised() {
    let mut story = Story::new();
    story.connect();
    story.told();
    story.says("HTTP/1.1 400 Bad Request");
    insta::assert_snapshot!(story.told(), @"! ended: Foreign, whoever answers there is no chat server, or a much newer one; check the port");
    let mut story = Story::online();
    story.says(r#"{"type":"dance","with":"me"}"#);
    assert_eq!(story.told(), "");
}

mod away;
mod chaos;
mod gone;
mod slow;
