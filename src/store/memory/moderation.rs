//! Bans, mutes and roles, as a map each.

use super::State;
use crate::base::record::Change;
use crate::base::{BanKey, BanKind, Banned, RoomId, UserId};

impl State {
    pub(super) fn moderate(&mut self, change: &Change) {
        match change {
            Change::SetModerator(user, false) => drop(self.moderators.remove(user)),
            Change::SetModerator(user, true) if self.living(*user).is_some() => {
                self.moderators.insert(*user);
            }
            Change::SetOperator(room, user, false) => drop(self.operators.remove(&(*room, *user))),
            Change::SetOperator(room, user, true) if self.members.contains_key(&(*room, *user)) => {
                self.operators.insert((*room, *user));
            }
            Change::SetBan(ban) => {
                self.bans.remove(&ban.key);
                let has_room = ban
                    .key
                    .room
                    .is_none_or(|room| self.rooms.contains_key(&room));
                let is_there = match ban.key.who {
                    Banned::User(user) => self.living(user).is_some(),
                    Banned::Network(_) => true,
                };
                if has_room && is_there {
                    self.bans.insert(ban.key, ban.clone());
                }
            }
            Change::LiftBan(key) => drop(self.bans.remove(key)),
            Change::EndBans(now) => self.bans.retain(|_, ban| !ban.is_over(*now)),
            _ => {}
        }
    }

    pub(super) fn is_banned(&self, room: RoomId, user: UserId) -> bool {
        self.bans.contains_key(&BanKey {
            kind: BanKind::Ban,
            who: Banned::User(user),
            room: Some(room),
        })
    }
}
