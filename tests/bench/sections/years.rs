//! The same server after a day and after years: whether pages, searches, commits and the start take longer.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chatd::base::Seq;
use chatd::store::{Reader, Store};

use super::Scale;
use crate::figure::{Aim, Figure, Report, quantile_ms};
use crate::server::Server;
use crate::stock::Stock;

/// Tries of each thing that is timed.
const TRIES: u64 = 300;
/// One message in this time, day and night.
const PAUSE: Duration = Duration::from_secs(1);
const PAGE_MS: f64 = 0.2;
const SEARCH_MS: f64 = 20.0;
const START_MS: f64 = 50.0;

/// The same database small and large.
pub fn millions(scale: &Scale) -> Result<Report> {
    let mut stock = Stock::new(1, scale.rooms)?;
    stock.pace(PAUSE, scale.few)?;
    stock.fill(scale.few)?;
    let few = times(&mut stock)?;
    let few_starts = starts(scale, &mut stock.serve("")?)?;

    let mut stock = Stock::new(1, scale.rooms)?;
    stock.pace(PAUSE, scale.many)?;
    let begun = Instant::now();
    stock.fill(scale.many)?;
    let filled = begun.elapsed();
    let many = times(&mut stock)?;
    let bytes = stock.bytes()?;
    let many_starts = starts(scale, &mut stock.serve("")?)?;

    // As many keys as are remembered, and some more.
    let mut stock = Stock::new(1, scale.rooms)?;
    stock.fill(scale.many / 40)?;
    let crowded_starts = starts(scale, &mut stock.serve("")?)?;
    let figure = |((name, few, aim), (_, many, _)): (Timed, Timed)| {
        Figure::new(name, "ms", vec![many])
            .beside(vec![few])
            .aim(aim)
    };
    let mut figures: Vec<_> = few.into_iter().zip(many).map(figure).collect();
    figures.push(
        Figure::new("start, until it serves", "ms", many_starts)
            .beside(few_starts)
            .aim(Aim::AtMost(START_MS)),
    );
    figures.push(
        Figure::new(
            "start after a day with a fortieth of it",
            "ms",
            crowded_starts,
        )
        .aim(Aim::AtMost(START_MS)),
    );
    Ok(Report {
        how: format!(
            "the median and p99 of {TRIES} tries with {} messages in {} rooms, one a second, beside {}; starts: {}; filled in {} s, \
             search index included; {} MiB on disk",
            scale.many,
            scale.rooms,
            scale.few,
            scale.times(),
            filled.as_secs(),
            bytes >> 20
        ),
        beside: "few",
        is_grid: false,
        figures,
    })
}

/// How long the daemon takes until it serves, each time.
fn starts(scale: &Scale, server: &mut Server) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for _ in 0..scale.runs {
        server.restart()?;
        times.push(server.process().began_within().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// A figure's name, its value in milliseconds, and its aim.
type Timed = (String, f64, Aim);

/// What people and the writer wait for.
fn times(stock: &mut Stock) -> Result<Vec<Timed>> {
    let mut reader = stock.database().reader()?;
    let (last, rooms) = (stock.said(), stock.rooms());
    let spot = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % last;
    let mut all = Vec::new();
    let mut take = |name: &str, aim, once: &mut dyn FnMut(u64) -> Result<()>| -> Result<()> {
        let mut times = Vec::new();
        for n in 0..TRIES {
            let begun = Instant::now();
            once(n)?;
            times.push(begun.elapsed());
        }
        let (half, tail) = (quantile_ms(&mut times, 0.5), quantile_ms(&mut times, 0.99));
        all.push((format!("{name}, median"), half, aim));
        all.push((format!("{name}, p99"), tail, Aim::None));
        Ok(())
    };
    let (bytes, end) = (usize::MAX, Seq(u64::MAX >> 1));
    take("newest page of 50", Aim::AtMost(PAGE_MS), &mut |n| {
        let page = reader.before(stock.room_of(n), end, 50, bytes)?;
        ensure!(!page.is_empty(), "a page is due");
        Ok(())
    })?;
    take("page of 50 at any depth", Aim::AtMost(PAGE_MS), &mut |n| {
        let (room, after) = (stock.room_of(spot(n)), spot(n) / rooms.len() as u64);
        let page = reader.after(room, Seq(after), 50, bytes)?;
        ensure!(!page.is_empty(), "a page is due");
        Ok(())
    })?;
    take(
        "search, a word that is there once",
        Aim::AtMost(SEARCH_MS),
        &mut |n| {
            let word = format!("word{}", spot(n));
            let found = reader.search(&rooms, &word, None, end, 50)?;
            ensure!(found.len() == 1, "{word} is there once");
            Ok(())
        },
    )?;
    take("search, one message in a thousand", Aim::None, &mut |n| {
        let word = format!("group{}", n % 1_000);
        reader.search(&rooms, &word, None, end, 50)?;
        Ok(())
    })?;
    take("search, a word in every message", Aim::None, &mut |_| {
        reader.search(&rooms, "lorem", None, end, 50)?;
        Ok(())
    })?;
    take("commit of one", Aim::None, &mut |_| {
        let entry = stock.message();
        stock.store().commit(&[entry])?;
        Ok(())
    })?;
    take("commit of 50", Aim::None, &mut |_| {
        let batch: Vec<_> = (0..50).map(|_| stock.message()).collect();
        stock.store().commit(&batch)?;
        Ok(())
    })?;
    take("step of the search index", Aim::None, &mut |_| {
        stock.store().index(50)?;
        Ok(())
    })?;
    Ok(all)
}
