//! Listening sockets: each has a thread that accepts, counts, and hands connections to the workers. Pausing is its
//! business too. Reads and writes nothing, but the few words to those who cannot be served.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use socket2::{Domain, Protocol, Type};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::base::text::harmless;
use crate::base::{Seldom, catalog};
use crate::net::doors::Doors;
use crate::net::native::encode_error;
use crate::net::stream::{Accepted, Socket};
use crate::wire::Code;

/// Connections that the kernel keeps while nobody accepts, such as during a pause. It takes less where
/// `net.core.somaxconn` says so.
const BACKLOG: i32 = 4_096;
/// How long accepting rests when the system has nothing left for a connection.
const REST: Duration = Duration::from_millis(200);
/// What those are told to wait who are turned away in a pause: what an admin does meanwhile takes longer than a rush.
const PAUSED_MS: u64 = 10_000;

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
/// With a text that says what to do; `Unsupported` when this process may have no network sockets at all.
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
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
    if errno == Errno::EAFNOSUPPORT && address.is_ipv6() && may_have_sockets() {
        let text = format!("this machine has no IPv6, so chatd cannot listen on {address}");
        return io::Error::new(io::ErrorKind::AddrNotAvailable, text);
    }
    if matches!(errno, Errno::EAFNOSUPPORT | Errno::EPERM) {
        let text = format!(
            "chatd may not open network sockets here, so it cannot listen on {address} by itself; start \
             chatd-client.socket, or let chatd listen with the example drop-in \
             /usr/share/doc/chatd/examples/listen.conf"
        );
        return io::Error::new(io::ErrorKind::Unsupported, text);
    }
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

/// Whether a sandbox lets this process have network sockets at all (RestrictAddressFamilies= in systemd.exec(5)).
fn may_have_sockets() -> bool {
    socket2::Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).is_ok()
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

    /// Where it listens, for people: an address, or the path of a local socket (`@name` for one without a file).
    ///
    /// # Errors
    /// When the socket is none that listens.
    pub fn place(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Self::Unix(listener) => {
                let address = listener.local_addr()?;
                let path = address.as_pathname().map(|path| path.display().to_string());
                let name = || {
                    let name = String::from_utf8_lossy(address.as_abstract_name()?);
                    Some(format!("@{name}"))
                };
                let place = path.or_else(name).unwrap_or_else(|| "unnamed".to_owned());
                Ok(harmless(&place).into_owned())
            }
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
        Ok(Accepted {
            socket,
            peer,
            place: None,
            proxied: None,
        })
    }
}

/// A listener from outside. Dropping it stops it.
#[derive(Debug)]
pub struct ListenerHandle {
    /// Where it listens; none for a local socket.
    pub address: Option<SocketAddr>,
    /// Where it listens, for people.
    pub place: String,
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
    /// Starts to accept. `handed_in` is whether the socket was made by somebody else, such as the service manager.
    ///
    /// # Errors
    /// When the system has no room for one more thread or poll descriptor.
    pub fn spawn(bound: Bound, handed_in: bool, doors: Arc<Doors>) -> io::Result<Self> {
        let (address, place) = (bound.address()?, bound.place()?);
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
                // Closing a local socket does not take its name away, and a port that somebody else holds stays open.
                can_close: address.is_some() && !handed_in,
                conduct: Conduct::Admit,
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
            place,
            commands,
            thread: Some(thread),
        })
    }

    /// From the return on nobody new is let in: connections wait in the kernel's queue, and with `refuse` the port is
    /// closed instead. Where it cannot be closed, because the socket was handed in or is a local one, whoever connects
    /// is told `busy` and let go. It is never shut down: that would shut it down for its owner, too.
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
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What is done with whoever connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    /// They are handed to a worker.
    Admit,
    /// They wait in the kernel's queue, or find the port closed.
    LeaveWaiting,
    /// They are told that it is no use at present.
    TurnAway,
}

struct Listener {
    address: Option<SocketAddr>,
    /// None while the port is closed.
    socket: Option<Listening>,
    can_close: bool,
    conduct: Conduct,
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
                Ok(accepted) if self.conduct == Conduct::TurnAway => self.turn_away(accepted),
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
            tracing::warn!(MESSAGE_ID = catalog::ACCEPT_FAILED, %error, unsaid, "cannot accept connections, trying on");
        }
        // A command ends the rest, and so does the end of commands: the loop finds that again.
        if let Ok(Some(command)) = tokio::time::timeout(REST, commands.recv()).await {
            self.obey(command);
        }
    }

    fn obey(&mut self, command: Command) {
        let outcome = match command.what {
            What::Pause { refuse: true } if self.can_close => {
                self.conduct = Conduct::LeaveWaiting;
                self.socket = None;
                Ok(())
            }
            What::Pause { refuse: true } => {
                self.conduct = Conduct::TurnAway;
                Ok(())
            }
            What::Pause { refuse: false } => {
                self.conduct = Conduct::LeaveWaiting;
                self.open()
            }
            What::Resume => {
                let outcome = self.open();
                if outcome.is_ok() {
                    self.conduct = Conduct::Admit;
                }
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

    /// Accepts one connection; while they are to wait it waits for ever.
    async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Some(socket) if self.conduct != Conduct::LeaveWaiting => socket.accept().await,
            _ => std::future::pending().await,
        }
    }
    /// For a socket that cannot be closed in a pause.
    fn turn_away(&self, accepted: Accepted) {
        let text = "the server lets nobody in at present; try again later";
        let words = encode_error(None, Code::Busy, text, Some(PAUSED_MS));
        self.doors.turn_away(accepted, &words);
    }
}

#[cfg(test)]
mod tests;
