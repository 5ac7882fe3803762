//! Pictures of the form, and what it says to do.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::tui::screen::tests::as_text;

mod new_name;

const SHOWN: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

struct Story {
    form: Form,
}

fn place(name: &str) -> Place {
    Place {
        host: "localhost".into(),
        port: 2428,
        name: name.into(),
        room: None,
    }
}

impl Story {
    /// Somebody who starts it for the first time.
    fn new(size: (u16, u16)) -> Self {
        Self::with(size, false, None)
    }

    fn with(size: (u16, u16), knows_server: bool, password: Option<&str>) -> Self {
        let filled = Filled {
            place: place("anna"),
            knows_server,
            password: password.map(|password| Password::new(password.into())),
            invite: None,
        };
        let form = Form::new(Theme { colour: false }, size, filled);
        Self { form }
    }

    fn press(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        self.form.key(KeyEvent::new(code, modifiers));
    }

    fn presses(&mut self, code: KeyCode) {
        self.press(code, KeyModifiers::NONE);
    }

    fn ctrl(&mut self, letter: char) {
        self.press(KeyCode::Char(letter), KeyModifiers::CONTROL);
    }

    fn types(&mut self, text: &str) {
        text.chars()
            .for_each(|letter| self.presses(KeyCode::Char(letter)));
    }

    fn enters(&mut self, text: &str) {
        self.types(text);
        self.presses(KeyCode::Enter);
    }

    /// With what it is tried.
    fn tried(&mut self) -> (Place, Wish) {
        match self.form.actions().pop() {
            Some(Action::Try(place, wish)) => (place, wish),
            other => panic!("{other:?} and no attempt:\n{}", self.screen()),
        }
    }

    fn wrong(&mut self, field: Field, text: &str) {
        self.form.hindered(Hindrance::At(field, text.to_owned()));
    }

    fn is_new(&mut self, invite: bool) {
        self.form.hindered(Hindrance::New {
            invite,
            password_chars_min: 8,
        });
    }

    /// Whether this is on the screen, however it is broken into rows.
    fn tells(&self, text: &str) -> bool {
        let screen = self.screen();
        let words: Vec<_> = screen.split_whitespace().collect();
        words.join(" ").contains(text)
    }

    fn screen(&self) -> String {
        let (width, height) = self.form.size();
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let beside = self.form.draw(&mut buffer);
        as_text(&buffer, beside.cursor)
    }
}

fn exposed(secret: &Option<Password>) -> Option<&str> {
    secret.as_ref().map(Password::expose)
}

#[test]
fn the_first_run() {
    let mut story = Story::new((60, 14));
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     Where is the chat, and who are you there?

     Server    localhost▏
     Port      2428
     Name      anna
     Password





    Enter goes on · Tab field · Esc ends
    ");
    story.ctrl('u');
    story.types("chat.example.org");
    for _ in 0..3 {
        story.presses(KeyCode::Enter);
    }
    story.types("correct hörse");
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     Where is the chat, and who are you there?

     Server    chat.example.org
     Port      2428
     Name      anna
     Password  •••••••••••••▏





    Enter goes on · Tab field · Esc ends
    ");
    story.presses(KeyCode::Enter);
    let (place, wish) = story.tried();
    assert_eq!(
        (&*place.host, place.port, &*place.name),
        ("chat.example.org", 2428, "anna")
    );
    assert_eq!(exposed(&wish.password), Some("correct hörse"));
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     Where is the chat, and who are you there?

     Server    chat.example.org
     Port      2428
     Name      anna
     Password  •••••••••••••

     connecting to chat.example.org:2428…



    Esc breaks it off
    ");
    story.form.progress(Progress::Waiting);
    assert!(story.tells("it may be paused"));
    story.form.progress(Progress::Postponed(
        "the server has too much to do".into(),
        Duration::from_millis(4_200),
    ));
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     Where is the chat, and who are you there?

     Server    chat.example.org
     Port      2428
     Name      anna
     Password  •••••••••••••

     the server has too much to do; it is tried again by
     itself in 4 s


    Esc breaks it off
    ");
    // What is typed meanwhile is meant for nobody.
    story.types("x");
    story.presses(KeyCode::Esc);
    assert_eq!(story.form.actions(), [Action::BreakOff]);
    assert!(story.tells("broken off; Enter tries it again"));
    story.presses(KeyCode::Enter);
    assert_eq!(story.tried(), (place, wish));
}

#[test]
fn what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost() {
    let mut story = Story::with((60, 15), true, Some("correct horse"));
    story.presses(KeyCode::Enter);
    story.tried();
    story.wrong(
        Field::Port,
        "nobody answers on port 2428 (connection refused); is it the right one, and does chatd run there?",
    );
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     Where is the chat, and who are you there?

     Server    localhost
     Port      2428▏
               nobody answers on port 2428 (connection
               refused); is it the right one, and does chatd
               run there?
     Name      anna
     Password  •••••••••••••



    Enter goes on · Tab field · Esc ends
    ");
    // As soon as it is mended it is tried: all the rest is there.
    story.presses(KeyCode::Backspace);
    assert!(!story.tells("nobody answers"));
    story.enters("9");
    let (place, wish) = story.tried();
    assert_eq!(
        (place.port, exposed(&wish.password)),
        (2429, Some("correct horse"))
    );
    story.wrong(
        Field::Password,
        "the server does not let 'anna' in with this password; check both",
    );
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     Where is the chat, and who are you there?

     Server    localhost
     Port      2429
     Name      anna
     Password  •••••••••••••▏
               the server does not let 'anna' in with this
               password; check both




    Enter goes on · Tab field · Esc ends
    ");
    story.ctrl('u');
    story.enters("another one");
    assert_eq!(exposed(&story.tried().1.password), Some("another one"));
    story.presses(KeyCode::Esc);
    // What cannot be right is told without asking anybody.
    story.form.actions();
    for (text, told) in [
        ("", "which name is yours there?"),
        ("many", "'many' is no port; use a number from 1 to 65535"),
        ("a b", "the name of a host cannot have ' '"),
    ] {
        story.presses(KeyCode::Up);
        story.ctrl('u');
        story.types(text);
        for _ in 0..4 {
            if !story.tells(told) {
                story.presses(KeyCode::Enter);
            }
        }
        assert!(story.tells(told), "{told}:\n{}", story.screen());
        assert_eq!(story.form.actions(), []);
    }
}

#[test]
fn an_address_in_the_first_field_fills_the_others() {
    let mut story = Story::with((60, 14), true, Some("correct horse"));
    (0..3).for_each(|_| story.presses(KeyCode::Up));
    story.ctrl('u');
    story.form.paste(" chat://boris@chat.example:99/tea\n");
    story.presses(KeyCode::Enter);
    let (place, _) = story.tried();
    let room = place.room.as_deref();
    assert_eq!(
        (&*place.host, place.port, &*place.name, room),
        ("chat.example", 99, "boris", Some("tea"))
    );
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     Where is the chat, and who are you there?

     Server    chat.example
     Port      99
     Name      boris
     Password  •••••••••••••

     connecting to chat.example:99…



    Esc breaks it off
    ");
}

#[test]
fn an_unknown_server_is_asked_about_once() {
    let mut story = Story::with((64, 16), true, Some("correct horse"));
    story.presses(KeyCode::Enter);
    let tried = story.tried();
    let hindrance = || Hindrance::Unknown {
        shown: SHOWN.parse().unwrap(),
        why: "no authority that this system knows vouches for it".into(),
    };
    story.form.hindered(hindrance());
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     'localhost:2428' is not known here: no authority that this
     system knows vouches for it.

     Its certificate has the fingerprint
     SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU

     Trust it from now on? Its admin sees the right one with
     `chatctl status`.





    y trusts it · n goes back
    ");
    // Enter alone, or a letter that means nothing, is no answer.
    story.presses(KeyCode::Enter);
    story.types("jx");
    assert_eq!(story.form.actions(), []);
    story.types("y");
    let trust = Action::Trust(tried.0.clone(), SHOWN.parse().unwrap());
    assert_eq!(story.form.actions(), [trust, Action::Try(tried.0, tried.1)]);
    for no in ["n", "Н"] {
        story.form.hindered(hindrance());
        story.types(no);
        assert_eq!(story.form.actions(), []);
        assert!(story.tells("Password ••••"));
        story.presses(KeyCode::Enter);
        story.tried();
    }
}

#[test]
fn a_small_screen_shows_the_line_that_is_written_and_what_is_wrong_with_it() {
    let mut story = Story::with((40, 10), true, Some("correct horse"));
    insta::assert_snapshot!(story.screen(), @"
    chat-client
     Where is the chat, and who are you
     there?
     Server    localhost
     Port      2428
     Name      anna
     Password  •••••••••••••▏


    Enter goes on · Tab field · Esc ends
    ");
    story.presses(KeyCode::Enter);
    story.tried();
    story.is_new(true);
    story.enters("correct horse");
    story.enters("no code at all, but long enough to be moved");
    story.tried();
    story.wrong(
        Field::Invite,
        "this invite is not known, used up, or has run out; ask for another",
    );
    insta::assert_snapshot!(story.screen(), @"
    chat-client
     Port      2428
     Name      anna
     Password  •••••••••••••
     Again     •••••••••••••
     Invite    t long enough to be moved▏
               this invite is not known,
               used up, or has run out;
               ask for another
    Enter registers · Tab field · Esc back
    ");
    story.presses(KeyCode::Esc);
    story.presses(KeyCode::Enter);
    story.tried();
    story.form.hindered(Hindrance::Unknown {
        shown: SHOWN.parse().unwrap(),
        why: "no authority that this system knows vouches for it".into(),
    });
    insta::assert_snapshot!(story.screen(), @"
    chat-client
     'localhost:2428' is not known here:
     no authority that this system knows
     vouches for it.
     Its certificate has the fingerprint
     SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm
     5NMpJWZG3hSuFU
     Trust it from now on? Its admin sees
     the right one with `chatctl status`.
    y trusts it · n goes back
    ");
    for size in [(1, 1), (3, 2), (10, 3), (500, 200)] {
        story.form.resize(size.0, size.1);
        story.screen();
    }
}

#[test]
fn fields_are_written_as_readline_has_it_and_take_one_line() {
    let mut story = Story::new((60, 14));
    story.ctrl('u');
    story.form.paste("\r\n chat.example\u{1b}[2J\nmore\n");
    story.presses(KeyCode::Tab);
    story.ctrl('a');
    story.types("1");
    story.presses(KeyCode::BackTab);
    insta::assert_snapshot!(story.screen(), @"
    chat-client

     Where is the chat, and who are you there?

     Server    chat.example[2J▏
     Port      12428
     Name      anna
     Password





    Enter goes on · Tab field · Esc ends
    ");
    story.ctrl('c');
    story.ctrl('z');
    story.ctrl('l');
    assert_eq!(
        story.form.actions(),
        [Action::End, Action::Suspend, Action::Redraw]
    );
    // No key of any kind is too much for it.
    for code in [
        KeyCode::F(1),
        KeyCode::Insert,
        KeyCode::Null,
        KeyCode::PageUp,
        KeyCode::Delete,
    ] {
        story.presses(code);
        story.press(code, KeyModifiers::ALT);
    }
}
