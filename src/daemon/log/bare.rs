//! What a line of the log can tell people who are not to know who was there, for bug reports: when, how grave, where in
//! the source, the page of the catalog, and of the fields what comes from lists in the code or is a number. What people
//! wrote, chose or are called by has no way in. Who was who is told by numbers, which are the same in all lines.
//!
//! Turned down: taking names and addresses out of finished lines. They can be a part of any word, and of any error.

use std::collections::HashMap;
use std::fmt::Write as _;

use tracing::Metadata;

use super::record::{FIELDS, Record};
use crate::base::{Timestamp, catalog};

/// The longest word of a list in the code.
const WORD_BYTES_MAX: usize = 64;

/// What is done with a field.
enum Telling {
    /// Its value is told: a number, or a word of a list in the code.
    Word,
    /// A number stands for it.
    Number,
    /// The page of the catalog is told.
    Page,
    /// The numbers by which systems know errors are told.
    Errors,
}

fn telling(name: &str) -> Option<Telling> {
    Some(match name {
        "uid" | "pid" | "method" | "outcome" | "code" => Telling::Word,
        "user" | "room" | "peer" | "session" | "invite" => Telling::Number,
        "MESSAGE_ID" => Telling::Page,
        "error" => Telling::Errors,
        _ => return None,
    })
}

/// An event without what it says.
pub(super) struct Bare {
    at: Timestamp,
    metadata: &'static Metadata<'static>,
    /// Fields that can be told in one way or another, by their place in [`FIELDS`].
    fields: Box<[(usize, Box<str>)]>,
}

impl Bare {
    pub fn of(record: &Record) -> Self {
        let told = FIELDS.iter().zip(&record.fields).enumerate();
        let told = told.filter_map(|(place, ((name, _), value))| {
            let value = value.as_deref()?;
            telling(name).map(|_| (place, value.into()))
        });
        Self {
            at: record.at,
            metadata: record.metadata,
            fields: told.collect(),
        }
    }

    /// `2026-11-20T10:30:00.000Z INFO chatd::daemon::note:42 "a login was refused" user=#1 peer=#2`.
    pub fn line(&self, masks: &mut Masks) -> String {
        let (level, target) = (self.metadata.level(), self.metadata.target());
        let mut line = format!("{} {level} {target}", self.at);
        if let Some(number) = self.metadata.line() {
            let _ = write!(line, ":{number}");
        }
        for (place, value) in &self.fields {
            let name = FIELDS[*place].0;
            let _ = match telling(name) {
                Some(Telling::Word) if is_word(value) => write!(line, " {name}={value}"),
                Some(Telling::Number) => write!(line, " {name}=#{}", masks.of(*place, value)),
                Some(Telling::Page) => match subject(value) {
                    Some(subject) => write!(line, " \"{subject}\""),
                    None => Ok(()),
                },
                Some(Telling::Errors) => write!(line, " error=\"{}\"", numbers(value)),
                Some(Telling::Word) | None => Ok(()),
            };
        }
        line
    }
}

/// The numbers that stand for names.
#[derive(Default)]
pub(super) struct Masks(HashMap<(usize, Box<str>), usize>);

impl Masks {
    fn of(&mut self, place: usize, value: &str) -> usize {
        let next = self.0.len() + 1;
        *self.0.entry((place, value.into())).or_insert(next)
    }
}

fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    text.len() <= WORD_BYTES_MAX && text.bytes().all(is_plain)
}

fn subject(id: &str) -> Option<&'static str> {
    let entry = catalog::ENTRIES.iter().find(|entry| entry.id == id);
    entry.map(|entry| entry.subject)
}

/// `os error 28`, `SQLite error 778`: what stands around them may be a path, or anything.
fn numbers(error: &str) -> String {
    let mut found = Vec::new();
    for known in ["os error ", "SQLite error "] {
        for (place, _) in error.match_indices(known) {
            let rest = &error[place + known.len()..];
            let digits: String = rest
                .chars()
                .take_while(char::is_ascii_digit)
                .take(9)
                .collect();
            if !digits.is_empty() {
                found.push(format!("{known}{digits}"));
            }
        }
    }
    match found.is_empty() {
        true => "…".to_owned(),
        false => found.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_error_its_numbers_are_left() {
        for (error, left) in [
            (
                "cannot open '/home/anna/x': Permission denied (os error 13)",
                "os error 13",
            ),
            (
                "disk I/O error (SQLite error 778) (os error 5)",
                "os error 5, SQLite error 778",
            ),
            ("anna", "…"),
            ("os error anna", "…"),
        ] {
            assert_eq!(numbers(error), left);
        }
    }

    #[test]
    fn a_word_of_the_code_is_told_and_anything_else_is_not() {
        assert!(is_word("io.chatd.Control.NoSuchUser") && is_word("-1"));
        assert!(!is_word("two words") && !is_word("щи") && !is_word(&"x".repeat(65)));
    }
}
