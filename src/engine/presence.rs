//! Who is here: told at once in small rooms, told together in big ones and where many come and go at once, so that a thousand
//! people who come in do not cause a million messages, nor a hundred in each of a hundred rooms five thousand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Engine;
use super::effect::{Effect, News};
use crate::base::{ConnId, RoomId, UserId};

/// What is held back and still to be told.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// For each room who came (true) or went since the last telling. Who did both is not told.
    untold: BTreeMap<RoomId, BTreeMap<UserId, bool>>,
    /// When to tell.
    due: BTreeSet<(Duration, RoomId)>,
}

impl Presence {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    fn note(&mut self, room: RoomId, user: UserId, joined: bool, due: Duration) {
        let untold = self.untold.entry(room).or_insert_with(|| {
            self.due.insert((due, room));
            BTreeMap::new()
        });
        if untold.insert(user, joined) == Some(!joined) {
            untold.remove(&user);
        }
    }
}

/// How often people in a room were told at once that somebody came or went.
#[derive(Debug, Default)]
pub(super) struct Tellings {
    /// In the interval up to here, a value of `Now::elapsed`.
    until: Duration,
    count: u32,
}

impl Tellings {
    /// Whether so many more may be made at once.
    pub fn take(&mut self, count: u32, now: Duration, interval: Duration, most: u32) -> bool {
        if self.until <= now {
            *self = Self {
                until: now + interval,
                count: 0,
            };
        }
        self.count = self.count.saturating_add(count);
        self.count <= most
    }
}

impl Engine {
    /// Tells a room that one of its members came or went. `except` is not told.
    pub(super) fn tell_presence(
        &mut self,
        room_id: RoomId,
        user: UserId,
        joined: bool,
        except: Option<ConnId>,
    ) {
        let Some(room) = self.state.rooms.get_mut(&room_id) else {
            return;
        };
        let (limits, now) = (&self.rules.limits, self.now.elapsed);
        let (most, interval) = (
            limits.presence_room,
            Duration::from_millis(limits.presence_interval_ms.into()),
        );
        // Who comes need not be told.
        let others = room.online.saturating_sub(u32::from(joined));
        let at_once = room.online <= most && room.tellings.take(others, now, interval, most);
        // What is held back is told first, also when the room has become small meanwhile.
        if !at_once || self.presence.untold.contains_key(&room_id) {
            return self.presence.note(room_id, user, joined, now + interval);
        }
        self.signal_presence(room_id, user, joined, 0, except);
    }

    pub(super) fn tell_merged_presence(&mut self) {
        while let Some((_, room)) = self
            .presence
            .due
            .first()
            .copied()
            .filter(|(due, _)| *due <= self.now.elapsed)
        {
            self.presence.due.pop_first();
            let untold = self.presence.untold.remove(&room).unwrap_or_default();
            for joined in [false, true] {
                let mut users = untold
                    .iter()
                    .filter(|(_, what)| **what == joined)
                    .map(|(user, _)| *user);
                if let Some(user) = users.next() {
                    self.signal_presence(room, user, joined, users.count() as u32, None);
                }
            }
        }
    }

    fn signal_presence(
        &mut self,
        room: RoomId,
        user: UserId,
        joined: bool,
        others: u32,
        except: Option<ConnId>,
    ) {
        // In a direct conversation the other one sees it, under the name that the conversation has there.
        let viewer = self.state.partner(room, user).unwrap_or(user);
        let Some((channel, label)) = self.state.view(room, viewer) else {
            return;
        };
        let Some(user) = self.state.users.get(&user).map(|user| user.name.clone()) else {
            return;
        };
        let news = News::Presence {
            room: label,
            user,
            joined,
            others,
        };
        self.effects.push(Effect::Signal {
            channel,
            news,
            except,
        });
    }
}
