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
    /// From now on these.
    pub(super) fn bar(&mut self, barred: Arc<[Barred]>) {
        self.barred = barred;
        if self.barred.is_empty() {
            return;
        }
        let slots = 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        for slot in slots {
            let Some(text) = self.bar_of(slot).map(|barred| barred.text.clone()) else {
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
        let Some(barred) = self.bar_of(slot).cloned() else {
            return false;
        };
        let left = barred.until.map(|until| until.since(wall()).as_millis());
        let after_ms = left.map(|left| u64::try_from(left).unwrap_or(u64::MAX));
        let words = encode_error(None, Code::Banned, &barred.text, after_ms);
        self.fanout.push(slot, &words);
        self.close(slot);
        true
    }

    fn bar_of(&self, slot: u32) -> Option<&Barred> {
        let conn = self.slots.get(slot as usize)?.conn.as_ref()?;
        // Until a proxy has said for whom it comes, nobody has.
        let peer = conn.peer.filter(|_| conn.proxied.is_none())?;
        find(&self.barred, peer, wall())
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
