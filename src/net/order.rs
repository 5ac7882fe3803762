//! What each order does to a worker and its connections. When orders are taken, and when what they queue is written, is
//! the worker's business.

use std::sync::atomic::Ordering;

use crate::base::ConnId;
use crate::base::metrics::{self, Counter};
use crate::engine::effect::{Bye, ByeReason, News};
use crate::net::conn::Conn;
use crate::net::crowd::Place;
use crate::net::deadline::{Deadline, Kind};
use crate::net::native::{encode_error, encode_news};
use crate::net::stream::{Accepted, Stream};
use crate::net::worker::{Slot, Worker};
use crate::net::{Order, may_be_clear};
use crate::wire::Code;

/// Newcomers of one turn of a worker. Each costs a dozen calls of the system and has to be looked at again, and whoever is
/// logged in should not wait for a crowd at the door.
const NEWCOMERS_PER_TURN: usize = 16;
/// How long after a failed question the store is asked again.
const ASK_AGAIN_MS: u64 = 1_000;
/// How long those wait who were let go for somebody else.
const LET_GO_MS: u64 = 5_000;

impl Worker {
    /// Does what an order says. One for a connection that is gone, or going, is passed over.
    pub(super) fn carry_out(&mut self, order: Order) {
        match order {
            Order::Several(orders) => orders.into_iter().for_each(|order| self.carry_out(order)),
            Order::Adopt(accepted) => self.wait_in_line(accepted),
            Order::LetGo(number) => self.let_go(number),
            Order::Tell {
                conn,
                re,
                answer,
                news,
            } => {
                if let Some(slot) = self.find(conn) {
                    let of_rooms = is_of_rooms(&news);
                    let frames = encode_news(re.as_ref(), news);
                    if answer {
                        self.fanout.push(slot, &frames);
                        self.answered(slot);
                    } else if of_rooms {
                        self.fanout.tell_of_rooms(slot, &frames);
                    } else {
                        self.fanout.tell(slot, &frames);
                    }
                }
            }
            Order::Answer { conn, frame } => {
                if let Some(slot) = self.find(conn) {
                    self.fanout.push(slot, &frame);
                    self.answered(slot);
                }
            }
            Order::Admit { conn, user: _ } => self.set_admitted(conn, true),
            Order::Dismiss { conn } => {
                self.set_admitted(conn, false);
                if let Some(slot) = self.find(conn) {
                    self.fanout.detach_all(slot);
                }
            }
            Order::Attach {
                conn,
                channel,
                label,
                viewer,
                after,
                head,
            } => {
                if let Some(slot) = self.find(conn) {
                    self.fanout
                        .attach(slot, channel, &label, viewer, after, head);
                }
            }
            Order::Detach { conn, channel } => {
                if let Some(slot) = self.find(conn) {
                    self.fanout.detach(slot, channel);
                }
            }
            Order::Forget {
                channel,
                upto,
                gone,
            } => self.fanout.forget(channel, upto, gone),
            Order::Deliver(channel, chunk, ordered) => {
                self.delivering.get_or_insert(ordered);
                self.fanout.deliver(channel, chunk);
            }
            Order::Lag { most, told } => self.tell_lag(most, &told),
            Order::Signal {
                channel,
                frame,
                except,
            } => self.fanout.signal(channel, &frame, except),
            Order::Log {
                conn,
                channel: _,
                chunk,
            } => {
                let given = chunk.as_ref().ok().and_then(Option::as_ref);
                let given = given.map_or(0, |chunk| chunk.pieces.len() as u64);
                let Some(slot) = self.find(conn) else {
                    return;
                };
                metrics::add(Counter::DeliveredStore, given);
                if self.fanout.feed(slot, chunk) {
                    self.due(slot, Kind::AskAgain, self.now + ASK_AGAIN_MS);
                }
            }
            Order::Close { conn, bye } => {
                if let Some(slot) = self.find(conn) {
                    self.say_bye(slot, &bye);
                }
            }
            Order::Reload(greeting) => {
                self.fanout.set_limits(&greeting.limits);
                self.reading.tls = Some(greeting.tls.clone());
                self.greeting = greeting;
            }
            Order::Bar(barred) => self.bar(barred),
            Order::Stop => self.stop(),
        }
    }

    /// Newcomers wait for their turn; nobody who talks has to wait for them.
    fn wait_in_line(&mut self, accepted: Accepted) {
        match accepted.place.as_ref().map(Place::number) {
            Some(number) => drop(self.newcomers.insert(number, accepted)),
            None => self.adopt(accepted),
        }
    }

    /// Takes on those who have waited longest. Returns whether there are more.
    pub(super) fn adopt_some(&mut self) -> bool {
        for _ in 0..NEWCOMERS_PER_TURN {
            let Some((_, newcomer)) = self.newcomers.pop_first() else {
                return false;
            };
            self.adopt(newcomer);
        }
        !self.newcomers.is_empty()
    }

    fn adopt(&mut self, accepted: Accepted) {
        let stream = match Stream::adopt(accepted.socket) {
            Ok(stream) if !self.stopping => stream,
            outcome => {
                if let Err(error) = outcome {
                    tracing::warn!(%error, "cannot serve a connection");
                }
                self.connections.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                turn: 0,
                conn: None,
            });
            self.slots.len() as u32 - 1
        });
        tracing::debug!(
            peer = accepted.peer.map(tracing::field::display),
            "connected"
        );
        let due = self.login_due();
        let waker = self.ready.waker(slot);
        let may_be_clear = may_be_clear(accepted.peer, self.greeting.allow_plaintext);
        let mut conn = Conn::new(stream, waker, accepted.peer, may_be_clear, due);
        if let Some(place) = &accepted.place {
            self.strangers.insert(place.number(), slot);
        }
        conn.place = accepted.place;
        conn.proxied = accepted.proxied;
        self.slots[slot as usize].conn = Some(conn);
        self.fanout.open(self.id(slot));
        self.due(slot, Kind::Login, due);
        self.again.push(slot);
    }

    fn set_admitted(&mut self, conn: ConnId, admitted: bool) {
        let due = self.login_due();
        let Some(slot) = self.find(conn) else {
            return;
        };
        if let Some(conn) = self.conn(slot) {
            conn.admitted = admitted;
            let is_first = admitted && conn.fresh;
            conn.fresh &= !admitted;
            conn.login_requests = 0;
            conn.login_due = due;
            if let Some(place) = &mut conn.place {
                place.set_stranger(!admitted);
                if is_first && conn.stream.is_resumed() {
                    place.was_resumed();
                }
                let number = place.number();
                match admitted {
                    true => self.strangers.remove(&number),
                    false => self.strangers.insert(number, slot),
                };
            }
        }
        if !admitted {
            self.due(slot, Kind::Login, due);
        }
    }

    /// At once: nobody waits for a stranger to take their last words.
    fn let_go(&mut self, number: u64) {
        if self.newcomers.remove(&number).is_some() {
            // Nothing was heard of them yet.
            self.connections.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let Some(slot) = self.strangers.remove(&number) else {
            return;
        };
        if self
            .open_conn(slot)
            .is_some_and(|conn| conn.stream.is_open())
        {
            let text = "somebody else needs this connection; connect again, and log in at once";
            let words = encode_error(None, Code::Busy, text, Some(LET_GO_MS));
            self.fanout.push(slot, &words);
            self.flush(slot);
        }
        self.drop_conn(slot);
    }

    fn stop(&mut self) {
        // They are told good-bye like everybody.
        while self.adopt_some() {}
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        let bye = Bye {
            reason: ByeReason::ShuttingDown,
            text: "the server is stopping; connect again in a while".into(),
            reconnect_after_ms: Some(1_000),
        };
        for slot in 0..self.slots.len() as u32 {
            match self.open_conn(slot) {
                Some(_) => self.say_bye(slot, &bye),
                None => self.linger_less(slot),
            }
        }
        let seconds = self.greeting.limits.stop_seconds;
        self.deadlines.push(Deadline {
            at: self.now + u64::from(seconds) * 1_000,
            slot: 0,
            turn: 0,
            kind: Kind::Stop,
        });
    }

    /// The slot of a connection that is still here and not being closed.
    pub(super) fn find(&mut self, conn: ConnId) -> Option<u32> {
        let here = self.slots.get(conn.slot as usize)?.turn == conn.turn;
        self.open_conn(conn.slot)
            .filter(|_| here)
            .map(|_| conn.slot)
    }

    fn login_due(&self) -> u64 {
        self.now + u64::from(self.greeting.limits.login_seconds) * 1_000
    }
}

/// Whether it tells in which rooms one is.
fn is_of_rooms(news: &News) -> bool {
    matches!(
        news,
        News::Joined(_) | News::Left { .. } | News::Removed { .. } | News::Kicked { .. }
    )
}
