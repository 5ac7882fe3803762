//! A worker: a thread that owns its connections alone. Takes all orders that wait, reads what has come in, then gives
//! each connection that has something to be sent one vectored write. No locks, no task or timer for a connection.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SendError, Sender};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, Sleep};

use crate::base::ConnId;
use crate::base::metrics::{self, Counter, Measure};
use crate::engine::bans::Barred;
use crate::engine::fanout::Fanout;
use crate::engine::input::Input;
use crate::net::conn::{Conn, Phase};
use crate::net::deadline::{Deadline, Deadlines, Kind};
use crate::net::native::request::Names;
use crate::net::ready::Ready;
use crate::net::stream::{Accepted, Reading, Writing};
use crate::net::{Greeting, Lookup, Order};

/// Orders carried out before sockets have their turn.
const ORDERS_PER_TURN: usize = 1_024;
/// What the hub is told together: waking it costs more than most requests. Past so many it is told at once, so that it has
/// something to do while the other sockets are read.
const INPUTS_AT_ONCE: usize = 256;
/// Pieces of one vectored write.
const SLICES: usize = 64;
/// Bytes written to one connection before the others have their turn.
const WRITE_BYTES: usize = 1_048_576;

/// A worker from outside.
#[derive(Debug)]
pub struct WorkerHandle {
    /// Where orders go.
    pub orders: UnboundedSender<Order>,
    /// The connections that it has, those on their way to it included. Counted up by whoever sends [`Order::Adopt`],
    /// down by the worker.
    pub connections: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl WorkerHandle {
    /// Waits until the worker has ended, which it does some time after [`Order::Stop`].
    pub fn join(self) {
        let _ = self.thread.join();
    }
}

/// What a worker owns. All of it is used by one future on one thread.
#[derive(Debug)]
pub struct Worker {
    index: u16,
    pub(super) slots: Vec<Slot>,
    /// From where nobody is let in.
    pub(super) barred: Arc<[Barred]>,
    pub(super) free: Vec<u32>,
    /// Those who have come and were not yet taken on, by the numbers of their places, so the oldest first.
    pub(super) newcomers: BTreeMap<u64, Accepted>,
    /// The slots of those who have a place in the crowd as strangers, by its number.
    pub(super) strangers: BTreeMap<u64, u32>,
    /// The slots of strangers whose sockets may be ready, who take turns.
    pub(super) to_be_heard: VecDeque<u32>,
    /// The bytes that were read of them in this turn.
    pub(super) heard_bytes: usize,
    /// Frames of strangers that are longer than they should be and not yet whole.
    pub(super) frames_long: u32,
    pub(super) connections: Arc<AtomicUsize>,
    pub(super) fanout: Fanout,
    pub(super) deadlines: Deadlines,
    pub(super) greeting: Arc<Greeting>,
    hub: Sender<Input>,
    /// What the hub is to be told.
    inputs: Vec<Input>,
    readers: Sender<Lookup>,
    orders: UnboundedReceiver<Order>,
    pub(super) ready: Arc<Ready>,
    pub(super) names: Names,
    /// Slots that have not had enough in this turn.
    pub(super) again: Vec<u32>,
    pub(super) reading: Reading,
    writing: Writing,
    began: Instant,
    /// The time of this turn in milliseconds since `began`.
    pub(super) now: u64,
    timer: Option<(u64, Pin<Box<Sleep>>)>,
    /// When the oldest of the messages was on its way that were delivered in this turn.
    pub(super) delivering: Option<std::time::Instant>,
    pub(super) stopping: bool,
    stopped: bool,
}

/// A place for a connection.
#[derive(Debug)]
pub(super) struct Slot {
    /// How often it was taken before.
    pub turn: u16,
    pub conn: Option<Conn>,
}

impl Worker {
    /// Starts a worker. `hub` is told what clients ask for, `readers` what those who are behind need.
    ///
    /// # Errors
    /// When the system has no room for one more thread or poll descriptor.
    pub fn spawn(
        index: u16,
        hub: Sender<Input>,
        readers: Sender<Lookup>,
        greeting: Arc<Greeting>,
    ) -> io::Result<WorkerHandle> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (orders, receiver) = unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let run = move || {
            let mut worker = Self::new(index, hub, readers, greeting, receiver, count);
            // The runtime would make the worker pause after a few dozen sockets for the sake of other tasks, and there
            // are none.
            let turns = std::future::poll_fn(|cx| worker.turn(cx));
            runtime.block_on(tokio::task::unconstrained(turns));
        };
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(run)?;
        Ok(WorkerHandle {
            orders,
            connections,
            thread,
        })
    }

    pub(super) fn new(
        index: u16,
        hub: Sender<Input>,
        readers: Sender<Lookup>,
        greeting: Arc<Greeting>,
        orders: UnboundedReceiver<Order>,
        connections: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            index,
            slots: Vec::new(),
            barred: [].into(),
            free: Vec::new(),
            newcomers: BTreeMap::new(),
            strangers: BTreeMap::new(),
            to_be_heard: VecDeque::new(),
            heard_bytes: 0,
            frames_long: 0,
            connections,
            fanout: Fanout::new(index, &greeting.limits),
            deadlines: Deadlines::default(),
            reading: Reading::new(greeting.tls.clone()),
            writing: Writing::default(),
            greeting,
            hub,
            inputs: Vec::new(),
            readers,
            orders,
            ready: Arc::default(),
            names: Names::default(),
            again: Vec::new(),
            began: Instant::now(),
            now: 0,
            timer: None,
            delivering: None,
            stopping: false,
            stopped: false,
        }
    }

    /// One turn: orders, sockets, deadlines, writes. Ends the future when the worker has stopped.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (next, mut more) = self.work(cx);
        more |= self.set_timer(next, cx);
        if self.is_over() {
            return Poll::Ready(());
        }
        if more {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// What is done in a turn, at the time that it has. Returns when the next thing is due, and whether there is more to do
    /// already.
    pub(super) fn work(&mut self, cx: &mut Context<'_>) -> (Option<u64>, bool) {
        self.ready.arm(cx.waker());
        self.reading.begin_turn();
        let mut more = self.take_orders(cx);
        more |= self.adopt_some();
        let mut slots = std::mem::take(&mut self.again);
        self.ready.take(&mut slots);
        for slot in slots.drain(..) {
            self.drive(slot);
        }
        self.hear_strangers();
        self.send_inputs();
        let next = self.expire();
        self.fanout.take_dirty(&mut slots);
        for slot in slots.drain(..) {
            self.flush(slot);
        }
        self.send_inputs();
        self.count_given();
        self.fanout.evict();
        if self.again.is_empty() {
            // What was allocated for it is used again.
            self.again = slots;
        }
        more |= !self.again.is_empty() || !self.to_be_heard.is_empty();
        (next, more)
    }

    /// Whether the worker has stopped.
    pub(super) fn is_over(&self) -> bool {
        self.stopped || (self.stopping && self.slots.iter().all(|slot| slot.conn.is_none()))
    }

    /// What the connections were given in this turn.
    fn count_given(&mut self) {
        if let Some(ordered) = self.delivering.take() {
            metrics::observe_time(Measure::Delivery, ordered.elapsed());
        }
        match self.fanout.take_given() {
            0 => {}
            given => metrics::add(Counter::DeliveredRing, given),
        }
    }

    /// Returns whether there are more.
    fn take_orders(&mut self, cx: &mut Context<'_>) -> bool {
        let mut left = ORDERS_PER_TURN;
        while left > 0 {
            match self.orders.poll_recv(cx) {
                Poll::Pending => return false,
                Poll::Ready(Some(order)) => {
                    left = left.saturating_sub(order.count());
                    self.carry_out(order);
                }
                Poll::Ready(None) => {
                    // Nobody is left who could give any.
                    self.stopped = true;
                    return false;
                }
            }
        }
        true
    }

    /// Writes what a connection is to be given, until there is no more or its socket is full.
    pub(super) fn flush(&mut self, slot: u32) {
        let mut left = WRITE_BYTES;
        loop {
            let Some(conn) = &mut self.slots[slot as usize].conn else {
                return;
            };
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.fanout.gather(slot, &mut slices);
            if count == 0 {
                self.fanout.advance(slot, 0);
                break;
            }
            let mut cx = Context::from_waker(&conn.waker);
            match conn
                .stream
                .poll_write(&mut cx, &slices[..count], &mut self.writing)
            {
                Poll::Ready(Ok(written)) if written > 0 => {
                    metrics::add(Counter::SentBytes, written as u64);
                    self.fanout.advance(slot, written);
                    left = left.saturating_sub(written);
                }
                Poll::Ready(_) => return self.drop_conn(slot),
                Poll::Pending => {
                    self.fanout.set_blocked(slot, true);
                    break;
                }
            }
            if self.fanout.is_clear(slot) {
                break;
            }
            if left == 0 {
                self.fanout.set_blocked(slot, true);
                self.again.push(slot);
                break;
            }
        }
        if let Some(conn) = &mut self.slots[slot as usize].conn {
            match conn
                .stream
                .poll_flush(&mut Context::from_waker(&conn.waker))
            {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return self.drop_conn(slot),
                Poll::Pending => self.fanout.set_blocked(slot, true),
            }
        }
        self.settle(slot);
    }

    /// Asks the store, or the engine, for what the connection needs next.
    pub(super) fn ask(&mut self, slot: u32) {
        if let Some(query) = self.fanout.question(slot) {
            let lookup = Lookup {
                conn: self.id(slot),
                re: None,
                query,
            };
            metrics::add(Counter::Lookups, 1);
            // Without readers the daemon is about to stop.
            let _ = self.readers.send(lookup);
        }
        if self.fanout.take_missed(slot) {
            let conn = self.id(slot);
            self.tell_hub(Input::Refresh { conn });
        }
    }

    /// The hub is told this by the end of the turn.
    pub(super) fn tell_hub(&mut self, input: Input) {
        self.inputs.push(input);
        if self.inputs.len() >= INPUTS_AT_ONCE {
            self.send_inputs();
        }
    }

    fn send_inputs(&mut self) {
        let input = match self.inputs.len() {
            0 | 1 => self.inputs.pop(),
            _ => Some(Input::Several(std::mem::take(&mut self.inputs))),
        };
        let Some(input) = input else {
            return;
        };
        if let Err(SendError(input)) = self.hub.send(input) {
            self.not_heard(input);
        }
    }

    /// Carries out what is due and returns when the next thing is.
    fn expire(&mut self) -> Option<u64> {
        while let Some(deadline) = self.deadlines.first() {
            let now = self.now;
            let holds = self.holds(deadline);
            if holds && deadline.at > now {
                return Some(deadline.at);
            }
            self.deadlines.pop();
            match deadline.kind {
                Kind::Frame if self.has(deadline) => self.frame_overdue(deadline.slot),
                _ if !holds => {}
                Kind::Login => self.login_overdue(deadline.slot),
                Kind::Handshake => self.take_turn(deadline.slot),
                Kind::Finish | Kind::Close => self.drop_conn(deadline.slot),
                Kind::AskAgain => self.fanout.ask_again(deadline.slot),
                Kind::Stop => self.stopped = true,
                Kind::Frame => {}
            }
        }
        None
    }

    /// Whether the deadline's connection is still there.
    fn has(&self, deadline: Deadline) -> bool {
        self.slots
            .get(deadline.slot as usize)
            .is_some_and(|slot| slot.turn == deadline.turn && slot.conn.is_some())
    }

    /// Whether what was to be done by then is still to be done.
    fn holds(&self, deadline: Deadline) -> bool {
        if deadline.kind == Kind::Stop {
            return true;
        }
        if !self.has(deadline) {
            return false;
        }
        let Some(conn) = &self.slots[deadline.slot as usize].conn else {
            return false;
        };
        let open = conn.phase == Phase::Open;
        match deadline.kind {
            Kind::Login => open && !conn.admitted && conn.login_due == deadline.at,
            Kind::Frame => open && conn.frame_due == deadline.at,
            Kind::Finish | Kind::Handshake => open,
            Kind::Close => !open,
            Kind::AskAgain | Kind::Stop => true,
        }
    }

    /// Returns whether the time has come already.
    fn set_timer(&mut self, next: Option<u64>, cx: &mut Context<'_>) -> bool {
        let Some(at) = next else {
            self.timer = None;
            return false;
        };
        let deadline = self.began + Duration::from_millis(at);
        let (set, sleep) = self
            .timer
            .get_or_insert_with(|| (at, Box::pin(tokio::time::sleep_until(deadline))));
        if *set != at {
            *set = at;
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx).is_ready()
    }

    /// The connection is over.
    pub(super) fn drop_conn(&mut self, slot: u32) {
        self.leave_hub(slot);
        self.fanout.close(slot);
        let place = &mut self.slots[slot as usize];
        if let Some(conn) = place.conn.take() {
            // A place whose turns are used up stays empty, or a late answer could reach somebody else.
            if let Some(turn) = place.turn.checked_add(1) {
                place.turn = turn;
                self.free.push(slot);
            }
            if let Some(place) = &conn.place {
                self.strangers.remove(&place.number());
            }
            self.frames_long -= u32::from(conn.frame_long);
            self.connections.fetch_sub(1, Ordering::Relaxed);
            tracing::debug!(
                peer = conn.peer.map(tracing::field::display),
                "disconnected"
            );
        }
    }

    /// Tells the hub that the connection is gone, if it has ever heard of it.
    pub(super) fn leave_hub(&mut self, slot: u32) {
        let id = self.id(slot);
        if let Some(conn) = self.conn(slot)
            && std::mem::take(&mut conn.known)
        {
            self.tell_hub(Input::Gone { conn: id });
        }
    }

    pub(super) fn conn(&mut self, slot: u32) -> Option<&mut Conn> {
        self.slots.get_mut(slot as usize)?.conn.as_mut()
    }

    /// The connection, unless it is being closed.
    pub(super) fn open_conn(&mut self, slot: u32) -> Option<&mut Conn> {
        self.conn(slot).filter(|conn| conn.phase == Phase::Open)
    }

    pub(super) fn id(&self, slot: u32) -> ConnId {
        ConnId {
            worker: self.index,
            turn: self.slots[slot as usize].turn,
            slot,
        }
    }
}

#[cfg(test)]
mod tests;
