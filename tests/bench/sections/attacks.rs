//! What those who are logged in notice while somebody attacks: how long a message takes to be stored and to be seen, and
//! how much memory chatd takes. The same without the attack stands beside it, in turn with it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::{HALL, Scale};
use crate::attackers::{ATTACKS, Attack, Field};
use crate::figure::{Aim, Figure, Report, quantile_ms};
use crate::load::{Crowd, PATIENCE};
use crate::process::Vitals;
use crate::server::Server;
use crate::stream::Link;
use crate::talk::{Delays, Hall, Line};

/// Messages a second: an account may say 50.
const PER_SECOND: u32 = 40;
/// What a round trip is to stay under.
const ROUND_TRIP_MS: f64 = 50.0;
/// The accounts: the first one speaks, the second listens, then there is one who attacks, and one who has filled the store.
const ATTACKER: usize = 2;
const WRITER: usize = 3;
/// How long an attack goes on before it is looked at.
const BEGINNING: Duration = Duration::from_millis(200);

pub fn attacks(scale: &Scale) -> Result<Report> {
    let mut server = Server::start()?;
    server.register(WRITER + 1, |_| Some(HALL.to_owned()))?;
    let stored = fill(&server, scale)?;
    server.restart_as_delivered()?;
    let mut crowd = Crowd::new(&Link::tls(false)?)?;
    crowd.enter(server.process().address(), 2, |index| {
        server.greeting(index)
    })?;
    let mut hall = Hall::new(crowd, vec![Line::to_room(HALL)]);
    server.vitals().rest()?;
    let mut figures = Vec::new();
    for attack in ATTACKS {
        let looked = look(&server, &mut hall, attack, scale)?;
        figures.extend(looked.figures(attack.name));
    }
    Ok(Report {
        how: format!(
            "somebody says {PER_SECOND} messages a second over TLS and somebody else hears them, for {:?} under each attack and as \
             long without it (in brackets), {}; the limits as delivered, {stored} messages stored; each attack is one thread \
             on this machine, with at most a core; a crowd of strangers is {}",
            scale.attack,
            scale.times(),
            scale.strangers,
        ),
        beside: "no attack",
        is_grid: true,
        figures,
    })
}

/// There is something to search in.
fn fill(server: &Server, scale: &Scale) -> Result<u64> {
    let mut crowd = Crowd::new(&Link::Clear)?;
    crowd.enter(server.process().address(), 1, |_| server.greeting(WRITER))?;
    let mut hall = Hall::new(crowd, vec![Line::to_room(HALL)]);
    let rush = hall.rush(1_024, scale.rush)?;
    server.vitals().rest()?;
    Ok(rush.sent)
}

/// What was seen of an attack, with a value for each run.
#[derive(Default)]
struct Looked {
    attacked: Waits,
    calm: Waits,
    /// What attackers did in a second, and the cores they took for it.
    rates: Vec<f64>,
    attackers: Vec<f64>,
    /// The cores that chatd took.
    cores: Vec<f64>,
    /// Its resident memory before the first attack, at the height of each, and after it.
    before: Vec<f64>,
    height: Vec<f64>,
    after: Vec<f64>,
}

/// In milliseconds: the median and the 99th percentile.
#[derive(Default)]
struct Waits {
    sent: [Vec<f64>; 2],
    seen: [Vec<f64>; 2],
}

impl Waits {
    fn add(&mut self, mut delays: Delays) {
        for (which, part) in [0.5, 0.99].into_iter().enumerate() {
            self.sent[which].push(quantile_ms(&mut delays.sent, part));
            self.seen[which].push(quantile_ms(&mut delays.seen, part));
        }
    }
}

fn look(server: &Server, hall: &mut Hall, attack: &Attack, scale: &Scale) -> Result<Looked> {
    let process = server.vitals();
    let field = Field {
        target: server.process().address(),
        strangers: scale.strangers,
        greeting: server.greeting(ATTACKER).to_vec(),
        is_on: AtomicBool::new(false),
        is_over: AtomicBool::new(false),
        count: AtomicU64::new(0),
    };
    let mut looked = Looked::default();
    looked.before.push(mebibytes(process.resident_bytes()?));
    for _ in 0..scale.runs {
        looked.calm.add(hall.paced(PER_SECOND, scale.attack)?);
        process.forget_height()?;
        under_attack(process, attack, &field, &mut looked, || {
            hall.paced(PER_SECOND, scale.attack)
        })?;
        looked.height.push(mebibytes(process.height_bytes()?));
        process.rest()?;
        looked.after.push(mebibytes(process.resident_bytes()?));
    }
    Ok(looked)
}

/// Measures what is done while the attack goes on.
fn under_attack(
    process: Vitals,
    attack: &Attack,
    field: &Field,
    looked: &mut Looked,
    work: impl FnOnce() -> Result<Delays>,
) -> Result<()> {
    field.is_on.store(false, Ordering::Relaxed);
    field.is_over.store(false, Ordering::Relaxed);
    let counts = || {
        Ok::<_, anyhow::Error>((
            Instant::now(),
            process.cpu()?,
            field.count.load(Ordering::Relaxed),
        ))
    };
    thread::scope(|scope| {
        let attacking = scope.spawn(|| {
            let began = Instant::now();
            (attack.run)(field)?;
            let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
            let busy = usage.user_time() + usage.system_time();
            Ok::<_, anyhow::Error>(
                busy.num_microseconds() as f64 / 1e6 / began.elapsed().as_secs_f64(),
            )
        });
        let measured = begun(field, || attacking.is_finished()).and_then(|()| {
            let begin = counts()?;
            Ok((begin, work()?, counts()?))
        });
        field.is_over.store(true, Ordering::Relaxed);
        let attackers = attacking
            .join()
            .map_err(|_| anyhow!("the attacker has panicked"))??;
        let (begin, delays, end) = measured?;
        let seconds = (end.0 - begin.0).as_secs_f64();
        looked.attacked.add(delays);
        looked.rates.push((end.2 - begin.2) as f64 / seconds);
        looked.attackers.push(attackers);
        looked.cores.push((end.1 - begin.1).as_secs_f64() / seconds);
        Ok(())
    })
}

/// Waits until the attack is as it is going to be.
fn begun(field: &Field, has_ended: impl Fn() -> bool) -> Result<()> {
    let started = Instant::now();
    while !field.is_on.load(Ordering::Relaxed) && !has_ended() {
        ensure!(started.elapsed() < PATIENCE, "the attack does not begin");
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(BEGINNING);
    Ok(())
}

impl Looked {
    fn figures(self, attack: &str) -> Vec<Figure> {
        let figure = |name, unit, values| Figure::new(format!("{attack}: {name}"), unit, values);
        let wait = |name, attacked, calm| {
            let figure = figure(name, "ms", attacked).beside(calm);
            figure.aim(Aim::AtMost(ROUND_TRIP_MS))
        };
        let ([sent, sent_tail], [calm_sent, calm_sent_tail]) = (self.attacked.sent, self.calm.sent);
        let ([seen, seen_tail], [calm_seen, calm_seen_tail]) = (self.attacked.seen, self.calm.seen);
        vec![
            figure("tries", "1/s", self.rates),
            figure("theirs", "cores", self.attackers),
            figure("chatd", "cores", self.cores),
            wait("sent, median", sent, calm_sent),
            wait("sent, 99th", sent_tail, calm_sent_tail),
            wait("seen, median", seen, calm_seen),
            wait("seen, 99th", seen_tail, calm_seen_tail),
            figure("memory before", "MiB", self.before),
            figure("height", "MiB", self.height),
            figure("after", "MiB", self.after),
        ]
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
