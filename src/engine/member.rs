//! Making, joining and leaving rooms.

use std::sync::Arc;

use super::effect::{Effect, News, Refusal};
use super::input::Outcome;
use super::note::Note;
use super::{Asker, Engine, Then};
use crate::base::id::LOBBY;
use crate::base::record::{Change, MemberRecord, RoomForm, RoomRecord};
use crate::base::{RoomId, RoomName, Seq, UserId};

/// What happens once it is stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub asker: Asker,
    user: UserId,
    room: RoomId,
    joined: bool,
}

impl Engine {
    pub(super) fn create(
        &mut self,
        asker: &Asker,
        user: UserId,
        name: RoomName,
    ) -> Result<(), Refusal> {
        self.check_rooms_joined(user)?;
        let in_the_making = self
            .creating
            .values()
            .any(|look| **look == *name.skeleton());
        if in_the_making || self.state.room_taken(&name) {
            return Err(Refusal::RoomTaken);
        }
        let rooms = self.state.room_names.len() + self.creating.len();
        if rooms >= self.rules.limits.rooms as usize {
            return Err(Refusal::LimitReached("rooms"));
        }
        let look = name.skeleton().into();
        let room = self.new_room(RoomForm::Open(name));
        self.creating.insert(room.id, look);
        let member = MemberRecord {
            room: room.id,
            user,
            read_seq: room.last_seq,
        };
        self.change_members(
            asker,
            member,
            vec![
                Change::AddRoom(room),
                Change::AddMember(member),
                Change::SetOperator(member.room, user, true),
            ],
            true,
        );
        Ok(())
    }

    pub(super) fn new_room(&mut self, form: RoomForm) -> RoomRecord {
        let id = self.next_room;
        self.next_room = id.next();
        let topic = Arc::from("");
        // Under one name no number is given twice: who was in a room that is gone has cursors from then.
        let last_seq = match &form {
            RoomForm::Open(name) => self.state.room_end(name),
            RoomForm::Direct(..) => Seq(0),
        };
        RoomRecord {
            id,
            form,
            topic,
            created_at: self.now.wall,
            first_seq: last_seq.next(),
            last_seq,
        }
    }

    pub(super) fn join(
        &mut self,
        asker: &Asker,
        user: UserId,
        name: &RoomName,
    ) -> Result<(), Refusal> {
        let room = self.state.room_by_name(name).ok_or(Refusal::NoSuchRoom)?;
        if let Some(view) = self.state.room_view(room, user) {
            self.answer(asker, News::Joined(view));
            return Ok(());
        }
        self.ban(user, Some(room))?;
        self.check_rooms_joined(user)?;
        let members = self
            .state
            .rooms
            .get(&room)
            .map_or(0, |room| room.members.len());
        if members >= self.rules.limits.room_members as usize {
            return Err(Refusal::LimitReached("room_members"));
        }
        // What was said before one came counts as read.
        let read_seq = self
            .state
            .rooms
            .get(&room)
            .map_or(Seq(0), |room| room.last_seq);
        let member = MemberRecord {
            room,
            user,
            read_seq,
        };
        self.change_members(asker, member, vec![Change::AddMember(member)], true);
        Ok(())
    }

    fn check_rooms_joined(&self, user: UserId) -> Result<(), Refusal> {
        match self.state.rooms_of(user, false) < self.rules.limits.rooms_joined as usize {
            true => Ok(()),
            false => Err(Refusal::LimitReached("rooms_joined")),
        }
    }

    pub(super) fn leave(
        &mut self,
        asker: &Asker,
        user: UserId,
        name: &RoomName,
    ) -> Result<(), Refusal> {
        let room = self.state.room_by_name(name).ok_or(Refusal::NoSuchRoom)?;
        let read_seq = self.state.read_seq(room, user).ok_or(Refusal::NotAMember)?;
        if room == LOBBY {
            return Err(Refusal::LobbyStays);
        }
        let member = MemberRecord {
            room,
            user,
            read_seq,
        };
        self.change_members(asker, member, vec![Change::RemoveMember(room, user)], false);
        Ok(())
    }

    fn change_members(
        &mut self,
        asker: &Asker,
        member: MemberRecord,
        changes: Vec<Change>,
        joined: bool,
    ) {
        self.hold(asker.conn);
        let MemberRecord { room, user, .. } = member;
        self.commit(
            changes,
            Then::Member(Stored {
                asker: asker.clone(),
                user,
                room,
                joined,
            }),
        );
    }

    pub(super) fn member_stored(&mut self, stored: Stored, outcome: Outcome) {
        let Stored {
            asker,
            user,
            room,
            joined,
        } = stored;
        let created = self.creating.remove(&room).is_some() && outcome == Outcome::Changed;
        if created {
            self.note_room_created(user, room);
        }
        match (outcome, joined) {
            (Outcome::Taken, _) => self.refuse(&asker, Refusal::RoomTaken),
            (_, true) => self.joined(Some(&asker), user, room),
            (_, false) => self.left(&asker, user, room),
        }
        self.release(asker.conn);
    }

    fn note_room_created(&mut self, user: UserId, room: RoomId) {
        let user = self.state.users.get(&user).map(|user| user.name.clone());
        let form = self.state.rooms.get(&room).map(|room| &room.form);
        if let (Some(user), Some(RoomForm::Open(room))) = (user, form) {
            let room = room.clone();
            self.note(Note::RoomCreated { user, room });
        }
    }

    pub(super) fn member_not_stored(&mut self, stored: Stored, refusal: Refusal) {
        self.creating.remove(&stored.room);
        self.refuse(&stored.asker, refusal);
        self.release(stored.asker.conn);
    }

    /// Lets all connections of a new member hear the room; the one that asked is answered, the others are told.
    pub(super) fn joined(&mut self, asker: Option<&Asker>, user: UserId, room: RoomId) {
        // The account or the room may have been removed just before this was stored.
        let Some(view) = self.state.room_view(room, user) else {
            let refusal = match self.state.rooms.contains_key(&room) {
                // Or they were banned.
                true => self
                    .ban(user, Some(room))
                    .err()
                    .unwrap_or(Refusal::NotLoggedIn),
                false => Refusal::NoSuchRoom,
            };
            return asker
                .into_iter()
                .for_each(|asker| self.refuse(asker, refusal.clone()));
        };
        let conns = self.state.conns(user);
        if let Some(asker) = asker {
            self.answer(asker, News::Joined(view.clone()));
        }
        for conn in &conns {
            if asker.is_none_or(|asker| asker.conn != *conn) {
                self.push(*conn, News::Joined(view.clone()));
            }
            self.attach(*conn, room, user, None);
        }
        if !conns.is_empty() {
            self.tell_presence(room, user, true, asker.map(|asker| asker.conn));
        }
    }

    fn left(&mut self, asker: &Asker, user: UserId, room: RoomId) {
        let Some((channel, label)) = self.state.view(room, user) else {
            return self.answer(asker, News::Ok);
        };
        let conns = self.state.conns(user);
        for conn in &conns {
            self.effects.push(Effect::Detach {
                conn: *conn,
                channel,
            });
            match *conn == asker.conn {
                true => self.answer(asker, News::Ok),
                false => self.push(
                    *conn,
                    News::Left {
                        room: label.clone(),
                    },
                ),
            }
        }
        if !conns.contains(&asker.conn) {
            self.answer(asker, News::Ok);
        }
        if !conns.is_empty() {
            self.tell_presence(room, user, false, None);
        }
    }
}
