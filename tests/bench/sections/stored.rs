//! Storing, looked at from the store alone: how long commits take at worst, with and without checkpoints and while others
//! read; and how times grow with the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chatd::base::record::{Change, Draft, Kind, PasswordHash, UserRecord};
use chatd::base::{RoomId, Seq, Timestamp, UserId};
use chatd::store::{Database, Entry, KeySource, Reader, SqliteStore, Store, Upkeep};

use super::Scale;
use crate::figure::{Figure, Report, quantile_ms};
use crate::server;
use crate::sqlite::Bare;

/// Messages in a commit, and bytes of each text.
const ROWS: usize = 50;
const TEXT_BYTES: usize = 120;
/// Messages in the database before commits are timed: a backup of them takes a second or so.
const STOCK: u64 = 500_000;
const QUICK_STOCK: u64 = 10_000;
const LOBBY: RoomId = RoomId(1);
const AUTHOR: UserId = UserId(1);

/// What is done with the database meanwhile.
type Beside = dyn Fn(&Upkeep, &Arc<AtomicBool>) + Sync;

/// Commits one after the other, at full speed.
pub fn checkpoints(scale: &Scale) -> Result<Report> {
    let folder = server::folder()?;
    let stock = if scale.quick { QUICK_STOCK } else { STOCK };
    let mut log = Log::open(folder.path(), stock)?;
    let upkeep = log.database.upkeep();
    let mut figures = Vec::new();
    let mut take = |name: &str, times: Vec<Vec<Duration>>| {
        for (column, part) in [("median", 0.5), ("p99", 0.99), ("worst", 1.0)] {
            let values = times
                .clone()
                .iter_mut()
                .map(|times| quantile_ms(times, part))
                .collect();
            figures.push(Figure::new(format!("{name}: {column}"), "ms", values));
        }
    };
    for (name, pages) in [("bare, no checkpoints", 0), ("bare, checkpoints", 1_000)] {
        let mut runs = Vec::new();
        for _ in 0..scale.runs {
            let folder = server::folder()?;
            let mut bare = Bare::open(folder.path(), 1, TEXT_BYTES)?;
            bare.checkpoint_every(pages)?;
            runs.push(bare.commits(ROWS, scale.rush)?);
        }
        take(name, runs);
    }
    let backup = |upkeep: &Upkeep, gone: &Arc<AtomicBool>| {
        drop(upkeep.copy(gone, Box::new(|_, _| {})));
    };
    let check = |upkeep: &Upkeep, gone: &Arc<AtomicBool>| {
        drop(upkeep.check(gone, &mut |_| {}));
    };
    let beside: [(&str, Option<&Beside>); 3] = [
        ("chatd's store", None),
        ("the same, with a backup under way", Some(&backup)),
        ("the same, with a check under way", Some(&check)),
    ];
    for (name, beside) in beside {
        let mut runs = Vec::new();
        for _ in 0..scale.runs {
            let gone = Arc::new(AtomicBool::new(false));
            let times = thread::scope(|scope| {
                if let Some(beside) = beside {
                    scope.spawn(|| {
                        while !gone.load(Ordering::Relaxed) {
                            beside(&upkeep, &gone);
                        }
                    });
                }
                let times = log.commits(scale.rush);
                gone.store(true, Ordering::Relaxed);
                times
            });
            runs.push(times?);
        }
        take(name, runs);
    }
    Ok(Report {
        how: format!(
            "commits of {ROWS} messages of {TEXT_BYTES} bytes, one after the other, each synced, {:?} each, {}; {stock} messages in \
             chatd's database before",
            scale.rush,
            scale.times()
        ),
        beside: "",
        is_grid: true,
        figures,
    })
}

/// Tries of each thing that is timed.
const TRIES: u64 = 300;

/// The same database small and large.
pub fn millions(scale: &Scale) -> Result<Report> {
    let (small, large) = match scale.quick {
        true => (1_000, 20_000),
        false => (10_000, 10_000_000),
    };
    let folder = server::folder()?;
    let mut log = Log::open(folder.path(), small)?;
    let few = log.times()?;
    let begun = Instant::now();
    log.fill(large)?;
    let filled = begun.elapsed();
    let many = log.times()?;
    let bytes = std::fs::metadata(folder.path().join("chatd.db"))?.len();
    let figures = few
        .into_iter()
        .zip(many)
        .map(|((name, few), (_, many))| Figure::new(name, "ms", vec![many]).beside(vec![few]));
    Ok(Report {
        how: format!(
            "the median and p99 of {TRIES} tries with {large} messages, beside {small}; filled in {} s, search index included; \
             {} MiB on disk",
            filled.as_secs(),
            bytes >> 20
        ),
        beside: "few",
        is_grid: false,
        figures: figures.collect(),
    })
}

/// A database with one room that is talked in.
struct Log {
    database: Database,
    store: SqliteStore,
    said: u64,
    padding: String,
}

impl Log {
    fn open(folder: &std::path::Path, messages: u64) -> Result<Self> {
        let database = Database::open(folder, &KeySource::default())?;
        let mut store = database.writer()?;
        let user = UserRecord {
            id: AUTHOR,
            name: "stock".parse()?,
            created_at: Timestamp(1_000),
            last_login: None,
            disabled_at: None,
            removed: false,
        };
        let user = Change::AddUser(user, PasswordHash("$argon2id$nonsense".into()));
        store.commit(&[Entry::Changes(vec![user])])?;
        let mut log = Self {
            database,
            store,
            said: 0,
            padding: "lorem ipsum dolor sit amet ".repeat(TEXT_BYTES / 27),
        };
        log.fill(messages)?;
        Ok(log)
    }

    fn message(&mut self) -> Entry {
        self.said += 1;
        let said = self.said;
        Entry::Append(Draft {
            room: LOBBY,
            author: AUTHOR,
            at: Timestamp(said as i64 * 1_000),
            kind: Kind::Text,
            key: None,
            // A word of its own, one in a thousand, and some in all.
            text: format!("word{said} group{} {}", said % 1_000, self.padding).into(),
            redacts: None,
        })
    }

    fn fill(&mut self, messages: u64) -> Result<()> {
        while self.said < messages {
            let rows = (messages - self.said).min(10_000);
            let batch: Vec<_> = (0..rows).map(|_| self.message()).collect();
            self.store.commit(&batch)?;
        }
        while self.store.index(10_000)? {}
        Ok(())
    }

    fn commits(&mut self, time: Duration) -> Result<Vec<Duration>> {
        let (started, mut times) = (Instant::now(), Vec::new());
        while started.elapsed() < time {
            let batch: Vec<_> = (0..ROWS).map(|_| self.message()).collect();
            let begun = Instant::now();
            self.store.commit(&batch)?;
            times.push(begun.elapsed());
        }
        Ok(times)
    }

    /// What people and the writer wait for.
    fn times(&mut self) -> Result<Vec<(String, f64)>> {
        let mut reader = self.database.reader()?;
        let last = self.said;
        let spot = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % last;
        let mut all = Vec::new();
        let mut take = |name: &str, once: &mut dyn FnMut(u64) -> Result<()>| -> Result<()> {
            let mut times = Vec::new();
            for n in 0..TRIES {
                let begun = Instant::now();
                once(n)?;
                times.push(begun.elapsed());
            }
            for (column, part) in [("median", 0.5), ("p99", 0.99)] {
                all.push((format!("{name}, {column}"), quantile_ms(&mut times, part)));
            }
            Ok(())
        };
        let bytes = usize::MAX;
        take("newest page of 50", &mut |_| {
            let page = reader.before(LOBBY, Seq(u64::MAX >> 1), 50, bytes)?;
            ensure!(page.len() == 50, "a page is due");
            Ok(())
        })?;
        take("page of 200 anywhere", &mut |n| {
            let page = reader.after(LOBBY, Seq(spot(n)), 200, bytes)?;
            ensure!(!page.is_empty(), "a page is due");
            Ok(())
        })?;
        take("search, a word that is there once", &mut |n| {
            let word = format!("word{}", spot(n) + 1);
            let found = reader.search(&[LOBBY], &word, None, Seq(u64::MAX >> 1), 50)?;
            ensure!(found.len() == 1, "{word} is there once");
            Ok(())
        })?;
        take("search, one message in a thousand", &mut |n| {
            let word = format!("group{}", n % 1_000);
            reader.search(&[LOBBY], &word, None, Seq(u64::MAX >> 1), 50)?;
            Ok(())
        })?;
        take("search, a word in every message", &mut |_| {
            reader.search(&[LOBBY], "lorem", None, Seq(u64::MAX >> 1), 50)?;
            Ok(())
        })?;
        take("commit of one", &mut |_| {
            let entry = self.message();
            self.store.commit(&[entry])?;
            Ok(())
        })?;
        take("commit of 50", &mut |_| {
            let batch: Vec<_> = (0..ROWS).map(|_| self.message()).collect();
            self.store.commit(&batch)?;
            Ok(())
        })?;
        take("step of the search index", &mut |_| {
            self.store.index(50)?;
            Ok(())
        })?;
        Ok(all)
    }
}
