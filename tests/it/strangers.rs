//! Strangers before the login: crowds that say nothing, or a byte now and then, or guess passwords. Whoever is logged in
//! goes on as before, whoever is new and honest gets in, and memory stays bounded.
//!
//! They come from many addresses of the loopback network: limits by address hold for all of it but 127.0.0.1.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::siege::{
    AtLast, address, connect_from, crowd, crowd_size, greeted_from, talker_from, unmoved,
};
use crate::support::{Daemon, Heard, PASSWORD, PATIENCE, Talker, ask, refused, request, until};

/// Ten thousand who connect and say nothing: half of them are let go, an honest newcomer gets in while more come, and
/// of all that little is kept in memory.
#[test]
fn ten_thousand_who_say_nothing() {
    let daemon = Daemon::start();
    let (before, server) = (daemon.memory_kib(), daemon.address());
    let size = crowd_size();
    unmoved(&daemon, "strangers who say nothing", |look| {
        let crowd = crowd(daemon.address(), size);
        assert_eq!(crowd.len(), size, "all were accepted");
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let _ended = AtLast(&done);
            // And more come all the time.
            scope.spawn(|| {
                for n in (0..).take_while(|_| !done.load(Ordering::Relaxed)) {
                    drop(connect_from(address(n % 40), server));
                    // The pace at which they come, a thousand in a second; nobody waits for it.
                    thread::sleep(Duration::from_millis(1));
                }
            });
            look();
            for n in 0..5 {
                let mut newcomer = greeted_from(Ipv4Addr::new(127, 252, 0, 1 + n), &daemon);
                newcomer.register(&format!("newcomer-{n}"));
                newcomer.say("lobby", "hello");
            }
        });
        let status = daemon.ctl_json(&["status"]);
        assert!(status["strangers"].as_u64() <= Some(5_000), "{status}");
    });
    let grown = daemon.memory_kib().saturating_sub(before);
    println!("memory grew by {grown} KiB");
    assert!(grown < 64 * 1024, "memory grew by {grown} KiB");
    until("they are gone", || {
        (daemon.ctl_json(&["status"])["strangers"] == 0).then_some(())
    });
    let told = daemon.log().matches("strangers are let go").count();
    assert!((1..=40).contains(&told), "told {told} times");
}

/// Frames that come a byte at a time, long ones that never end, and answers that nobody reads.
#[test]
fn a_crowd_that_is_slow() {
    let daemon = Daemon::start();
    let size = crowd_size() / 5;
    unmoved(&daemon, "strangers who are slow", |look| {
        let mut crowd = crowd(daemon.address(), size);
        let header = 4_096_u32.to_be_bytes();
        let mut drip = |bytes: &[u8]| {
            for stranger in &mut crowd {
                // Some may have been let go.
                let _ = stranger.write_all(bytes);
            }
        };
        drip(&header);
        drip(b"{");
        look();
        drip(b" ");
    });
    let before = daemon.memory_kib();
    let mut long: Vec<_> = (0..800)
        .map(|n| talker_from(address(n % 40), &daemon))
        .collect();
    let bytes = [&65_536_u32.to_be_bytes()[..], &[b' '; 60_000]].concat();
    let mut turned_away = 0;
    for talker in &mut long {
        // Who is turned away may find the door closed before all is said.
        turned_away += usize::from(talker.try_raw(&bytes).is_err());
    }
    for talker in &mut long {
        turned_away += usize::from(!talker.is_open_for(Duration::from_millis(1)));
    }
    let grown = daemon.memory_kib().saturating_sub(before);
    assert!(
        grown < 24 * 1024,
        "48 MB that are no frame cost {grown} KiB"
    );
    assert!(turned_away > 500, "{turned_away} were turned away");
    drop(long);
    let mut deaf: Vec<_> = (0..10)
        .map(|n| greeted_from(address(n % 40), &daemon))
        .collect();
    let echoes = vec![request!("echo", text: "x".repeat(8_000)); 20];
    for talker in &mut deaf {
        (0..1_000).any(|_| talker.try_begin_all(echoes.clone()).is_none());
    }
    until("who does not read is let go", || {
        (daemon.ctl_json(&["status"])["strangers"] == 0).then_some(())
    });
    let grown = daemon.memory_kib().saturating_sub(before);
    assert!(
        grown < 32 * 1024,
        "answers that nobody reads cost {grown} KiB"
    );
    daemon.still_serves();
}

/// Hundreds of addresses that guess as fast as they can: the account's owner logs in from home as always, somebody new
/// registers, and who is logged in notices nothing.
#[test]
fn a_crowd_that_guesses() {
    let daemon = Daemon::start();
    let (home, server) = (Ipv4Addr::new(127, 252, 0, 1), daemon.address());
    let before = daemon.memory_kib();
    greeted_from(home, &daemon).register("owner");
    let (done, guesses, delayed) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    // Each thread guesses on five connections at once, each time from other addresses.
    let guess = |part: usize| {
        for round in (0..).take_while(|_| !done.load(Ordering::Relaxed)) {
            let sources = (0..5).map(|n| address((part + 8 * (n + 5 * round)) % 400));
            let streams = sources.filter_map(|source| connect_from(source, server).ok());
            let begun = streams.enumerate().filter_map(|(n, stream)| {
                let mut talker = Talker::over(stream);
                let names = ["owner", &format!("made-up-{n}-{round}"), "anna"];
                let hello = request!("hello", protocol: 1, client: "stories/1");
                let login = |name| request!("login", name: name, password: "wrong horse");
                let requests = std::iter::once(hello).chain(names.map(login));
                let ids = talker.try_begin_all(requests)?;
                Some((talker, ids))
            });
            for (mut talker, ids) in begun.collect::<Vec<_>>() {
                for id in ids.into_iter().skip(1) {
                    let answer = talker.answer_within(id, PATIENCE);
                    match answer.as_ref().map(Heard::code) {
                        Some("rate-limited") => delayed.fetch_add(1, Ordering::Relaxed),
                        _ => guesses.fetch_add(1, Ordering::Relaxed),
                    };
                }
            }
        }
    };
    unmoved(&daemon, "strangers who guess", |look| {
        thread::scope(|scope| {
            let _ended = AtLast(&done);
            for part in 0..8 {
                let guess = &guess;
                scope.spawn(move || guess(part));
            }
            until("they are made to wait", || {
                (delayed.load(Ordering::Relaxed) > 20).then_some(())
            });
            look();
            let time = |ask: &dyn Fn()| {
                let started = Instant::now();
                ask();
                started.elapsed()
            };
            let waited = time(&|| _ = greeted_from(home, &daemon).login("owner"));
            let alone = Daemon::start();
            let alone = time(&|| _ = greeted_from(home, &alone).register("owner"));
            greeted_from(Ipv4Addr::new(127, 252, 0, 2), &daemon).register("newcomer");
            println!("the owner waited {waited:?}, elsewhere {alone:?}");
            // Forty guess at a time, each from an address that has its turn before the owner.
            assert!(waited < alone * 60, "the owner waited {waited:?}");
        });
    });
    let (guesses, delayed) = (guesses.into_inner(), delayed.into_inner());
    let grown = daemon.memory_peak_kib().saturating_sub(before);
    println!("{guesses} looked at, {delayed} not, at most {grown} KiB");
    // Two hashes of 19 MiB at once, and no third.
    assert!(grown < (2 * 19 + 16) * 1_024, "memory grew by {grown} KiB");
    // Each further try that is looked at makes the wait longer.
    until(
        "strangers have to wait even with the right password",
        || {
            let mut stranger = greeted_from(address(500), &daemon);
            let answer = ask!(stranger, "login", name: "owner", password: "wrong horse");
            (answer.code() == "rate-limited").then_some(())
        },
    );
    refused!("rate-limited": greeted_from(address(501), &daemon), "login", name: "owner", password: PASSWORD);
    daemon.logged("further ones have to wait");
}

/// A name that somebody has, one that nobody has and one whose account is disabled: the same answers, in times that cannot
/// be told apart.
#[test]
fn known_names_and_unknown_ones_are_alike() {
    const TRIES: usize = 40;
    let limits = "[limits]\nlogin_failures_per_name = 1000\nlogin_failures_per_address = 1000\nlogin_attempts = 1000";
    let daemon = Daemon::start_with(limits, &[]);
    daemon.register("anna");
    daemon.register("clara");
    daemon.ctl(&["user", "disable", "--yes", "clara"]).done();
    let mut stranger = greeted_from(address(0), &daemon);
    let mut times = [const { Vec::new() }; 3];
    for n in 0..TRIES {
        for (name, times) in ["anna", "clara", "emma"].into_iter().zip(&mut times) {
            let started = Instant::now();
            let mut answer =
                ask!(stranger, "login", name: name, password: format!("guess number {n}"));
            times.push(started.elapsed());
            answer["re"] = json!(0);
            let text = "name and password do not belong together; check both and try again";
            let wrong = json!({"type": "error", "re": 0, "code": "bad-credentials", "text": text});
            assert_eq!(answer, wrong, "{name}");
        }
    }
    // How often a try of the one took longer than a try of the other, of all pairs: a half, give or take 0.065 (one
    // standard deviation), if both are drawn from the same distribution; 0 or 1 if a hash was left out.
    let [known, disabled, unknown] = &times;
    let longer = |one: &Duration| unknown.iter().filter(|other| *one > **other).count();
    for (what, times) in [("known", known), ("disabled", disabled)] {
        let longer = times.iter().map(longer).sum::<usize>() as f64 / (TRIES * TRIES) as f64;
        println!("{what} names took longer in {longer:.2} of all pairs");
        assert!((0.2..=0.8).contains(&longer), "{longer}: {times:?}");
    }
}

/// One address is given so many connections and no more; another is not concerned.
#[test]
fn one_address_has_its_share() {
    let daemon = Daemon::start_with("[limits]\nconnections_per_address = 3", &[]);
    let token = daemon.register("anna").token.clone();
    let come = |source| {
        let mut talker = greeted_from(source, &daemon);
        talker.resume(&token, &[]);
        talker
    };
    let _inside: Vec<_> = (0..3).map(|_| come(address(0))).collect();
    let said = talker_from(address(0), &daemon).expect_closed();
    assert_eq!(said[0].code(), "busy");
    assert!(said[0].text("text").contains("your address"), "{said:?}");
    come(address(1)).say("lobby", "there is room for others");
    let _strangers: Vec<_> = (0..5).map(|_| talker_from(address(2), &daemon)).collect();
    come(address(2)).say("lobby", "the oldest of ours went");
}
