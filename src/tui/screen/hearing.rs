//! What the screen waits for beside the server: signals, keys, the editor, a moment.

use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;

use crossterm::event::{Event as Pressed, EventStream};
use futures_core::Stream as _;
use nix::sys::signal::Signal;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// The signals that matter.
pub struct Hearing {
    ends: [(Signal, Signals); 4],
}

impl Hearing {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new() -> io::Result<Self> {
        let listen = |kind: SignalKind, name| Ok::<_, io::Error>((name, signal(kind)?));
        Ok(Self {
            ends: [
                listen(SignalKind::terminate(), Signal::SIGTERM)?,
                listen(SignalKind::hangup(), Signal::SIGHUP)?,
                listen(SignalKind::interrupt(), Signal::SIGINT)?,
                listen(
                    SignalKind::from_raw(Signal::SIGCONT as i32),
                    Signal::SIGCONT,
                )?,
            ],
        })
    }

    /// The next one that comes.
    pub async fn next(&mut self) -> Signal {
        poll_fn(|cx| {
            for (name, signals) in &mut self.ends {
                if signals.poll_recv(cx).is_ready() {
                    return Poll::Ready(*name);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// What is pressed next; nothing ever where somebody else has the terminal.
pub async fn next_pressed(keys: &mut Option<EventStream>) -> Option<io::Result<Pressed>> {
    match keys {
        Some(keys) => poll_fn(|cx| Pin::new(&mut *keys).poll_next(cx)).await,
        None => pending().await,
    }
}

/// What the editor leaves; nothing ever where there is none.
pub async fn next_edited(edited: &mut Option<oneshot::Receiver<Option<String>>>) -> Option<String> {
    match edited {
        Some(edited) => edited.await.unwrap_or_default(),
        None => pending().await,
    }
}

/// Waits for a moment, or for ever.
pub async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
