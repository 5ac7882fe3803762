//! The sections: what is measured, beside what, how often. Within a section chatd and what it stands beside take turns.

mod attacks;
mod secure;
mod slow;
mod stored;

use std::time::Duration;

use anyhow::Result;

use crate::bare::Style;
use crate::figure::{Aim, Figure, Report, quantile_ms};
use crate::load::{Crowd, HALL, Kind};
use crate::process::Process;
use crate::server::{self, Server};
use crate::sqlite;
use crate::stream::Link;
use crate::talk::{Hall, Line, Rush, TEXT_BYTES};

/// Accounts; the connections are spread over them, because each costs a password hash.
const ACCOUNTS: usize = 20;
const SPEAKERS: usize = 2;

/// How much of everything.
pub struct Scale {
    /// Whether the numbers are small, to see that all works.
    pub quick: bool,
    runs: usize,
    rush: Duration,
    receivers: usize,
    paced: Duration,
    idle: usize,
    quiet: Duration,
    resumes: usize,
    handshakes: usize,
    attack: Duration,
    strangers: usize,
}

impl Scale {
    /// What is reported.
    pub const FULL: Self = Self {
        quick: false,
        runs: 3,
        rush: Duration::from_secs(3),
        receivers: 1_000,
        paced: Duration::from_secs(10),
        idle: 5_000,
        quiet: Duration::from_secs(5),
        resumes: 2_000,
        handshakes: 2_000,
        attack: Duration::from_secs(5),
        strangers: 10_000,
    };

    /// What only shows that everything works.
    pub const QUICK: Self = Self {
        quick: true,
        runs: 1,
        rush: Duration::from_millis(500),
        receivers: 200,
        paced: Duration::from_secs(1),
        idle: 1_000,
        quiet: Duration::from_secs(1),
        resumes: 400,
        handshakes: 200,
        attack: Duration::from_millis(200),
        strangers: 500,
    };

    fn times(&self) -> String {
        match self.runs {
            1 => "one run".to_owned(),
            runs => format!("median of {runs} runs in turn"),
        }
    }
}

/// Something to measure.
pub struct Section {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Measures it.
    pub run: fn(&Scale) -> Result<Report>,
}

/// All of them.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "fanout",
        run: |scale| fanout(scale, scale.receivers, 128),
    },
    Section {
        name: "fanout-small",
        run: |scale| fanout(scale, 100, 1_024),
    },
    Section {
        name: "paced",
        run: paced,
    },
    Section {
        name: "sends",
        run: sends,
    },
    Section {
        name: "idle",
        run: idle,
    },
    Section {
        name: "resume",
        run: resume,
    },
    Section {
        name: "handshakes",
        run: secure::handshakes,
    },
    Section {
        name: "idle-tls",
        run: secure::idle,
    },
    Section {
        name: "fanout-tls",
        run: secure::fanout,
    },
    Section {
        name: "attacks",
        run: attacks::attacks,
    },
    Section {
        name: "slow-readers",
        run: slow::readers,
    },
    Section {
        name: "checkpoints",
        run: stored::checkpoints,
    },
    Section {
        name: "millions",
        run: stored::millions,
    },
];

/// One who serves a hall full of people.
struct Side<'a> {
    process: &'a Process,
    hall: Hall,
}

/// A server with accounts who are all in the hall.
fn server_with_hall() -> Result<Server> {
    let mut server = Server::start()?;
    server.register(ACCOUNTS, |_| Some(HALL.to_owned()))?;
    Ok(server)
}

/// Fills halls with the same people: chatd's, and a bare one for each style, where frames of the same size are said.
fn sides<'a>(
    server: &'a Server,
    bare: &'a [Process],
    speakers: usize,
    receivers: usize,
) -> Result<Vec<Side<'a>>> {
    let mut sides = Vec::new();
    let mut sample = Vec::new();
    for process in std::iter::once(server.process()).chain(bare) {
        let mut crowd = Crowd::new(&Link::Clear)?;
        crowd.enter(process.address(), speakers + receivers, |index| {
            server.greeting(index)
        })?;
        let line = |_| match sample.is_empty() {
            true => Line::to_room(HALL),
            false => Line::verbatim(&sample),
        };
        let mut hall = Hall::new(crowd, (0..speakers).map(line).collect());
        sample = hall.sample()?;
        sides.push(Side { process, hall });
    }
    Ok(sides)
}

/// What rushes in halls came to, for each side and run.
struct Rushes {
    /// Deliveries a second.
    rates: Vec<Vec<f64>>,
    /// Seconds of processor time for a million deliveries.
    costs: Vec<Vec<f64>>,
    /// What the first side took of that afterwards.
    afterwards: Vec<f64>,
}

/// The sides take turns at saying as much as they can.
fn rushes(scale: &Scale, sides: &mut [Side<'_>], outstanding: usize) -> Result<Rushes> {
    let mut rushes = Rushes {
        rates: vec![Vec::new(); sides.len()],
        costs: vec![Vec::new(); sides.len()],
        afterwards: Vec::new(),
    };
    for _ in 0..scale.runs {
        for (side, Side { process, hall }) in sides.iter_mut().enumerate() {
            let (rush, cost) = cost_of(process, || hall.rush(outstanding, scale.rush))?;
            let deliveries = rush.sent as f64 * hall.listeners() as f64;
            rushes.rates[side].push(deliveries / rush.time.as_secs_f64());
            rushes.costs[side].push(cost.all() / deliveries * 1e6);
            if side == 0 {
                rushes.afterwards.push(cost.after / deliveries * 1e6);
            }
        }
    }
    Ok(rushes)
}

/// Processor time in seconds.
struct Cost {
    /// While something was done.
    during: f64,
    /// From its end until the process was at rest: what it had put off, such as the search index.
    after: f64,
}

impl Cost {
    fn all(&self) -> f64 {
        self.during + self.after
    }
}

/// Does something and returns the processor time that it took the process.
fn cost_of<T>(process: &Process, work: impl FnOnce() -> Result<T>) -> Result<(T, Cost)> {
    process.rest()?;
    let begun = process.cpu()?;
    let result = work()?;
    let ended = process.cpu()?;
    process.rest()?;
    let cost = Cost {
        during: ended.saturating_sub(begun).as_secs_f64(),
        after: process.cpu()?.saturating_sub(ended).as_secs_f64(),
    };
    Ok((result, cost))
}

fn fanout(scale: &Scale, receivers: usize, outstanding: usize) -> Result<Report> {
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
            beside("processor, a million deliveries", "s", &costs, 1)
                .aim(Aim::TimesBareAtMost(1.0)),
            beside("processor, a million deliveries", "s", &costs, 2)
                .aim(Aim::TimesBareAtMost(3.0)),
            Figure::new("of that afterwards, search index", "s", afterwards),
        ],
    })
}

fn paced(scale: &Scale) -> Result<Report> {
    const PER_SECOND: u32 = 20;
    let server = server_with_hall()?;
    let bare = [server::broadcaster(Style::Each)?];
    let mut sides = sides(&server, &bare, 1, scale.receivers)?;
    let mut halves = vec![Vec::new(); sides.len()];
    let mut tails = vec![Vec::new(); sides.len()];
    let mut costs = vec![Vec::new(); sides.len()];
    for _ in 0..scale.runs {
        for (side, Side { process, hall }) in sides.iter_mut().enumerate() {
            let (delays, cost) = cost_of(process, || hall.paced(PER_SECOND, scale.paced))?;
            let mut delays = delays.seen;
            halves[side].push(quantile_ms(&mut delays, 0.5));
            tails[side].push(quantile_ms(&mut delays, 0.99));
            costs[side].push(cost.all() / delays.len() as f64 * 1e6);
        }
    }
    let figure = |name: &str, unit, values: &[Vec<f64>]| {
        Figure::new(name, unit, values[0].clone()).beside(values[1].clone())
    };
    Ok(Report {
        how: format!(
            "{PER_SECOND} messages a second into {} receivers for {:?}, {}; chatd's times hold a commit with its sync; \
             bare: (a), a call for each message and socket",
            scale.receivers,
            scale.paced,
            scale.times(),
        ),
        beside: "bare",
        is_grid: false,
        figures: vec![
            figure("delivery, median", "ms", &halves),
            figure("delivery, 99th percentile", "ms", &tails),
            figure("processor, a million deliveries", "s", &costs),
        ],
    })
}

fn sends(scale: &Scale) -> Result<Report> {
    const SENDERS: usize = 64;
    const EACH: usize = 16;
    let server = server_with_rooms(SENDERS)?;
    let process = server.process();
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
                .aim(Aim::TimesBareAtLeast(0.5)),
            Figure::new("one sender, round trip, median", "ms", waits).beside(bare_waits),
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

fn idle(scale: &Scale) -> Result<Report> {
    let mut server = server_with_lobby()?;
    let (mut memory, mut switches) = (Vec::new(), Vec::new());
    for _ in 0..scale.runs {
        let (crowd, grown) = gather(&mut server, scale.idle, &Link::Clear)?;
        memory.push(grown);
        let before = server.process().switches()?;
        std::thread::sleep(scale.quiet);
        switches.push(server.process().switches()?.saturating_sub(before) as f64);
        drop(crowd);
    }
    Ok(Report {
        how: format!(
            "{} connections of {ACCOUNTS} accounts, logged in, in the lobby, after a fresh start; then {:?} in which nobody says \
             anything; {}",
            scale.idle,
            scale.quiet,
            scale.times(),
        ),
        beside: "bare",
        is_grid: false,
        figures: vec![
            Figure::new("resident memory, each connection", "bytes", memory)
                .aim(Aim::Under(4_096.0)),
            Figure::new("context switches of all threads", "in all", switches),
        ],
    })
}

/// Starts the server anew and lets so many log in. Returns them and the resident bytes that each costs it.
fn gather(server: &mut Server, count: usize, link: &Link) -> Result<(Crowd, f64)> {
    // What hashing passwords took and gave back would otherwise be filled by connections and not seen.
    server.restart()?;
    let process = server.process();
    process.rest()?;
    let before = process.resident_bytes()?;
    let mut crowd = Crowd::new(link)?;
    crowd.enter(process.address(), count, |index| server.greeting(index))?;
    process.rest()?;
    let grown = process.resident_bytes()?.saturating_sub(before);
    Ok((crowd, grown as f64 / count as f64))
}

/// A server with accounts who are in no other room than the lobby.
fn server_with_lobby() -> Result<Server> {
    let mut server = Server::start()?;
    server.register(ACCOUNTS, |_| None)?;
    Ok(server)
}

fn resume(scale: &Scale) -> Result<Report> {
    const AT_ONCE: usize = 200;
    let server = server_with_lobby()?;
    let process = server.process();
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..scale.runs {
        let ((time, crowd), cost) =
            cost_of(process, || resume_all(&server, scale.resumes, AT_ONCE))?;
        rates.push(scale.resumes as f64 / time.as_secs_f64());
        costs.push(cost.all() / scale.resumes as f64 * 1e6);
        drop(crowd);
    }
    Ok(Report {
        how: format!(
            "{} connections of {ACCOUNTS} accounts that connect, say hello and resume in one write and are welcomed, {AT_ONCE} at a \
             time, {}",
            scale.resumes,
            scale.times(),
        ),
        beside: "bare",
        is_grid: false,
        figures: vec![
            Figure::new("resumed", "1/s", rates),
            Figure::new("processor, each", "µs", costs),
        ],
    })
}

fn resume_all(server: &Server, count: usize, at_once: usize) -> Result<(Duration, Crowd)> {
    let mut crowd = Crowd::new(&Link::Clear)?;
    let address = server.process().address();
    let greeting = |number| server.greeting(number);
    let time = crowd.come(address, count, at_once, Kind::Welcome, greeting)?;
    Ok((time, crowd))
}
