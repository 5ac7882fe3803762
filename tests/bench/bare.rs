//! The bare limit of fan-out: one thread, one epoll, no accounts, no rooms, no store. It gives every frame that a
//! speaker says to everyone who does not speak, and acknowledges it. This program started again with a hidden argument,
//! so that its processor time can be told apart; it ends when its parent does.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use slab::Slab;

use chatd::wire::frame::{self, HEADER_BYTES};

/// Asks for this program instead of the benchmark.
pub const ARGUMENT: &str = "--bare";

/// How it writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Each message to each socket with a call of its own.
    Each,
    /// All that the speakers have said by now to each socket with one call.
    Joined,
}

impl Style {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::Joined => "joined",
        }
    }

    fn from_name(name: &str) -> Result<Self> {
        match name {
            "each" => Ok(Self::Each),
            "joined" => Ok(Self::Joined),
            _ => bail!("'{name}' is no style of writing; it is 'each' or 'joined'"),
        }
    }
}

const LISTENER: u64 = u64::MAX;
const PARENT: u64 = u64::MAX - 1;
/// Takes all that the largest window of one speaker holds.
const READ_BYTES: usize = 256 << 10;

/// Serves until the parent closes this process's standard input.
///
/// # Errors
/// When it cannot listen.
pub fn serve(style: &str) -> Result<()> {
    let style = Style::from_name(style)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen on loopback")?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
    epoll.add(
        io::stdin(),
        EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP, PARENT),
    )?;
    let broadcaster = Broadcaster {
        style,
        epoll,
        clients: Slab::new(),
        round: Vec::new(),
        said: Vec::new(),
        welcome: frame::encode(r#"{"type":"welcome"}"#).to_vec(),
        sent: frame::encode(
            r#"{"type":"sent","room":"hall","seq":100000,"at":"2026-01-01T00:00:00.000Z"}"#,
        )
        .to_vec(),
    };
    broadcaster.run(&listener)
}

struct Broadcaster {
    style: Style,
    epoll: Epoll,
    clients: Slab<Client>,
    /// What was said in this wake-up.
    round: Vec<u8>,
    /// By whom, one entry for each frame.
    said: Vec<usize>,
    welcome: Vec<u8>,
    sent: Vec<u8>,
}

struct Client {
    socket: TcpStream,
    speaks: bool,
    /// The beginning of a frame.
    partial: Vec<u8>,
    /// What the socket did not take.
    unsent: Vec<u8>,
}

impl Broadcaster {
    fn run(mut self, listener: &TcpListener) -> Result<()> {
        let mut events = vec![EpollEvent::empty(); 1024];
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                count => count.context("cannot wait for sockets")?,
            };
            for event in &events[..count] {
                match event.data() {
                    PARENT => return Ok(()),
                    LISTENER => self.accept(listener)?,
                    key => self.attend(key as usize, event.events(), &mut buffer)?,
                }
            }
            self.give_round()?;
        }
    }

    fn accept(&mut self, listener: &TcpListener) -> Result<()> {
        loop {
            let socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("cannot accept"),
            };
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            let client = self.clients.vacant_entry();
            let event = EpollEvent::new(EpollFlags::EPOLLIN, client.key() as u64);
            self.epoll.add(&socket, event)?;
            client.insert(Client {
                socket,
                speaks: false,
                partial: Vec::new(),
                unsent: Vec::new(),
            });
        }
    }

    fn attend(&mut self, key: usize, events: EpollFlags, buffer: &mut [u8]) -> Result<()> {
        let client = &mut self.clients[key];
        if events.contains(EpollFlags::EPOLLOUT) {
            let unsent = std::mem::take(&mut client.unsent);
            client.send(&self.epoll, key, &unsent)?;
            if client.unsent.is_empty() {
                client.watch(&self.epoll, key, EpollFlags::EPOLLIN)?;
            }
        }
        if !events.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            return Ok(());
        }
        match client.socket.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Ok(0) | Err(_) => {
                // Closing the socket takes it out of epoll.
                self.clients.remove(key);
                Ok(())
            }
            Ok(count) => self.hear(key, &buffer[..count]),
        }
    }

    fn hear(&mut self, key: usize, bytes: &[u8]) -> Result<()> {
        let mut input = std::mem::take(&mut self.clients[key].partial);
        input.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(frame) = frame_at(&input, start) {
            start = frame.end;
            self.take(key, &input[frame])?;
        }
        self.clients[key].partial = input.split_off(start);
        Ok(())
    }

    fn take(&mut self, key: usize, frame: &[u8]) -> Result<()> {
        let payload = &frame[HEADER_BYTES..];
        if payload.starts_with(br#"{"type":"hello""#) {
            return Ok(());
        }
        if payload.starts_with(br#"{"type":"resume""#) {
            return self.clients[key].send(&self.epoll, key, &self.welcome);
        }
        self.clients[key].speaks = true;
        if self.style == Style::Joined {
            self.round.extend_from_slice(frame);
            self.said.push(key);
            return Ok(());
        }
        self.give(frame)?;
        self.clients[key].send(&self.epoll, key, &self.sent)
    }

    /// One call for each socket, and one for the acknowledgements of each speaker.
    fn give_round(&mut self) -> Result<()> {
        if self.said.is_empty() {
            return Ok(());
        }
        let round = std::mem::take(&mut self.round);
        self.give(&round)?;
        self.round = round;
        self.round.clear();
        let mut said = std::mem::take(&mut self.said);
        said.sort_unstable();
        for frames in said.chunk_by(|one, next| one == next) {
            if let Some(client) = self.clients.get_mut(frames[0]) {
                client.send(&self.epoll, frames[0], &self.sent.repeat(frames.len()))?;
            }
        }
        said.clear();
        self.said = said;
        Ok(())
    }

    fn give(&mut self, bytes: &[u8]) -> Result<()> {
        for (key, client) in self.clients.iter_mut().filter(|(_, client)| !client.speaks) {
            client.send(&self.epoll, key, bytes)?;
        }
        Ok(())
    }
}

impl Client {
    /// Writes at once; what the socket does not take waits until it does.
    fn send(&mut self, epoll: &Epoll, key: usize, bytes: &[u8]) -> Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return Ok(());
        }
        let taken = match self.socket.write(bytes) {
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            // The next read tells that it is gone.
            Err(_) => return Ok(()),
        };
        if taken < bytes.len() {
            self.unsent.extend_from_slice(&bytes[taken..]);
            self.watch(epoll, key, EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT)?;
        }
        Ok(())
    }

    fn watch(&self, epoll: &Epoll, key: usize, flags: EpollFlags) -> Result<()> {
        epoll
            .modify(&self.socket, &mut EpollEvent::new(flags, key as u64))
            .context("cannot watch a socket")
    }
}

/// Where the frame lies that begins at `start`, once all of it is there.
fn frame_at(input: &[u8], start: usize) -> Option<Range<usize>> {
    let header = input.get(start..)?.first_chunk::<HEADER_BYTES>()?;
    let end = start + HEADER_BYTES + u32::from_be_bytes(*header) as usize;
    (end <= input.len()).then_some(start..end)
}
