//! Ctrl-K: going somewhere by a part of its name.

use super::*;

fn known() -> Story {
    let mut story = Story::new((60, 10), 2, 2);
    story.pages(2);
    story.message("lobby", 3, "Стефан", "hello");
    story.message(
        "lobby",
        4,
        "o tea /quit",
        "a name that no honest server has",
    );
    story.writes("/rooms");
    story.answer("rooms", r#""type":"rooms","rooms":[{"room":"steam","topic":"","members":3,"online":1,"joined":false},{"room":"tea","topic":"","members":3,"online":1,"joined":true}],"more":false"#);
    story.message("tea", 10, "vera", "tea?");
    story
}

#[test]
fn a_part_of_a_name_leads_there() {
    let mut story = known();
    story.types("a draft");
    story.ctrl('k');
    insta::assert_snapshot!(story.screen(), @"
     Go to
    tea
    @boris
    @o tea /quit  talk with them
    @vera  talk with them
    @Стефан  talk with them
    lobby

     a part of the name · Tab chooses · Enter goes · Esc stays
    > ▏
    ");
    story.types("te");
    insta::assert_snapshot!(story.screen(), @"
     Go to
    tea
    @o tea /quit  talk with them





     a part of the name · Tab chooses · Enter goes · Esc stays
    > te▏
    ");
    story.presses(KeyCode::Enter);
    assert_eq!((&*story.app.current, story.app.writing.text()), ("tea", ""));
    story.ctrl('k');
    story.types("lob");
    story.presses(KeyCode::Enter);
    assert_eq!(
        (&*story.app.current, story.app.writing.text()),
        ("lobby", "a draft")
    );
    story.ctrl('k');
    story.types("nowhere");
    insta::assert_snapshot!(story.screen(), @"
     Go to
    nothing of that name; Enter tries to go into nowhere






     a part of the name · Tab chooses · Enter goes · Esc stays
    > nowhere▏
    ");
    story.presses(KeyCode::Esc);
    assert_eq!(
        (&*story.app.current, story.app.writing.text()),
        ("lobby", "a draft")
    );
}

#[test]
fn people_are_talked_with_and_rooms_are_joined() {
    let mut story = known();
    story.ctrl('k');
    story.types("СТЕ");
    story.presses(KeyCode::Enter);
    assert_eq!(&*story.app.current, "@Стефан");
    story.ctrl('k');
    story.pastes("steam\nand more");
    story.presses(KeyCode::Enter);
    assert!(story.asked_for("join")[0].contains(r#""room":"steam""#));
    // A name is a name, whatever is in it.
    story.ctrl('k');
    story.types("/quit");
    story.presses(KeyCode::Enter);
    assert_eq!(&*story.app.current, "@o tea /quit");
    assert!(story.asked_for("send").is_empty() && !story.done.contains(&Action::Quit));
}

#[test]
fn it_is_chosen_by_keys_and_by_mouse_and_the_end_of_the_line_is_cut_by_alt_k() {
    use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
    let mut story = known();
    story.ctrl('k');
    story.presses(KeyCode::Tab);
    story.ctrl('n');
    story.presses(KeyCode::Up);
    story.presses(KeyCode::Enter);
    assert_eq!(&*story.app.current, "@boris");
    story.ctrl('k');
    story.types("tea");
    let click = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: 30,
        row: 1,
        modifiers: KeyModifiers::NONE,
    };
    story.app.mouse(click, &story.model);
    story.settle();
    assert_eq!(&*story.app.current, "tea");
    story.types("one two");
    story.ctrl('a');
    story.press(KeyCode::Right, KeyModifiers::CONTROL);
    story.alt(KeyCode::Char('k'));
    assert_eq!(story.app.writing.text(), "one");
    story.ctrl('k');
    story.ctrl('k');
    story.ctrl('c');
    assert_eq!(story.app.writing.text(), "one");
}

#[test]
fn it_fits_the_smallest_screen() {
    let mut story = known();
    story.app.resize(40, 10);
    story.ctrl('k');
    story.types("e");
    story.presses(KeyCode::Down);
    insta::assert_snapshot!(story.screen(), @"
     Go to                      1 elsewhere
    tea
    @vera  talk with them
    @o tea /quit  talk with them




     a part of the name · Tab chooses · En…
    > e▏
    ");
}
