//! Taking the text of a message away: who may, and how everybody hears of it. The message that tells of it goes the way of
//! all messages, so that who is behind or away reads of it in its place.

use super::effect::{Delivery, Effect, News, Refusal, Reply};
use super::input::{Fault, Outcome};
use super::waiting::Storing;
use super::{Asker, Engine, talk};
use crate::base::id::ADMIN;
use crate::base::record::{Redaction, RoomForm};
use crate::base::{CallId, Channel, RoomId, RoomLabel, Seq, Target, UserId, UserName};

/// Who is answered.
#[derive(Debug)]
pub(super) enum Redactor {
    Asker(Asker),
    Call(CallId, RoomLabel),
}

/// Whose messages somebody may redact.
enum Whose {
    Own,
    /// Everybody's but those of these people, whose role is the same or higher.
    AllBut(Vec<UserId>),
}

impl Engine {
    /// Whose messages a member may redact in a room.
    fn may_redact(&self, user: UserId, room: RoomId) -> Whose {
        match self.state.role(user, Some(room)) {
            Some(role) if self.state.partner(room, user).is_none() => {
                let mut others = self.state.with_role(room, role);
                others.retain(|other| *other != user);
                Whose::AllBut(others)
            }
            _ => Whose::Own,
        }
    }

    pub(super) fn redact(
        &mut self,
        asker: &Asker,
        user: UserId,
        target: &Target,
        seq: Seq,
    ) -> Result<(), Refusal> {
        let place = self.reach(user, target)?;
        let room = place.channel.room;
        if !(place.first_seq..=place.last_seq).contains(&seq) {
            return Err(Refusal::NoSuchMessage);
        }
        let (only_of, not_of) = match self.may_redact(user, room) {
            Whose::Own => (Some(user), Vec::new()),
            Whose::AllBut(others) => (None, others),
        };
        self.hold(asker.conn);
        let redaction = Redaction {
            not_of,
            ..self.redaction(room, seq, user, only_of)
        };
        self.store_redaction(redaction, Redactor::Asker(asker.clone()));
        Ok(())
    }

    pub(super) fn admin_redact(
        &mut self,
        call: CallId,
        label: RoomLabel,
        seq: Seq,
    ) -> Option<Reply> {
        let Some(room) = self.state.room_by_label(&label) else {
            return Some(Reply::NoSuchRoom(label));
        };
        let log = self.state.rooms.get(&room);
        if !log.is_some_and(|log| (log.first_seq..=log.last_seq).contains(&seq)) {
            return Some(Reply::NoSuchMessage(label, seq));
        }
        let redaction = self.redaction(room, seq, ADMIN, None);
        self.store_redaction(redaction, Redactor::Call(call, label));
        None
    }

    fn redaction(&self, room: RoomId, seq: Seq, by: UserId, only_of: Option<UserId>) -> Redaction {
        Redaction {
            room,
            seq,
            by,
            at: self.now.wall,
            only_of,
            not_of: Vec::new(),
        }
    }

    fn store_redaction(&mut self, redaction: Redaction, by: Redactor) {
        let ticket = self.waiting.store(Storing::Redact {
            redaction: redaction.clone(),
            by,
        });
        self.effects.push(Effect::Redact { ticket, redaction });
    }

    pub(super) fn redacted(
        &mut self,
        redaction: Redaction,
        by: Redactor,
        outcome: Outcome,
        batch: &mut talk::Batch,
    ) {
        if let Outcome::Appended(seq) = outcome {
            self.note_redacted(&redaction);
            for channel in self.channels(redaction.room) {
                self.effects.push(Effect::Forget {
                    channel,
                    upto: redaction.seq,
                    gone: false,
                });
            }
            let from = self.state.users.get(&redaction.by);
            batch.push(Delivery {
                seq,
                from: from.map_or_else(UserName::admin, |user| user.name.clone()),
                draft: redaction.draft(),
                // Who asked is told that it is done, and removes the text where everybody does.
                origin: None,
            });
        }
        self.deliver(batch);
        match by {
            Redactor::Asker(asker) => {
                self.answer(
                    &asker,
                    match outcome {
                        Outcome::Appended(_) | Outcome::Unchanged => News::Ok,
                        Outcome::Foreign => News::Refused(Refusal::NotYours),
                        _ => News::Refused(Refusal::NoSuchMessage),
                    },
                );
                self.release(asker.conn);
            }
            Redactor::Call(call, label) => {
                let reply = match outcome {
                    Outcome::Appended(_) => Reply::Changed(true),
                    Outcome::Unchanged => Reply::Changed(false),
                    _ => Reply::NoSuchMessage(label, redaction.seq),
                };
                self.effects.push(Effect::Reply { call, reply });
            }
        }
    }

    pub(super) fn not_redacted(&mut self, by: Redactor, refusal: Refusal, fault: Fault) {
        match by {
            Redactor::Asker(asker) => {
                self.refuse(&asker, refusal);
                self.release(asker.conn);
            }
            Redactor::Call(call, _) => {
                let reply = Reply::from(fault);
                self.effects.push(Effect::Reply { call, reply });
            }
        }
    }

    /// The channels of a room: each side of a conversation of two has one.
    pub(super) fn channels(&self, room: RoomId) -> Vec<Channel> {
        let sides = match self.state.rooms.get(&room).map(|room| &room.form) {
            Some(RoomForm::Open(_)) => 0..1,
            Some(RoomForm::Direct(..)) => 0..2,
            None => 0..0,
        };
        sides.map(|side| Channel { room, side }).collect()
    }
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Full => Self::StorageFull,
            Fault::Broken => Self::NotStored,
        }
    }
}
