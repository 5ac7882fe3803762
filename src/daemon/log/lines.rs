//! The last lines of chatd's own log, in memory: to be shown, and followed as they come. Whether they also are in a file
//! makes no difference here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::bare::{Bare, Masks};
use super::record::Record;
use crate::wire::control::LogLine;

/// Lines that a follower may be behind. Past that it misses the oldest and is told how many.
pub(super) const FOLLOWER_LINES: usize = 1_024;

pub(super) struct Lines {
    kept: Mutex<Kept>,
    live: broadcast::Sender<Arc<str>>,
}

struct Kept {
    /// Oldest first.
    lines: VecDeque<Line>,
    lines_max: usize,
}

/// An event as it stands in the log, and as it can be told to strangers.
pub(super) struct Line {
    text: Arc<str>,
    bare: Arc<Bare>,
}

impl Line {
    pub fn of(record: &Record) -> Self {
        Self {
            text: record.line().into(),
            bare: Arc::new(Bare::of(record)),
        }
    }
}

impl Lines {
    pub fn new(lines_max: usize) -> Self {
        let lines = VecDeque::new();
        Self {
            kept: Mutex::new(Kept { lines, lines_max }),
            live: broadcast::Sender::new(FOLLOWER_LINES),
        }
    }

    pub fn set_max(&self, lines_max: usize) {
        self.lock().lines_max = lines_max;
    }

    /// Takes a line, and hands it on with `then` in the order in which followers see it.
    pub fn push(&self, line: Line, then: impl FnOnce(Arc<str>)) {
        let mut kept = self.lock();
        let text = line.text.clone();
        kept.lines.push_back(line);
        while kept.lines.len() > kept.lines_max {
            kept.lines.pop_front();
        }
        // No followers is no error.
        let _ = self.live.send(text.clone());
        then(text);
    }

    /// The lines that are kept, oldest first, as they can be told to strangers.
    pub fn bare(&self) -> Vec<String> {
        // Nobody who has something to say waits until they are made.
        let lines: Vec<_> = {
            self.lock()
                .lines
                .iter()
                .map(|line| line.bare.clone())
                .collect()
        };
        let mut masks = Masks::default();
        lines.iter().map(|line| line.line(&mut masks)).collect()
    }

    pub fn clear(&self) {
        self.lock().lines.clear();
    }

    /// The last lines, oldest first: `count` of them, or all that are kept.
    pub fn last(&self, count: Option<u32>) -> Vec<Arc<str>> {
        self.lock().last(count.unwrap_or(u32::MAX))
    }

    /// The last `count` lines and then each as it comes, without a gap between.
    pub fn follow(&self, count: u32) -> Follower {
        let kept = self.lock();
        Follower {
            before: kept.last(count).into(),
            live: self.live.subscribe(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn last(&self, count: u32) -> Vec<Arc<str>> {
        let skipped = self.lines.len().saturating_sub(count as usize);
        let last = self.lines.iter().skip(skipped);
        last.map(|line| line.text.clone()).collect()
    }
}

/// Gives the lines of the log to somebody who waits for them.
pub struct Follower {
    before: VecDeque<Arc<str>>,
    live: broadcast::Receiver<Arc<str>>,
}

impl Follower {
    /// The next line; `None` when the log is gone. May be dropped half way.
    pub async fn next(&mut self) -> Option<LogLine> {
        if let Some(line) = self.before.pop_front() {
            return Some(LogLine {
                line: Some(line),
                missed: None,
            });
        }
        let mut missed = None;
        loop {
            match self.live.recv().await {
                Ok(line) => {
                    let line = Some(line);
                    return Some(LogLine { line, missed });
                }
                Err(RecvError::Lagged(lines)) => missed = Some(missed.unwrap_or(0) + lines),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
