//! People who come, stay and come back, each with an account and a session of their own, in rooms of a hundred.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use super::{Cost, Scale, cost_of, gather};
use crate::figure::{Aim, Figure, Report, quantile_ms};
use crate::load::{Crowd, HALL, Kind};
use crate::server::Server;
use crate::stock::Stock;
use crate::stream::Link;
use crate::talk::{Hall, Line};

const ROOM_OF: usize = 100;
/// The best server without accounts takes 1 976.
const IDLE_BYTES: f64 = 1_900.0;
/// Other servers come to 3 684, and to 55 µs of processor time each.
const BACK_PER_SECOND: f64 = 4_000.0;
const BACK_US: f64 = 55.0;
const CAUGHT_UP_PER_SECOND: f64 = 300_000.0;

/// A server of so many people.
fn server_of(people: usize) -> Result<Server> {
    let rooms = people.div_ceil(ROOM_OF);
    Stock::new(u32::try_from(people)?, u32::try_from(rooms)?)?.serve("")
}

/// What a connection costs of which nobody says anything.
pub fn idle(scale: &Scale) -> Result<Report> {
    let mut server = server_of(scale.idle)?;
    let (mut memory, mut switches, mut spent) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..scale.runs {
        let (crowd, grown) = gather(&mut server, scale.idle, &Link::Clear)?;
        memory.push(grown);
        if run == 0 {
            let process = server.vitals();
            let (before, cpu) = (process.switches()?, process.cpu()?);
            thread::sleep(scale.quiet);
            switches.push(process.switches()?.saturating_sub(before) as f64);
            spent.push(process.cpu()?.saturating_sub(cpu).as_secs_f64() * 1e3);
        }
        drop(crowd);
    }
    Ok(Report {
        how: format!(
            "{} people, each with an account, logged in by one connection, in rooms of {ROOM_OF}, after a fresh start, {}; then, \
             once, {:?} in which nobody says anything",
            scale.idle,
            scale.times(),
            scale.quiet,
        ),
        beside: "bare",
        is_grid: false,
        figures: vec![
            Figure::new("resident memory, each connection", "bytes", memory)
                .aim(Aim::AtMost(IDLE_BYTES)),
            Figure::new("context switches of all threads", "in all", switches),
            Figure::new("processor meanwhile", "ms", spent),
        ],
    })
}

/// People who connect and are in their rooms, a few hundred or a few thousand at once.
pub fn resume(scale: &Scale) -> Result<Report> {
    let server = server_of(scale.idle)?;
    let mut figures = Vec::new();
    for at_once in [scale.idle / 50, scale.idle / 5] {
        let (mut rates, mut costs) = (Vec::new(), Vec::new());
        for _ in 0..scale.runs {
            let come = || come(&server, scale.idle, at_once);
            let ((time, crowd), Cost { during, .. }) = cost_of(server.vitals(), come)?;
            rates.push(scale.idle as f64 / time.as_secs_f64());
            costs.push(during / scale.idle as f64 * 1e6);
            drop(crowd);
        }
        figures.push(
            Figure::new(format!("{at_once} at a time"), "1/s", rates)
                .aim(Aim::AtLeast(BACK_PER_SECOND)),
        );
        figures.push(
            Figure::new(format!("{at_once} at a time, processor, each"), "µs", costs)
                .aim(Aim::AtMost(BACK_US)),
        );
    }
    Ok(Report {
        how: format!(
            "{} people who connect, say hello and resume in one write and are welcome in a room of {ROOM_OF}, {}",
            scale.idle,
            scale.times(),
        ),
        beside: "bare",
        is_grid: false,
        figures,
    })
}

fn come(server: &Server, count: usize, at_once: usize) -> Result<(Duration, Crowd)> {
    let mut crowd = Crowd::new(&Link::Clear)?;
    let address = server.process().address();
    let greeting = |number| server.greeting(number);
    let time = crowd.come(address, count, at_once, Kind::Welcome, greeting)?;
    Ok((time, crowd))
}

/// Everybody comes back after a restart, beside some who are there already and talk.
pub fn restart(scale: &Scale) -> Result<Report> {
    const PER_SECOND: u32 = 50;
    const AT_ONCE: usize = 500;
    let mut server = server_of(scale.idle)?;
    let parts = [("median", 0.5), ("99th percentile", 0.99), ("worst", 1.0)];
    let mut waits = parts.map(|_| [Vec::new(), Vec::new()]);
    let mut times = Vec::new();
    for _ in 0..scale.runs {
        server.restart()?;
        let mut talk = talk(&server, scale.idle.div_ceil(ROOM_OF))?;
        let mut calm = talk.paced(PER_SECOND, scale.rush)?.seen;
        let mut crowded = Vec::new();
        let (time, crowd) = thread::scope(|scope| {
            let coming = scope.spawn(|| come(&server, scale.idle, AT_ONCE));
            while !coming.is_finished() {
                let a_while = Duration::from_millis(200);
                crowded.extend(talk.paced(PER_SECOND, a_while)?.seen);
            }
            coming.join().map_err(|_| anyhow!("the crowd fell over"))?
        })?;
        times.push(time.as_secs_f64());
        for ((_, part), [with, without]) in parts.iter().zip(&mut waits) {
            with.push(quantile_ms(&mut crowded, *part));
            without.push(quantile_ms(&mut calm, *part));
        }
        drop(crowd);
    }
    let mut figures = vec![Figure::new("until all are back", "s", times)];
    figures.extend(parts.iter().zip(waits).map(|((name, _), [with, without])| {
        Figure::new(format!("delivery meanwhile, {name}"), "ms", with).beside(without)
    }));
    Ok(Report {
        how: format!(
            "{} people come back after a restart, {AT_ONCE} at a time, while {PER_SECOND} messages a second go to those of a room \
             who are there already; beside the time before they come; the load takes its part of the machine, too; {}",
            scale.idle,
            scale.times(),
        ),
        beside: "calm",
        is_grid: false,
        figures,
    })
}

/// Twenty people of the hall, which is the first of so many rooms. One of them speaks.
fn talk(server: &Server, rooms: usize) -> Result<Hall> {
    const PEOPLE: usize = 20;
    let mut crowd = Crowd::new(&Link::Clear)?;
    // People are in the rooms in turn.
    let address = server.process().address();
    crowd.enter(address, PEOPLE, |index| server.greeting(index * rooms))?;
    Ok(Hall::new(crowd, vec![Line::to_room(HALL)]))
}

/// One who was away while very much was said.
pub fn behind(scale: &Scale) -> Result<Report> {
    let mut stock = Stock::new(1, 1)?;
    stock.fill(scale.behind)?;
    let server = stock.serve(r#","cursors":{"hall":0}"#)?;
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..scale.runs {
        let (time, cost) = cost_of(server.vitals(), || {
            let mut crowd = Crowd::new(&Link::Clear)?;
            let number = crowd.dial(server.process().address())?;
            let (began, mut heard) = (Instant::now(), 0);
            crowd.say(number, server.greeting(0))?;
            crowd.until("all that was said is heard", |_, kind, _| {
                heard += u64::from(kind == Kind::Message);
                heard == scale.behind
            })?;
            Ok(began.elapsed())
        })?;
        ensure!(!time.is_zero(), "nothing takes no time");
        rates.push(scale.behind as f64 / time.as_secs_f64());
        costs.push(cost.during / scale.behind as f64 * 1e6);
    }
    Ok(Report {
        how: format!(
            "one who resumes {} messages behind, from the first byte to the last message, {}",
            scale.behind,
            scale.times(),
        ),
        beside: "bare",
        is_grid: false,
        figures: vec![
            Figure::new("messages", "1/s", rates).aim(Aim::AtLeast(CAUGHT_UP_PER_SECOND)),
            Figure::new("processor, a message", "µs", costs),
        ],
    })
}
