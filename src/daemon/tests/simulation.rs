//! The engine, the outboxes, the workers, the writer, the readers and the clients in one life that follows from one
//! number: wires that delay, cut into portions and break, a disk that is slow, full, broken and started again, a clock
//! that jumps. After each step it is held against a naive model of what is stored.
//!
//! Everything is the code that runs in chatd and chat-client, but sockets, threads, clocks, Argon2 and SQLite.
//!
//! `SIM_SEEDS=100000 cargo test --release --lib simulation_runs -- --nocapture` lives so many lives and tells what was met
//! in them, `SIM_SEED=7` lives that one and tells what happened.

mod acts;
mod device;
mod dice;
mod disk;
mod expected;
mod seen;
mod server;
mod truth;
mod world;

use std::cell::Cell;
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::Instant;

use dice::Dice;
use disk::Planted;
use seen::Seen;
use world::World;

/// Lives in each `cargo test`.
const SEEDS: u64 = 200;
/// Lives in which a planted fault has to be found.
const SEEDS_PLANTED: u64 = 20;
/// Of what has happened, so many lines are told.
const DIARY_LINES: usize = 60;

/// So many of the lives that went wrong are told of; the others by a line.
const FAILURES_TOLD: usize = 3;

/// A life that went wrong.
struct Failure {
    what: String,
    /// How many steps were taken.
    steps: usize,
    diary: Vec<String>,
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What goes wrong in a life is told at its end, not where it happens.
fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    QUIET.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    outcome.map_err(|payload| match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload
            .downcast_ref::<&str>()
            .map_or_else(|| "it panicked".into(), ToString::to_string),
    })
}

/// The steps of a life.
fn steps_of(seed: u64) -> Vec<u64> {
    let length = 40 + Dice::of(seed, u64::MAX - 2).below(200);
    (0..length as u64).collect()
}

fn live(seed: u64, steps: &[u64], planted: Planted, diary: bool) -> Result<Seen, Failure> {
    let mut world = World::new(seed, planted, diary);
    let mut taken = 0;
    let outcome = quietly(|| {
        for step in steps {
            taken += 1;
            world.step(*step);
        }
        world.end();
    });
    match outcome {
        Ok(()) => Ok(world.seen),
        Err(what) => Err(Failure {
            what,
            steps: taken,
            diary: world.diary.unwrap_or_default(),
        }),
    }
}

/// Leaves out steps as long as it still goes wrong in the same way.
fn shorten(seed: u64, failure: &Failure, planted: Planted) -> Vec<u64> {
    let same = |what: &str| what.chars().take(12).eq(failure.what.chars().take(12));
    let fails =
        |steps: &[u64]| live(seed, steps, planted, false).is_err_and(|failure| same(&failure.what));
    let mut steps = steps_of(seed);
    steps.truncate(failure.steps);
    let mut part = steps.len() / 2;
    while part > 0 {
        let mut at = 0;
        while at < steps.len() {
            let end = (at + part).min(steps.len());
            let shorter = [&steps[..at], &steps[end..]].concat();
            match fails(&shorter) {
                true => steps = shorter,
                false => at = end,
            }
        }
        part /= 2;
    }
    steps
}

/// Tells of a life that went wrong, in as few steps as it goes wrong in.
fn tell(seed: u64, failure: &Failure, planted: Planted) -> String {
    let steps = shorten(seed, failure, planted);
    let (mut text, first) = (String::new(), &failure.what);
    let Err(failure) = live(seed, &steps, planted, true) else {
        return format!("seed {seed}: {first}");
    };
    let from = failure.diary.len().saturating_sub(DIARY_LINES);
    for line in &failure.diary[from..] {
        let _ = writeln!(text, "  {}", line.chars().take(200).collect::<String>());
    }
    let _ = writeln!(
        text,
        "SIM_SEED={seed}, in {} steps: {}",
        steps.len(),
        failure.what
    );
    text
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Fails with all that went wrong, and tells of the first few.
fn report(failures: &[(u64, Failure)]) {
    if failures.is_empty() {
        return;
    }
    let mut text = String::new();
    for (seed, failure) in failures {
        let what: String = failure.what.chars().take(300).collect();
        let _ = writeln!(text, "seed {seed}: {}", what.replace('\n', " "));
    }
    for (seed, failure) in failures.iter().take(FAILURES_TOLD) {
        text += &tell(*seed, failure, Planted::Nothing);
    }
    panic!("{text}");
}

#[test]
fn simulation_runs_and_nothing_is_lost() {
    let one = number("SIM_SEED");
    let first = one.or_else(|| number("SIM_FIRST")).unwrap_or(1);
    let count = number("SIM_SEEDS").unwrap_or(if one.is_some() { 1 } else { SEEDS });
    let (began, mut seen, mut failures) = (Instant::now(), Seen::default(), Vec::new());
    for seed in first..first + count {
        match live(seed, &steps_of(seed), Planted::Nothing, false) {
            Ok(more) => seen.add(more),
            Err(failure) => failures.push((seed, failure)),
        }
        if failures.len() > 30 {
            break;
        }
        if (seed - first + 1).is_multiple_of(10_000) {
            println!("{} lives in {:?}", seed - first + 1, began.elapsed());
        }
    }
    if count > SEEDS {
        println!("{}", seen.table());
    }
    println!(
        "{count} lives in {:?}; {} pairs of input and effect",
        began.elapsed(),
        seen.pairs()
    );
    report(&failures);
    if count >= SEEDS {
        expected::check(&seen, count);
    }
}

#[test]
fn simulation_finds_what_is_planted() {
    for planted in [
        Planted::EarlyAnswer,
        Planted::LostFrame,
        Planted::NumberTwice,
    ] {
        let lives = |seed| live(seed, &steps_of(seed), planted, false).err();
        let found = (1..=SEEDS_PLANTED).find_map(|seed| Some((seed, lives(seed)?)));
        // Without it nothing goes wrong in these lives: the other test shows it.
        let Some((seed, failure)) = found else {
            panic!("{planted:?} is not found in {SEEDS_PLANTED} lives");
        };
        let what: String = failure.what.chars().take(200).collect();
        println!("{planted:?} is found in life {seed}: {what}");
    }
}
