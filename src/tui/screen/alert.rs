//! Telling a person who looks elsewhere that somebody speaks to them: whether, when, with which words, how often. Knows no
//! terminal and no desktop.
//!
//! A terminal says whether it has the focus (DECSET 1004). One that has never said so counts as looked at as long as keys
//! are pressed, and a minute longer; after that it gets the bell alone, since its person may well be reading. A key that
//! comes although the focus is said to be elsewhere is believed more than that.

use std::time::Duration;

use crate::base::record::Kind;
use crate::client::{Message, Notify};
use crate::tui::screen::text::{clean, cut};
use crate::tui::screen::words;

/// What comes within this time is told together.
const TOGETHER: Duration = Duration::from_millis(500);
/// Between two alerts, however much comes in.
const PAUSE: Duration = Duration::from_secs(5);
/// For so long after a key a terminal that tells no focus counts as looked at.
const LOOKED_AT: Duration = Duration::from_secs(60);
/// Columns of a text that are told: a line of a desktop's note.
const BODY_COLUMNS: usize = 120;
/// Places that are named where several messages are told together.
const PLACES_NAMED: usize = 3;
/// The longest OSC 9 in bytes; terminals give up on long ones.
const SEQUENCE_BYTES_MAX: usize = 600;

/// What a person is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Who speaks, and where.
    pub title: String,
    /// What they say.
    pub body: String,
    /// The bell is enough.
    pub bell_only: bool,
}

impl Alert {
    /// What the terminal is sent: OSC 9 and the bell. Ours are the first letters, so that nothing is taken for another
    /// command of OSC 9 (`9;4` moves a progress bar); what others wrote has no control character and no semicolon.
    pub fn sequence(&self) -> String {
        if self.bell_only {
            return "\x07".to_owned();
        }
        let told = format!("chat: {}: {}", clean(&self.title), clean(&self.body));
        let mut told = told.replace(';', ",");
        let mut end = told.len().min(SEQUENCE_BYTES_MAX);
        while !told.is_char_boundary(end) {
            end -= 1;
        }
        told.truncate(end);
        format!("\x1b]9;{told}\x07\x07")
    }
}

/// What a person is not told yet, and where they look.
#[derive(Debug, Default)]
pub struct Alerts {
    /// What the terminal said last of its focus.
    focus: Option<bool>,
    /// When a key was pressed last.
    touched: Duration,
    held: Option<Held>,
    due: Option<Duration>,
    not_before: Duration,
}

#[derive(Debug)]
struct Held {
    title: String,
    body: String,
    places: Vec<String>,
    count: u64,
}

impl Alerts {
    /// The terminal has the focus now, or no longer.
    pub fn focus(&mut self, has: bool) {
        self.focus = Some(has);
        if has {
            self.forget();
        }
    }

    /// A key was pressed.
    pub fn touched(&mut self, now: Duration) {
        self.touched = now;
        self.focus = self.focus.filter(|has| *has);
        self.forget();
    }

    /// Somebody else has said something to this person.
    pub fn spoken_to(&mut self, message: &Message, now: Duration) {
        let said = matches!(message.kind, Kind::Text | Kind::Action);
        if !said || self.is_looking(now) {
            return;
        }
        let (from, room) = (clean(&message.from), clean(&message.room));
        let place = match room.starts_with('@') {
            true => from,
            false => words::from_in(&from, &room),
        };
        let held = self.held.get_or_insert_with(|| Held {
            title: place.clone(),
            body: cut(&clean(&message.text), BODY_COLUMNS),
            places: Vec::new(),
            count: 0,
        });
        held.count = held.count.saturating_add(1);
        if !held.places.contains(&place) && held.places.len() <= PLACES_NAMED {
            held.places.push(place);
        }
        let due = (now + TOGETHER).max(self.not_before);
        self.due.get_or_insert(due);
    }

    /// When something is to be told.
    pub fn deadline(&self) -> Option<Duration> {
        self.due
    }

    /// What is to be told now; what comes while it is caught up is told in one sum behind that.
    pub fn take(&mut self, notify: Notify, catching_up: bool, now: Duration) -> Option<Alert> {
        self.due.filter(|due| now >= *due)?;
        if catching_up {
            self.due = Some(now + TOGETHER);
            return None;
        }
        self.due = None;
        let held = self.held.take()?;
        if notify == Notify::Off || self.is_looking(now) {
            return None;
        }
        self.not_before = now + PAUSE;
        let (title, body) = match held.count {
            1 => (held.title, held.body),
            count => {
                let more = held.places.len() > PLACES_NAMED;
                let places = held.places.into_iter().take(PLACES_NAMED);
                let mut places = places.collect::<Vec<_>>().join(", ");
                if more {
                    places.push_str(", …");
                }
                (words::spoken_to(count), places)
            }
        };
        Some(Alert {
            title,
            body,
            bell_only: notify == Notify::Bell || self.focus.is_none(),
        })
    }

    fn is_looking(&self, now: Duration) -> bool {
        self.focus
            .unwrap_or(now < self.touched.saturating_add(LOOKED_AT))
    }

    fn forget(&mut self) {
        (self.held, self.due) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::text::is_harmful;
    use crate::base::{Seq, Timestamp};

    fn message(room: &str, from: &str, text: &str) -> Message {
        Message {
            room: room.into(),
            seq: Seq(1),
            from: from.into(),
            at: Timestamp(0),
            kind: Kind::Text,
            text: text.into(),
            redacts: None,
            key: None,
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn told(alerts: &mut Alerts, now: Duration) -> Option<(String, String, bool)> {
        let alert = alerts.take(Notify::On, false, now)?;
        Some((alert.title, alert.body, alert.bell_only))
    }

    #[test]
    fn one_is_told_in_its_words_and_several_together_and_not_too_often() {
        let mut alerts = Alerts::default();
        alerts.focus(false);
        alerts.spoken_to(&message("@boris", "boris", "hi\nanna"), at(1));
        assert_eq!(told(&mut alerts, at(1)), None);
        let first = told(&mut alerts, at(2)).unwrap();
        assert_eq!(first, ("boris".into(), "hi↵anna".into(), false));
        for (room, from) in [("tea", "vera"), ("tea", "vera"), ("@boris", "boris")] {
            alerts.spoken_to(&message(room, from, "anna?"), at(3));
        }
        assert_eq!(alerts.deadline(), Some(at(7)));
        let sum = told(&mut alerts, at(7)).unwrap();
        let expected = (
            "3 messages for you".into(),
            "vera in tea, boris".into(),
            false,
        );
        assert_eq!(sum, expected);
        assert_eq!((alerts.deadline(), told(&mut alerts, at(9))), (None, None));
    }

    #[test]
    fn whoever_looks_is_not_told_and_a_terminal_that_tells_no_focus_gets_the_bell_after_a_minute() {
        let mut alerts = Alerts::default();
        let speak = |alerts: &mut Alerts, now| {
            alerts.spoken_to(&message("@boris", "boris", "hi"), at(now));
            told(alerts, at(now + 10)).map(|(.., bell_only)| bell_only)
        };
        alerts.touched(at(1));
        assert_eq!(speak(&mut alerts, 30), None);
        assert_eq!(speak(&mut alerts, 62), Some(true));
        alerts.focus(true);
        assert_eq!(speak(&mut alerts, 900), None);
        alerts.focus(false);
        assert_eq!(speak(&mut alerts, 1_000), Some(false));
        // What is not told yet need not be told to whoever has come back.
        alerts.spoken_to(&message("@boris", "boris", "hi"), at(1_100));
        alerts.focus(true);
        assert_eq!(
            (alerts.deadline(), told(&mut alerts, at(1_200))),
            (None, None)
        );
        // The focus is said to be elsewhere, but somebody types.
        alerts.focus(false);
        alerts.touched(at(1_300));
        assert_eq!(speak(&mut alerts, 1_310), None);
    }

    #[test]
    fn what_is_caught_up_with_is_one_sum_and_off_is_off() {
        let mut alerts = Alerts::default();
        alerts.focus(false);
        for _ in 0..500 {
            alerts.spoken_to(&message("tea", "vera", "anna"), at(1));
        }
        assert_eq!(alerts.take(Notify::On, true, at(2)), None);
        let alert = alerts.take(Notify::On, false, at(3)).unwrap();
        assert_eq!(alert.title, "500 messages for you");
        alerts.spoken_to(&message("tea", "vera", "anna"), at(10));
        let bell = alerts.take(Notify::Bell, false, at(20)).unwrap();
        assert_eq!(bell.sequence(), "\x07");
        alerts.spoken_to(&message("tea", "vera", "anna"), at(30));
        assert_eq!(alerts.take(Notify::Off, false, at(40)), None);
    }

    proptest! {
        #[test]
        fn nothing_that_others_wrote_ends_the_sequence_or_is_taken_for_a_command(
            from in r"(?s).{0,40}", room in r"(?s)[4;\x00-\x20\x7f-\u{9f}\u{202e}a\\]{0,40}", text in r"(?s).{0,900}",
        ) {
            let mut alerts = Alerts::default();
            alerts.focus(false);
            alerts.spoken_to(&message(&room, &from, &text), at(1));
            let sequence = alerts.take(Notify::On, false, at(2)).unwrap().sequence();
            let told = sequence.strip_prefix("\x1b]9;chat: ").unwrap();
            let told = told.strip_suffix("\x07\x07").unwrap();
            prop_assert!(!told.chars().any(|one| is_harmful(one) || one == ';'), "{told:?}");
            prop_assert!(sequence.len() <= SEQUENCE_BYTES_MAX + 10);
        }
    }
}
