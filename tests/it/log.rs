//! chatd's own log: on, off, louder, shown, followed, cleared.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Daemon, Process, Talker, until};

/// A daemon that writes a line for whatever a connection does.
fn talkative() -> Daemon {
    let daemon = Daemon::start();
    daemon.ctl(&["log", "level", "debug"]).done();
    daemon
}

/// Makes connections until the log file has grown.
fn grows(daemon: &Daemon) {
    let before = daemon.log().len();
    until("the log file grows", || {
        daemon.greet();
        (daemon.log().len() > before).then_some(())
    });
}

/// Does this while two people come and go all the time.
fn while_people_come<T>(daemon: &Daemon, show: impl FnOnce() -> T) -> T {
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stopped = AtomicBool::new(false);
    let address = daemon.address();
    std::thread::scope(|scope| {
        let _stop = Stop(&stopped);
        for _ in 0..2 {
            scope.spawn(|| {
                while !stopped.load(Ordering::Relaxed) {
                    Talker::connect(address).hello();
                }
            });
        }
        show()
    })
}

/// `log off` stops the lines at once, `log on` brings them back.
#[test]
fn off_and_on() {
    let daemon = talkative();
    grows(&daemon);
    daemon.ctl(&["log", "off"]).done();
    let silent = daemon.log();
    for _ in 0..20 {
        daemon.greet();
    }
    daemon.still_serves();
    assert_eq!(daemon.log(), silent, "lines came while the log was off");
    assert_eq!(daemon.ctl_json(&["status"])["log"]["on"], false);
    daemon.ctl(&["log", "on"]).done();
    grows(&daemon);
    assert!(daemon.log().starts_with(&silent), "what was there is gone");
    assert_eq!(daemon.ctl_json(&["status"])["log"]["on"], true);
}

/// The level says how much is written: nothing of connections at `error`, something at `debug`.
#[test]
fn the_level_counts() {
    let daemon = Daemon::start();
    daemon.ctl(&["log", "level", "error"]).done();
    let before = daemon.log();
    for _ in 0..20 {
        daemon.greet();
    }
    daemon.still_serves();
    assert_eq!(daemon.log(), before);
    assert_eq!(daemon.ctl_json(&["status"])["log"]["level"], "error");
    daemon.ctl(&["log", "level", "debug"]).done();
    grows(&daemon);
}

/// `log show -n` shows the last lines of the file, `log follow` the next ones as they come.
#[test]
fn show_and_follow() {
    let daemon = talkative();
    grows(&daemon);
    daemon.ctl(&["log", "off"]).done();
    let shown = daemon.ctl(&["log", "show", "-n", "2"]).done();
    let file = daemon.log();
    let last: Vec<_> = file.lines().rev().take(2).collect();
    assert_eq!(shown.lines().rev().collect::<Vec<_>>(), last);
    let reply = daemon.ctl_json(&["log", "show", "-n", "2"]);
    assert_eq!(reply["lines"][1], last[0]);

    daemon.ctl(&["log", "on"]).done();
    let mut follower = Process::start(&mut daemon.ctl_command(&["--json", "log", "follow"]));
    // When the follower has begun to follow cannot be seen from here: so there is something to see all the time.
    let line = while_people_come(&daemon, || follower.line_with("line"));
    let said: serde_json::Value = serde_json::from_str(&line).expect("an object a line");
    let text = said["line"].as_str().expect("a line");
    assert!(daemon.log().contains(text), "'{text}' is not in the file");
}

/// `clear-log` empties the file and what `log show` would print, and says that the journal is another thing.
#[test]
fn clear() {
    let daemon = talkative();
    grows(&daemon);
    daemon.ctl(&["log", "off"]).done();
    let said = daemon.ctl(&["clear-log", "--yes"]).done();
    assert!(said.contains("journal"), "{said}");
    assert_eq!(daemon.log(), "");
    assert_eq!(daemon.ctl(&["log", "show"]).done(), "");
    daemon.ctl(&["log", "on"]).done();
    grows(&daemon);
}

/// Cleared again and again while lines are being written, the file never has a hole and its lines are whole.
#[test]
fn clear_while_lines_are_written() {
    let mut daemon = talkative();
    grows(&daemon);
    while_people_come(&daemon, || {
        for _ in 0..15 {
            daemon.ctl(&["clear-log", "--yes"]).done();
            grows(&daemon);
            let bytes = fs::read(daemon.log_file()).expect("the file is there");
            assert!(!bytes.contains(&0), "a hole in the log");
        }
    });
    daemon.stop();
    let log = daemon.log();
    assert!(log.ends_with('\n') && !log.contains('\0'), "{log}");
    for line in log.lines() {
        assert!(line.starts_with("20"), "a line without its time: {line}");
    }
}

/// SIGHUP reopens the file: one that was moved away, as log rotation does, is not written to any more.
#[test]
fn rotation() {
    let daemon = talkative();
    grows(&daemon);
    let old = daemon.folder().join("chatd.log.1");
    fs::rename(daemon.log_file(), &old).expect("the folder is ours");
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    until("there is a new file", || {
        daemon.greet();
        daemon.log_file().exists().then_some(())
    });
    let moved = fs::read(&old).expect("it was just moved");
    grows(&daemon);
    assert_eq!(fs::read(&old).expect("it is still there"), moved);
}
