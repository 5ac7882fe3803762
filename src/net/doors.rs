//! The way in to the workers, shared by all listeners: who is let in, who has to go for them, and the few words to those
//! for whom there is no room.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;

use crate::base::metrics::{self, Counter};
use crate::base::{Limits, Network, Origin, SeldomByOrigin, catalog};
use crate::net::crowd::{Crowd, Full, LetGo, Place};
use crate::net::native::encode_error;
use crate::net::proxy::HeaderError;
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
    /// Those who say for whom they come.
    proxies: RwLock<Vec<Network>>,
    crowd: Arc<Crowd>,
    /// Those of whom the log was told that they crowd.
    crowded: Mutex<SeldomByOrigin>,
    /// The proxies of which it was told that they do not say it right.
    unclear: Mutex<SeldomByOrigin>,
}

impl Doors {
    /// To these workers, for at most as many connections as the limits say. Whether people from elsewhere are spoken to in
    /// the clear matters to those who cannot be let in. Who comes from an address of `proxies` says first for whom.
    #[must_use]
    pub fn new(
        workers: &[WorkerHandle],
        limits: &Limits,
        allow_plaintext: bool,
        proxies: Vec<Network>,
    ) -> Arc<Self> {
        let door = |worker: &WorkerHandle| (worker.orders.clone(), Arc::clone(&worker.connections));
        Arc::new(Self {
            workers: workers.iter().map(door).collect(),
            allow_plaintext: AtomicBool::new(allow_plaintext),
            proxies: RwLock::new(proxies),
            crowd: Crowd::new(limits),
            crowded: Mutex::default(),
            unclear: Mutex::default(),
        })
    }

    /// Other settings from now on. Those who are in stay.
    pub fn set(&self, limits: &Limits, allow_plaintext: bool, proxies: Vec<Network>) {
        self.crowd.counts().set_limits(limits);
        *self.proxies.write().unwrap_or_else(PoisonError::into_inner) = proxies;
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
    pub(super) fn admit(self: &Arc<Self>, mut accepted: Accepted) {
        let workers = self.workers.iter().enumerate();
        let fewest = workers.min_by_key(|(_, (_, count))| count.load(Ordering::Relaxed));
        let Some((worker, (orders, count))) = fewest else {
            return;
        };
        let is_proxy = accepted.peer.is_some_and(|peer| self.is_proxy(peer));
        let origin = match is_proxy {
            // Whoever is behind it is counted when they are announced.
            true => Origin::Here,
            false => Origin::of(accepted.peer),
        };
        accepted.proxied = is_proxy.then(|| Arc::clone(self));
        // Orders are given under the lock: nobody is told to let somebody go before they were handed over.
        let mut crowd = self.crowd.counts();
        let (number, let_go) = match crowd.enter(origin, worker, self.connections()) {
            Ok(entered) => entered,
            Err(full) => {
                drop(crowd);
                metrics::add(Counter::TurnedAway, 1);
                self.tell_crowded(origin);
                return self.turn_away(accepted, &no_room(full));
            }
        };
        self.let_go(&let_go);
        metrics::add(Counter::Admitted, 1);
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

    /// A proxy has said for whom it comes: from now on they are counted by their own address.
    ///
    /// # Errors
    /// With last words, when there is no room for them.
    pub(super) fn announce(&self, place: &mut Place, source: IpAddr) -> Result<(), Bytes> {
        let origin = Origin::of(Some(source));
        let mut crowd = self.crowd.counts();
        let relocated = place.relocate(&mut crowd, origin);
        if let Ok(let_go) = &relocated {
            self.let_go(let_go.as_slice());
        }
        drop(crowd);
        if !matches!(relocated, Ok(None)) {
            self.tell_crowded(origin);
        }
        relocated.map(drop).map_err(no_room)
    }

    /// To be called under the crowd's lock: nobody may be handed over in between.
    fn let_go(&self, strangers: &[LetGo]) {
        metrics::add(Counter::LetGo, strangers.len() as u64);
        for stranger in strangers {
            if let Some((orders, _)) = self.workers.get(stranger.worker) {
                drop(orders.send(Order::LetGo(stranger.number)));
            }
        }
    }

    fn is_proxy(&self, peer: IpAddr) -> bool {
        let proxies = self.proxies.read();
        let proxies = proxies.unwrap_or_else(PoisonError::into_inner);
        proxies.iter().any(|network| network.contains(peer))
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
        if crowded.is_due(origin, self.crowd.now()) {
            let peer = origin.address().map(tracing::field::display);
            tracing::warn!(
                MESSAGE_ID = catalog::STRANGERS,
                peer,
                "too many connections, strangers are let go or turned away"
            );
        }
    }

    /// A proxy does not say for whom it comes, or not as it should: nobody behind it gets in.
    pub(super) fn tell_unclear(&self, proxy: Option<IpAddr>, why: &HeaderError) {
        let unclear = self.unclear.lock();
        let mut unclear = unclear.unwrap_or_else(PoisonError::into_inner);
        if unclear.is_due(Origin::of(proxy), self.crowd.now()) {
            let proxy = proxy.map(tracing::field::display);
            tracing::warn!(
                proxy,
                "{why}; let the proxy send one (HAProxy: send-proxy-v2, nginx: proxy_protocol on), or take it off `proxies`"
            );
        }
    }
}

fn no_room(full: Full) -> Bytes {
    let text = match full {
        Full::Server => {
            "the server has as many connections as it may have; try again a little later"
        }
        Full::Address => {
            "your address has as many connections as it may have; close some, or try again a little later"
        }
    };
    encode_error(None, Code::Busy, text, Some(BUSY_MS))
}
