//! Listening sockets: each has a thread that accepts, counts, and hands connections to the workers. Pausing is its
//! business too. Reads and writes nothing, but the few words to those who cannot be served.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, Type};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::base::Seldom;
use crate::net::native::encode_error;
use crate::net::stream::{Accepted, Socket};
use crate::net::{Order, WorkerHandle, may_be_clear};
use crate::wire::Code;

/// Connections that the kernel keeps while nobody accepts, such as during a pause. It takes less where
/// `net.core.somaxconn` says so.
const BACKLOG: i32 = 4_096;
/// How long accepting rests when the system has nothing left for a connection.
const REST: Duration = Duration::from_millis(200);
/// What those are told to wait who come when the server is full.
const BUSY_MS: u64 = 5_000;

/// The way in to the workers, shared by all listeners.
#[derive(Debug)]
pub struct Doors {
    workers: Vec<(UnboundedSender<Order>, Arc<AtomicUsize>)>,
    connections_max: AtomicU32,
    allow_plaintext: AtomicBool,
}

impl Doors {
    /// To these workers, for at most so many connections in all. Whether people from elsewhere are spoken to in the clear
    /// matters to those who cannot be let in.
    #[must_use]
    pub fn new(workers: &[WorkerHandle], connections_max: u32, allow_plaintext: bool) -> Arc<Self> {
        let door = |worker: &WorkerHandle| (worker.orders.clone(), Arc::clone(&worker.connections));
        Arc::new(Self {
            workers: workers.iter().map(door).collect(),
            connections_max: AtomicU32::new(connections_max),
            allow_plaintext: AtomicBool::new(allow_plaintext),
        })
    }

    /// Other settings from now on. Those who are in stay.
    pub fn set(&self, connections_max: u32, allow_plaintext: bool) {
        self.connections_max
            .store(connections_max, Ordering::Relaxed);
        self.allow_plaintext
            .store(allow_plaintext, Ordering::Relaxed);
    }

    /// The connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        let counts = self.workers.iter().map(|(_, count)| count);
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Hands a connection to the worker with the fewest. Beyond the bound it is told `busy` and let go at once: an
    /// answer tells a client more than a wait of unknown length. Where one has to come with TLS, nothing can be said.
    fn admit(&self, accepted: Accepted) {
        if self.connections() >= self.connections_max.load(Ordering::Relaxed) as usize {
            let text =
                "the server has as many connections as it may have; try again a little later";
            let words = encode_error(None, Code::Busy, text, Some(BUSY_MS));
            let allow_plaintext = self.allow_plaintext.load(Ordering::Relaxed);
            return accepted
                .socket
                .turn_away(match may_be_clear(accepted.peer, allow_plaintext) {
                    true => &words,
                    false => b"",
                });
        }
        let fewest = self
            .workers
            .iter()
            .min_by_key(|(_, count)| count.load(Ordering::Relaxed));
        if let Some((orders, count)) = fewest {
            count.fetch_add(1, Ordering::Relaxed);
            if orders.send(Order::Adopt(accepted)).is_err() {
                count.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

/// A socket that listens.
#[derive(Debug)]
pub enum Bound {
    /// Over a network.
    Tcp(TcpListener),
    /// On this machine.
    Unix(UnixListener),
}

/// Listens on an address. With `next_free_port`, on the next one above it that is free when it is taken. `[::]` means
/// IPv6 alone, so that it can be listened on beside `0.0.0.0`.
///
/// # Errors
/// With a text that says what to do.
pub fn bind(address: SocketAddr, next_free_port: bool) -> io::Result<Bound> {
    let mut candidate = address;
    loop {
        match bind_tcp(candidate) {
            Ok(listener) => return Ok(Bound::Tcp(listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && next_free_port => {
                let Some(port) = candidate.port().checked_add(1) else {
                    return Err(explain(address, &error));
                };
                candidate.set_port(port);
            }
            Err(error) => return Err(explain(candidate, &error)),
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // Or a restart would have to wait for the connections of its predecessor to be forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn explain(address: SocketAddr, error: &io::Error) -> io::Error {
    let ip = address.ip();
    let text = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{address} is taken by another program; choose another with --listen or take the next free one with --next-free-port"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("{address} is for root alone; choose a port of 1024 or above with --listen")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("this machine has no address {ip}; choose one that it has with --listen")
        }
        _ => format!("cannot listen on {address}: {error}"),
    };
    io::Error::new(error.kind(), text)
}

impl Bound {
    /// The address that clients connect to; none for a local socket.
    ///
    /// # Errors
    /// When the socket is none that listens.
    pub fn address(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Some),
            Self::Unix(_) => Ok(None),
        }
    }
}

/// The same as the runtime knows it.
enum Listening {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Listening {
    /// To be called within the runtime.
    fn new(bound: Bound) -> io::Result<Self> {
        match bound {
            Bound::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(listener).map(Self::Tcp)
            }
            Bound::Unix(listener) => {
                listener.set_nonblocking(true)?;
                tokio::net::UnixListener::from_std(listener).map(Self::Unix)
            }
        }
    }

    async fn accept(&self) -> io::Result<Accepted> {
        let (socket, peer): (Socket, Option<IpAddr>) = match self {
            Self::Tcp(listener) => {
                let (socket, peer) = listener.accept().await?;
                let peer = peer.ip().to_canonical();
                (Socket::Tcp(socket.into_std()?), Some(peer))
            }
            Self::Unix(listener) => {
                let (socket, _) = listener.accept().await?;
                (Socket::Unix(socket.into_std()?), None)
            }
        };
        Ok(Accepted { socket, peer })
    }
}

/// A listener from outside. Dropping it stops it.
#[derive(Debug)]
pub struct ListenerHandle {
    /// Where it listens; none for a local socket.
    pub address: Option<SocketAddr>,
    commands: UnboundedSender<Command>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Command {
    what: What,
    reply: mpsc::Sender<io::Result<()>>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Pause { refuse: bool },
    Resume,
}

impl ListenerHandle {
    /// Starts to accept.
    ///
    /// # Errors
    /// When the system has no room for one more thread or poll descriptor.
    pub fn spawn(bound: Bound, doors: Arc<Doors>) -> io::Result<Self> {
        let address = bound.address()?;
        let (commands, receiver) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let listener = {
            let _context = runtime.enter();
            Listener {
                address,
                socket: Some(Listening::new(bound)?),
                paused: false,
                failing: Seldom::default(),
                doors,
            }
        };
        let name = address.map_or("listener".to_owned(), |address| {
            format!("listen-{}", address.port())
        });
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || runtime.block_on(listener.run(receiver)))?;
        Ok(Self {
            address,
            commands,
            thread: Some(thread),
        })
    }

    /// From the return on nobody new is accepted: connections wait in the kernel's queue, and with `refuse` the port is
    /// closed instead. A local socket is never closed, because closing does not take its name away.
    ///
    /// # Errors
    /// When the port was closed, is to be opened again for those who wait, and cannot be had back. Nobody is accepted
    /// all the same.
    pub fn pause(&self, refuse: bool) -> io::Result<()> {
        self.command(What::Pause { refuse })
    }

    /// Accepts again, at once those who waited.
    ///
    /// # Errors
    /// When the port was closed and cannot be had back; the text says what to do. The pause goes on.
    pub fn resume(&self) -> io::Result<()> {
        self.command(What::Resume)
    }

    /// Closes the port and waits until that is done.
    pub fn stop(self) {
        drop(self);
    }

    /// Waits for the outcome, which is a matter of microseconds.
    fn command(&self, what: What) -> io::Result<()> {
        let (reply, outcome) = mpsc::channel();
        let gone = || io::Error::other("the listener has stopped; restart chatd");
        self.commands
            .send(Command { what, reply })
            .map_err(|_| gone())?;
        outcome.recv().map_err(|_| gone())?
    }
}

impl Drop for ListenerHandle {
    fn drop(&mut self) {
        let (commands, _) = unbounded_channel();
        self.commands = commands;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a listener has panicked");
        }
    }
}

struct Listener {
    address: Option<SocketAddr>,
    /// None while the port is closed.
    socket: Option<Listening>,
    paused: bool,
    failing: Seldom,
    doors: Arc<Doors>,
}

impl Listener {
    /// Ends when the handle is gone.
    async fn run(mut self, mut commands: UnboundedReceiver<Command>) {
        loop {
            let accepted = tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => {
                        self.obey(command);
                        continue;
                    }
                    None => return,
                },
                accepted = self.accept() => accepted,
            };
            match accepted {
                Ok(accepted) => self.doors.admit(accepted),
                // One that has gone before it was its turn.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => self.rest(&error, &mut commands).await,
            }
        }
    }

    /// The system has nothing left for one more connection, most likely no descriptor.
    async fn rest(&mut self, error: &io::Error, commands: &mut UnboundedReceiver<Command>) {
        if let Some(unsaid) = self.failing.failed(&error.to_string()) {
            tracing::warn!(unsaid, "cannot accept connections, trying on: {error}");
        }
        // A command ends the rest, and so does the end of commands: the loop finds that again.
        if let Ok(Some(command)) = tokio::time::timeout(REST, commands.recv()).await {
            self.obey(command);
        }
    }

    fn obey(&mut self, command: Command) {
        let outcome = match command.what {
            What::Pause { refuse } => {
                self.paused = true;
                if !refuse {
                    self.open()
                } else {
                    self.socket.take_if(|_| self.address.is_some());
                    Ok(())
                }
            }
            What::Resume => {
                let outcome = self.open();
                self.paused &= outcome.is_err();
                outcome
            }
        };
        // Whoever asked may have gone meanwhile.
        let _ = command.reply.send(outcome);
    }

    fn open(&mut self) -> io::Result<()> {
        if self.socket.is_none()
            && let Some(address) = self.address
        {
            let bound = bind(address, false)?;
            self.socket = Some(Listening::new(bound)?);
        }
        Ok(())
    }

    /// Accepts one connection; while paused it waits for ever.
    async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Some(socket) if !self.paused => socket.accept().await,
            _ => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
