//! The way in to the workers, shared by all listeners: who is let in, who has to go for them, and the few words to those
//! for whom there is no room.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use crate::base::{Limits, Origin, SeldomByOrigin, catalog};
use crate::net::crowd::{Crowd, Full, Place};
use crate::net::native::encode_error;
use crate::net::stream::Accepted;
use crate::net::{Order, WorkerHandle, may_be_clear};
use crate::wire::Code;

/// What those are told to wait who come when the server is full.
const BUSY_MS: u64 = 5_000;

/// See above.
#[derive(Debug)]
pub struct Doors {
    workers: Vec<(UnboundedSender<Order>, Arc<AtomicUsize>)>,
    allow_plaintext: AtomicBool,
    crowd: Arc<Crowd>,
    /// Those of whom the log was told that they crowd.
    crowded: Mutex<SeldomByOrigin>,
    began: Instant,
}

impl Doors {
    /// To these workers, for at most as many connections as the limits say. Whether people from elsewhere are spoken to in
    /// the clear matters to those who cannot be let in.
    #[must_use]
    pub fn new(workers: &[WorkerHandle], limits: &Limits, allow_plaintext: bool) -> Arc<Self> {
        let door = |worker: &WorkerHandle| (worker.orders.clone(), Arc::clone(&worker.connections));
        Arc::new(Self {
            workers: workers.iter().map(door).collect(),
            allow_plaintext: AtomicBool::new(allow_plaintext),
            crowd: Crowd::new(limits),
            crowded: Mutex::default(),
            began: Instant::now(),
        })
    }

    /// Other settings from now on. Those who are in stay.
    pub fn set(&self, limits: &Limits, allow_plaintext: bool) {
        self.crowd.counts().set_limits(limits);
        self.allow_plaintext
            .store(allow_plaintext, Ordering::Relaxed);
    }

    /// The connections that nobody has logged in on.
    #[must_use]
    pub fn strangers(&self) -> usize {
        self.crowd.counts().strangers()
    }

    /// The connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        let counts = self.workers.iter().map(|(_, count)| count);
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Hands a connection to the worker with the fewest. One for which there is no room is told `busy` and let go at
    /// once: an answer tells a client more than a wait of unknown length.
    pub(super) fn admit(&self, mut accepted: Accepted) {
        let workers = self.workers.iter().enumerate();
        let fewest = workers.min_by_key(|(_, (_, count))| count.load(Ordering::Relaxed));
        let Some((worker, (orders, count))) = fewest else {
            return;
        };
        let origin = Origin::of(accepted.peer);
        // Orders are given under the lock: nobody is told to let somebody go before they were handed over.
        let mut crowd = self.crowd.counts();
        let (number, let_go) = match crowd.enter(origin, worker, self.connections()) {
            Ok(entered) => entered,
            Err(full) => {
                drop(crowd);
                self.tell_crowded(origin);
                let words = encode_error(None, Code::Busy, no_room(full), Some(BUSY_MS));
                return self.turn_away(accepted, &words);
            }
        };
        for stranger in &let_go {
            if let Some((orders, _)) = self.workers.get(stranger.worker) {
                drop(orders.send(Order::LetGo(stranger.number)));
            }
        }
        accepted.place = Some(Place::new(self.crowd.clone(), origin, number, worker));
        count.fetch_add(1, Ordering::Relaxed);
        let unsent = orders.send(Order::Adopt(accepted)).err();
        drop(crowd);
        if unsent.is_some() {
            count.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(stranger) = let_go.first() {
            self.tell_crowded(stranger.origin);
        }
    }

    /// Last words, and good-bye. Where one has to come with TLS, nothing can be said.
    pub(super) fn turn_away(&self, accepted: Accepted, words: &[u8]) {
        let allow_plaintext = self.allow_plaintext.load(Ordering::Relaxed);
        let may_be_clear = may_be_clear(accepted.peer, allow_plaintext);
        accepted.socket.turn_away(match may_be_clear {
            true => words,
            false => b"",
        });
    }

    fn tell_crowded(&self, origin: Origin) {
        let crowded = self.crowded.lock();
        let mut crowded = crowded.unwrap_or_else(PoisonError::into_inner);
        if crowded.is_due(origin, self.began.elapsed()) {
            let peer = origin.address().map(tracing::field::display);
            tracing::warn!(
                MESSAGE_ID = catalog::STRANGERS,
                peer,
                "too many connections, strangers are let go or turned away"
            );
        }
    }
}

fn no_room(full: Full) -> &'static str {
    match full {
        Full::Server => {
            "the server has as many connections as it may have; try again a little later"
        }
        Full::Address => {
            "your address has as many connections as it may have; close some, or try again a little later"
        }
    }
}
