//! The writer thread: the only one that changes the database. Takes everything that waits, one transaction, one sync,
//! then tells the hub. When nothing waits, it brings the search index up to the log.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::base::{Seldom, Ticket, catalog};
use crate::engine::input::{Fault, Input, Outcome};
use crate::store::{self, Entry, Store, StoreError};

/// How long nothing must have come in before the index is worked on: a commit is never kept waiting for it by a burst
/// that has a short breath.
const QUIET: Duration = Duration::from_millis(20);

/// Under load without a breath the index still gets a turn so often.
const INDEX_INTERVAL: Duration = Duration::from_secs(2);

/// Messages indexed at a time: about two milliseconds.
const INDEX_MESSAGES: usize = 200;

/// One thing to store, and the name by which its outcome is told.
#[derive(Debug)]
pub(super) struct Job {
    pub ticket: Ticket,
    pub entry: Entry,
}

/// Starts the thread. It ends when nobody can send jobs any more, after it has done all of them.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn spawn(
    store: Box<dyn Store>,
    jobs: Receiver<Job>,
    hub: Sender<Input>,
    jobs_per_commit: usize,
) -> std::io::Result<JoinHandle<()>> {
    let writer = Writer {
        store,
        jobs,
        hub,
        jobs_per_commit,
        indexed: Instant::now(),
        unindexed: true,
        storing: Seldom::default(),
        indexing: Seldom::default(),
    };
    thread::Builder::new()
        .name("writer".into())
        .spawn(move || writer.run())
}

struct Writer {
    store: Box<dyn Store>,
    jobs: Receiver<Job>,
    hub: Sender<Input>,
    jobs_per_commit: usize,
    indexed: Instant,
    unindexed: bool,
    storing: Seldom,
    indexing: Seldom,
}

impl Writer {
    fn run(mut self) {
        let (mut tickets, mut entries) = (Vec::new(), Vec::new());
        while let Some(job) = self.next() {
            self.take(job, &mut tickets, &mut entries);
            self.commit(&mut tickets, &mut entries);
            if self.unindexed && self.indexed.elapsed() > INDEX_INTERVAL {
                self.index();
            }
        }
    }

    /// Waits for something to store. Once it has been quiet for a moment, the index is worked on meanwhile.
    fn next(&mut self) -> Option<Job> {
        let mut patience = QUIET;
        while self.unindexed {
            match self.jobs.recv_timeout(patience) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.index(),
            }
            patience = Duration::ZERO;
        }
        self.jobs.recv().ok()
    }

    /// Everything that waits.
    fn take(&self, first: Job, tickets: &mut Vec<Ticket>, entries: &mut Vec<Entry>) {
        let mut next = Ok(first);
        while let Ok(Job { ticket, entry }) = next {
            tickets.push(ticket);
            entries.push(entry);
            if entries.len() >= self.jobs_per_commit {
                return;
            }
            next = self.jobs.try_recv();
        }
        debug_assert!(matches!(
            next,
            Err(TryRecvError::Empty | TryRecvError::Disconnected)
        ));
    }

    fn commit(&mut self, tickets: &mut Vec<Ticket>, entries: &mut Vec<Entry>) {
        let input = match self.store.commit(entries) {
            Ok(outcomes) => {
                // A batch of nothing went nowhere near the disk.
                if !entries.iter().all(Entry::is_empty) && self.storing.went_well() {
                    tracing::info!(MESSAGE_ID = catalog::STORING_AGAIN, "storing again");
                }
                let outcomes = outcomes.into_iter().map(outcome);
                Input::Stored(tickets.drain(..).zip(outcomes).collect())
            }
            Err(error) => {
                if let Some(unsaid) = self.storing.failed(&error.to_string()) {
                    tracing::error!(MESSAGE_ID = catalog::STORING_FAILED, %error, unsaid, "cannot store");
                }
                Input::NotStored {
                    tickets: std::mem::take(tickets),
                    fault: fault(&error),
                }
            }
        };
        self.unindexed |= entries
            .iter()
            .any(|entry| matches!(entry, Entry::Append(_)));
        entries.clear();
        // Without a hub the daemon is stopping; what was stored is stored.
        let _ = self.hub.send(input);
    }

    fn index(&mut self) {
        self.indexed = Instant::now();
        self.unindexed = self.store.index(INDEX_MESSAGES).unwrap_or_else(|error| {
            if let Some(unsaid) = self.indexing.failed(&error.to_string()) {
                tracing::warn!(MESSAGE_ID = catalog::INDEX_FAILED, %error, unsaid, "cannot bring the search index up to the log; the next message tries again");
            }
            false
        });
    }
}

fn outcome(outcome: store::Outcome) -> Outcome {
    match outcome {
        store::Outcome::Appended(seq) => Outcome::Appended(seq),
        store::Outcome::Changed => Outcome::Changed,
        store::Outcome::Taken => Outcome::Taken,
    }
}

fn fault(error: &StoreError) -> Fault {
    match error {
        StoreError::Full { .. } => Fault::Full,
        _ => Fault::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::LOBBY;
    use crate::base::record::{Draft, Kind};
    use crate::base::{Timestamp, UserId};
    use crate::store::memory::MemoryStore;

    #[test]
    fn an_empty_entry_is_no_sign_that_it_stores_again() {
        let store = MemoryStore::default();
        let ((_, jobs), (hub, told)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
        let mut writer = Writer {
            store: Box::new(store.clone()),
            jobs,
            hub,
            jobs_per_commit: 10,
            indexed: Instant::now(),
            unindexed: false,
            storing: Seldom::default(),
            indexing: Seldom::default(),
        };
        let message = Entry::Append(Draft {
            room: LOBBY,
            author: UserId(1),
            at: Timestamp(0),
            kind: Kind::Text,
            key: None,
            text: "hello".into(),
        });
        let mut commit = |entry| {
            writer.commit(&mut vec![Ticket(1)], &mut vec![entry]);
            matches!(told.recv().unwrap(), Input::Stored(_))
        };
        store.set_full(true);
        assert!(!commit(message));
        assert!(commit(Entry::Changes(Vec::new())), "it needs no room");
        assert!(writer.storing.went_well(), "that is still to be said");
    }
}
