//! What an admin who watches asks for: whose connections those are that are behind, and where most is said.

use std::cmp::Reverse;
use std::sync::Arc;

use super::Engine;
use super::effect::{AdminRoomLine, Reply};
use crate::base::{ConnId, RoomId, Seq, SessionId, UserName};

/// Whose a connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The account.
    pub user: UserName,
    /// The session.
    pub session: SessionId,
    /// What the device calls itself.
    pub device: Arc<str>,
}

/// A room and how many messages were said in it since it was last asked.
pub type Busy = (AdminRoomLine, u64);

impl Engine {
    /// In the order in which they are asked for; none where nobody is logged in any more.
    pub(super) fn owners(&self, conns: &[ConnId]) -> Reply {
        let owner = |conn: &ConnId| {
            let (user, session) = self.conns.get(conn)?.who?;
            Some(Owner {
                user: self.state.users.get(&user)?.name.clone(),
                session,
                device: self.state.sessions.get(&session)?.device.clone(),
            })
        };
        Reply::Owners(conns.iter().map(owner).collect())
    }

    /// The rooms in which most was said since `before`, which is what this has told of all rooms then; at most so many.
    pub(super) fn busiest(&self, before: &[(RoomId, Seq)], most: usize) -> Reply {
        let (mut before, mut busy) = (before.iter().peekable(), Vec::new());
        let mut heads = Vec::with_capacity(self.state.rooms.len());
        for (id, room) in &self.state.rooms {
            heads.push((*id, room.last_seq));
            while before.next_if(|(earlier, _)| earlier < id).is_some() {}
            let then = before.next_if(|(same, _)| same == id);
            let said = room.last_seq.0 - then.map_or(0, |(_, then)| then.0).min(room.last_seq.0);
            if said > 0 {
                busy.push((said, *id));
            }
        }
        busy.sort_unstable_by_key(|(said, _)| Reverse(*said));
        let line = |(said, id): &(u64, RoomId)| Some((self.admin_room_line(*id)?, *said));
        let rooms = busy.iter().take(most).filter_map(line).collect();
        Reply::Busiest { heads, rooms }
    }
}
