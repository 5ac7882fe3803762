//! Reading: what is seen, how one moves in it, what is fetched for that.

use super::*;
use crate::client::log::MESSAGES_KEPT;

#[test]
fn a_busy_room() {
    let mut story = Story::new((72, 16), 12, 10);
    story.pages(12);
    story.message(
        "lobby",
        13,
        "борис",
        "Анна, anna, see https://chat.example/cups, it is lovely there and everybody has tea",
    );
    story.message("tea", 10, "vera", "is it ready, anna?");
    story.message("@boris", 3, "boris", "psst");
    story.says(r#"{"type":"message","room":"lobby","seq":14,"from":"vera","at":"2026-11-20T11:00:00Z","kind":"action","text":"waves"}"#);
    story.says(r#"{"type":"message","room":"lobby","seq":15,"from":"vera","at":"2026-11-20T11:01:00Z","kind":"redaction","text":"","redacts":11}"#);
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby       1@ 5 │ ── Friday, 20 November 2026 ────────────────────────
     tea         1@ 1 │ 10:10 <boris> number 10
     @boris         1 │ ── new ─────────────────────────────────────────────
                      │ 10:11 — message 11 of boris was removed
                      │ 10:12 <boris> number 12
                      │ -- welcome, anna
                      │ -- you are in @boris, lobby (2 unread), tea; /help
                      │    tells what you can do
                      │ 10:13 <борис> Анна, anna, see
                      │       https://chat.example/cups, it is lovely there
                      │       and everybody has tea
                      │ 11:00 * vera waves
                      │ 11:01 — message 11 was removed by vera
     chat.example:2428 · live 0 ms                                  F1 help
    > ▏
    ");
    let (_, beside) = story.picture();
    assert_eq!(&*beside.links[0].link, "https://chat.example/cups");
}

#[test]
fn the_smallest_screen() {
    let mut story = Story::new((40, 10), 12, 12);
    story.pages(12);
    story.message(
        "lobby",
        13,
        "a-name-as-long-as-any",
        "a text that does not fit into one row of this screen",
    );
    story.message("tea", 10, "vera", "elsewhere");
    story.types("and what is written is longer than the row, too, so it grows");
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members          1 elsewhere
    -- welcome, anna
    -- you are in @boris, lobby, tea; /help
       tells what you can do
    10:13 <a-name-as-long-as-a…> a text that
          does not fit into one row of this
          screen
     live 0 ms                      F1 help
    > and what is written is longer than
      the row, too, so it grows▏
    ");
    story.app.resize(3, 2);
    story.settle();
    insta::assert_snapshot!(story.screen(), @"
    > ▏s
    ");
}

#[test]
fn wide_letters_and_those_from_right_to_left() {
    let mut story = Story::new((40, 9), 0, 0);
    story.pages(0);
    story.message(
        "lobby",
        1,
        "花子",
        "日本語のとても長い文章はここで折り返されます。はい",
    );
    story.message("lobby", 2, "דנה", "שלום לכולם, מה שלומכם");
    story.message("lobby", 3, "नेहा", "नमस्ते 👩‍👩‍👧 e\u{301} ok");
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
       tells what you can do
    ── Thursday, 19 November 2026 ──────────
    10:01 <花子> 日本語のとても長い文章はこ
          こで折り返されます。はい
    10:02 <דנה> שלום לכולם, מה שלומכם
    10:03 <नेहा> नमस्ते 👩‍👩‍👧 é ok
     live 0 ms                      F1 help
    > ▏
    ");
}

#[test]
fn hostile_texts_move_and_execute_nothing() {
    let mut story = Story::new((60, 12), 0, 0);
    story.pages(0);
    story.message(
        "lobby",
        1,
        "mallory",
        "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{0}gone?\r12:00 <anna> I agree",
    );
    story.message(
        "lobby",
        2,
        "mallory",
        "\u{202e}txt.exe\u{2066} \u{200b}\u{200b}x\u{300}\u{300}\u{300}\n12:00 <anna> forged",
    );
    story.says(r#"{"type":"topic","room":"lobby","topic":"\u001b[31mred","by":"mal\u001blory"}"#);
    let zero = "a\u{301}".to_owned() + &"\u{301}".repeat(4_000);
    story.message("lobby", 3, "mallory", &zero);
    insta::assert_snapshot!(story.screen(), @"
     lobby — ␛[31mred · 3 members
     lobby    2@ 3 │    tells what you can do
     tea           │ ── Thursday, 19 November 2026 ─────────────
     @boris        │ 10:01 <mallory> ␛[2J␛]0;title␇�31m␀gone?↵12
                   │       :00 <anna> I agree
                   │ 10:02 <mallory> �txt.exe� x̀̀̀
                   │       12:00 <anna> forged
                   │ -- the topic of lobby was set by mal␛lory:
                   │    ␛[31mred
                   │ 10:03 <mallory> á́́́́́́́́́́́́́́
     chat.example:2428 · live 0 ms                      F1 help
    > ▏
    ");
}

#[test]
fn what_is_new_is_below_a_line_and_is_read_once_it_is_seen() {
    let mut story = Story::new((60, 10), 30, 26);
    story.pages(30);
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby       4 │ 10:27 <boris> number 27
     tea           │ 10:28 <boris> number 28
     @boris        │ 10:29 <boris> number 29
                   │ 10:30 <boris> number 30
                   │ -- welcome, anna
                   │ -- you are in @boris, lobby (4 unread),
                   │    tea; /help tells what you can do
     chat.example:2428 · live 0 ms                      F1 help
    > ▏
    ");
    assert!(story.asked_for("read").is_empty());
    story.later();
    assert!(story.asked_for("read")[0].contains(r#""seq":30"#));
    story.answer("read", r#""type":"ok""#);
    assert_eq!(story.model.rooms()["lobby"].unread(), 0);
    // Nothing is due, nothing changes: nobody draws and nobody wakes up.
    story.app.take_changed();
    assert_eq!(
        (story.app.deadline(), story.app.is_changed()),
        (None, false)
    );
}

#[test]
fn scrolling_back_fetches_what_is_older_up_to_the_first_message() {
    let mut story = Story::new((60, 20), 10_000, 10_000);
    story.pages(10_000);
    let (mut fetched, mut pressed) = (0, 0);
    while !story.screen().contains("this is the beginning") {
        story.presses(KeyCode::PageUp);
        fetched += story.pages(10_000);
        pressed += 1;
        assert!(pressed < 1_000);
        let held = story.app.views["lobby"].log.messages().len();
        assert!(held <= MESSAGES_KEPT);
    }
    assert_eq!(fetched, 10_000 / 200 - 1);
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby         │ ── this is the beginning ──────────────────
     tea           │ ── Thursday, 19 November 2026 ─────────────
     @boris        │ 10:01 <boris> number 1
                   │ 10:02 <boris> number 2
                   │ 10:03 <boris> number 3
                   │ 10:04 <boris> number 4
                   │ 10:05 <boris> number 5
                   │ 10:06 <boris> number 6
                   │ 10:07 <boris> number 7
                   │ 10:08 <boris> number 8
                   │ 10:09 <boris> number 9
                   │ ── Friday, 20 November 2026 ───────────────
                   │ 10:10 <boris> number 10
                   │ 10:11 <boris> number 11
                   │ 10:12 <boris> number 12
                   │ 10:13 <boris> number 13
                   │ 10:14 <boris> number 14
     chat.example:2428 · live 0 ms · 9986 below         F1 help
    > ▏
    ");
    // Back at once, and page by page.
    story.presses(KeyCode::Esc);
    story.pages(10_000);
    assert!(story.screen().contains("number 10000"));
    story.press(KeyCode::Home, KeyModifiers::CONTROL);
    story.pages(10_000);
    assert!(story.screen().contains("number 1\n"), "{}", story.screen());
    for _ in 0..700 {
        story.presses(KeyCode::PageDown);
        story.pages(10_000);
    }
    assert!(story.screen().contains("number 10000"));
}

#[test]
fn whoever_reads_what_is_old_stays_there_and_sees_how_much_is_below() {
    let mut story = Story::new((60, 8), 40, 40);
    story.pages(40);
    story.presses(KeyCode::PageUp);
    let before = story.screen();
    story.message("lobby", 41, "boris", "anna?");
    story.message("lobby", 42, "boris", "are you there?");
    let first = |screen: &str| -> String {
        let row = screen.lines().nth(1).unwrap_or_default();
        row.split('│').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(first(&story.screen()), first(&before));
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby    1@ 2 │ 10:35 <boris> number 35
     tea           │ 10:36 <boris> number 36
     @boris        │ 10:37 <boris> number 37
                   │ 10:38 <boris> number 38
                   │ 10:39 <boris> number 39
     chat.example:2428 · live 0 ms · 3 below            F1 help
    > ▏
    ");
    story.presses(KeyCode::Esc);
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby    1@ 2 │ -- welcome, anna
     tea           │ -- you are in @boris, lobby, tea; /help
     @boris        │    tells what you can do
                   │ 10:41 <boris> anna?
                   │ 10:42 <boris> are you there?
     chat.example:2428 · live 0 ms                      F1 help
    > ▏
    ");
}

#[test]
fn mentions_are_listed_and_found_messages_are_gone_to() {
    let mut story = Story::new((60, 9), 500, 500);
    story.pages(500);
    story.message("tea", 10, "vera", "the kettle, anna!");
    story.message("tea", 11, "vera", "and cups");
    story.alt(KeyCode::Char('m'));
    insta::assert_snapshot!(story.screen(), @"
     Mentions
    2026-11-20 10:10 tea <vera> the kettle, anna!





     Enter goes there · Esc closes
    > ▏
    ");
    story.presses(KeyCode::Esc);
    story.writes("/search number");
    let hits = [
        message("tea", 3, "vera", "a number"),
        message("lobby", 120, "boris", "number 120"),
    ]
    .join(",");
    story.answer(
        "search",
        &format!(r#""type":"page","messages":[{hits}],"more":false"#),
    );
    insta::assert_snapshot!(story.screen(), @"
     Found: number
    2026-11-19 10:03 tea <vera> a number
    2026-11-20 10:00 lobby <boris> number 120




     Enter goes there · Esc closes
    > ▏
    ");
    story.presses(KeyCode::Enter);
    story.pages(500);
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby         │ 10:57 <boris> number 117
     tea      1@ 2 │ 10:58 <boris> number 118
     @boris        │ 10:59 <boris> number 119
                   │ 10:00 <boris> number 120
                   │ 10:01 <boris> number 121
                   │ 10:02 <boris> number 122
     chat.example:2428 · live 0 ms · 378 below          F1 help
    > ▏
    ");
}

#[test]
fn comings_and_long_messages_are_folded_and_open() {
    let mut story = Story::new((60, 18), 0, 0);
    story.pages(0);
    for (user, state) in [("boris", "joined"), ("vera", "joined"), ("galya", "left")] {
        story.says(&format!(
            r#"{{"type":"presence","room":"lobby","user":"{user}","state":"{state}"}}"#
        ));
    }
    story.later();
    let long: Vec<_> = (1..=30).map(|line| format!("line {line}")).collect();
    story.message("lobby", 1, "boris", &long.join("\n"));
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby       1 │ ── this is the beginning ──────────────────
     tea           │ -- welcome, anna
     @boris        │ -- you are in @boris, lobby, tea; /help
                   │    tells what you can do
                   │ -- boris came, vera came, galya left
                   │ ── Thursday, 19 November 2026 ─────────────
                   │ 10:01 <boris> line 1
                   │       line 2
                   │       line 3
                   │       line 4
                   │       line 5
                   │       line 6
                   │       line 7
                   │       line 8
                   │       … 22 more lines (Ctrl-O)
     chat.example:2428 · live 0 ms                      F1 help
    > ▏
    ");
    story.ctrl('o');
    assert!(story.screen().contains("line 30"));
    story.press(KeyCode::Home, KeyModifiers::CONTROL);
    assert!(
        story.screen().contains("-- boris came\n"),
        "{}",
        story.screen()
    );
}

#[test]
fn what_a_hole_left_is_fetched_anew_and_nothing_is_shown_twice() {
    let mut story = Story::new((60, 20), 3, 3);
    story.pages(3);
    story.message("lobby", 7, "boris", "number 7");
    story.message("lobby", 7, "boris", "number 7");
    story.page(7);
    let screen = story.screen();
    for seq in 1..=7 {
        assert_eq!(
            screen.matches(&format!("number {seq}\n")).count(),
            1,
            "{screen}"
        );
    }
}

#[test]
fn rooms_are_gone_to_by_keys_and_by_mouse() {
    use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
    let mut story = Story::new((72, 10), 12, 12);
    story.pages(12);
    story.message("tea", 10, "vera", "tea?");
    story.alt(KeyCode::Char('a'));
    assert_eq!(&*story.app.current, "tea");
    story.alt(KeyCode::Down);
    assert_eq!(&*story.app.current, "@boris");
    let click = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: 2,
        row: 1,
        modifiers: KeyModifiers::NONE,
    };
    story.app.mouse(click, &story.model);
    story.settle();
    assert_eq!(&*story.app.current, "lobby");
    let before = story.screen();
    story.app.mouse(
        MouseEvent {
            kind: MouseEventKind::ScrollUp,
            ..click
        },
        &story.model,
    );
    story.settle();
    assert_ne!(story.screen(), before);
    story.presses(KeyCode::F(2));
    assert!(story.done.contains(&Action::Mouse(false)));
}

#[test]
fn without_colours_nothing_is_coloured() {
    let mut story = Story::new((72, 10), 3, 1);
    story.app.look.theme = Theme { colour: false };
    story.pages(3);
    story.message("lobby", 4, "boris", "anna, look");
    let (buffer, _) = story.picture();
    let colours = buffer
        .content()
        .iter()
        .filter(|cell| cell.fg != ratatui::style::Color::Reset);
    assert_eq!(colours.count(), 0);
}
