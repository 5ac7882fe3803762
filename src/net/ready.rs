//! Which of a worker's sockets have something to do. A list of slots that their wakers write themselves into.
//!
//! A task of the runtime for each connection was turned down: it costs 250 bytes more, and everything a worker owns would
//! have to be shared among its tasks. Here the worker is one future that owns all of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The list. Sockets are woken by the runtime of the worker itself, so the lock is never waited for.
#[derive(Debug, Default)]
pub struct Ready(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    slots: Vec<u32>,
    worker: Option<Waker>,
}

struct SlotWaker {
    slot: u32,
    ready: Arc<Ready>,
}

impl Ready {
    /// What a socket in this slot is polled with.
    #[must_use]
    pub fn waker(self: &Arc<Self>, slot: u32) -> Waker {
        Waker::from(Arc::new(SlotWaker {
            slot,
            ready: Arc::clone(self),
        }))
    }

    /// Wakes `worker` when a slot gets ready from now on.
    pub fn arm(&self, worker: &Waker) {
        let mut inner = self.lock();
        if !inner
            .worker
            .as_ref()
            .is_some_and(|old| old.will_wake(worker))
        {
            inner.worker = Some(worker.clone());
        }
    }

    /// Moves the slots that are ready to the end of `slots`. The same one may be there twice.
    pub fn take(&self, slots: &mut Vec<u32>) {
        slots.append(&mut self.lock().slots);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut inner = self.ready.lock();
        inner.slots.push(self.slot);
        if let Some(worker) = &inner.worker {
            worker.wake_by_ref();
        }
    }
}
