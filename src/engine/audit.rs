//! The way into the audit log. An entry is a change like any other: put among the changes that it tells of, it is stored
//! with them or not at all, and costs no commit of its own.

use super::Engine;
use crate::base::record::Change;
use crate::base::{Act, Actor, AuditRecord, UserId};

impl Engine {
    /// What somebody does with a client, by a right that others do not have. `outcome` is [`crate::base::audit::DONE`] for
    /// what is done; an entry about what is refused is committed alone. That is for people with a role only: whoever has
    /// none could push out the entries of others by asking for what they may not.
    pub fn acted(&self, user: UserId, act: &Act, outcome: &str) -> Change {
        self.audit(act.record(self.now.wall, Actor::User(user), outcome))
    }

    /// An entry that somebody else has made.
    pub(super) fn audit(&self, record: AuditRecord) -> Change {
        Change::AddAudit(record, self.rules.limits.audit_entries)
    }
}
