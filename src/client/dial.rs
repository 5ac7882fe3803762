//! Finds a server and connects to it: one sentence for each way in which that can fail.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::base::Cause;
use crate::base::tongue::say;

/// The longest wait for the name of a host to be looked up.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(10);
/// The longest wait for one address to answer.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// After so long a silence the kernel asks whether the other machine is there: while a server is paused, nobody else does.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name of the host leads nowhere.
    #[error("{}", say!(
        "cannot find the host '{host}' ({cause}); check how it is written, or name another with --server",
        "не удаётся найти узел «{host}» ({cause}); проверьте, как он написан, или укажите другой через --server",
        cause = Cause(cause)
    ))]
    Host {
        /// Its name.
        host: String,
        /// What the resolver says.
        cause: io::Error,
    },
    /// The machine is there, and nobody listens.
    #[error("{}", say!(
        "nobody answers on port {port} of '{host}' (connection refused); check the port (--port), or whether chatd runs there",
        "на порту {port} узла «{host}» никто не отвечает (в соединении отказано); проверьте порт (--port) и запущен ли там chatd"
    ))]
    Refused {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The ciphers are not to be had.
    #[error("{}", say!("cannot set up TLS: {}", "не удаётся подготовить TLS: {}", .0))]
    Tls(#[from] rustls::Error),
    /// Something else.
    #[error("{}", say!(
        "cannot reach '{host}' on port {port} ({cause}); check the network, the server and the port",
        "не удаётся связаться с «{host}» на порту {port} ({cause}); проверьте сеть, сервер и порт",
        cause = Cause(cause)
    ))]
    Unreachable {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system says.
        cause: io::Error,
    },
}

/// A connection and whose it is, or why there is none.
pub type Dialed = Result<(TcpStream, IpAddr), ConnectError>;

/// Connects to the first address of the host that answers, and tells which one that is.
///
/// # Errors
/// That of the last address, when none does.
pub async fn dial(host: &str, port: u16) -> Dialed {
    let not_found = |cause| ConnectError::Host {
        host: host.to_owned(),
        cause,
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, say!("no answer", "нет ответа"));
    let addresses: Vec<SocketAddr> =
        match timeout(RESOLVE_PATIENCE, lookup_host((host, port))).await {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(cause)) => return Err(not_found(cause)),
            Err(_) => return Err(not_found(late())),
        };
    let mut last = io::Error::new(
        io::ErrorKind::NotFound,
        say!("it has no address", "у него нет адреса"),
    );
    for address in addresses {
        match timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                prepare(&stream);
                return Ok((stream, address.ip()));
            }
            // Of two failures the one that tells more: a refusal comes from a machine that is there.
            Ok(Err(error)) if last.kind() != io::ErrorKind::ConnectionRefused => last = error,
            Err(_) if last.kind() != io::ErrorKind::ConnectionRefused => last = late(),
            _ => {}
        }
    }
    let host = host.to_owned();
    Err(match last.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused { host, port },
        io::ErrorKind::NotFound => not_found(last),
        _ => ConnectError::Unreachable {
            host,
            port,
            cause: last,
        },
    })
}

/// Neither is needed to talk: where the system refuses one, the connection is as good.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE / 4);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}
