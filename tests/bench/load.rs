//! Many connections on one thread: dials them, writes what they say, finds the frames in what they hear. Knows of a frame
//! only what its first bytes tell, so that it takes little time from what is measured beside it.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::stream::{Link, Stream};
use chatd::wire::frame::FrameReader;

/// The room where there are people who listen.
pub const HALL: &str = "hall";
/// How long anything that is waited for may take.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Connections that are dialled before their welcome is waited for: fits everybody's queue of new connections.
const LOT: usize = 100;
const READ_BYTES: usize = 64 << 10;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The server has answered the greeting.
    Hello,
    /// One has come in.
    Welcome,
    /// A send is acknowledged.
    Sent,
    /// Somebody else's message in the room that is looked at.
    Message,
    /// Something that no figure is about, such as presence, or what is said elsewhere.
    Other,
}

/// Connections, by number in the order dialled.
pub struct Crowd {
    link: Link,
    epoll: Epoll,
    members: Vec<Member>,
    events: Vec<EpollEvent>,
    buffer: Vec<u8>,
}

struct Member {
    stream: Stream,
    reader: FrameReader,
}

impl Crowd {
    /// Nobody yet; they are going to connect in this way.
    ///
    /// # Errors
    /// When the system has no epoll to give.
    pub fn new(link: &Link) -> Result<Self> {
        Ok(Self {
            link: link.clone(),
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            members: Vec::new(),
            events: vec![EpollEvent::empty(); 1024],
            buffer: vec![0; READ_BYTES],
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Dials one more.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn dial(&mut self, address: SocketAddr) -> Result<usize> {
        let number = self.members.len();
        let socket = TcpStream::connect_timeout(&address, PATIENCE)
            .with_context(|| format!("cannot open connection {number} to {address}"))?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let stream = self.link.over(socket, number)?;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, number as u64);
        self.epoll.add(&stream, event)?;
        self.members.push(Member {
            stream,
            reader: FrameReader::default(),
        });
        Ok(number)
    }

    /// What each runs over.
    pub fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.members.iter().map(|member| &member.stream)
    }

    /// Dials `count` more who each say their greeting, and waits for all the welcomes.
    ///
    /// # Errors
    /// When one is not welcome.
    pub fn enter<'a>(
        &mut self,
        address: SocketAddr,
        count: usize,
        greeting: impl Fn(usize) -> &'a [u8],
    ) -> Result<()> {
        let mut entered = 0;
        while entered < count {
            let lot = LOT.min(count - entered);
            for index in entered..entered + lot {
                let number = self.dial(address)?;
                self.say(number, greeting(index))?;
            }
            let mut welcome = 0;
            self.until("everyone is welcome", |_, kind, _| {
                welcome += usize::from(kind == Kind::Welcome);
                welcome == lot
            })?;
            entered += lot;
        }
        Ok(())
    }

    /// `count` come and say their greeting, so many at once: as one is answered in this way the next one dials. All stay.
    /// Returns how long it took.
    ///
    /// # Errors
    /// When one is not answered.
    pub fn come<'a>(
        &mut self,
        address: SocketAddr,
        count: usize,
        at_once: usize,
        answer: Kind,
        greeting: impl Fn(usize) -> &'a [u8],
    ) -> Result<Duration> {
        let (started, mut answered) = (Instant::now(), 0);
        while answered < count {
            while self.len() < count.min(answered + at_once) {
                let number = self.dial(address)?;
                self.say(number, greeting(number))?;
            }
            ensure!(
                started.elapsed() < PATIENCE * 2,
                "{answered} of {count} were answered within {:?}",
                PATIENCE * 2,
            );
            self.listen(PATIENCE, |_, kind, _| {
                answered += usize::from(kind == answer);
            })?;
        }
        Ok(started.elapsed())
    }

    /// Writes; what the socket does not take goes out as it does.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn say(&mut self, number: usize, bytes: &[u8]) -> Result<()> {
        let stream = &mut self.members[number].stream;
        let was_behind = stream.is_behind();
        let said = stream.say(bytes);
        said.with_context(|| format!("cannot write to connection {number}"))?;
        self.watch(number, was_behind)
    }

    /// Waits, at most so long, until somebody hears something, and tells each frame: who, what, and its bytes without the
    /// header.
    ///
    /// # Errors
    /// When a connection ends, or hears `error` or `bye`.
    pub fn listen(
        &mut self,
        wait: Duration,
        mut heard: impl FnMut(usize, Kind, &[u8]),
    ) -> Result<()> {
        let milliseconds = wait.as_micros().div_ceil(1_000).min(1_000) as u16;
        let count = match self
            .epoll
            .wait(&mut self.events, EpollTimeout::from(milliseconds))
        {
            Err(Errno::EINTR) => 0,
            count => count.context("cannot wait for sockets")?,
        };
        for index in 0..count {
            let event = self.events[index];
            let number = event.data() as usize;
            if event.events().contains(EpollFlags::EPOLLOUT) {
                let stream = &mut self.members[number].stream;
                let flushed = stream.flush();
                flushed.with_context(|| format!("cannot write to connection {number}"))?;
                self.watch(number, true)?;
            }
            if event.events() != EpollFlags::EPOLLOUT {
                self.hear(number, &mut heard)?;
            }
        }
        Ok(())
    }

    /// Listens until `done` says that a frame was the last one.
    ///
    /// # Errors
    /// As [`Crowd::listen`], or when it takes too long; `what` is for that message.
    pub fn until(
        &mut self,
        what: &str,
        mut done: impl FnMut(usize, Kind, &[u8]) -> bool,
    ) -> Result<()> {
        let started = Instant::now();
        let mut is_done = false;
        while !is_done {
            let left = PATIENCE.saturating_sub(started.elapsed());
            ensure!(!left.is_zero(), "waited {PATIENCE:?} in vain until {what}");
            self.listen(left, |number, kind, frame| {
                is_done |= done(number, kind, frame);
            })?;
        }
        Ok(())
    }

    /// Everybody reads at most so many bytes, and does not look at them.
    ///
    /// # Errors
    /// When a connection has ended.
    pub fn sip(&mut self, bytes: usize) -> Result<()> {
        for (number, member) in self.members.iter_mut().enumerate() {
            match member.stream.hear(&mut self.buffer[..bytes]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                count => ensure!(
                    count.with_context(|| format!("cannot read from connection {number}"))? > 0,
                    "connection {number} was closed by the server"
                ),
            }
        }
        Ok(())
    }

    fn hear(&mut self, number: usize, heard: &mut impl FnMut(usize, Kind, &[u8])) -> Result<()> {
        let member = &mut self.members[number];
        let was_behind = member.stream.is_behind();
        let count = match member.stream.hear(&mut self.buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return self.watch(number, was_behind);
            }
            count => count.with_context(|| format!("cannot read from connection {number}"))?,
        };
        ensure!(count > 0, "connection {number} was closed by the server");
        let mut input = &self.buffer[..count];
        while let Some(frame) = member.reader.next(&mut input)? {
            let kind = kind_of(&frame)
                .with_context(|| format!("connection {number} was told something else"))?;
            heard(number, kind, &frame);
        }
        self.watch(number, was_behind)
    }

    /// Waits for the socket to take more, or no longer.
    fn watch(&self, number: usize, was_behind: bool) -> Result<()> {
        let stream = &self.members[number].stream;
        let mut flags = EpollFlags::EPOLLIN;
        match (was_behind, stream.is_behind()) {
            (true, true) | (false, false) => return Ok(()),
            (false, true) => flags |= EpollFlags::EPOLLOUT,
            (true, false) => {}
        }
        let mut event = EpollEvent::new(flags, number as u64);
        self.epoll
            .modify(stream, &mut event)
            .context("cannot watch a socket")
    }
}

/// The load says no `id`, so no frame begins with `re`. All who listen do so in the room [`HALL`].
fn kind_of(frame: &[u8]) -> Result<Kind> {
    const KINDS: [(&[u8], Kind); 4] = [
        (br#"{"type":"message","room":"hall""#, Kind::Message),
        (br#"{"type":"hello""#, Kind::Hello),
        (br#"{"type":"sent""#, Kind::Sent),
        (br#"{"type":"welcome""#, Kind::Welcome),
    ];
    if let Some((_, kind)) = KINDS.iter().find(|(begin, _)| frame.starts_with(begin)) {
        return Ok(*kind);
    }
    if frame.starts_with(br#"{"type":"error""#) || frame.starts_with(br#"{"type":"bye""#) {
        bail!("{}", String::from_utf8_lossy(frame));
    }
    Ok(Kind::Other)
}
