//! The stop that waits until everyone has what was said.

use std::net::TcpStream;

use crate::support::{Daemon, Heard, Process, Sluggard, UNHURRIED, request, until};

fn drain(daemon: &Daemon, args: &[&str]) -> Process {
    let args = [&["--json", "shutdown", "--drain", "--yes"], args].concat();
    Process::start(&mut daemon.ctl_command(&args))
}

/// The next thing that is told.
#[track_caller]
fn told(drain: &mut Process) -> serde_json::Value {
    let line = drain.next_line().expect("it goes on");
    serde_json::from_str(&line).expect("an object")
}

fn state(daemon: &Daemon) -> String {
    daemon.ctl_json(&["status"]).text("state").to_owned()
}

/// With nobody behind it stops at once, with the words that were given.
#[test]
fn with_nobody_behind_it_stops_at_once() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let said = daemon
        .ctl(&["shutdown", "--drain", "--yes", "--message", "moving house"])
        .done();
    assert_eq!(said, "everyone has what was said; chatd is stopping\n");
    assert_eq!(anna.expect_bye().text("text"), "moving house");
    assert_eq!(daemon.ended().code, 0);
}

/// It waits for somebody who is behind and names them, lets nobody in, lets those who are in talk on, and stops when they
/// have everything.
#[test]
fn it_waits_for_those_who_are_behind() {
    let mut daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut story = Sluggard::new(&daemon, "anna", "boris");
    let mut drain = drain(&daemon, &["--limit", "10m"]);
    let first = told(&mut drain);
    assert_eq!(
        (first.text("step"), &first["behind"]),
        ("waiting", &1.into())
    );
    assert_eq!(first["readers"][0]["user"], "boris");
    assert_eq!(state(&daemon), "draining");
    TcpStream::connect(daemon.address()).expect_err("nobody is let in");
    story.say_more();
    story.catches_up();
    let last = until("it is over", || {
        let part = told(&mut drain);
        (part["step"] != "waiting").then_some(part)
    });
    assert_eq!(last["step"], "caught_up");
    assert_eq!(drain.finish().code, 0);
    assert_eq!(daemon.ended().code, 0);
    assert_eq!(story.deaf.expect_bye()["reason"], "shutting-down");
}

/// When the time is up it stops all the same and names those who were left behind; nothing of theirs is lost.
#[test]
fn the_time_is_up() {
    let mut daemon = Daemon::start_with(UNHURRIED, &[]);
    let story = Sluggard::new(&daemon, "anna", "boris");
    let said = daemon
        .ctl(&["shutdown", "--drain", "--yes", "--limit", "1s"])
        .done();
    assert!(said.contains("waiting for 1 connection, "), "{said}");
    let last = said.lines().last().expect("lines");
    assert!(
        last.starts_with("the time is up") && last.contains("boris ("),
        "{said}"
    );
    assert_eq!(daemon.ended().code, 0);
    daemon.logged("some have not caught up");
    daemon.launch();
    let mut boris = daemon.resume(&story.deaf.token, &[("lobby", 0)]);
    let last = story.said;
    boris.push_where("the last message", |push| push["seq"] == last);
}

/// When the caller goes, when somebody resumes or pauses: chatd goes on, and people are let in as before.
#[test]
fn it_is_taken_back() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let _story = Sluggard::new(&daemon, "anna", "boris");

    let mut gone = drain(&daemon, &["--limit", "10m"]);
    told(&mut gone);
    // As Ctrl-C does, which shells have programs in the background ignore.
    gone.signal(nix::sys::signal::Signal::SIGTERM);
    until("it serves again", || {
        (state(&daemon) == "serving").then_some(())
    });
    daemon.still_serves();

    let mut resumed = drain(&daemon, &["--limit", "10m"]);
    told(&mut resumed);
    let second = daemon.ctl(&["shutdown", "--drain", "--yes"]).failed(1);
    assert!(second.contains("draining already"), "{second}");
    daemon.ctl(&["resume"]).done();
    let words = resumed.finish().failed(1);
    assert!(words.contains("taken back"), "{words}");
    daemon.still_serves();

    daemon.ctl(&["pause"]).done();
    let mut paused = drain(&daemon, &["--limit", "10m"]);
    told(&mut paused);
    paused.kill_9();
    until("it is paused again", || {
        (state(&daemon) == "paused").then_some(())
    });
    daemon.ctl(&["resume"]).done();
    daemon.still_serves();
}

/// What does not go together, and what is only tried out.
#[test]
fn wrong_calls() {
    let daemon = Daemon::start();
    daemon
        .ctl(&["shutdown", "--limit", "30s", "--yes"])
        .failed(2);
    daemon
        .ctl(&["shutdown", "--drain", "--in", "30s", "--yes"])
        .failed(2);
    let refused = daemon
        .ctl(&["shutdown", "--drain", "--limit", "soon"])
        .failed(2);
    assert!(refused.contains("30s"), "{refused}");
    let refused = daemon.ctl(&["shutdown", "--drain"]).failed(2);
    assert!(refused.contains("--yes"), "{refused}");
    let said = daemon.ctl(&["shutdown", "--drain", "--dry-run"]).done();
    assert_eq!(
        said,
        "would let nobody in, wait for 0 connections to catch up, and stop chatd\n"
    );
    let mut anna = daemon.register("anna");
    let echo = anna.request(request!("echo", text: "on it goes"));
    assert_eq!(echo["text"], "on it goes");
    assert_eq!(state(&daemon), "serving");
}
