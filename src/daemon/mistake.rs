//! A mistake in the configuration file in one line, as it is to stand in `systemctl status`: where it is, what is wrong,
//! and what was most likely meant. Knows the parser's words, not the settings.

use std::fmt;

use serde::de::{DeserializeOwned, Error, Unexpected, Visitor};

use crate::base::nearest::nearest;
use crate::base::text::harmless;

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
        None => match error.message() {
            "duplicate key" => "this is set already, further up".to_owned(),
            "invalid basic string, expected `\"`" => {
                "the text has no second quotation mark".to_owned()
            }
            message => unfit(message).unwrap_or_else(|| message.to_owned()),
        },
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

/// A value that cannot be, in words that are not only the parser's: ``invalid type: integer `7`, expected a sequence``.
fn unfit(message: &str) -> Option<String> {
    let is_unfit = |begins| message.strip_prefix(begins);
    let rest = is_unfit("invalid type: ").or_else(|| is_unfit("invalid value: "))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let found = match found.split_once(['`', '"']) {
        _ if found == "sequence" => "a list",
        _ if found == "map" => "a table",
        Some(("string ", _)) => found.trim_start_matches("string "),
        Some((_, value)) => value.trim_end_matches('`'),
        None => found,
    };
    let expected = match expected {
        "u32" => "a whole number up to 4294967295",
        "a sequence" => "a list in [ ]",
        "a boolean" => "true or false",
        "a string" => "a text in quotation marks",
        _ if expected.starts_with("struct ") => {
            "a table, as the chatd.toml that comes with chatd has it"
        }
        _ => expected,
    };
    Some(format!("{found} is not possible here; write {expected}"))
}

/// One of a few words, which are told where another one stands.
pub(super) struct OneOf<'a>(pub &'a [&'static str]);

impl Visitor<'_> for OneOf<'_> {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.0.iter().enumerate() {
            let before = match at {
                0 => "",
                at if at + 1 < self.0.len() => ", ",
                _ => " or ",
            };
            write!(f, "{before}\"{word}\"")?;
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<&'static str, E> {
        let known = self.0.iter().find(|word| **word == text);
        known
            .copied()
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
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
    let hint = match nearest(wrong, known.iter().map(String::as_str)) {
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
