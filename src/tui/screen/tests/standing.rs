//! The status line: what it says when not all is well.

use super::*;

fn status(story: &Story) -> String {
    let screen = story.screen();
    let mut lines = screen.lines().rev();
    lines.nth(1).unwrap_or_default().trim().to_owned()
}

#[test]
fn while_the_connection_is_lost_the_seconds_are_counted_and_one_can_try_at_once() {
    let mut story = Story::new((80, 10), 2, 2);
    story.pages(2);
    for _ in 0..7 {
        story.lose();
        story.now = story.model.deadline().unwrap();
        story.model.connected(story.now);
        story.listen();
    }
    story.lose();
    let left = story.model.deadline().unwrap() - story.now;
    let seconds = left.as_millis().div_ceil(1_000);
    assert!((4..40).contains(&seconds), "{left:?}");
    let told = format!("lost, again in {seconds} s (Ctrl-R: now)");
    assert!(status(&story).contains(&told), "{}", status(&story));
    // Each second is one picture, and no more.
    let (mut pictures, mut before) = (0, status(&story));
    story.app.take_changed();
    while let Some(due) = story.app.deadline().filter(|due| *due <= story.now + left) {
        story.app.tick(due, &story.model);
        if story.app.take_changed() {
            pictures += 1;
            assert_ne!(status(&story), before);
            before = status(&story);
        }
    }
    assert_eq!(pictures, seconds);
    assert!(before.contains("connecting again…"), "{before}");
    story.ctrl('r');
    assert_eq!(story.done.last(), Some(&Action::Retry));
    story.now += left;
    story.come_back(2);
    story.later();
    assert_eq!(story.app.deadline(), None);
    story.ctrl('r');
    let retries = story.done.iter().filter(|action| **action == Action::Retry);
    assert_eq!(retries.count(), 1);
}

#[test]
fn what_the_server_does_not_take_is_said_until_it_takes_it() {
    let mut story = Story::new((120, 10), 2, 2);
    story.pages(2);
    for (code, told) in [
        (
            "storage-full",
            "the server's disk is full: what you write waits",
        ),
        ("busy", "the server is busy: what you write waits"),
        (
            "rate-limited",
            "the server asks to go slower: what you write waits",
        ),
    ] {
        story.writes("hello");
        story.answer(
            "send",
            &format!(r#""type":"error","code":"{code}","text":"not now","retry_after_ms":1000"#),
        );
        assert!(status(&story).contains(told), "{}", status(&story));
        story.now = story.model.deadline().unwrap();
        story.model.tick(story.now);
        story.settle();
        story.answer(
            "send",
            r#""type":"sent","room":"lobby","seq":3,"at":"2026-11-20T12:00:00Z""#,
        );
        assert!(!status(&story).contains("waits"), "{}", status(&story));
    }
}

#[test]
fn whoever_may_not_speak_sees_where_and_until_when() {
    let mut story = Story::new((100, 12), 2, 2);
    story.pages(2);
    story.writes("hello");
    story.answer("send", r#""type":"error","code":"muted","text":"you are muted in 'lobby' until 2026-11-20T12:10:00Z: too loud","retry_after_ms":600000"#);
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby                  │ ── this is the beginning ─────────────────────────────────────────────────
     tea                    │ ── Thursday, 19 November 2026 ────────────────────────────────────────────
     @boris                 │ 10:01 <boris> number 1
                            │ 10:02 <boris> number 2
                            │ -- welcome, anna
                            │ -- you are in @boris, lobby, tea; /help tells what you can do
                            │   !   <anna> hello
                            │       not sent: you are muted in 'lobby' until 2026-11-20T12:10:00Z: too
                            │       loud
     live 0 ms · 1 not sent: F7 again, F8 drop · you can only read here until 2026-11-20 12:10  F1 help
    > ▏
    ");
    story.alt(KeyCode::Down);
    assert!(!status(&story).contains("only read"), "{}", status(&story));
    story.alt(KeyCode::Up);
    story.app.take_changed();
    story.passes(601);
    assert!(!status(&story).contains("only read"), "{}", status(&story));
    assert!(story.app.is_changed());
    // For good, and lifted.
    story.writes("again");
    story.answer(
        "send",
        r#""type":"error","code":"muted","text":"you are muted in 'lobby'""#,
    );
    assert!(
        status(&story).contains("you can only read here"),
        "{}",
        status(&story)
    );
    story.presses(KeyCode::F(7));
    for seq in [3, 4] {
        story.answer(
            "send",
            &format!(r#""type":"sent","room":"lobby","seq":{seq},"at":"2026-11-20T12:20:00Z""#),
        );
    }
    assert!(!status(&story).contains("only read"), "{}", status(&story));
}
