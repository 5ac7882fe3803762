//! The same store without a disk, for simulations. Forgets everything with its last handle.

mod moderation;
mod start;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::id::LOBBY;
use crate::base::invite::InviteState;
use crate::base::name::LOBBY_NAME;
use crate::base::record::{
    Change, Clearing, Draft, KeyRecord, Kind, LastLogin, MemberRecord, PasswordHash, Record,
    Redaction, RoomForm, RoomRecord, SessionRecord, Snapshot, UserRecord,
};
use crate::base::{
    AuditEntry, BanKey, BanRecord, InviteId, InviteRecord, RoomId, Seq, SessionId, Timestamp,
    UserId, UserName,
};
use crate::store::search::{self, Word};
use crate::store::{Entry, IdentityKey, Outcome, Page, Reader, Rekeyed, Store, StoreError};

/// A store in memory. Every clone is a handle on the same one and both writes and reads, so that a simulation can let
/// its writer crash and start again from what is stored.
#[derive(Clone)]
pub struct MemoryStore(Arc<Mutex<State>>);

struct State {
    users: BTreeMap<UserId, (UserRecord, Option<PasswordHash>)>,
    rooms: BTreeMap<RoomId, Room>,
    /// The last number given under a name, in rooms that are gone.
    room_ends: BTreeMap<Box<str>, Seq>,
    members: BTreeMap<(RoomId, UserId), Seq>,
    sessions: BTreeMap<SessionId, SessionRecord>,
    /// The oldest of these entries go.
    audit: Vec<AuditEntry>,
    audited: u64,
    invites: BTreeMap<InviteId, InviteRecord>,
    moderators: BTreeSet<UserId>,
    operators: BTreeSet<(RoomId, UserId)>,
    bans: BTreeMap<BanKey, BanRecord>,
    next_user: UserId,
    next_room: RoomId,
    next_session: SessionId,
    next_invite: InviteId,
    next_offset: u64,
    is_full: bool,
}

struct Room {
    record: RoomRecord,
    /// With the offset of each message.
    log: Vec<(u64, Record)>,
    indexed: Seq,
}

impl MemoryStore {
    /// From now on the disk is full, or no longer is.
    pub fn set_full(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Snapshot, StoreError> {
        let state = self.state();
        Ok(Snapshot {
            users: state.users.values().map(|(user, _)| user.clone()).collect(),
            rooms: state
                .rooms
                .values()
                .map(|room| room.record.clone())
                .collect(),
            room_ends: state
                .room_ends
                .iter()
                .map(|(name, seq)| (name.clone(), *seq))
                .collect(),
            members: state
                .members
                .iter()
                .map(|(&(room, user), &read_seq)| MemberRecord {
                    room,
                    user,
                    read_seq,
                })
                .collect(),
            sessions: state.sessions.values().cloned().collect(),
            invites: state.invites.values().cloned().collect(),
            moderators: state.moderators.iter().copied().collect(),
            operators: state.operators.iter().copied().collect(),
            bans: state.bans.values().cloned().collect(),
            next_user: state.next_user,
            next_room: state.next_room,
            next_session: state.next_session,
            next_invite: state.next_invite,
        })
    }

    fn commit(&mut self, batch: &[Entry]) -> Result<Vec<Outcome>, StoreError> {
        let mut state = self.state();
        if state.is_full && !batch.iter().all(Entry::is_empty) {
            return Err(StoreError::Full {
                path: "memory".into(),
            });
        }
        Ok(batch
            .iter()
            .map(|entry| match entry {
                Entry::Append(draft) => state.append(draft),
                Entry::Redact(redaction) => state.redact(redaction),
                Entry::Clear(clearing) => state.clear(clearing),
                Entry::Changes(changes) if state.is_taken(changes) => Outcome::Taken,
                Entry::Changes(changes) => {
                    changes.iter().for_each(|change| state.apply(change));
                    Outcome::Changed
                }
            })
            .collect())
    }

    /// Nothing is sealed in memory.
    fn rekey(
        &mut self,
        _key: Option<IdentityKey>,
        _tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Rekeyed, StoreError> {
        Ok(Rekeyed {
            sealed: 0,
            key_file: None,
        })
    }

    fn index(&mut self, messages_max: usize) -> Result<bool, StoreError> {
        let mut left = messages_max as u64;
        let mut more = false;
        for room in self.state().rooms.values_mut() {
            let to = room
                .record
                .last_seq
                .0
                .min(room.indexed.0.saturating_add(left));
            left -= to - room.indexed.0;
            room.indexed = Seq(to);
            more |= room.indexed < room.record.last_seq;
        }
        Ok(more)
    }

    fn unindexed(&self) -> u64 {
        let state = self.state();
        let behind = |room: &Room| room.record.last_seq.0.saturating_sub(room.indexed.0);
        state.rooms.values().map(behind).sum()
    }

    fn reindex(&mut self) -> Result<bool, StoreError> {
        for room in self.state().rooms.values_mut() {
            room.indexed = Seq(room.record.first_seq.0.saturating_sub(1));
        }
        Ok(true)
    }

    /// What is cleared is gone at once.
    fn tidy(&mut self, _messages_max: usize) -> Result<bool, StoreError> {
        Ok(false)
    }
}

impl Reader for MemoryStore {
    fn after(
        &mut self,
        room: RoomId,
        after: Seq,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let state = self.state();
        let log = state.log(room).iter().filter(|record| record.1.seq > after);
        Ok(page(log, limit, bytes_max))
    }

    fn before(
        &mut self,
        room: RoomId,
        before: Seq,
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let state = self.state();
        let log = state.log(room).iter().rev();
        let mut records = page(log.filter(|record| record.1.seq < before), limit, bytes_max);
        records.reverse();
        Ok(records)
    }

    fn search(
        &mut self,
        rooms: &[RoomId],
        text: &str,
        from: Option<UserId>,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let words = search::words(text);
        let state = self.state();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let rooms = rooms.iter().filter_map(|room| state.rooms.get(room));
        let found = |room: &Room| {
            let found = room.log.iter().rev().filter(|(_, record)| {
                record.seq < before
                    && record.seq <= room.indexed
                    && from.is_none_or(|from| record.draft.author == from)
                    && words.iter().all(|word| has(&record.draft.text, word))
            });
            found.cloned().collect::<Vec<_>>()
        };
        let mut found: Vec<_> = rooms.flat_map(found).collect();
        found.sort_unstable_by_key(|(offset, _)| Reverse(*offset));
        Ok(page(found.iter(), limit, usize::MAX))
    }

    fn keys(&mut self, since: Timestamp, keys_max: usize) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(self.state().keys(since, keys_max))
    }

    fn password(&mut self, user: UserId) -> Result<Option<PasswordHash>, StoreError> {
        Ok(self
            .state()
            .users
            .get(&user)
            .and_then(|(_, hash)| hash.clone()))
    }

    fn author(&mut self, user: UserId) -> Result<Option<UserName>, StoreError> {
        Ok(self
            .state()
            .users
            .get(&user)
            .map(|(user, _)| user.name.clone()))
    }

    fn audit_before(
        &mut self,
        number: u64,
        since: Timestamp,
        method: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let state = self.state();
        let is_meant = |entry: &&AuditEntry| {
            let record = &entry.record;
            entry.number < number
                && record.at >= since
                && method.is_none_or(|method| record.method == method)
        };
        let newest = state.audit.iter().rev().filter(is_meant);
        Ok(newest.take(limit).cloned().collect())
    }

    fn audit_after(&mut self, number: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let state = self.state();
        let after = state.audit.iter().filter(|entry| entry.number > number);
        Ok(after.take(limit).cloned().collect())
    }
}

impl State {
    fn log(&self, room: RoomId) -> &[(u64, Record)] {
        self.rooms.get(&room).map_or(&[], |room| &room.log)
    }

    fn keys(&self, since: Timestamp, keys_max: usize) -> Vec<KeyRecord> {
        let mut messages: Vec<_> = self
            .rooms
            .values()
            .flat_map(|room| &room.log)
            .filter(|(_, record)| record.draft.at >= since && record.draft.key.is_some())
            .collect();
        messages.sort_unstable_by_key(|(offset, _)| *offset);
        messages
            .split_off(messages.len().saturating_sub(keys_max))
            .into_iter()
            .filter_map(|(_, record)| {
                Some(KeyRecord {
                    author: record.draft.author,
                    key: record.draft.key.clone()?,
                    room: record.draft.room,
                    seq: record.seq,
                    at: record.draft.at,
                })
            })
            .collect()
    }

    fn is_taken(&self, changes: &[Change]) -> bool {
        let (mut users, mut rooms) = (HashSet::new(), Vec::new());
        let (mut passwords, mut disabled) = (HashMap::new(), HashMap::new());
        changes.iter().any(|change| match change {
            Change::AddUser(user, hash) => {
                passwords.insert(user.id, hash);
                let same = |(other, _): &(UserRecord, _)| !other.removed && other.name == user.name;
                self.users.values().any(same) || !users.insert(user.name.clone())
            }
            Change::AddRoom(room) => {
                let taken = self
                    .rooms
                    .values()
                    .any(|other| other.record.form == room.form)
                    || rooms.contains(&&room.form);
                rooms.push(&room.form);
                taken
            }
            Change::AddSession(session, shown) => {
                let user = self.users.get(&session.user);
                let known = || user?.1.as_ref();
                let was_disabled = user.is_some_and(|(user, _)| user.disabled_at.is_some());
                let is_disabled = disabled.get(&session.user).copied();
                is_disabled.unwrap_or(was_disabled)
                    || passwords.get(&session.user).copied().or_else(known) != Some(shown)
            }
            Change::SetDisabled(user, since) => {
                disabled.insert(*user, since.is_some());
                false
            }
            Change::UseInvite(id, at) => {
                let invite = self.invites.get(id);
                invite.is_none_or(|invite| invite.state(*at) != InviteState::Open)
            }
            Change::SetPassword(user, hash) => {
                passwords.insert(*user, hash);
                false
            }
            _ => false,
        })
    }

    fn append(&mut self, draft: &Draft) -> Outcome {
        let offset = self.next_offset;
        let Some(room) = self.rooms.get_mut(&draft.room) else {
            return Outcome::Missing;
        };
        self.next_offset += 1;
        let seq = room.record.last_seq.next();
        room.record.last_seq = seq;
        let draft = draft.clone();
        room.log.push((offset, Record { seq, draft }));
        Outcome::Appended(seq)
    }

    fn redact(&mut self, redaction: &Redaction) -> Outcome {
        let room = self.rooms.get_mut(&redaction.room);
        let mut log = room.into_iter().flat_map(|room| &mut room.log);
        let Some((_, record)) = log.find(|(_, record)| record.seq == redaction.seq) else {
            return Outcome::Missing;
        };
        let draft = &mut record.draft;
        match draft.kind {
            Kind::Redaction => Outcome::Missing,
            _ if !redaction.may_be_of(draft.author) => Outcome::Foreign,
            Kind::Redacted => Outcome::Unchanged,
            Kind::Text | Kind::Action => {
                (draft.kind, draft.text) = (Kind::Redacted, "".into());
                self.append(&redaction.draft())
            }
        }
    }

    fn clear(&mut self, clearing: &Clearing) -> Outcome {
        let Some(room) = self.rooms.get_mut(&clearing.room) else {
            return Outcome::Missing;
        };
        let first = room.record.first_seq;
        let goes = |record: &Record| {
            let is_old = |moment| record.draft.at < moment;
            record.seq <= clearing.upto && clearing.before.is_none_or(is_old)
        };
        let count = room.log.partition_point(|(_, record)| goes(record));
        let to = Seq(first.0 + count as u64);
        if !clearing.dry_run {
            room.log.drain(..count);
            room.record.first_seq = to;
            room.indexed = room.indexed.max(Seq(to.0 - 1));
        }
        Outcome::Cleared(to)
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::AddUser(user, hash) => {
                self.next_user = self.next_user.max(user.id.next());
                self.users
                    .insert(user.id, (user.clone(), Some(hash.clone())));
            }
            Change::SetPassword(user, hash) => {
                if let Some((_, old)) = self.living(*user) {
                    *old = Some(hash.clone());
                }
            }
            Change::RemoveUser(user) => self.remove_user(*user),
            Change::SetDisabled(user, since) => {
                if let Some((record, _)) = self.living(*user) {
                    record.disabled_at = since.map(|at| record.disabled_at.unwrap_or(at));
                }
                if since.is_some() {
                    self.sessions.retain(|_, session| session.user != *user);
                }
            }
            Change::SetLastLogin(user, login) => self.set_last_login(*user, *login),
            Change::AddSession(session, _) => {
                self.next_session = self.next_session.max(session.id.next());
                self.sessions.insert(session.id, session.clone());
            }
            Change::RenewSession {
                id,
                seen_at,
                expires_at,
            } => {
                if let Some(session) = self.sessions.get_mut(id) {
                    (session.seen_at, session.expires_at) = (*seen_at, *expires_at);
                }
            }
            Change::RemoveSession(id) => drop(self.sessions.remove(id)),
            Change::RemoveSessions { user, but } => self
                .sessions
                .retain(|id, session| session.user != *user || Some(*id) == *but),
            Change::AddRoom(room) => self.add_room(room),
            Change::SetTopic(room, topic) => {
                if let Some(room) = self.rooms.get_mut(room) {
                    room.record.topic = topic.clone();
                }
            }
            Change::RemoveRoom(room) => self.remove_room(*room),
            Change::AddMember(member)
                if self.living(member.user).is_none()
                    || !self.rooms.contains_key(&member.room)
                    || self.is_banned(member.room, member.user) => {}
            Change::AddMember(member) => {
                let place = self.members.entry((member.room, member.user));
                place.or_insert(member.read_seq);
            }
            Change::RemoveMember(room, user) => {
                self.members.remove(&(*room, *user));
                self.operators.remove(&(*room, *user));
            }
            Change::SetRead(member) => {
                if let Some(seq) = self.members.get_mut(&(member.room, member.user)) {
                    *seq = member.read_seq.max(*seq);
                }
            }
            Change::AddAudit(record, entries_max) => {
                self.audited += 1;
                let oldest_kept = self.audited.saturating_sub(u64::from(*entries_max));
                self.audit.push(AuditEntry {
                    number: self.audited,
                    record: record.clone(),
                });
                self.audit.retain(|entry| entry.number > oldest_kept);
            }
            Change::AddInvite(invite) => {
                self.next_invite = self.next_invite.max(invite.id.next());
                self.invites.insert(invite.id, invite.clone());
            }
            Change::UseInvite(id, _) => {
                if let Some(invite) = self.invites.get_mut(id) {
                    invite.used += 1;
                }
            }
            Change::RevokeInvite(id, at) => {
                if let Some(invite) = self.invites.get_mut(id) {
                    invite.revoked_at.get_or_insert(*at);
                }
            }
            Change::RemoveInvite(id) => drop(self.invites.remove(id)),
            change => self.moderate(change),
        }
    }

    fn living(&mut self, user: UserId) -> Option<&mut (UserRecord, Option<PasswordHash>)> {
        self.users.get_mut(&user).filter(|(user, _)| !user.removed)
    }

    fn remove_user(&mut self, user: UserId) {
        if let Some((record, hash)) = self.users.get_mut(&user) {
            (record.removed, record.last_login, *hash) = (true, None, None);
            record.disabled_at = None;
        }
        self.sessions.retain(|_, session| session.user != user);
        self.members.retain(|(_, member), _| *member != user);
        self.operators.retain(|(_, member)| *member != user);
        self.moderators.remove(&user);
        self.bans.retain(|_, ban| !ban.is_about(user));
    }

    fn set_last_login(&mut self, user: UserId, login: LastLogin) {
        if let Some((record, _)) = self.living(user) {
            record.last_login = Some(login);
        }
    }

    fn remove_room(&mut self, id: RoomId) {
        let Some(room) = self.rooms.remove(&id) else {
            return;
        };
        if let RoomForm::Open(name) = &room.record.form {
            let end = self.room_ends.entry(name.key().into()).or_default();
            *end = room.record.last_seq.max(*end);
        }
        self.members.retain(|(other, _), _| *other != id);
        self.operators.retain(|(other, _)| *other != id);
        self.bans.retain(|key, _| key.room != Some(id));
    }

    fn add_room(&mut self, room: &RoomRecord) {
        self.next_room = self.next_room.max(room.id.next());
        let record = RoomRecord {
            first_seq: room.last_seq.next(),
            ..room.clone()
        };
        let room = Room {
            indexed: room.last_seq,
            record,
            log: Vec::new(),
        };
        self.rooms.insert(room.record.id, room);
    }
}

fn page<'a>(
    log: impl Iterator<Item = &'a (u64, Record)>,
    limit: usize,
    bytes_max: usize,
) -> Vec<Record> {
    let mut page = Page::new(bytes_max);
    for (_, record) in log.take(limit) {
        if !page.push(record.clone()) {
            break;
        }
    }
    page.records
}

/// Whether the parts of the word stand next to each other in the text.
fn has(text: &str, word: &Word) -> bool {
    let (parts, wanted) = (parts(text), parts(&word.text));
    let Some((last, before)) = wanted.split_last() else {
        return false;
    };
    parts.windows(wanted.len()).any(|window| {
        let (window_last, window_before) = (&window[before.len()], &window[..before.len()]);
        let ends = match word.prefix {
            true => window_last.starts_with(last.as_str()),
            false => window_last == last,
        };
        ends && window_before == before
    })
}

fn parts(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(str::to_lowercase)
        .collect()
}
