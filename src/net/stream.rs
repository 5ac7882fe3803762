//! What a connection runs over: TCP or a Unix socket, with TLS over it where the client wants that. Bytes in, bytes out,
//! nothing about frames.

use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, Shutdown};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::ServerConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use zeroize::Zeroize as _;

use crate::net::Doors;
use crate::net::crowd::Place;
#[cfg(test)]
use crate::net::played::PlayedEnd;
use crate::net::proxy::{self, HEADER_BYTES_MAX, HeaderError};
use crate::net::tls::{FIRST_BYTE, OVERHEAD_BYTES, RECORD_BYTES, Session};

/// What is read at once, and from one connection before the others have their turn.
pub(super) const READ_BYTES: usize = 65_536;
/// Steps of handshakes in one turn of a worker. Each takes up to a millisecond of reckoning, and whoever is logged in
/// should not wait for a crowd at the door.
const HANDSHAKES_PER_TURN: u32 = 4;

/// A connection that a listener has accepted, on its way to a worker.
#[derive(Debug)]
pub struct Accepted {
    /// The socket; does not block.
    pub socket: Socket,
    /// The address of the other side; none for a local socket.
    pub peer: Option<IpAddr>,
    /// Its place in the crowd, once it was let in.
    pub place: Option<Place>,
    /// Where a proxy comes in that is to say first for whom.
    pub proxied: Option<Arc<Doors>>,
}

/// A socket that no runtime knows yet.
#[derive(Debug)]
pub enum Socket {
    /// Over a network.
    Tcp(std::net::TcpStream),
    /// On this machine.
    Unix(std::os::unix::net::UnixStream),
    /// In memory.
    #[cfg(test)]
    Played(PlayedEnd),
}

/// What a worker reads into; no connection has a buffer of its own for that.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What has come in, in the clear.
    pub bytes: Vec<u8>,
    /// The same before it was opened.
    pub sealed: Vec<u8>,
    /// How much is read at once.
    pub at_once: usize,
    /// How those are encrypted who ask for it from now on.
    pub tls: Option<Arc<ServerConfig>>,
    /// Which turn of the worker this is.
    turn: u32,
    handshakes_left: u32,
    put_off: bool,
}

impl Reading {
    pub fn new(tls: Arc<ServerConfig>) -> Self {
        Self {
            bytes: vec![0; READ_BYTES],
            sealed: vec![0; READ_BYTES],
            at_once: READ_BYTES,
            tls: Some(tls),
            turn: 0,
            handshakes_left: HANDSHAKES_PER_TURN,
            put_off: false,
        }
    }

    /// A new turn of the worker begins.
    pub fn begin_turn(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        self.handshakes_left = HANDSHAKES_PER_TURN;
    }

    /// Which turn of the worker this is.
    pub fn turn(&self) -> u32 {
        self.turn
    }

    /// The connection is to be read in the next turn.
    pub fn put_off(&mut self) {
        self.put_off = true;
    }

    /// Whether no further step of a handshake may be taken in this turn: then the connection is to be read in the next.
    pub fn put_off_handshake(&mut self) -> bool {
        self.put_off = self.handshakes_left == 0;
        self.put_off
    }

    /// A step of a handshake is taken.
    pub fn count_handshake(&mut self) {
        self.handshakes_left = self.handshakes_left.saturating_sub(1);
    }

    /// Whether the connection that was read last is to be read again in the next turn. True once.
    pub fn was_put_off(&mut self) -> bool {
        std::mem::take(&mut self.put_off)
    }
}

/// What a worker encrypts in.
#[derive(Debug)]
pub(super) struct Writing {
    pub plain: Joined,
    pub sealed: Vec<u8>,
}

impl Default for Writing {
    fn default() -> Self {
        Self {
            plain: Joined(Vec::with_capacity(RECORD_BYTES)),
            sealed: vec![0; RECORD_BYTES + OVERHEAD_BYTES],
        }
    }
}

/// Pieces put together for one record.
#[derive(Debug)]
pub(super) struct Joined(Vec<u8>);

impl Joined {
    /// The beginning of what the pieces say, as much as fits a record. One piece alone is not copied.
    pub fn join<'a>(&'a mut self, slices: &'a [IoSlice<'_>]) -> &'a [u8] {
        if let [only] = slices {
            return &only[..only.len().min(RECORD_BYTES)];
        }
        self.0.clear();
        for slice in slices {
            let room = RECORD_BYTES - self.0.len();
            self.0.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        &self.0
    }

    /// What was put together is sealed. A token may have been in it.
    pub fn forget(&mut self) {
        self.0.fill(0);
    }
}

/// A socket of a worker. Whoever polls it is woken by the waker of the last poll that was pending.
#[derive(Debug)]
pub(super) struct Stream {
    transport: Transport,
    cipher: Cipher,
}

/// What carries the bytes.
#[derive(Debug)]
pub(super) enum Transport {
    /// Over a network.
    Tcp(TcpStream),
    /// On this machine.
    Unix(UnixStream),
    /// Without a runtime that has to be waited for.
    #[cfg(test)]
    Bare(std::os::unix::net::UnixStream),
    /// In memory.
    #[cfg(test)]
    Played(PlayedEnd),
}

/// What the bytes are wrapped in.
#[derive(Debug)]
enum Cipher {
    /// The client has not said anything yet: its first byte tells. With what was read beyond a proxy's header, or as much of
    /// the header as has come.
    Unknown(Vec<u8>),
    /// Nothing.
    None,
    Tls(Box<Session>),
}

impl Stream {
    /// Takes a socket over to the runtime of the calling thread.
    ///
    /// # Errors
    /// When the socket is no use any more, or the system has no room for one more.
    pub fn adopt(socket: Socket) -> io::Result<Self> {
        let transport = match socket {
            Socket::Tcp(socket) => {
                prepare(&socket)?;
                TcpStream::from_std(socket).map(Transport::Tcp)
            }
            Socket::Unix(socket) => UnixStream::from_std(socket).map(Transport::Unix),
            #[cfg(test)]
            Socket::Played(end) => Ok(Transport::Played(end)),
        };
        Ok(Self {
            transport: transport?,
            cipher: Cipher::Unknown(Vec::new()),
        })
    }

    /// Whether the client has begun in the clear.
    pub fn is_clear(&self) -> bool {
        matches!(self.cipher, Cipher::None)
    }

    /// Whether words can be sent: not while a handshake is under way.
    pub fn is_open(&self) -> bool {
        match &self.cipher {
            Cipher::Tls(session) => session.is_open(),
            _ => true,
        }
    }

    /// What the client has said and nobody has looked at yet.
    pub fn unread(&self) -> &[u8] {
        match &self.cipher {
            Cipher::Unknown(unread) => unread,
            _ => &[],
        }
    }

    /// Whether it goes on where an earlier TLS connection was.
    pub fn is_resumed(&self) -> bool {
        matches!(&self.cipher, Cipher::Tls(session) if session.is_resumed())
    }

    /// Reads the header of a proxy, before anything else is read. Tells for whom it comes.
    ///
    /// # Errors
    /// When the connection is broken or has ended; with a [`HeaderError`] in it when what came is no header.
    pub fn poll_header(
        &mut self,
        cx: &mut Context<'_>,
        reading: &mut Reading,
    ) -> Poll<io::Result<Option<IpAddr>>> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let Cipher::Unknown(unread) = &mut self.cipher else {
            return Poll::Ready(Ok(None));
        };
        loop {
            // It does not become longer than that: then it is a header or none.
            let room = HEADER_BYTES_MAX - unread.len();
            let length = ready!(self.transport.poll_read(cx, &mut reading.bytes[..room]))?;
            if length == 0 {
                return Poll::Ready(Err(match unread.is_empty() {
                    true => io::ErrorKind::UnexpectedEof.into(),
                    false => invalid(HeaderError::Cut),
                }));
            }
            unread.extend_from_slice(&reading.bytes[..length]);
            reading.bytes[..length].fill(0);
            if let Some(header) = proxy::parse(unread).map_err(invalid)? {
                unread.drain(..header.length);
                return Poll::Ready(Ok(header.source));
            }
        }
    }

    /// Reads what is there into `reading.bytes`; 0 when the other side has ended.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        reading: &mut Reading,
    ) -> Poll<io::Result<usize>> {
        reading.put_off = false;
        if let Cipher::Unknown(unread) = &mut self.cipher {
            let mut length = unread.len();
            reading.bytes[..length].copy_from_slice(unread);
            if length == 0 {
                let portion = &mut reading.bytes[..reading.at_once];
                length = ready!(self.transport.poll_read(cx, portion))?;
            }
            unread.zeroize();
            let first = &reading.bytes[..length];
            match (first, &reading.tls) {
                ([FIRST_BYTE, ..], Some(tls)) => {
                    let session = Session::new(tls.clone(), first)?;
                    self.cipher = Cipher::Tls(Box::new(session));
                    // Whose turn it is to shake hands is not known here.
                    reading.put_off = true;
                    return Poll::Pending;
                }
                _ => {
                    self.cipher = Cipher::None;
                    return Poll::Ready(Ok(length));
                }
            }
        }
        match &mut self.cipher {
            Cipher::Tls(session) => session.poll_read(&mut self.transport, cx, reading),
            _ => {
                let portion = &mut reading.bytes[..reading.at_once];
                self.transport.poll_read(cx, portion)
            }
        }
    }

    /// Writes as much as the socket takes. Of what is encrypted it may have taken less than was said: see
    /// [`Stream::poll_flush`].
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        writing: &mut Writing,
    ) -> Poll<io::Result<usize>> {
        match &mut self.cipher {
            Cipher::Tls(session) => session.poll_write(&mut self.transport, cx, slices, writing),
            _ => self.transport.poll_write(cx, slices),
        }
    }

    /// Writes the rest of what was encrypted; in the clear there is none.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.cipher {
            Cipher::Tls(session) => session.poll_flush(&mut self.transport, cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Tells the other side that nothing more comes.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Cipher::Tls(session) = &mut self.cipher {
            ready!(session.poll_close(&mut self.transport, cx))?;
        }
        self.transport.poll_shutdown(cx)
    }
}

impl Transport {
    /// Reads what is there, at most as much as `buffer` holds; 0 when the other side has ended.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let outcome = match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            #[cfg(test)]
            Self::Bare(stream) => return or_pending(stream.read(buffer.initialize_unfilled())),
            #[cfg(test)]
            Self::Played(end) => return end.poll_read(cx, buffer.initialize_unfilled()),
        };
        outcome.map_ok(|()| buffer.filled().len())
    }

    /// Writes as much as the socket takes.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Most writes are of one piece, for which the kernel has a shorter way.
        match (self, slices) {
            (Self::Tcp(stream), [bytes]) => Pin::new(stream).poll_write(cx, bytes),
            (Self::Tcp(stream), _) => Pin::new(stream).poll_write_vectored(cx, slices),
            (Self::Unix(stream), _) => Pin::new(stream).poll_write_vectored(cx, slices),
            #[cfg(test)]
            (Self::Bare(stream), _) => or_pending(stream.write_vectored(slices)),
            #[cfg(test)]
            (Self::Played(end), _) => end.poll_write(cx, slices),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(test)]
            Self::Bare(stream) => Poll::Ready(stream.shutdown(Shutdown::Write)),
            #[cfg(test)]
            Self::Played(end) => end.poll_shutdown(),
        }
    }
}

#[cfg(test)]
fn or_pending(outcome: io::Result<usize>) -> Poll<io::Result<usize>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        outcome => Poll::Ready(outcome),
    }
}

#[cfg(test)]
impl Stream {
    /// On this socket, which does not block and knows no runtime.
    pub fn bare(socket: std::os::unix::net::UnixStream) -> Self {
        Self {
            transport: Transport::Bare(socket),
            cipher: Cipher::Unknown(Vec::new()),
        }
    }
}

impl Socket {
    /// Writes last words to a connection that is not served, as much as it takes at once, and ends it.
    pub fn turn_away(self, words: &[u8]) {
        // Nobody is left to tell of a failure.
        let _ = match self {
            Self::Tcp(mut socket) => {
                let mut first = [0];
                // Who has begun with TLS already would not understand.
                let words = match socket.peek(&mut first) {
                    Ok(1) if first == [FIRST_BYTE] => b"",
                    _ => words,
                };
                say_last(&mut socket, words, |it| it.shutdown(Shutdown::Write))
            }
            Self::Unix(mut socket) => {
                say_last(&mut socket, words, |it| it.shutdown(Shutdown::Write))
            }
            #[cfg(test)]
            Self::Played(_) => Ok(()),
        };
    }
}

fn say_last<S: Read + Write>(
    socket: &mut S,
    words: &[u8],
    shutdown: impl Fn(&S) -> io::Result<()>,
) -> io::Result<()> {
    socket.write_all(words)?;
    shutdown(socket)?;
    // Closing over bytes that nobody has read would reset the connection, and the words could be lost.
    socket.read(&mut [0; 4_096]).map(|_| ())
}

/// A message goes out when it is written, and a peer that has vanished is noticed within two minutes.
///
/// TCP_USER_TIMEOUT is left alone on purpose: it would end a connection whose reader has stopped but whose kernel still
/// acknowledges every probe. Slow is not dead.
fn prepare(socket: &std::net::TcpStream) -> io::Result<()> {
    let keep_alive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15))
        .with_retries(4);
    let socket = SockRef::from(socket);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&keep_alive)
}
