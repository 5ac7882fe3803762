//! The terminal as a full screen: takes it, shows pictures on it, hears keys and signals. What there is to see and what keys
//! mean is decided elsewhere.

use std::io::{self, BufWriter, Stdout};

use crossterm::event::EventStream;
use nix::sys::signal::Signal;

use crate::tui::screen::hearing::Hearing;
use crate::tui::screen::painter::Painter;
use crate::tui::screen::tty::{self, Tty};

/// The terminal, taken. Given back when it is let go.
pub struct Stage {
    /// What shows pictures.
    pub painter: Painter<BufWriter<Stdout>>,
    /// What takes the terminal and gives it back.
    pub tty: Tty,
    /// The signals.
    pub hearing: Hearing,
    /// The keys; none while an editor has the terminal.
    pub keys: Option<EventStream>,
}

impl Stage {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none that can be used; then it is as it was.
    pub fn take() -> io::Result<Self> {
        // First: what ends the program from now on is to find the terminal as it was.
        let hearing = Hearing::new()?;
        Ok(Self {
            tty: Tty::take()?,
            painter: Painter::new(BufWriter::new(io::stdout())),
            hearing,
            keys: Some(EventStream::new()),
        })
    }

    /// Stops until the shell has us go on. Comes back at once where there is no shell.
    pub fn suspend(&self) {
        self.tty.leave();
        let _ = nix::sys::signal::raise(Signal::SIGTSTP);
    }

    /// Lets somebody else have the terminal while this is done.
    pub fn aside<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.keys = None;
        self.tty.leave();
        let done = work();
        self.keys = Some(EventStream::new());
        done
    }

    /// Takes the terminal again after somebody else had it; tells its size, which may be another one.
    pub fn come_back(&mut self, mouse: bool) -> (u16, u16) {
        let _ = self.tty.take_again(mouse);
        self.painter.forget();
        tty::screen_size()
    }
}
