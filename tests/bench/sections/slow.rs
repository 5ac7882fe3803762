//! Readers that have stopped or are slow among quick ones: whether the quick ones notice, and what the others cost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::{SPEAKERS, Scale, server_with_hall};
use crate::figure::{Figure, Report, quantile_ms};
use crate::load::{Crowd, HALL};
use crate::stream::Link;
use crate::talk::{Hall, Line};

/// Those who read nothing.
const STOPPED: usize = 100;
/// Those who read [`SIP`] bytes a second.
const SLOW: usize = 20;
const SIP: usize = 1_024;
/// Messages on the way meanwhile.
const OUTSTANDING: usize = 128;
const PER_SECOND: u32 = 20;
const MIB: f64 = 1_048_576.0;

/// The same talk with the slow ones and without them.
pub(super) fn readers(scale: &Scale) -> Result<Report> {
    let (mut halves, mut tails, mut memory) =
        ([vec![], vec![]], [vec![], vec![]], [vec![], vec![]]);
    let mut said = 0;
    for _ in 0..scale.runs {
        for (side, are_there) in [true, false].into_iter().enumerate() {
            // Each in a fresh server: what one has grown by would not be seen in the next.
            let server = server_with_hall()?;
            let (address, process) = (server.process().address(), server.vitals());
            let enter = |count| -> Result<Crowd> {
                let mut crowd = Crowd::new(&Link::Clear)?;
                crowd.enter(address, count, |index| server.greeting(index))?;
                Ok(crowd)
            };
            let stopped = enter(if are_there { STOPPED } else { 0 })?;
            let slow = enter(if are_there { SLOW } else { 0 })?;
            let quick = enter(SPEAKERS + scale.receivers)?;
            let lines = (0..SPEAKERS).map(|_| Line::to_room(HALL));
            let mut hall = Hall::new(quick, lines.collect());
            let (delays, rush) = while_they_sip(slow, || {
                // So much that no socket holds it.
                let rush = hall.rush(OUTSTANDING, scale.rush)?;
                Ok((hall.paced(PER_SECOND, scale.paced)?, rush))
            })?;
            said += rush.sent;
            let mut delays = delays.seen;
            halves[side].push(quantile_ms(&mut delays, 0.5));
            tails[side].push(quantile_ms(&mut delays, 0.99));
            memory[side].push(process.resident_bytes()? as f64 / MIB);
            drop(stopped);
        }
    }
    let figure = |name: &str, unit, [with, without]: [Vec<f64>; 2]| {
        Figure::new(name, unit, with).beside(without)
    };
    Ok(Report {
        how: format!(
            "{} receivers, beside them {STOPPED} who read nothing and {SLOW} who read {SIP} bytes a second; {} messages in a rush \
             that these do not take, then {PER_SECOND} a second for {:?}; {}",
            scale.receivers,
            said / (2 * scale.runs as u64),
            scale.paced,
            scale.times(),
        ),
        beside: "none",
        is_grid: false,
        figures: vec![
            figure("delivery to the quick ones, median", "ms", halves),
            figure("delivery to the quick ones, 99th percentile", "ms", tails),
            figure("resident memory of chatd", "MiB", memory),
        ],
    })
}

/// Does something while these read a little every second.
fn while_they_sip<T>(mut slow: Crowd, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sips = scope.spawn(|| -> Result<()> {
            while !is_over.load(Ordering::Relaxed) {
                slow.sip(SIP)?;
                thread::park_timeout(Duration::from_secs(1));
            }
            Ok(())
        });
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        sips.thread().unpark();
        sips.join()
            .map_err(|_| anyhow!("those who read slowly could not go on"))??;
        done
    })
}
