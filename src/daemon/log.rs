//! chatd's own log: a file of lines that can be turned off and on, read, followed, emptied and opened again while it is
//! written. Which lines there are is for those who write them: names, addresses and numbers; never the text of a
//! message, a password or a token.
//!
//! The one lock is held for one write of one line. Threads that log meet in it, so nothing is logged for each message
//! at the level that is on by default. What goes wrong with the file stays here: the daemon does not notice.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::base::Timestamp;
use crate::base::text::harmless;
use crate::wire::control::{LogCleared, LogLevel, LogLine, LogLines, LogState};

/// Lines that a follower may be behind. Past that it misses the oldest and is told how many.
const FOLLOWER_LINES: usize = 1_024;
/// The longest line in bytes; the rest of a longer one is left out.
const LINE_BYTES_MAX: usize = 8_192;
/// The log tells who was here and from where: it is the owner's. Others may read it through the control socket.
const FILE_MODE: u32 = 0o600;
/// A folder that is made for it is often the state folder, which nobody else may look into.
const FOLDER_MODE: u32 = 0o700;

/// The log. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    /// What is logged at present, as a number of [`threshold`]: looked at without the lock.
    threshold: AtomicUsize,
    inner: Mutex<Inner>,
    live: broadcast::Sender<Arc<str>>,
}

struct Inner {
    on: bool,
    level: LogLevel,
    path: Option<PathBuf>,
    file: Option<File>,
    /// The last write has ended within a line.
    is_torn: bool,
    /// Lines that could not be written since the last one that could.
    unwritten: u64,
    /// The last lines, oldest first.
    lines: VecDeque<Arc<str>>,
    lines_max: usize,
}

impl Log {
    /// A log at this level in this file, which is made if it is missing, along with its folder. Without a path the
    /// last `lines_max` lines are kept in memory and no others.
    ///
    /// # Errors
    /// When the file cannot be opened for writing.
    pub fn open(path: Option<&Path>, level: LogLevel, lines_max: usize) -> io::Result<Self> {
        let file = path.map(open).transpose()?;
        let inner = Inner {
            on: true,
            level,
            path: path.map(Path::to_owned),
            file,
            is_torn: false,
            unwritten: 0,
            lines: VecDeque::new(),
            lines_max,
        };
        Ok(Self(Arc::new(Shared {
            threshold: AtomicUsize::new(inner.threshold()),
            inner: Mutex::new(inner),
            live: broadcast::Sender::new(FOLLOWER_LINES),
        })))
    }

    /// What to put into the subscriber, so that events become lines here.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_subscriber::fmt::layer()
            .event_format(LineFormat)
            .with_ansi(false)
            .with_writer(self.clone())
            .with_filter(self.clone())
    }

    /// Turns it on or off and sets its level; what is `None` stays. In force at once in all threads.
    pub fn set(&self, on: Option<bool>, level: Option<LogLevel>) -> LogState {
        let mut inner = self.lock();
        inner.on = on.unwrap_or(inner.on);
        inner.level = level.unwrap_or(inner.level);
        self.0.threshold.store(inner.threshold(), Ordering::Relaxed);
        let state = inner.state();
        drop(inner);
        // Each place that logs remembers whether anybody wants to know; this makes it ask again.
        tracing::callsite::rebuild_interest_cache();
        state
    }

    /// Empties the file and forgets the lines that were kept.
    ///
    /// # Errors
    /// When the file cannot be cut short; then it stays as it is.
    pub fn clear(&self) -> io::Result<LogCleared> {
        let mut inner = self.lock();
        let mut bytes = 0;
        // Cut in place: each line is written at the end, wherever that is, so no hole is left.
        if let Some(file) = &inner.file {
            bytes = file.metadata()?.len();
            file.set_len(0)?;
        }
        inner.is_torn = false;
        inner.lines.clear();
        let file = inner.state().file;
        Ok(LogCleared { file, bytes })
    }

    /// Opens the file again, by its name: after it was moved away for rotation.
    ///
    /// # Errors
    /// When it cannot be opened; then the lines go on to where they went before.
    pub fn reopen(&self) -> io::Result<()> {
        let mut inner = self.lock();
        if let Some(path) = &inner.path {
            inner.file = Some(open(path)?);
            inner.is_torn = false;
        }
        Ok(())
    }

    /// Whether it is on, its level and its file.
    #[must_use]
    pub fn state(&self) -> LogState {
        self.lock().state()
    }

    /// The last lines, oldest first: `count` of them, or all that are kept.
    #[must_use]
    pub fn show(&self, count: Option<u32>) -> LogLines {
        let lines = self.lock().last(count.unwrap_or(u32::MAX));
        LogLines { lines }
    }

    /// The last `count` lines and then each as it comes, without a gap between.
    #[must_use]
    pub fn follow(&self, count: u32) -> Follower {
        let inner = self.lock();
        Follower {
            before: inner.last(count).into(),
            live: self.0.live.subscribe(),
        }
    }

    fn append(&self, line: &str) {
        let line: Arc<str> = line.into();
        let mut inner = self.lock();
        inner.write(&line);
        inner.lines.push_back(Arc::clone(&line));
        inner.trim();
        // Within the lock, so that followers see the order of the file. No followers is no error.
        let _ = self.0.live.send(line);
    }

    fn filter(&self) -> LevelFilter {
        threshold(self.0.threshold.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|path| !path.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(FILE_MODE)
        .open(path)
}

impl Inner {
    fn threshold(&self) -> usize {
        if self.on { self.level as usize } else { 0 }
    }

    fn state(&self) -> LogState {
        let file = self.path.as_ref().map(|path| path.display().to_string());
        LogState {
            on: self.on,
            level: self.level,
            file,
        }
    }

    fn last(&self, count: u32) -> Vec<Arc<str>> {
        let skipped = self.lines.len().saturating_sub(count as usize);
        self.lines.iter().skip(skipped).cloned().collect()
    }

    fn trim(&mut self) {
        while self.lines.len() > self.lines_max {
            self.lines.pop_front();
        }
    }

    /// Writes a line to the file. A full disk costs lines and nothing else; how many is told once there is room.
    fn write(&mut self, line: &str) {
        let Some(file) = &mut self.file else {
            return;
        };
        let mut text = String::with_capacity(line.len() + 1);
        if self.is_torn {
            text.push('\n');
        }
        if self.unwritten > 0 {
            let (at, lines) = (now(), self.unwritten);
            text.push_str(&format!("{at} WARN log file not written lines={lines}\n"));
        }
        text.push_str(line);
        text.push('\n');
        let written = write_all(file, text.as_bytes());
        if written == text.len() {
            (self.is_torn, self.unwritten) = (false, 0);
        } else {
            self.is_torn |= written > 0;
            self.unwritten += 1;
        }
    }
}

/// Writes as much as can be and tells how much that was.
fn write_all(file: &mut File, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    written
}

fn threshold(number: usize) -> LevelFilter {
    const FILTERS: [LevelFilter; 6] = [
        LevelFilter::OFF,
        LevelFilter::ERROR,
        LevelFilter::WARN,
        LevelFilter::INFO,
        LevelFilter::DEBUG,
        LevelFilter::TRACE,
    ];
    FILTERS.get(number).copied().unwrap_or(LevelFilter::OFF)
}

fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::default().plus(since_1970.unwrap_or_default())
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

impl<S> Filter<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        *metadata.level() <= self.filter()
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if *metadata.level() <= self.filter() {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter(self)
    }
}

/// Takes lines from the subscriber, each in one call.
pub struct LineWriter<'a>(&'a Log);

impl Write for LineWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.append(text.strip_suffix('\n').unwrap_or(&text));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How an event becomes a line: `2026-11-20T10:30:00.000Z INFO listening address=127.0.0.1:2428`. Whatever is in the
/// values, it stays one line.
pub struct LineFormat;

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = String::new();
        context.format_fields(Writer::new(&mut fields), event)?;
        let fields = harmless(&fields);
        let end = fields.floor_char_boundary(LINE_BYTES_MAX);
        let rest = if end < fields.len() { "…" } else { "" };
        let level = event.metadata().level();
        writeln!(writer, "{} {level} {}{rest}", now(), &fields[..end])
    }
}
