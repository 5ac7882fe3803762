//! `--daemonize`: into the background, with a word about how it went, on a host without a service manager.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};

use crate::support::{
    Background, Daemon, Heard, Process, Terminal, ask, clean, run, runs, somebody, until,
    where_it_listens,
};

/// The process is a daemon by the book: a session without a terminal, no folder held, nothing of the caller's open.
#[test]
fn it_lets_go_of_everything() {
    let background = Background::prepare("", &[]).after("exec 9>lock");
    let output = background.call();
    assert_eq!(output.stderr, "");
    let address = where_it_listens(&output.done());
    somebody(address, "anna").say("lobby", "served as soon as the command ends");
    for stream in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(background.proc_link(stream), Path::new("/dev/null"));
    }
    assert_eq!(background.proc_link("cwd"), Path::new("/"));
    let stat = background.proc("stat");
    let (_, stat) = stat.rsplit_once(") ").unwrap();
    let stat: Vec<i64> = stat
        .split(' ')
        .skip(1)
        .take(4)
        .map(|n| n.parse().unwrap())
        .collect();
    let [parent, group, session, terminal] = stat[..] else {
        panic!("{stat:?}");
    };
    let pid = i64::from(background.pid());
    assert_ne!(parent, i64::from(std::process::id()));
    assert_ne!(
        session, pid,
        "the leader of a session could take a terminal"
    );
    assert_eq!((group, terminal), (session, 0));
    let status = background.proc("status");
    assert!(status.contains("\nUmask:\t0027\n"), "{status}");
    assert!(status.contains("\nSigBlk:\t0000000000000000\n"), "{status}");
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<_> = open
        .filter_map(|fd| fs::read_link(fd.ok()?.path()).ok())
        .collect();
    assert!(!open.iter().any(|file| file.ends_with("lock")), "{open:?}");
    assert!(
        open.iter().any(|file| file.ends_with("chatd.lock")),
        "{open:?}"
    );
    background.end_by(Signal::SIGTERM);
    assert!(background.daemon.log().contains("INFO stopped"));
    assert!(!background.pid_file().exists(), "the pid file was left");
    assert!(
        !background.daemon.control().exists(),
        "the control socket was left"
    );
}

/// Paths count from where it was called; a reload finds the same file, and says so when it is gone.
#[test]
fn paths_count_from_where_it_was_called() {
    let background = Background::prepare("", &[]);
    let daemon = &background.daemon;
    let mut command = clean(env!("CARGO_BIN_EXE_chatd"), daemon.folder());
    command.args([
        "--daemonize",
        "--config",
        "chatd.toml",
        "--listen",
        "127.0.0.1:0",
    ]);
    command.args([
        "--state",
        "./state",
        "--control",
        "sub/../control",
        "--pid-file",
        "chatd.pid",
    ]);
    command.env("LOGS_DIRECTORY", ".");
    where_it_listens(&run(&mut command, "").done());
    daemon.configure("registration = \"closed\"");
    let reloaded = daemon.ctl_json(&["reload"]);
    assert_eq!(reloaded["changed"][0], "registration", "{reloaded}");
    daemon.configure("registration = 7");
    let stderr = daemon.ctl(&["reload"]).failed(1);
    assert!(stderr.contains("line 1, column 16"), "{stderr}");
    fs::remove_file(daemon.folder().join("chatd.toml")).unwrap();
    let stderr = daemon.ctl(&["reload"]).failed(1);
    assert!(stderr.contains("chatd.toml"), "{stderr}");
    assert!(daemon.log_file().exists());
    background.end_by(Signal::SIGTERM);
}

/// The mask of modes takes nothing away that the admin needs, and adds nothing.
#[test]
fn files_have_the_modes_they_have_in_the_foreground() {
    let background = Background::prepare("", &["--control", "run/io.chatd.Control"]);
    let folder = background.daemon.folder();
    let mut command = background.daemon.bare_command();
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--state",
        "state",
        "--log-file",
        "log/chatd.log",
    ]);
    run(&mut command, "").done();
    let mode = |file: &str| {
        fs::metadata(folder.join(file))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    // Root's socket may be for a group.
    let run_folder = if geteuid().is_root() { 0o755 } else { 0o700 };
    for (file, wanted) in [
        ("chatd.pid", 0o644),
        ("state", 0o700),
        ("state/chatd.db", 0o600),
        ("state/identity.key", 0o600),
        ("log", 0o700),
        ("log/chatd.log", 0o600),
        ("run", run_folder),
    ] {
        assert_eq!(mode(file), wanted, "{file} has {:o}", mode(file));
    }
    assert_eq!(mode("run/io.chatd.Control") & 0o117, 0);
}

/// Whatever keeps the daemon from serving is told where it was called, with exit code 1, and leaves no pid file.
#[test]
fn what_keeps_it_from_serving_is_told() {
    let first = Daemon::start();
    let taken = first.address().to_string();
    let refused = |args: &[&str], words: &str| {
        let background = Background::prepare("", args);
        let output = background.call();
        assert_eq!(output.stdout, "");
        let stderr = output.failed(1);
        assert!(
            stderr.starts_with("chatd: ") && stderr.contains(words),
            "{stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(!background.pid_file().exists(), "the pid file was left");
        background
    };
    let background = refused(&["--listen", &taken], &taken);
    let log = || background.daemon.log();
    until("the log tells it, too", || {
        log().contains(&taken).then_some(())
    });
    let pid = format!("another chatd (pid {})", first.pid());
    let background = Background::prepare("", &[]);
    let mut command = background.daemon.bare_command();
    command
        .arg("--state")
        .arg(first.state())
        .args(["--log-file", "chatd.log"]);
    let stderr = run(&mut command, "").failed(1);
    assert!(stderr.contains(&pid), "{stderr}");
    let background = Background::prepare("", &[]);
    fs::create_dir(background.daemon.control()).unwrap();
    let stderr = background.call().failed(1);
    assert!(stderr.contains("is there and no socket"), "{stderr}");
    // And once the reason is gone, it starts.
    fs::remove_dir(background.daemon.control()).unwrap();
    background.start();
    first.still_serves();
}

/// What can be told before going into the background has the exit code it has in the foreground.
#[test]
fn what_is_wrong_before_is_told_as_in_the_foreground() {
    let background = Background::prepare("registration = \"sometimes\"", &[]);
    let stderr = background.call().failed(78);
    assert!(stderr.contains("\"sometimes\""), "{stderr}");
    assert!(!background.pid_file().exists());
    let daemon = Daemon::prepare("", &["--pid-file", "chatd.pid"]);
    let stderr = run(&mut daemon.command(), "").failed(64);
    assert!(stderr.contains("--daemonize"), "{stderr}");
    let background = Background::prepare("", &["--check"]);
    background.call().done();
    assert!(!background.pid_file().exists() && !background.daemon.state().exists());
}

/// A pid file is one daemon's: a second one is refused by it, even with everything else its own.
#[test]
fn a_pid_file_is_one_daemons() {
    let first = Background::prepare("", &[]);
    let address = first.start();
    let held = first.pid_file();
    let second = Background::prepare("", &["--next-free-port"]);
    let mut command = second.command();
    // The last one counts for nobody but clap: the flag may be given once.
    command.args(["--pid-file"]).arg(&held);
    run(&mut command, "").failed(64);
    std::os::unix::fs::symlink(&held, second.pid_file()).unwrap();
    let stderr = second.call().failed(1);
    let words = format!("another chatd (pid {}) holds the pid file", first.pid());
    assert!(
        stderr.contains(&words) && stderr.contains("--pid-file"),
        "{stderr}"
    );
    assert!(!second.daemon.state().exists(), "it went on");
    somebody(address, "anna").say("lobby", "nobody noticed");
    fs::remove_file(second.pid_file()).unwrap();
    second.start();
}

/// A pid file that was left over is taken over; one that somebody else has put there is not removed.
#[test]
fn a_pid_file_that_was_left_over() {
    let background = Background::prepare("", &[]);
    fs::write(background.pid_file(), "999999999\n and more").unwrap();
    let stderr = background.call().failed(1);
    assert!(stderr.contains("is there and no pid file"), "{stderr}");
    fs::write(background.pid_file(), "999999999\n").unwrap();
    background.start();
    let killed = background.pid();
    assert_ne!(killed, 999_999_999);
    background.end_by(Signal::SIGKILL);
    assert_eq!(background.pid(), killed, "kill -9 leaves the pid file");
    background.start();
    assert_ne!(background.pid(), killed);
    let pid = background.pid();
    fs::remove_file(background.pid_file()).unwrap();
    fs::write(background.pid_file(), "1\n").unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    until("it has ended", || (!runs(pid)).then_some(()));
    assert_eq!(background.pid(), 1, "another's pid file was removed");
    fs::remove_file(background.pid_file()).unwrap();
}

/// Whoever may only read a pid file cannot hold it.
#[test]
fn a_pid_file_that_is_read() {
    let background = Background::prepare("", &[]);
    fs::write(background.pid_file(), "999999999\n").unwrap();
    let reads = fs::File::open(background.pid_file()).unwrap();
    let _locked = Flock::lock(reads, FlockArg::LockExclusiveNonblock).unwrap();
    background.start();
}

/// What cannot be a pid file is refused before anything is touched.
#[test]
fn a_pid_file_that_cannot_be() {
    let background = Background::prepare("", &[]);
    let refused = |words: &str| {
        let stderr = background.call().failed(1);
        let names = stderr.contains("chatd.pid'") && stderr.contains("--pid-file");
        assert!(stderr.contains(words) && names, "{stderr}");
        assert!(!background.daemon.state().exists(), "it went on");
    };
    fs::create_dir(background.pid_file()).unwrap();
    refused("cannot write the pid file");
    fs::remove_dir(background.pid_file()).unwrap();
    mkfifo(&background.pid_file(), Mode::S_IRWXU).unwrap();
    refused("is there and no pid file");
    fs::remove_file(background.pid_file()).unwrap();
    fs::write(background.pid_file(), b"\x7fELF\xff").unwrap();
    refused("is there and no pid file");
    assert_eq!(fs::read(background.pid_file()).unwrap(), b"\x7fELF\xff");
    let nowhere = Background::prepare("", &[]);
    let mut command = clean(env!("CARGO_BIN_EXE_chatd"), nowhere.daemon.folder());
    command.args([
        "--daemonize",
        "--config",
        "chatd.toml",
        "--pid-file",
        "no/such/chatd.pid",
    ]);
    let stderr = run(&mut command, "").failed(1);
    assert!(
        stderr.contains("cannot write the pid file") && stderr.contains("/no/such/"),
        "{stderr}"
    );
}

/// A daemon that waits in the midst of starting: its key comes through a pipe into which nobody writes yet.
fn halfway() -> (Background, Process) {
    let background = Background::prepare("", &[]);
    fs::create_dir(background.daemon.state()).unwrap();
    mkfifo(&key(&background), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let caller = Process::start(&mut background.command());
    background.pid();
    (background, caller)
}

fn key(background: &Background) -> PathBuf {
    background.daemon.state().join("identity.key")
}

/// A daemon that is killed before it serves has said nothing, and that is told.
#[test]
fn a_daemon_that_dies_without_a_word() {
    let (background, caller) = halfway();
    background.end_by(Signal::SIGKILL);
    let stderr = caller.finish().failed(1);
    assert!(
        stderr.contains("has ended before it served") && stderr.contains("chatd.log"),
        "{stderr}"
    );
    fs::remove_file(key(&background)).unwrap();
    background.start();
}

/// A SIGHUP in the midst of starting waits until the daemon can reload; its caller may be gone by then.
#[test]
fn a_hang_up_while_it_starts() {
    let (background, mut caller) = halfway();
    background.signal(Signal::SIGHUP);
    caller.kill_9();
    fs::write(key(&background), [7; 32]).unwrap();
    until("it has reloaded", || reloaded(&background));
    background.daemon.ctl(&["status"]).done();
    background.end_by(Signal::SIGTERM);
}

fn reloaded(background: &Background) -> Option<()> {
    let log = background.daemon.log();
    log.contains("configuration read again").then_some(())
}

/// The terminal is closed right after the start: the daemon does not notice.
#[test]
fn a_terminal_that_closes() {
    let background = Background::prepare("", &[]);
    let (code, shown) = Terminal::start(&background.command()).ends();
    assert_eq!(code, 0, "{shown}");
    let address = where_it_listens(shown.trim());
    let mut anna = somebody(address, "anna");
    anna.say("lobby", "still here");
    ask!(anna, "ping").must_be("pong");
    background.end_by(Signal::SIGTERM);
}

/// What the caller has blocked or ignores does not bind the daemon, nor the command.
#[test]
fn signals_that_the_caller_has_shut_out() {
    let shell = "exec env --ignore-signal=CHLD,HUP --block-signal=TERM,HUP,INT \"$0\" \"$@\"";
    let background = Background::prepare("", &[]).after(shell);
    background.start();
    background.signal(Signal::SIGHUP);
    until("it has reloaded", || reloaded(&background));
    background.end_by(Signal::SIGTERM);
    assert!(!background.pid_file().exists(), "it did not end in order");
}

/// A service manager wants the foreground: it gets it, with a word.
#[test]
fn under_a_service_manager_it_stays() {
    for variables in ["NOTIFY_SOCKET=/nowhere", "LISTEN_FDS=0 LISTEN_PID=$$"] {
        let background = Background::prepare("", &[]).after(&format!("export {variables}"));
        let mut process = Process::start(&mut background.command());
        process.line_with("listening on ");
        let status = background.daemon.ctl_json(&["status"]);
        assert_eq!(status["pid"], process.pid(), "{status}");
        process.signal(Signal::SIGTERM);
        let output = process.finish();
        assert!(
            output.stderr.contains("--daemonize is ignored"),
            "{output:?}"
        );
        assert_eq!(output.code, 0, "{output:?}");
        assert!(!background.pid_file().exists());
    }
}
