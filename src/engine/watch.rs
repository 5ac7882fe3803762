//! What an admin who watches asks for: whose connections those are that are behind, and where most is said.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Engine;
use super::effect::{AdminRoomLine, Reply};
use crate::base::{ConnId, RoomId, Seq, SessionId, UserId, UserName};

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

/// Somebody and how many messages they have said since it was last asked.
pub type BusyUser = (UserName, u64);

/// So many of the last messages are remembered by their authors: half a megabyte at most, and some seconds of the busiest
/// server.
const AUTHORS_MAX: usize = 65_536;

/// The authors of the last messages, the newest last.
#[derive(Debug, Default)]
pub(super) struct Authors {
    last: VecDeque<UserId>,
    /// How many messages there were in all.
    said: u64,
}

impl Authors {
    pub fn said(&mut self, author: UserId) {
        if self.last.len() == AUTHORS_MAX {
            self.last.pop_front();
        }
        self.last.push_back(author);
        self.said += 1;
    }

    /// How much each has said since there were so many messages; those who have said most come first.
    fn since(&self, before: u64) -> Vec<(UserId, u64)> {
        let new = usize::try_from(self.said.saturating_sub(before)).unwrap_or(usize::MAX);
        let mut counts = BTreeMap::<UserId, u64>::new();
        for author in self.last.iter().rev().take(new) {
            *counts.entry(*author).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        counts
    }
}

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

    /// The rooms in which most was said since `before`, which is what this has told of all rooms then, and the people who
    /// have said most since there were `said_before` messages; at most so many of each.
    pub(super) fn busiest(&self, before: &[(RoomId, Seq)], said_before: u64, most: usize) -> Reply {
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
        let users = self.authors.since(said_before).into_iter();
        let user = |(id, said)| Some((self.state.users.get(&id)?.name.clone(), said));
        Reply::Busiest {
            heads,
            said: self.authors.said,
            rooms,
            users: users.filter_map(user).take(most).collect(),
        }
    }
}
