//! A naive store: what of the stored state tells whether an entry is refused, and who is where by then.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::LOBBY;
use crate::base::invite::InviteState;
use crate::base::record::{Change, Clearing, Draft, Kind, PasswordHash, Redaction, RoomForm};
use crate::base::{
    BanKey, BanKind, BanRecord, Banned, InviteId, InviteRecord, RoomId, Seq, SessionId, UserId,
};
use crate::engine::input::Outcome;

#[derive(Clone, Default)]
pub struct Rows {
    /// Of living accounts.
    pub passwords: BTreeMap<UserId, PasswordHash>,
    pub rooms: BTreeMap<RoomId, RoomForm>,
    pub members: BTreeMap<(UserId, RoomId), Seq>,
    pub sessions: BTreeMap<SessionId, UserId>,
    disabled: BTreeSet<UserId>,
    pub moderators: BTreeSet<UserId>,
    pub operators: BTreeSet<(UserId, RoomId)>,
    pub bans: BTreeMap<BanKey, BanRecord>,
    pub invites: BTreeMap<InviteId, InviteRecord>,
    heads: BTreeMap<RoomId, Seq>,
    /// Where logs begin that were cleared.
    pub firsts: BTreeMap<RoomId, Seq>,
    /// Who wrote what sort of message.
    log: BTreeMap<(RoomId, Seq), (UserId, Kind)>,
}

impl Rows {
    pub fn append(&mut self, draft: &Draft) -> Outcome {
        if draft.room != LOBBY && !self.rooms.contains_key(&draft.room) {
            return Outcome::Missing;
        }
        let head = self.heads.entry(draft.room).or_default();
        *head = head.next();
        let message = (draft.author, draft.kind);
        self.log.insert((draft.room, *head), message);
        Outcome::Appended(*head)
    }

    pub fn redact(&mut self, redaction: &Redaction) -> Outcome {
        let place = (redaction.room, redaction.seq);
        match self.log.get_mut(&place) {
            None | Some((_, Kind::Redaction)) => Outcome::Missing,
            Some((author, _)) if !redaction.may_be_of(*author) => Outcome::Foreign,
            Some((_, Kind::Redacted)) => Outcome::Unchanged,
            Some((_, kind)) => {
                *kind = Kind::Redacted;
                self.append(&redaction.draft())
            }
        }
    }

    /// Times are looked at by the stores' own tests: here everything is old.
    pub fn clear(&mut self, clearing: &Clearing) -> Outcome {
        let Clearing { room, upto, .. } = *clearing;
        if room != LOBBY && !self.rooms.contains_key(&room) {
            return Outcome::Missing;
        }
        let first = self.firsts.get(&room).copied().unwrap_or(Seq(1));
        let to = upto.next().max(first);
        if !clearing.dry_run {
            self.firsts.insert(room, to);
            self.log
                .retain(|(other, seq), _| *other != room || *seq >= to);
        }
        Outcome::Cleared(to)
    }

    /// All of the changes or none.
    pub fn change(&mut self, changes: &[Change]) -> Outcome {
        let before = self.clone();
        if changes.iter().all(|change| self.make(change)) {
            return Outcome::Changed;
        }
        *self = before;
        Outcome::Taken
    }

    fn make(&mut self, change: &Change) -> bool {
        match change {
            Change::AddRoom(room) => {
                let is_taken = self.rooms.values().any(|form| *form == room.form);
                self.rooms.insert(room.id, room.form.clone());
                self.heads.insert(room.id, room.last_seq);
                self.firsts.insert(room.id, room.first_seq);
                return !is_taken;
            }
            Change::AddUser(user, hash) => drop(self.passwords.insert(user.id, hash.clone())),
            Change::SetPassword(user, hash) => {
                if let Some(old) = self.passwords.get_mut(user) {
                    *old = hash.clone();
                }
            }
            Change::RemoveUser(user) => {
                self.passwords.remove(user);
                self.members.retain(|(member, _), _| member != user);
                self.bans.retain(|_, ban| !ban.is_about(*user));
                self.sessions.retain(|_, owner| owner != user);
            }
            Change::AddSession(session, hash) => {
                self.sessions.insert(session.id, session.user);
                return self.passwords.get(&session.user) == Some(hash)
                    && !self.disabled.contains(&session.user);
            }
            Change::SetDisabled(user, Some(_)) => {
                self.disabled.insert(*user);
                self.sessions.retain(|_, owner| owner != user);
            }
            Change::SetDisabled(user, None) => drop(self.disabled.remove(user)),
            Change::AddInvite(invite) => drop(self.invites.insert(invite.id, invite.clone())),
            Change::UseInvite(id, at) => {
                let invite = self.invites.get_mut(id);
                let open = invite.filter(|invite| invite.state(*at) == InviteState::Open);
                return open.map(|invite| invite.used += 1).is_some();
            }
            Change::RevokeInvite(id, at) => {
                if let Some(invite) = self.invites.get_mut(id) {
                    invite.revoked_at.get_or_insert(*at);
                }
            }
            Change::RemoveInvite(id) => drop(self.invites.remove(id)),
            Change::RemoveSession(id) => drop(self.sessions.remove(id)),
            Change::RemoveSessions { user, but } => self
                .sessions
                .retain(|id, owner| owner != user || Some(*id) == *but),
            Change::RemoveRoom(room) => {
                self.rooms.remove(room);
                self.firsts.remove(room);
                self.members.retain(|(_, other), _| other != room);
                self.bans.retain(|key, _| key.room != Some(*room));
                self.log.retain(|(other, _), _| other != room);
            }
            Change::AddMember(member)
                if self.passwords.contains_key(&member.user)
                    && !self.bans.contains_key(&banned(member.room, member.user))
                    && (member.room == LOBBY || self.rooms.contains_key(&member.room)) =>
            {
                let place = self.members.entry((member.user, member.room));
                place.or_insert(member.read_seq);
            }
            Change::RemoveMember(room, user) => drop(self.members.remove(&(*user, *room))),
            Change::SetModerator(user, moderator) => {
                self.moderators.remove(user);
                if *moderator {
                    self.moderators.insert(*user);
                }
            }
            Change::SetOperator(room, user, operator) => {
                self.operators.remove(&(*user, *room));
                if *operator {
                    self.operators.insert((*user, *room));
                }
            }
            Change::SetBan(ban) => {
                self.bans.remove(&ban.key);
                if self.is_there(&ban.key) {
                    self.bans.insert(ban.key, ban.clone());
                }
            }
            Change::LiftBan(key) => drop(self.bans.remove(key)),
            Change::EndBans(now) => self.bans.retain(|_, ban| !ban.is_over(*now)),
            Change::SetRead(member) => {
                if let Some(read) = self.members.get_mut(&(member.user, member.room)) {
                    *read = member.read_seq.max(*read);
                }
            }
            Change::AddMember(_)
            | Change::SetLastLogin(..)
            | Change::RenewSession { .. }
            | Change::SetTopic(..)
            | Change::AddAudit(..) => {}
        }
        let members = &self.members;
        self.operators.retain(|place| members.contains_key(place));
        let people = &self.passwords;
        self.moderators.retain(|user| people.contains_key(user));
        true
    }

    fn is_there(&self, key: &BanKey) -> bool {
        let has_room = |room| room == LOBBY || self.rooms.contains_key(&room);
        let has_user = match key.who {
            Banned::User(user) => self.passwords.contains_key(&user),
            Banned::Network(_) => true,
        };
        has_user && key.room.is_none_or(has_room)
    }
}

fn banned(room: RoomId, user: UserId) -> BanKey {
    BanKey {
        kind: BanKind::Ban,
        who: Banned::User(user),
        room: Some(room),
    }
}
