//! The commands that only the full screen has: how one is told, and of which rooms one is not.

use crate::client::model::{Model, same_place};
use crate::client::preferences::HUSHED_MAX;
use crate::client::{Notify, Preferences};
use crate::tui::screen::app::{Action, App};
use crate::tui::screen::text::clean;
use crate::tui::screen::words;

/// What a person prefers from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// To be told in this way.
    Notify(Notify),
    /// Not to be told of a room, or to be told of it again.
    Hush(String, bool),
}

impl Change {
    /// Makes it so.
    pub fn apply(self, preferences: &mut Preferences) {
        match self {
            Self::Notify(notify) => preferences.notify = notify,
            Self::Hush(room, true) if preferences.hushed.len() < HUSHED_MAX => {
                preferences.hushed.insert(room);
            }
            Self::Hush(_, true) => {}
            Self::Hush(room, false) => preferences.hushed.retain(|it| !same_place(it, &room)),
        }
    }
}

impl App {
    /// What was preferred when the program ran last.
    pub fn prefer(&mut self, preferences: Preferences) {
        self.preferences = preferences;
    }

    /// Whether somebody wants to hear nothing of this room.
    pub(super) fn is_hushed(&self, room: &str) -> bool {
        self.preferences.hushed.contains(room)
    }

    /// Carries out a command that the line mode has not. Says whether the line is one.
    pub(super) fn own_command(&mut self, line: &str, model: &Model) -> bool {
        let Some(line) = line.strip_prefix('/') else {
            return false;
        };
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match name {
            "notify" => self.notify(rest.trim(), model),
            "hush" => self.hush(rest.trim(), true, model),
            "unhush" => self.hush(rest.trim(), false, model),
            _ => return false,
        }
        true
    }

    fn notify(&mut self, how: &str, model: &Model) {
        let notify = match how {
            "" => return self.note(&words::notify(self.preferences.notify), model),
            "on" => Notify::On,
            "bell" => Notify::Bell,
            "off" => Notify::Off,
            _ => return self.note(&words::notify_usage(), model),
        };
        self.change(Change::Notify(notify));
        self.note(&words::notify(notify), model);
    }

    fn hush(&mut self, named: &str, hush: bool, model: &Model) {
        let named = match named.trim_start_matches('#') {
            "" => self.current.clone(),
            named => named.into(),
        };
        let mut known = (model.rooms().keys().map(|room| &**room))
            .chain(self.preferences.hushed.iter().map(String::as_str));
        let Some(room) = known.find(|known| same_place(known, &named)) else {
            return self.note(&words::not_in(&clean(&named)), model);
        };
        let room = room.to_owned();
        if hush && !self.is_hushed(&room) && self.preferences.hushed.len() >= HUSHED_MAX {
            return self.note(&words::too_many_hushed(HUSHED_MAX), model);
        }
        let told = match hush {
            true => words::hushed(&clean(&room)),
            false => words::unhushed(&clean(&room)),
        };
        self.change(Change::Hush(room, hush));
        self.note(&told, model);
    }

    fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.preferences);
        self.actions.push(Action::Prefer(change));
    }
}
