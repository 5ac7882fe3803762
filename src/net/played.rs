//! A worker without a thread, a clock and sockets, and connections in memory: what is played by the simulation of the
//! whole server. What the worker does is the same.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::base::Limits;
use crate::engine::input::Input;
use crate::net::stream::{Accepted, Socket};
use crate::net::worker::Worker;
use crate::net::{Greeting, Lookup, Order};
use crate::wire::event::Registration;

/// A connection in memory, as the simulation has it.
#[derive(Clone, Debug, Default)]
pub struct Pipe(Arc<Mutex<Ends>>);

/// The worker's end. Once it is dropped, the other one is told.
#[derive(Debug)]
pub struct PlayedEnd(Pipe);

#[derive(Debug, Default)]
struct Ends {
    /// What has arrived at the worker, and what it has written.
    up: VecDeque<u8>,
    down: VecDeque<u8>,
    /// How many bytes may wait on their way down.
    room: usize,
    client_ended: bool,
    server_ended: bool,
    server_gone: bool,
    broken: bool,
    waker: Option<Waker>,
}

impl Pipe {
    /// A new connection that takes so many bytes at once.
    pub fn new(room: usize) -> Self {
        let pipe = Self::default();
        pipe.ends().room = room;
        pipe
    }

    /// Bytes arrive at the worker.
    pub fn give(&self, bytes: impl IntoIterator<Item = u8>) {
        self.ends().up.extend(bytes);
        self.wake();
    }

    /// Bytes leave the worker, at most so many.
    pub fn take(&self, most: usize) -> Vec<u8> {
        let mut ends = self.ends();
        let most = most.min(ends.down.len());
        let taken = ends.down.drain(..most).collect();
        drop(ends);
        self.wake();
        taken
    }

    /// The client has said all that it says.
    pub fn end(&self) {
        self.ends().client_ended = true;
        self.wake();
    }

    /// Neither side hears of the other any more.
    pub fn cut(&self) {
        let mut ends = self.ends();
        ends.broken = true;
        ends.down.clear();
        drop(ends);
        self.wake();
    }

    /// Whether nothing more comes from the worker.
    pub fn is_over(&self) -> bool {
        let ends = self.ends();
        (ends.server_ended || ends.server_gone) && ends.down.is_empty()
    }

    fn wake(&self) {
        let waker = self.ends().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PlayedEnd {
    pub(super) fn poll_read(&self, cx: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut ends = self.0.ends();
        if ends.broken {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let length = ends.up.len().min(buffer.len());
        if length == 0 && !ends.client_ended {
            ends.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        for (place, byte) in buffer.iter_mut().zip(ends.up.drain(..length)) {
            *place = byte;
        }
        Poll::Ready(Ok(length))
    }

    pub(super) fn poll_write(
        &self,
        cx: &Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut ends = self.0.ends();
        if ends.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut left = ends.room.saturating_sub(ends.down.len());
        if left == 0 {
            ends.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut written = 0;
        for slice in slices {
            let part = &slice[..slice.len().min(left)];
            ends.down.extend(part);
            written += part.len();
            left -= part.len();
        }
        Poll::Ready(Ok(written))
    }

    pub(super) fn poll_shutdown(&self) -> Poll<io::Result<()>> {
        self.0.ends().server_ended = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for PlayedEnd {
    fn drop(&mut self) {
        self.0.ends().server_gone = true;
    }
}

/// A worker that takes a turn when it is told to.
pub struct Played {
    worker: Worker,
    orders: UnboundedSender<Order>,
}

impl Played {
    /// A worker without connections.
    pub fn new(
        index: u16,
        hub: Sender<Input>,
        readers: Sender<Lookup>,
        greeting: Arc<Greeting>,
    ) -> Self {
        let (orders, receiver) = unbounded_channel();
        let count = Arc::new(AtomicUsize::new(0));
        let worker = Worker::new(index, hub, readers, greeting, receiver, count);
        Self { worker, orders }
    }

    /// Where orders go.
    pub fn orders(&self) -> UnboundedSender<Order> {
        self.orders.clone()
    }

    /// A new connection from there.
    pub fn adopt(&self, pipe: &Pipe, peer: Option<IpAddr>) {
        self.worker.connections.fetch_add(1, Ordering::Relaxed);
        let accepted = Accepted {
            socket: Socket::Played(PlayedEnd(pipe.clone())),
            peer,
            place: None,
            proxied: None,
        };
        // The receiver is in the worker.
        let _ = self.orders.send(Order::Adopt(accepted));
    }

    /// One turn, at this time in milliseconds since the worker began. Returns whether there is more to do at once.
    pub fn turn(&mut self, now: u64) -> bool {
        self.worker.now = now;
        let mut cx = Context::from_waker(Waker::noop());
        self.worker.work(&mut cx).1
    }

    /// Whether it has stopped.
    pub fn is_over(&self) -> bool {
        self.worker.is_over()
    }

    /// The most bytes that wait for any of its connections.
    pub fn unsent(&self) -> usize {
        let slots = 0..self.worker.slots.len() as u32;
        let unsent = slots.map(|slot| self.worker.fanout.unsent(slot));
        unsent.max().unwrap_or(0)
    }
}

/// What connections are told at their beginning. They speak in the clear.
pub fn greeting(limits: Limits) -> Arc<Greeting> {
    Arc::new(Greeting {
        server: "simulation".into(),
        epoch: "1".into(),
        registration: Registration::Open,
        limits,
        tls: crate::net::tls::tests::config(),
        allow_plaintext: true,
    })
}
