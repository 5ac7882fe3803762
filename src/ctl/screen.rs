//! A terminal as a whole: lines in place of those before, keys as they are pressed. It is given back as it was, however the
//! program ends, short of `kill -9`.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::Sender;
use std::thread;

use nix::sys::termios::{
    LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;

use super::Failure;
use super::top::Event;

/// The other screen, without a cursor; and back.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l";
const LEAVE: &[u8] = b"\x1b[?25h\x1b[?1049l";

/// A terminal that is the program's own for a while.
pub(super) struct Screen {
    /// Standard output, without the lock that the console holds.
    out: File,
    saved: Termios,
}

impl Screen {
    /// The terminal; none where standard input or output is none, or one that obeys nothing.
    pub(super) fn open() -> Result<Option<Self>, Failure> {
        if is_dumb() || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        let own: OwnedFd = io::stdout()
            .as_fd()
            .try_clone_to_owned()
            .map_err(Failure::Output)?;
        let saved = tcgetattr(io::stdin()).map_err(|error| Failure::Output(error.into()))?;
        let mut keys = saved.clone();
        // Each key at once and unseen; Ctrl-C is a key, too, so that nothing ends without leaving.
        keys.local_flags
            .remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG);
        keys.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        keys.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        let mut screen = Self {
            out: File::from(own),
            saved,
        };
        tcsetattr(io::stdin(), SetArg::TCSADRAIN, &keys)
            .map_err(|error| Failure::Output(error.into()))?;
        screen.out.write_all(ENTER).map_err(Failure::Output)?;
        Ok(Some(screen))
    }

    /// Puts these lines in the place of those before, in one write, so that nothing flickers. A line is cleared before it
    /// is written: one that fills the width would lose its last letter if it were after.
    pub(super) fn draw(&mut self, lines: &[String]) -> Result<(), Failure> {
        let mut text = String::from("\x1b[H");
        for (place, line) in lines.iter().enumerate() {
            if place > 0 {
                text.push_str("\r\n");
            }
            text.extend(["\x1b[K", line]);
        }
        self.out.write_all(text.as_bytes()).map_err(Failure::Output)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.out.write_all(LEAVE);
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.saved);
    }
}

/// Whether the terminal says that it obeys nothing.
pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Columns and lines.
pub(super) fn size() -> (usize, usize) {
    terminal_size::terminal_size().map_or((80, 24), |(width, height)| {
        (width.0.into(), height.0.into())
    })
}

/// Tells of keys and signals from now on.
pub(super) fn listen(events: Sender<Event>) -> Result<(), Failure> {
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM, SIGWINCH]).map_err(Failure::Output)?;
    let of_keys = events.clone();
    thread::spawn(move || {
        let mut key = [0];
        while io::stdin().read_exact(&mut key).is_ok() && of_keys.send(Event::Key(key[0])).is_ok() {
        }
        // Nobody can press anything any more.
        let _ = of_keys.send(Event::End);
    });
    thread::spawn(move || {
        let mut signals = signals;
        for signal in signals.forever() {
            let event = match signal {
                SIGWINCH => Event::Resized,
                _ => Event::End,
            };
            if events.send(event).is_err() {
                return;
            }
        }
    });
    Ok(())
}
