//! The daemon: puts the floors below together, starts them in order and stops them in order.

mod admin;
mod args;
mod config;
mod hub;
pub mod log;
mod manual;
mod password;
mod reader;
mod settings;
mod show;
mod signal;
mod writer;

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::pin::pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::mpsc::{self, UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_local;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::base::CallId;
use crate::base::manual::generate;
use crate::control;
use crate::engine::Engine;
use crate::engine::effect::Reply;
use crate::engine::input::Input;
use crate::net::listener::{Bound, Doors, ListenerHandle, bind};
use crate::net::worker::{Worker, WorkerHandle};
use crate::net::{Lookup, Order};
use crate::store::{Database, KeySource, Reader, Store, StoreError};
use admin::Admin;
use args::Args;
use config::Config;
use hub::{Clock, Hub, wall};
use log::Log;
use password::Passwords;
use settings::Settings;
use signal::Signals;

/// Calls that wait to be begun: each is begun at once, so this is more than ever wait.
const CALLS_WAITING: usize = 64;

/// Open files beside the connections: database, log, listeners, polls, the control socket. They are kept free, so that
/// the admin gets in and the log is written however many people come.
const OTHER_FILES: u64 = 200;

/// How often the threads are looked at that must not end.
const THREADS_INTERVAL: Duration = Duration::from_secs(1);

/// Why the daemon does not serve, and the exit code for it (sysexits.h).
#[derive(Debug)]
pub(crate) struct Exit {
    code: u8,
    text: String,
}

impl Exit {
    const UNAVAILABLE: u8 = 69;
    const SOFTWARE: u8 = 70;
    const CANT_CREATE: u8 = 73;
    const IO: u8 = 74;
    const NO_PERMISSION: u8 = 77;
    const CONFIG: u8 = 78;

    fn config(text: String) -> Self {
        Self {
            code: Self::CONFIG,
            text,
        }
    }

    fn lost() -> Self {
        Self {
            code: Self::SOFTWARE,
            text: "a part of chatd has failed, which is a fault of chatd; what was acknowledged is stored, start it again"
                .to_owned(),
        }
    }

    /// The exit code follows from what the system said.
    fn io(text: String, error: &std::io::Error, otherwise: u8) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Self::NO_PERMISSION,
            std::io::ErrorKind::AddrInUse => Self::UNAVAILABLE,
            _ => otherwise,
        };
        Self { code, text }
    }
}

impl From<StoreError> for Exit {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Locked { .. } => Self::UNAVAILABLE,
            StoreError::Newer { .. } | StoreError::Foreign { .. } | StoreError::Key { .. } => {
                Self::CONFIG
            }
            StoreError::Full { .. } | StoreError::Io { .. } => Self::IO,
        };
        Self {
            code,
            text: error.to_string(),
        }
    }
}

/// The program chatd, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are asked for, everything else is a wrong use.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(64)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            eprintln!("chatd: {}", exit.text);
            ExitCode::from(exit.code)
        }
    }
}

fn run(args: Args) -> Result<(), Exit> {
    if let Some(what) = args.generate {
        let out = &mut std::io::stdout();
        return match generate(what, args::command(), &manual::manual(), out) {
            // Whoever reads may have had enough, as `head` does.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                let text = format!("cannot write: {error}");
                Err(Exit::io(text, &error, Exit::IO))
            }
            _ => Ok(()),
        };
    }
    let config = Config::load(&args)?;
    if args.check {
        let file = config
            .file
            .as_ref()
            .map_or("no configuration file".to_owned(), |file| {
                file.display().to_string()
            });
        println!("the configuration is good ({file})");
        return Ok(());
    }
    let log = start_log(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| no_thread(&error))?;
    // Sockets and signals are made known to the runtime as they are made.
    let within = runtime.enter();
    let served = Daemon::start(args, config, log).and_then(|daemon| {
        drop(within);
        daemon.serve(&runtime)
    });
    if let Err(exit) = &served {
        tracing::error!(code = exit.code, "{}", exit.text);
    }
    served
}

/// Everything that runs.
struct Daemon {
    config: Arc<Config>,
    admin: Rc<Admin>,
    inputs: Sender<Input>,
    replies: UnboundedReceiver<(CallId, Reply)>,
    workers: Vec<WorkerHandle>,
    hub: JoinHandle<()>,
    writer: JoinHandle<()>,
    control: std::os::unix::net::UnixListener,
    signals: Signals,
    /// The lock on the state folder, held to the end.
    _database: Database,
}

impl Daemon {
    /// Starts everything, from the ground up. What fails is told before anybody was let in.
    fn start(args: Args, config: Config, log: Log) -> Result<Self, Exit> {
        let since = wall();
        let limits = config.limits.clone();
        let connections_max = connections_max(limits.connections);
        let database =
            Database::open(&config.state_dir, &KeySource::StateDir).map_err(|error| {
                let made = config.state_dir.is_dir();
                let exit = Exit::from(error);
                if made {
                    exit
                } else {
                    Exit {
                        code: Exit::CANT_CREATE,
                        ..exit
                    }
                }
            })?;
        let mut store = database.writer()?;
        let key_age = Duration::from_secs(3600) * limits.key_hours;
        let keys_since = crate::base::Timestamp(since.0.saturating_sub(key_age.as_millis() as i64));
        let snapshot = store.load(keys_since, limits.keys as usize)?;
        let bound = bind_all(&config)?;
        let control = control::bind(&config.control).map_err(|error| Exit {
            code: Exit::CANT_CREATE,
            text: error.to_string(),
        })?;
        let signals = Signals::new().map_err(|error| no_thread(&error))?;

        let (inputs, inbox) = channel();
        let (lookups, questions) = channel::<Lookup>();
        let workers = workers(&config, &inputs, &lookups)?;
        let orders: Vec<_> = workers.iter().map(|worker| worker.orders.clone()).collect();
        let readers = some_readers(&database, limits.reader_threads)?;
        reader::spawn(readers, questions, &orders).map_err(|error| no_thread(&error))?;
        let readers = some_readers(&database, limits.password_threads)?;
        let passwords = Passwords::spawn(readers, limits.passwords_waiting as usize)
            .map_err(|error| no_thread(&error))?;
        let (jobs, waiting) = channel();
        let writer = writer::spawn(
            Box::new(store),
            waiting,
            inputs.clone(),
            limits.appends_per_commit as usize,
        )
        .map_err(|error| no_thread(&error))?;
        let (replies_to, replies) = unbounded_channel();
        let hub = Hub {
            engine: Engine::new(settings::rules(&config), snapshot),
            clock: Clock::start(),
            inputs: inbox,
            outcomes: inputs.clone(),
            workers: orders.clone(),
            writer: jobs,
            lookups,
            passwords: passwords.clone(),
            replies: replies_to,
        };
        let hub = hub.spawn().map_err(|error| no_thread(&error))?;
        let doors = Doors::new(&workers, connections_max);
        let listeners = bound
            .into_iter()
            .map(|bound| ListenerHandle::spawn(bound, doors.clone()))
            .collect::<Result<_, _>>();
        let listeners = listeners.map_err(|error| no_thread(&error))?;
        let config = Arc::new(config);
        let admin = Rc::new(Admin {
            inputs: inputs.clone(),
            passwords,
            listeners: RefCell::new(listeners),
            doors: doors.clone(),
            settings: Settings {
                args,
                config: RefCell::new(config.clone()),
                hub: inputs.clone(),
                workers: orders,
                doors,
            },
            log,
            since,
            state: Cell::new(crate::wire::control::State::Serving),
            last_words: RefCell::default(),
            stop: Notify::new(),
            plan: RefCell::default(),
            waiting: RefCell::default(),
            next_call: Cell::default(),
        });
        Ok(Self {
            config,
            admin,
            inputs,
            replies,
            workers,
            hub,
            writer,
            control,
            signals,
            _database: database,
        })
    }

    /// Serves until it is told to stop, then stops in order.
    fn serve(self, runtime: &tokio::runtime::Runtime) -> Result<(), Exit> {
        let Self {
            config,
            admin,
            inputs,
            mut replies,
            workers,
            hub,
            writer,
            control,
            mut signals,
            _database,
        } = self;
        let local = tokio::task::LocalSet::new();
        local.block_on(runtime, async {
            let mut lost = pin!(lost([&hub, &writer]));
            let (calls_to, mut calls) = mpsc::channel(CALLS_WAITING);
            let (stopped, stop) = watch::channel(false);
            let control = spawn_local(control::serve(control, calls_to, config.limits.control_connections, stop));
            say_where(&admin);
            loop {
                tokio::select! {
                    signal = signals.next() => match signal {
                        signal::Signal::Stop => admin.stop_now(admin::STOPPING),
                        signal::Signal::Reload => drop(admin.reload().inspect_err(|error| tracing::error!(%error, "cannot reload"))),
                    },
                    Some(call) = calls.recv() => admin.begin(call),
                    Some((call, reply)) = replies.recv() => admin.replied(call, reply),
                    () = admin.stop.notified() => break,
                    () = &mut lost => return Err(Exit::lost()),
                }
            }
            // Whoever calls from now on is told that it is too late.
            drop(calls);
            for listener in admin.listeners.borrow_mut().drain(..) {
                listener.stop();
            }
            let text = admin.last_words.borrow().clone().unwrap_or_else(|| admin::STOPPING.into());
            tracing::info!(%text, "stopping");
            drop(inputs.send(Input::Stop { text }));
            // The hub ends when everything is stored and everyone was told; until then it replies to calls.
            loop {
                tokio::select! {
                    biased;
                    reply = replies.recv() => match reply {
                        Some((call, reply)) => admin.replied(call, reply),
                        None => break,
                    },
                    () = &mut lost => return Err(Exit::lost()),
                }
            }
            admin.leave_waiting();
            let _ = stopped.send(true);
            // Callers are given a moment to take their last replies.
            let _ = control.await;
            Ok(())
        })?;
        // The last Admin holds ways to the password threads and the hub.
        drop((local, admin, inputs));
        stop(workers, hub, writer);
        drop(std::fs::remove_file(&config.control));
        tracing::info!("stopped");
        Ok(())
    }
}

/// Waits until one of the threads has ended that end only when the daemon does. Nothing could be stored or answered then:
/// it is better to end, and to be started again.
async fn lost(threads: [&JoinHandle<()>; 2]) {
    while !threads.iter().any(|thread| thread.is_finished()) {
        tokio::time::sleep(THREADS_INTERVAL).await;
    }
}

/// Prints and writes down each address.
fn say_where(admin: &Admin) {
    let mut out = std::io::stdout().lock();
    for listener in admin.listeners.borrow().iter() {
        if let Some(address) = listener.address {
            // Whoever started the daemon may have closed its end.
            let _ = writeln!(out, "listening on {address}");
            tracing::info!(%address, "listening");
        }
    }
    let _ = out.flush();
}

/// Everything is stored by now: the workers send what they still have, the writer ends when the hub has.
fn stop(workers: Vec<WorkerHandle>, hub: JoinHandle<()>, writer: JoinHandle<()>) {
    for worker in &workers {
        drop(worker.orders.send(Order::Stop));
    }
    workers.into_iter().for_each(WorkerHandle::join);
    for thread in [hub, writer] {
        if thread.join().is_err() {
            tracing::error!("a thread has panicked");
        }
    }
}

fn no_thread(error: &std::io::Error) -> Exit {
    Exit {
        code: 71,
        text: format!("the system gives chatd what it needs to run no longer: {error}"),
    }
}

fn start_log(config: &Config) -> Result<Log, Exit> {
    let log = Log::open(
        Some(&config.log_file),
        config.log_level,
        config.limits.log_lines as usize,
    )
    .map_err(|error| {
        Exit::io(
            format!(
                "cannot open the log file '{}': {error}",
                config.log_file.display()
            ),
            &error,
            Exit::CANT_CREATE,
        )
    })?;
    tracing_subscriber::registry().with(log.layer()).init();
    // A panic is a fault of ours: it goes where the service messages go, and to standard error as always.
    let otherwise = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!(%panic, "this is a fault of chatd");
        otherwise(panic);
    }));
    Ok(log)
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

/// How many connections there can be: each is an open file. As many of those as the system allows are taken; too few
/// for the limit is said.
fn connections_max(limit: u32) -> u32 {
    let wanted = u64::from(limit) + OTHER_FILES;
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let to = wanted.min(hard).max(soft);
        setrlimit(Resource::RLIMIT_NOFILE, to, hard).map(|()| to)
    });
    match raised {
        Ok(files) if files >= wanted => limit,
        Ok(files) => {
            // With very few, half of them.
            let fitting = files - OTHER_FILES.min(files / 2);
            tracing::warn!(
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

/// One worker for each core: they share nothing that two would wait for.
fn workers(
    config: &Config,
    inputs: &Sender<Input>,
    lookups: &Sender<Lookup>,
) -> Result<Vec<WorkerHandle>, Exit> {
    let greeting = Arc::new(settings::greeting(config));
    let cores = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(usize::from(u16::MAX));
    let workers = (0..cores).map(|index| {
        Worker::spawn(
            index as u16,
            inputs.clone(),
            lookups.clone(),
            greeting.clone(),
        )
    });
    workers
        .collect::<Result<_, _>>()
        .map_err(|error| no_thread(&error))
}

/// Listens on all addresses, or on none. That a machine has no IPv6 matters only where it was asked for.
fn bind_all(config: &Config) -> Result<Vec<Bound>, Exit> {
    let mut bound = Vec::new();
    for address in &config.listen {
        match bind(*address, config.next_free_port) {
            Ok(socket) => bound.push(socket),
            Err(error)
                if config.listen_by_default
                    && address.is_ipv6()
                    && error.kind() != std::io::ErrorKind::AddrInUse =>
            {
                tracing::info!(%address, %error, "not listening on IPv6");
            }
            Err(error) => return Err(Exit::io(error.to_string(), &error, Exit::UNAVAILABLE)),
        }
    }
    Ok(bound)
}
