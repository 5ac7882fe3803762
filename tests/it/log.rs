//! chatd's own log: on, off, louder, shown, followed, cleared.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Daemon, Process, Talker, run, until};

/// A daemon that writes a line for whatever a connection does.
fn talkative() -> Daemon {
    let daemon = Daemon::start();
    daemon.ctl(&["log", "level", "debug"]).done();
    daemon
}

/// Makes connections until one more of them is in the log file.
fn grows(daemon: &Daemon) {
    let connected = || daemon.log().matches(" DEBUG connected ").count();
    let before = connected();
    until("the log file grows", || {
        daemon.greet();
        (connected() > before).then_some(())
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
    assert_eq!(daemon.ctl_json(&["status"])["log"]["on"], false);
    // Also turns it on.
    let log = daemon.whole_log();
    let next = log.strip_prefix(&silent).expect("what was there is there");
    let next = next.lines().next().expect("it is on");
    assert!(
        next.ends_with(" INFO own log on"),
        "lines came while the log was off: {next}"
    );
    grows(&daemon);
    assert_eq!(daemon.ctl_json(&["status"])["log"]["on"], true);
}

/// The level says how much is written: nothing of connections at `error`, something at `debug`.
#[test]
fn the_level_counts() {
    let mut daemon = Daemon::start();
    daemon.ctl(&["log", "level", "error"]).done();
    let before = daemon.log();
    for _ in 0..20 {
        daemon.greet();
    }
    daemon.still_serves();
    assert_eq!(daemon.ctl_json(&["status"])["log"]["level"], "error");
    daemon.stop();
    assert_eq!(daemon.log(), before);
    daemon.launch();
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
    daemon.logged(text);
}

/// `clear-log` empties the file and what `log show` would print. Of a journal nothing is said where there is none.
#[test]
fn clear() {
    let daemon = talkative();
    grows(&daemon);
    daemon.ctl(&["log", "off"]).done();
    let said = daemon.ctl(&["clear-log", "--yes"]).done();
    assert!(
        said.contains("is empty") && !said.contains("journal"),
        "{said}"
    );
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
    daemon.signal(Signal::SIGHUP);
    until("there is a new file", || {
        daemon.greet();
        daemon.log_file().exists().then_some(())
    });
    let moved = fs::read(&old).expect("it was just moved");
    grows(&daemon);
    assert_eq!(fs::read(&old).expect("it is still there"), moved);
}

/// That also with a configuration that is wrong: the file comes first.
#[test]
fn rotation_whatever_the_configuration() {
    let daemon = Daemon::start();
    fs::rename(daemon.log_file(), daemon.folder().join("chatd.log.1")).expect("the folder is ours");
    daemon.configure("listen = 7");
    let stderr = daemon.ctl(&["reload"]).failed(1);
    assert!(stderr.contains("line 1, column 10"), "{stderr}");
    daemon.logged("cannot reload");
}

/// A log file that cannot be opened keeps nobody from talking. Where it can be looked for it is told, the lines are kept
/// in memory, and a reload tries the file again.
#[test]
fn a_file_that_cannot_be_opened() {
    let mut daemon = Daemon::prepare("", &[]);
    fs::create_dir(daemon.log_file()).expect("the folder is ours");
    daemon.launch();
    let mut anna = daemon.register("anna");
    anna.say("lobby", "nobody notices");
    let status = &daemon.ctl_json(&["status"])["log"];
    let problem = status["problem"].as_str().expect("there is one");
    assert!(problem.starts_with("cannot be opened: "), "{status}");
    let status = daemon.ctl(&["status"]).done();
    assert!(status.contains(problem), "{status}");
    let shown = daemon.ctl(&["log", "show"]).done();
    let told = "WARN cannot open the log file";
    assert!(shown.contains(told) && shown.contains(problem), "{shown}");
    assert!(shown.contains("INFO registered user=anna"), "{shown}");
    let stderr = daemon.ctl(&["reload"]).failed(1);
    assert!(
        stderr.contains("cannot open the log file again"),
        "{stderr}"
    );

    fs::remove_dir(daemon.log_file()).expect("it is empty");
    daemon.ctl(&["reload"]).done();
    assert_eq!(daemon.ctl_json(&["status"])["log"]["problem"], Value::Null);
    daemon.logged("INFO control");
    assert!(
        daemon.log().contains("WARN log file not written lines="),
        "{}",
        daemon.log()
    );
    daemon.signal(Signal::SIGTERM);
    let stderr = daemon.ended().stderr;
    assert_eq!(
        stderr.matches(told).count(),
        2,
        "at the start and at the reload: {stderr}"
    );
}

/// A disk that is full costs lines, and that is told once.
#[test]
fn a_file_that_cannot_be_written() {
    let mut daemon = Daemon::prepare("", &[]);
    std::os::unix::fs::symlink("/dev/full", daemon.log_file()).expect("the folder is ours");
    daemon.launch();
    for name in ["anna", "boris", "carla"] {
        daemon.register(name);
    }
    daemon.still_serves();
    until("the disk has refused a line", || {
        let status = daemon.ctl_json(&["status"]);
        let problem = status["log"]["problem"].as_str()?;
        problem.contains("No space left").then_some(())
    });
    daemon.signal(Signal::SIGTERM);
    let output = daemon.ended();
    let told = "WARN cannot write to the log file";
    assert_eq!(
        (output.code, output.stderr.matches(told).count()),
        (0, 1),
        "{output:#?}"
    );
}

/// In the foreground what goes into the file is on standard error, too, and standard output tells the addresses alone.
#[test]
fn in_the_foreground() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    daemon.signal(Signal::SIGTERM);
    let output = daemon.ended();
    assert_eq!(
        output.stdout,
        format!("listening on {}\n", daemon.address())
    );
    assert_eq!(output.stderr, daemon.log());
    assert!(
        output
            .stderr
            .contains(" INFO registered user=anna session=1 peer=127.")
    );
    assert!(!output.stderr.contains("MESSAGE_ID"), "{}", output.stderr);
}

/// Whoever starts a daemon that cannot start is told why in one line, as by any program.
#[test]
fn a_failed_start_in_the_foreground() {
    let daemon = Daemon::prepare("", &["--listen", "192.0.2.1:2428"]);
    let stderr = run(&mut daemon.command(), "").failed(78);
    assert!(
        stderr.starts_with("chatd: '192.0.2.1:2428' can be reached"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let log = daemon.log();
    assert_eq!(log, "", "its place is not known before the configuration");
}
