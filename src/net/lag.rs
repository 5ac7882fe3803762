//! Who is behind, as an admin asks a worker: it looks at all its connections once, and tells of the worst. Whose they are
//! is the hub's to know.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::base::ConnId;
use crate::engine::fanout::Lag;
use crate::net::conn::Phase;
use crate::net::worker::Worker;

/// What one worker tells.
#[derive(Debug, Default)]
pub struct Lagging {
    /// The connections that have not been given everything there is.
    pub count: u64,
    /// The messages that wait for all of them.
    pub messages: u64,
    /// Those with most messages, the worst first.
    pub worst: Vec<Laggard>,
}

/// A connection that is behind.
#[derive(Clone, Debug)]
pub struct Laggard {
    /// Which.
    pub conn: ConnId,
    /// From which address; none for a local socket.
    pub peer: Option<IpAddr>,
    /// For how long.
    pub behind: Duration,
    /// By how much.
    pub lag: Lag,
}

impl Worker {
    /// Who was not given everything in their last turn: their socket took no more, or the store was asked. What came in
    /// since then is on its way to the others.
    pub(super) fn tell_lag(&self, most: usize, told: &UnboundedSender<Lagging>) {
        let mut waiting: Vec<(u64, u32)> = Vec::new();
        for (slot, place) in (0..).zip(&self.slots) {
            let conn = place.conn.as_ref();
            let is_behind = conn.is_some_and(|conn| {
                conn.behind_since > 0 && conn.admitted && conn.phase == Phase::Open
            });
            if is_behind {
                waiting.push((self.fanout.messages_waiting(slot), slot));
            }
        }
        let count = waiting.len() as u64;
        let messages = waiting.iter().map(|(messages, _)| messages).sum();
        if waiting.len() > most && most > 0 {
            waiting.select_nth_unstable_by_key(most - 1, |(messages, _)| Reverse(*messages));
        }
        waiting.truncate(most);
        waiting.sort_unstable_by_key(|(messages, _)| Reverse(*messages));
        let laggard = |(_, slot): (u64, u32)| {
            let conn = self.slots[slot as usize].conn.as_ref()?;
            Some(Laggard {
                conn: self.id(slot),
                peer: conn.peer,
                behind: Duration::from_millis(self.now.saturating_sub(conn.behind_since)),
                lag: self.fanout.lag(slot),
            })
        };
        // Whoever asked may have gone.
        let _ = told.send(Lagging {
            count,
            messages,
            worst: waiting.into_iter().filter_map(laggard).collect(),
        });
    }
}
