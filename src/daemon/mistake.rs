//! A mistake in the configuration file in one line, as it is to stand in `systemctl status`: where it is, what is wrong,
//! and what was most likely meant. Knows the parser's words, not the settings.

use serde::de::DeserializeOwned;

use crate::base::text::harmless;

/// How much alike two names must be for one to be a slip of the pen for the other: of all that differ, most are not.
const ALIKE: f64 = 0.8;
/// Known names that are listed when none is like the wrong one: more would bury the rest of the line.
const LISTED_MAX: usize = 10;

/// A table of the file: how one says where it is, and the settings in it.
pub(super) struct Place {
    pub words: &'static str,
    pub settings: Vec<String>,
}

impl Place {
    /// One whose settings are the fields of a type that refuses unknown ones.
    pub fn of<T: DeserializeOwned>(words: &'static str) -> Self {
        // The parser tells them to whoever asks for one that cannot be.
        let message = toml::from_str::<T>("'' = 0").err();
        Self {
            words,
            settings: message.map_or_else(Vec::new, |error| quoted(error.message()).split_off(1)),
        }
    }
}

/// `line 3, column 1: there is no setting 'lisen'; did you mean 'listen'?`
pub(super) fn mistake(text: &str, error: &toml::de::Error, places: &[Place]) -> String {
    let what = match error.message().strip_prefix("unknown field ") {
        Some(rest) => unknown(quoted(rest), places),
        // Words that only programmers know.
        None => error
            .message()
            .replace("expected u32", "expected a whole number up to 4294967295")
            .replace("expected a sequence", "expected a list in [ ]"),
    };
    let what = what.replace('\n', " ");
    let what = harmless(what.trim_end());
    let Some(span) = error.span() else {
        return what.into_owned();
    };
    let before = &text[..text.floor_char_boundary(span.start)];
    let line_begins = before.rfind('\n').map_or(0, |end| end + 1);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before[line_begins..].chars().count();
    format!("line {line}, column {column}: {what}")
}

/// `names` begins with the one that is not known, after it come those that are known there.
fn unknown(names: Vec<String>, places: &[Place]) -> String {
    let Some((wrong, known)) = names.split_first() else {
        return "there is no such setting".to_owned();
    };
    let elsewhere = places.iter().find(|place| place.settings.contains(wrong));
    if let Some(place) = elsewhere {
        return format!(
            "the setting '{wrong}' does not belong here; write it {}",
            place.words
        );
    }
    let likeness = |name: &&String| strsim::jaro(wrong, name);
    let nearest = known
        .iter()
        .filter(|name| likeness(name) > ALIKE)
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let hint = match nearest {
        Some(name) => format!("; did you mean '{name}'?"),
        None if known.len() <= LISTED_MAX => format!("; there are: {}", known.join(", ")),
        None => "; the chatd.toml that comes with chatd has them all".to_owned(),
    };
    format!("there is no setting '{wrong}'{hint}")
}

/// What stands in backticks.
fn quoted(message: &str) -> Vec<String> {
    let parts = message.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}
