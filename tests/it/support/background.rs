//! A chatd in the background, as `--daemonize` leaves it: nobody's child, known by its pid file.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Daemon, Output, Talker, run, until};

/// A daemon that is started in the background and has a pid file. Killed when it goes out of scope.
pub struct Background {
    /// Its folder and its control socket; it does not run itself.
    pub daemon: Daemon,
}

impl Background {
    /// Its folder and configuration, before it runs.
    pub fn prepare(config: &str, args: &[&str]) -> Self {
        let mut all = vec!["--daemonize", "--pid-file", "chatd.pid"];
        all.extend(args);
        Self {
            daemon: Daemon::prepare(config, &all),
        }
    }

    /// The same one, started by a shell that does this first.
    pub fn after(mut self, shell: &str) -> Self {
        self.daemon.comes_after(shell);
        self
    }

    /// The command that starts it.
    pub fn command(&self) -> Command {
        self.daemon.command()
    }

    /// Calls it to the end of the command.
    #[track_caller]
    pub fn call(&self) -> Output {
        run(&mut self.command(), "")
    }

    /// Starts it; gives back where it listens.
    #[track_caller]
    pub fn start(&self) -> SocketAddr {
        where_it_listens(&self.call().done())
    }

    /// The pid file.
    pub fn pid_file(&self) -> PathBuf {
        self.daemon.folder().join("chatd.pid")
    }

    /// The number in the pid file, as soon as there is one.
    #[track_caller]
    pub fn pid(&self) -> i32 {
        until("there is a pid file", || number(&self.pid_file()))
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("it runs");
    }

    /// Sends it a signal, and waits until it is gone.
    #[track_caller]
    pub fn end_by(&self, signal: Signal) {
        let pid = self.pid();
        self.signal(signal);
        until("it has ended", || (!runs(pid)).then_some(()));
    }

    /// What the kernel says of it in this file of `/proc`.
    pub fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.pid())).expect("it runs")
    }

    /// Where a link in `/proc` leads.
    pub fn proc_link(&self, file: &str) -> PathBuf {
        fs::read_link(format!("/proc/{}/{file}", self.pid())).expect("it runs")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let folder = self.daemon.folder();
        let left = ["chatd.pid", "state/chatd.lock"].map(|file| number(&folder.join(file)));
        for pid in left.into_iter().flatten() {
            // The number may be another's by now: only a process that was called with this folder is ours.
            let called = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&called).contains(&*folder.to_string_lossy()) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        if std::thread::panicking() {
            eprintln!("--- the daemon's log\n{}", self.daemon.log());
        }
    }
}

/// Where it listens, as it told whoever called it.
#[track_caller]
pub fn where_it_listens(stdout: &str) -> SocketAddr {
    let line = stdout.lines().next().unwrap_or_default();
    let address = line.strip_prefix("listening on ");
    let address = address.and_then(|address| address.parse().ok());
    address.unwrap_or_else(|| panic!("no address in '{stdout}'"))
}

/// Somebody new on a daemon that was started in the background.
#[track_caller]
pub fn somebody(address: SocketAddr, name: &str) -> Talker {
    let mut talker = Talker::connect(address);
    talker.hello();
    talker.register(name);
    talker
}

/// The number of a process that a file holds.
fn number(file: &Path) -> Option<i32> {
    let text = fs::read_to_string(file).ok()?;
    // Without the end of the line it is still being written.
    text.strip_suffix('\n')?.parse().ok()
}

/// Whether there is a process of this number that has not ended.
pub fn runs(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    // The first thread may have ended while others still hold files and locks.
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    !state.is_empty() && (threads > 1 || !state.starts_with(['Z', 'X']))
}
