//! The daemon: puts the floors below together, starts them in order and stops them in order.

mod account;
mod admin;
mod args;
mod audit;
mod certificate;
mod clock;
mod config;
mod credential;
mod data;
mod detach;
mod drain;
mod exit;
mod fault;
mod foreign;
mod handed;
mod history;
mod hub;
mod lag;
mod load;
pub mod log;
mod manual;
mod moderation;
mod monitor;
mod names;
mod nearest;
mod note;
mod password;
mod reader;
mod reindex;
mod rekey;
mod room;
mod service;
mod settings;
mod show;
mod signal;
mod start;
mod stats;
mod tally;
#[cfg(test)]
mod tests;
mod writer;

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use clap::Parser;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::spawn_local;

use crate::base::manual::{Generate, generate};
use crate::base::{CallId, catalog};
use crate::control;
use crate::engine::effect::Reply;
use crate::engine::input::Input;
use crate::net::worker::WorkerHandle;
use crate::net::{Doors, ListenerHandle};
use crate::net::{Lookup, Order};
use crate::store::{Database, Store as _, StoreError};
use admin::Admin;
use args::Args;
use certificate::Certificate;
use clock::wall;
use config::Config;
#[doc(hidden)]
pub use config::complaint;
use detach::{Starter, detach};
use exit::Exit;
use handed::Handed;
use log::Log;
use monitor::Monitor;
use service::Service;
use settings::Settings;
use signal::Signals;
use start::{
    ControlFile, Threads, Ways, client_sockets, control_socket, fitting, other_files, start_log,
    workers,
};

/// Calls that wait to be begun: each is begun at once, so this is more than ever wait.
const CALLS_WAITING: usize = 64;

/// The program chatd, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are asked for, everything else is a wrong use.
            let _ = error.print();
            if !error.use_stderr() {
                return ExitCode::SUCCESS;
            }
            let exit = Exit {
                code: Exit::USAGE,
                text: error.to_string(),
            };
            (Service::new().last_words())(&exit);
            handed::rest_after_failure();
            return ExitCode::from(exit.code);
        }
    };
    let outcome = match args.generate {
        Some(what) => print_generated(what),
        None if args.check => check(&args),
        None => run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Exit { code, text }) => {
            // The journal may have been told already.
            if !text.is_empty() {
                complain(&text);
            }
            handed::rest_after_failure();
            ExitCode::from(code)
        }
    }
}

/// Says something on standard error, where log and journal are not for it. Whether anybody reads it changes nothing.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "chatd: {text}");
}

fn print_generated(what: Generate) -> Result<(), Exit> {
    let out = &mut std::io::stdout();
    printed(generate(what, args::command(), &manual::manual(), out))
}

fn check(args: &Args) -> Result<(), Exit> {
    let config = Config::load(args)?;
    Certificate::check(&config)?;
    let file = config
        .file
        .map_or("no configuration file".to_owned(), |file| {
            file.display().to_string()
        });
    printed(writeln!(
        std::io::stdout(),
        "the configuration is good ({file})"
    ))
}

fn printed(outcome: std::io::Result<()>) -> Result<(), Exit> {
    match outcome {
        // Whoever reads may have had enough, as `head` does.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let text = format!("cannot write: {error}");
            Err(Exit::io(text, &error, Exit::IO))
        }
        _ => Ok(()),
    }
}

/// From the first line of the log to the last. The log begins before it is looked at what came of the configuration and
/// the sockets, so that a mistake there is told like everything else; but after the fork, which no thread survives.
fn run(args: Args) -> Result<(), Exit> {
    // First of all: what is handed in is known by the numbers of its descriptors.
    let handed = handed::take();
    signal::hold_reloads();
    let config = Config::load(&args);
    let Some(starter) = detach(&args, &config)? else {
        return Ok(());
    };
    let service = Rc::new(Service::new());
    let last_words = service.last_words();
    let tell_starters = |exit: &Exit| {
        last_words(exit);
        starter.fails(&exit.text);
    };
    let log = start_log(&service).inspect_err(tell_starters)?;
    let served = config.and_then(|config| serve(args, config, handed, &log, &starter, &service));
    let served = served.map_err(|exit| {
        tracing::error!(
            MESSAGE_ID = catalog::CANNOT_START,
            code = exit.code,
            "{}",
            exit.text
        );
        tell_starters(&exit);
        match log.tells_journal(tracing::Level::ERROR) {
            true => exit.told(),
            false => exit,
        }
    });
    log.flush();
    served
}

fn serve(
    args: Args,
    config: Config,
    handed: Result<Handed, Exit>,
    log: &Log,
    starter: &Starter,
    service: &Rc<Service>,
) -> Result<(), Exit> {
    log.show_addresses(config.log_addresses);
    log.set(None, Some(config.log_level));
    log.open(&config.log_file, config.limits.log_lines as usize)
        .map_err(|error| Exit::no_thread(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Exit::no_thread(&error))?;
    // Sockets and signals are made known to the runtime as they are made.
    let within = runtime.enter();
    let starting = service.starting();
    let daemon = Daemon::start(args, config, log.clone(), handed?, service.clone())?;
    drop((within, starting));
    daemon.serve(&runtime, starter)
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
    keys: oneshot::Receiver<Result<(), StoreError>>,
    control: UnixListener,
    control_file: Option<ControlFile>,
    monitor: Option<Monitor>,
    signals: Signals,
    /// The lock on the state folder, held to the end.
    _database: Database,
}

impl Daemon {
    /// Starts everything, from the ground up. What fails is told before anybody was let in, but for the keys of sends, which are
    /// read meanwhile.
    fn start(
        mut args: Args,
        config: Config,
        log: Log,
        handed: Handed,
        service: Rc<Service>,
    ) -> Result<Self, Exit> {
        let since = wall();
        start::gather_entropy()?;
        handed.compare(&args, &config);
        config.pin(&mut args);
        let listeners = match handed.clients.len() {
            0 => config.listen.len(),
            clients => clients,
        };
        let other_files = other_files(&config.limits, listeners);
        let doors_limits = fitting(&config.limits, other_files);
        let database = Database::open(&config.state_dir, &credential::identity_key())
            .map_err(|error| Exit::state(&config.state_dir, error))?;
        let mut store = database.writer()?;
        let snapshot = store.load()?;
        let certificate = Arc::new(Certificate::load_or_make(&config)?);
        let held = handed.held;
        let bound = client_sockets(handed.clients, &config)?;
        let (control, control_file) = control_socket(handed.control, &config)?;
        let monitor = monitor::listen(handed.metrics, &config)?;
        let signals = Signals::new().map_err(|error| Exit::no_thread(&error))?;
        let (inputs, inbox) = channel();
        let (lookups, questions) = channel::<Lookup>();
        let greeting = settings::greeting(&config, &certificate, database.epoch());
        let workers = workers(greeting, &inputs, &lookups)?;
        let orders: Vec<_> = workers.iter().map(|worker| worker.orders.clone()).collect();
        let ways = Ways {
            inputs: inputs.clone(),
            workers: orders.clone(),
            lookups,
            questions,
        };
        let mut threads = ways.start(&config, &database, (store, snapshot), since, inbox)?;
        let Threads {
            replies, passwords, ..
        } = &mut threads;
        credential::make_first_account(&config, &inputs, replies, passwords)?;
        audit::keep_start(|command| credential::ask(command, &inputs, replies))?;
        let proxies = config.proxies.clone();
        let doors = Doors::new(&workers, &doors_limits, config.allow_plaintext, proxies);
        let listeners = bound
            .into_iter()
            .map(|bound| ListenerHandle::spawn(bound, !held.clients.is_empty(), doors.clone()))
            .collect::<Result<_, _>>();
        let listeners = listeners.map_err(|error| Exit::no_thread(&error))?;
        let config = Arc::new(config);
        let admin = Rc::new(Admin {
            inputs: inputs.clone(),
            passwords: threads.passwords,
            writer: threads.jobs,
            data: start::data(&database)?,
            audited: threads.audited,
            listeners: RefCell::new(listeners),
            doors: doors.clone(),
            settings: Settings {
                args,
                at_start: config.clone(),
                config: RefCell::new(config.clone()),
                certificate: RefCell::new(certificate),
                renewed: Notify::new(),
                epoch: database.epoch().clone(),
                hub: inputs.clone(),
                workers: orders,
                doors,
                held,
                other_files,
            },
            log,
            service,
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
            replies: threads.replies,
            workers,
            hub: threads.hub,
            writer: threads.writer,
            keys: threads.keys,
            control,
            control_file,
            monitor,
            signals,
            _database: database,
        })
    }

    /// Serves until it is told to stop, then stops in order.
    fn serve(self, runtime: &tokio::runtime::Runtime, starter: &Starter) -> Result<(), Exit> {
        let Self {
            config,
            admin,
            inputs,
            mut replies,
            workers,
            hub,
            writer,
            mut keys,
            control,
            control_file,
            monitor,
            mut signals,
            _database,
        } = self;
        let local = tokio::task::LocalSet::new();
        let mut served = Ok(());
        let _storing = local.block_on(runtime, async {
            let (calls_to, mut calls) = mpsc::channel(CALLS_WAITING);
            let (stopped, stop) = watch::channel(false);
            let callers_max = config.limits.control_connections;
            let control = spawn_local(control::serve(control, calls_to, callers_max, stop));
            starter.serves(&where_it_listens(&admin));
            service::attend(&admin);
            spawn_local(admin.clone().remind());
            if let Some(monitor) = monitor {
                spawn_local(monitor.serve(admin.clone()));
            }
            loop {
                tokio::select! {
                    signal = signals.next() => match signal {
                        signal::Signal::Stop => admin.stop_now(admin::STOPPING),
                        signal::Signal::Reload => admin.reload_at_signal(),
                    },
                    Some(call) = calls.recv() => admin.begin(call),
                    Some((call, reply)) = replies.recv() => admin.replied(call, reply),
                    read = &mut keys, if !keys.is_terminated() => if let Ok(Err(error)) = read {
                        served = Err(error.into());
                        admin.stop_now(admin::STOPPING);
                    },
                    () = admin.stop.notified() => break,
                }
            }
            // Whoever calls from now on is told that it is too late.
            drop(calls);
            let storing = admin.service.storing();
            for listener in admin.listeners.borrow_mut().drain(..) {
                listener.stop();
            }
            let words = admin.last_words.take();
            let text = words.unwrap_or_else(|| admin::STOPPING.into());
            tracing::info!(%text, "stopping");
            admin.keep_stop();
            drop(inputs.send(Input::Stop { text }));
            // The hub ends when everything is stored and everyone was told; until then it replies to calls.
            while let Some((call, reply)) = replies.recv().await {
                admin.replied(call, reply);
            }
            admin.leave_waiting();
            let _ = stopped.send(true);
            // Callers are given a moment to take their last replies.
            let _ = control.await;
            storing
        });
        // The last Admin holds ways to the password threads and the hub.
        drop((local, admin, inputs));
        stop(workers, hub, writer);
        drop(control_file);
        tracing::info!(MESSAGE_ID = catalog::STOPPED, "stopped");
        served
    }
}

/// Writes down where it listens and how people know this server, and gives lines for both, unless the journal would then have it twice.
fn where_it_listens(admin: &Admin) -> String {
    let listeners = admin.listeners.borrow();
    let places: Vec<_> = listeners.iter().map(|one| one.place.as_str()).collect();
    let version = env!("CARGO_PKG_VERSION");
    let address = places.join(",");
    tracing::info!(MESSAGE_ID = catalog::STARTED, version, address, "serving");
    let certificate = admin.settings.certificate();
    certificate.say();
    if admin.log.is_printed_to(std::io::stdout()) {
        return String::new();
    }
    let line = |place| format!("listening on {place}\n");
    let mut lines: String = places.into_iter().map(line).collect();
    lines += &format!(
        "the certificate has the fingerprint {}\n",
        certificate.fingerprint
    );
    lines
}

/// Everything is stored by now: the workers send what they still have, the writer ends when the hub has.
fn stop(workers: Vec<WorkerHandle>, hub: JoinHandle<()>, writer: JoinHandle<()>) {
    for worker in &workers {
        drop(worker.orders.send(Order::Stop));
    }
    workers.into_iter().for_each(WorkerHandle::join);
    // None has panicked: that would have ended all (`fault.rs`).
    for thread in [hub, writer] {
        let _ = thread.join();
    }
}
