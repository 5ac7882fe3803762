//! The load alone, pointed at any chatd: `cargo bench -- load ADDRESS`. `--help` says more.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::{Value, json};

use crate::figure::{Figure, Report, quantile_ms};
use crate::load::{Crowd, HALL};
use crate::machine::Moment;
use crate::process::Vitals;
use crate::sections::Scale;
use crate::server::{self, PASSWORD, Server, hello, put};
use crate::stream::Link;
use crate::talk::{Hall, Line, TEXT_BYTES};

/// Asks for this instead of the benchmark.
pub const ARGUMENT: &str = "load";
/// Accounts that everybody shares: each costs a password hash.
const ACCOUNTS: usize = 8;

/// Puts load on a running chatd, and tells what it made of it.
///
/// Makes the accounts load0 to load7 there and the room 'hall', where it talks: both stay. A chatd as delivered tells people
/// to go slower, which ends the load; set messages_burst, text_bytes_burst, requests_burst and requests_outstanding in its
/// [limits] to what is wanted. Point it at nobody's server but your own.
#[derive(Parser)]
#[command(name = "load", bin_name = "cargo bench -- load", no_binary_name = true)]
struct Args {
    /// Where it listens, such as 127.0.0.1:2428
    address: String,
    /// Connections that listen
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    receivers: usize,
    /// Connections that talk
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    senders: usize,
    /// Messages under way at once, of all senders
    #[arg(long, value_name = "COUNT", default_value_t = 128)]
    outstanding: usize,
    /// So many messages a second instead of as many as it acknowledges
    #[arg(long, value_name = "COUNT", conflicts_with = "outstanding")]
    per_second: Option<u32>,
    /// How long
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,
    /// Connect with TLS; whose certificate it is, is not looked at
    #[arg(long)]
    tls: bool,
    /// The daemon's process id, where it runs on this machine: then its processor time and memory are told, too
    #[arg(long)]
    pid: Option<u32>,
}

/// Does what these arguments say, those behind `load`.
///
/// # Errors
/// When the server does not let the load through; the error tells what it said.
pub fn run(args: &[String]) -> Result<()> {
    let args = Args::try_parse_from(args).unwrap_or_else(|error| error.exit());
    let before = Moment::now()?;
    let report = load(&args)?;
    let meanwhile = before.since()?;
    println!("{}", report.table(ARGUMENT, false));
    println!("  {}", meanwhile.verdict());
    println!("{}", report.json(ARGUMENT, false, &meanwhile));
    Ok(())
}

/// A section: the same on a server of its own, in both ways.
///
/// # Errors
/// When that does not work.
pub fn generator(scale: &Scale) -> Result<Report> {
    let server = Server::start()?;
    let args = |more: &[&str]| {
        let address = server.process().address().to_string();
        let pid = server.vitals().0.to_string();
        let (receivers, seconds) = scale.load();
        let args = [
            &address,
            "--pid",
            &pid,
            "--receivers",
            &receivers,
            "--seconds",
            &seconds,
        ];
        Args::try_parse_from([&args[..], more].concat())
    };
    let mut report = load(&args(&[])?)?;
    report
        .figures
        .extend(load(&args(&["--per-second", "20", "--tls"])?)?.figures);
    Ok(report)
}

fn load(args: &Args) -> Result<Report> {
    let address = args.address.to_socket_addrs().ok();
    let address = address.and_then(|mut it| it.next());
    let address = address.with_context(|| {
        format!(
            "'{}' is no address; one is like 127.0.0.1:2428",
            args.address
        )
    })?;
    let link = match args.tls {
        true => Link::tls(false)?,
        false => Link::Clear,
    };
    let greetings = accounts(address, &link)?;
    let mut crowd = Crowd::new(&link)?;
    let senders = args.senders.max(1);
    eprintln!("{} connections come in …", senders + args.receivers);
    crowd.enter(address, senders + args.receivers, |index| {
        &greetings[index % ACCOUNTS]
    })?;
    let lines = (0..senders).map(|_| Line::to_room(HALL)).collect();
    let mut hall = Hall::new(crowd, lines);
    let vitals = args.pid.map(Vitals);
    let spent = vitals.map(Vitals::cpu).transpose()?;
    eprintln!("they talk for {} s …", args.seconds);
    let (mut figures, deliveries) = talk(&mut hall, args)?;
    if let (Some(vitals), Some(spent)) = (vitals, spent) {
        let spent = vitals.cpu()?.saturating_sub(spent).as_secs_f64();
        let resident = vitals.resident_bytes()? as f64 / 1_048_576.0;
        let each = spent / deliveries * 1e6;
        figures.push(Figure::new(
            "processor, a million deliveries",
            "s",
            vec![each],
        ));
        figures.push(Figure::new("resident memory", "MiB", vec![resident]));
    }
    Ok(Report {
        how: format!(
            "{} receivers, {senders} senders, texts of {TEXT_BYTES} bytes, {} s, {address}",
            args.receivers, args.seconds
        ),
        beside: "",
        is_grid: false,
        figures,
    })
}

/// Returns the figures, and the number of deliveries.
fn talk(hall: &mut Hall, args: &Args) -> Result<(Vec<Figure>, f64)> {
    let time = Duration::from_secs(args.seconds);
    let Some(per_second) = args.per_second else {
        let rush = hall.rush(args.outstanding.max(args.senders), time)?;
        let deliveries = rush.sent as f64 * hall.listeners() as f64;
        let per_second = |count: f64| vec![count / rush.time.as_secs_f64()];
        let figures = vec![
            Figure::new("acknowledged", "1/s", per_second(rush.sent as f64)),
            Figure::new("deliveries", "1/s", per_second(deliveries)),
        ];
        return Ok((figures, deliveries));
    };
    let mut delays = hall.paced(per_second, time)?;
    let mut figures = Vec::new();
    for (what, delays) in [
        ("acknowledged", &mut delays.sent),
        ("delivered", &mut delays.seen),
    ] {
        for (name, part) in [("median", 0.5), ("99th percentile", 0.99)] {
            let value = quantile_ms(delays, part);
            figures.push(Figure::new(
                format!("{what} after, {name}"),
                "ms",
                vec![value],
            ));
        }
    }
    Ok((figures, delays.seen.len() as f64))
}

/// What each account says to come in. All of them are in the hall.
fn accounts(address: SocketAddr, link: &Link) -> Result<Vec<Vec<u8>>> {
    (0..ACCOUNTS)
        .map(|index| {
            let name = format!("load{index}");
            let enter = |request: &str| {
                let request = json!({ "type": request, "name": name, "password": PASSWORD });
                ask(address, link, &[hello(), put(&request)].concat(), "welcome")
            };
            // The name is taken when this is not the first time.
            let welcome = enter("register").or_else(|refused| {
                enter("login").with_context(|| format!("{name} may not come in: {refused:#}"))
            })?;
            let token = welcome["token"].as_str().context("chatd told no token")?;
            let greeting = server::greeting(token, "");
            let go = |request: &str| {
                let request = put(&json!({ "type": request, "room": HALL }));
                ask(address, link, &[&greeting[..], &request].concat(), "joined")
            };
            go("join").or_else(|_| go("create"))?;
            Ok(greeting)
        })
        .collect()
}

/// Says something on a connection of its own, and waits for this type of answer.
fn ask(address: SocketAddr, link: &Link, words: &[u8], answer: &str) -> Result<Value> {
    let mut crowd = Crowd::new(link)?;
    let number = crowd.dial(address)?;
    crowd.say(number, words)?;
    let mut answered = Value::Null;
    crowd.until("that is answered", |_, _, frame| {
        let event: Value = serde_json::from_slice(frame).unwrap_or_default();
        let is_answer = event["type"] == answer;
        if is_answer {
            answered = event;
        }
        is_answer
    })?;
    Ok(answered)
}
