//! Whether the machine had anything else to do: then figures are worth little, above all those of waiting.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// Past this part of all processors others are worth a warning.
const OTHERS_MOST: f64 = 0.1;
/// The unit of /proc/stat on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// A moment to compare with.
pub struct Moment {
    at: Instant,
    busy: f64,
    own: f64,
}

impl Moment {
    /// Now.
    ///
    /// # Errors
    /// Without /proc.
    pub fn now() -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            busy: busy_seconds()?,
            own: own_seconds()?,
        })
    }

    /// The part of all processors that others have taken since; children count as others' while they run.
    ///
    /// # Errors
    /// Without /proc.
    pub fn others_since(&self) -> Result<f64> {
        let now = Self::now()?;
        let processors = thread::available_parallelism()?.get() as f64;
        let all = (now.at - self.at)
            .max(Duration::from_millis(1))
            .as_secs_f64()
            * processors;
        let others = (now.busy - self.busy) - (now.own - self.own);
        Ok((others / all).clamp(0.0, 1.0))
    }
}

/// What is to be said about it.
pub fn verdict(others: f64) -> String {
    let percent = others * 100.0;
    match others > OTHERS_MOST {
        true => format!(
            "{percent:.0} % of the processors went to others: measure again when the machine is quiet"
        ),
        false => format!("{percent:.0} % of the processors went to others"),
    }
}

/// Time in which any processor did anything, in seconds of one processor.
fn busy_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/stat").context("cannot read '/proc/stat'")?;
    let first = text.lines().next().unwrap_or_default();
    // cpu user nice system idle iowait irq softirq steal
    let ticks: Vec<f64> = first
        .split_whitespace()
        .skip(1)
        .map_while(|number| number.parse().ok())
        .collect();
    let [user, nice, system, _, _, irq, softirq, steal, ..] = ticks[..] else {
        anyhow::bail!("cannot make out '/proc/stat': {first}");
    };
    Ok((user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND)
}

/// Time of this process and of its children that have ended.
fn own_seconds() -> Result<f64> {
    let mut microseconds = 0;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who)?;
        microseconds += usage.user_time().num_microseconds();
        microseconds += usage.system_time().num_microseconds();
    }
    Ok(microseconds as f64 / 1e6)
}
