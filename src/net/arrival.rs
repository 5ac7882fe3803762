//! What comes before the first word of a connection is looked at: a proxy says for whom it comes, and whoever shakes hands
//! does so when it is their turn. What a header looks like, and whose turn it is, is known elsewhere.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::net::Doors;
use crate::net::conn::Phase;
use crate::net::crowd::Place;
use crate::net::deadline::Kind;
use crate::net::native::encode_error;
use crate::net::proxy::HeaderError;
use crate::net::stream::Reading;
use crate::net::tls::FIRST_BYTE;
use crate::net::worker::Worker;
use crate::wire::Code;

impl Worker {
    /// Whether the connection may be read: it is known who comes, and it is their turn.
    pub(super) fn has_arrived(&mut self, slot: u32, reading: &mut Reading) -> bool {
        let now = self.now;
        let Some(conn) = self.conn(slot) else {
            return false;
        };
        let Some(doors) = conn.proxied.clone() else {
            return conn.turn_due.is_none_or(|due| due <= now);
        };
        let mut cx = Context::from_waker(&conn.waker);
        match conn.stream.poll_header(&mut cx, reading) {
            Poll::Pending => return false,
            Poll::Ready(Ok(source)) => {
                conn.proxied = None;
                if let Some(source) = source {
                    self.announce(slot, &doors, source);
                }
            }
            Poll::Ready(Err(error)) => match error.downcast::<HeaderError>() {
                Ok(why) => self.refuse_header(slot, &doors, &why),
                // A proxy that only wanted to see whether anybody answers.
                Err(_) => self.drop_conn(slot),
            },
        }
        self.conn(slot)
            .is_some_and(|conn| conn.phase == Phase::Open)
    }

    /// From now on everything is theirs that comes on it, and counted so. Whether they may speak in the clear is still the
    /// proxy's: what crosses the network is between the two of them.
    fn announce(&mut self, slot: u32, doors: &Arc<Doors>, source: IpAddr) {
        let Some(conn) = self.conn(slot) else {
            return;
        };
        let proxy = conn.peer.replace(source).map(tracing::field::display);
        tracing::debug!(peer = %source, proxy, "announced");
        if let Some(place) = &mut conn.place
            && let Err(words) = doors.announce(place, source)
        {
            self.turn_away(slot, &words);
        }
    }

    fn refuse_header(&mut self, slot: u32, doors: &Arc<Doors>, why: &HeaderError) {
        if let Some(conn) = self.conn(slot) {
            doors.tell_unclear(conn.peer, why);
        }
        let text = format!("{why}; this server takes everybody from your address for a proxy");
        let words = encode_error(None, Code::BadFrame, &text, None);
        self.turn_away(slot, &words);
    }

    /// A proxy has not said in time for whom it comes. Returns whether that was to be said at all.
    pub(super) fn header_overdue(&mut self, slot: u32, seconds: u32) -> bool {
        let doors = self.conn(slot).and_then(|conn| conn.proxied.clone());
        if let Some(doors) = &doors {
            self.refuse_header(slot, doors, &HeaderError::Late(seconds));
        }
        doors.is_some()
    }

    /// Last words, where they can be understood.
    fn turn_away(&mut self, slot: u32, words: &[u8]) {
        let Some(conn) = self.conn(slot) else {
            return;
        };
        let speaks_tls = conn.stream.unread().first() == Some(&FIRST_BYTE);
        match conn.may_be_clear && !speaks_tls {
            true => {
                self.fanout.push(slot, words);
                self.close(slot);
            }
            false => self.drop_conn(slot),
        }
    }

    /// A handshake does not go on at once. Returns whether it does after all, and it was only asked whose turn it is.
    pub(super) fn is_next(&mut self, slot: u32) -> bool {
        let now = self.now;
        let Some(conn) = self.conn(slot) else {
            return false;
        };
        if conn.turn_due.is_some() {
            // This worker has had enough of handshakes for one turn.
            self.again.push(slot);
            return false;
        }
        let wait = conn.place.as_mut().map(Place::begin_handshake);
        let wait = wait.unwrap_or_default().as_nanos().div_ceil(1_000_000);
        let due = now.saturating_add(u64::try_from(wait).unwrap_or(u64::MAX));
        conn.turn_due = Some(due);
        if due > now {
            self.due(slot, Kind::Handshake, due);
        }
        due == now
    }

    /// It is the handshake's turn.
    pub(super) fn take_turn(&mut self, slot: u32) {
        if let Some(conn) = self.conn(slot)
            && let Some(place) = &mut conn.place
        {
            place.take_turn();
        }
        self.again.push(slot);
    }
}
