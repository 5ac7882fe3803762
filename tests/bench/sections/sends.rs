//! Storing, from the first byte of a send to its acknowledgement.

use std::time::Duration;

use anyhow::Result;

use super::{Scale, cost_of};
use crate::figure::{Aim, Figure, Report, quantile_ms};
use crate::load::Crowd;
use crate::server::{self, Server};
use crate::sqlite;
use crate::stream::Link;
use crate::talk::{Hall, Line, Rush, TEXT_BYTES};

/// What of the bare limit has to be left after frames, rules and threads.
const STORED_TIMES_BARE: f64 = 0.7;
/// The way there and back beside a bare commit.
const ROUND_TRIP_MS: f64 = 0.15;

/// As much as is stored, and one message after the other.
pub fn sends(scale: &Scale) -> Result<Report> {
    const SENDERS: usize = 64;
    const EACH: usize = 16;
    let server = server_with_rooms(SENDERS)?;
    let process = server.vitals();
    let mut hall = hall_of_speakers(&server, SENDERS)?;
    let folder = server::folder()?;
    let mut bare = sqlite::Bare::open(folder.path(), SENDERS, TEXT_BYTES)?;

    let (mut rates, mut bare_rates, mut costs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut waits, mut bare_waits, mut index_costs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.runs {
        let (Rush { sent, time }, cost) =
            cost_of(process, || hall.rush(SENDERS * EACH, scale.rush))?;
        rates.push(sent as f64 / time.as_secs_f64());
        costs.push(cost.during / sent as f64 * 1e6);
        index_costs.push(cost.after / sent as f64 * 1e6);
        let commits = bare.commits(SENDERS * EACH, scale.rush)?;
        let time: Duration = commits.iter().sum();
        bare_rates.push((commits.len() * SENDERS * EACH) as f64 / time.as_secs_f64());
        let mut alone = hall.round_trips(scale.rush)?;
        waits.push(quantile_ms(&mut alone, 0.5));
        process.rest()?;
        let mut alone = bare.commits(1, scale.rush)?;
        bare_waits.push(quantile_ms(&mut alone, 0.5));
    }
    Ok(Report {
        how: format!(
            "{SENDERS} connections, each with its own account and room, {EACH} outstanding each, texts of {TEXT_BYTES} bytes, {:?} each, {}; \
             bare: SQLite, the same tables, settings and file system, {} rows a commit, then one",
            scale.rush,
            scale.times(),
            SENDERS * EACH,
        ),
        beside: "bare",
        is_grid: false,
        figures: vec![
            Figure::new("acknowledged sends", "1/s", rates)
                .beside(bare_rates)
                .aim(Aim::TimesBareAtLeast(STORED_TIMES_BARE)),
            Figure::new("one sender, round trip, median", "ms", waits)
                .beside(bare_waits)
                .aim(Aim::BareAndAtMost(ROUND_TRIP_MS)),
            Figure::new("processor, a million sends", "s", costs),
            Figure::new("processor afterwards, search index", "s", index_costs),
        ],
    })
}

/// A server with accounts who each have a room of their own.
fn server_with_rooms(count: usize) -> Result<Server> {
    let mut server = Server::start()?;
    server.register(count, |index| Some(format!("room{index}")))?;
    Ok(server)
}

/// Everyone speaks in their own room, and nobody listens.
fn hall_of_speakers(server: &Server, count: usize) -> Result<Hall> {
    let mut crowd = Crowd::new(&Link::Clear)?;
    crowd.enter(server.process().address(), count, |index| {
        server.greeting(index)
    })?;
    let lines = (0..count).map(|index| Line::to_room(&format!("room{index}")));
    Ok(Hall::new(crowd, lines.collect()))
}
