//! What happens, counted: each thread adds to a cell of its own, and whoever wants to know sums the cells. To count is to
//! read and write a number that no other thread writes: two nanoseconds. Knows no format, and nothing that can be counted
//! by looking.
//!
//! The crate `prometheus-client` was turned down: its counters are shared between threads, so that all workers would
//! write to the same lines of memory, and its families of labels lie behind a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Limits;

macro_rules! counters {
    ($($variant:ident = $name:literal $unit:literal $label:literal $value:literal, $help:literal;)+) => {
        /// What is counted, one by one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counter { $(#[doc = $help] $variant,)+ }

        /// What is known of each counter, in their order. Those of one name stand together and differ by their label.
        pub const COUNTERS: &[About] = &[$(About { name: $name, unit: $unit, label: ($label, $value), help: $help },)+];
    };
}

/// What is known of something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name, without `chatd_` and without the `_total` of a counter.
    pub name: &'static str,
    /// The unit in which its name ends; empty for a number of things.
    pub unit: &'static str,
    /// What tells it from others of the same name: a label and its value; empty for the only one.
    pub label: (&'static str, &'static str),
    /// What it is, in a sentence.
    pub help: &'static str,
}

counters! {
    Admitted = "connections_opened" "" "outcome" "admitted", "Connections that came, by what became of them at the door.";
    TurnedAway = "connections_opened" "" "outcome" "turned-away", "Connections that came, by what became of them at the door.";
    LetGo = "strangers_dismissed" "" "" "", "Strangers who were let go since somebody else needed their place.";
    HandshakesFull = "handshakes" "" "kind" "full", "TLS handshakes that were completed.";
    HandshakesResumed = "handshakes" "" "kind" "resumed", "TLS handshakes that were completed.";
    ReceivedBytes = "received_bytes" "bytes" "" "", "Bytes of frames that came in, without TLS.";
    SentBytes = "sent_bytes" "bytes" "" "", "Bytes of frames that sockets took, without TLS.";
    Requests = "requests" "" "" "", "Frames that came in.";
    LoginsRight = "logins" "" "outcome" "ok", "Logins, by what became of them.";
    LoginsResumed = "logins" "" "outcome" "resumed", "Logins, by what became of them.";
    LoginsRegistered = "logins" "" "outcome" "registered", "Logins, by what became of them.";
    LoginsRefused = "logins" "" "outcome" "refused", "Logins, by what became of them.";
    LoginsDelayed = "logins" "" "outcome" "delayed", "Logins, by what became of them.";
    TokensRefused = "logins" "" "outcome" "dead-token", "Logins, by what became of them.";
    Refusals = "requests_refused" "" "" "", "Requests that were answered with an error by the engine.";
    Searches = "searches" "" "" "", "Searches that were begun.";
    Pages = "pages" "" "" "", "Pages of history that were asked for.";
    Stored = "messages_stored" "" "" "", "Messages that were stored.";
    DeliveredRing = "messages_delivered" "" "source" "ring", "Messages handed to connections: out of a worker's ring, or read from the store since it does not reach back.";
    DeliveredStore = "messages_delivered" "" "source" "store", "Messages handed to connections: out of a worker's ring, or read from the store since it does not reach back.";
    Lookups = "ring_misses" "" "" "", "Questions to the store for connections that are behind the ring, or come back.";
    CommitsFailed = "commits_failed" "" "" "", "Transactions that could not be committed.";
    WritesBegun = "writes_begun" "" "" "", "Messages and changes that were handed to the writer.";
    WritesDone = "writes_done" "" "" "", "Messages and changes that the writer is done with.";
    PasswordsBegun = "passwords_begun" "" "" "", "Passwords that began to wait to be hashed.";
    PasswordsDone = "passwords_done" "" "" "", "Passwords that wait no longer to be hashed.";
}

/// What is measured again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// From the first statement of a transaction to the end of its sync.
    Commit,
    /// Messages and changes in a transaction.
    CommitEntries,
    /// Messages and changes that wait for the writer when a transaction is over.
    WritesWaiting,
    /// From the hub's order to deliver to the end of the worker's turn in which it wrote to everybody who keeps up; of
    /// several orders in one turn, the oldest.
    Delivery,
    /// How long a password waited to be hashed.
    PasswordWait,
    /// How long hashing took.
    Password,
}

/// What is known of each measure, in their order, and where its buckets end.
pub const MEASURES: &[(About, &[u64])] = &[
    (
        seconds(
            "commit_seconds",
            "Time of a transaction, its sync included.",
        ),
        TIMES,
    ),
    (
        number("commit_entries", "Messages and changes in a transaction."),
        NUMBERS,
    ),
    (
        number(
            "commit_waiting",
            "Messages and changes that wait for the writer when a transaction is over.",
        ),
        NUMBERS,
    ),
    (
        seconds(
            "delivery_seconds",
            "Time from the end of a commit, as the hub orders to deliver, until a worker has written to everybody who keeps up.",
        ),
        TIMES,
    ),
    (
        seconds(
            "password_wait_seconds",
            "Time that passwords wait to be hashed.",
        ),
        TIMES,
    ),
    (
        seconds(
            "password_hash_seconds",
            "Time that hashing a password takes.",
        ),
        TIMES,
    ),
];

const fn seconds(name: &'static str, help: &'static str) -> About {
    About {
        name,
        unit: "seconds",
        label: ("", ""),
        help,
    }
}

const fn number(name: &'static str, help: &'static str) -> About {
    About {
        name,
        unit: "",
        label: ("", ""),
        help,
    }
}

/// In nanoseconds: from 100 µs, less than a sync takes, to 10 s, more than anybody waits for.
const TIMES: &[u64] = &[
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];
/// Up to more than a commit takes in.
const NUMBERS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096, 16_384];

/// More than either list of buckets has, the one without an end included.
const BUCKETS: usize = 17;
const COUNTERS_LEN: usize = COUNTERS.len();
const MEASURES_LEN: usize = MEASURES.len();
const LIMITS_LEN: usize = Limits::NAMES.len();

/// One thread's. Its own lines of memory, two at a time as processors fetch them.
#[derive(Debug)]
#[repr(align(128))]
struct Cell {
    counters: [AtomicU64; COUNTERS_LEN],
    limits: [AtomicU64; LIMITS_LEN],
    measures: [Histogram; MEASURES_LEN],
}

#[derive(Debug)]
struct Histogram {
    sum: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// Every thread's that has ever counted anything: those of the daemon run as long as it does. The lock is taken when a
/// thread counts for the first time and when the cells are summed.
static CELLS: Mutex<Vec<Arc<Cell>>> = Mutex::new(Vec::new());

thread_local! {
    static CELL: Arc<Cell> = Cell::register();
}

impl Cell {
    fn register() -> Arc<Self> {
        let zero = || AtomicU64::new(0);
        let cell = Arc::new(Self {
            counters: std::array::from_fn(|_| zero()),
            limits: std::array::from_fn(|_| zero()),
            measures: std::array::from_fn(|_| Histogram {
                sum: zero(),
                buckets: std::array::from_fn(|_| zero()),
            }),
        });
        let mut cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner);
        cells.push(cell.clone());
        cell
    }
}

/// To be called by the thread whose it is alone: nobody else writes, so nothing is lost between reading and writing, and it
/// costs a quarter of an addition that others could be in the way of.
fn grow(number: &AtomicU64, by: u64) {
    let grown = number.load(Ordering::Relaxed).wrapping_add(by);
    number.store(grown, Ordering::Relaxed);
}

/// So many more.
pub fn add(counter: Counter, count: u64) {
    let _ = CELL.try_with(|cell| {
        grow(&cell.counters[counter as usize], count);
    });
}

/// One more was refused since the limit of this name is reached.
pub fn add_refused(limit: &str) {
    let place = Limits::NAMES.iter().position(|name| *name == limit);
    if let Some(place) = place {
        let _ = CELL.try_with(|cell| grow(&cell.limits[place], 1));
    }
}

/// One more of a number of things.
pub fn observe(measure: Measure, value: u64) {
    let _ = CELL.try_with(|cell| {
        let histogram = &cell.measures[measure as usize];
        let bounds = MEASURES[measure as usize].1;
        let bucket = bounds.partition_point(|bound| *bound < value);
        grow(&histogram.sum, value);
        grow(&histogram.buckets[bucket], 1);
    });
}

/// One more that took so long.
pub fn observe_time(measure: Measure, time: Duration) {
    observe(measure, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
}

/// The sums over all threads since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// In the order of [`COUNTERS`].
    pub counters: Vec<u64>,
    /// In the order of [`Limits::NAMES`].
    pub limits: Vec<u64>,
    /// In the order of [`MEASURES`].
    pub measures: Vec<Distribution>,
}

/// How often something came, and how large it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// The sum of all, in nanoseconds where it is a time.
    pub sum: u64,
    /// How many were in each bucket and in none below; one more than there are bounds.
    pub buckets: Vec<u64>,
}

/// Sums the cells. Threads go on counting meanwhile, so what belongs together may differ by what was under way.
#[must_use]
pub fn totals() -> Totals {
    let cells = CELLS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let sum = |of: &dyn Fn(&Cell) -> &AtomicU64| {
        let values = cells.iter().map(|cell| of(cell).load(Ordering::Relaxed));
        values.fold(0, u64::wrapping_add)
    };
    let distribution = |(place, (_, bounds)): (usize, &(About, &[u64]))| Distribution {
        sum: sum(&|cell| &cell.measures[place].sum),
        buckets: (0..=bounds.len())
            .map(|bucket| sum(&|cell| &cell.measures[place].buckets[bucket]))
            .collect(),
    };
    Totals {
        counters: (0..COUNTERS_LEN)
            .map(|place| sum(&|cell| &cell.counters[place]))
            .collect(),
        limits: (0..LIMITS_LEN)
            .map(|place| sum(&|cell| &cell.limits[place]))
            .collect(),
        measures: MEASURES.iter().enumerate().map(distribution).collect(),
    }
}

impl Totals {
    /// How many there were.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u64 {
        self.counters[counter as usize]
    }

    /// What was measured.
    #[must_use]
    pub fn of(&self, measure: Measure) -> &Distribution {
        &self.measures[measure as usize]
    }

    /// What there were more of than before.
    #[must_use]
    pub fn since(&self, before: &Self, counter: Counter) -> u64 {
        self.count(counter).wrapping_sub(before.count(counter))
    }
}

impl Distribution {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Those that came after the others.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let pairs = self.buckets.iter().zip(&before.buckets);
        Self {
            sum: self.sum.wrapping_sub(before.sum),
            buckets: pairs.map(|(now, then)| now.wrapping_sub(*then)).collect(),
        }
    }

    /// The bound of the bucket in which this share of all is reached; none when there were none, the largest bound when
    /// it lies beyond that.
    #[must_use]
    pub fn quantile(&self, measure: Measure, share: f64) -> Option<u64> {
        let bounds = MEASURES[measure as usize].1;
        let count = self.count();
        let wanted = (count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|in_bucket| {
            seen += in_bucket;
            seen >= wanted
        });
        let bucket = bucket.filter(|_| count > 0)?;
        bounds.get(bucket).or(bounds.last()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Others count meanwhile, so there may be more than is counted here.
    #[test]
    fn what_threads_count_is_summed_and_stays_when_they_end() {
        let before = totals();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    for _ in 0..1_000 {
                        add(Counter::LetGo, 2);
                    }
                    add_refused("rooms");
                    add_refused("no such limit");
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let after = totals();
        assert!(after.since(&before, Counter::LetGo) >= 8_000);
        let rooms = Limits::NAMES.iter().position(|name| *name == "rooms");
        let rooms = rooms.unwrap();
        assert!(after.limits[rooms] >= before.limits[rooms] + 4);
    }

    #[test]
    fn a_value_is_in_the_first_bucket_that_reaches_it() {
        let before = totals();
        for (value, times) in [(1, 50), (2, 40), (3, 9), (1_000_000, 1)] {
            (0..times).for_each(|_| observe(Measure::CommitEntries, value));
        }
        let seen = totals();
        let seen = seen
            .of(Measure::CommitEntries)
            .since(before.of(Measure::CommitEntries));
        assert!(seen.buckets[0] >= 50 && seen.buckets[1] >= 40 && seen.buckets[2] >= 9);
        assert!(*seen.buckets.last().unwrap() >= 1);
        let alone = Distribution {
            sum: 0,
            buckets: vec![50, 40, 9, 0, 1],
        };
        let quantile = |share| alone.quantile(Measure::CommitEntries, share);
        assert_eq!(quantile(0.5), Some(1));
        assert_eq!(quantile(0.9), Some(2));
        assert_eq!(quantile(0.99), Some(4));
        assert_eq!(Distribution::default().quantile(Measure::Commit, 0.5), None);
    }

    #[test]
    fn those_of_one_name_stand_together_and_each_has_room() {
        let mut names: Vec<_> = COUNTERS.iter().map(|about| about.name).collect();
        names.dedup();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for (about, bounds) in MEASURES {
            assert!(bounds.len() < BUCKETS, "{}", about.name);
            assert!(bounds.is_sorted(), "{}", about.name);
        }
    }
}
