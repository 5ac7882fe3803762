//! Somebody with a home folder who uses chat-client.

use std::path::PathBuf;
use std::process::Command;

use rexpect::process::WaitStatus;
use rexpect::reader::{Options, ReadUntil, Regex};
use rexpect::session::{PtySession, spawn_with_options};
use tempfile::TempDir;

use super::daemon::clean;
use super::{Daemon, Output, PASSWORD, PATIENCE, Process, run};

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

    /// Where chat-client keeps tokens.
    pub fn tokens(&self) -> PathBuf {
        self.home.path().join("state/chat-client")
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
        Terminal::start(self.command(args))
    }
}

/// A program on a terminal, and what a person sees there. Colours are taken out.
pub struct Terminal(PtySession);

impl Terminal {
    /// Starts it.
    #[track_caller]
    pub fn start(command: Command) -> Self {
        Self::with_options(command, true)
    }

    /// Starts it; what is seen keeps its escape sequences.
    #[track_caller]
    pub fn raw(command: Command) -> Self {
        Self::with_options(command, false)
    }

    fn with_options(command: Command, strip: bool) -> Self {
        let patience = u64::try_from(PATIENCE.as_millis()).expect("half a minute");
        let options = Options::new()
            .timeout_ms(Some(patience))
            .strip_ansi_escape_codes(strip);
        Self(spawn_with_options(command, options).expect("a terminal"))
    }

    /// Waits until this is seen; gives back what stood before it.
    #[track_caller]
    pub fn sees(&mut self, text: &str) -> String {
        match self.0.exp_string(&bytewise(text)) {
            Ok(before) => before,
            Err(error) => panic!("'{text}' is not seen: {error}"),
        }
    }

    /// Types a line.
    #[track_caller]
    pub fn types(&mut self, line: &str) {
        self.0.send_line(line).expect("the terminal is there");
    }

    /// Answers questions, in whatever order they come, until this is seen. A question is a regular expression.
    #[track_caller]
    pub fn answers(&mut self, questions: &[(&str, &str)], until: &str) {
        loop {
            let regex = |text: &str| ReadUntil::Regex(Regex::new(text).expect("an expression"));
            let mut needles = vec![regex(until)];
            needles.extend(questions.iter().map(|(question, _)| regex(question)));
            let seen = match self.0.exp_any(needles) {
                Ok((_, seen)) => seen,
                Err(error) => panic!("neither a question nor '{until}': {error}"),
            };
            let is = |text: &str| Regex::new(text).is_ok_and(|regex| regex.is_match(&seen));
            if is(until) {
                return;
            }
            let asked = questions.iter().find(|(question, _)| is(question));
            let (_, answer) = asked.expect("one of them was found");
            self.types(answer);
        }
    }

    /// Presses Ctrl and this letter.
    #[track_caller]
    pub fn presses_ctrl(&mut self, letter: char) {
        self.0.send_control(letter).expect("the terminal is there");
    }

    /// Waits until the program has ended; gives back the exit code and what was seen at last.
    #[track_caller]
    pub fn ends(&mut self) -> (i32, String) {
        let rest = match self.0.exp_eof() {
            Ok(rest) => rest,
            Err(error) => panic!("it does not end: {error}"),
        };
        match self.0.process().wait() {
            Ok(WaitStatus::Exited(_, code)) => (code, rest),
            other => panic!("it ended as {other:?} after:\n{rest}"),
        }
    }
}

/// The terminal's reader takes each byte for a character: so must what it is to find.
fn bytewise(text: &str) -> String {
    text.bytes().map(char::from).collect()
}
