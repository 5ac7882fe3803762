//! The way into the audit log. An entry is a change like any other: put among the changes that it tells of, it is stored
//! with them or not at all, and costs no commit of its own. What people do with a client stands in it when they do it by a
//! right that others do not have, under the name of the control socket's method that does the same.

use super::moderation::{self, Whom};
use super::{Engine, Then};
use crate::base::audit::DONE;
use crate::base::record::{Change, Redaction};
use crate::base::{Act, Actor, AuditRecord, BanKind, RoomId, UserId};

/// The outcome of what somebody may not do, as clients are told it.
const FORBIDDEN: &str = "forbidden";

impl Engine {
    /// An entry that somebody else has made.
    pub(super) fn audit(&self, record: AuditRecord) -> Change {
        Change::AddAudit(record, self.rules.limits.audit_entries)
    }

    /// To be stored together with what is done.
    pub(super) fn moderated(&self, by: UserId, act: &moderation::Act) -> Change {
        self.acted(by, &of(act), DONE)
    }

    /// Somebody with a role has asked for more than that allows. Who has none is not written down: they could push out the
    /// entries of others.
    pub(super) fn not_moderated(&mut self, by: UserId, act: &moderation::Act) {
        let entry = self.acted(by, &of(act), FORBIDDEN);
        self.commit(vec![entry], Then::Nothing);
    }

    /// To be stored together with the topic, if it is set by a right that not every member has.
    pub(super) fn topic_entry(&self, by: UserId, room: RoomId, topic: &str) -> Option<Change> {
        self.state.role(by, Some(room))?;
        let name = self.state.room_name(room)?;
        let act = Act::new("SetTopic").with("room", name.as_str());
        Some(self.acted(by, &act.with("topic", topic), DONE))
    }

    /// The redaction itself is stored by then, as a message that says by whom.
    pub(super) fn enter_redaction(&mut self, redaction: &Redaction) {
        let Some(room) = self.state.room_name(redaction.room) else {
            return;
        };
        let act = Act::new("Redact").with("room", room.as_str());
        let entry = self.acted(redaction.by, &act.with("seq", redaction.seq.0), DONE);
        self.commit(vec![entry], Then::Nothing);
    }

    fn acted(&self, user: UserId, act: &Act, outcome: &str) -> Change {
        self.audit(act.record(self.now.wall, Actor::User(user), outcome))
    }
}

/// With the parameters that the method has on the control socket.
fn of(act: &moderation::Act) -> Act {
    use moderation::Act::{Ban, Kick, Operator, Unban};

    let method = match act {
        Kick { .. } => "Kick",
        Ban {
            kind: BanKind::Ban, ..
        } => "Ban",
        Ban {
            kind: BanKind::Mute,
            ..
        } => "Mute",
        Unban {
            kind: BanKind::Ban, ..
        } => "Unban",
        Unban {
            kind: BanKind::Mute,
            ..
        } => "Unmute",
        Operator { operator: true, .. } => "AddOperator",
        Operator {
            operator: false, ..
        } => "RemoveOperator",
    };
    let mut entry = Act::new(method);
    match act {
        Kick { user, .. } | Operator { user, .. } => entry = entry.with("user", user.as_str()),
        Ban { who, .. } | Unban { who, .. } => {
            entry = match who {
                Whom::User(user) => entry.with("user", user.as_str()),
                Whom::Network(network) => entry.with("network", network.to_string()),
            }
        }
    }
    if let Some(room) = act.room() {
        entry = entry.with("room", room.as_str());
    }
    if let Ban {
        seconds: Some(seconds),
        ..
    } = act
    {
        entry = entry.with("seconds", seconds.get());
    }
    match act {
        Kick { reason, .. } | Ban { reason, .. } if !reason.is_empty() => {
            entry.with("reason", &**reason)
        }
        _ => entry,
    }
}
