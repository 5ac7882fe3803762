//! A chatd in a folder and on an address of its own.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use command_fds::{CommandFdExt as _, FdMapping};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::{Output, Process, Talker, run, until};

/// A daemon. Killed when it goes out of scope; a failed test prints its log.
pub struct Daemon {
    folder: TempDir,
    listen: Vec<String>,
    args: Vec<String>,
    /// What a shell is to do before it becomes the daemon, such as setting limits.
    shell: Option<String>,
    /// What it is handed in by its service manager, with the names.
    handed: Vec<(&'static str, OwnedFd)>,
    process: Option<Process>,
    addresses: Vec<SocketAddr>,
}

impl Daemon {
    /// One with the configuration it has when nobody says anything.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with("", &[])
    }

    /// One with this configuration file and these further arguments. Without a `--listen` among them it listens on a
    /// free port.
    #[track_caller]
    pub fn start_with(config: &str, args: &[&str]) -> Self {
        let mut daemon = Self::prepare(config, args);
        daemon.launch();
        daemon
    }

    /// Its folder and configuration, before it runs.
    pub fn prepare(config: &str, args: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("chatd-it-")
            .tempdir()
            .expect("a temporary folder");
        let listen = match args.contains(&"--listen") {
            true => Vec::new(),
            false => vec![format!("{}:0", own_address())],
        };
        let daemon = Self {
            folder,
            listen,
            args: args.iter().map(ToString::to_string).collect(),
            shell: None,
            handed: Vec::new(),
            process: None,
            addresses: Vec::new(),
        };
        daemon.configure(config);
        daemon
    }

    /// One that is started by a shell that does this first, such as setting limits.
    #[track_caller]
    pub fn start_after(shell: &str) -> Self {
        let mut daemon = Self::prepare_after(shell, "", &[]);
        daemon.launch();
        daemon
    }

    /// From now on it is started by a shell that does this first.
    pub fn comes_after(&mut self, shell: &str) {
        self.shell = Some(shell.to_owned());
    }

    /// The same with this configuration file and these further arguments, before it runs.
    pub fn prepare_after(shell: &str, config: &str, args: &[&str]) -> Self {
        let mut daemon = Self::prepare(config, args);
        daemon.comes_after(shell);
        daemon
    }

    /// Writes another configuration file; for the next start or reload.
    pub fn configure(&self, config: &str) {
        fs::write(self.folder.path().join("chatd.toml"), config).expect("the folder is ours");
    }

    /// Hands it something in under this name, at each start, as the service manager does; it stays open here. A socket
    /// that is handed in is not made by the daemon.
    pub fn hand_in(&mut self, name: &'static str, socket: impl AsFd) {
        let socket = socket.as_fd().try_clone_to_owned();
        self.handed.push((name, socket.expect("a descriptor")));
    }

    /// Gives it this credential at each start, as the service manager does.
    pub fn give_credential(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.credentials()).expect("the folder is ours");
        fs::write(self.credentials().join(name), content).expect("the folder is ours");
    }

    /// The folder of its credentials.
    pub fn credentials(&self) -> PathBuf {
        self.folder.path().join("credentials")
    }

    /// The command by which it is started.
    pub fn command(&self) -> Command {
        let mut command = self.bare_command();
        let is_handed = |name| self.handed.iter().any(|(handed, _)| *handed == name);
        for listen in self.listen.iter().filter(|_| !is_handed("client")) {
            command.arg("--listen").arg(listen);
        }
        if !is_handed("control") {
            command.arg("--control").arg(self.control());
        }
        command.arg("--state").arg(self.state());
        command.arg("--log-file").arg(self.log_file());
        command
    }

    /// chatd with its configuration file and the further arguments, without folders and addresses.
    pub fn bare_command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_chatd");
        // The sockets are for the process that has this number, and only that one knows it.
        let to_itself = "export LISTEN_PID=${LISTEN_PID-$$}".to_owned();
        let to_itself = Some(to_itself).filter(|_| !self.handed.is_empty());
        let mut command = match to_itself.as_ref().or(self.shell.as_ref()) {
            None => clean(program, self.folder.path()),
            Some(shell) => {
                let mut command = clean("sh", self.folder.path());
                command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\""), program]);
                command
            }
        };
        self.hand_over(&mut command);
        if self.credentials().is_dir() {
            command.env("CREDENTIALS_DIRECTORY", self.credentials());
        }
        command
            .arg("--config")
            .arg(self.folder.path().join("chatd.toml"))
            .args(&self.args);
        command
    }

    fn hand_over(&self, command: &mut Command) {
        if self.handed.is_empty() {
            return;
        }
        let mapping = |(child_fd, (_, socket)): (i32, &(_, OwnedFd))| FdMapping {
            parent_fd: socket.try_clone().expect("a descriptor"),
            child_fd,
        };
        let mappings = (3..).zip(&self.handed).map(mapping).collect();
        let names: Vec<_> = self.handed.iter().map(|(name, _)| *name).collect();
        command
            .env("LISTEN_FDS", names.len().to_string())
            .env("LISTEN_FDNAMES", names.join(":"))
            .fd_mappings(mappings)
            .expect("each has a number of its own");
    }

    /// Starts it and waits until it listens.
    #[track_caller]
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let mut process = Process::start(&mut self.command());
        let address = |line: String| {
            let address = line
                .rsplit_once("listening on ")
                .expect("the line has it")
                .1;
            let address = address.trim();
            // A local socket is told by its path.
            let parsed = (!address.starts_with('/')).then(|| address.parse());
            parsed.map(|parsed| parsed.unwrap_or_else(|_| panic!("no address in '{line}'")))
        };
        let clients = self.handed.iter().filter(|(name, _)| *name == "client");
        let flags = self.args.iter().filter(|arg| *arg == "--listen").count();
        let wanted = match clients.count() {
            0 => self.listen.len() + flags,
            clients => clients,
        };
        self.addresses = (0..wanted)
            .filter_map(|_| address(process.line_with("listening on ")))
            .collect();
        if !self.listen.is_empty() {
            self.listen = self.addresses.iter().map(ToString::to_string).collect();
        }
        self.process = Some(process);
    }

    /// `kill -9`.
    pub fn kill_9(&mut self) {
        self.process.take().expect("it runs").kill_9();
    }

    /// SIGTERM, and waits until it has ended in order.
    #[track_caller]
    pub fn stop(&mut self) {
        let process = self.process.take().expect("it runs");
        process.signal(Signal::SIGTERM);
        let output = process.finish();
        assert_eq!(output.code, 0, "SIGTERM is an orderly stop: {output:#?}");
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub fn ended(&mut self) -> Output {
        self.process.take().expect("it runs").finish()
    }

    /// Starts it again in the same folder on the same port, after stopping it if it runs.
    #[track_caller]
    pub fn restart(&mut self) {
        if self.process.is_some() {
            self.stop();
        }
        self.launch();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.as_ref().expect("it runs").signal(signal);
    }

    /// Stops it where it stands, until SIGCONT. Whatever it has called the kernel for may still be done, and is not
    /// returned from: a thread that sleeps in there has the stop before it as soon as another one has stopped.
    #[track_caller]
    pub fn stand_still(&self) {
        self.signal(Signal::SIGSTOP);
        let tasks = PathBuf::from(format!("/proc/{}/task", self.pid()));
        until("all its threads have stopped", || {
            let mut is_any_stopped = false;
            for task in fs::read_dir(&tasks).expect("it runs") {
                let stat = task.expect("it has threads").path().join("stat");
                // One that has ended meanwhile does nothing more.
                let Ok(stat) = fs::read_to_string(stat) else {
                    continue;
                };
                // proc_pid_stat(5): the state follows the name, which is in parentheses.
                let (_, state) = stat.rsplit_once(") ").expect("a name");
                match state.as_bytes()[0] {
                    b'T' => is_any_stopped = true,
                    b'D' => {}
                    _ => return None,
                }
            }
            is_any_stopped.then_some(())
        });
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").pid()
    }

    /// The first address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// All addresses that it listens on, as it told them.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The folder of everything that is this daemon's.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The control socket.
    pub fn control(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    /// The log file.
    pub fn log_file(&self) -> PathBuf {
        self.folder.path().join("chatd.log")
    }

    /// What is in the log file; nothing when something else is there, such as a device.
    pub fn log(&self) -> String {
        let is_file = self.log_file().is_file();
        let bytes = is_file.then(|| fs::read(self.log_file()).ok()).flatten();
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }

    /// What is in the log file once everything that was said before this is in it.
    #[track_caller]
    pub fn whole_log(&self) -> String {
        const MARK: &str = " INFO own log on";
        let marks = |log: &str| log.matches(MARK).count();
        let before = marks(&self.log());
        self.ctl(&["log", "on"]).done();
        super::until("the log has come so far", || {
            let log = self.log();
            (marks(&log) > before).then_some(log)
        })
    }

    /// Waits until this is in the log file, which is written a moment after it is said.
    #[track_caller]
    pub fn logged(&self, text: &str) {
        super::until(&format!("'{text}' is in the log"), || {
            self.log().contains(text).then_some(())
        });
    }

    /// Memory that it occupies, in KiB.
    pub fn memory_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most that it has ever occupied, in KiB.
    pub fn memory_peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    /// Memory that it has asked for, used or not, in KiB.
    pub fn reserved_kib(&self) -> u64 {
        self.status_kib("VmData:")
    }

    fn status_kib(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(path).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(field));
        line.and_then(|line| line.split_whitespace().nth(1))
            .and_then(|kib| kib.parse().ok())
            .expect("KiB")
    }

    /// The descriptors that it has open.
    pub fn descriptors(&self) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fd", self.pid()));
        open.expect("it runs").count()
    }

    /// A connection that has said nothing yet.
    #[track_caller]
    pub fn connect(&self) -> Talker {
        Talker::connect(self.address())
    }

    /// A connection over TLS that has said hello.
    #[track_caller]
    pub fn greet_secure(&self) -> Talker {
        let mut talker = self.connect().secure(super::tls::usual_client());
        talker.hello();
        talker
    }

    /// A connection that has said hello.
    #[track_caller]
    pub fn greet(&self) -> Talker {
        let mut talker = self.connect();
        talker.hello();
        talker
    }

    /// Somebody new, logged in.
    #[track_caller]
    pub fn register(&self, name: &str) -> Talker {
        let mut talker = self.greet();
        talker.register(name);
        talker
    }

    /// Somebody on a further device.
    #[track_caller]
    pub fn login(&self, name: &str) -> Talker {
        let mut talker = self.greet();
        talker.login(name);
        talker
    }

    /// Somebody who comes back with a token and these cursors.
    #[track_caller]
    pub fn resume(&self, token: &str, cursors: &[(&str, u64)]) -> Talker {
        let mut talker = self.greet();
        talker.resume(token, cursors);
        talker
    }

    /// chatctl on its control socket.
    pub fn ctl_command(&self, args: &[&str]) -> Command {
        let mut command = clean(env!("CARGO_BIN_EXE_chatctl"), self.folder.path());
        command.arg("--socket").arg(self.control()).args(args);
        command
    }

    /// Runs chatctl.
    #[track_caller]
    pub fn ctl(&self, args: &[&str]) -> Output {
        run(&mut self.ctl_command(args), "")
    }

    /// Runs chatctl with this on its standard input.
    #[track_caller]
    pub fn ctl_with(&self, args: &[&str], stdin: &str) -> Output {
        run(&mut self.ctl_command(args), stdin)
    }

    /// Runs `chatctl --json`, which is to do what it is told and to say one object.
    #[track_caller]
    pub fn ctl_json(&self, args: &[&str]) -> Value {
        run(self.ctl_command(&["--json"]).args(args), "").json()
    }

    /// Runs a listing verb, which is to say one object with a list in this field.
    #[track_caller]
    pub fn ctl_list(&self, args: &[&str], field: &str) -> Vec<Value> {
        let reply = self.ctl_json(args);
        let entries = reply[field].as_array();
        entries
            .unwrap_or_else(|| panic!("no list '{field}' in {reply}"))
            .clone()
    }

    /// Makes sure that it still serves people and the admin.
    #[track_caller]
    pub fn still_serves(&self) {
        let mut talker = self.greet();
        let answer = talker.request(super::request!("echo", text: "still there?"));
        assert_eq!(answer["text"], "still there?", "{answer}");
        self.ctl(&["status"]).done();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        eprintln!("--- the daemon's log\n{}", self.log());
        if let Some(mut process) = self.process.take() {
            process.kill_9();
            let output = process.finish();
            eprintln!("--- the daemon said\n{}{}", output.stdout, output.stderr);
        }
    }
}

/// A program that sees nothing of the environment in which the tests are run.
pub fn clean(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(home);
    for name in ["PATH", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("HOME", home)
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC");
    command
}

/// A loopback address for one daemon alone: after a `kill -9` nobody else can have taken its port.
fn own_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("127.{}.{high}.{low}", 1 + std::process::id() % 250)
}
