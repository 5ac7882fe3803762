//! Writing: the line, what becomes of it, what is kept of it.

use super::*;

#[test]
fn several_lines_are_written_and_sent_as_one_message() {
    let mut story = Story::new((60, 12), 2, 2);
    story.pages(2);
    story.types("one");
    story.alt(KeyCode::Enter);
    story.types("two");
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby         │
     tea           │ ── this is the beginning ──────────────────
     @boris        │ ── Thursday, 19 November 2026 ─────────────
                   │ 10:01 <boris> number 1
                   │ 10:02 <boris> number 2
                   │ -- welcome, anna
                   │ -- you are in @boris, lobby, tea; /help
                   │    tells what you can do
     chat.example:2428 · live 0 ms                      F1 help
    > one
      two▏
    ");
    story.presses(KeyCode::Enter);
    assert!(story.asked_for("send")[0].contains(r#""text":"one\ntwo""#));
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby         │ ── this is the beginning ──────────────────
     tea           │ ── Thursday, 19 November 2026 ─────────────
     @boris        │ 10:01 <boris> number 1
                   │ 10:02 <boris> number 2
                   │ -- welcome, anna
                   │ -- you are in @boris, lobby, tea; /help
                   │    tells what you can do
                   │   …   <anna> one
                   │       two
     chat.example:2428 · live 0 ms · 1 not sent yet     F1 help
    > ▏
    ");
    story.answer(
        "send",
        r#""type":"sent","room":"lobby","seq":3,"at":"2026-11-20T12:00:00Z""#,
    );
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby       1 │ ── Thursday, 19 November 2026 ─────────────
     tea           │ 10:01 <boris> number 1
     @boris        │ 10:02 <boris> number 2
                   │ -- welcome, anna
                   │ -- you are in @boris, lobby, tea; /help
                   │    tells what you can do
                   │ ── Friday, 20 November 2026 ───────────────
                   │ 12:00 <anna> one
                   │       two
     chat.example:2428 · live 0 ms                      F1 help
    > ▏
    ");
}

#[test]
fn what_is_written_without_a_connection_waits_and_is_sent_once() {
    let mut story = Story::new((72, 12), 2, 2);
    story.pages(2);
    story.writes("before");
    story.lose();
    story.writes("/me waits");
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby            │ ── Thursday, 19 November 2026 ──────────────────────
     tea              │ 10:01 <boris> number 1
     @boris           │ 10:02 <boris> number 2
                      │ -- welcome, anna
                      │ -- you are in @boris, lobby, tea; /help tells what
                      │    you can do
                      │ -- the connection broke; connecting again…
                      │   …   <anna> before
                      │   …   * anna waits
     lost, again in 1 s (Ctrl-R: now) · 2 not sent yet              F1 help
    > ▏
    ");
    story.come_back(3);
    assert!(story.screen().contains("catching up…"));
    assert!(story.asked_for("send").is_empty());
    // The first one had been stored.
    story.says(r#"{"type":"message","room":"lobby","seq":3,"from":"anna","at":"2026-11-20T12:00:00Z","kind":"text","text":"before","key":"0000000000000001-1"}"#);
    assert_eq!(story.asked_for("send").len(), 1);
    story.answer(
        "send",
        r#""type":"sent","room":"lobby","seq":4,"at":"2026-11-20T12:00:01Z""#,
    );
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby          3 │ -- welcome, anna
     tea              │ -- you are in @boris, lobby, tea; /help tells what
     @boris           │    you can do
                      │ -- the connection broke; connecting again…
                      │ -- connected again; 1 message was missed and comes
                      │    now
                      │ ── Friday, 20 November 2026 ────────────────────────
                      │ 12:00 <anna> before
                      │ 12:00 * anna waits
     chat.example:2428 · live 0 ms                                  F1 help
    > ▏
    ");
}

#[test]
fn what_is_refused_is_sent_again_or_dropped() {
    let mut story = Story::with(
        (72, 9),
        2,
        2,
        &[waiting("old", "from the last time", Some("muted"))],
        &BTreeMap::new(),
    );
    story.pages(2);
    story.writes("hello");
    story.answer(
        "send",
        r#""type":"error","code":"muted","text":"you may not speak here""#,
    );
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby            │ -- you are in @boris, lobby, tea; /help tells what
     tea              │    you can do
     @boris           │   !   <anna> from the last time
                      │       not sent: muted
                      │   !   <anna> hello
                      │       not sent: you may not speak here
     live 0 ms · 2 not sent: F7 again, F8 drop · you can only read here
    > ▏
    ");
    story.presses(KeyCode::F(7));
    let sent = story.asked_for("send");
    assert!(
        sent[0].contains(r#""key":"old""#) && sent[1].contains(r#""key":"0000000000000001-1""#),
        "{sent:?}"
    );
    story.answer(
        "send",
        r#""type":"error","code":"muted","text":"still not""#,
    );
    story.presses(KeyCode::F(8));
    assert_eq!(story.done.last(), Some(&Action::Drop("old".into())));
    assert!(!story.screen().contains("still not"));
}

#[test]
fn what_the_last_run_did_not_get_sent_is_sent_with_its_key_and_drafts_are_there() {
    let drafts = BTreeMap::from([
        ("lobby".into(), "half a th".to_owned()),
        ("tea".into(), "t".to_owned()),
    ]);
    let story = Story::with((72, 9), 2, 2, &[waiting("k9", "left", None)], &drafts);
    assert!(story.asked_for("send")[0].contains(r#""key":"k9""#));
    assert_eq!(story.app.writing.text(), "half a th");
    let _ = unsent("k9", "left");
}

#[test]
fn each_room_has_its_draft_and_it_is_kept_a_moment_after_the_last_key() {
    let mut story = Story::new((72, 9), 2, 2);
    story.pages(2);
    story.types("for the lobby");
    story.later();
    assert_eq!(
        story.done,
        [Action::Draft("lobby".into(), "for the lobby".into())]
    );
    story.alt(KeyCode::Down);
    story.types("for tea");
    story.alt(KeyCode::Up);
    assert_eq!(story.app.writing.text(), "for the lobby");
    story.alt(KeyCode::Down);
    assert_eq!(story.app.writing.text(), "for tea");
}

#[test]
fn two_hundred_pasted_lines_are_shown_first_and_sent_in_pieces_that_fit() {
    let mut story = Story::new((60, 12), 2, 2);
    story.pages(2);
    let lines: Vec<_> = (1..=200)
        .map(|line| {
            format!("line {line} of what was pasted, \x1b[31mwith a colour in it and so on")
        })
        .collect();
    story.pastes(&lines.join("\r\n"));
    insta::assert_snapshot!(story.screen(), @"
     Pasted: 200 lines, 12491 bytes
    line 1 of what was pasted, [31mwith a colour in it and so on
    line 2 of what was pasted, [31mwith a colour in it and so on
    line 3 of what was pasted, [31mwith a colour in it and so on
    line 4 of what was pasted, [31mwith a colour in it and so on
    line 5 of what was pasted, [31mwith a colour in it and so on
    line 6 of what was pasted, [31mwith a colour in it and so on
    line 7 of what was pasted, [31mwith a colour in it and so on
    line 8 of what was pasted, [31mwith a colour in it and so on
    line 9 of what was pasted, [31mwith a colour in it and so on
     Enter takes it into the line · Esc throws it away
    > ▏
    ");
    story.presses(KeyCode::Char('x'));
    story.presses(KeyCode::Enter);
    insta::assert_snapshot!(story.screen(), @"
     lobby · 3 members
     lobby         │ ── Thursday, 19 November 2026 ─────────────
     tea           │ 10:01 <boris> number 1
     @boris        │ 10:02 <boris> number 2
                   │ -- welcome, anna
                   │ -- you are in @boris, lobby, tea; /help
                   │    tells what you can do
     chat.example:2428 · live 0 ms                      F1 help
    > line 199 of what was pasted, [31mwith a colour in it and
      so on
      line 200 of what was pasted, [31mwith a colour in it and
      so on▏
    ");
    story.presses(KeyCode::Enter);
    let sends = story.asked_for("send");
    assert_eq!(sends.len(), 2);
    assert!(
        sends
            .iter()
            .all(|send| send.len() < 8_192 + 500 && !send.contains("\\u001b"))
    );
    let thrown_away = "x\n".repeat(50);
    story.pastes(&thrown_away);
    story.presses(KeyCode::Esc);
    assert!(story.app.writing.is_empty());
}

#[test]
fn tab_completes_and_goes_on_to_the_next() {
    let mut story = Story::new((72, 9), 2, 2);
    story.pages(2);
    story.message("lobby", 3, "bert", "hi");
    for (typed, tabs, expected) in [
        ("/jo", 1, "/join "),
        ("/join te", 1, "/join tea "),
        ("hi b", 1, "hi bert "),
        ("hi b", 2, "hi boris "),
        ("hi b", 3, "hi bert "),
    ] {
        story.types(typed);
        (0..tabs).for_each(|_| story.presses(KeyCode::Tab));
        assert_eq!(story.app.writing.text(), expected);
        story.ctrl('c');
    }
}

#[test]
fn commands_do_here_what_they_do_in_line_mode() {
    let mut story = Story::new((72, 12), 2, 2);
    story.pages(2);
    story.writes("/wro ng");
    assert_eq!(story.app.writing.text(), "/wro ng");
    story.ctrl('u');
    story.writes("/join garden");
    story.writes("hello, garden");
    assert!(story.asked_for("send").is_empty());
    story.answer("join", r#""type":"joined","room":"garden","topic":"","first_seq":1,"last_seq":0,"read_seq":0,"members":1,"joined":true"#);
    assert!(story.asked_for("send")[0].contains(r#""to":"garden""#));
    story.writes("/msg Boris psst");
    assert!(
        story.asked_for("send")[1].contains(r#""to":"@boris""#),
        "{:?}",
        story.asked
    );
    story.writes("/topic");
    story.writes("/help me");
    insta::assert_snapshot!(story.screen(), @"
     @boris
     lobby            │
     garden           │
     tea              │
     @boris           │
                      │ ── … ───────────────────────────────────────────────
                      │ -- a conversation between two has no topic
                      │ -- /me TEXT             say what you do: * anna
                      │    waves
                      │   …   <anna> psst
     chat.example:2428 · live 0 ms · 2 not sent yet                 F1 help
    > ▏
    ");
    story.writes("/quit");
    assert!(story.done.contains(&Action::Quit));
}

/// Keys that come at once are taken together: what is written behind a command goes where that leads all the same.
#[test]
fn what_is_typed_ahead_goes_where_the_command_before_it_leads() {
    let mut story = Story::new((72, 12), 2, 2);
    story.pages(2);
    let press = |story: &mut Story, text: &str| {
        for letter in text.chars() {
            let code = match letter {
                '\n' => KeyCode::Enter,
                letter => KeyCode::Char(letter),
            };
            let key = KeyEvent::new(code, KeyModifiers::NONE);
            story.app.key(key, &story.model, story.now);
        }
        story.settle();
    };
    press(&mut story, "here\n/join garden\nthere\nand there\n");
    assert_eq!(story.asked_for("send").len(), 1);
    story.answer(
        "join",
        r#""type":"joined","room":"garden","topic":"","first_seq":1,"last_seq":0,"read_seq":0,"members":1,"joined":true"#,
    );
    let to: Vec<_> = (story.asked_for("send").iter())
        .map(|send| send.contains(r#""to":"garden""#))
        .collect();
    assert_eq!(to, [false, true, true]);
    press(&mut story, "/leave\nnot sent\n");
    let draft = Action::Draft("garden".into(), "not sent".into());
    assert_eq!(story.done.last(), Some(&draft));
}

#[test]
fn the_editor_gets_the_text_and_gives_it_back() {
    let mut story = Story::new((60, 9), 2, 2);
    story.pages(2);
    story.types("to be");
    story.ctrl('x');
    story.ctrl('e');
    assert_eq!(story.done, [Action::Edit("to be".into())]);
    story.app.edited(Some("or not to be\n"), &story.model);
    assert_eq!(story.app.writing.text(), "or not to be");
    story.app.edited(None, &story.model);
    assert!(story.screen().contains("set EDITOR"));
}

#[test]
fn the_help_fits_any_screen() {
    let mut story = Story::new((72, 12), 2, 2);
    story.pages(2);
    story.presses(KeyCode::F(1));
    insta::assert_snapshot!(story.screen(), @"
     Keys
    Enter                  send; Alt-Enter begins another line
    Tab                    complete a name, room or command; again for the
                           next one
    Up, Down               what was written before; in several lines, move
    PgUp, PgDn             scroll; earlier messages are fetched by
                           themselves
    Ctrl-Home, Ctrl-End    go to the first message; to the newest
    Alt-Up, Alt-Down       go to the room above or below
    Ctrl-K                 go to a room or person by a part of the name
     Esc closes · /help tells the commands · ? again writes ?
    > ▏
    ");
    story.app.resize(40, 10);
    insta::assert_snapshot!(story.screen(), @"
     Keys
    Enter
      send; Alt-Enter begins another line
    Tab
      complete a name, room or command;
      again for the next one
    Up, Down
      what was written before; in several
     Esc closes · /help tells the commands…
    > ▏
    ");
}
