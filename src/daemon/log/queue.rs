//! A bounded queue with a thread of its own behind it. Whoever puts something in goes on at once, whatever the thread is
//! kept from; what does not fit is counted, and the count is told where it is missing. Knows nothing of what it carries.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that may wait, and as many again that the thread has in hand: some ten thousand lines. That is what a daemon says
/// in its busiest moments while the thread waits for its turn. More waits only when something is stuck.
pub(super) const BYTES_WAITING: usize = 4 * 1024 * 1024;

/// How long somebody waits for the queue to be empty. A log that is stuck must not hold up a reload or the end for longer.
pub(super) const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// What the thread is given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<T> {
    /// The next one.
    One(T),
    /// So many did not fit; they would come here.
    Missed(u64),
}

/// The way in. The thread ends when the handle is gone and the queue is empty.
pub(super) struct Queue<T>(Arc<Shared<T>>);

struct Shared<T> {
    waiting: Mutex<Waiting<T>>,
    changed: Condvar,
}

struct Waiting<T> {
    items: Vec<Taken<T>>,
    bytes: usize,
    /// How many did not fit since the last that did.
    missed: u64,
    /// How many things the thread was given since the beginning.
    given: u64,
    /// How many of those it is done with.
    done: u64,
    is_open: bool,
}

impl<T: Send + 'static> Queue<T> {
    /// Starts the thread, which does this with all that waits.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(
        name: &str,
        mut tell: impl FnMut(Vec<Taken<T>>) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Waiting {
                items: Vec::new(),
                bytes: 0,
                missed: 0,
                given: 0,
                done: 0,
                is_open: true,
            }),
            changed: Condvar::new(),
        });
        let inside = shared.clone();
        thread::Builder::new().name(name.into()).spawn(move || {
            while let Some(taken) = inside.next() {
                tell(taken);
            }
        })?;
        Ok(Self(shared))
    }

    /// Puts one of so many bytes in, or counts it when there is no room. Never waits for the thread.
    pub fn put(&self, item: T, bytes: usize) {
        let mut waiting = self.0.lock();
        if waiting.bytes + bytes > BYTES_WAITING {
            waiting.missed += 1;
            return;
        }
        waiting.mark_missed();
        waiting.items.push(Taken::One(item));
        waiting.bytes += bytes;
        drop(waiting);
        self.0.changed.notify_all();
    }

    /// Waits until everything that was put in so far is told, but not longer than [`FLUSH_PATIENCE`]. Returns whether it is.
    pub fn flush(&self) -> bool {
        let mut waiting = self.0.lock();
        waiting.mark_missed();
        let due = waiting.given + waiting.items.len() as u64;
        let is_due = |waiting: &mut Waiting<T>| waiting.done < due;
        let changed = &self.0.changed;
        let waited = changed.wait_timeout_while(waiting, FLUSH_PATIENCE, is_due);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        self.0.lock().is_open = false;
        self.0.changed.notify_all();
    }
}

impl<T> Shared<T> {
    /// Everything that waits; `None` once there is no more to come.
    fn next(&self) -> Option<Vec<Taken<T>>> {
        let mut waiting = self.lock();
        waiting.done = waiting.given;
        waiting.mark_missed();
        self.changed.notify_all();
        let has_none = |waiting: &mut Waiting<T>| waiting.items.is_empty() && waiting.is_open;
        let waited = self.changed.wait_while(waiting, has_none);
        let mut waiting = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.given += waiting.items.len() as u64;
        waiting.bytes = 0;
        let taken = std::mem::take(&mut waiting.items);
        Some(taken).filter(|taken| !taken.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Waiting<T> {
    fn mark_missed(&mut self) {
        if self.missed > 0 {
            self.items
                .push(Taken::Missed(std::mem::take(&mut self.missed)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    use super::*;

    /// What each of the things here weighs, so that ten fit.
    const WEIGHT: usize = BYTES_WAITING / 10;

    /// A queue whose thread has one thing in hand and does nothing with it until it is let go on; and what it tells.
    fn stuck() -> (Queue<u32>, Sender<()>, Receiver<Vec<Taken<u32>>>) {
        let (go_on, gate) = channel::<()>();
        let (told, heard) = channel();
        let queue = Queue::spawn("stuck", move |taken| {
            let _ = gate.recv();
            let _ = told.send(taken);
        });
        let queue = queue.unwrap();
        queue.put(0, WEIGHT);
        while queue.0.lock().given == 0 {
            thread::yield_now();
        }
        (queue, go_on, heard)
    }

    fn ones(items: std::ops::RangeInclusive<u32>) -> Vec<Taken<u32>> {
        items.map(Taken::One).collect()
    }

    #[test]
    fn what_does_not_fit_is_told_where_it_is_missing() {
        let (queue, go_on, heard) = stuck();
        (1..=13).for_each(|item| queue.put(item, WEIGHT));
        // Something small still fits.
        queue.put(14, 1);
        queue.put(15, WEIGHT);
        drop(go_on);
        assert_eq!(heard.recv().unwrap(), ones(0..=0));
        let mut expected = ones(1..=10);
        expected.extend([Taken::Missed(3), Taken::One(14), Taken::Missed(1)]);
        assert_eq!(heard.recv().unwrap(), expected);
        queue.put(16, WEIGHT);
        assert_eq!(heard.recv().unwrap(), ones(16..=16));
    }

    #[test]
    fn waiting_for_it_has_an_end() {
        let (queue, go_on, heard) = stuck();
        queue.put(1, WEIGHT);
        let begun = Instant::now();
        assert!(!queue.flush(), "it is stuck");
        assert!(begun.elapsed() < 3 * FLUSH_PATIENCE);
        drop(go_on);
        assert!(queue.flush());
        assert_eq!(heard.try_iter().flatten().count(), 2);
        assert!(queue.flush(), "nothing is in it");
    }

    #[test]
    fn waiting_for_it_is_for_what_was_there_before() {
        let queue = Arc::new(OnceLock::<Queue<u32>>::new());
        let stopped = Arc::new(AtomicBool::new(false));
        let (again, end) = (queue.clone(), stopped.clone());
        // Whenever the thread is told something, there is something more.
        let endless = Queue::spawn("endless", move |_| {
            if !end.load(Ordering::Relaxed) {
                again.wait().put(0, 1);
            }
        });
        queue.set(endless.unwrap()).ok().unwrap();
        let queue = queue.wait();
        queue.put(0, 1);
        assert!(queue.flush());
        stopped.store(true, Ordering::Relaxed);
    }

    #[test]
    fn the_thread_ends_after_the_last_one() {
        let (queue, go_on, heard) = stuck();
        queue.put(1, WEIGHT);
        drop((queue, go_on));
        assert_eq!(heard.iter().flatten().collect::<Vec<_>>(), ones(0..=1));
    }
}
