//! Accounts that are brought along from elsewhere: all of them come, or none.

use super::Stored;
use crate::base::record::{Change, LastLogin, UserRecord};
use crate::base::{CallId, UserName};
use crate::engine::effect::{Refusal, Reply};
use crate::engine::input::Newcomer;
use crate::engine::{Engine, Then};

impl Engine {
    /// Whether all of these could have accounts.
    pub(super) fn check_names(&mut self, names: &[UserName]) -> Reply {
        match self.reserve_all(names.iter()) {
            Ok(()) => {
                self.release_names(names.iter());
                Reply::Done
            }
            Err(reply) => reply,
        }
    }

    pub(super) fn add_users(&mut self, call: CallId, users: Vec<Newcomer>) -> Option<Reply> {
        if let Err(reply) = self.reserve_all(users.iter().map(|user| &user.name)) {
            return Some(reply);
        }
        let reply = Reply::Count(users.len() as u64);
        let registered = users.iter().map(|user| user.name.clone()).collect();
        let mut changes = Vec::with_capacity(2 * users.len());
        for newcomer in users {
            let id = self.next_user;
            self.next_user = id.next();
            let user = UserRecord {
                id,
                name: newcomer.name,
                created_at: newcomer.created_at.unwrap_or(self.now.wall),
                last_login: newcomer
                    .last_login_at
                    .map(|at| LastLogin { at, from: None }),
                disabled_at: newcomer.disabled_at,
                removed: false,
            };
            changes.push(Change::AddUser(user, newcomer.hash));
            changes.push(Change::AddMember(self.lobby_member(id)));
        }
        self.commit(
            changes,
            Then::Admin(Stored {
                call,
                reply,
                registered,
            }),
        );
        None
    }

    /// Keeps the names from everybody else until they are stored or released. With one that cannot be had none is kept.
    fn reserve_all<'a>(
        &mut self,
        names: impl Iterator<Item = &'a UserName> + Clone,
    ) -> Result<(), Reply> {
        for (count, name) in names.clone().enumerate() {
            if let Err(refusal) = self.reserve(name) {
                self.release_names(names.take(count));
                return Err(match refusal {
                    Refusal::LimitReached(limit) => Reply::LimitReached(limit),
                    _ => Reply::Taken(name.clone()),
                });
            }
        }
        Ok(())
    }

    pub(super) fn release_names<'a>(&mut self, names: impl Iterator<Item = &'a UserName>) {
        for name in names {
            self.registering.remove(name.skeleton());
        }
    }
}
