//! Where events are told beside chatd's own log: to the journal when it reads what chatd prints, otherwise on standard
//! error. Either may be stuck, a journal that hangs or a terminal that was stopped, so a thread of its own tells it.

use std::io::{self, IsTerminal as _, Write as _, stderr};

use jiff::tz::TimeZone;

use super::journal::{self, Journal, OF_THE_LOG, priority};
use super::queue::{Queue, Taken};
use super::record::Record;
use crate::base::catalog;

/// What chatd says on standard error in its own words, as any program does before it ends. There the event would
/// only repeat it.
const IN_OWN_WORDS: [&str; 2] = [catalog::CANNOT_START, catalog::FAULT];

/// The way to one of the two.
pub(in crate::daemon) struct Outlet {
    queue: Queue<Record>,
    is_journal: bool,
}

impl Outlet {
    /// The journal if it reads standard error, else standard error.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new() -> io::Result<Self> {
        if !journal::reads(stderr()) {
            return Self::spawn(false, to_stderr(stderr().is_terminal()));
        }
        // The journal drops an empty line, but by it learns of which unit this process is. With an entry it would look
        // that up when it comes to it, and a daemon that cannot start is gone by then.
        print("\n".to_owned());
        Self::spawn(true, to_journal())
    }

    /// One whose thread does this with each.
    pub(super) fn spawn(
        is_journal: bool,
        mut tell: impl FnMut(&Record) + Send + 'static,
    ) -> io::Result<Self> {
        let name = if is_journal { "journal" } else { "stderr" };
        let missed = |lines: u64| {
            let text = "what was to be told here did not fit; chatd's own log may have it";
            Record::of_the_log(&OF_THE_LOG, text, &[("lines", &lines.to_string())])
        };
        let queue = Queue::spawn(name, move |taken| {
            for taken in taken {
                match taken {
                    Taken::One(record) => tell(&record),
                    Taken::Missed(lines) => tell(&missed(lines)),
                }
            }
        })?;
        Ok(Self { queue, is_journal })
    }

    /// Whether what is told here is in the journal.
    pub fn is_journal(&self) -> bool {
        self.is_journal
    }

    pub(super) fn put(&self, record: Record) {
        let bytes = record.bytes();
        self.queue.put(record, bytes);
    }

    /// Waits, not for long, until everything is told.
    pub fn flush(&self) -> bool {
        self.queue.flush()
    }
}

/// Looks for the journal's socket at the first event: already that may have to wait. Where there is none, as in a folder
/// that is its own root, the journal still reads lines, and a digit tells it their priority.
fn to_journal() -> impl FnMut(&Record) {
    let mut journal: Option<io::Result<Journal>> = None;
    move |record| {
        if journal.is_none() {
            let opened = Journal::open();
            if let Err(error) = &opened {
                print_with_priority(&Record::of_the_log(
                    &OF_THE_LOG,
                    "the journal's own socket cannot be used, so its entries have no fields",
                    &[("error", &error.to_string())],
                ));
            }
            journal = Some(opened);
        }
        match &journal {
            Some(Ok(journal)) => journal.tell(record),
            _ => print_with_priority(record),
        }
    }
}

fn print_with_priority(record: &Record) {
    let priority = priority(record.level());
    let lines = record.text.lines();
    print(lines.map(|line| format!("<{priority}>{line}\n")).collect());
}

/// Lines for whoever started chatd. Who looks on needs no date and reads a clock as it is on the wall; what is kept
/// is written as in chatd's own log.
fn to_stderr(is_terminal: bool) -> impl FnMut(&Record) {
    let zone = TimeZone::system();
    move |record| {
        let is_said = |id| IN_OWN_WORDS.contains(&id);
        if !record.message_id().is_some_and(is_said) {
            print(match is_terminal {
                true => on_terminal(record, &zone),
                false => record.line() + "\n",
            });
        }
    }
}

fn on_terminal(record: &Record, zone: &TimeZone) -> String {
    let at = jiff::Timestamp::from_millisecond(record.at.0).unwrap_or_default();
    let clock = at.to_zoned(zone.clone()).strftime("%H:%M:%S");
    format!("{clock} {} {}\n", record.level(), record.text)
}

/// Nobody may be there to read it.
fn print(text: String) {
    let _ = stderr().lock().write_all(text.as_bytes());
}
