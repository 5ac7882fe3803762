//! Clearing history away: where logs begin is moved by the writer, room by room, and everybody is told when it is.

use super::Engine;
use super::effect::{Effect, News, Reply};
use super::input::{Fault, Outcome};
use super::waiting::Storing;
use crate::base::record::{Clearing, RoomForm};
use crate::base::{CallId, RoomId, RoomLabel, Seq, Timestamp};

/// A call that waits for the rooms that it clears.
#[derive(Debug, Default)]
pub(super) struct Call {
    left: usize,
    rooms: u64,
    messages: u64,
    fault: Option<Fault>,
}

impl Engine {
    pub(super) fn clear_history(
        &mut self,
        call: CallId,
        label: Option<RoomLabel>,
        before: Option<Timestamp>,
        dry_run: bool,
    ) -> Option<Reply> {
        let one = match label {
            Some(label) => match self.state.room_by_label(&label) {
                Some(room) => Some(room),
                None => return Some(Reply::NoSuchRoom(label)),
            },
            None => None,
        };
        let is_meant = |room: &RoomId| one.is_none_or(|one| one == *room);
        let rooms = self.state.rooms.iter().filter(|(id, _)| is_meant(id));
        let clearings: Vec<_> = rooms
            .filter(|(_, room)| room.first_seq <= room.last_seq)
            .map(|(id, room)| Clearing {
                room: *id,
                upto: room.last_seq,
                before,
                dry_run,
            })
            .collect();
        if clearings.is_empty() {
            let (rooms, messages) = (0, 0);
            return Some(Reply::Cleared { rooms, messages });
        }
        let left = clearings.len();
        self.clears.insert(
            call,
            Call {
                left,
                ..Call::default()
            },
        );
        for clearing in clearings {
            let ticket = self.waiting.store(Storing::Clear {
                clearing,
                call: Some(call),
            });
            self.effects.push(Effect::Clear { ticket, clearing });
        }
        None
    }

    pub(super) fn cleared(&mut self, clearing: Clearing, call: Option<CallId>, outcome: Outcome) {
        let went = self.messages_gone(clearing.room, outcome);
        // A room that is gone meanwhile is cleared, too.
        let room = self.state.rooms.get_mut(&clearing.room);
        if let (Outcome::Cleared(first), Some(room)) = (outcome, room)
            && went > 0
            && !clearing.dry_run
        {
            room.first_seq = first;
            self.tell_cleared(clearing.room, first);
        }
        let Some(id) = call else {
            return self.retained(went);
        };
        if let Some(call) = self.clears.get_mut(&id) {
            call.rooms += u64::from(went > 0);
            call.messages += went;
        }
        self.one_is_cleared(id);
    }

    pub(super) fn not_cleared(&mut self, call: Option<CallId>, fault: Fault) {
        let Some(id) = call else {
            return self.retained(0);
        };
        if let Some(call) = self.clears.get_mut(&id) {
            call.fault = Some(fault);
        }
        self.one_is_cleared(id);
    }

    /// How many messages a clearing took away, as the engine knows the log.
    pub(super) fn messages_gone(&self, room: RoomId, outcome: Outcome) -> u64 {
        match (outcome, self.state.rooms.get(&room)) {
            (Outcome::Cleared(first), Some(room)) => first.0.saturating_sub(room.first_seq.0),
            _ => 0,
        }
    }

    /// The last one's is the answer.
    fn one_is_cleared(&mut self, id: CallId) {
        let Some(call) = self.clears.get_mut(&id) else {
            return;
        };
        call.left -= 1;
        if call.left > 0 {
            return;
        }
        let reply = match call.fault {
            Some(fault) => Reply::from(fault),
            None => Reply::Cleared {
                rooms: call.rooms,
                messages: call.messages,
            },
        };
        self.clears.remove(&id);
        self.effects.push(Effect::Reply { call: id, reply });
    }

    fn tell_cleared(&mut self, id: RoomId, first_seq: Seq) {
        for channel in self.channels(id) {
            self.effects.push(Effect::Forget {
                channel,
                upto: Seq(first_seq.0 - 1),
                gone: true,
            });
        }
        let viewers = match self.state.rooms.get(&id).map(|room| &room.form) {
            Some(RoomForm::Direct(one, other)) => vec![*one, *other],
            // All see it under the same name.
            Some(RoomForm::Open(_)) => vec![crate::base::id::ADMIN],
            None => Vec::new(),
        };
        for viewer in viewers {
            if let Some((channel, room)) = self.state.view(id, viewer) {
                let news = News::Cleared { room, first_seq };
                self.effects.push(Effect::Signal {
                    channel,
                    news,
                    except: None,
                });
            }
        }
    }
}
