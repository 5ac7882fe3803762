//! How far something long is, on standard error, where a person sees it.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::screen::is_dumb;

/// Between two words: as often as a person reads.
const INTERVAL: Duration = Duration::from_millis(200);

/// One line that is written over again and again.
pub(super) struct Progress {
    is_shown: bool,
    told: Option<Instant>,
}

impl Progress {
    /// Shown only on a terminal, and, where results go to standard output as they come, only if those go elsewhere.
    pub(super) fn new(prints_results: bool) -> Self {
        let is_mixed = prints_results && io::stdout().is_terminal();
        Self {
            is_shown: io::stderr().is_terminal() && !is_mixed && !is_dumb(),
            told: None,
        }
    }

    /// Says how far it is, unless that was said a moment ago.
    pub(super) fn tell(&mut self, words: impl FnOnce() -> String) {
        let is_early = self.told.is_some_and(|told| told.elapsed() < INTERVAL);
        if self.is_shown && !is_early {
            self.told = Some(Instant::now());
            let _ = write!(io::stderr(), "\r{}\x1b[K", words());
        }
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.told.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// `12 %`.
pub(super) fn percent(done: u64, total: u64) -> String {
    let percent = done.saturating_mul(100).checked_div(total).unwrap_or(0);
    format!("{percent} %")
}
