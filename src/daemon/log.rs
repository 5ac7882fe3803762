//! What chatd says of itself: to its own log, which can be turned off and on, shown, followed, emptied and opened again,
//! and beside that to the journal or on standard error. Which events there are is for those who make them: names,
//! addresses and numbers; never the text of a message, a password or a token.
//!
//! Whoever has something to say hands it over and goes on: file, journal and standard error have a thread each, and what
//! goes wrong with one of them stays there. The locks are held for moments, in which nothing is waited for.

mod bare;
mod file;
mod journal;
mod lines;
mod mask;
mod outlet;
mod queue;
mod record;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::base::{Limits, catalog};
use crate::wire::control::{LogCleared, LogLevel, LogLines, LogState};
use file::LogFile;
use lines::{Line, Lines};
use record::Record;

pub use lines::Follower;
pub(super) use mask::Addresses;
pub(super) use outlet::Outlet;

/// The log. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    steering: Mutex<Steering>,
    /// What is told in chatd's own log and beside it at present, as numbers of [`threshold`]: looked at without a lock.
    own: AtomicUsize,
    beside: AtomicUsize,
    full_addresses: AtomicBool,
    lines: Arc<Lines>,
    /// None until the configuration is read.
    file: OnceLock<LogFile>,
    outlet: Option<Arc<Outlet>>,
}

#[derive(Clone, Copy)]
struct Steering {
    on: bool,
    level: LogLevel,
}

impl Log {
    /// A log that is kept in memory alone so far, and told beside that as well.
    #[must_use]
    pub(super) fn new(outlet: Option<Outlet>) -> Self {
        let lines_max = Limits::default().log_lines as usize;
        let log = Self(Arc::new(Shared {
            steering: Mutex::new(Steering {
                on: true,
                level: LogLevel::Info,
            }),
            own: AtomicUsize::new(0),
            beside: AtomicUsize::new(0),
            full_addresses: AtomicBool::new(false),
            lines: Arc::new(Lines::new(lines_max)),
            file: OnceLock::new(),
            outlet: outlet.map(Arc::new),
        }));
        log.put_in_force(&log.steering());
        log
    }

    /// From now on it is kept in this file as well, and `lines_max` lines of it in memory.
    ///
    /// # Errors
    /// When the system gives no thread. A file that cannot be opened is no error: that is told, and [`Log::reopen`] tries
    /// it again.
    pub fn open(&self, path: &Path, lines_max: usize) -> io::Result<()> {
        let shared = &self.0;
        shared.lines.set_max(lines_max);
        let (lines, outlet) = (shared.lines.clone(), shared.outlet.clone());
        let name = path.display().to_string();
        // What the file itself has to say of its being written cannot be an event: it might come of writing one.
        let complain = move |error: &io::Error| {
            let fields = [
                (record::MESSAGE_ID, catalog::LOG_FILE_FAILED),
                ("file", &name),
                ("error", &error.to_string()),
            ];
            let text = "cannot write to the log file; until that is over the lines are kept in memory alone";
            let record = Record::of_the_log(&journal::OF_THE_LOG, text, &fields);
            lines.push(Line::of(&record), |_| {});
            if let Some(outlet) = &outlet {
                outlet.put(record);
            }
        };
        let file = shared.file.set(LogFile::new(path, complain)?);
        debug_assert!(file.is_ok(), "it is opened once");
        let _ = self.reopen();
        Ok(())
    }

    /// Opens the file again, by its name: after it was moved away for rotation, or because it could not be opened.
    ///
    /// # Errors
    /// When it cannot be opened, which is told as well; then the lines go on to where they went before.
    pub fn reopen(&self) -> io::Result<()> {
        let Some(file) = self.0.file.get() else {
            return Ok(());
        };
        file.open().inspect_err(|error| {
            tracing::warn!(
                MESSAGE_ID = catalog::LOG_FILE_FAILED,
                file = %file.path().display(),
                %error,
                "cannot open the log file; its lines are kept in memory alone until `chatctl reload` can open it"
            );
        })
    }

    /// Turns chatd's own log on or off, and sets the level of all; what is `None` stays. In force at once in all threads.
    pub fn set(&self, on: Option<bool>, level: Option<LogLevel>) -> LogState {
        let mut steering = self.steering();
        steering.on = on.unwrap_or(steering.on);
        steering.level = level.unwrap_or(steering.level);
        self.put_in_force(&steering);
        drop(steering);
        // Each place that logs remembers whether anybody wants to know; this makes it ask again.
        tracing::callsite::rebuild_interest_cache();
        // What is off writes no more.
        self.0.file.get().map(LogFile::flush);
        self.state()
    }

    /// Sets how people's addresses are shown.
    pub(super) fn show_addresses(&self, addresses: Addresses) {
        let full = addresses == Addresses::Full;
        self.0.full_addresses.store(full, Ordering::Relaxed);
    }

    /// Empties the file and forgets the lines that were kept.
    ///
    /// # Errors
    /// When the file cannot be cut short; then it stays as it is.
    pub fn clear(&self) -> io::Result<LogCleared> {
        let bytes = self.0.file.get().map_or(Ok(0), LogFile::clear)?;
        self.0.lines.clear();
        let LogState { file, journal, .. } = self.state();
        Ok(LogCleared {
            file,
            bytes,
            journal,
        })
    }

    /// Whether it is on, its level, its file, and what is wrong with that; whether the journal is told as well.
    #[must_use]
    pub fn state(&self) -> LogState {
        let Steering { on, level } = *self.steering();
        let file = self.0.file.get();
        LogState {
            on,
            level,
            file: file.map(|file| file.path().display().to_string()),
            problem: file.and_then(LogFile::problem),
            journal: self.journal().is_some(),
        }
    }

    /// The last lines, oldest first: `count` of them, or all that are kept.
    #[must_use]
    pub fn show(&self, count: Option<u32>) -> LogLines {
        LogLines {
            lines: self.0.lines.last(count),
            problem: self.state().problem,
        }
    }

    /// The lines that are kept, oldest first, as they can be told to strangers.
    #[must_use]
    pub fn bare(&self) -> Vec<String> {
        self.0.lines.bare()
    }

    /// The last `count` lines and then each as it comes, without a gap between.
    #[must_use]
    pub fn follow(&self, count: u32) -> Follower {
        self.0.lines.follow(count)
    }

    /// Waits, not for long, until everything is written and told: before the end.
    pub fn flush(&self) {
        self.0.file.get().map(LogFile::flush);
        self.0.outlet.as_ref().map(|outlet| outlet.flush());
    }

    /// Whether an event of this level is told to the journal, which also reads what is printed: then it need not be
    /// printed.
    pub fn tells_journal(&self, level: Level) -> bool {
        self.journal().is_some() && level <= threshold(self.0.beside.load(Ordering::Relaxed))
    }

    /// Whether the journal is told, and is also what reads this file.
    pub(super) fn is_printed_to(&self, file: impl AsFd) -> bool {
        self.journal().is_some() && journal::reads(file)
    }

    fn journal(&self) -> Option<&Arc<Outlet>> {
        let outlet = self.0.outlet.as_ref();
        outlet.filter(|outlet| outlet.is_journal())
    }

    fn put_in_force(&self, steering: &Steering) {
        let level = steering.level as usize;
        let own = if steering.on { level } else { 0 };
        let beside = if self.0.outlet.is_some() { level } else { 0 };
        self.0.own.store(own, Ordering::Relaxed);
        self.0.beside.store(beside, Ordering::Relaxed);
    }

    /// What anybody wants to know.
    fn filter(&self) -> LevelFilter {
        let own = self.0.own.load(Ordering::Relaxed);
        threshold(own.max(self.0.beside.load(Ordering::Relaxed)))
    }

    fn steering(&self) -> MutexGuard<'_, Steering> {
        let steering = self.0.steering.lock();
        steering.unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if *metadata.level() <= self.filter() {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.filter()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let shared = &self.0;
        let addresses = match shared.full_addresses.load(Ordering::Relaxed) {
            true => Addresses::Full,
            false => Addresses::Masked,
        };
        let record = Record::new(event, addresses);
        if record.level() <= threshold(shared.own.load(Ordering::Relaxed)) {
            shared.lines.push(Line::of(&record), |line| {
                if let Some(file) = shared.file.get() {
                    file.put(line);
                }
            });
        }
        if let Some(outlet) = &shared.outlet
            && record.level() <= threshold(shared.beside.load(Ordering::Relaxed))
        {
            outlet.put(record);
        }
    }
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
