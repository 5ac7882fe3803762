//! The sections: what is measured, beside what, how often. Within a section chatd and what it stands beside take turns.

mod attacks;
mod fanout;
mod people;
mod programs;
mod secure;
mod sends;
mod slow;
mod stored;
mod years;

use std::time::Duration;

use anyhow::Result;

use crate::figure::Report;
use crate::generator;
use crate::load::{Crowd, HALL};
use crate::process::{Process, Vitals};
use crate::server::Server;
use crate::stream::Link;
use crate::talk::{Hall, Line};

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
    behind: u64,
    rooms: u32,
    few: u64,
    many: u64,
    tries: usize,
    handshakes: usize,
    attack: Duration,
    strangers: usize,
}

impl Scale {
    /// What is reported.
    pub const FULL: Self = Self {
        quick: false,
        runs: 5,
        rush: Duration::from_secs(3),
        receivers: 1_000,
        paced: Duration::from_secs(10),
        idle: 10_000,
        quiet: Duration::from_secs(60),
        behind: 100_000,
        rooms: 1_000,
        few: 10_000,
        many: 10_000_000,
        tries: 50,
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
        behind: 2_000,
        rooms: 10,
        few: 1_000,
        many: 20_000,
        tries: 3,
        handshakes: 200,
        attack: Duration::from_millis(200),
        strangers: 500,
    };

    /// Receivers, and seconds, of the load alone.
    pub fn load(&self) -> (String, String) {
        let seconds = self.paced.as_secs().max(1);
        (self.receivers.to_string(), seconds.to_string())
    }

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
        run: |scale| fanout::saturated(scale, scale.receivers, 128, 0.16),
    },
    Section {
        name: "fanout-small",
        run: |scale| fanout::saturated(scale, 100, 1_024, 0.20),
    },
    Section {
        name: "paced",
        run: fanout::paced,
    },
    Section {
        name: "one-by-one",
        run: fanout::one_by_one,
    },
    Section {
        name: "sends",
        run: sends::sends,
    },
    Section {
        name: "idle",
        run: people::idle,
    },
    Section {
        name: "resume",
        run: people::resume,
    },
    Section {
        name: "restart",
        run: people::restart,
    },
    Section {
        name: "behind",
        run: people::behind,
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
        run: years::millions,
    },
    Section {
        name: "generator",
        run: generator::generator,
    },
    Section {
        name: "programs",
        run: programs::programs,
    },
];

/// One who serves a hall full of people.
struct Side {
    process: Vitals,
    hall: Hall,
}

/// A server with accounts who are all in the hall.
fn server_with_hall() -> Result<Server> {
    let mut server = Server::start()?;
    server.register(ACCOUNTS, |_| Some(HALL.to_owned()))?;
    Ok(server)
}

/// Fills halls with the same people: chatd's, and a bare one for each style, where frames of the same size are said.
fn sides(
    server: &Server,
    bare: &[Process],
    speakers: usize,
    receivers: usize,
) -> Result<Vec<Side>> {
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
        sides.push(Side {
            process: process.vitals(),
            hall,
        });
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
fn rushes(scale: &Scale, sides: &mut [Side], outstanding: usize) -> Result<Rushes> {
    let mut rushes = Rushes {
        rates: vec![Vec::new(); sides.len()],
        costs: vec![Vec::new(); sides.len()],
        afterwards: Vec::new(),
    };
    for _ in 0..scale.runs {
        for (side, Side { process, hall }) in sides.iter_mut().enumerate() {
            let (rush, cost) = cost_of(*process, || hall.rush(outstanding, scale.rush))?;
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
fn cost_of<T>(process: Vitals, work: impl FnOnce() -> Result<T>) -> Result<(T, Cost)> {
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

/// Starts the server anew and lets so many log in. Returns them and the resident bytes that each costs it.
fn gather(server: &mut Server, count: usize, link: &Link) -> Result<(Crowd, f64)> {
    // What hashing passwords took and gave back would otherwise be filled by connections and not seen.
    server.restart()?;
    let (process, address) = (server.vitals(), server.process().address());
    process.rest()?;
    let before = process.resident_bytes()?;
    let mut crowd = Crowd::new(link)?;
    crowd.enter(address, count, |index| server.greeting(index))?;
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
