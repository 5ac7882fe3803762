//! Looking things up: rooms, people, history, search. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::effect::{Effect, News, PersonLine, Place, Query, Refusal, RoomLine};
use super::input::Range;
use super::{Asker, Engine};
use crate::base::limit::LIST_ENTRIES_MAX;
use crate::base::record::RoomForm;
use crate::base::{RoomId, RoomName, Seq, Target, UserId, UserName};

/// A room with fewer than one in so many of all people is small: its members are put in order rather than looked for
/// among all names.
const FEW: usize = 16;

impl Engine {
    pub(super) fn rooms(
        &mut self,
        asker: &Asker,
        user: UserId,
        after: Option<&RoomName>,
    ) -> Result<(), Refusal> {
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.key()));
        let names = self
            .state
            .room_names
            .range::<str, _>((from, Bound::Unbounded));
        let mut lines = names
            .filter_map(|(_, id)| self.room_line(*id, user))
            .take(LIST_ENTRIES_MAX + 1)
            .collect::<Vec<_>>();
        let more = lines.len() > LIST_ENTRIES_MAX;
        lines.truncate(LIST_ENTRIES_MAX);
        self.answer(asker, News::Rooms { rooms: lines, more });
        Ok(())
    }

    fn room_line(&self, id: RoomId, viewer: UserId) -> Option<RoomLine> {
        let room = self.state.rooms.get(&id)?;
        let RoomForm::Open(name) = &room.form else {
            return None;
        };
        Some(RoomLine {
            room: name.clone(),
            topic: room.topic.clone(),
            members: room.members.len() as u32,
            online: room.online,
            last_seq: room.last_seq,
            joined: room.members.contains(&viewer),
        })
    }

    /// The members of a room, or everyone who is here; in the order of their names.
    pub(super) fn who(
        &mut self,
        asker: &Asker,
        user: UserId,
        target: Option<&Target>,
        after: Option<&UserName>,
    ) -> Result<(), Refusal> {
        let room = target.map(|target| self.place(user, target)).transpose()?;
        let members = room
            .as_ref()
            .and_then(|place| self.state.rooms.get(&place.channel.room))
            .map(|room| &room.members);
        let people = self.people(members, after);
        let more = people.len() > LIST_ENTRIES_MAX;
        let people = people.into_iter().take(LIST_ENTRIES_MAX);
        let who = people
            .filter_map(|id| {
                let user = self.state.users.get(&id)?;
                let online = !user.conns.is_empty();
                let last_seen = user.last_login.filter(|_| !online).map(|last| last.at);
                Some(PersonLine {
                    user: user.name.clone(),
                    online,
                    last_seen,
                    role: self
                        .state
                        .role(id, room.as_ref().map(|place| place.channel.room)),
                })
            })
            .collect();
        self.answer(
            asker,
            News::Who {
                room: room.map(|place| place.label),
                who,
                more,
            },
        );
        Ok(())
    }

    /// The first members, or the first people who are here, whose names come after one; one more than an answer has.
    /// Never goes through all accounts, nor sorts a big room.
    fn people(&self, members: Option<&BTreeSet<UserId>>, after: Option<&UserName>) -> Vec<UserId> {
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.key()));
        let range = (from, Bound::Unbounded);
        let ids = |names: &BTreeMap<Box<str>, UserId>, is_wanted: &dyn Fn(&UserId) -> bool| {
            let ids = names.range::<str, _>(range).map(|(_, id)| *id);
            ids.filter(is_wanted).take(LIST_ENTRIES_MAX + 1).collect()
        };
        let Some(members) = members else {
            return ids(&self.state.here, &|_| true);
        };
        if members.len() > self.state.names.len() / FEW {
            return ids(&self.state.names, &|id| members.contains(id));
        }
        let name = |id: &UserId| Some((self.state.users.get(id)?.name.key(), *id));
        let mut names: Vec<_> = members.iter().filter_map(name).collect();
        names.retain(|(name, _)| after.is_none_or(|after| *name > after.key()));
        names.sort_unstable();
        let ids = names.into_iter().map(|(_, id)| id);
        ids.take(LIST_ENTRIES_MAX + 1).collect()
    }

    pub(super) fn history(
        &mut self,
        asker: &Asker,
        user: UserId,
        target: &Target,
        range: Range,
        limit: usize,
    ) -> Result<(), Refusal> {
        let place = self.place(user, target)?;
        self.query(
            asker,
            Query::History {
                place,
                range,
                limit,
            },
        );
        Ok(())
    }

    pub(super) fn search(
        &mut self,
        asker: &Asker,
        user: UserId,
        text: Arc<str>,
        target: Option<&Target>,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<(), Refusal> {
        let places = match target {
            Some(target) => vec![self.place(user, target)?],
            None => {
                let rooms = self
                    .state
                    .users
                    .get(&user)
                    .map_or(&[][..], |user| &user.rooms);
                rooms
                    .iter()
                    .filter_map(|(room, _)| self.place_of(*room, user))
                    .collect()
            }
        };
        self.search_begins(user);
        self.query(
            asker,
            Query::Search {
                viewer: user,
                text,
                places,
                one_room: target.is_some(),
                before,
                limit,
            },
        );
        Ok(())
    }

    fn query(&mut self, asker: &Asker, query: Query) {
        self.effects.push(Effect::Query {
            conn: asker.conn,
            re: asker.re.clone(),
            query,
        });
    }

    /// A room by the name that a member calls it.
    pub(super) fn place(&self, user: UserId, target: &Target) -> Result<Place, Refusal> {
        let room = self
            .state
            .find(user, target)
            .ok_or_else(|| self.nowhere(target))?;
        self.state.read_seq(room, user).ok_or(Refusal::NotAMember)?;
        self.place_of(room, user).ok_or(Refusal::NoSuchRoom)
    }

    pub(super) fn place_of(&self, room_id: RoomId, viewer: UserId) -> Option<Place> {
        let room = self.state.rooms.get(&room_id)?;
        let (channel, label) = self.state.view(room_id, viewer)?;
        Some(Place {
            channel,
            label,
            viewer,
            first_seq: room.first_seq,
            last_seq: room.last_seq,
        })
    }

    /// Why there is no such place.
    fn nowhere(&self, target: &Target) -> Refusal {
        match target {
            Target::Room(_) => Refusal::NoSuchRoom,
            Target::Direct(name) if self.state.user_by_name(name).is_none() => Refusal::NoSuchUser,
            // They exist, but nothing was said yet.
            Target::Direct(_) => Refusal::NoSuchRoom,
        }
    }
}
