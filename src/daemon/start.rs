//! The parts of the daemon as they are started: log, sockets, threads. In which order is said in `mod.rs`.

use std::io::ErrorKind;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustls::crypto::aws_lc_rs::default_provider;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::clock::Clock;
use super::config::Config;
use super::data::{Data, StartError};
use super::exit::Exit;
use super::hub::{Hub, Outgoing};
use super::log::{Log, Outlet};
use super::password::Passwords;
use super::service::Service;
use super::writer::Work;
use super::{fault, reader, settings, writer};
use crate::base::record::Snapshot;
use crate::base::{CallId, Limits, Timestamp, catalog};
use crate::control;
use crate::engine::Engine;
use crate::engine::effect::Reply;
use crate::engine::input::Input;
use crate::net::listener::{Bound, bind};
use crate::net::worker::{Worker, WorkerHandle};
use crate::net::{Greeting, Lookup, Order};
use crate::store::{Database, Reader, SqliteReader, SqliteStore, StoreError};

/// Open files of the daemon itself: the standard streams, log, journal and service manager, the writer's and the lock, and
/// some to spare.
const OWN_FILES: u64 = 50;
/// Open files of a listener, with its socket, or of a worker: each has a runtime of its own.
const RUNTIME_FILES: u64 = 5;
/// Open files of a thread that reads the database: that and its write-ahead log.
const READER_FILES: u64 = 2;
/// Readers for the admin: exports and searches, a check, a backup and its copy.
const ADMIN_READERS: u32 = 4;

/// The queues between the threads behind the workers.
pub(super) struct Ways {
    pub inputs: Sender<Input>,
    pub workers: Vec<UnboundedSender<Order>>,
    pub lookups: Sender<Lookup>,
    pub questions: Receiver<Lookup>,
}

/// The threads behind the workers.
pub(super) struct Threads {
    pub passwords: Passwords,
    pub replies: UnboundedReceiver<(CallId, Reply)>,
    pub hub: JoinHandle<()>,
    pub writer: JoinHandle<()>,
    /// The way to the writer.
    pub jobs: Sender<Work>,
    /// Tells that an entry of the audit log was stored.
    pub audited: watch::Receiver<()>,
    /// Tells whether the keys of what was said lately could be read.
    pub keys: oneshot::Receiver<Result<(), StoreError>>,
}

impl Ways {
    /// Starts writer, readers, password threads and, last, the hub, which goes on from this snapshot of the store.
    pub fn start(
        self,
        config: &Config,
        database: &Database,
        (store, snapshot): (SqliteStore, Snapshot),
        since: Timestamp,
        inbox: Receiver<Input>,
    ) -> Result<Threads, Exit> {
        let limits = &config.limits;
        let readers = |count| some_readers(database, count);
        let spawned = |error| Exit::no_thread(&error);
        let (jobs, waiting) = channel();
        let jobs_per_commit = limits.appends_per_commit as usize;
        let store = Box::new(store);
        let (audits, audited) = watch::channel(());
        let hub = self.inputs.clone();
        let writer =
            writer::spawn(store, waiting, hub, jobs_per_commit, audits).map_err(spawned)?;
        reader::spawn(
            readers(limits.reader_threads)?,
            self.questions,
            &self.workers,
            &self.inputs,
        )
        .map_err(spawned)?;
        let (searches, questions) = channel();
        reader::spawn(readers(1)?, questions, &self.workers, &self.inputs).map_err(spawned)?;
        let passwords =
            Passwords::spawn(readers(limits.password_threads)?, limits).map_err(spawned)?;
        let keys = read_keys(database.reader()?, limits, since, self.inputs.clone());
        let keys = keys.map_err(spawned)?;
        let (replies_to, replies) = unbounded_channel();
        let hub = Hub {
            outgoing: Outgoing::default(),
            engine: Engine::new(settings::rules(config), snapshot),
            clock: Clock::start(),
            inputs: inbox,
            outcomes: self.inputs,
            workers: self.workers,
            writer: jobs.clone(),
            lookups: self.lookups,
            searches,
            passwords: passwords.clone(),
            replies: replies_to,
        };
        let hub = hub.spawn().map_err(spawned)?;
        Ok(Threads {
            passwords,
            replies,
            hub,
            writer,
            jobs,
            audited,
            keys,
        })
    }
}

/// Reads the keys of what was said lately, for the hub: beside it, so that people are let in meanwhile. Sends wait until
/// then, for none may be stored twice.
fn read_keys(
    mut reader: SqliteReader,
    limits: &Limits,
    since: Timestamp,
    hub: Sender<Input>,
) -> std::io::Result<oneshot::Receiver<Result<(), StoreError>>> {
    let (told, outcome) = oneshot::channel();
    let age = Duration::from_secs(3600) * limits.key_hours;
    let since = Timestamp(since.0.saturating_sub(age.as_millis() as i64));
    let keys_max = limits.keys as usize;
    let read = move || {
        let keys = reader.keys(since, keys_max);
        // Whoever is not there any more is stopping.
        drop(told.send(keys.map(|keys| drop(hub.send(Input::Keys(keys))))));
    };
    thread::Builder::new().name("keys".into()).spawn(read)?;
    Ok(outcome)
}

/// Has the TLS library gather its entropy (aws-lc measures how the processor's time wavers, for 25 ms) while the database is
/// opened: whoever needs a random number of it waits for the rest.
pub(super) fn gather_entropy() -> Result<(), Exit> {
    // What fails here fails again where the number is needed, and is told there.
    let gather = || drop(default_provider().secure_random.fill(&mut [0]));
    let thread = thread::Builder::new().name("entropy".into());
    thread
        .spawn(gather)
        .map_err(|error| Exit::no_thread(&error))?;
    Ok(())
}

/// Begins to log, to the journal or on standard error; into the file as soon as it is known which that is. From then on a
/// panic is told, too.
pub(super) fn start_log(service: &Service) -> Result<Log, Exit> {
    let outlet = Outlet::new().map_err(|error| Exit::no_thread(&error))?;
    let log = Log::new(Some(outlet));
    tracing_subscriber::registry().with(log.clone()).init();
    fault::end_at_a_panic(&log, service);
    Ok(log)
}

/// The thread that reads for exports and searches of the admin.
pub(super) fn data(database: &Database) -> Result<Data, Exit> {
    Data::start(database).map_err(|error| match error {
        StartError::Store(error) => error.into(),
        StartError::Thread(error) => Exit::no_thread(&error),
    })
}

fn some_readers(database: &Database, count: u32) -> Result<Vec<Box<dyn Reader>>, StoreError> {
    (0..count)
        .map(|_| {
            database
                .reader()
                .map(|reader| Box::new(reader) as Box<dyn Reader>)
        })
        .collect()
}

/// Open files beside the connections. They are kept free, so that the admin gets in and the log is written however many
/// people come.
pub(super) fn other_files(limits: &Limits, listeners: usize) -> u64 {
    let readers = limits.reader_threads + 1 + limits.password_threads + ADMIN_READERS;
    // As many again are being told why they may not.
    let callers = 2 * u64::from(limits.control_connections);
    let runtimes = (listeners + cores()) as u64;
    OWN_FILES + RUNTIME_FILES * runtimes + READER_FILES * u64::from(readers) + callers
}

/// The limits, with as many connections as there can be.
pub(super) fn fitting(limits: &Limits, other_files: u64) -> Limits {
    Limits {
        connections: connections_max(limits.connections, other_files),
        ..limits.clone()
    }
}

/// How many connections there can be: each is an open file. As many of those as the system allows are taken; too few
/// for the limit is said.
fn connections_max(limit: u32, other_files: u64) -> u32 {
    let wanted = u64::from(limit) + other_files;
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let to = wanted.min(hard).max(soft);
        setrlimit(Resource::RLIMIT_NOFILE, to, hard).map(|()| to)
    });
    match raised {
        Ok(files) if files >= wanted => limit,
        Ok(files) => {
            // With very few, half of them.
            let fitting = files - other_files.min(files / 2);
            tracing::warn!(
                MESSAGE_ID = catalog::FILES_FEW,
                files,
                wanted,
                "fewer open files are allowed than limits.connections needs; {fitting} connections fit"
            );
            u32::try_from(fitting).map_or(limit, |fitting| fitting.min(limit))
        }
        Err(error) => {
            tracing::warn!(%error, "cannot raise the number of open files");
            limit
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(usize::from(u16::MAX))
}

/// One worker for each core: they share nothing that two would wait for.
pub(super) fn workers(
    greeting: Greeting,
    inputs: &Sender<Input>,
    lookups: &Sender<Lookup>,
) -> Result<Vec<WorkerHandle>, Exit> {
    let greeting = Arc::new(greeting);
    let workers = (0..cores()).map(|index| {
        Worker::spawn(
            index as u16,
            inputs.clone(),
            lookups.clone(),
            greeting.clone(),
        )
    });
    workers
        .collect::<Result<_, _>>()
        .map_err(|error| Exit::no_thread(&error))
}

/// The sockets that clients connect to: those that are handed in, or else those that the configuration names.
pub(super) fn client_sockets(handed: Vec<Bound>, config: &Config) -> Result<Vec<Bound>, Exit> {
    match handed.is_empty() {
        true => bind_all(config),
        false => Ok(handed),
    }
}

/// A control socket's file that is chatd's own. Taken away when it goes out of scope.
pub(super) struct ControlFile(PathBuf);

impl ControlFile {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Drop for ControlFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The control socket, and its file where chatd has made it.
pub(super) fn control_socket(
    handed: Option<UnixListener>,
    config: &Config,
) -> Result<(UnixListener, Option<ControlFile>), Exit> {
    match handed {
        Some(socket) => Ok((socket, None)),
        None => {
            let socket = control::bind(&config.control)?;
            Ok((socket, Some(ControlFile(config.control.clone()))))
        }
    }
}

/// Listens on all addresses, or on none. That a machine has no IPv6 matters only where it was asked for.
fn bind_all(config: &Config) -> Result<Vec<Bound>, Exit> {
    let mut bound = Vec::new();
    for address in &config.listen {
        match bind(*address, config.next_free_port) {
            Ok(socket) => bound.push(socket),
            // The service's own settings say so: trying again by itself would change nothing.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                return Err(Exit::config(error.to_string()));
            }
            Err(error)
                if config.listen_by_default
                    && address.is_ipv6()
                    && error.kind() != ErrorKind::AddrInUse =>
            {
                tracing::info!(%address, %error, "not listening on IPv6");
            }
            Err(error) => return Err(Exit::io(error.to_string(), &error, Exit::UNAVAILABLE)),
        }
    }
    Ok(bound)
}
