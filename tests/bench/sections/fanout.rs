//! Fan-out: one room, many who listen. As much as goes, at a pace, and one message after the other.

use anyhow::Result;

use super::{Rushes, SPEAKERS, Scale, Side, cost_of, rushes, server_with_hall, sides};
use crate::bare::Style;
use crate::figure::{Aim, Figure, Report, quantile_ms};
use crate::process::Vitals;
use crate::server;
use crate::sqlite;
use crate::talk::TEXT_BYTES;

/// The best server measured elsewhere took 1.29 times the processor time of the bare one at a pace, with nothing on disk.
const PACED_TIMES_BARE: f64 = 1.15;
/// The same for one message after the other.
const ONE_TIMES_BARE: f64 = 1.17;

/// As much as is acknowledged, at most `aim` seconds of processor time for a million deliveries.
pub fn saturated(scale: &Scale, receivers: usize, outstanding: usize, aim: f64) -> Result<Report> {
    let server = server_with_hall()?;
    let bare = [
        server::broadcaster(Style::Each)?,
        server::broadcaster(Style::Joined)?,
    ];
    let mut sides = sides(&server, &bare, SPEAKERS, receivers)?;
    let Rushes {
        rates,
        costs,
        afterwards,
    } = rushes(scale, &mut sides, outstanding)?;
    let beside = |name: &str, unit, values: &[Vec<f64>], bare: usize| {
        let letter = ["a", "b"][bare - 1];
        Figure::new(
            format!("{name}, beside ({letter})"),
            unit,
            values[0].clone(),
        )
        .beside(values[bare].clone())
    };
    Ok(Report {
        how: format!(
            "one room of {receivers} receivers, {SPEAKERS} senders, {outstanding} outstanding in all, texts of {TEXT_BYTES} bytes, \
             {:?} each, {}; bare: epoll, (a) a call for each message and socket, (b) a call for all that waits for a socket",
            scale.rush,
            scale.times(),
        ),
        beside: "bare",
        is_grid: false,
        figures: vec![
            beside("deliveries", "1/s", &rates, 1),
            beside("deliveries", "1/s", &rates, 2),
            beside("processor, a million deliveries", "s", &costs, 1).aim(Aim::AtMost(aim)),
            beside("processor, a million deliveries", "s", &costs, 2),
            Figure::new("of that afterwards, search index", "s", afterwards),
        ],
    })
}

/// A few messages a second, which nothing can be joined with.
pub fn paced(scale: &Scale) -> Result<Report> {
    const PER_SECOND: u32 = 20;
    let server = server_with_hall()?;
    let bare = [server::broadcaster(Style::Each)?];
    let mut sides = sides(&server, &bare, 1, scale.receivers)?;
    let folder = server::folder()?;
    let mut sqlite = sqlite::Bare::open(folder.path(), 1, TEXT_BYTES)?;
    let this_one = Vitals(std::process::id());
    let mut halves = vec![Vec::new(); sides.len()];
    let mut tails = vec![Vec::new(); sides.len()];
    let mut costs = vec![Vec::new(); sides.len()];
    let mut of_commits = Vec::new();
    for _ in 0..scale.runs {
        let before = this_one.cpu()?;
        let mut commits = sqlite.paced(PER_SECOND, scale.rush)?;
        let of_commit = (this_one.cpu()? - before).as_secs_f64() / commits.len() as f64;
        of_commits.push(of_commit / scale.receivers as f64 * 1e6);
        for (side, Side { process, hall }) in sides.iter_mut().enumerate() {
            let (delays, cost) = cost_of(*process, || hall.paced(PER_SECOND, scale.paced))?;
            let mut delays = delays.seen;
            // The bare one stores nothing.
            let commit = |commits: &mut [_], part| match side {
                0 => 0.0,
                _ => quantile_ms(commits, part),
            };
            halves[side].push(quantile_ms(&mut delays, 0.5) + commit(&mut commits, 0.5));
            tails[side].push(quantile_ms(&mut delays, 0.99) + commit(&mut commits, 0.99));
            costs[side].push(cost.all() / delays.len() as f64 * 1e6);
        }
    }
    let figure = |name: &str, unit, values: &[Vec<f64>]| {
        Figure::new(name, unit, values[0].clone()).beside(values[1].clone())
    };
    let floor = (costs[1].iter().zip(&of_commits)).map(|(bare, commit)| bare + commit);
    let floor = floor.collect();
    Ok(Report {
        how: format!(
            "{PER_SECOND} messages a second into {} receivers for {:?}, {}; bare: (a), a call for each message and socket, to \
             whose times one commit of bare SQLite at the same pace is added, with its sync",
            scale.receivers,
            scale.paced,
            scale.times(),
        ),
        beside: "bare",
        is_grid: false,
        figures: vec![
            figure("delivery, median", "ms", &halves).aim(Aim::BareAndAtMost(0.0)),
            figure("delivery, 99th percentile", "ms", &tails).aim(Aim::BareAndAtMost(0.0)),
            figure("processor, a million deliveries", "s", &costs)
                .aim(Aim::TimesBareAtMost(PACED_TIMES_BARE)),
            Figure::new(
                "the same, beside bare and a bare commit each",
                "s",
                costs[0].clone(),
            )
            .beside(floor),
        ],
    })
}

/// The next message as soon as the last is acknowledged.
pub fn one_by_one(scale: &Scale) -> Result<Report> {
    let server = server_with_hall()?;
    let bare = [server::broadcaster(Style::Each)?];
    let mut sides = sides(&server, &bare, 1, scale.receivers)?;
    let Rushes { rates, costs, .. } = rushes(scale, &mut sides, 1)?;
    let figure = |name: &str, unit, values: &[Vec<f64>]| {
        Figure::new(name, unit, values[0].clone()).beside(values[1].clone())
    };
    Ok(Report {
        how: format!(
            "{} receivers, one sender, who says the next message as soon as the last is acknowledged, {:?} each, {}; bare: (a), a \
             call for each message and socket, nothing on disk",
            scale.receivers,
            scale.rush,
            scale.times(),
        ),
        beside: "bare",
        is_grid: false,
        figures: vec![
            figure("deliveries", "1/s", &rates),
            figure("processor, a million deliveries", "s", &costs)
                .aim(Aim::TimesBareAtMost(ONE_TIMES_BARE)),
        ],
    })
}
