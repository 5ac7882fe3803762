//! Who looks elsewhere is told of what concerns them, and of nothing else.

use super::*;
use crate::client::{Notify, Preferences};
use crate::tui::screen::own::Change;

fn titles(story: &mut Story) -> Vec<String> {
    let alerts = story.alerts().into_iter();
    alerts
        .map(|alert| format!("{}: {}", alert.title, alert.body))
        .collect()
}

#[test]
fn mentions_and_what_is_said_to_one_alone_are_told_of_while_one_looks_elsewhere() {
    let mut story = Story::new((60, 10), 2, 2);
    story.pages(2);
    story.app.focus(false);
    story.message("lobby", 3, "boris", "nothing for anybody");
    story.says(&message(
        "lobby",
        4,
        "anna",
        "anna says anna on her other device",
    ));
    story.says(r#"{"type":"message","room":"lobby","seq":5,"from":"boris","at":"2026-11-20T11:01:00Z","kind":"redaction","text":"","redacts":3}"#);
    story.passes(10);
    assert_eq!(titles(&mut story), [""; 0]);
    story.message(
        "tea",
        10,
        "vera",
        "the kettle, anna;\u{7}\u{1b}]9;4;1;50\u{7}",
    );
    story.passes(1);
    let alert = story.alerts().remove(0);
    assert_eq!(
        alert.sequence(),
        "\u{1b}]9;chat: vera in tea: the kettle, anna,␇␛]9,4,1,50␇\u{7}\u{7}"
    );
    story.message("@boris", 3, "boris", "psst");
    story.message("@boris", 4, "boris", "are you there?");
    story.message("lobby", 6, "boris", "anna!");
    story.passes(10);
    assert_eq!(
        titles(&mut story),
        ["3 messages for you: boris, boris in lobby"]
    );
    story.app.focus(true);
    story.message("lobby", 7, "boris", "anna?");
    story.passes(10);
    assert_eq!(titles(&mut story), [""; 0]);
}

#[test]
fn what_was_missed_is_told_of_in_one_sum() {
    let mut story = Story::new((60, 10), 2, 2);
    story.pages(2);
    story.app.focus(false);
    story.lose();
    story.come_back(40);
    for seq in 3..=40 {
        story.message("lobby", seq, "boris", "anna, are you there?");
        story.app.tick(story.now, &story.model);
    }
    story.passes(1);
    assert_eq!(titles(&mut story), ["38 messages for you: boris in lobby"]);
    story.passes(60);
    assert_eq!(titles(&mut story), [""; 0]);
}

#[test]
fn how_one_is_told_is_said_by_a_command_and_kept() {
    let mut story = Story::new((72, 10), 2, 2);
    story.pages(2);
    story.app.focus(false);
    story.writes("/notify bell");
    assert!(
        story
            .done
            .contains(&Action::Prefer(Change::Notify(Notify::Bell)))
    );
    story.app.focus(false);
    story.message("lobby", 3, "boris", "anna?");
    story.passes(1);
    assert_eq!(story.alerts()[0].sequence(), "\u{7}");
    story.writes("/notify off");
    story.app.focus(false);
    story.message("lobby", 4, "boris", "anna?");
    story.passes(10);
    assert!(story.alerts().is_empty());
    story.writes("/notify loud");
    story.writes("/notify");
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby       2@ 2 │ 10:03 <boris> anna?
     tea              │ -- you are told of nothing while you look elsewhere;
     @boris           │    /notify on changes that
                      │ 10:04 <boris> anna?
                      │ -- write /notify on, /notify bell or /notify off
                      │ -- you are told of nothing while you look elsewhere;
                      │    /notify on changes that
     chat.example:2428 · live 0 ms                                  F1 help
    > ▏
    ");
}

#[test]
fn a_hushed_room_is_quiet_in_the_list_too() {
    let mut story = Story::new((60, 10), 2, 2);
    story.pages(2);
    story.app.focus(false);
    story.writes("/hush #tea");
    story.writes("/hush @boris");
    assert!(
        story
            .done
            .contains(&Action::Prefer(Change::Hush("tea".into(), true)))
    );
    story.message("tea", 10, "vera", "the kettle");
    story.message("@boris", 3, "boris", "psst");
    story.app.focus(false);
    story.passes(10);
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby         │ -- you are in @boris, lobby, tea; /help
     tea           │    tells what you can do
     @boris        │ -- tea is hushed: no alerts and no counts
                   │    but of mentions; /unhush undoes it
                   │ -- @boris is hushed: no alerts and no
                   │    counts but of mentions; /unhush undoes
                   │    it
     chat.example:2428 · live 0 ms                      F1 help
    > ▏
    ");
    story.message("tea", 11, "vera", "the kettle, anna!");
    story.passes(10);
    assert!(story.alerts().is_empty());
    assert!(
        story.screen().contains(" tea        1@ │"),
        "{}",
        story.screen()
    );
    story.alt(KeyCode::Char('a'));
    assert_eq!(&*story.app.current, "lobby");
    story.writes("/join tea");
    story.answer("join", r#""type":"joined","room":"tea","topic":"kettles","first_seq":1,"last_seq":11,"read_seq":9,"members":2,"joined":true"#);
    assert!(
        story.screen().contains("kettles · 2 members · hushed"),
        "{}",
        story.screen()
    );
    story.writes("/unhush");
    story.writes("/hush nowhere");
    assert!(
        story.screen().contains("you are not in 'nowhere'"),
        "{}",
        story.screen()
    );
    assert_eq!(story.app.preferences.hushed, ["@boris".to_owned()].into());
}

#[test]
fn what_was_hushed_the_last_time_is_hushed() {
    let mut story = Story::new((60, 10), 2, 2);
    let hushed = ["lobby".to_owned()].into();
    story.app.prefer(Preferences {
        notify: Notify::On,
        hushed,
    });
    story.app.focus(false);
    story.message("lobby", 3, "boris", "anna!");
    story.passes(10);
    assert!(story.alerts().is_empty());
    // Nothing is held back that would wake anybody.
    assert!(story.app.alerts.deadline().is_none());
}
