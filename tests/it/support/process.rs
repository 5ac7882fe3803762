//! A program that a test runs: its lines as they come, and its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::PATIENCE;

/// How a program ended and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit code; a signal counts as its negative number.
    pub code: i32,
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on standard error.
    pub stderr: String,
}

impl Output {
    /// What it said on standard output, after it has done what was asked.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, 0, "the program failed: {self:#?}");
        self.stdout
    }

    /// What it said on standard error, after it has ended with this code.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "another exit code was due: {self:#?}");
        assert!(
            !self.stderr.contains("panicked"),
            "the program panicked: {self:#?}"
        );
        self.stderr
    }

    /// The one line on standard error with which it has ended with this code: it is to stand in `systemctl status`.
    #[track_caller]
    pub fn failed_in_a_line(self, code: i32) -> String {
        let stderr = self.failed(code);
        // What went well before, such as the making of a certificate, is told as well.
        let lines: Vec<_> = stderr
            .lines()
            .filter(|line| !line.contains(" INFO "))
            .collect();
        assert_eq!(lines.len(), 1, "one line was due:\n{stderr}");
        lines[0].to_owned()
    }

    /// The one object that it printed.
    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.done();
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: not one JSON object:\n{text}"))
    }

    /// The objects that it printed, one a line.
    #[track_caller]
    pub fn json_lines(self) -> Vec<Value> {
        let text = self.done();
        let read = |line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: not JSON: {line}"))
        };
        text.lines().map(read).collect()
    }
}

/// Runs a program to its end with this on its standard input.
#[track_caller]
pub fn run(command: &mut Command, stdin: &str) -> Output {
    let mut process = Process::start(command);
    process.write(stdin);
    process.finish()
}

/// A program that runs. Killed when it goes out of scope.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: Vec<String>,
    errors: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts it with pipes at all three ends.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let (sender, lines) = channel();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                if sender
                    .send(String::from_utf8_lossy(&line).into_owned())
                    .is_err()
                {
                    return;
                }
                line.clear();
            }
        });
        let mut stderr = child.stderr.take().expect("a pipe was asked for");
        let errors = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            seen: Vec::new(),
            errors: Some(errors),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input. A program that does not listen any more shows by its exit code.
    pub fn write(&mut self, text: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin
                .write_all(text.as_bytes())
                .and_then(|()| stdin.flush());
        }
    }

    /// Writes a line to its standard input.
    pub fn say(&mut self, line: &str) {
        self.write(&format!("{line}\n"));
    }

    /// The next line of its standard output; `None` when there are no more.
    #[track_caller]
    pub fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line.trim_end_matches(['\r', '\n']).to_owned())
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no further line after:\n{}", self.said()),
        }
    }

    /// Reads on to a line with this in it.
    #[track_caller]
    pub fn line_with(&mut self, text: &str) -> String {
        loop {
            match self.next_line() {
                Some(line) if line.contains(text) => return line,
                Some(_) => {}
                None => {
                    let stderr = self.end().stderr;
                    panic!("no '{text}' in:\n{}\nbut:\n{stderr}", self.said());
                }
            }
        }
    }

    /// What was read of its standard output so far.
    pub fn said(&self) -> String {
        self.seen.concat()
    }

    /// Closes its standard input, reads to the end and tells how it ended.
    #[track_caller]
    pub fn finish(mut self) -> Output {
        self.stdin = None;
        while self.next_line().is_some() {}
        self.end()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a process id"));
        kill(pid, signal).expect("the process is ours and was not waited for");
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill_9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn end(&mut self) -> Output {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.wait().expect("the process is ours");
        let code = status
            .code()
            .or(status.signal().map(|signal| -signal))
            .expect("ended by itself or by a signal");
        let errors = self.errors.take().map(JoinHandle::join);
        let stderr = errors
            .and_then(Result::ok)
            .unwrap_or_else(|| "(read before)".to_owned());
        Output {
            code,
            stdout: self.said(),
            stderr,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_9();
    }
}
