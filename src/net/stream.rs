//! What a connection runs over: TCP or a Unix socket; TLS later.

/// A connection that a listener has accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The socket.
    pub socket: std::net::TcpStream,
}
