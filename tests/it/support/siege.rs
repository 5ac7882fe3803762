//! What the stories about attacks are told with: crowds from many addresses, and somebody who is logged in meanwhile.
//!
//! They come from the loopback network: limits by address hold for all of it but 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::{Daemon, Heard, Talker, ask};

/// As many as the issue names; fewer where the machine allows fewer open files.
const STRANGERS: usize = 10_000;
/// What a round trip may take under attack, unless it takes as long without one.
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// How many connections a test may hold: descriptors are shared with all other tests, and the daemon needs as many.
pub fn crowd_size() -> usize {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("every process has it");
    let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.max(soft), hard);
    STRANGERS.min(usize::try_from(hard / 2).unwrap_or(STRANGERS))
}

/// Ends an attack, also when what is shown meanwhile has failed.
pub struct AtLast<'a>(pub &'a AtomicBool);

impl Drop for AtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The nth address of strangers, who are many on each.
pub fn address(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 251, (n / 250) as u8, (1 + n % 250) as u8)
}

pub fn connect_from(source: Ipv4Addr, daemon: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    // What is left unread waits here for the most part, and it is the daemon's side that is looked at.
    socket.set_recv_buffer_size(4_096)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&daemon.into())?;
    Ok(socket.into())
}

/// Somebody who comes from there and knows how to behave.
#[track_caller]
pub fn talker_from(source: Ipv4Addr, daemon: &Daemon) -> Talker {
    Talker::over(connect_from(source, daemon.address()).expect("the daemon listens"))
}

#[track_caller]
pub fn greeted_from(source: Ipv4Addr, daemon: &Daemon) -> Talker {
    let mut talker = talker_from(source, daemon);
    talker.hello();
    talker
}

/// The medians of what somebody who is logged in waits for `sent`, and for an answer that no disk is asked for: on each of
/// these, who take turns.
fn round_trips(talkers: [&mut Talker; 2]) -> [[Duration; 2]; 2] {
    let time = |ask: &mut dyn FnMut()| {
        let started = Instant::now();
        ask();
        started.elapsed()
    };
    let mut times = [[(); 2]; 2].map(|kinds| kinds.map(|()| Vec::new()));
    let mut talkers = talkers;
    for _ in 0..31 {
        for (talker, [sent, answered]) in talkers.iter_mut().zip(&mut times) {
            sent.push(time(&mut || _ = talker.say("lobby", "anybody there?")));
            let mut who = || drop(ask!(talker, "who", room: "lobby").must_be("who"));
            answered.push(time(&mut who));
        }
    }
    times.map(|kinds| {
        kinds.map(|mut times| {
            times.sort();
            times[times.len() / 2]
        })
    })
}

/// Lets the attack begin and measures somebody who is logged in there beside somebody on a daemon that nobody attacks:
/// what else the machine and its disk have to do, both feel.
#[track_caller]
pub fn unmoved(daemon: &Daemon, what: &str, attack: impl FnOnce(&mut dyn FnMut())) {
    let elsewhere = Daemon::start();
    let (mut anna, mut boris) = (daemon.register("anna"), elsewhere.register("boris"));
    let mut times = None;
    attack(&mut || times = Some(round_trips([&mut anna, &mut boris])));
    let [attacked, calm] = times.expect("the attack was looked at");
    // Shown with --nocapture.
    println!("{what}: sent, answered in {attacked:?}; elsewhere in {calm:?}");
    for (attacked, calm) in attacked.into_iter().zip(calm) {
        assert!(
            attacked < ROUND_TRIP.max(calm * 4),
            "{attacked:?}, elsewhere {calm:?}"
        );
    }
}

/// Connects that many strangers from addresses with 250 each.
pub fn crowd(daemon: SocketAddr, size: usize) -> Vec<TcpStream> {
    let stranger = |n| connect_from(address(n / 250), daemon);
    (0..size).map_while(|n| stranger(n).ok()).collect()
}
