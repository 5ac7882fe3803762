//! An event as it is told: its text, which is the same everywhere, and the fields by which the journal finds it again.
//! Where it is told is not decided here.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};

use super::mask::Addresses;
use crate::base::Timestamp;
use crate::base::text::{harmless, harmless_lines};
use crate::daemon::clock::wall;

/// The longest text or field in bytes; the rest of a longer one is left out.
pub(super) const LINE_BYTES_MAX: usize = 8_192;

/// The field that names the page of the catalog. It is the journal's alone and stands in no line.
pub(super) const MESSAGE_ID: &str = "MESSAGE_ID";

/// The field that is an address of somebody: how much of it is shown is a setting.
const PEER: &str = "peer";
/// A network of addresses, such as one that is banned.
const NETWORK: &str = "network";

/// The fields that are told to the journal, each with its name there. Others stand in the text alone.
pub(super) const FIELDS: [(&str, &str); 19] = [
    (MESSAGE_ID, MESSAGE_ID),
    ("user", "CHATD_USER"),
    ("room", "CHATD_ROOM"),
    (PEER, "CHATD_PEER"),
    ("session", "CHATD_SESSION"),
    ("uid", "CHATD_UID"),
    ("pid", "CHATD_PID"),
    ("method", "CHATD_METHOD"),
    ("outcome", "CHATD_OUTCOME"),
    ("reason", "CHATD_REASON"),
    ("error", "CHATD_ERROR"),
    ("file", "CHATD_FILE"),
    ("address", "CHATD_ADDRESS"),
    ("code", "CHATD_CODE"),
    ("fingerprint", "CHATD_FINGERPRINT"),
    ("expires", "CHATD_EXPIRES"),
    ("invite", "CHATD_INVITE"),
    ("by", "CHATD_BY"),
    ("until", "CHATD_UNTIL"),
];

/// One event.
#[derive(Debug)]
pub(super) struct Record {
    /// Level, target and place in the source.
    pub metadata: &'static Metadata<'static>,
    pub at: Timestamp,
    /// The message and its fields. What the message itself has in several lines stays so.
    pub text: String,
    /// In the order of [`FIELDS`].
    pub fields: [Option<String>; FIELDS.len()],
}

impl Record {
    /// What an event says.
    pub fn new(event: &Event<'_>, addresses: Addresses) -> Self {
        let mut reading = Reading {
            addresses,
            message: String::new(),
            rest: String::new(),
            fields: Default::default(),
        };
        event.record(&mut reading);
        let mut text = harmless_lines(&reading.message);
        text.push_str(&reading.rest);
        Self {
            metadata: event.metadata(),
            at: wall(),
            text: cut(text),
            fields: reading.fields,
        }
    }

    /// What the log has to say of itself, with these fields.
    pub fn of_the_log(
        metadata: &'static Metadata<'static>,
        text: &str,
        fields: &[(&str, &str)],
    ) -> Self {
        let mut reading = Reading {
            addresses: Addresses::Masked,
            message: String::new(),
            rest: String::new(),
            fields: Default::default(),
        };
        for (name, value) in fields {
            reading.take(name, (*value).to_owned());
        }
        Self {
            metadata,
            at: wall(),
            text: cut(format!("{text}{}", reading.rest)),
            fields: reading.fields,
        }
    }

    pub fn level(&self) -> Level {
        *self.metadata.level()
    }

    /// The page of the catalog that it names.
    pub fn message_id(&self) -> Option<&str> {
        self.fields[0].as_deref()
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        let fields = self.fields.iter().flatten().map(String::len);
        size_of::<Self>() + self.text.len() + fields.sum::<usize>()
    }

    /// How it stands in chatd's own log: `2026-11-20T10:30:00.000Z INFO serving address=127.0.0.1:2428`. It is one line
    /// whatever is in it.
    pub fn line(&self) -> String {
        format!("{} {} {}", self.at, self.level(), harmless(&self.text))
    }
}

/// Reads an event's fields.
struct Reading {
    addresses: Addresses,
    message: String,
    rest: String,
    fields: [Option<String>; FIELDS.len()],
}

impl Reading {
    fn take(&mut self, name: &str, value: String) {
        if name == "message" {
            self.message = value;
            return;
        }
        let value = match name {
            PEER | NETWORK => self.addresses.show(value),
            _ => value,
        };
        if name != MESSAGE_ID {
            let quoted = Quoted(&value).to_string();
            self.rest.extend([" ", name, "=", &harmless(&quoted)]);
        }
        if let Some(place) = FIELDS.iter().position(|(known, _)| *known == name) {
            self.fields[place] = Some(cut(harmless(&value).into_owned()));
        }
    }
}

impl Visit for Reading {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field.name(), format!("{value:?}"));
    }
}

/// A value as it stands in a line: in quotation marks where it would not be clear otherwise where it ends.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_clear = |character: char| !character.is_whitespace() && character != '=';
        let begins_clear = self.0.starts_with(|first| first != '"');
        if begins_clear && self.0.chars().all(is_clear) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        f.write_char('"')
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LINE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(LINE_BYTES_MAX));
        text.push('…');
    }
    text
}
