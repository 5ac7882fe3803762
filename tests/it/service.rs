//! What the service manager is told, and what the watchdog is fed by: a test plays the service manager.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::mount::Mount;
use crate::support::{Daemon, Heard, PATIENCE, UNHURRIED, View, ask, request, run, skipped, until};

const MORE_TIME: &str = "EXTEND_TIMEOUT_USEC=30000000";
const STALLED: &str = "the hub or the writer does not answer";

/// Somebody who listens where `$NOTIFY_SOCKET` says.
struct Manager {
    folder: TempDir,
    messages: Receiver<String>,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(length) = socket.recv(&mut bytes) {
                let message = str::from_utf8(&bytes[..length]).expect("it is UTF-8");
                if sender.send(message.to_owned()).is_err() {
                    return;
                }
            }
        });
        Self { folder, messages }
    }

    fn path(&self) -> String {
        let path = self.folder.path().join("notify");
        path.into_os_string().into_string().expect("a plain path")
    }

    /// What a shell does before it becomes the daemon.
    fn environment(&self) -> String {
        format!("export NOTIFY_SOCKET={}", self.path())
    }

    fn with_watchdog(&self, period: Duration) -> String {
        let period = period.as_micros();
        let environment = self.environment();
        format!("{environment} WATCHDOG_USEC={period} WATCHDOG_PID=$$")
    }

    /// The next message, a line for each thing that it says. On a slow machine the daemon may need more time to start.
    #[track_caller]
    fn next(&self) -> Vec<String> {
        loop {
            let message = self.messages.recv_timeout(PATIENCE);
            let message = message.expect("the service manager is told something");
            let said = message.strip_suffix('\n').expect("lines have ends");
            let lines: Vec<_> = said.split('\n').map(str::to_owned).collect();
            assert!(
                !lines.iter().any(|line| line.contains(char::is_control)),
                "{lines:?}"
            );
            if lines != [MORE_TIME] {
                return lines;
            }
        }
    }

    #[track_caller]
    fn hears(&self, due: &[&str]) {
        assert_eq!(self.next(), due);
    }

    /// Listens until it hears this; what comes before is allowed to be so.
    #[track_caller]
    fn hears_at_last(&self, due: &[&str], before: impl Fn(&str) -> bool) {
        loop {
            let message = self.next();
            if message == due {
                return;
            }
            assert!(
                message.len() == 1 && before(&message[0]),
                "{message:?} came before {due:?}"
            );
        }
    }

    /// Listens to a start until people are served; gives back the first status then.
    #[track_caller]
    fn hears_of_a_start(&self) -> String {
        self.hears(&[MORE_TIME, "STATUS=starting: opening the database"]);
        let message = self.next();
        assert_eq!(message[0], "READY=1");
        message[1].clone()
    }

    /// Listens to the beginning of a reload; gives back when it is said to have been.
    #[track_caller]
    fn hears_of_a_reload(&self) -> u64 {
        let message = self.next();
        let [reloading, at] = &message[..] else {
            panic!("{message:?} is no beginning of a reload");
        };
        assert_eq!(reloading, "RELOADING=1");
        let at = at.strip_prefix("MONOTONIC_USEC=").expect("the time of it");
        at.parse().expect("a number")
    }

    /// Makes sure that it was told nothing else until now.
    #[track_caller]
    fn has_heard_all(&self) {
        let socket = UnixDatagram::unbound().expect("a socket");
        socket.send_to(b"END\n", self.path()).expect("it listens");
        self.hears(&["END"]);
    }

    /// Makes sure that it is told nothing for so long. Such a look can miss a late word but never invents one.
    #[track_caller]
    fn hears_nothing_for(&self, span: Duration) {
        if let Ok(message) = self.messages.recv_timeout(span) {
            panic!("silence was due, not {message:?}");
        }
    }
}

/// A thread of the daemon that stands still while the others go on, as when a disk does not answer.
struct Frozen(Pid);

impl Frozen {
    #[track_caller]
    fn thread(daemon: &Daemon, name: &str) -> Option<Self> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).expect("it runs");
        let path = tasks
            .map(|task| task.expect("an entry").path())
            .find(|task| {
                std::fs::read_to_string(task.join("comm")).is_ok_and(|it| it.trim() == name)
            })
            .unwrap_or_else(|| panic!("no thread '{name}'"));
        let id = path.file_name().and_then(|id| id.to_str()?.parse().ok());
        let id = Pid::from_raw(id.expect("a thread's id"));
        match ptrace::seize(id, ptrace::Options::empty()) {
            Err(Errno::EPERM | Errno::ENOSYS) => return None,
            seized => seized.expect("a thread of a child"),
        }
        ptrace::interrupt(id).expect("it is seized");
        waitpid(id, Some(WaitPidFlag::__WALL)).expect("it stops");
        Some(Self(id))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = ptrace::detach(self.0, None);
    }
}

/// From the start to the stop: ready when people are served, the status as it changes, reloads good and bad.
#[test]
fn a_life() {
    let manager = Manager::new();
    let mut daemon = Daemon::start_after(&manager.environment());
    let serving = format!("STATUS=serving on {} · ", daemon.address());
    let empty = format!("{serving}0 online · 1 room");
    assert_eq!(manager.hears_of_a_start(), empty);

    let mut anna = daemon.register("anna");
    let _boris = daemon.register("boris");
    ask!(anna, "create", room: "tea").must_be("joined");
    let full = format!("{serving}2 online · 2 rooms");
    manager.hears_at_last(&[&full], |line| line.starts_with(&serving));

    daemon.ctl(&["pause"]).done();
    let paused = "STATUS=paused: whoever comes waits until `chatctl resume` · 2 online · 2 rooms";
    manager.hears(&[paused]);
    daemon.ctl(&["pause", "--refuse"]).done();
    let refusing = "STATUS=refusing: nobody comes in until `chatctl resume` · 2 online · 2 rooms";
    manager.hears(&[refusing]);
    daemon.ctl(&["resume"]).done();
    manager.hears(&[&full]);

    daemon.configure("registration = \"closed\"\n");
    daemon.signal(Signal::SIGHUP);
    let first = manager.hears_of_a_reload();
    manager.hears(&["READY=1", &full]);
    daemon.ctl(&["reload"]).done();
    assert!(manager.hears_of_a_reload() > first);
    manager.hears(&["READY=1", &full]);

    daemon.configure("registration = \"open\"\nregistratoin = \"open\"\n");
    let refused = daemon.ctl(&["reload"]).failed(1);
    daemon.signal(Signal::SIGHUP);
    for _ in 0..2 {
        manager.hears_of_a_reload();
        let message = manager.next();
        let [ready, status] = &message[..] else {
            panic!("{message:?} is no end of a reload");
        };
        assert_eq!(ready, "READY=1");
        for word in ["stays as it was", "line 2", "'registratoin'"] {
            assert!(status.contains(word) && refused.contains(word), "{status}");
        }
    }
    assert_eq!(daemon.whole_log().matches("cannot reload").count(), 2);
    manager.hears(&[&full]);
    assert_eq!(daemon.connect().hello()["registration"], "closed");

    daemon.stop();
    manager.hears(&["STOPPING=1", "STATUS=stopping"]);
    manager.hears(&[MORE_TIME, "STATUS=stopping"]);
    manager.has_heard_all();
}

/// A stop that is planned is told when its time has come, and not before.
#[test]
fn a_planned_stop() {
    let manager = Manager::new();
    let mut daemon = Daemon::start_after(&manager.environment());
    manager.hears_of_a_start();
    daemon.ctl(&["shutdown", "--yes", "--in", "1h"]).done();
    manager.has_heard_all();
    daemon.ctl(&["shutdown", "--yes", "--in", "1s"]).done();
    manager.hears(&["STOPPING=1", "STATUS=stopping"]);
    assert_eq!(daemon.ended().code, 0);
}

/// Whoever cannot start says why, in one line, with the exit code; whoever only looks says nothing.
#[test]
fn a_start_that_fails() {
    let manager = Manager::new();
    let fails = |daemon: &Daemon, code: u8, reason: &str| {
        let mut command = daemon.command();
        run(command.env("NOTIFY_SOCKET", manager.path()), "").failed(code.into());
        let mut message = manager.next();
        if message[0] == MORE_TIME {
            message = manager.next();
        }
        assert_eq!(message[0], format!("EXIT_STATUS={code}"));
        let status = message[1].strip_prefix("STATUS=").expect("a status");
        assert!(status.contains(reason), "no '{reason}' in '{status}'");
        manager.has_heard_all();
    };
    let wrong = Daemon::prepare("server_name = \"x\"\n\nregistratoin = \"open\"\n", &[]);
    fails(
        &wrong,
        78,
        "line 3, column 1: there is no setting 'registratoin'",
    );
    let first = Daemon::start();
    let taken = Daemon::prepare("", &["--listen", &first.address().to_string()]);
    fails(&taken, 69, "is taken by another program");
    let foreign = Daemon::prepare("", &[]);
    std::fs::create_dir(foreign.state()).expect("the folder is ours");
    std::fs::write(foreign.state().join("chatd.db"), [b'x'; 4_096]).expect("ours, too");
    fails(&foreign, 78, "is not a database of chatd");
    let misused = Daemon::prepare("", &["--no-such-flag"]);
    fails(&misused, 64, "unexpected argument '--no-such-flag' found");

    let looks = Daemon::prepare("registratoin = \"open\"\n", &["--check"]);
    let mut command = looks.command();
    run(command.env("NOTIFY_SOCKET", manager.path()), "").failed(78);
    manager.has_heard_all();
}

/// The socket may have a name that is in no folder. A name that no socket can have is told, and nothing else.
#[test]
fn another_name_for_the_socket() {
    let name = format!("chatd-it-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let socket = UnixDatagram::bind_addr(&address).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let _daemon = Daemon::start_after(&format!("export NOTIFY_SOCKET=@{name}"));
    let mut bytes = [0; 4_096];
    let length = socket.recv(&mut bytes).expect("a message");
    assert!(bytes[..length].starts_with(MORE_TIME.as_bytes()));

    let mut daemon = Daemon::start_after("export NOTIFY_SOCKET=vsock:2:1234");
    daemon.still_serves();
    daemon.signal(Signal::SIGTERM);
    let stderr = daemon.ended().stderr;
    assert!(
        stderr.contains("NOTIFY_SOCKET=\"vsock:2:1234\""),
        "{stderr}"
    );
}

/// Without a service manager the main thread sleeps, whatever else the environment says. One that is named and is not
/// there keeps nobody from talking, and that is said once.
#[test]
fn nobody_to_tell() {
    let daemon = Daemon::start_after("export WATCHDOG_USEC=300000 WATCHDOG_PID=$$");
    let mut anna = daemon.register("anna");
    let pid = daemon.pid();
    let woken = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/status"));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with("voluntary"));
        line.expect("it is counted").to_owned()
    };
    let before = woken();
    anna.hears_nothing_for(Duration::from_millis(1_500));
    assert_eq!(woken(), before);

    let daemon = Daemon::start_after("export NOTIFY_SOCKET=/nowhere/notify");
    daemon.register("anna").say("lobby", "hello");
    daemon.ctl(&["reload"]).done();
    let untold = "cannot tell the service manager";
    let log = daemon.whole_log();
    assert_eq!(log.matches(untold).count(), 1, "{log}");
}

/// The watchdog is fed while hub and writer answer, without a touch on the files; not while either stands still; and
/// again when it goes on.
#[test]
fn a_watchdog() {
    let manager = Manager::new();
    let daemon = Daemon::start_after(&manager.with_watchdog(Duration::from_secs(3)));
    let is_status = |line: &str| line.starts_with("STATUS=");
    let fed = || manager.hears_at_last(&["WATCHDOG=1"], is_status);
    manager.hears_of_a_start();
    daemon.register("anna").say("lobby", "hello");
    fed();
    let written = || {
        let files = std::fs::read_dir(daemon.state()).expect("the state folder");
        let written = |path: std::path::PathBuf| path.metadata().and_then(|file| file.modified());
        let files = files.map(|file| written(file.expect("an entry").path()).expect("a file"));
        files.max().unwrap_or(SystemTime::UNIX_EPOCH)
    };
    fed();
    let before = written();
    (0..3).for_each(|_| fed());
    assert_eq!(written(), before, "something was written");

    for (stalls, name) in [(1, "writer"), (2, "hub")] {
        let Some(frozen) = Frozen::thread(&daemon, name) else {
            eprintln!("NOT SHOWN: this machine does not let a thread be stopped by itself");
            return;
        };
        until("it is noticed", || {
            let message = manager.next();
            assert!(message[0] == "WATCHDOG=1" || is_status(&message[0]));
            message[0].ends_with(STALLED).then_some(())
        });
        manager.hears_nothing_for(Duration::from_secs(3));
        let told = |log: &str| log.matches(STALLED).count();
        let log = daemon.whole_log();
        assert_eq!(told(&log), stalls, "{log}");
        drop(frozen);
        fed();
        let log = daemon.whole_log();
        let again = log.matches("answer again").count();
        assert_eq!((told(&log), again), (stalls, stalls), "{log}");
    }
    daemon.still_serves();
}

/// A database that cannot be written to is an answer: the watchdog is fed, and the status tells what is wrong.
#[test]
fn a_disk_that_takes_nothing() {
    let manager = Manager::new();
    let daemon = Daemon::start_after(&manager.with_watchdog(Duration::from_secs(15)));
    let mut anna = daemon.register("anna");
    let other = rusqlite::Connection::open(daemon.state().join("chatd.db")).expect("it is there");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    assert_eq!(
        ask!(anna, "send", to: "lobby", text: "lost").code(),
        "internal"
    );
    let is_status = |message: &[String], fails: bool| {
        message[0].starts_with("STATUS=serving") && message[0].contains("storing fails") == fails
    };
    let tells = |fails| {
        until("it is told", || {
            is_status(&manager.next(), fails).then_some(())
        })
    };
    tells(true);
    manager.hears_at_last(&["WATCHDOG=1"], |line| line.contains("storing fails"));
    other.execute_batch("ROLLBACK").expect("it was begun");
    anna.say("lobby", "kept");
    tells(false);
    let log = daemon.whole_log();
    assert!(!log.contains(STALLED), "{log}");
}

/// A disk that does not answer: whoever sends waits, people read on, the watchdog is not fed and the log says why. Once it
/// answers, everything is acknowledged, once.
#[test]
fn a_disk_that_hangs() {
    let manager = Manager::new();
    let shell = manager.with_watchdog(Duration::from_secs(3));
    let mut daemon = Daemon::prepare_after(&shell, UNHURRIED, &[]);
    let disk = match Mount::new(&daemon.folder().join("disk"), &daemon.state()) {
        Ok(disk) => disk,
        Err(why) => return skipped("a disk that hangs", &why),
    };
    daemon.launch();
    manager.hears_of_a_start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    for n in 0..30 {
        anna.say("lobby", &format!("message{n} before"));
    }
    // Nothing is on its way to the disk any more, and what was stored last was read once: readers note in a shared file
    // how far they see, and to note it anew is to write.
    until("the index is up to the log", || {
        let found = ask!(boris, "search", text: "message29").must_be("page");
        (found.texts().len() == 1).then_some(())
    });
    ask!(boris, "history", room: "lobby", limit: 1).must_be("page");
    let ice = disk.freeze();
    let send =
        |n| request!("send", to: "lobby", text: format!("{n} meanwhile"), key: format!("{n}"));
    let ids = anna.begin_all((0..20).map(send));
    until("it is noticed", || {
        manager.next()[0].ends_with(STALLED).then_some(())
    });
    let page = ask!(boris, "history", room: "lobby", limit: 50).must_be("page");
    assert_eq!(page.texts().len(), 30);
    ask!(boris, "echo", text: "there?").must_be("echo");
    daemon.ctl(&["log", "show"]).done();
    let log = daemon.log();
    assert!(
        log.contains("the watchdog is not fed until it does"),
        "{log}"
    );
    drop(ice);
    let seqs = ids
        .into_iter()
        .map(|id| anna.answer(id).must_be("sent").seq());
    assert_eq!(seqs.collect::<Vec<_>>(), (31..=50).collect::<Vec<_>>());
    for id in anna.begin_all((0..20).map(send)) {
        assert!((31..=50).contains(&anna.answer(id).must_be("sent").seq()));
    }
    assert_eq!(View::of_log(&mut boris, "lobby").cursor, 50);
    manager.hears_at_last(&["WATCHDOG=1"], |line| line.starts_with("STATUS="));
    daemon.logged("the hub and the writer answer again");
}
