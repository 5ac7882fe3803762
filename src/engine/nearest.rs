//! Names as the admin looks for them, who may know all of them: those that begin in some way, and which was meant where there
//! is none of that name. Nobody else is told.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Engine;
use super::effect::Reply;
use super::input::Known;
use crate::base::nearest::{Outline, nearest};
use crate::base::record::RoomForm;
use crate::base::{RoomLabel, UserName};

/// Names that are looked at closely on either side of where the wrong one would stand, which begin like it.
const NEIGHBOURS: usize = 500;
/// Names that are looked at closely of all others: with 100 000 accounts that all but look the same it is over in some
/// milliseconds.
const OTHERS: usize = 1_000;

impl Engine {
    /// The names that begin so, by their keys: capitals are small letters.
    pub(super) fn names_like(&self, of_rooms: bool, prefix: &str, most: usize) -> Reply {
        let prefix = prefix.to_lowercase();
        let mut names: Vec<String> = match of_rooms {
            true => from(&self.state.room_names, &prefix)
                .filter_map(|room| match &self.state.rooms.get(room)?.form {
                    RoomForm::Open(name) => Some(name.to_string()),
                    RoomForm::Direct(..) => None,
                })
                .take(most.saturating_add(1))
                .collect(),
            false => from(&self.state.names, &prefix)
                .filter_map(|user| Some(self.state.users.get(user)?.name.to_string()))
                .take(most.saturating_add(1))
                .collect(),
        };
        let more = names.len() > most;
        names.truncate(most);
        Reply::Names(names, more)
    }

    pub(super) fn nearest(&self, name: &Known) -> Option<String> {
        match name {
            Known::User(name) => self.nearest_user(name),
            Known::Room(RoomLabel::Open(name)) => {
                let key = among(&self.state.room_names, name.key())?;
                let room = self.state.room_names.get(key)?;
                self.admin_room_line(*room).map(|line| line.label)
            }
            Known::Room(RoomLabel::Direct(one, other)) => {
                let meant = |name: &UserName| match self.state.user_by_name(name) {
                    Some(_) => Some(name.to_string()),
                    None => self.nearest_user(name),
                };
                let label = format!("@{} @{}", meant(one)?, meant(other)?);
                let room = self.state.room_by_label(&label.parse().ok()?)?;
                self.admin_room_line(room).map(|line| line.label)
            }
        }
    }

    fn nearest_user(&self, name: &UserName) -> Option<String> {
        let key = among(&self.state.names, name.key())?;
        let user = self.state.names.get(key)?;
        Some(self.state.users.get(user)?.name.to_string())
    }
}

fn from<'a, T>(names: &'a BTreeMap<Box<str>, T>, prefix: &str) -> impl Iterator<Item = &'a T> {
    let begins = names.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
    begins
        .take_while(move |(key, _)| key.starts_with(prefix))
        .map(|(_, value)| value)
}

/// The key that is most like one that is not there.
fn among<'a, T>(names: &'a BTreeMap<Box<str>, T>, wrong: &str) -> Option<&'a str> {
    let below = names.range::<str, _>((Bound::Unbounded, Bound::Excluded(wrong)));
    let above = names.range::<str, _>((Bound::Excluded(wrong), Bound::Unbounded));
    let neighbours = below.rev().take(NEIGHBOURS).chain(above.take(NEIGHBOURS));
    let outline = Outline::of(wrong);
    let others = names
        .iter()
        .filter(|(key, _)| outline.may_be(Outline::of(key)));
    let keys = neighbours.chain(others.take(OTHERS)).map(|(key, _)| &**key);
    nearest(wrong, keys)
}
