//! How things look: messages as lines, times, colours; and how what other people wrote is made harmless.
//!
//! In a pipe a message is one line, `2026-11-20T10:30:00.000Z lobby <anna> text`, or `… lobby * anna waves` for what is
//! done; a line break in the text is shown as `↵`. For a text that was removed it is `… lobby — message 7 of anna was removed`, and
//! where that happened `… lobby — message 7 was removed by anna`. This format is stable. On a terminal it is shorter, with colours, and
//! a text of several lines goes on behind `│`. What the
//! program says itself begins with `--`.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::base::Timestamp;
use crate::base::record::Kind;
use crate::base::text::is_harmful;
use crate::base::tongue::{Tongue, plural, say};
use crate::client::Message;
use crate::tui::screen::words;

/// What the last of several lines are marked by on a terminal.
const CONTINUED: &str = "\n      │ ";

/// The days of the week, from Monday on.
const WEEKDAYS: [&str; 7] = [
    "понедельник",
    "вторник",
    "среда",
    "четверг",
    "пятница",
    "суббота",
    "воскресенье",
];
/// The months, as they stand behind the number of a day.
const MONTHS: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];

/// How messages look.
#[derive(Clone, Debug)]
pub struct Style {
    /// For people on a terminal, not for a pipe.
    pub terminal: bool,
    /// With colours.
    pub colour: bool,
    /// Where times are told.
    pub zone: TimeZone,
}

impl Style {
    /// For a pipe or a file.
    #[must_use]
    pub fn pipe() -> Self {
        Self {
            terminal: false,
            colour: false,
            zone: TimeZone::UTC,
        }
    }

    /// For the terminal that the program runs on.
    #[must_use]
    pub fn terminal() -> Self {
        let told = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = told("TERM").is_none_or(|term| term == "dumb");
        Self {
            terminal: true,
            colour: !dumb && told("NO_COLOR").is_none(),
            zone: TimeZone::system(),
        }
    }

    /// A message as a line. On a terminal the room is left out where it is the one that one is in.
    #[must_use]
    pub fn message(&self, message: &Message, current: Option<&str>) -> String {
        let text = self.text(&message.text);
        let from = self.name(&message.from);
        let room = harmless(&message.room);
        let (moment, room, from) = match message.room.strip_prefix('@') {
            _ if !self.terminal => (message.at.to_string(), format!("{room} "), from),
            _ if current == Some(&*message.room) => (self.clock(message.at), String::new(), from),
            Some(other) => {
                let to = match *other == *message.from {
                    true => say!("you", "вам"),
                    false => self.name(other),
                };
                (
                    self.clock(message.at),
                    String::new(),
                    format!("{from} → {to}"),
                )
            }
            None => (self.clock(message.at), format!("[{room}] "), from),
        };
        let moment = self.dim(&moment);
        match message.kind {
            Kind::Text => format!("{moment} {room}<{from}> {text}"),
            Kind::Action => format!("{moment} {room}* {from} {text}"),
            Kind::Redaction => {
                let seq = message.redacts.unwrap_or(message.seq).0;
                let sentence = self.in_form(|| words::removes(seq, &from));
                format!("{moment} {room}{sentence}")
            }
            Kind::Redacted => {
                let sentence = self.in_form(|| words::removed(message.seq.0, &from));
                format!("{moment} {room}{sentence}")
            }
        }
    }

    /// What the program says about what is going on. A message begins with its time, this does not: nobody can write
    /// what looks like it.
    #[must_use]
    pub fn note(&self, text: &str) -> String {
        self.dim(&format!("-- {text}"))
    }

    /// The name of somebody, always in the same colour.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        let shown = harmless(name);
        match self.colour {
            true => format!("\x1b[{}m{shown}\x1b[0m", name_colour(name)),
            false => shown,
        }
    }

    /// A text by somebody.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let break_ = if self.terminal { CONTINUED } else { "↵" };
        let text = text.replace("\r\n", "\n");
        let lines = text.trim_end_matches('\n').split('\n').map(harmless);
        lines.collect::<Vec<_>>().join(break_)
    }

    /// Something that is said by the program and not by people.
    #[must_use]
    pub fn dim(&self, text: &str) -> String {
        match self.colour {
            true => format!("\x1b[2m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    /// The hour and minute here.
    #[must_use]
    pub fn clock(&self, at: Timestamp) -> String {
        self.zoned(at).strftime("%H:%M").to_string()
    }

    /// A moment to come, with its day.
    #[must_use]
    pub fn until(&self, at: Timestamp) -> String {
        match self.terminal {
            true => {
                let (clock, day) = (self.clock(at), self.day(at));
                say!("{clock} on {day}", "{clock} ({day})")
            }
            false => at.to_string(),
        }
    }

    /// The day here, such as `Friday, 20 November 2026`.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> String {
        let at = self.zoned(at);
        match Tongue::spoken() {
            Tongue::English => at.strftime("%A, %-d %B %Y").to_string(),
            Tongue::Russian => {
                let weekday =
                    WEEKDAYS[usize::from(at.weekday().to_monday_zero_offset().unsigned_abs()) % 7];
                let month = MONTHS[usize::from(at.month().unsigned_abs().saturating_sub(1)) % 12];
                format!("{weekday}, {} {month} {}", at.day(), at.year())
            }
        }
    }

    /// Whether two moments are on one day here.
    #[must_use]
    pub fn is_one_day(&self, one: Timestamp, other: Timestamp) -> bool {
        one == other || self.zoned(one).date() == self.zoned(other).date()
    }

    /// Day and time here, short.
    #[must_use]
    pub fn moment(&self, at: Timestamp) -> String {
        let form = match Tongue::spoken() {
            Tongue::English => "%Y-%m-%d %H:%M",
            Tongue::Russian => "%d.%m.%Y %H:%M",
        };
        self.zoned(at).strftime(form).to_string()
    }

    /// A sentence that stands where a message would: in a pipe its form is the same for everybody.
    fn in_form(&self, sentence: impl Fn() -> String) -> String {
        match self.terminal {
            true => sentence(),
            false => Tongue::English.spoken_in(sentence),
        }
    }

    fn zoned(&self, at: Timestamp) -> jiff::Zoned {
        jiff::Timestamp::from_millisecond(at.0)
            .unwrap_or_default()
            .to_zoned(self.zone.clone())
    }
}

/// The colours that can be read on light and on dark ground, whichever that is: with those of xterm the contrast is 3:1 or
/// more on white and on black. Green, yellow and cyan cannot be read on white, dark blue not on black.
const NAME_COLOURS: [u8; 5] = [31, 35, 91, 94, 95];

/// The colour of a name, as its number in an escape sequence; the same on every machine (FNV-1a).
#[must_use]
pub fn name_colour(name: &str) -> u8 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    NAME_COLOURS[(hash % NAME_COLOURS.len() as u64) as usize]
}

/// The text in one line with nothing in it that a terminal obeys or that turns the direction of writing: each such
/// character is replaced by one that can be seen.
#[must_use]
pub fn harmless(text: &str) -> String {
    text.chars().map(harmless_character).collect()
}

fn harmless_character(character: char) -> char {
    match character {
        '\t' => ' ',
        '\n' | '\r' | '\u{2028}' | '\u{2029}' | '\u{85}' => '↵',
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
        '\x7f' => '␡',
        other if is_harmful(other) => '\u{fffd}',
        other => other,
    }
}

/// How long ago something was, roughly.
#[must_use]
pub fn ago(span: Duration) -> String {
    match span.as_secs() {
        0..60 => say!("just now", "только что"),
        seconds @ 60..3_600 => say!("{} min ago", "{} мин назад", seconds / 60),
        seconds @ 3_600..86_400 => say!("{} h ago", "{} ч назад", seconds / 3_600),
        86_400..172_800 => say!("a day ago", "день назад"),
        seconds => {
            let days = seconds / 86_400;
            let days_form = plural(days, "день", "дня", "дней");
            say!("{days} days ago", "{days} {days_form} назад")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: Kind, text: &str) -> Message {
        Message {
            room: "lobby".into(),
            seq: crate::base::Seq(7),
            from: "anna".into(),
            at: "2026-11-20T10:30:00Z".parse().unwrap(),
            kind,
            text: text.into(),
            redacts: None,
            key: None,
        }
    }

    fn terminal(colour: bool) -> Style {
        Style {
            terminal: true,
            colour,
            zone: TimeZone::fixed(jiff::tz::offset(2)),
        }
    }

    #[test]
    fn in_a_pipe_a_message_is_one_line_of_a_stable_form() {
        let show = |kind, text: &str| Style::pipe().message(&message(kind, text), Some("lobby"));
        insta::assert_snapshot!(show(Kind::Text, "hi"), @"2026-11-20T10:30:00.000Z lobby <anna> hi");
        insta::assert_snapshot!(show(Kind::Action, "waves"), @"2026-11-20T10:30:00.000Z lobby * anna waves");
        insta::assert_snapshot!(show(Kind::Text, "one\ntwo\r\n"), @"2026-11-20T10:30:00.000Z lobby <anna> one↵two");
    }

    #[test]
    fn on_a_terminal_it_is_short_and_in_local_time() {
        let show = |text: &str, room| terminal(false).message(&message(Kind::Text, text), room);
        insta::assert_snapshot!(show("hi", Some("lobby")), @"12:30 <anna> hi");
        insta::assert_snapshot!(show("hi", Some("music")), @"12:30 [lobby] <anna> hi");
        insta::assert_snapshot!(show("one\n12:31 <bert> two", Some("lobby")), @"
        12:30 <anna> one
              │ 12:31 <bert> two
        ");
        assert_eq!(terminal(true).name("anna"), terminal(true).name("anna"));
        assert_ne!(terminal(true).name("anna"), terminal(true).name("bert"));
    }

    #[test]
    fn a_message_between_two_says_from_whom_to_whom() {
        let show = |room: &str, current| {
            let message = Message {
                room: room.into(),
                ..message(Kind::Text, "hi")
            };
            terminal(false).message(&message, current)
        };
        insta::assert_snapshot!(show("@anna", Some("lobby")), @"12:30 <anna → you> hi");
        insta::assert_snapshot!(show("@bert", Some("lobby")), @"12:30 <anna → bert> hi");
        insta::assert_snapshot!(show("@bert", Some("@bert")), @"12:30 <anna> hi");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left_and_everything_else_is() {
        assert_eq!(harmless("\x1b[31mred\x07\x7f\0"), "␛[31mred␇␡␀");
        assert_eq!(
            harmless("\u{9b}31m\u{202e}gnp.exe\u{2066}"),
            "\u{fffd}31m\u{fffd}gnp.exe\u{fffd}"
        );
        assert_eq!(harmless("a\nb\rc\u{2028}d\te"), "a↵b↵c↵d e");
        for text in ["Привет, мир", "שלום", "👩‍👩‍👧 ok", "e\u{301}"] {
            assert_eq!(harmless(text), text);
        }
        let left =
            ('\0'..=char::MAX).filter(|character| is_harmful(harmless_character(*character)));
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn in_russian_days_have_their_names_and_numbers_their_forms() {
        Tongue::Russian.spoken_in(|| {
            let at = "2026-11-20T10:30:00Z".parse().unwrap();
            let style = terminal(false);
            assert_eq!(style.day(at), "пятница, 20 ноября 2026");
            assert_eq!(style.until(at), "12:30 (пятница, 20 ноября 2026)");
            assert_eq!(style.moment(at), "20.11.2026 12:30");
            let told = |days: u64| ago(Duration::from_secs(days * 86_400));
            let told = [0, 1, 2, 5, 11, 21, 22].map(told);
            let expected = [
                "только что",
                "день назад",
                "2 дня назад",
                "5 дней назад",
                "11 дней назад",
                "21 день назад",
                "22 дня назад",
            ];
            assert_eq!(told, expected);
            // From a Monday on, and through a year.
            let days = (0..7).map(|day| Timestamp(1_763_942_400_000 + day * 86_400_000));
            let days: Vec<_> = days.map(|at| style.day(at)).collect();
            let weekdays = days.iter().map(|day| day.split(',').next().unwrap());
            assert!(weekdays.eq(WEEKDAYS), "{days:?}");
            let months = (1..=12).map(|month| format!("2026-{month:02}-15T10:00:00Z"));
            let months = months.map(|at| style.day(at.parse().unwrap()));
            assert!(months.zip(MONTHS).all(|(day, month)| day.contains(month)));
            // In a pipe nothing changes.
            let removed = Style::pipe().message(&message(Kind::Redacted, ""), None);
            assert_eq!(
                removed,
                "2026-11-20T10:30:00.000Z lobby — message 7 of anna was removed"
            );
        });
    }

    #[test]
    fn spans_are_told_roughly() {
        let told = |seconds| ago(Duration::from_secs(seconds));
        assert_eq!(
            [59, 60, 7_200, 90_000, 200_000].map(told),
            [
                "just now",
                "1 min ago",
                "2 h ago",
                "a day ago",
                "2 days ago"
            ]
        );
        assert_eq!(told(21 * 86_400), "21 days ago");
    }

    /// WCAG's contrast of a colour with white and with black.
    fn contrast([red, green, blue]: [u8; 3]) -> [f64; 2] {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            match part <= 0.040_45 {
                true => part / 12.92,
                false => ((part + 0.055) / 1.055).powf(2.4),
            }
        };
        let light = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
        [1.05 / (light + 0.05), (light + 0.05) / 0.05]
    }

    #[test]
    fn names_can_be_read_on_light_and_on_dark_ground() {
        for colour in NAME_COLOURS {
            // As xterm has them.
            let xterm = match colour {
                31 => [205, 0, 0],
                35 => [205, 0, 205],
                91 => [255, 0, 0],
                94 => [92, 92, 255],
                95 => [255, 0, 255],
                other => panic!("how does {other} look?"),
            };
            let contrast = contrast(xterm);
            assert!(
                contrast.iter().all(|it| *it >= 3.0),
                "{colour}: {contrast:?}"
            );
        }
    }
}
