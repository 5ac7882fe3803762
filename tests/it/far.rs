//! Who reads slowly, who was away for long, and who is behind a bad link: all of them get everything in order, and what it
//! takes has a bound.
//!
//! `FAR_MESSAGES=1000000 cargo test --release --test it -- far::who_was_away --nocapture` for somebody who was away for long.

mod network;

use std::fs;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use socket2::SockRef;

use crate::support::{Daemon, Heard, PATIENCE, Person, Talker, UNHURRIED, request, stock};
use chatd::base::Limits;

const QUICK: usize = 50;
const SLOW: usize = 10;
const STOPPED: usize = 10;
/// Messages, and the bytes of each: together more than the system keeps for somebody who does not read.
const MESSAGES: u64 = 800;
const TEXT_BYTES: usize = 8_000;
/// Sends in one write: fewer than may be outstanding.
const AT_ONCE: u64 = 100;
/// What a slow one reads in a second.
const SIP_BYTES: usize = 1_024;
/// What the daemon takes beside outboxes and ring: the caches of the store, what is on its way, and the allocator's.
const OTHER_KIB: u64 = 24 * 1_024;

/// Somebody on a further connection of this session, in the lobby from its beginning.
#[track_caller]
fn device(mut talker: Talker, token: &str) -> Talker {
    talker.hello();
    talker.resume(token, &[("lobby", 0)]);
    talker
}

/// Reads on until the last message; each has to be the next one.
#[track_caller]
fn hears_all(talker: &mut Talker) {
    for due in 1..=MESSAGES {
        let (seq, _, text) = talker.expect_message("lobby");
        assert_eq!((seq, text.len()), (due, TEXT_BYTES));
    }
}

/// Takes a sip each second until told to read on, and then reads all.
fn sips(mut talker: Talker, read_on: &Receiver<()>, sipped: &Sender<()>) {
    while read_on.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
        talker.sip(SIP_BYTES);
        // Towards the end nobody counts them any more.
        let _ = sipped.send(());
    }
    widen(&talker);
    hears_all(&mut talker);
}

/// Gives somebody a receive buffer as others have it.
fn widen(talker: &Talker) {
    let widened = SockRef::from(talker.stream()).set_recv_buffer_size(1 << 20);
    widened.expect("a larger buffer");
}

/// Ten at 1 KB a second and ten who do not read hold up nobody, take no more than `limits.outbox_bytes` each, and get
/// everything in order when they read on.
#[test]
fn slow_ones_among_quick_ones() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    let token = daemon.register("boris").token.clone();
    let quick = (0..QUICK).map(|_| device(daemon.connect(), &token));
    let quick: Vec<_> = quick.collect();
    let narrow = || device(Talker::connect_narrow(daemon.address()), &token);
    let slow: Vec<_> = (0..SLOW).map(|_| narrow()).collect();
    let mut stopped: Vec<_> = (0..STOPPED).map(|_| narrow()).collect();
    let before = daemon.memory_kib();
    let begun = Instant::now();
    let listen = |mut talker: Talker| thread::spawn(move || hears_all(&mut talker));
    let quick: Vec<_> = quick.into_iter().map(listen).collect();
    let (sipped, counted) = channel();
    let sip = |talker| {
        let ((tell, told), sipped) = (channel(), sipped.clone());
        (tell, thread::spawn(move || sips(talker, &told, &sipped)))
    };
    let slow: Vec<_> = slow.into_iter().map(sip).collect();
    let text = "x".repeat(TEXT_BYTES);
    for _ in 0..MESSAGES / AT_ONCE {
        let sends = (0..AT_ONCE).map(|_| request!("send", to: "lobby", text: text));
        for id in anna.begin_all(sends) {
            anna.answer(id).must_be("sent");
        }
        for _ in 0..SLOW {
            counted.recv_timeout(PATIENCE).expect("the slow ones sip");
        }
    }
    for quick in quick {
        quick.join().expect("a quick one gets everything meanwhile");
    }
    let quick_time = begun.elapsed();
    let behind = daemon.ctl_json(&["lag"])["behind"].as_u64();
    assert_eq!(behind, Some((SLOW + STOPPED) as u64), "who is behind");
    let grown = daemon.memory_peak_kib().saturating_sub(before);
    let limits = Limits::default();
    let outboxes = (QUICK + SLOW + STOPPED) as u64 * u64::from(limits.outbox_bytes) / 1_024;
    // Each worker has a ring, and there is one for each core.
    let workers = thread::available_parallelism().map_or(1, usize::from) as u64;
    let rings = workers * u64::from(limits.ring_bytes) / 1_024;
    let bound = outboxes + rings + OTHER_KIB;
    let unbounded = (SLOW + STOPPED) as u64 * MESSAGES * TEXT_BYTES as u64 / 1_024;
    assert!(bound < unbounded, "it would show nothing");
    assert!(grown < bound, "{grown} KiB more, {bound} at most");
    for talker in &mut stopped {
        widen(talker);
        hears_all(talker);
    }
    for (tell, slow) in slow {
        tell.send(()).expect("it sips");
        slow.join().expect("a slow one gets everything in the end");
    }
    println!("{QUICK} quick ones had everything after {quick_time:?}; {grown} KiB more");
}

/// The most memory that a process has ever occupied, in KiB.
fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.and_then(|kib| kib.parse().ok()).expect("KiB")
}

/// What either side may take for it, however much it is.
const AWAY_KIB: u64 = 48 * 1_024;

/// A client whose laptop was shut while others talked comes back and gets all of it, in little memory on both sides.
#[test]
fn who_was_away() {
    let told = std::env::var("FAR_MESSAGES").ok();
    let messages = told.map_or(20_000, |told| told.parse().expect("a number"));
    let mut daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    let boris = Person::new(&daemon, "boris");
    boris.run(&["login", "--register"]).done();
    let mut client = boris.start(&["tail", "--follow", "--json", "-n", "1", "lobby"]);
    anna.say("lobby", "before");
    let seq = |line: &str| -> u64 {
        let message: Value = serde_json::from_str(line).expect("one object");
        message.seq()
    };
    assert_eq!(seq(&client.next_line().expect("a message")), 1);
    let pid = Pid::from_raw(client.pid().cast_signed());
    kill(pid, Signal::SIGSTOP).expect("it is ours");
    let client_before = peak_kib(client.pid());
    daemon.kill_9();
    stock::more(&daemon.state(), messages, 200);
    daemon.launch();
    let daemon_before = daemon.memory_peak_kib();
    kill(pid, Signal::SIGCONT).expect("it is ours");
    let mut begun = None;
    for due in 2..=messages + 1 {
        assert_eq!(seq(&client.next_line().expect("a message")), due);
        begun.get_or_insert_with(Instant::now);
    }
    let time = begun.map(|begun| begun.elapsed()).unwrap_or_default();
    let client_grown = peak_kib(client.pid()) - client_before;
    let daemon_grown = daemon.memory_peak_kib() - daemon_before;
    println!(
        "{messages} messages in {time:?}; the client took {client_grown} KiB more, the daemon {daemon_grown}"
    );
    assert!(client_grown < AWAY_KIB, "{client_grown} KiB more");
    assert!(daemon_grown < AWAY_KIB, "{daemon_grown} KiB more");
    daemon.login("anna").say("lobby", "after");
    assert_eq!(seq(&client.next_line().expect("a message")), messages + 2);
}
