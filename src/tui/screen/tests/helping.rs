//! Help: the keys that work where one is, and the commands.

use super::*;
use crate::base::tongue::Tongue;

#[test]
fn a_question_mark_on_an_empty_line_tells_the_keys_and_a_second_one_is_written() {
    let mut story = Story::new((72, 12), 2, 2);
    story.pages(2);
    story.types("?");
    assert!(story.screen().contains("Ctrl-Home"), "{}", story.screen());
    story.types("?");
    assert_eq!(story.app.writing.text(), "?");
    story.types("? what");
    assert_eq!(story.app.writing.text(), "?? what");
    assert!(story.app.overlay.is_none());
    story.ctrl('c');
    story.types("?!");
    assert_eq!(story.app.writing.text(), "?!");
    story.ctrl('c');
    story.types("?");
    story.presses(KeyCode::Esc);
    assert_eq!(story.app.writing.text(), "");
    story.types("?? what");
    story.presses(KeyCode::F(1));
    assert!(story.app.overlay.is_some());
    story.presses(KeyCode::F(1));
    assert!(story.app.overlay.is_none());
    assert_eq!(story.app.writing.text(), "? what");
}

#[test]
fn where_other_keys_work_those_are_told() {
    let mut story = Story::new((72, 12), 40, 40);
    story.pages(40);
    story.message("tea", 10, "vera", "the kettle, anna!");
    story.presses(KeyCode::PageUp);
    story.types("?");
    assert!(
        story.screen().contains("while you read what is old"),
        "{}",
        story.screen()
    );
    story.presses(KeyCode::Esc);
    story.alt(KeyCode::Char('m'));
    story.types("?");
    insta::assert_snapshot!(story.screen(), @"
     Keys in the list
    Up, Down, Tab, Ctrl-P N  choose a message; a click takes it
    PgUp, PgDn, Home, End    go a page, to the first, to the last
    Enter                    go to the message in its room
    Esc, Ctrl-C, Ctrl-G      close the list; a letter closes it, too, and is
                             written
    ?, F1                    these keys



     Esc goes back
    > ▏
    ");
    story.presses(KeyCode::Esc);
    assert!(
        story.screen().contains("the kettle, anna!"),
        "{}",
        story.screen()
    );
    story.types("?x");
    assert!(
        story.screen().contains("the kettle, anna!"),
        "{}",
        story.screen()
    );
    story.presses(KeyCode::Esc);
    story.pastes(&"pasted\n".repeat(20));
    story.types("?");
    assert!(
        story.screen().contains("throw it away"),
        "{}",
        story.screen()
    );
    // Another text that is pasted loses neither.
    story.pastes(&"more\n".repeat(20));
    story.types("?");
    story.presses(KeyCode::Enter);
    story.presses(KeyCode::Enter);
    assert_eq!(story.app.writing.text().lines().count(), 40);
    story.ctrl('c');
    story.ctrl('k');
    story.presses(KeyCode::F(1));
    insta::assert_snapshot!(story.screen(), @"
     Keys where you say where to go
    abc…                     a part of the name; all of its letters in order
                             will do
    Tab, Up, Down, Ctrl-P N  choose; a click goes there
    Enter                    go there; a room that you are not in is joined
    Ctrl-U, Ctrl-W           empty it; cut a word
    Esc, Ctrl-C, Ctrl-G      stay where you are
    F1                       these keys


     Esc goes back
    > ▏
    ");
    story.presses(KeyCode::Esc);
    story.types("tea?");
    assert!(
        story.screen().contains("Enter tries to go into tea?"),
        "{}",
        story.screen()
    );
}

#[test]
fn commands_are_told_in_a_list_of_their_own() {
    let mut story = Story::new((60, 10), 2, 2);
    story.pages(2);
    story.writes("/help");
    insta::assert_snapshot!(story.screen(), @"
     Commands
    /join ROOM         go into a room, or to one you are in
    /leave [ROOM]      leave a room; from a person, go back to
                       the lobby
    /create ROOM       make a room and go into it
    /msg USER [TEXT]   say something to one person, or go on
                       with them
    /me TEXT           say what you do: * anna waves
     Esc closes · F1 tells the keys
    > ▏
    ");
    let first = story.screen();
    (0..50).for_each(|_| story.presses(KeyCode::PageDown));
    assert!(
        story.screen().contains("/help [COMMAND]"),
        "{}",
        story.screen()
    );
    assert!(!story.screen().contains("/kick"));
    story.presses(KeyCode::Up);
    let up = story.screen();
    story.presses(KeyCode::Home);
    assert_eq!(story.screen(), first);
    story.presses(KeyCode::End);
    story.presses(KeyCode::Up);
    assert_eq!(story.screen(), up);
    story.app.resize(40, 10);
    story.presses(KeyCode::Home);
    insta::assert_snapshot!(story.screen(), @"
     Commands
    /join ROOM
      go into a room, or to one you are in
    /leave [ROOM]
      leave a room; from a person, go back
      to the lobby
    /create ROOM
      make a room and go into it
     Esc closes · F1 tells the keys
    > ▏
    ");
    story.types("on");
    assert_eq!(story.app.writing.text(), "on");
}

#[test]
fn the_keys_are_told_in_russian() {
    Tongue::Russian.spoken_in(|| {
        let mut story = Story::new((60, 12), 2, 2);
        story.ctrl('k');
        story.presses(KeyCode::F(1));
        insta::assert_snapshot!(story.screen(), @"
         Клавиши при переходе
        abc…                     часть имени; хватит и отдельных
                                 букв по порядку
        Tab, Up, Down, Ctrl-P N  выбрать; щелчок сразу переходит
        Enter                    перейти; в комнату, где вас нет, вы
                                 войдёте
        Ctrl-U, Ctrl-W           очистить; убрать слово
        Esc, Ctrl-C, Ctrl-G      остаться, где были
        F1                       эти клавиши

         Esc — назад
        > ▏
        ");
    });
}
