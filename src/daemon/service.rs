//! The conversation with the service manager, by `sd_notify(3)`: that the daemon serves and how it does, that it reloads,
//! stops or needs more time; and the watchdog, which is fed only while hub and writer answer. What happens is decided
//! elsewhere. Without `$NOTIFY_SOCKET` nothing is said, and nothing wakes up for it.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::env;
use std::fmt::Write as _;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net;
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use super::admin::Admin;
use super::complain;
use super::exit::Exit;
use crate::base::text::harmless;
use crate::base::{Seldom, catalog};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Fault};
use crate::wire::control::{ControlError, State};

/// How often people are counted for the status line. Each time is a question to the hub and, when the number is another
/// one, a wake-up of the service manager; whoever looks at a status does not mind five seconds.
const STATUS_INTERVAL: Duration = Duration::from_secs(5);

/// How much more time is asked for at once. When the daemon hangs, this is how much longer it takes to be noticed.
const EXTENSION: Duration = Duration::from_secs(30);
/// How often it is asked for: two messages may be late.
const EXTENSION_INTERVAL: Duration = Duration::from_secs(10);
/// How long a stop asks for more time. What waits for the writer is bounded (`append_bytes_waiting`), and no disk that
/// works needs five minutes for it. A start asks without an end: a migration that is killed half way is begun anew.
const STOP_MAX: Duration = Duration::from_secs(300);

/// The watchdog is looked after three times in its period: a probe may take a third, and there is time left to say that
/// it does.
const PROBES: u32 = 3;
/// Whatever the period is: a probe costs each thread on its way a wake-up.
const PROBE_INTERVAL_MIN: Duration = Duration::from_millis(50);

/// How long a message may wait for the service manager to read others. One that has stopped reading stops nobody else.
const SEND_WAIT: Duration = Duration::from_secs(1);
/// The longest status in bytes. The service manager takes messages of 4096; this leaves room for the rest.
const STATUS_BYTES_MAX: usize = 2_048;
/// Addresses that the status names; of more it tells how many.
const PLACES_MAX: usize = 4;

/// The service manager as the main thread knows it, and what it was told last.
pub(super) struct Service {
    manager: Option<Arc<Manager>>,
    told: RefCell<String>,
    /// Whether what it was told is to stay for the next look: nobody would see it otherwise.
    keep: Cell<bool>,
    seen: Cell<Seen>,
}

/// What the status line says beside what the admin has decided.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    online: u64,
    rooms: u64,
    fault: Option<Fault>,
    stalled: bool,
}

impl Service {
    /// The one that `$NOTIFY_SOCKET` names, or none.
    pub fn new() -> Self {
        Self {
            manager: Manager::from_environment().map(Arc::new),
            told: RefCell::default(),
            keep: Cell::default(),
            seen: Cell::default(),
        }
    }

    /// Asks for more time until the database is read.
    pub fn starting(&self) -> Option<Extension> {
        self.extend(State::Starting, Duration::MAX)
    }

    /// Asks for more time while what was taken on is stored.
    pub fn storing(&self) -> Option<Extension> {
        self.extend(State::Stopping, STOP_MAX)
    }

    /// What tells that the daemon ends, and why: from whatever thread, for this handle is the main thread's.
    pub fn last_words(&self) -> impl Fn(&Exit) + Send + Sync + 'static {
        let manager = self.manager.clone();
        move |exit| {
            if let Some(manager) = &manager {
                // By itself the manager knows the exit code only once it has ended.
                let code = format!("EXIT_STATUS={}", exit.code);
                let status = one_line(&exit.text);
                manager.tell(&[NotifyState::Custom(&code), NotifyState::Status(&status)]);
            }
        }
    }

    /// The configuration is read again. Has to be followed by [`reloaded`].
    pub fn reloading(&self) {
        if let Some(manager) = &self.manager
            && let Ok(now) = NotifyState::monotonic_usec_now()
        {
            manager.tell(&[NotifyState::Reloading, now]);
        }
    }

    fn extend(&self, state: State, most: Duration) -> Option<Extension> {
        let manager = self.manager.clone()?;
        self.say(&[more_time()], describe(state, &[], self.seen.get()));
        Some(Extension::begin(manager, EXTENSION_INTERVAL, most))
    }

    fn say(&self, states: &[NotifyState<'_>], status: String) {
        if let Some(manager) = &self.manager {
            let mut states = states.to_vec();
            states.push(NotifyState::Status(&status));
            manager.tell(&states);
            self.told.replace(status);
        }
    }

    fn see(&self, look: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.get();
        look(&mut seen);
        self.seen.set(seen);
    }
}

/// Tells the service manager that the daemon serves, from then on how it does, and feeds the watchdog if there is one.
/// To be called within the tasks of the main thread.
pub(super) fn attend(admin: &Rc<Admin>) {
    if admin.service.manager.is_some() {
        spawn_local(report(admin.clone()));
        let period = sd_notify::watchdog_enabled().filter(|period| !period.is_zero());
        if let Some(period) = period {
            spawn_local(watch(admin.clone(), period));
        }
    }
}

/// The admin has decided something: the status says so at once.
pub(super) fn update(admin: &Admin) {
    let service = &admin.service;
    if service.manager.is_some() {
        let status = status(admin);
        if *service.told.borrow() != status {
            service.say(&[], status);
        }
    }
}

/// The reload is over, one way or the other: there is no word for one that was refused, so the status tells it.
pub(super) fn reloaded(admin: &Admin, refused: Option<&ControlError>) {
    let status = match refused {
        Some(error) => one_line(&error.to_string()),
        None => status(admin),
    };
    admin.service.keep.set(refused.is_some());
    admin.service.say(&[NotifyState::Ready], status);
}

/// A stop has begun.
pub(super) fn stopping(admin: &Admin) {
    admin.service.say(&[NotifyState::Stopping], status(admin));
}

/// Ready is who has an answer of the hub: by then signals, listeners and the control socket are served as well, because
/// the answer comes through the loop that serves them.
async fn report(admin: Rc<Admin>) {
    let service = &admin.service;
    if !count(&admin).await || admin.state.get() == State::Stopping {
        return;
    }
    service.say(&[NotifyState::Ready], status(&admin));
    loop {
        sleep(STATUS_INTERVAL).await;
        if !count(&admin).await {
            return;
        }
        if !service.keep.take() {
            update(&admin);
        }
    }
}

/// Returns whether the hub still answers.
async fn count(admin: &Admin) -> bool {
    let reply = admin.ask(Command::Glance).await;
    if let Ok(Reply::Glance {
        online,
        rooms,
        fault,
    }) = reply
    {
        admin.service.see(|seen| {
            (seen.online, seen.rooms, seen.fault) = (online, rooms, fault);
        });
    }
    reply.is_ok()
}

/// Feeds the watchdog while the writer tells that it gets on with something long.
pub(super) fn feed(admin: &Admin) {
    if let Some(manager) = &admin.service.manager {
        manager.tell(&[NotifyState::Watchdog]);
    }
}

/// Feeds the watchdog as long as a probe comes back: through the hub to the writer, and on the way of a commit back again.
/// What it says does not matter: a full disk is no reason to start anew. There is one probe at a time.
async fn watch(admin: Rc<Admin>, period: Duration) {
    let interval = (period / PROBES).max(PROBE_INTERVAL_MIN);
    loop {
        let mut probe = pin!(admin.ask(Command::Probe));
        let answer = match timeout(interval, &mut probe).await {
            Ok(answer) => answer,
            Err(_) => {
                let since = Instant::now();
                stalled(&admin, interval);
                let answer = probe.await;
                let seconds = (interval + since.elapsed()).as_secs();
                tracing::warn!(seconds, "the hub and the writer answer again");
                admin.service.see(|seen| seen.stalled = false);
                update(&admin);
                answer
            }
        };
        if matches!(answer, Err(ControlError::ShuttingDown {})) {
            return;
        }
        feed(&admin);
        sleep(interval).await;
    }
}

fn stalled(admin: &Admin, interval: Duration) {
    tracing::error!(
        MESSAGE_ID = catalog::STALLED,
        seconds = interval.as_secs_f32(),
        "the hub or the writer does not answer; the watchdog is not fed until it does"
    );
    admin.service.see(|seen| seen.stalled = true);
    update(admin);
}

/// Keeps asking for more time until it is dropped.
pub(super) struct Extension {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Extension {
    /// The first message was sent. Without a thread it has to do.
    fn begin(manager: Arc<Manager>, interval: Duration, most: Duration) -> Self {
        let (end, ended) = channel();
        let run = move || {
            let begun = Instant::now();
            while begun.elapsed() < most
                && ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout)
            {
                manager.tell(&[more_time()]);
            }
        };
        let thread = thread::Builder::new().name("extension".into()).spawn(run);
        Self {
            end: Some(end),
            thread: thread.ok(),
        }
    }
}

impl Drop for Extension {
    /// Nothing of it is said any more after this.
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn more_time() -> NotifyState<'static> {
    NotifyState::ExtendTimeoutUsec(EXTENSION.as_micros() as u32)
}

/// The socket on which the service manager listens. `sd_notify::notify` would wait for ever for one that does not read.
struct Manager {
    socket: net::UnixDatagram,
    address: net::SocketAddr,
    failing: Mutex<Seldom>,
}

impl Manager {
    fn from_environment() -> Option<Self> {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        let address = match name.as_bytes() {
            [b'@', name @ ..] => net::SocketAddr::from_abstract_name(name),
            [b'/', ..] => net::SocketAddr::from_pathname(&name),
            _ => Err(io::Error::other("it is no Unix socket")),
        };
        let tell = |error: &io::Error| {
            // The log is not open yet.
            complain(&format!(
                "cannot tell the service manager anything by NOTIFY_SOCKET={name:?}: {error}"
            ));
        };
        address.and_then(Self::at).inspect_err(tell).ok()
    }

    fn at(address: net::SocketAddr) -> io::Result<Self> {
        let socket = net::UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(SEND_WAIT))?;
        Ok(Self {
            socket,
            address,
            failing: Mutex::default(),
        })
    }

    /// All in one message. What goes wrong is told and nothing else: people are served all the same.
    fn tell(&self, states: &[NotifyState<'_>]) {
        let mut message = String::new();
        for state in states {
            // Writing to a `String` cannot fail.
            let _ = writeln!(message, "{state}");
        }
        let sent = loop {
            match self.socket.send_to_addr(message.as_bytes(), &self.address) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => break sent,
            }
        };
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match sent {
            Ok(_) => drop(failing.went_well()),
            Err(error) => {
                if let Some(unsaid) = failing.failed(&error.to_string()) {
                    tracing::warn!(%error, unsaid, "cannot tell the service manager how it is");
                }
            }
        }
    }
}

fn status(admin: &Admin) -> String {
    let listeners = admin.listeners.borrow();
    let places: Vec<_> = listeners.iter().map(|one| one.place.as_str()).collect();
    describe(admin.state.get(), &places, admin.service.seen.get())
}

/// The daemon in a line: what it does, for how many, and what is in the way.
fn describe(state: State, places: &[&str], seen: Seen) -> String {
    let does = match state {
        State::Starting => "starting: opening the database".to_owned(),
        State::Serving => format!("serving on {}", list(places)),
        State::Paused => "paused: whoever comes waits until `chatctl resume`".to_owned(),
        State::Refusing => "refusing: nobody comes in until `chatctl resume`".to_owned(),
        State::Draining => "draining: stops once everyone has what was said".to_owned(),
        State::Stopping => "stopping".to_owned(),
    };
    let mut parts = vec![does];
    if !matches!(state, State::Starting | State::Stopping) {
        let rooms = if seen.rooms == 1 { "room" } else { "rooms" };
        parts.push(format!("{} online", seen.online));
        parts.push(format!("{} {rooms}", seen.rooms));
    }
    match seen.fault {
        Some(Fault::Full) => parts.push("storing fails: the disk is full".to_owned()),
        Some(Fault::Broken) => parts.push("storing fails: `chatctl log show` says why".to_owned()),
        None => {}
    }
    if seen.stalled {
        parts.push("the hub or the writer does not answer".to_owned());
    }
    parts.join(" · ")
}

fn list(places: &[&str]) -> String {
    let shown = places.iter().take(PLACES_MAX).map(ToString::to_string);
    let mut shown: Vec<_> = shown.collect();
    if places.len() > shown.len() {
        shown.push(format!("{} more", places.len() - shown.len()));
    }
    match shown.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

/// A text as one line without anything that a terminal could obey, no longer than a message may be. Of a mistake that is
/// shown in its line, the marks below are left out.
fn one_line(text: &str) -> String {
    let says = |line: &&str| line.contains(|letter| !" |^".contains(letter));
    let lines: Vec<_> = text.lines().map(str::trim).filter(says).collect();
    let mut line = harmless(&lines.join("; ")).into_owned();
    if line.len() > STATUS_BYTES_MAX {
        line.truncate(line.floor_char_boundary(STATUS_BYTES_MAX));
        line.push('…');
    }
    line
}
