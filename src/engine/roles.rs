//! Roles: who is told of them, and what they let people do besides acting on others.

use super::Engine;
use super::effect::{Effect, News, Place, Refusal, Reply};
use super::note::Note;
use crate::base::id::ADMIN;
use crate::base::record::{Change, Redaction, Role};
use crate::base::{CallId, RoomId, RoomName, Target, UserId, UserName};

impl Engine {
    /// The room is told who is an operator now, or no longer.
    pub(super) fn tell_operator(
        &mut self,
        room: &RoomName,
        user: &UserName,
        operator: bool,
        by: UserId,
    ) {
        let id = self.state.user_by_name(user);
        let name = id
            .and_then(|id| self.state.users.get(&id))
            .map(|user| &user.name);
        let Some(user) = name.cloned() else { return };
        let place = self.state.room_by_name(room);
        let view = place.and_then(|room| self.state.view(room, ADMIN));
        if let Some((channel, room)) = view {
            let news = News::Role {
                room: Some(room),
                user,
                role: operator.then_some(Role::Operator),
                by: self.name_of(by),
            };
            self.effects.push(Effect::Signal {
                channel,
                news,
                except: None,
            });
        }
    }

    /// Makes somebody a moderator, or takes that back. Stored also where it seems to be so.
    pub(super) fn set_moderator(
        &mut self,
        call: CallId,
        name: &UserName,
        moderator: bool,
    ) -> Option<Reply> {
        let Some(user) = self.state.user_by_name(name) else {
            return Some(Reply::NoSuchUser(name.clone()));
        };
        let changed = self.state.moderators.contains(&user) != moderator;
        let changes = vec![Change::SetModerator(user, moderator)];
        self.admin_commit(call, changes, Reply::Changed(changed))
    }

    /// To be called once it is stored.
    pub(super) fn tell_moderator(&mut self, user: UserId, moderator: bool) {
        let Some(name) = self.state.users.get(&user).map(|user| user.name.clone()) else {
            return;
        };
        for conn in self.state.conns(user) {
            let news = News::Role {
                room: None,
                user: name.clone(),
                role: moderator.then_some(Role::Moderator),
                by: UserName::admin(),
            };
            self.push(conn, news);
        }
    }

    pub(super) fn note_redacted(&mut self, redaction: &Redaction) {
        if redaction.by == ADMIN || redaction.only_of.is_some() {
            return;
        }
        if let Some(room) = self.state.room_name(redaction.room) {
            let by = self.name_of(redaction.by);
            let seq = redaction.seq;
            self.note(Note::Redacted { by, room, seq });
        }
        self.enter_redaction(redaction);
    }

    pub(super) fn name_of(&self, user: UserId) -> UserName {
        let user = self.state.users.get(&user);
        user.map_or_else(UserName::admin, |user| user.name.clone())
    }

    /// A room that somebody is in; a moderator reaches every room that is open to all.
    pub(super) fn reach(&self, user: UserId, target: &Target) -> Result<Place, Refusal> {
        let place = self.place(user, target);
        match (&place, target) {
            (Err(Refusal::NotAMember), Target::Room(name))
                if self.state.moderators.contains(&user) =>
            {
                let room = self.state.room_by_name(name).ok_or(Refusal::NoSuchRoom)?;
                self.place_of(room, user).ok_or(Refusal::NoSuchRoom)
            }
            _ => place,
        }
    }

    /// Operators and moderators say what a room is about; where there is no operator, every member may.
    pub(super) fn may_set_topic(&self, user: UserId, room: RoomId) -> Result<(), Refusal> {
        self.mute(user, room)?;
        let has_operators = self
            .state
            .rooms
            .get(&room)
            .is_some_and(|room| !room.operators.is_empty());
        match has_operators && self.state.role(user, Some(room)).is_none() {
            true => Err(Refusal::NoRight),
            false => Ok(()),
        }
    }
}
