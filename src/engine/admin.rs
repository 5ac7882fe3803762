//! What the admin asks for on the control socket, as far as it is about people, rooms and sessions.

mod import;

use std::sync::Arc;

use super::effect::{
    AdminRoomLine, ByeReason, Effect, News, Refusal, Reply, SessionLine, UserLine,
};
use super::input::{Command, Fault, Outcome};
use super::{Engine, Then};
use crate::base::record::{Change, PasswordHash, RoomForm, SessionRecord, UserRecord};
use crate::base::{CallId, ConnId, RoomId, SessionId, UserId, UserName};

/// What happens once it is stored: this call gets this reply.
#[derive(Debug)]
pub(super) struct Stored {
    call: CallId,
    reply: Reply,
    /// The names that were being registered.
    registered: Vec<UserName>,
}

impl Engine {
    pub(super) fn call(&mut self, call: CallId, command: Command) {
        let reply = match command {
            Command::Counts => Some(self.counts()),
            Command::Glance => Some(Reply::Glance {
                online: self.state.here.len() as u64,
                rooms: self.state.room_names.len() as u64,
                fault: self.fault,
            }),
            Command::Users => Some(Reply::Users(
                self.state
                    .names
                    .values()
                    .filter_map(|user| self.user_line(*user))
                    .collect(),
            )),
            Command::Who => Some(Reply::Users(self.user_lines_here())),
            Command::Rooms => Some(Reply::Rooms(
                self.state
                    .rooms
                    .keys()
                    .filter_map(|room| self.admin_room_line(*room))
                    .collect(),
            )),
            Command::CreateRoom { name, topic } => self.admin_create_room(call, name, topic),
            Command::RemoveRoom { name, dry_run } => self.admin_remove_room(call, name, dry_run),
            Command::SetTopic { name, topic } => self.admin_set_topic(call, name, topic),
            Command::Members { room } => Some(self.members(room)),
            Command::ClearHistory {
                room,
                before,
                dry_run,
            } => self.clear_history(call, room, before, dry_run),
            Command::Redact { room, seq } => self.admin_redact(call, room, seq),
            Command::Sessions { user } => Some(self.session_lines(user.as_ref())),
            Command::Owners { conns } => Some(self.owners(&conns)),
            Command::Busiest {
                before,
                said_before,
                most,
            } => Some(self.busiest(&before, said_before, most)),
            Command::Kick { name, text } => Some(self.kick(&name, &text)),
            Command::Announce { text } => Some(self.announce(&text)),
            Command::AddUser { name, hash } => self.admin_add_user(call, name, hash),
            Command::AddUsers { users } => self.add_users(call, users),
            Command::CheckNames { names } => Some(self.check_names(&names)),
            Command::SetPassword { name, hash } => self.admin_set_password(call, &name, hash),
            Command::RemoveUser { name } => self.admin_remove_user(call, &name),
            Command::ClearUsers { keep, dry_run } => self.clear_users(call, &keep, dry_run),
            Command::RevokeSession { id } => self.revoke(call, id),
            Command::ShowUser { name } => Some(self.show_user(&name)),
            Command::SetDisabled { name, disabled } => self.set_disabled(call, &name, disabled),
            command @ (Command::CreateInvite(_)
            | Command::ListInvites
            | Command::RevokeInvite { .. }) => self.invite_call(call, command),
            Command::Names {
                of_rooms,
                prefix,
                most,
            } => Some(self.names_like(of_rooms, &prefix, most)),
            Command::Nearest { name } => Some(Reply::Nearest(self.nearest(&name))),
            Command::Moderate(act) => self.admin_moderate(call, act),
            Command::SetModerator { name, moderator } => self.set_moderator(call, &name, moderator),
            Command::ListBans => Some(self.ban_lines()),
            Command::Audit(record) => {
                let change = self.audit(record);
                self.admin_commit(call, vec![change], Reply::Done)
            }
            // It stores nothing, but goes all the way.
            Command::Probe => self.admin_commit(call, Vec::new(), Reply::Done),
        };
        if let Some(reply) = reply {
            self.effects.push(Effect::Reply { call, reply });
        }
    }

    /// The reply comes once the changes are stored.
    pub(super) fn admin_commit(
        &mut self,
        call: CallId,
        changes: Vec<Change>,
        reply: Reply,
    ) -> Option<Reply> {
        self.commit(
            changes,
            Then::Admin(Stored {
                call,
                reply,
                registered: Vec::new(),
            }),
        );
        None
    }

    pub(super) fn admin_stored(&mut self, stored: Stored, outcome: Outcome) {
        let Stored {
            call,
            reply,
            registered,
        } = stored;
        self.release_names(registered.iter());
        let reply = match (outcome, registered.into_iter().next()) {
            (Outcome::Taken, Some(name)) => Reply::Taken(name),
            _ => reply,
        };
        self.effects.push(Effect::Reply { call, reply });
    }

    pub(super) fn admin_not_stored(&mut self, stored: Stored, fault: Fault) {
        self.release_names(stored.registered.iter());
        self.effects.push(Effect::Reply {
            call: stored.call,
            reply: fault.into(),
        });
    }

    fn counts(&self) -> Reply {
        let messages = self
            .state
            .rooms
            .values()
            .map(|room| room.last_seq.0 + 1 - room.first_seq.0)
            .sum();
        let online = self
            .state
            .names
            .values()
            .filter_map(|user| self.state.users.get(user));
        Reply::Counts {
            users: self.state.names.len() as u64,
            sessions: self.state.sessions.len() as u64,
            rooms: self.state.room_names.len() as u64,
            online: online.filter(|user| !user.conns.is_empty()).count() as u64,
            logged_in: self
                .conns
                .values()
                .filter(|conn| conn.who.is_some())
                .count() as u64,
            messages,
        }
    }

    pub(super) fn user_line(&self, id: UserId) -> Option<UserLine> {
        let user = self.state.users.get(&id)?;
        Some(UserLine {
            id,
            name: user.name.clone(),
            created_at: user.created_at,
            last_login: user.last_login,
            disabled_at: user.disabled_at,
            is_moderator: self.state.moderators.contains(&id),
            sessions: user.sessions.len() as u32,
            connections: user.conns.len() as u32,
            rooms: self.state.rooms_of(id, false) as u32,
        })
    }

    fn user_lines_here(&self) -> Vec<UserLine> {
        let lines = self
            .state
            .names
            .values()
            .filter_map(|user| self.user_line(*user));
        lines.filter(|line| line.connections > 0).collect()
    }

    pub(super) fn admin_room_line(&self, id: RoomId) -> Option<AdminRoomLine> {
        let room = self.state.rooms.get(&id)?;
        let name = |user: &UserId| {
            self.state
                .users
                .get(user)
                .map_or(String::new(), |user| user.name.to_string())
        };
        let label = match &room.form {
            RoomForm::Open(name) => name.to_string(),
            RoomForm::Direct(one, other) => format!("@{} @{}", name(one), name(other)),
        };
        Some(AdminRoomLine {
            id,
            first_seq: room.first_seq,
            last_seq: room.last_seq,
            form: room.form.clone(),
            label,
            topic: room.topic.clone(),
            members: room.members.len() as u32,
            online: room.online,
            messages: room.last_seq.0 + 1 - room.first_seq.0,
        })
    }

    fn session_lines(&self, user: Option<&UserName>) -> Reply {
        let wanted = user.map(|name| {
            self.state
                .user_by_name(name)
                .ok_or_else(|| Reply::NoSuchUser(name.clone()))
        });
        let wanted = match wanted.transpose() {
            Ok(wanted) => wanted,
            Err(reply) => return reply,
        };
        let sessions = self
            .state
            .sessions
            .values()
            .filter(|session| wanted.is_none_or(|user| session.user == user));
        Reply::Sessions(
            sessions
                .filter_map(|session| self.session_line(session))
                .collect(),
        )
    }

    pub(super) fn session_line(&self, session: &SessionRecord) -> Option<SessionLine> {
        let user = self.state.users.get(&session.user)?;
        let its = |conn: &&ConnId| {
            self.conns
                .get(conn)
                .and_then(|conn| conn.who)
                .is_some_and(|who| who.1 == session.id)
        };
        let connections = user.conns.iter().filter(its).count() as u32;
        Some((user.name.clone(), session.clone(), connections))
    }

    fn kick(&mut self, name: &UserName, text: &str) -> Reply {
        match self.state.user_by_name(name) {
            Some(user) => Reply::Count(self.close_all(user, ByeReason::Kicked, text) as u64),
            None => Reply::NoSuchUser(name.clone()),
        }
    }

    fn announce(&mut self, text: &Arc<str>) -> Reply {
        let here = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.who.is_some())
            .map(|(id, _)| *id)
            .collect::<Vec<_>>();
        for conn in &here {
            self.push(*conn, News::Notice { text: text.clone() });
        }
        Reply::Count(here.len() as u64)
    }

    fn admin_add_user(
        &mut self,
        call: CallId,
        name: UserName,
        hash: PasswordHash,
    ) -> Option<Reply> {
        match self.reserve(&name) {
            Ok(()) => {}
            Err(Refusal::LimitReached(limit)) => return Some(Reply::LimitReached(limit)),
            Err(_) => return Some(Reply::Taken(name)),
        }
        let registered = vec![name.clone()];
        let id = self.next_user;
        self.next_user = id.next();
        let user = UserRecord {
            id,
            name,
            created_at: self.now.wall,
            last_login: None,
            removed: false,
            disabled_at: None,
        };
        let changes = vec![
            Change::AddUser(user, hash),
            Change::AddMember(self.lobby_member(id)),
        ];
        self.commit(
            changes,
            Then::Admin(Stored {
                call,
                reply: Reply::Done,
                registered,
            }),
        );
        None
    }

    /// Another password, and every session of the account ends: whoever had the old one is out.
    fn admin_set_password(
        &mut self,
        call: CallId,
        name: &UserName,
        hash: PasswordHash,
    ) -> Option<Reply> {
        let Some(id) = self.state.user_by_name(name) else {
            return Some(Reply::NoSuchUser(name.clone()));
        };
        let ends = Change::RemoveSessions {
            user: id,
            but: None,
        };
        let changes = vec![Change::SetPassword(id, hash), ends];
        self.admin_commit(call, changes, Reply::Done)
    }

    fn admin_remove_user(&mut self, call: CallId, name: &UserName) -> Option<Reply> {
        match self.state.user_by_name(name) {
            Some(user) => self.admin_commit(call, vec![Change::RemoveUser(user)], Reply::Count(1)),
            None => Some(Reply::NoSuchUser(name.clone())),
        }
    }

    /// Removes everyone but those named. A name to keep that nobody has is a slip of the pen: nothing is removed.
    fn clear_users(&mut self, call: CallId, keep: &[UserName], dry_run: bool) -> Option<Reply> {
        if let Some(name) = keep
            .iter()
            .find(|name| self.state.user_by_name(name).is_none())
        {
            return Some(Reply::NoSuchUser(name.clone()));
        }
        let kept = keep
            .iter()
            .filter_map(|name| self.state.user_by_name(name))
            .collect::<Vec<_>>();
        let gone = self
            .state
            .names
            .values()
            .filter(|user| !kept.contains(user))
            .copied()
            .collect::<Vec<_>>();
        let reply = Reply::Count(gone.len() as u64);
        if dry_run || gone.is_empty() {
            return Some(reply);
        }
        self.admin_commit(
            call,
            gone.into_iter().map(Change::RemoveUser).collect(),
            reply,
        )
    }

    fn revoke(&mut self, call: CallId, id: SessionId) -> Option<Reply> {
        match self.state.sessions.contains_key(&id) {
            true => self.admin_commit(call, vec![Change::RemoveSession(id)], Reply::Done),
            false => Some(Reply::NoSuchSession(id)),
        }
    }
}
