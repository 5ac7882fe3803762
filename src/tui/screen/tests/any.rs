//! Whatever comes in whatever order: the picture stays whole, and every key is answered.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;

use super::*;
use crate::base::text::is_harmful;

/// Something that happens.
#[derive(Clone, Debug)]
enum Happening {
    Key(KeyCode, KeyModifiers),
    Paste(String),
    Message(u64, String, String),
    Frame(String),
    Page,
    Size(u16, u16),
    Later,
    Focus(bool),
    Click(u16, u16),
    Lost,
    Back,
}

/// Whatever people write, and each sort of text that is meant to do harm.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        r"\PC{0,60}",
        c0_and_c1(),
        ansi_and_osc(),
        bidi_overrides(),
        r"[日本語👩‍👧e\u{301}\u{300}\u{fe0f} א-ת]{0,80}",
        Just(zero_width_flood()),
        Just(marks(10_000)),
        Just(line_of_60_kb()),
        Just("a\nb\n".repeat(40)),
    ]
}

fn c0_and_c1() -> impl Strategy<Value = String> {
    r"(?s)[\x00-\x1f\x7f-\u{9f}a-z]{0,40}"
}

fn ansi_and_osc() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "\u{1b}[2J\u{1b}[H\u{1b}[31m\u{1b}[8mred",
        "\u{1b}]0;title\u{7}\u{1b}]52;c;cm0gLXJm\u{1b}\\\u{1b}]8;;http://a.example\u{7}x",
        "\u{1b}[?1049l\u{1b}[?25l\u{1b}c\u{1b}#8\u{1b}[6n\u{1b}P+q544e\u{1b}\\",
        "\u{9b}2J\u{9d}0;title\u{9c}anna, \u{1b}]9;4;3;50\u{7}",
    ])
    .prop_map(str::to_owned)
}

fn bidi_overrides() -> impl Strategy<Value = String> {
    r"[\u{200e}\u{200f}\u{061c}\u{202a}-\u{202e}\u{2066}-\u{2069}a-zא-ת ]{0,60}"
}

fn zero_width_flood() -> String {
    "\u{200b}\u{200d}\u{2060}\u{feff}".repeat(4_000)
}

fn marks(count: usize) -> String {
    format!("anna{}", "\u{301}".repeat(count))
}

fn line_of_60_kb() -> String {
    "x".repeat(60_000)
}

fn key() -> impl Strategy<Value = KeyCode> {
    prop_oneof![
        4 => any::<char>().prop_map(KeyCode::Char),
        4 => prop::char::range('a', 'z').prop_map(KeyCode::Char),
        8 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Tab, KeyCode::Backspace, KeyCode::Delete, KeyCode::Esc, KeyCode::Up, KeyCode::Down,
            KeyCode::Left, KeyCode::Right, KeyCode::Home, KeyCode::End, KeyCode::PageUp, KeyCode::PageDown,
            KeyCode::BackTab, KeyCode::Insert, KeyCode::Null,
        ]),
        1 => (0_u8..25).prop_map(KeyCode::F),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let modifiers = prop::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
        KeyModifiers::SHIFT,
    ]);
    prop_oneof![
        8 => (key(), modifiers).prop_map(|(code, modifiers)| Happening::Key(code, modifiers)),
        1 => text().prop_map(Happening::Paste),
        4 => (1_u64..40, text(), text()).prop_map(|(seq, from, text)| Happening::Message(seq, from, text)),
        1 => prop::sample::select(FRAMES).prop_map(|frame| Happening::Frame(frame.to_owned())),
        3 => Just(Happening::Page),
        1 => (0_u16..90, 0_u16..30).prop_map(|(width, height)| Happening::Size(width, height)),
        1 => Just(Happening::Later),
        1 => any::<bool>().prop_map(Happening::Focus),
        1 => (0_u16..90, 0_u16..30).prop_map(|(column, row)| Happening::Click(column, row)),
        1 => Just(Happening::Lost),
        1 => Just(Happening::Back),
    ]
}

const FRAMES: &[&str] = &[
    r#"{"type":"presence","room":"lobby","user":"a\u001b[2Jb","state":"joined","others":3}"#,
    r#"{"type":"topic","room":"lobby","topic":"\u202e\u0007日本"}"#,
    r#"{"type":"cleared","room":"lobby","first_seq":9}"#,
    r#"{"type":"removed","room":"lobby"}"#,
    r#"{"type":"left","room":"tea"}"#,
    r#"{"type":"read","room":"lobby","seq":99999}"#,
    r#"{"type":"notice","text":"\u009b2J\r\nto all"}"#,
    r#"{"type":"message","room":"@new","seq":18446744073709551615,"from":"x","at":"2026-11-20T10:00:00Z","kind":"text","text":"last"}"#,
    r#"{"type":"message","room":"lobby","seq":0,"from":"x","at":"2026-11-20T10:00:00Z","kind":"redaction","text":"","redacts":3}"#,
    r#"{"type":"joined","room":"lobby","topic":"t","first_seq":5,"last_seq":2,"read_seq":9,"members":0,"joined":true}"#,
    r#"{"type":"nonsense"}"#,
    "{",
];

fn happens(story: &mut Story, happening: Happening) {
    match happening {
        Happening::Key(code, modifiers) => {
            story.app.take_changed();
            story.press(code, modifiers);
            assert!(story.app.is_changed(), "{code:?} was not answered");
        }
        Happening::Paste(text) => story.pastes(&text),
        Happening::Message(seq, from, text) => story.message(
            "lobby",
            seq,
            &from
                .replace(['"', '\\'], "'")
                .replace(char::is_control, "?"),
            &text,
        ),
        Happening::Frame(frame) => story.says(&frame),
        Happening::Page => {
            if story
                .asked
                .iter()
                .any(|(_, frame)| frame.contains("\"history\""))
            {
                story.page(40);
            }
        }
        Happening::Size(width, height) => {
            story.app.resize(width, height);
            story.settle();
        }
        Happening::Later => story.later(),
        Happening::Focus(has) => story.app.focus(has),
        Happening::Click(column, row) => {
            let click = MouseEvent {
                kind: MouseEventKind::Down(MouseButton::Left),
                column,
                row,
                modifiers: KeyModifiers::NONE,
            };
            story.app.mouse(click, &story.model);
            story.settle();
        }
        Happening::Lost if story.model.is_up() => story.lose(),
        Happening::Back if !story.model.is_up() && !story.model.is_ended() => story.come_back(40),
        Happening::Lost | Happening::Back => {}
    }
}

fn is_whole(story: &Story) -> Result<(), TestCaseError> {
    let (buffer, beside) = story.picture();
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            prop_assert!(!symbol.chars().any(is_harmful), "{symbol:?}");
            prop_assert!(symbol.chars().count() <= 17, "{symbol:?}");
            let width = unicode_width::UnicodeWidthStr::width(symbol).max(1);
            x += u16::try_from(width).unwrap();
        }
        prop_assert!(
            x <= buffer.area.width,
            "row {y} is {x} wide:\n{}",
            story.screen()
        );
    }
    for action in &story.done {
        if let Action::Alert(alert) = action {
            let sequence = alert.sequence();
            let told = sequence
                .trim_start_matches("\u{1b}]9;")
                .trim_end_matches('\u{7}');
            prop_assert!(
                !told.chars().any(|one| is_harmful(one) || one == ';'),
                "{sequence:?}"
            );
        }
    }
    if let Some((x, y)) = beside.cursor {
        prop_assert!(x < buffer.area.width && y < buffer.area.height);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_picture_stays_whole_and_every_key_is_answered(
        size in (0_u16..90, 0_u16..30),
        happenings in prop::collection::vec(happening(), 1..40),
    ) {
        let mut story = Story::new(size, 30, 20);
        for happening in happenings {
            happens(&mut story, happening);
            is_whole(&story)?;
        }
    }
}
