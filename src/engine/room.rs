//! What the admin does with rooms: making and removing them, saying what they are about, looking who is in them.

use std::sync::Arc;

use super::effect::{Effect, MemberLine, News, Reply};
use super::input::{Fault, Outcome};
use super::{Engine, Then};
use crate::base::id::{ADMIN, LOBBY};
use crate::base::record::{Change, RoomForm, RoomRecord};
use crate::base::{CallId, RoomId, RoomLabel, RoomName, Seq};

/// What happens once it is stored: this call gets this reply.
#[derive(Debug)]
pub(super) struct Stored {
    call: CallId,
    reply: Reply,
    done: Done,
}

#[derive(Debug)]
enum Done {
    Created(RoomId, RoomName),
    Removed,
    Topic(RoomId),
}

impl Engine {
    pub(super) fn admin_create_room(
        &mut self,
        call: CallId,
        name: RoomName,
        topic: Arc<str>,
    ) -> Option<Reply> {
        let in_the_making = self
            .creating
            .values()
            .any(|look| **look == *name.skeleton());
        if in_the_making || self.state.room_taken(&name) {
            return Some(Reply::RoomTaken(name));
        }
        let rooms = self.state.room_names.len() + self.creating.len();
        if rooms >= self.rules.limits.rooms as usize {
            return Some(Reply::LimitReached("rooms"));
        }
        let room = RoomRecord {
            topic,
            ..self.new_room(RoomForm::Open(name.clone()))
        };
        self.creating.insert(room.id, name.skeleton().into());
        let done = Done::Created(room.id, name);
        self.commit_room(call, Change::AddRoom(room), Reply::Done, done)
    }

    pub(super) fn admin_remove_room(
        &mut self,
        call: CallId,
        name: RoomName,
        dry_run: bool,
    ) -> Option<Reply> {
        let Some(id) = self.state.room_by_name(&name) else {
            return Some(Reply::NoSuchRoom(RoomLabel::Open(name)));
        };
        if id == LOBBY {
            return Some(Reply::LobbyStays);
        }
        let reply = self
            .state
            .rooms
            .get(&id)
            .map_or(Reply::Done, |room| Reply::Removed {
                members: room.members.len() as u64,
                messages: room.last_seq.0 + 1 - room.first_seq.0,
            });
        match dry_run {
            true => Some(reply),
            false => self.commit_room(call, Change::RemoveRoom(id), reply, Done::Removed),
        }
    }

    pub(super) fn admin_set_topic(
        &mut self,
        call: CallId,
        name: RoomName,
        topic: Arc<str>,
    ) -> Option<Reply> {
        match self.state.room_by_name(&name) {
            Some(id) => {
                let change = Change::SetTopic(id, topic);
                self.commit_room(call, change, Reply::Done, Done::Topic(id))
            }
            None => Some(Reply::NoSuchRoom(RoomLabel::Open(name))),
        }
    }

    fn commit_room(
        &mut self,
        call: CallId,
        change: Change,
        reply: Reply,
        done: Done,
    ) -> Option<Reply> {
        self.commit(vec![change], Then::Room(Stored { call, reply, done }));
        None
    }

    pub(super) fn room_stored(&mut self, stored: Stored, outcome: Outcome) {
        let Stored { call, reply, done } = stored;
        let reply = match (done, outcome) {
            (Done::Created(id, name), outcome) => {
                self.creating.remove(&id);
                match outcome {
                    Outcome::Taken => Reply::RoomTaken(name),
                    _ => reply,
                }
            }
            (Done::Topic(id), _) => {
                self.tell_topic(id);
                reply
            }
            (Done::Removed, _) => reply,
        };
        self.effects.push(Effect::Reply { call, reply });
    }

    pub(super) fn room_not_stored(&mut self, stored: Stored, fault: Fault) {
        if let Done::Created(id, _) = stored.done {
            self.creating.remove(&id);
        }
        self.effects.push(Effect::Reply {
            call: stored.call,
            reply: fault.into(),
        });
    }

    fn tell_topic(&mut self, id: RoomId) {
        let topic = self.state.rooms.get(&id).map(|room| room.topic.clone());
        if let (Some(topic), Some((channel, room))) = (topic, self.state.view(id, ADMIN)) {
            self.effects.push(Effect::Signal {
                channel,
                news: News::Topic {
                    room,
                    topic,
                    by: None,
                },
                except: None,
            });
        }
    }

    /// A room is about to be gone: its members hear no more of it, and are told so.
    pub(super) fn tell_removed(&mut self, id: RoomId) {
        let Some((channel, label)) = self.state.view(id, ADMIN) else {
            return;
        };
        let members = self.state.rooms.get(&id).map(|room| room.members.clone());
        for user in members.into_iter().flatten() {
            for conn in self.state.conns(user) {
                self.effects.push(Effect::Detach { conn, channel });
                let room = label.clone();
                self.push(conn, News::Removed { room });
            }
        }
        self.effects.push(Effect::Forget {
            channel,
            upto: Seq(u64::MAX),
            gone: true,
        });
    }

    pub(super) fn members(&self, label: RoomLabel) -> Reply {
        let id = self.state.room_by_label(&label);
        let Some((id, room)) = id.and_then(|id| Some((id, self.state.rooms.get(&id)?))) else {
            return Reply::NoSuchRoom(label);
        };
        let line = |user: &crate::base::UserId| {
            let entry = self.state.users.get(user)?;
            let read_seq = self.state.read_seq(id, *user)?;
            let read = read_seq.0.max(room.first_seq.0.saturating_sub(1));
            Some(MemberLine {
                user: entry.name.clone(),
                online: !entry.conns.is_empty(),
                is_operator: room.operators.contains(user),
                read_seq,
                unread: room.last_seq.0.saturating_sub(read),
            })
        };
        let mut members: Vec<_> = room.members.iter().filter_map(line).collect();
        members.sort_by(|one, other| one.user.cmp(&other.user));
        Reply::Members(members)
    }
}
