//! A mistake in a file of settings (TOML) in one line, as it is to stand in `systemctl status`: where it is, what is
//! wrong, and what was most likely meant. Knows the parser's words, not the settings.

use std::fmt;

use serde::de::{DeserializeOwned, Error, Unexpected, Visitor};

use crate::base::nearest::nearest;
use crate::base::text::harmless;
use crate::base::tongue::say;

/// Known names that are listed when none is like the wrong one: more would bury the rest of the line.
const LISTED_MAX: usize = 10;

/// A table of the file: how one says where it is, and the settings in it.
pub struct Place {
    words: &'static str,
    settings: Vec<String>,
}

impl Place {
    /// One whose settings are the fields of a type that refuses unknown ones.
    #[must_use]
    pub fn of<T: DeserializeOwned>(words: &'static str) -> Self {
        // The parser tells them to whoever asks for one that cannot be.
        let message = toml::from_str::<T>("'' = 0").err();
        Self {
            words,
            settings: message.map_or_else(Vec::new, |error| quoted(error.message()).split_off(1)),
        }
    }
}

/// What can be said about a mistake in a file of settings.
pub struct Mistakes<'a> {
    /// What stands in the file.
    pub text: &'a str,
    /// Where its settings stand.
    pub places: &'a [Place],
    /// Where one can look how it is done.
    pub example: &'a str,
}

impl Mistakes<'_> {
    /// `line 3, column 1: there is no setting 'lisen'; did you mean 'listen'?`
    #[must_use]
    pub fn told(&self, error: &toml::de::Error) -> String {
        let unknown = error.message().strip_prefix("unknown field ");
        let missing = error.message().strip_prefix("missing field ");
        let what = match (unknown, missing) {
            (Some(names), _) => self.unknown(&quoted(names)),
            (_, Some(name)) => {
                let name = quoted(name).concat();
                say!(
                    "the setting '{name}' is missing here",
                    "здесь нет настройки «{name}»"
                )
            }
            _ => match error.message() {
                "duplicate key" => say!("this is set already, further up", "это уже задано выше"),
                "invalid basic string, expected `\"`" => say!(
                    "the text has no second quotation mark",
                    "у текста нет второй кавычки"
                ),
                message => self.unfit(message).unwrap_or_else(|| message.to_owned()),
            },
        };
        match error.span() {
            Some(span) => self.at(span.start, &what),
            None => one_line(&what),
        }
    }

    /// Something else that is wrong at this place of the text, in bytes.
    #[must_use]
    pub fn at(&self, place: usize, what: &str) -> String {
        let before = &self.text[..self.text.floor_char_boundary(place)];
        let line_begins = before.rfind('\n').map_or(0, |end| end + 1);
        let line = 1 + before.matches('\n').count();
        let column = 1 + before[line_begins..].chars().count();
        let what = one_line(what);
        say!(
            "line {line}, column {column}: {what}",
            "строка {line}, столбец {column}: {what}"
        )
    }

    /// A value that cannot be, in words that are not only the parser's: ``invalid type: integer `7`, expected a
    /// sequence``.
    fn unfit(&self, message: &str) -> Option<String> {
        let is_unfit = |begins| message.strip_prefix(begins);
        let rest = is_unfit("invalid type: ").or_else(|| is_unfit("invalid value: "))?;
        let (found, expected) = rest.rsplit_once(", expected ")?;
        let found = match found.split_once(['`', '"']) {
            _ if found == "sequence" => say!("a list", "список"),
            _ if found == "map" => say!("a table", "таблица"),
            Some(("string ", _)) => found.trim_start_matches("string ").to_owned(),
            Some((_, value)) => value.trim_end_matches('`').to_owned(),
            None => found.to_owned(),
        };
        let expected = match expected {
            "u32" => say!(
                "a whole number up to 4294967295",
                "целое число до 4294967295"
            ),
            "a sequence" => say!("a list in [ ]", "список в [ ]"),
            "a boolean" => say!("true or false", "true или false"),
            "a string" => say!("a text in quotation marks", "текст в кавычках"),
            _ if expected.starts_with("struct ") || expected == "a map" => {
                let example = self.example;
                say!("a table, as {example} has it", "таблица, как в {example}")
            }
            _ => expected.to_owned(),
        };
        Some(say!(
            "{found} is not possible here; write {expected}",
            "{found} здесь не годится; нужно: {expected}"
        ))
    }

    /// `names` begins with the one that is not known, after it come those that are known there.
    fn unknown(&self, names: &[String]) -> String {
        let Some((wrong, known)) = names.split_first() else {
            return say!("there is no such setting", "такой настройки нет");
        };
        let mut places = self.places.iter();
        if let Some(Place { words, .. }) = places.find(|place| place.settings.contains(wrong)) {
            return say!(
                "the setting '{wrong}' does not belong here; write it {words}",
                "настройке «{wrong}» здесь не место; её место: {words}"
            );
        }
        let hint = match nearest(wrong, known.iter().map(String::as_str)) {
            Some(name) => say!("; did you mean '{name}'?", "; может быть, «{name}»?"),
            None if known.len() <= LISTED_MAX => {
                let all = known.join(", ");
                say!("; there are: {all}", "; есть такие: {all}")
            }
            None => {
                let example = self.example;
                say!("; {example} has them all", "; все они есть в {example}")
            }
        };
        say!(
            "there is no setting '{wrong}'{hint}",
            "настройки «{wrong}» нет{hint}"
        )
    }
}

fn one_line(what: &str) -> String {
    let what = what.replace('\n', " ");
    harmless(what.trim_end()).into_owned()
}

/// One of a few words, which are told where another one stands.
pub struct OneOf<'a>(pub &'a [&'static str]);

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

/// What stands in backticks.
fn quoted(message: &str) -> Vec<String> {
    let parts = message.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}
