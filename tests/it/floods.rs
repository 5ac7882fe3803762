//! Floods: strangers who declare more than they send, who come and go as fast as they can, who ask without a login, and
//! somebody logged in who searches without end. Whoever is logged in goes on as before, and memory stays bounded.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::support::siege::{
    AtLast, address, connect_from, crowd, crowd_size, greeted_from, unmoved,
};
use crate::support::{Daemon, Heard, PATIENCE, Talker, UNHURRIED, request, until};

/// Five thousand who each declare the longest frame and send 4 KiB of it: what is kept is what was sent. The bound on long
/// frames is lifted, or most of them would be let go.
#[test]
fn lengths_that_are_only_declared() {
    let size = crowd_size() / 2;
    let daemon = Daemon::start_with("[limits]\nlogin_frames_long = 10_000", &[]);
    let before = daemon.reserved_kib();
    let mut crowd = crowd(daemon.address(), size);
    assert_eq!(crowd.len(), size, "all were accepted");
    let bytes = [&65_536_u32.to_be_bytes()[..], &[b' '; 4_092]].concat();
    for stranger in &mut crowd {
        stranger.write_all(&bytes).expect("the daemon reads");
    }
    // Those who come later are answered later, by each worker.
    (0..10).for_each(|_| drop(daemon.greet()));
    let grown = daemon.reserved_kib().saturating_sub(before) as usize;
    println!("{size} frames of 64 KiB cost {grown} KiB");
    let (sent, declared) = (size * 4, size * 64);
    assert!(
        (sent..declared / 4).contains(&grown),
        "{sent} KiB were sent, {declared} declared, {grown} reserved"
    );
    daemon.still_serves();
}

/// Closes a connection as somebody does who pulls the plug: with a reset.
fn reset(stream: TcpStream) {
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

/// Strangers who connect, say a byte and are gone again, as fast as they can, from hundreds of addresses; others who stay
/// until they are let go. Somebody new and honest gets in all the same.
#[test]
fn a_crowd_that_comes_and_goes() {
    let daemon = Daemon::start_with("[limits]\nstrangers = 500", &[]);
    let server = daemon.address();
    let (done, came) = (AtomicBool::new(false), AtomicUsize::new(0));
    let churn = |part: usize, stay: usize| {
        let mut here = VecDeque::new();
        for n in (0..).take_while(|_| !done.load(Ordering::Relaxed)) {
            let Ok(mut stream) = connect_from(address((part + 4 * n) % 400), server) else {
                continue;
            };
            let _ = stream.write_all(b"\0");
            came.fetch_add(1, Ordering::Relaxed);
            here.push_back(stream);
            if here.len() > stay {
                here.pop_front().into_iter().for_each(reset);
            }
        }
    };
    unmoved(&daemon, "strangers who come and go", |look| {
        thread::scope(|scope| {
            let _ended = AtLast(&done);
            for (part, stay) in [0, 600].into_iter().enumerate() {
                let churn = &churn;
                scope.spawn(move || churn(part, stay));
            }
            until("they come", || {
                (came.load(Ordering::Relaxed) > 2_000).then_some(())
            });
            let (began, before) = (Instant::now(), came.load(Ordering::Relaxed));
            look();
            let pace = (came.load(Ordering::Relaxed) - before) as f64;
            println!("{:.0} in a second", pace / began.elapsed().as_secs_f64());
            for n in 0..5 {
                let asked = Instant::now();
                let mut newcomer = greeted_from(Ipv4Addr::new(127, 252, 0, 1 + n), &daemon);
                newcomer.register(&format!("newcomer-{n}"));
                newcomer.say("lobby", "hello");
                println!("a newcomer was in after {:?}", asked.elapsed());
            }
        });
    });
    until("they are gone", || {
        (daemon.ctl_json(&["status"])["strangers"] == 0).then_some(())
    });
}

/// Strangers who ask and ask without a login, all that can be asked, in frames up to the longest that is taken from them:
/// each is answered so many times and has to come anew.
#[test]
fn a_crowd_that_asks() {
    let daemon = Daemon::start();
    let server = daemon.address();
    let (done, closed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let asked = || {
        let hello = || request!("hello", protocol: 1, client: "stories/1");
        let others = (0..79).flat_map(move |_| {
            [
                hello(),
                request!("ping", data: "x"),
                request!("dance"),
                request!("logout"),
                request!("ping", padding: "x".repeat(4_000)),
            ]
        });
        std::iter::once(hello()).chain(others)
    };
    let ask = |part: usize| {
        for n in (0..).take_while(|_| !done.load(Ordering::Relaxed)) {
            let Ok(stream) = connect_from(address((part + 8 * n) % 400), server) else {
                continue;
            };
            let mut talker = Talker::over(stream);
            let Some(ids) = talker.try_begin_all(asked()) else {
                continue;
            };
            let answers = ids.into_iter();
            let answers = answers.map_while(|id| talker.answer_within(id, PATIENCE));
            let answers = answers.count();
            assert!(answers <= 300, "{answers} answers to a stranger");
            let last = talker.expect_closed();
            assert_eq!(last.last().expect("a reason").code(), "rate-limited");
            closed.fetch_add(1, Ordering::Relaxed);
        }
    };
    unmoved(&daemon, "strangers who ask", |look| {
        thread::scope(|scope| {
            let _ended = AtLast(&done);
            for part in 0..8 {
                let ask = &ask;
                scope.spawn(move || ask(part));
            }
            until("they are closed", || {
                (closed.load(Ordering::Relaxed) > 20).then_some(())
            });
            look();
        });
    });
    println!("{} were closed", closed.into_inner());
}

/// Somebody logged in who searches on many devices, for words that everybody has said, as often as the server lets them:
/// others talk as if nobody searched.
#[test]
fn one_who_searches_without_end() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut filler = daemon.register("filler");
    let text = "the same words again and again, a haystack without a needle";
    for _ in 0..10 {
        let sends = (0..1_000).map(|_| request!("send", to: "lobby", text: text));
        for id in filler.begin_all(sends) {
            filler.answer(id).must_be("sent");
        }
    }
    let (token, server) = (daemon.register("greedy").token.clone(), daemon.address());
    let (done, found) = (AtomicBool::new(false), AtomicUsize::new(0));
    let search = || {
        let mut device = Talker::connect(server);
        device.hello();
        device.resume(&token, &[]);
        let search = request!("search", text: "again words ha* wi* the", limit: 200);
        while !done.load(Ordering::Relaxed) {
            for id in device.begin_all(vec![search.clone(); 10]) {
                device.answer(id).must_be("page");
                found.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    unmoved(&daemon, "somebody who searches", |look| {
        thread::scope(|scope| {
            let _ended = AtLast(&done);
            (0..8).for_each(|_| drop(scope.spawn(search)));
            until("something is found", || {
                (found.load(Ordering::Relaxed) > 20).then_some(())
            });
            look();
        });
    });
    println!("{} searches", found.into_inner());
}
