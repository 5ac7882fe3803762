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
    steal: f64,
    own: f64,
}

/// What the machine did between two moments.
pub struct Meanwhile {
    /// The part of all processors that others have taken.
    pub others: f64,
    /// The part of all processors that the host has kept for itself, of which `others` has it, too.
    pub steal: f64,
    /// The mean number of tasks that ran or waited to run over the last minute, ours included (`proc_loadavg(5)`).
    pub load: f64,
}

impl Moment {
    /// Now.
    ///
    /// # Errors
    /// Without /proc.
    pub fn now() -> Result<Self> {
        let (busy, steal) = busy_seconds()?;
        Ok(Self {
            at: Instant::now(),
            busy,
            steal,
            own: own_seconds()?,
        })
    }

    /// What the machine has done since; children count as others while they run.
    ///
    /// # Errors
    /// Without /proc.
    pub fn since(&self) -> Result<Meanwhile> {
        let now = Self::now()?;
        let processors = thread::available_parallelism()?.get() as f64;
        let all = (now.at - self.at)
            .max(Duration::from_millis(1))
            .as_secs_f64()
            * processors;
        let others = (now.busy - self.busy) - (now.own - self.own);
        Ok(Meanwhile {
            others: (others / all).clamp(0.0, 1.0),
            steal: ((now.steal - self.steal) / all).clamp(0.0, 1.0),
            load: load()?,
        })
    }
}

impl Meanwhile {
    /// What is to be said about it.
    pub fn verdict(&self) -> String {
        let advice = match self.others > OTHERS_MOST {
            true => ": measure again when the machine is quiet",
            false => "",
        };
        format!(
            "{:.0} % of the processors went to others, {:.0} % to the host (steal); load {:.1}{advice}",
            self.others * 100.0,
            self.steal * 100.0,
            self.load
        )
    }
}

/// The load of the last minute.
fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg").context("cannot read '/proc/loadavg'")?;
    let first = text
        .split_whitespace()
        .next()
        .and_then(|it| it.parse().ok());
    first.with_context(|| format!("cannot make out '/proc/loadavg': {text}"))
}

/// Time in which any processor did anything, and of that what the host took, in seconds of one processor.
fn busy_seconds() -> Result<(f64, f64)> {
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
    let busy = user + nice + system + irq + softirq + steal;
    Ok((busy / TICKS_PER_SECOND, steal / TICKS_PER_SECOND))
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
