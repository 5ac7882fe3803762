//! The form by which one comes in, without I/O: is told keys, how far it is and what hinders it, and says what to do.
//! Nothing that was typed is lost by an error.

mod draw;
mod keys;
#[cfg(test)]
mod tests;
mod words;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::base::{Fingerprint, Password};
use crate::client::known::server;
use crate::tui::address::{Address, port};
use crate::tui::enter::attempt::{Field, Hindrance, Progress, Wish};
use crate::tui::screen::theme::Theme;
use crate::tui::screen::writing::Writing;

/// The fields, as they stand one below the other.
const FIELDS: [Field; 6] = [
    Field::Server,
    Field::Port,
    Field::Name,
    Field::Password,
    Field::Again,
    Field::Invite,
];

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Try it.
    Try(Place, Wish),
    /// No longer try it.
    BreakOff,
    /// The server with this certificate is trusted from now on.
    Trust(Place, Fingerprint),
    /// Stop until the shell has us go on.
    Suspend,
    /// Draw all of it anew.
    Redraw,
    /// The person does not want to come in.
    End,
}

/// Where to, and who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The name.
    pub name: String,
    /// The room that one is in at first, where an address has told it.
    pub room: Option<String>,
}

/// What is known beforehand.
#[derive(Clone, Debug)]
pub struct Filled {
    /// Where to, and who; by default if need be.
    pub place: Place,
    /// Whether the server is known.
    pub knows_server: bool,
    /// The password, where it is known.
    pub password: Option<Password>,
    /// The invite, where it is known.
    pub invite: Option<Password>,
}

/// The form.
pub struct Form {
    theme: Theme,
    size: (u16, u16),
    /// What stands in the fields.
    lines: [Writing; FIELDS.len()],
    at: Field,
    mode: Mode,
    /// A name that may be new.
    new: Option<New>,
    /// What stands above the fields.
    said: String,
    /// The room of an address that stood in a field.
    room: Option<String>,
    /// What is wrong, and in which field.
    wrong: Option<(Field, String)>,
    actions: Vec<Action>,
    changed: bool,
}

/// What is going on.
#[derive(Clone, Debug, PartialEq)]
enum Mode {
    /// The fields are filled in.
    Filling,
    /// It is tried.
    Trying(Place, Wish, Progress),
    /// Whether the server is to be trusted.
    Asking(Place, Wish, Fingerprint, String),
}

/// What a new name takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct New {
    invite: bool,
    password_chars_min: usize,
    /// Whether the server has said that the name can be had: then another password is not meant for another try to log in.
    sure: bool,
}

impl Form {
    /// A form of this size.
    pub fn new(theme: Theme, size: (u16, u16), filled: Filled) -> Self {
        let mut form = Self {
            theme,
            size,
            lines: Default::default(),
            at: Field::Server,
            mode: Mode::Filling,
            new: None,
            said: words::welcome(),
            room: None,
            wrong: None,
            actions: Vec::new(),
            changed: true,
        };
        let Place {
            host, port, name, ..
        } = &filled.place;
        form.fill(Field::Server, host);
        form.fill(Field::Port, &port.to_string());
        form.fill(Field::Name, name);
        let expose = |secret: &Option<Password>| secret.as_ref().map(|it| it.expose().to_owned());
        form.fill(
            Field::Password,
            &expose(&filled.password).unwrap_or_default(),
        );
        form.fill(Field::Invite, &expose(&filled.invite).unwrap_or_default());
        if filled.knows_server {
            form.at = match name.is_empty() {
                true => Field::Name,
                false => Field::Password,
            };
        }
        form
    }

    /// Puts this into a field.
    pub fn fill(&mut self, field: Field, text: &str) {
        self.lines[field as usize].begin(&one_line(text));
        self.changed = true;
    }

    /// Whether nothing stands in a field.
    pub fn is_empty(&self, field: Field) -> bool {
        self.text(field).is_empty()
    }

    /// Tells something above the fields.
    pub fn say(&mut self, text: &str) {
        self.said = text.to_owned();
        self.changed = true;
    }

    /// The screen has another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
        self.changed = true;
    }

    /// What is to be done.
    pub fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Whether it looks different since this was asked last.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Its size.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// The attempt has come so far.
    pub fn progress(&mut self, progress: Progress) {
        if let Mode::Trying(_, _, so_far) = &mut self.mode {
            *so_far = progress;
            self.changed = true;
        }
    }

    /// The attempt did not work.
    pub fn hindered(&mut self, hindrance: Hindrance) {
        self.changed = true;
        let before = std::mem::replace(&mut self.mode, Mode::Filling);
        match (hindrance, before) {
            (Hindrance::Unknown { shown, why }, Mode::Trying(place, wish, _)) => {
                self.mode = Mode::Asking(place, wish, shown, why);
            }
            (Hindrance::Unknown { why, .. }, _) => self.wrong_at(Field::Server, why),
            (
                Hindrance::New {
                    invite,
                    password_chars_min,
                },
                _,
            ) => {
                self.new = Some(New {
                    invite,
                    password_chars_min,
                    sure: false,
                });
                self.fill(Field::Again, "");
                self.at = Field::Again;
                self.wrong = None;
                self.check_length();
            }
            (Hindrance::At(field, text), _) => {
                match (&mut self.new, field) {
                    (Some(new), Field::Password) => new.sure = true,
                    (Some(_), Field::Invite) => {}
                    _ => self.new = None,
                }
                if field == Field::Password {
                    self.fill(Field::Again, "");
                }
                self.wrong_at(field, text);
            }
        }
    }

    /// Tries it with what is filled in.
    pub fn try_it(&mut self) {
        self.changed = true;
        self.wrong = None;
        let place = match self.place() {
            Ok(place) => place,
            Err((field, text)) => return self.wrong_at(field, text),
        };
        if self.new.is_some() && !self.is_new_ready() {
            return;
        }
        let secret = |field| Some(self.text(field)).filter(|text| !text.is_empty());
        let secret = |field| secret(field).map(|text| Password::new(text.to_owned()));
        let invite = self.new.filter(|new| new.invite).and(secret(Field::Invite));
        let wish = Wish {
            password: secret(Field::Password),
            registers: self.new.is_some(),
            invite,
        };
        self.tries(place, wish);
    }

    fn tries(&mut self, place: Place, wish: Wish) {
        self.mode = Mode::Trying(place.clone(), wish.clone(), Progress::Connecting);
        self.actions.push(Action::Try(place, wish));
    }

    /// What stands there, or which field is wrong and why.
    fn place(&mut self) -> Result<Place, (Field, String)> {
        self.room = self.take_address();
        let room = self.room.clone();
        let told = |field: Field| match self.text(field).trim() {
            "" => Err((field, words::missing(field))),
            text => Ok(text.to_owned()),
        };
        let name = told(Field::Name);
        let address = told(Field::Server)?.parse::<Address>();
        Ok(Place {
            host: address.map_err(|text| (Field::Server, text))?.host,
            port: port(self.text(Field::Port).trim()).map_err(|text| (Field::Port, text))?,
            name: name?,
            room,
        })
    }

    /// An address in the first field fills the others; its room is given back.
    fn take_address(&mut self) -> Option<String> {
        let address: Address = self.text(Field::Server).trim().parse().ok()?;
        self.fill(Field::Server, &address.host);
        if let Some(port) = address.port {
            self.fill(Field::Port, &port.to_string());
        }
        if let Some(name) = &address.name {
            self.fill(Field::Name, name);
        }
        address.room.or_else(|| self.room.clone())
    }

    /// Whether what a new name takes is there; what is not is told.
    fn is_new_ready(&mut self) -> bool {
        if !self.check_length() {
            return false;
        }
        if self.text(Field::Again).is_empty() {
            self.wrong_at(Field::Again, words::missing(Field::Again));
        } else if self.text(Field::Again) != self.text(Field::Password) {
            self.fill(Field::Again, "");
            self.wrong_at(Field::Again, words::differ());
        } else if self.new.is_some_and(|new| new.invite) && self.text(Field::Invite).is_empty() {
            self.wrong_at(Field::Invite, words::missing(Field::Invite));
        } else {
            return true;
        }
        false
    }

    fn check_length(&mut self) -> bool {
        let least = self.new.map_or(0, |new| new.password_chars_min);
        let is_long = self.text(Field::Password).chars().count() >= least;
        if !is_long {
            if let Some(new) = &mut self.new {
                new.sure = true;
            }
            self.wrong_at(Field::Password, words::short(least));
        }
        is_long
    }

    fn wrong_at(&mut self, field: Field, text: String) {
        self.wrong = Some((field, text));
        self.at = field;
    }

    /// The fields that are there.
    fn fields(&self) -> Vec<Field> {
        let is_there = |field: &Field| match field {
            Field::Again => self.new.is_some(),
            Field::Invite => self.new.is_some_and(|new| new.invite),
            _ => true,
        };
        FIELDS.into_iter().filter(is_there).collect()
    }

    fn text(&self, field: Field) -> &str {
        self.lines[field as usize].text()
    }

    /// What stands above the fields.
    fn said(&self) -> String {
        match self.new {
            Some(new) => words::new_name(self.text(Field::Name).trim(), new.invite),
            None => self.said.clone(),
        }
    }

    /// What a field shows, and how much of it is before the cursor.
    fn shown(&self, field: Field) -> (String, String) {
        let line = &self.lines[field as usize];
        let dots = |text: &str| "•".repeat(text.graphemes(true).count());
        match field {
            Field::Password | Field::Again => (dots(line.text()), dots(line.before())),
            _ => (line.text().to_owned(), line.before().to_owned()),
        }
    }
}

fn one_line(text: &str) -> String {
    let line = text.split(['\n', '\r']).find(|line| !line.is_empty());
    line.unwrap_or_default().replace('\t', " ")
}

impl Place {
    /// As it is shown.
    fn server(&self) -> String {
        server(&self.host, self.port)
    }
}
