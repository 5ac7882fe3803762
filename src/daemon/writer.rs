//! The writer thread: the only one that changes the database. Takes everything that waits, one transaction, one sync,
//! then tells the hub. When nothing waits, it brings the search index up to the log.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::base::metrics::{self, Counter, Measure};
use crate::base::record::Change;
use crate::base::{Seldom, Ticket, catalog};
use crate::engine::input::{Fault, Input, Outcome};
use crate::store::{self, Entry, IdentityKey, Rekeyed, Store, StoreError};

/// How long nothing must have come in before the index is worked on: a commit is never kept waiting for it by a burst
/// that has a short breath, and what comes in a few times a second is indexed together.
const QUIET: Duration = Duration::from_millis(100);

/// Under load without a breath the index still gets a turn so often.
const INDEX_INTERVAL: Duration = Duration::from_secs(2);

/// Messages indexed at a time: about two milliseconds.
const INDEX_MESSAGES: usize = 200;

/// Under load without a breath, what was cleared away still gets a turn so often.
const TIDY_INTERVAL: Duration = Duration::from_millis(50);

/// Between two steps of that, when nothing else is to be done: readers that are in the way get out of it.
const BREATH: Duration = Duration::from_millis(1);

/// Cleared messages removed at a time, with their words: about two milliseconds.
const TIDY_MESSAGES: usize = 100;

/// One thing to store, and the name by which its outcome is told.
#[derive(Debug)]
pub(super) struct Job {
    pub ticket: Ticket,
    pub entry: Entry,
}

/// What the writer is asked to do.
pub(super) enum Work {
    /// To store these, in this order, with whatever else waits.
    Store(Vec<Job>),
    /// To make the search index anew.
    Reindex(UnboundedSender<Reindexing>),
    /// To seal everything with another identity key: this, or else a random one.
    Rekey(Option<IdentityKey>, UnboundedSender<Rekeying>),
}

/// How it goes when the search index is made anew.
#[derive(Debug)]
pub(super) enum Reindexing {
    /// So many messages are still to be put into it; at 0 it is done.
    Left(u64),
    /// The index before is still being removed.
    NotYet,
    /// It is not done.
    Failed(String),
}

/// What is to be done after a commit.
enum Chore {
    Rekey(Option<IdentityKey>, UnboundedSender<Rekeying>),
    Reindex(UnboundedSender<Reindexing>),
}

/// How a change of the identity key goes.
#[derive(Debug)]
pub(super) enum Rekeying {
    /// So many of so many are sealed anew.
    Sealed(u64, u64),
    /// It is over.
    Done(Result<Rekeyed, String>),
}

/// Starts the thread. It ends when nobody can send jobs any more, after it has done all of them.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn spawn(
    store: Box<dyn Store>,
    jobs: Receiver<Work>,
    hub: Sender<Input>,
    jobs_per_commit: usize,
    audits: watch::Sender<()>,
) -> std::io::Result<JoinHandle<()>> {
    let writer = Writer::new(store, jobs, hub, jobs_per_commit, audits);
    thread::Builder::new()
        .name("writer".into())
        .spawn(move || writer.run())
}

pub(super) struct Writer {
    store: Box<dyn Store>,
    jobs: Receiver<Work>,
    /// What was received and not looked at yet.
    first: Option<Work>,
    /// What was received and is not stored yet.
    waiting: VecDeque<Job>,
    hub: Sender<Input>,
    jobs_per_commit: usize,
    indexed: Instant,
    unindexed: bool,
    /// Who has the index made anew and is told how far it is.
    reindexing: Option<UnboundedSender<Reindexing>>,
    storing: Seldom,
    indexing: Seldom,
    tidied: Instant,
    untidy: bool,
    /// Whether that has failed.
    tidy_again: bool,
    tidying: Seldom,
    /// Is told when an entry of the audit log was stored.
    audits: watch::Sender<()>,
}

impl Writer {
    fn new(
        store: Box<dyn Store>,
        jobs: Receiver<Work>,
        hub: Sender<Input>,
        jobs_per_commit: usize,
        audits: watch::Sender<()>,
    ) -> Self {
        Self {
            store,
            jobs,
            first: None,
            waiting: VecDeque::new(),
            hub,
            jobs_per_commit,
            indexed: Instant::now(),
            unindexed: true,
            reindexing: None,
            tidied: Instant::now(),
            untidy: true,
            tidy_again: false,
            storing: Seldom::default(),
            indexing: Seldom::default(),
            tidying: Seldom::default(),
            audits,
        }
    }

    fn run(mut self) {
        let (mut tickets, mut entries) = (Vec::new(), Vec::new());
        while self.wait() {
            let chore = self.take();
            self.fill(&mut tickets, &mut entries);
            if !entries.is_empty() {
                self.commit(&mut tickets, &mut entries);
            }
            match chore {
                Some(Chore::Rekey(key, told)) => self.rekey(key, &told),
                Some(Chore::Reindex(told)) => self.reindex(told),
                None => {}
            }
            if self.unindexed && self.indexed.elapsed() > INDEX_INTERVAL {
                self.index();
            }
            if self.untidy && self.tidied.elapsed() > TIDY_INTERVAL {
                self.tidy();
            }
        }
    }

    /// Waits for something to do, unless something waits to be stored. Once it has been quiet for a moment, the index is worked
    /// on meanwhile, and what was cleared away is removed. Returns whether there is anything.
    fn wait(&mut self) -> bool {
        if !self.waiting.is_empty() {
            return true;
        }
        let mut patience = QUIET;
        while self.unindexed || self.untidy {
            match self.jobs.recv_timeout(patience) {
                Ok(work) => {
                    self.first = Some(work);
                    return true;
                }
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) if self.unindexed => {
                    self.index();
                    patience = Duration::ZERO;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.tidy();
                    patience = BREATH;
                }
            }
        }
        self.first = self.jobs.recv().ok();
        self.first.is_some()
    }

    /// Everything that waits is taken, up to what fits a commit; what is to be done after that, if anything, is given back.
    fn take(&mut self) -> Option<Chore> {
        while self.waiting.len() < self.jobs_per_commit {
            let work = self.first.take().or_else(|| self.jobs.try_recv().ok())?;
            match work {
                Work::Store(jobs) => self.waiting.extend(jobs),
                Work::Rekey(key, told) => return Some(Chore::Rekey(key, told)),
                Work::Reindex(told) => return Some(Chore::Reindex(told)),
            }
        }
        None
    }

    /// What is stored next.
    fn fill(&mut self, tickets: &mut Vec<Ticket>, entries: &mut Vec<Entry>) {
        let count = self.waiting.len().min(self.jobs_per_commit);
        for Job { ticket, entry } in self.waiting.drain(..count) {
            tickets.push(ticket);
            entries.push(entry);
        }
    }

    /// From then on it is filled as always.
    fn reindex(&mut self, told: UnboundedSender<Reindexing>) {
        match self.store.reindex() {
            Ok(true) => {
                (self.unindexed, self.untidy) = (true, true);
                self.reindexing = Some(told);
                self.tell_left();
            }
            // Whoever asked may be gone.
            Ok(false) => drop(told.send(Reindexing::NotYet)),
            Err(error) => drop(told.send(Reindexing::Failed(error.to_string()))),
        }
    }

    /// Tells whoever has the index made anew how much is left, until they are gone or it is done.
    fn tell_left(&mut self) {
        let left = self.store.unindexed();
        let listens = |told: &UnboundedSender<Reindexing>| {
            told.send(Reindexing::Left(left)).is_ok() && left > 0
        };
        self.reindexing = self.reindexing.take().filter(listens);
    }

    fn rekey(&mut self, key: Option<IdentityKey>, told: &UnboundedSender<Rekeying>) {
        // Whoever asked may be gone; it goes on all the same.
        let tell = |rekeying| drop(told.send(rekeying));
        let outcome = self.store.rekey(key, &mut |sealed, total| {
            tell(Rekeying::Sealed(sealed, total))
        });
        tell(Rekeying::Done(outcome.map_err(|error| error.to_string())));
    }

    fn commit(&mut self, tickets: &mut Vec<Ticket>, entries: &mut Vec<Entry>) {
        let begun = Instant::now();
        let committed = self.store.commit(entries);
        let is_probe = entries.iter().all(Entry::is_empty);
        let input = match committed {
            Ok(outcomes) => {
                if entries.iter().any(is_audited) {
                    self.audits.send_replace(());
                }
                if !is_probe {
                    count_commit(entries, begun.elapsed());
                }
                // A batch of nothing went nowhere near the disk.
                if !is_probe && self.storing.went_well() {
                    tracing::info!(MESSAGE_ID = catalog::STORING_AGAIN, "storing again");
                }
                let outcomes = outcomes.into_iter().map(outcome);
                Input::Stored(tickets.drain(..).zip(outcomes).collect())
            }
            Err(error) => {
                metrics::add(Counter::CommitsFailed, 1);
                if let Some(unsaid) = self.storing.failed(&error.to_string()) {
                    tracing::error!(MESSAGE_ID = catalog::STORING_FAILED, %error, unsaid, "cannot store");
                }
                Input::NotStored {
                    tickets: std::mem::take(tickets),
                    fault: fault(&error),
                }
            }
        };
        for entry in entries.iter() {
            let leaves_rows = |change: &Change| matches!(change, Change::RemoveRoom(_));
            match entry {
                Entry::Append(_) => {
                    self.unindexed = true;
                    self.untidy |= std::mem::take(&mut self.tidy_again);
                }
                Entry::Redact(_) => (self.unindexed, self.untidy) = (true, true),
                Entry::Clear(_) => self.untidy = true,
                Entry::Changes(changes) => self.untidy |= changes.iter().any(leaves_rows),
            }
        }
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
        if self.reindexing.is_some() {
            self.tell_left();
        }
    }

    fn tidy(&mut self) {
        self.untidy = self.store.tidy(TIDY_MESSAGES).unwrap_or_else(|error| {
            if let Some(unsaid) = self.tidying.failed(&error.to_string()) {
                tracing::warn!(%error, unsaid, "cannot remove what was cleared away; the next message tries again");
            }
            self.tidy_again = true;
            false
        });
        self.tidied = Instant::now();
    }
}

fn is_audited(entry: &Entry) -> bool {
    let is_audit = |change: &Change| matches!(change, Change::AddAudit(..));
    matches!(entry, Entry::Changes(changes) if changes.iter().any(is_audit))
}

fn count_commit(entries: &[Entry], time: Duration) {
    let messages = entries
        .iter()
        .filter(|entry| matches!(entry, Entry::Append(_)));
    metrics::add(Counter::Stored, messages.count() as u64);
    metrics::observe(Measure::CommitEntries, entries.len() as u64);
    metrics::observe_time(Measure::Commit, time);
}

pub(super) fn outcome(outcome: store::Outcome) -> Outcome {
    match outcome {
        store::Outcome::Appended(seq) => Outcome::Appended(seq),
        store::Outcome::Changed => Outcome::Changed,
        store::Outcome::Taken => Outcome::Taken,
        store::Outcome::Missing => Outcome::Missing,
        store::Outcome::Foreign => Outcome::Foreign,
        store::Outcome::Unchanged => Outcome::Unchanged,
        store::Outcome::Cleared(first) => Outcome::Cleared(first),
    }
}

fn fault(error: &StoreError) -> Fault {
    match error {
        StoreError::Full { .. } => Fault::Full,
        _ => Fault::Broken,
    }
}

/// Without a thread: the simulation says when it is its turn.
#[cfg(test)]
impl Writer {
    pub fn played(store: Box<dyn Store>, jobs: Receiver<Work>, hub: Sender<Input>) -> Self {
        Self::new(store, jobs, hub, 1, watch::channel(()).0)
    }

    /// Stores what waits, at most so much. Returns whether anything did.
    pub fn turn(&mut self, most: usize) -> bool {
        self.jobs_per_commit = most;
        drop(self.take());
        let (mut tickets, mut entries) = (Vec::new(), Vec::new());
        self.fill(&mut tickets, &mut entries);
        if entries.is_empty() {
            return false;
        }
        self.commit(&mut tickets, &mut entries);
        true
    }

    /// What it does when nothing waits.
    pub fn rest(&mut self) {
        self.index();
        self.tidy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::LOBBY;
    use crate::base::record::{Draft, Kind};
    use crate::base::{Timestamp, UserId};
    use crate::store::memory::MemoryStore;

    fn message() -> Entry {
        Entry::Append(Draft {
            room: LOBBY,
            author: UserId(1),
            at: Timestamp(0),
            kind: Kind::Text,
            key: None,
            text: "hello".into(),
            redacts: None,
        })
    }

    #[test]
    fn a_lot_that_is_too_large_for_a_commit_is_stored_in_several_and_what_follows_waits() {
        let ((work, jobs), (hub, _told)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
        let store = Box::new(MemoryStore::default());
        let mut writer = Writer::new(store, jobs, hub, 2, watch::channel(()).0);
        let lot = (1..=5).map(|ticket| Job {
            ticket: Ticket(ticket),
            entry: message(),
        });
        work.send(Work::Store(lot.collect())).unwrap();
        let (reindexing, _) = tokio::sync::mpsc::unbounded_channel();
        work.send(Work::Reindex(reindexing)).unwrap();
        let mut commits = Vec::new();
        let mut chores = Vec::new();
        for _ in 0..3 {
            assert!(writer.wait());
            chores.push(writer.take().is_some());
            let (mut tickets, mut entries) = (Vec::new(), Vec::new());
            writer.fill(&mut tickets, &mut entries);
            commits.push(tickets.iter().map(|ticket| ticket.0).collect::<Vec<_>>());
        }
        assert_eq!(commits, [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(chores, [false, false, true], "it comes behind all of them");
    }

    #[test]
    fn an_empty_entry_is_no_sign_that_it_stores_again() {
        let store = MemoryStore::default();
        let ((_, jobs), (hub, told)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
        let store_of = Box::new(store.clone());
        let mut writer = Writer::new(store_of, jobs, hub, 10, watch::channel(()).0);
        let mut commit = |entry| {
            writer.commit(&mut vec![Ticket(1)], &mut vec![entry]);
            matches!(told.recv().unwrap(), Input::Stored(_))
        };
        store.set_full(true);
        assert!(!commit(message()));
        assert!(commit(Entry::Changes(Vec::new())), "it needs no room");
        assert!(writer.storing.went_well(), "that is still to be said");
    }
}
