//! Data that goes out and comes in by the control socket: exports, searches, the audit log, backups, checks, imports. What is read from
//! the database is read by a thread of its own, in pages, with a rest after each: those who talk are not to notice.

pub(super) mod audit;
pub(super) mod backup;
pub(super) mod check;
pub(super) mod diagnosis;
pub(super) mod export;
pub(super) mod import;
pub(super) mod search;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::base::record::{PasswordHash, Record, RoomForm};
use crate::base::{RoomId, Seq, UserId};
use crate::engine::effect::{AdminRoomLine, Reply as Outcome};
use crate::engine::input::Command as Ask;
use crate::store::{Database, Reader, StoreError, Upkeep};
use crate::wire::control::{ControlError, Message};

use super::admin::Admin;
use super::names::Names;
use import::Import;

/// Exports at once: each keeps some megabytes for a caller that is slow.
const EXPORTS_MAX: usize = 4;
/// Parts made ahead of what is written by a thread of its own.
const PARTS_AHEAD: usize = 4;
/// Callers are told at least so often how far it is: who hears nothing for long takes the daemon for stuck.
pub(super) const PULSE: Duration = Duration::from_secs(5);

pub(super) type Result<T> = std::result::Result<T, ControlError>;

/// The hand that all this is done with; on the main thread.
pub(super) struct Data {
    clerk: Sender<Task>,
    upkeep: Upkeep,
    exports: Cell<usize>,
    backups: Cell<usize>,
    checks: Cell<usize>,
    /// The accounts that were taken in and are not imported yet.
    import: RefCell<Option<Import>>,
    /// How many there have been.
    imports: Cell<u32>,
}

type Task = Box<dyn FnOnce(&mut Clerk) + Send>;

/// Reads the database for exports and searches; a thread of its own.
pub(super) struct Clerk {
    reader: Box<dyn Reader>,
    names: Names,
}

impl Data {
    /// Starts the thread. It ends when nobody can ask any more.
    ///
    /// # Errors
    /// When the database cannot be opened once more, or the system gives no thread.
    pub fn start(database: &Database) -> std::result::Result<Self, StartError> {
        let (clerk, tasks) = channel::<Task>();
        let mut reads = Clerk {
            reader: Box::new(database.reader()?),
            names: Names::default(),
        };
        thread::Builder::new().name("data".into()).spawn(move || {
            tasks.into_iter().for_each(|task| task(&mut reads));
        })?;
        Ok(Self {
            clerk,
            upkeep: database.upkeep(),
            exports: Cell::new(0),
            backups: Cell::new(0),
            checks: Cell::new(0),
            import: RefCell::default(),
            imports: Cell::new(0),
        })
    }

    /// Has the thread read something. Whoever goes on reading then leaves the disk and a processor to others for as long
    /// as it took.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Clerk) -> std::result::Result<T, StoreError> + Send + 'static,
    ) -> Result<T> {
        let (done, outcome) = oneshot::channel();
        let task = move |clerk: &mut Clerk| {
            let begun = Instant::now();
            let read = read(clerk);
            let _ = done.send((read, begun.elapsed()));
        };
        let (read, took) = match self.clerk.send(Box::new(task)) {
            Ok(()) => outcome.await.map_err(|_| ControlError::ShuttingDown {})?,
            Err(_) => return Err(ControlError::ShuttingDown {}),
        };
        tokio::time::sleep(took).await;
        read.map_err(|error| failed(&error))
    }
}

/// Why it cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Thread(#[from] std::io::Error),
}

impl Clerk {
    /// Messages with the names of their authors, in the words of the control socket.
    fn messages(
        &mut self,
        room: &str,
        records: Vec<Record>,
    ) -> std::result::Result<Vec<Message>, StoreError> {
        let mut messages = Vec::with_capacity(records.len());
        for Record { seq, draft } in records {
            messages.push(Message {
                room: room.to_owned(),
                seq,
                at: draft.at,
                from: self.names.of(draft.author, &mut *self.reader)?.into(),
                kind: draft.kind,
                text: draft.text,
            });
        }
        Ok(messages)
    }

    fn password(&mut self, user: UserId) -> std::result::Result<Option<PasswordHash>, StoreError> {
        self.reader.password(user)
    }
}

/// A room that is read.
#[derive(Clone, Debug)]
struct Place {
    id: RoomId,
    label: Arc<str>,
    first: Seq,
    last: Seq,
}

/// The rooms that are meant, and how many direct conversations are left out.
async fn places(
    admin: &Admin,
    room: Option<&str>,
    with_direct: Option<bool>,
) -> Result<(Vec<Place>, u64)> {
    let Outcome::Rooms(rooms) = admin.ask(Ask::Rooms).await? else {
        return Ok((Vec::new(), 0));
    };
    let wanted = room.map(|room| (room, room.parse().ok().map(RoomForm::Open)));
    let is_wanted = |line: &AdminRoomLine| match &wanted {
        None => true,
        Some((label, form)) => Some(&line.form) == form.as_ref() || line.label == *label,
    };
    let is_direct = |line: &AdminRoomLine| matches!(line.form, RoomForm::Direct(..));
    let meant: Vec<_> = rooms.into_iter().filter(is_wanted).collect();
    if let (Some(room), true) = (room, meant.is_empty()) {
        let room = room.to_owned();
        return Err(ControlError::no_such_room(room));
    }
    let all = meant.len();
    let open = meant
        .into_iter()
        .filter(|line| with_direct == Some(true) || !is_direct(line));
    let places: Vec<_> = open
        .map(|line| Place {
            id: line.id,
            label: line.label.into(),
            first: line.first_seq,
            last: line.last_seq,
        })
        .collect();
    let left_out = (all - places.len()) as u64;
    Ok((places, left_out))
}

/// So many of a sort at once; the place is free again when this goes out of scope.
struct Turn<'a>(&'a Cell<usize>);

impl<'a> Turn<'a> {
    fn take(count: &'a Cell<usize>, most: usize, what: &str) -> Result<Self> {
        if count.get() >= most {
            let reason = format!("{what} already; try again when it is done");
            return Err(ControlError::Failed { reason });
        }
        count.set(count.get() + 1);
        Ok(Self(count))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A thread of its own that works on the database and tells how it goes. It is to stop once nobody listens any more.
struct Worker<T> {
    parts: mpsc::Receiver<T>,
    gone: Arc<AtomicBool>,
}

impl<T: Send + 'static> Worker<T> {
    fn start(
        name: &str,
        work: impl FnOnce(&Arc<AtomicBool>, &mpsc::Sender<T>) + Send + 'static,
    ) -> Result<Self> {
        let (sender, parts) = mpsc::channel(PARTS_AHEAD);
        let gone = Arc::new(AtomicBool::new(false));
        let seen = gone.clone();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&seen, &sender))
            .map_err(|error| ControlError::Failed {
                reason: format!("the system gives no thread: {error}"),
            })?;
        Ok(Self { parts, gone })
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

/// The caller takes no more.
fn gone() -> ControlError {
    ControlError::Failed {
        reason: "the caller has gone".to_owned(),
    }
}

fn failed(error: &StoreError) -> ControlError {
    tracing::error!(%error, "cannot give out or take in data");
    match error {
        StoreError::Full { .. } => ControlError::StorageFull {},
        error => ControlError::Failed {
            reason: error.to_string(),
        },
    }
}

/// For a rest between two things that are done again and again.
const SHORT: Duration = Duration::from_millis(100);
