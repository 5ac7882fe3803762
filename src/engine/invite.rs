//! Invites: who may make an account with which code, and what the admin does with them. Whether one is still open when
//! the account is made the store says, in the same transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::effect::{InviteLine, Refusal, Reply};
use super::guard::Key;
use super::input::{Command, Registration};
use super::note::Note;
use super::state::State;
use super::{Asker, Engine};
use crate::base::invite::InviteState;
use crate::base::record::Change;
use crate::base::{CallId, InviteHash, InviteId, InviteRecord, Origin, Timestamp};

/// Those that are remembered.
#[derive(Debug, Default)]
pub(super) struct Invites {
    records: BTreeMap<InviteId, InviteRecord>,
    hashes: BTreeMap<InviteHash, InviteId>,
}

impl Invites {
    pub fn add(&mut self, invite: InviteRecord) {
        self.hashes.insert(invite.hash, invite.id);
        self.records.insert(invite.id, invite);
    }

    pub fn count_use(&mut self, id: InviteId) {
        self.records.entry(id).and_modify(|invite| invite.used += 1);
    }

    pub fn revoke(&mut self, id: InviteId, at: Timestamp) {
        self.records
            .entry(id)
            .and_modify(|invite| _ = invite.revoked_at.get_or_insert(at));
    }

    pub fn remove(&mut self, id: InviteId) {
        if let Some(invite) = self.records.remove(&id) {
            self.hashes.remove(&invite.hash);
        }
    }

    /// Whether an account can be made with it.
    pub fn is_open(&self, id: InviteId, now: Timestamp) -> bool {
        let invite = self.records.get(&id);
        invite.is_some_and(|invite| invite.state(now) == InviteState::Open)
    }

    fn open(&self, hash: &InviteHash, now: Timestamp) -> Option<InviteId> {
        let id = self.hashes.get(hash).copied();
        id.filter(|id| self.is_open(*id, now))
    }

    /// Those that are over, the oldest first.
    fn over(&self, now: Timestamp) -> impl Iterator<Item = InviteId> {
        let records = self.records.values();
        records
            .filter(move |invite| invite.state(now) != InviteState::Open)
            .map(|invite| invite.id)
    }
}

impl State {
    /// Follows a change of the invites.
    pub(super) fn apply_to_invites(&mut self, change: Change) {
        match change {
            Change::AddInvite(invite) => self.invites.add(invite),
            Change::UseInvite(id, _) => self.invites.count_use(id),
            Change::RevokeInvite(id, at) => self.invites.revoke(id, at),
            Change::RemoveInvite(id) => self.invites.remove(id),
            _ => {}
        }
    }
}

/// Whether somebody may make an account.
pub(super) enum Entrance {
    /// They may; with this invite where one is asked for.
    Open(Option<InviteId>),
    /// It is answered already.
    Refused,
}

impl Engine {
    /// Looks at the code before anything else: who has none is not told which names there are. A code that is none is
    /// counted like a login that is refused.
    pub(super) fn entrance(
        &mut self,
        asker: &Asker,
        code: Option<InviteHash>,
    ) -> Result<Entrance, Refusal> {
        match self.rules.registration {
            Registration::Open => return Ok(Entrance::Open(None)),
            Registration::Closed => return Err(Refusal::RegistrationClosed),
            Registration::Invite => {}
        }
        let code = code.ok_or(Refusal::InviteNeeded)?;
        let origin = self.origin(asker.conn);
        // As for logins, this machine has no limit by address. Nobody guesses 128 bits, from there neither.
        let counted: Vec<Key> = match origin {
            Origin::Here => Vec::new(),
            origin => vec![Key::Address(origin)],
        };
        if let Err(refusal) = self.begin_login(asker, None, &counted) {
            self.refuse_login(asker, refusal);
            return Ok(Entrance::Refused);
        }
        match self.state.invites.open(&code, self.now.wall) {
            Some(id) => {
                self.guard.take_back(&counted, &self.rules.limits);
                Ok(Entrance::Open(Some(id)))
            }
            None => {
                let from = self.conns.get(&asker.conn).and_then(|conn| conn.from);
                self.note(Note::InviteRefused { from });
                self.refuse_login(asker, Refusal::BadInvite);
                Ok(Entrance::Refused)
            }
        }
    }

    pub(super) fn is_invite_open(&self, id: InviteId) -> bool {
        self.state.invites.is_open(id, self.now.wall)
    }

    pub(super) fn invite_call(&mut self, call: CallId, command: Command) -> Option<Reply> {
        match command {
            Command::CreateInvite(invite) => self.create_invite(call, invite),
            Command::RevokeInvite { id } => self.revoke_invite(call, id),
            _ => Some(self.invite_lines()),
        }
    }

    /// Past the bound the oldest of those that are over are forgotten; where all are open, there can be no more.
    fn create_invite(&mut self, call: CallId, mut invite: InviteRecord) -> Option<Reply> {
        let now = self.now.wall;
        let (coming, going) = self.invites_pending();
        let count = self.state.invites.records.len() + coming - going.len();
        let excess = (count + 1).saturating_sub(self.rules.limits.invites as usize);
        let over = self.state.invites.over(now);
        let over = over.filter(|id| !going.contains(id)).take(excess);
        let mut changes: Vec<_> = over.map(Change::RemoveInvite).collect();
        if changes.len() < excess {
            return Some(Reply::LimitReached("invites"));
        }
        invite.id = self.next_invite;
        self.next_invite = invite.id.next();
        let made = Reply::Invite(invite.id);
        changes.push(Change::AddInvite(invite));
        self.admin_commit(call, changes, made)
    }

    /// How many wait to be stored, and those that wait to be forgotten.
    fn invites_pending(&self) -> (usize, BTreeSet<InviteId>) {
        let (mut coming, mut going) = (0, BTreeSet::new());
        for change in self.waiting.changes() {
            match change {
                Change::AddInvite(_) => coming += 1,
                Change::RemoveInvite(id) => _ = going.insert(*id),
                _ => {}
            }
        }
        (coming, going)
    }

    fn revoke_invite(&mut self, call: CallId, id: InviteId) -> Option<Reply> {
        let now = self.now.wall;
        let changed = match self.state.invites.records.get(&id) {
            None => return Some(Reply::NoSuchInvite(id)),
            Some(invite) => invite.state(now) == InviteState::Open,
        };
        if !changed {
            return Some(Reply::Changed(false));
        }
        let changes = vec![Change::RevokeInvite(id, now)];
        self.admin_commit(call, changes, Reply::Changed(true))
    }

    fn invite_lines(&self) -> Reply {
        let now = self.now.wall;
        let line = |invite: &InviteRecord| InviteLine {
            state: invite.state(now),
            id: invite.id,
            note: Arc::clone(&invite.note),
            uses: invite.uses,
            used: invite.used,
            created_at: invite.created_at,
            created_by: invite.created_by,
            expires_at: invite.expires_at,
        };
        Reply::Invites(self.state.invites.records.values().map(line).collect())
    }
}
