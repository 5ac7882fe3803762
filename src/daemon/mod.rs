//! The daemon: puts the floors below together, starts them in order and stops them in order.

mod admin;
mod args;
mod certificate;
mod config;
mod exit;
mod hub;
pub mod log;
mod manual;
mod password;
mod reader;
mod settings;
mod show;
mod signal;
mod start;
mod writer;

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use clap::Parser;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_local;

use crate::base::CallId;
use crate::base::manual::generate;
use crate::control;
use crate::engine::effect::Reply;
use crate::engine::input::Input;
use crate::net::listener::{Doors, ListenerHandle};
use crate::net::worker::WorkerHandle;
use crate::net::{Lookup, Order};
use crate::store::{Database, KeySource};
use admin::Admin;
use args::Args;
use certificate::Certificate;
use config::Config;
use exit::Exit;
use hub::wall;
use log::Log;
use settings::Settings;
use signal::Signals;
use start::{Ways, bind_all, connections_max, start_log, workers};

/// Calls that wait to be begun: each is begun at once, so this is more than ever wait.
const CALLS_WAITING: usize = 64;

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
        Certificate::check(&config)?;
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
        .map_err(|error| Exit::no_thread(&error))?;
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
        let doors_max = connections_max(config.limits.connections);
        let database = Database::open(&config.state_dir, &KeySource::StateDir)
            .map_err(|error| Exit::state(&config.state_dir, error))?;
        let certificate = Arc::new(Certificate::load_or_make(&config)?);
        let bound = bind_all(&config)?;
        let control = control::bind(&config.control).map_err(|error| Exit {
            code: Exit::CANT_CREATE,
            text: error.to_string(),
        })?;
        let signals = Signals::new().map_err(|error| Exit::no_thread(&error))?;
        let (inputs, inbox) = channel();
        let (lookups, questions) = channel::<Lookup>();
        let greeting = settings::greeting(&config, &certificate);
        let workers = workers(greeting, &inputs, &lookups)?;
        let orders: Vec<_> = workers.iter().map(|worker| worker.orders.clone()).collect();
        let ways = Ways {
            inputs: inputs.clone(),
            workers: orders.clone(),
            lookups,
            questions,
        };
        let threads = ways.start(&config, &database, since, inbox)?;
        let doors = Doors::new(&workers, doors_max, config.allow_plaintext);
        let listeners = bound
            .into_iter()
            .map(|bound| ListenerHandle::spawn(bound, doors.clone()))
            .collect::<Result<_, _>>();
        let listeners = listeners.map_err(|error| Exit::no_thread(&error))?;
        let config = Arc::new(config);
        let admin = Rc::new(Admin {
            inputs: inputs.clone(),
            passwords: threads.passwords,
            listeners: RefCell::new(listeners),
            doors: doors.clone(),
            settings: Settings {
                args,
                config: RefCell::new(config.clone()),
                certificate: RefCell::new(certificate),
                renewed: Notify::new(),
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
            replies: threads.replies,
            workers,
            hub: threads.hub,
            writer: threads.writer,
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
            let (calls_to, mut calls) = mpsc::channel(CALLS_WAITING);
            let (stopped, stop) = watch::channel(false);
            let control = spawn_local(control::serve(control, calls_to, config.limits.control_connections, stop));
            say_where(&admin);
            spawn_local(admin.clone().remind());
            loop {
                tokio::select! {
                    signal = signals.next() => match signal {
                        signal::Signal::Stop => admin.stop_now(admin::STOPPING),
                        signal::Signal::Reload => drop(admin.reload().inspect_err(|error| tracing::error!(%error, "cannot reload"))),
                    },
                    Some(call) = calls.recv() => admin.begin(call),
                    Some((call, reply)) = replies.recv() => admin.replied(call, reply),
                    () = admin.stop.notified() => break,
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
            while let Some((call, reply)) = replies.recv().await {
                admin.replied(call, reply);
            }
            admin.leave_waiting();
            let _ = stopped.send(true);
            // Callers are given a moment to take their last replies.
            let _ = control.await;
        });
        // The last Admin holds ways to the password threads and the hub.
        drop((local, admin, inputs));
        stop(workers, hub, writer);
        drop(std::fs::remove_file(&config.control));
        tracing::info!("stopped");
        Ok(())
    }
}

/// Prints and writes down each address, and how people know that it is this server.
fn say_where(admin: &Admin) {
    let mut out = std::io::stdout().lock();
    for listener in admin.listeners.borrow().iter() {
        if let Some(address) = listener.address {
            // Whoever started the daemon may have closed its end.
            let _ = writeln!(out, "listening on {address}");
            tracing::info!(%address, "listening");
        }
    }
    let certificate = admin.settings.certificate();
    let _ = writeln!(
        out,
        "the certificate has the fingerprint {}",
        certificate.fingerprint
    );
    certificate.say();
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
