//! What a connection runs over: TCP or a Unix socket; TLS will be a third arm. Bytes in, bytes out, nothing about frames.

use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, Shutdown};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::net::crowd::Place;

/// A connection that a listener has accepted, on its way to a worker.
#[derive(Debug)]
pub struct Accepted {
    /// The socket; does not block.
    pub socket: Socket,
    /// The address of the other side; none for a local socket.
    pub peer: Option<IpAddr>,
    /// Its place in the crowd, once it was let in.
    pub place: Option<Place>,
}

/// A socket that no runtime knows yet.
#[derive(Debug)]
pub enum Socket {
    /// Over a network.
    Tcp(std::net::TcpStream),
    /// On this machine.
    Unix(std::os::unix::net::UnixStream),
}

/// A socket of a worker. Whoever polls it is woken by the waker of the last poll that was pending.
#[derive(Debug)]
pub enum Stream {
    /// Over a network.
    Tcp(TcpStream),
    /// On this machine.
    Unix(UnixStream),
}

impl Stream {
    /// Takes a socket over to the runtime of the calling thread.
    ///
    /// # Errors
    /// When the socket is no use any more, or the system has no room for one more.
    pub fn adopt(socket: Socket) -> io::Result<Self> {
        match socket {
            Socket::Tcp(socket) => {
                prepare(&socket)?;
                TcpStream::from_std(socket).map(Self::Tcp)
            }
            Socket::Unix(socket) => UnixStream::from_std(socket).map(Self::Unix),
        }
    }

    /// Reads what is there, at most as much as `buffer` holds; 0 when the other side has ended.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let outcome = match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
        };
        outcome.map_ok(|()| buffer.filled().len())
    }

    /// Writes as much as the socket takes.
    ///
    /// # Errors
    /// When the connection is broken.
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
        }
    }

    /// Tells the other side that nothing more comes.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl Socket {
    /// Writes last words to a connection that is not served, as much as it takes at once, and ends it.
    pub fn turn_away(self, words: &[u8]) {
        // Nobody is left to tell of a failure.
        let _ = match self {
            Self::Tcp(mut socket) => {
                say_last(&mut socket, words, |it| it.shutdown(Shutdown::Write))
            }
            Self::Unix(mut socket) => {
                say_last(&mut socket, words, |it| it.shutdown(Shutdown::Write))
            }
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
