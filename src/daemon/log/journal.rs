//! The system's journal: whether it reads what chatd prints, and how it is told an event with its level and fields.
//! Telling it may wait for as long as the journal likes, so only a thread of its own does so.

use std::array::from_fn;
use std::io;
use std::os::fd::AsFd;

use tracing::callsite::{Callsite, Identifier};
use tracing::field::{FieldSet, Value};
use tracing::metadata::Kind;
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Level, Metadata};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Layered, SubscriberExt as _};

use super::record::{FIELDS, Record};

/// Whether the journal reads what is written here: `$JOURNAL_STREAM` has the device and inode of its socket. The
/// variable alone proves nothing, since it is inherited.
pub(super) fn reads(file: impl AsFd) -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let here = nix::sys::stat::fstat(file).map(|file| format!("{}:{}", file.st_dev, file.st_ino));
    here == Ok(stream)
}

/// How urgent a level is in the journal and in syslog. Error and warning are errors and warnings there, what is normal is
/// `info`; tracing-journald by itself would make it `notice`.
const PRIORITIES: PriorityMappings = PriorityMappings {
    error: Priority::Error,
    warn: Priority::Warning,
    info: Priority::Informational,
    debug: Priority::Debug,
    trace: Priority::Debug,
};

/// The digit of a level's priority: for lines in a stream that the journal reads, `<6>…` (sd-daemon(3)).
pub(super) fn priority(level: Level) -> char {
    let priority = match level {
        Level::ERROR => PRIORITIES.error,
        Level::WARN => PRIORITIES.warn,
        Level::INFO => PRIORITIES.info,
        Level::DEBUG => PRIORITIES.debug,
        Level::TRACE => PRIORITIES.trace,
    };
    char::from(priority as u8)
}

/// The names of an event's fields in the journal, the message first.
static NAMES: [&str; 1 + FIELDS.len()] = {
    let mut names = ["message"; 1 + FIELDS.len()];
    let mut at = 0;
    while at < FIELDS.len() {
        names[1 + at] = FIELDS[at].1;
        at += 1;
    }
    names
};

/// What the log itself has to say is a warning, and comes from here.
pub(super) static OF_THE_LOG: Metadata<'static> = Metadata::new(
    "log",
    module_path!(),
    Level::WARN,
    Some(file!()),
    Some(line!()),
    Some(module_path!()),
    FieldSet::new(&NAMES, Identifier(&OfTheLog)),
    Kind::EVENT,
);

/// Fields belong to a place in the source; this is the place of [`NAMES`].
struct OfTheLog;

impl Callsite for OfTheLog {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &OF_THE_LOG
    }
}

/// The way into the journal.
pub(super) struct Journal(Layered<tracing_journald::Layer, Registry>);

impl Journal {
    /// Finds the journal's socket.
    ///
    /// # Errors
    /// When it cannot be reached from here.
    pub fn open() -> io::Result<Self> {
        let layer = tracing_journald::layer()?
            .with_syslog_identifier("chatd".to_owned())
            .with_field_prefix(None)
            .with_priority_mappings(PRIORITIES);
        Ok(Self(tracing_subscriber::registry().with(layer)))
    }

    /// Tells it an event. Waits while the journal takes nothing.
    ///
    /// The event is made anew, with other names for its fields and the level and the place of the first one. The
    /// macros of tracing would put this place into CODE_FILE and CODE_LINE, hence `value_set`, by which they work. The
    /// subscriber is asked by its name and is nobody's default: so no other event is offered to it.
    pub fn tell(&self, record: &Record) {
        let text = Some(record.text.as_str());
        let values: [Option<&str>; NAMES.len()] = from_fn(|at| match at {
            0 => text,
            at => record.fields[at - 1].as_deref(),
        });
        let names = OF_THE_LOG.fields();
        let fields = NAMES.map(|name| names.field(name));
        let Some(first) = &fields[0] else { return };
        let pairs: [_; NAMES.len()] = from_fn(|at| {
            let value = values[at].as_ref().map(|value| value as &dyn Value);
            match &fields[at] {
                Some(field) => (field, value),
                None => (first, None),
            }
        });
        let values = names.value_set(&pairs);
        self.0.event(&Event::new(record.metadata, &values));
    }
}
