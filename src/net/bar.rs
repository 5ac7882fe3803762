//! Networks from which nobody is let in. Whoever says `hello` from there is told so and closed; when one is banned, all who
//! have come from there are. Each connection has said `hello` before that or after it, so none is left out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::base::Timestamp;
use crate::engine::bans::Barred;
use crate::engine::effect::{Bye, ByeReason};
use crate::net::native::encode_error;
use crate::net::worker::Worker;
use crate::wire::Code;

impl Worker {
    /// From now on these, in the order of the networks. Those who are here are looked at for what is new in the list.
    pub(super) fn bar(&mut self, barred: Arc<[Barred]>) {
        let before = std::mem::replace(&mut self.barred, barred);
        let is_new = |barred: &&Barred| {
            let place = before.binary_search_by_key(&barred.network, |other| other.network);
            place.is_err()
        };
        let fresh: Vec<_> = self.barred.iter().filter(is_new).cloned().collect();
        if fresh.is_empty() {
            return;
        }
        let slots = 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        for slot in slots {
            let barred = self.peer(slot).and_then(|peer| find(&fresh, peer, wall()));
            let Some(text) = barred.map(|barred| barred.text.clone()) else {
                continue;
            };
            let bye = Bye {
                reason: ByeReason::Banned,
                text,
                reconnect_after_ms: None,
            };
            self.say_bye(slot, &bye);
        }
    }

    /// Whether nobody is let in from where the connection comes. Then it is told so, and closed.
    pub(super) fn is_barred(&mut self, slot: u32) -> bool {
        let peer = self.peer(slot);
        let barred = peer.and_then(|peer| find(&self.barred, peer, wall()));
        let Some(barred) = barred.cloned() else {
            return false;
        };
        let peer = peer.map(tracing::field::display);
        tracing::debug!(peer, "somebody from a banned network was turned away");
        let left = barred.until.map(|until| until.since(wall()).as_millis());
        let after_ms = left.map(|left| u64::try_from(left).unwrap_or(u64::MAX));
        let words = encode_error(None, Code::Banned, &barred.text, after_ms);
        self.fanout.push(slot, &words);
        self.close(slot);
        true
    }

    /// Until a proxy has said for whom it comes, nobody has.
    fn peer(&self, slot: u32) -> Option<IpAddr> {
        let conn = self.slots.get(slot as usize)?.conn.as_ref()?;
        conn.peer.filter(|_| conn.proxied.is_none())
    }
}

fn find(barred: &[Barred], peer: IpAddr, now: Timestamp) -> Option<&Barred> {
    let is_in_force = |barred: &&Barred| barred.until.is_none_or(|until| until > now);
    let mut barred = barred.iter().filter(is_in_force);
    barred.find(|barred| barred.network.contains(peer))
}

fn wall() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp::default().plus(since_1970.unwrap_or_default())
}
