//! Somebody with a home folder who uses chat-client.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::sys::termios::{LocalFlags, tcgetattr};
use rexpect::process::WaitStatus;
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use tempfile::TempDir;

use super::daemon::clean;
use super::{Daemon, Output, PASSWORD, PATIENCE, Process, run, until};

/// A person at home.
pub struct Person {
    home: TempDir,
    /// What chat-client is told by the environment.
    environment: Vec<(&'static str, String)>,
}

impl Person {
    /// Somebody who has told their environment everything: server, port, name, password.
    pub fn new(daemon: &Daemon, name: &str) -> Self {
        Self::stranger()
            .with("CHAT_SERVER", &daemon.address().ip().to_string())
            .with("CHAT_PORT", &daemon.address().port().to_string())
            .with("CHAT_NAME", name)
            .with("CHAT_PASSWORD", PASSWORD)
    }

    /// Somebody whose environment says nothing.
    pub fn stranger() -> Self {
        let home = tempfile::Builder::new()
            .prefix("chat-client-it-")
            .tempdir()
            .expect("a temporary folder");
        Self {
            home,
            environment: Vec::new(),
        }
    }

    /// Says something by the environment.
    pub fn with(self, name: &'static str, value: &str) -> Self {
        let mut person = self.without(name);
        person.environment.push((name, value.to_owned()));
        person
    }

    /// Says something no longer.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self
    }

    /// Writes the file with their profiles.
    pub fn configure(&self, text: &str) -> PathBuf {
        let folder = self.home.path().join(".config/chat-client");
        std::fs::create_dir_all(&folder).expect("the home is ours");
        let file = folder.join("config.toml");
        std::fs::write(&file, text).expect("the home is ours");
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&file, mode).expect("the home is ours");
        file
    }

    /// Where chat-client keeps tokens.
    pub fn tokens(&self) -> PathBuf {
        self.home.path().join("state/chat-client")
    }

    /// The process that runs in the home folder.
    pub fn pid(&self) -> u32 {
        let home = self.home.path().canonicalize().expect("it is there");
        let processes = std::fs::read_dir("/proc").expect("every Linux has it");
        let lives_here = |entry: &std::fs::DirEntry| {
            std::fs::read_link(entry.path().join("cwd")).is_ok_and(|folder| folder == home)
        };
        let found = processes.flatten().find(lives_here);
        let found = found.expect("chat-client runs").file_name();
        let number = found.to_str().and_then(|name| name.parse().ok());
        number.expect("a process has a number")
    }

    /// chat-client with these arguments.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = clean(env!("CARGO_BIN_EXE_chat-client"), self.home.path());
        command
            .env("XDG_STATE_HOME", self.home.path().join("state"))
            .env("TERM", "xterm")
            .env("USER", "nobody-in-particular")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args(args);
        command
    }

    /// Runs chat-client to its end.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, "")
    }

    /// Runs chat-client to its end with this on its standard input.
    #[track_caller]
    pub fn run_with(&self, args: &[&str], stdin: &str) -> Output {
        run(&mut self.command(args), stdin)
    }

    /// Starts chat-client in a pipe.
    #[track_caller]
    pub fn start(&self, args: &[&str]) -> Process {
        Process::start(&mut self.command(args))
    }

    /// Starts chat-client on a terminal.
    #[track_caller]
    pub fn terminal(&self, args: &[&str]) -> Terminal {
        Terminal::start(&self.command(args))
    }
}

/// A program on a terminal that echoes, and what a person sees there.
pub struct Terminal {
    session: PtySession,
    shown: String,
}

impl Terminal {
    /// Starts it. Escape sequences are taken out of what is seen.
    #[track_caller]
    pub fn start(command: &Command) -> Self {
        Self::with_options(command, true)
    }

    /// Starts it; what is seen keeps its escape sequences.
    #[track_caller]
    pub fn raw(command: &Command) -> Self {
        Self::with_options(command, false)
    }

    fn with_options(command: &Command, strip: bool) -> Self {
        let patience = u64::try_from(PATIENCE.as_millis()).expect("half a minute");
        let options = Options::new()
            .timeout_ms(Some(patience))
            .strip_ansi_escape_codes(strip);
        let session = spawn_with_options(with_echo(command), options).expect("a terminal");
        Self {
            session,
            shown: String::new(),
        }
    }

    /// Waits until this is seen.
    #[track_caller]
    pub fn sees(&mut self, text: &str) {
        let text = bytewise(text);
        match self.session.exp_string(&text) {
            Ok(before) => self.shown.extend([before, text]),
            Err(error) => panic!("'{text}' is not seen: {error}\nbefore:\n{}", self.shown),
        }
    }

    /// Types a line.
    #[track_caller]
    pub fn types(&mut self, line: &str) {
        self.session.send_line(line).expect("the terminal is there");
    }

    /// Types a line as soon as the terminal does not echo.
    #[track_caller]
    pub fn types_hidden(&mut self, line: &str) {
        let terminal = self.session.process().get_file_handle();
        let terminal = terminal.expect("the terminal is there");
        until("the terminal does not echo", || {
            let settings = tcgetattr(&terminal).expect("a terminal");
            (!settings.local_flags.contains(LocalFlags::ECHO)).then_some(())
        });
        self.types(line);
    }

    /// Presses keys, without Enter.
    #[track_caller]
    pub fn presses(&mut self, keys: &str) {
        self.session.send(keys).expect("the terminal is there");
        self.session.flush().expect("the terminal is there");
    }

    /// Sends the program a signal.
    #[track_caller]
    pub fn signal(&mut self, signal: Signal) {
        let program = self.session.process_mut();
        program.signal(signal).expect("it runs");
    }

    /// Presses Ctrl and this letter.
    #[track_caller]
    pub fn presses_ctrl(&mut self, letter: char) {
        self.session
            .send_control(letter)
            .expect("the terminal is there");
    }

    /// Waits until the program has ended; gives back the exit code and all that was seen.
    #[track_caller]
    pub fn ends(mut self) -> (i32, String) {
        match self.session.exp_eof() {
            Ok(rest) => self.shown.push_str(&rest),
            Err(error) => panic!("it does not end: {error}\nbefore:\n{}", self.shown),
        }
        match self.session.process().wait() {
            Ok(WaitStatus::Exited(_, code)) => (code, self.shown),
            other => panic!("it ended as {other:?} after:\n{}", self.shown),
        }
    }

    /// All that was seen so far.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

/// The same command on a terminal that echoes what is typed, as a person's does: the one that is made for tests does
/// not, and would hide that a password is shown.
fn with_echo(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "stty sane; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell
}

/// The terminal's reader takes each byte for a character: so must what it is to find.
fn bytewise(text: &str) -> String {
    text.bytes().map(char::from).collect()
}
