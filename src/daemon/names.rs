//! The names of authors, for threads that read messages: each is looked up once.

use std::collections::HashMap;

use crate::base::id::ADMIN;
use crate::base::{UserId, UserName};
use crate::store::{Reader, StoreError};

/// Names that a thread remembers: names never change, so the bound is on memory alone.
const NAMES_MAX: usize = 100_000;

/// Those that one thread has looked up.
#[derive(Default)]
pub(super) struct Names(HashMap<UserId, UserName>);

impl Names {
    /// The name of an author. One who is nowhere to be found is `unknown`: an author is never removed from the store, and a
    /// message left out would be a hole.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(&mut self, user: UserId, reader: &mut dyn Reader) -> Result<UserName, StoreError> {
        if user == ADMIN {
            return Ok(UserName::admin());
        }
        if let Some(name) = self.0.get(&user) {
            return Ok(name.clone());
        }
        let name = reader.author(user)?.unwrap_or_else(UserName::unknown);
        if self.0.len() >= NAMES_MAX {
            self.0.clear();
        }
        self.0.insert(user, name.clone());
        Ok(name)
    }
}
