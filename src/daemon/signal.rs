//! Signals as what they ask for: SIGTERM and SIGINT stop the daemon, SIGHUP reloads it. SIGPIPE is ignored by Rust.

use std::io;

use nix::sys::signal::SigSet;
use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGTERM};
use tokio::signal::unix::{self, SignalKind};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Stop,
    Reload,
}

/// The signals that came in.
pub(super) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
}

/// From now on a reload waits until somebody can do it, which is until [`Signals::new`]: otherwise it would be the end of a
/// daemon that starts. To be called before there are threads, which would get the signal instead.
pub(super) fn hold_reloads() {
    // A signal that exists can be blocked.
    let _ = reloads().thread_block();
}

/// The signal of a reload alone.
pub(super) fn reloads() -> SigSet {
    [SIGHUP].into_iter().collect()
}

impl Signals {
    /// From now on the signals are taken here. Within a runtime only.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new() -> io::Result<Self> {
        let signals = Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hang_up: unix::signal(SignalKind::hangup())?,
        };
        // They may have been held, or blocked by whoever started chatd.
        let taken: SigSet = [SIGTERM, SIGINT, SIGHUP].into_iter().collect();
        taken.thread_unblock()?;
        Ok(signals)
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}
