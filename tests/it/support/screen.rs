//! chat-client on the full screen of a terminal, and what a person sees there: an emulator makes a picture of what it
//! writes.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::termios::{LocalFlags, tcgetattr};
use rexpect::process::{PtyProcess, WaitStatus};

use super::{PATIENCE, until};

/// A terminal with a screen.
pub struct Screen {
    process: PtyProcess,
    keyboard: File,
    shown: Arc<Mutex<Shown>>,
    /// Looks at what the program writes, for as long as it can.
    reader: JoinHandle<()>,
}

struct Shown {
    emulator: vt100::Parser,
    /// Everything that was written.
    bytes: Vec<u8>,
}

impl Screen {
    /// Starts a program on a terminal of this size.
    #[track_caller]
    pub fn start(command: &Command, (columns, rows): (u16, u16)) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args([
                "-c",
                &format!("stty sane cols {columns} rows {rows}; exec \"$0\" \"$@\""),
            ])
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
        let process = PtyProcess::new(shell).expect("a terminal");
        let keyboard = process.get_file_handle().expect("the terminal is there");
        let mut output = process.get_file_handle().expect("the terminal is there");
        let shown = Arc::new(Mutex::new(Shown {
            emulator: vt100::Parser::new(rows, columns, 0),
            bytes: Vec::new(),
        }));
        let at_reader = shown.clone();
        let reader = thread::spawn(move || {
            let mut bytes = [0; 65_536];
            // The other side being gone is an error on a terminal.
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                let mut shown = at_reader.lock().unwrap_or_else(PoisonError::into_inner);
                shown.emulator.process(&bytes[..length]);
                shown.bytes.extend_from_slice(&bytes[..length]);
            }
        });
        Self {
            process,
            keyboard,
            shown,
            reader,
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The picture, a line for each row.
    pub fn picture(&self) -> String {
        let contents = self.shown().emulator.screen().contents();
        contents
            .lines()
            .map(|line| line.trim_end().to_owned() + "\n")
            .collect()
    }

    /// Everything that was written to the terminal.
    pub fn bytes(&self) -> Vec<u8> {
        self.shown().bytes.clone()
    }

    /// Waits until this is on the screen.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        self.comes(&format!("'{text}' is seen"), |picture| {
            picture.contains(text)
        });
    }

    /// Waits until this is on the screen no longer.
    #[track_caller]
    pub fn loses(&self, text: &str) {
        self.comes(&format!("'{text}' is gone"), |picture| {
            !picture.contains(text)
        });
    }

    #[track_caller]
    fn comes(&self, what: &str, is: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !is(&self.picture()) {
            if began.elapsed() > PATIENCE {
                panic!(
                    "waited in vain until {what}; the screen:\n{}",
                    self.picture()
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Presses keys.
    #[track_caller]
    pub fn presses(&mut self, keys: &str) {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("the terminal is there");
    }

    /// Types a line.
    #[track_caller]
    pub fn types(&mut self, line: &str) {
        self.presses(&format!("{line}\r"));
    }

    /// Pastes a text.
    #[track_caller]
    pub fn pastes(&mut self, text: &str) {
        self.presses(&format!("\x1b[200~{text}\x1b[201~"));
    }

    /// Gives the terminal another size. `terminal` is its file.
    #[track_caller]
    pub fn resizes(&mut self, terminal: &str, (columns, rows): (u16, u16)) {
        let (columns_text, rows_text) = (columns.to_string(), rows.to_string());
        let done = Command::new("stty")
            .args(["-F", terminal, "cols", &columns_text, "rows", &rows_text])
            .status();
        assert!(done.expect("stty runs").success());
        self.shown().emulator.screen_mut().set_size(rows, columns);
    }

    /// Whether the terminal is as a shell wants it: lines, echo, the usual screen, no mouse and no brackets.
    pub fn is_restored(&self) -> bool {
        let settings = tcgetattr(&self.keyboard).expect("a terminal");
        let flags = settings
            .local_flags
            .contains(LocalFlags::ICANON | LocalFlags::ECHO);
        let shown = self.shown();
        let screen = shown.emulator.screen();
        flags
            && !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    /// Whether the terminal is that of a full screen.
    pub fn is_taken(&self) -> bool {
        let settings = tcgetattr(&self.keyboard).expect("a terminal");
        let raw = !settings.local_flags.contains(LocalFlags::ICANON);
        raw && self.shown().emulator.screen().alternate_screen()
    }

    /// Sends the program a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal).expect("it runs");
    }

    /// Waits until the program has ended and all that it wrote is shown, and tells how it ended.
    #[track_caller]
    pub fn ends(&self) -> WaitStatus {
        let ended = self.has_ended();
        until("all of it is shown", || {
            thread::sleep(Duration::from_millis(5));
            self.reader.is_finished().then_some(())
        });
        ended
    }

    #[track_caller]
    fn has_ended(&self) -> WaitStatus {
        until("the program ends", || match self.process.status() {
            Some(WaitStatus::StillAlive) | None => {
                thread::sleep(Duration::from_millis(5));
                None
            }
            other => other,
        })
    }
}
