//! What is true of people, rooms and sessions: exactly what the stored changes make it. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::presence::Tellings;
use crate::base::record::{
    Change, LastLogin, MemberRecord, RoomForm, RoomRecord, SessionRecord, Snapshot, UserRecord,
};
use crate::base::{
    Channel, ConnId, Origin, RoomId, RoomLabel, RoomName, Seq, SessionId, Target, Timestamp,
    TokenHash, UserId, UserName,
};
use crate::engine::bans::Bans;
use crate::engine::effect::RoomView;
use crate::engine::invite::Invites;
use crate::engine::rate::Rates;

/// People, rooms and sessions, and the ways to find them.
#[derive(Debug, Default)]
pub(super) struct State {
    pub users: BTreeMap<UserId, User>,
    pub rooms: BTreeMap<RoomId, Room>,
    pub sessions: BTreeMap<SessionId, SessionRecord>,
    /// Living accounts by the key of their names.
    pub names: BTreeMap<Box<str>, UserId>,
    /// Those of them who are here. Not stored.
    pub here: BTreeMap<Box<str>, UserId>,
    /// Who had a name last, of those who are gone.
    gone: BTreeMap<Box<str>, UserId>,
    /// Open rooms by the key of their names.
    pub room_names: BTreeMap<Box<str>, RoomId>,
    pub invites: Invites,
    pub bans: Bans,
    /// Those of the living accounts.
    pub moderators: BTreeSet<UserId>,
    /// The last number that was given under a name, in rooms that are gone.
    room_ends: BTreeMap<Box<str>, Seq>,
    tokens: BTreeMap<TokenHash, SessionId>,
    directs: BTreeMap<(UserId, UserId), RoomId>,
    /// What the names in use look like. Several may look the same only if they are the same.
    user_looks: BTreeSet<Box<str>>,
    room_looks: BTreeSet<Box<str>>,
}

/// Somebody, gone or not.
#[derive(Debug)]
pub(super) struct User {
    pub name: UserName,
    pub created_at: Timestamp,
    pub last_login: Option<LastLogin>,
    /// Where they have been, the last first. Of these only the last is stored.
    origins: Vec<Origin>,
    pub removed: bool,
    /// Since when nobody can log in.
    pub disabled_at: Option<Timestamp>,
    /// Where they are a member and how far they have read, by room.
    pub rooms: Vec<(RoomId, Seq)>,
    pub sessions: Vec<SessionId>,
    /// The connections they are here with. Not stored.
    pub conns: Vec<ConnId>,
    /// How fast they may ask. Not stored.
    pub rates: Rates,
}

/// Addresses from which somebody has been that are remembered: home, work, on the way, and one more.
const ORIGINS_MAX: usize = 4;

/// A room or a direct conversation.
#[derive(Debug)]
pub(super) struct Room {
    pub form: RoomForm,
    pub topic: Arc<str>,
    pub first_seq: Seq,
    /// The last number delivered.
    pub last_seq: Seq,
    pub members: BTreeSet<UserId>,
    /// Those of the members.
    pub operators: BTreeSet<UserId>,
    /// How many of the members are here. Not stored.
    pub online: u32,
    pub tellings: Tellings,
}

impl User {
    /// Whether they were there lately: to register, with their password or with a token.
    pub fn has_been_at(&self, origin: Origin) -> bool {
        self.origins.contains(&origin)
    }

    fn came(&mut self, last: LastLogin) {
        if self.removed {
            return;
        }
        self.last_login = Some(last);
        let origin = Origin::of(last.from);
        self.origins.retain(|other| *other != origin);
        self.origins.insert(0, origin);
        self.origins.truncate(ORIGINS_MAX);
    }

    /// Where the room is among theirs, or where it would be.
    fn place_of(&self, room: RoomId) -> Result<usize, usize> {
        self.rooms.binary_search_by_key(&room, |(room, _)| *room)
    }
}

impl State {
    /// The state that a store holds.
    pub fn new(snapshot: Snapshot) -> Self {
        let mut state = Self {
            room_ends: snapshot.room_ends.into_iter().collect(),
            ..Self::default()
        };
        snapshot
            .users
            .into_iter()
            .for_each(|user| state.add_user(user));
        snapshot
            .rooms
            .into_iter()
            .for_each(|room| state.add_room(room));
        snapshot
            .members
            .iter()
            .for_each(|member| state.add_member(member));
        snapshot
            .sessions
            .into_iter()
            .for_each(|session| state.add_session(session));
        snapshot
            .invites
            .into_iter()
            .for_each(|invite| state.invites.add(invite));
        state.moderators.extend(snapshot.moderators);
        for (room, user) in snapshot.operators {
            state.apply_to_roles(Change::SetOperator(room, user, true));
        }
        snapshot
            .bans
            .into_iter()
            .for_each(|ban| state.bans.set(ban));
        state
    }

    /// Follows a change that was stored.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::AddUser(user, _) => self.add_user(user),
            Change::RemoveUser(user) => self.remove_user(user),
            Change::SetDisabled(user, since) => {
                self.users.entry(user).and_modify(|user| {
                    user.disabled_at = since.map(|at| user.disabled_at.unwrap_or(at));
                });
                if since.is_some() {
                    let sessions = self.sessions_but(user, None);
                    sessions.into_iter().for_each(|id| self.remove_session(id));
                }
            }
            Change::SetLastLogin(user, last) => {
                self.users.entry(user).and_modify(|user| user.came(last));
            }
            Change::AddSession(session, _) => self.add_session(session),
            Change::RenewSession {
                id,
                seen_at,
                expires_at,
            } => {
                self.sessions.entry(id).and_modify(|session| {
                    session.seen_at = seen_at;
                    session.expires_at = expires_at;
                });
            }
            Change::RemoveSession(session) => self.remove_session(session),
            Change::RemoveSessions { user, but } => self
                .sessions_but(user, but)
                .into_iter()
                .for_each(|session| self.remove_session(session)),
            Change::AddRoom(room) => self.add_room(room),
            Change::RemoveRoom(room) => self.remove_room(room),
            Change::SetTopic(room, topic) => {
                self.rooms.entry(room).and_modify(|room| room.topic = topic);
            }
            Change::AddMember(member) => self.add_member(&member),
            Change::SetRead(member) => self.set_read(&member),
            Change::RemoveMember(room, user) => self.remove_member(room, user),
            Change::SetPassword(..) | Change::AddAudit(..) => {}
            change @ (Change::AddInvite(_)
            | Change::UseInvite(..)
            | Change::RevokeInvite(..)
            | Change::RemoveInvite(_)) => self.apply_to_invites(change),
            change @ (Change::SetModerator(..)
            | Change::SetOperator(..)
            | Change::SetBan(_)
            | Change::LiftBan(_)
            | Change::EndBans(_)) => self.apply_to_roles(change),
        }
    }

    fn add_user(&mut self, user: UserRecord) {
        if user.removed {
            self.gone.insert(user.name.key().into(), user.id);
        } else {
            self.names.insert(user.name.key().into(), user.id);
            self.user_looks.insert(user.name.skeleton().into());
        }
        let UserRecord {
            id,
            name,
            created_at,
            last_login,
            disabled_at,
            removed,
        } = user;
        let (rooms, sessions, conns) = (Vec::new(), Vec::new(), Vec::new());
        let origins = last_login.iter().map(|last| Origin::of(last.from));
        self.users.insert(
            id,
            User {
                name,
                created_at,
                last_login,
                origins: origins.collect(),
                removed,
                disabled_at,
                rooms,
                sessions,
                conns,
                rates: Rates::default(),
            },
        );
    }

    fn remove_user(&mut self, id: UserId) {
        let Some(user) = self.users.get_mut(&id).filter(|user| !user.removed) else {
            return;
        };
        user.removed = true;
        user.last_login = None;
        user.disabled_at = None;
        user.origins = Vec::new();
        let (rooms, sessions) = (
            std::mem::take(&mut user.rooms),
            std::mem::take(&mut user.sessions),
        );
        let online = !user.conns.is_empty();
        self.names.remove(user.name.key());
        self.here.remove(user.name.key());
        self.gone.insert(user.name.key().into(), id);
        self.user_looks.remove(user.name.skeleton());
        self.moderators.remove(&id);
        self.bans.forget_user(id);
        for (room, _) in rooms {
            if let Some(room) = self.rooms.get_mut(&room) {
                room.members.remove(&id);
                room.operators.remove(&id);
                room.online -= u32::from(online);
            }
        }
        sessions
            .into_iter()
            .for_each(|session| self.remove_session(session));
    }

    fn add_session(&mut self, session: SessionRecord) {
        let Some(user) = self.users.get_mut(&session.user) else {
            return;
        };
        user.sessions.push(session.id);
        self.tokens.insert(session.token, session.id);
        self.sessions.insert(session.id, session);
    }

    fn remove_session(&mut self, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        self.tokens.remove(&session.token);
        if let Some(user) = self.users.get_mut(&session.user) {
            user.sessions.retain(|other| *other != id);
        }
    }

    fn add_room(&mut self, room: RoomRecord) {
        match &room.form {
            RoomForm::Open(name) => {
                self.room_names.insert(name.key().into(), room.id);
                self.room_looks.insert(name.skeleton().into());
            }
            RoomForm::Direct(one, other) => {
                self.directs.insert((*one, *other), room.id);
            }
        }
        let RoomRecord {
            id,
            form,
            topic,
            first_seq,
            last_seq,
            ..
        } = room;
        self.rooms.insert(
            id,
            Room {
                form,
                topic,
                first_seq,
                last_seq,
                members: BTreeSet::new(),
                operators: BTreeSet::new(),
                online: 0,
                tellings: Tellings::default(),
            },
        );
    }

    fn remove_room(&mut self, id: RoomId) {
        let Some(room) = self.rooms.remove(&id) else {
            return;
        };
        self.bans.forget_room(id);
        if let RoomForm::Open(name) = &room.form {
            self.room_names.remove(name.key());
            self.room_looks.remove(name.skeleton());
            let end = self.room_ends.entry(name.key().into()).or_default();
            *end = room.last_seq.max(*end);
        }
        for user in room.members {
            if let Some(user) = self.users.get_mut(&user)
                && let Ok(place) = user.place_of(id)
            {
                user.rooms.remove(place);
            }
        }
    }

    fn add_member(&mut self, member: &MemberRecord) {
        if self.bans.is_kept_out(member.room, member.user) {
            return;
        }
        let (Some(room), Some(user)) = (
            self.rooms.get_mut(&member.room),
            self.users
                .get_mut(&member.user)
                .filter(|user| !user.removed),
        ) else {
            return;
        };
        if let Err(place) = user.place_of(member.room) {
            user.rooms.insert(place, (member.room, member.read_seq));
            room.members.insert(member.user);
            room.online += u32::from(!user.conns.is_empty());
        }
    }

    fn set_read(&mut self, member: &MemberRecord) {
        if let Some(user) = self.users.get_mut(&member.user)
            && let Ok(place) = user.place_of(member.room)
        {
            let read = &mut user.rooms[place].1;
            *read = member.read_seq.max(*read);
        }
    }

    fn remove_member(&mut self, room_id: RoomId, user_id: UserId) {
        let (Some(room), Some(user)) = (self.rooms.get_mut(&room_id), self.users.get_mut(&user_id))
        else {
            return;
        };
        if let Ok(place) = user.place_of(room_id) {
            user.rooms.remove(place);
            room.members.remove(&user_id);
            room.operators.remove(&user_id);
            room.online -= u32::from(!user.conns.is_empty());
        }
    }

    /// Notes that somebody is here with one more connection. Returns whether it is their first.
    pub fn come(&mut self, user_id: UserId, conn: ConnId) -> bool {
        let Some(user) = self.users.get_mut(&user_id) else {
            return false;
        };
        user.conns.push(conn);
        let first = user.conns.len() == 1;
        if first {
            self.here.insert(user.name.key().into(), user_id);
            for (room, _) in &user.rooms {
                self.rooms.entry(*room).and_modify(|room| room.online += 1);
            }
        }
        first
    }

    /// Notes that somebody is here with one connection less. Returns whether it was their last.
    pub fn go(&mut self, user_id: UserId, conn: ConnId) -> bool {
        let Some(user) = self.users.get_mut(&user_id) else {
            return false;
        };
        let before = user.conns.len();
        user.conns.retain(|other| *other != conn);
        let last = before > 0 && user.conns.is_empty();
        if last {
            self.here.remove(user.name.key());
            for (room, _) in &user.rooms {
                self.rooms.entry(*room).and_modify(|room| room.online -= 1);
            }
        }
        last
    }

    /// The connections that somebody is here with.
    pub fn conns(&self, user: UserId) -> Vec<ConnId> {
        self.users
            .get(&user)
            .map_or(Vec::new(), |user| user.conns.clone())
    }

    /// A living account.
    pub fn user_by_name(&self, name: &UserName) -> Option<UserId> {
        self.names.get(name.key()).copied()
    }

    /// Whether another living account's name looks the same.
    pub fn user_looks_taken(&self, name: &UserName) -> bool {
        self.user_looks.contains(name.skeleton())
    }

    /// The name of an open room.
    pub fn room_name(&self, room: RoomId) -> Option<RoomName> {
        match &self.rooms.get(&room)?.form {
            RoomForm::Open(name) => Some(name.clone()),
            RoomForm::Direct(..) => None,
        }
    }

    /// An open room.
    pub fn room_by_name(&self, name: &RoomName) -> Option<RoomId> {
        self.room_names.get(name.key()).copied()
    }

    /// A room as the admin calls it.
    pub fn room_by_label(&self, label: &RoomLabel) -> Option<RoomId> {
        match label {
            RoomLabel::Open(name) => self.room_by_name(name),
            RoomLabel::Direct(one, other) => self.direct(self.owner(one)?, self.owner(other)?),
        }
    }

    /// The last number that was given under the name in a room that is gone.
    pub fn room_end(&self, name: &RoomName) -> Seq {
        self.room_ends.get(name.key()).copied().unwrap_or_default()
    }

    /// Whether a room has the name, or one that looks the same.
    pub fn room_taken(&self, name: &RoomName) -> bool {
        self.room_names.contains_key(name.key()) || self.room_looks.contains(name.skeleton())
    }

    /// All sessions of an account but one.
    pub fn sessions_but(&self, user: UserId, but: Option<SessionId>) -> Vec<SessionId> {
        let sessions = self.users.get(&user).map_or(&[][..], |user| &user.sessions);
        let others = sessions.iter().filter(|session| Some(**session) != but);
        others.copied().collect()
    }

    /// The session of a token.
    pub fn session_by_token(&self, token: &TokenHash) -> Option<&SessionRecord> {
        self.sessions.get(self.tokens.get(token)?)
    }

    /// The direct conversation of two people, if they have one.
    pub fn direct(&self, one: UserId, other: UserId) -> Option<RoomId> {
        self.directs.get(&(one.min(other), one.max(other))).copied()
    }

    /// How far somebody has read in a room; none when they are not in it.
    pub fn read_seq(&self, room: RoomId, user: UserId) -> Option<Seq> {
        let user = self.users.get(&user)?;
        user.place_of(room).ok().map(|place| user.rooms[place].1)
    }

    /// Whom a name means: the living account, else the one that had it last.
    pub fn owner(&self, name: &UserName) -> Option<UserId> {
        let gone = || self.gone.get(name.key()).copied();
        self.user_by_name(name).or_else(gone)
    }

    /// The room that somebody means: an open one, or their direct conversation with whom the name means.
    pub fn find(&self, viewer: UserId, target: &Target) -> Option<RoomId> {
        match target {
            Target::Room(name) => self.room_by_name(name),
            Target::Direct(name) => self.direct(viewer, self.owner(name)?),
        }
    }

    /// The other one of a direct conversation.
    pub fn partner(&self, room: RoomId, viewer: UserId) -> Option<UserId> {
        match self.rooms.get(&room)?.form {
            RoomForm::Open(_) => None,
            RoomForm::Direct(one, other) if one == viewer => Some(other),
            RoomForm::Direct(one, _) => Some(one),
        }
    }

    /// The highest number in the direct conversations that somebody had under the name of `other`.
    pub fn last_seq_under(&self, viewer: UserId, other: UserId) -> Seq {
        let (Some(user), Some(other)) = (self.users.get(&viewer), self.users.get(&other)) else {
            return Seq(0);
        };
        let named = |room: &RoomId| {
            let partner = self.users.get(&self.partner(*room, viewer)?)?;
            (partner.name == other.name).then(|| self.rooms.get(room).map(|room| room.last_seq))?
        };
        let seqs = user.rooms.iter().filter_map(|(room, _)| named(room));
        seqs.max().unwrap_or_default()
    }

    /// The channel in which somebody sees a room, and what it is called there. None for a direct conversation with
    /// somebody who is gone and whose name another person has had since: that name means the other person.
    pub fn view(&self, room: RoomId, viewer: UserId) -> Option<(Channel, Target)> {
        match &self.rooms.get(&room)?.form {
            RoomForm::Open(name) => Some((Channel { room, side: 0 }, Target::Room(name.clone()))),
            RoomForm::Direct(one, other) => {
                let (side, partner) = if *one == viewer {
                    (0, *other)
                } else {
                    (1, *one)
                };
                let name = &self.users.get(&partner)?.name;
                let meant = self.owner(name) == Some(partner);
                meant.then(|| (Channel { room, side }, Target::Direct(name.clone())))
            }
        }
    }

    /// A room as one of its members sees it.
    pub fn room_view(&self, room_id: RoomId, viewer: UserId) -> Option<RoomView> {
        let room = self.rooms.get(&room_id)?;
        Some(RoomView {
            room: self.view(room_id, viewer)?.1,
            topic: room.topic.clone(),
            first_seq: room.first_seq,
            last_seq: room.last_seq,
            read_seq: self.read_seq(room_id, viewer)?,
            members: room.members.len() as u32,
            is_operator: room.operators.contains(&viewer),
        })
    }

    /// The rooms that somebody is in and can see.
    pub fn room_views(&self, viewer: UserId) -> Vec<RoomView> {
        let rooms = self.users.get(&viewer).map_or(&[][..], |user| &user.rooms);
        rooms
            .iter()
            .filter_map(|(room, _)| self.room_view(*room, viewer))
            .collect()
    }

    /// How many rooms or direct conversations somebody is in.
    pub fn rooms_of(&self, user: UserId, direct: bool) -> usize {
        let rooms = self.users.get(&user).map_or(&[][..], |user| &user.rooms);
        rooms
            .iter()
            .filter(|(room, _)| self.partner(*room, user).is_some() == direct)
            .count()
    }
}
