//! Storing, looked at from the store alone: how long commits take at worst, with and without checkpoints and while others
//! read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use chatd::store::{Store, Upkeep};

use super::Scale;
use crate::figure::{Figure, Report, quantile_ms};
use crate::server;
use crate::sqlite::Bare;
use crate::stock::{Stock, TEXT_BYTES};

/// Messages in a commit.
const ROWS: usize = 50;
/// Messages in the database before commits are timed: a backup of them takes a second or so.
const STOCK: u64 = 500_000;
const QUICK_STOCK: u64 = 10_000;

/// What is done with the database meanwhile.
type Beside = dyn Fn(&Upkeep, &Arc<AtomicBool>) + Sync;

/// Commits one after the other, at full speed.
pub fn checkpoints(scale: &Scale) -> Result<Report> {
    let messages = if scale.quick { QUICK_STOCK } else { STOCK };
    let mut stock = Stock::new(1, 1)?;
    stock.fill(messages)?;
    let upkeep = stock.database().upkeep();
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
                let times = commits(&mut stock, scale.rush);
                gone.store(true, Ordering::Relaxed);
                times
            });
            runs.push(times?);
        }
        take(name, runs);
    }
    Ok(Report {
        how: format!(
            "commits of {ROWS} messages of {TEXT_BYTES} bytes, one after the other, each synced, {:?} each, {}; {messages} messages in \
             chatd's database before",
            scale.rush,
            scale.times()
        ),
        beside: "",
        is_grid: true,
        figures,
    })
}

fn commits(stock: &mut Stock, time: Duration) -> Result<Vec<Duration>> {
    let (started, mut times) = (Instant::now(), Vec::new());
    while started.elapsed() < time {
        let batch: Vec<_> = (0..ROWS).map(|_| stock.message()).collect();
        let begun = Instant::now();
        stock.store().commit(&batch)?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
