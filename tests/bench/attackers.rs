//! Those who mean harm: one thread that does as much of it as it can, or as much in a second as it is told, and counts.
//! They come from many addresses of the loopback network: limits by address hold for all of it but 127.0.0.1.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::load::PATIENCE;
use crate::server::{hello, put};
use crate::stream::Link;

/// From each address come so many strangers at once; one may have 500.
const PER_ADDRESS: u64 = 250;
/// A crowd comes as fast as one host that nobody holds up can open connections.
const ARRIVALS_PER_SECOND: u32 = 5_000;
/// What a crowd that is there does in a second for each that came; and what those who guess begin.
const FURTHER_PER_SECOND: u32 = 1_000;
const GUESSES_PER_SECOND: u32 = 1_000;
/// Passwords that are guessed on one connection: after so many chatd closes it.
const GUESSES_EACH: u64 = 5;
/// Addresses that those come from who guess and register: with fewer, each would soon have to wait.
const ADDRESSES: u64 = 4_000;
/// Connections that are left open behind those that begin.
const LEFT_OPEN: usize = 500;
/// Handshakes that are under way together.
const SHAKING: u64 = 32;
/// Requests in one write.
const REQUESTS: usize = 64;

/// An attack: its name, what it does, and what it counts.
pub struct Attack {
    /// What it is called.
    pub name: &'static str,
    /// Goes on until it is told to stop.
    pub run: fn(&Field) -> Result<()>,
}

/// All of them.
pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "strangers who say nothing",
        run: silent,
    },
    Attack {
        name: "a byte a second",
        run: dripping,
    },
    Attack {
        name: "wrong passwords",
        run: guessing,
    },
    Attack {
        name: "registrations",
        run: registering,
    },
    Attack {
        name: "full handshakes",
        run: shaking,
    },
    Attack {
        name: "half handshakes",
        run: half_shaking,
    },
    Attack {
        name: "one user searches",
        run: searching,
    },
    Attack {
        name: "one user sends",
        run: flooding,
    },
];

/// Where an attack takes place.
pub struct Field {
    /// Whom it is against.
    pub target: SocketAddr,
    /// How many strangers are a crowd.
    pub strangers: usize,
    /// What one who has an account says to come in.
    pub greeting: Vec<u8>,
    /// Whether all have come.
    pub is_on: AtomicBool,
    /// Whether to stop.
    pub is_over: AtomicBool,
    /// What was done so far: connections, bytes or requests.
    pub count: AtomicU64,
}

impl Field {
    fn done(&self, count: u64) {
        self.count.fetch_add(count, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    fn is_on(&self) {
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// Somebody from that address. One whom nobody lets in is none.
    fn connect(&self, source: Ipv4Addr) -> Option<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        socket.bind(&SocketAddr::from((source, 0)).into()).ok()?;
        socket
            .connect_timeout(&self.target.into(), Duration::from_secs(1))
            .ok()?;
        socket.set_tcp_nodelay(true).ok()?;
        Some(socket.into())
    }
}

/// So many things a second, evenly.
struct Pace {
    due: Instant,
    pause: Duration,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        Self {
            due: Instant::now(),
            pause: Duration::from_secs(1) / per_second,
        }
    }

    /// Waits until the next is due. What was missed is made up for, but for no more than a tenth of a second.
    fn wait(&mut self) {
        let now = Instant::now();
        self.due = (self.due + self.pause).max(now - Duration::from_millis(100));
        thread::sleep(self.due.saturating_duration_since(now));
    }
}

fn address(n: u64) -> Ipv4Addr {
    Ipv4Addr::new(127, 251, (n / 250) as u8, (1 + n % 250) as u8)
}

/// All come; then more and more of them, for whom the oldest leave.
fn silent(field: &Field) -> Result<()> {
    let mut crowd = VecDeque::new();
    let (mut arrivals, mut further) = (
        Pace::new(ARRIVALS_PER_SECOND),
        Pace::new(FURTHER_PER_SECOND),
    );
    for n in (0..).take_while(|_| field.goes_on()) {
        match crowd.len() < field.strangers {
            true => arrivals.wait(),
            false => {
                field.is_on();
                further.wait();
                crowd.pop_front();
            }
        }
        crowd.extend(field.connect(address(n / PER_ADDRESS % 100)));
        field.done(1);
    }
    Ok(())
}

/// Each says a byte a second of a frame of 4 KiB. Who was let go comes again.
fn dripping(field: &Field) -> Result<()> {
    let mut crowd = VecDeque::new();
    let mut pace = Pace::new(ARRIVALS_PER_SECOND);
    let header = 4_096_u32.to_be_bytes();
    for n in (0..).take_while(|_| field.goes_on()) {
        pace.wait();
        if crowd.len() == field.strangers && !field.is_on.load(Ordering::Relaxed) {
            field.is_on();
            pace = Pace::new(field.strangers as u32);
        }
        let next = match crowd.len() < field.strangers {
            true => None,
            false => crowd.pop_front(),
        };
        let (mut stranger, said) = match next {
            Some(next) => next,
            None => match field.connect(address(n / PER_ADDRESS % 100)) {
                Some(stranger) => (stranger, 0),
                None => continue,
            },
        };
        let byte = header.get(said).copied().unwrap_or(b' ');
        if stranger.write(&[byte]).is_ok() {
            crowd.push_back((stranger, said + 1));
        }
        field.done(1);
    }
    Ok(())
}

/// Comes, says this, and leaves when a few hundred others have come. Counts connections.
fn hit_and_run(field: &Field, per_second: u32, words: impl Fn(u64) -> Vec<u8>) -> Result<()> {
    let (mut open, mut pace) = (VecDeque::new(), Pace::new(per_second));
    field.is_on();
    for n in (0..).take_while(|_| field.goes_on()) {
        pace.wait();
        if let Some(mut stranger) = field.connect(address(n % ADDRESSES)) {
            // Whoever does not take it all is left alone.
            stranger.set_nonblocking(true)?;
            drop(stranger.write(&words(n)));
            open.push_back(stranger);
        }
        if open.len() > LEFT_OPEN {
            open.pop_front();
        }
        field.done(1);
    }
    Ok(())
}

fn guessing(field: &Field) -> Result<()> {
    hit_and_run(field, GUESSES_PER_SECOND, |n| {
        let names = (0..GUESSES_EACH).map(|guess| match guess {
            0 => "person000".to_owned(),
            _ => format!("made-up-{n}-{guess}"),
        });
        let login =
            |name| put(&json!({ "type": "login", "name": name, "password": "wrong horse" }));
        std::iter::once(hello())
            .chain(names.map(login))
            .flatten()
            .collect()
    })
}

fn registering(field: &Field) -> Result<()> {
    // Another name each time, also in the next run.
    let begun = field.count.load(Ordering::Relaxed);
    hit_and_run(field, GUESSES_PER_SECOND, |n| {
        let name = format!("newcomer-{}", begun + n);
        let register =
            json!({ "type": "register", "name": name, "password": "a horse that is new" });
        [hello(), put(&register)].concat()
    })
}

/// Begins a handshake, always the same one, which costs next to nothing here.
fn half_shaking(field: &Field) -> Result<()> {
    let client_hello = Link::client_hello()?;
    hit_and_run(field, 1_000_000, |_| client_hello.clone())
}

fn shaking(field: &Field) -> Result<()> {
    let link = Link::tls(false)?;
    field.is_on();
    for lot in (0..).take_while(|_| field.goes_on()) {
        let connect = |n| {
            let socket = field.connect(address((lot * SHAKING + n) % ADDRESSES))?;
            socket.set_read_timeout(Some(PATIENCE)).ok()?;
            let mut stream = link.over(socket, 0).ok()?;
            stream.flush().ok().map(|()| stream)
        };
        for mut stream in (0..SHAKING).filter_map(connect).collect::<Vec<_>>() {
            field.done(u64::from(stream.shake_hands().is_ok()));
        }
    }
    Ok(())
}

/// Asks for the dearest thing that a search can be: many words that only begin so, each of which is in every message.
fn searching(field: &Field) -> Result<()> {
    let search = json!({ "type": "search", "text": "hun* byt* wha* peo*", "limit": 200 });
    insist(field, &put(&search))
}

fn flooding(field: &Field) -> Result<()> {
    insist(
        field,
        &put(&json!({ "type": "send", "to": "lobby", "text": "a flood ".repeat(12) })),
    )
}

/// Logs in and asks for the same again and again, without waiting for an answer. Counts requests.
fn insist(field: &Field, request: &[u8]) -> Result<()> {
    let mut socket = TcpStream::connect(field.target)?;
    socket.write_all(&field.greeting).context("cannot log in")?;
    socket.set_nonblocking(true)?;
    let (lot, mut answers) = (request.repeat(REQUESTS), vec![0; 256 << 10]);
    let mut said = 0;
    field.is_on();
    while field.goes_on() {
        let (written, heard) = (
            socket.write(&lot[said % lot.len()..]),
            socket.read(&mut answers),
        );
        let mut is_idle = true;
        for done in [&written, &heard] {
            match done {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => {
                    anyhow::bail!("the user who attacks has lost the connection: {error}")
                }
                Ok(_) => is_idle = false,
            }
        }
        let before = said / request.len();
        said += written.unwrap_or(0);
        field.done((said / request.len() - before) as u64);
        if is_idle {
            thread::sleep(Duration::from_micros(100));
        }
    }
    Ok(())
}
