//! One TLS connection between its socket and its worker: takes and gives plain bytes on one side, records on the other.
//! Knows no frames, reads no certificate from disk.
//!
//! It runs rustls without buffers: records are opened in the buffer into which the worker reads from all its sockets, and
//! what goes out in one write is sealed as one record. So a connection that says nothing holds no buffer. With those of
//! `rustls::ServerConnection` each would keep 4 KiB and everything would be copied once more.

use std::fmt;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, UnbufferedServerConnection};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus};
use rustls::{HandshakeKind, ServerConfig};

use crate::base::metrics::{self, Counter};
use crate::net::stream::{READ_BYTES, Reading, Transport, Writing};
use crate::wire::ALPN;

/// What a TLS connection begins with: a record of the handshake. A frame that began with this byte would be 352 MiB long.
pub(super) const FIRST_BYTE: u8 = 0x16;
/// The most that a record may hold; what a slow socket leaves of one is all that waits sealed for its connection.
pub(super) const RECORD_BYTES: usize = 16_384;
/// Room for what may come before a record (a new key) and for what encrypting adds.
pub(super) const OVERHEAD_BYTES: usize = 1_024;
/// The longest that may be held because its rest has not come: a record of TLS 1.2 with its header. No message of a
/// handshake is longer in earnest.
const CUT_BYTES_MAX: usize = 5 + RECORD_BYTES + 2_048;

/// How connections are encrypted that show this certificate: TLS 1.3, or 1.2 with the ciphers that authenticate; the key
/// exchange that a quantum computer cannot undo comes first; no data before the handshake is through.
///
/// # Errors
/// When the key is not that of the certificate, or of a kind that cannot be used.
pub fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'_>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    // The key is lent, so that the caller can wipe it.
    let shown = CertifiedKey::new(chain, any_supported_type(key)?);
    shown.keys_match()?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Whoever comes back brings along what is needed to go on, sealed in a ticket. Nothing is kept here for those who are
    // gone, and another certificate means another key for tickets.
    config.ticketer = Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// The state of one connection.
pub(super) struct Session {
    tls: UnbufferedServerConnection,
    /// Records whose rest has not come.
    cut: Vec<u8>,
    /// Whether `cut` was not looked at since it grew.
    is_new: bool,
    /// Records that the socket has not taken, and how much of them it has.
    unsent: Vec<u8>,
    sent: usize,
    /// The turn of the worker in which the socket was read last, and how much of it may still be read in that.
    turn: u32,
    left: usize,
    /// Whether the other side has ended, and this one.
    ended: bool,
    closed: bool,
}

impl Session {
    /// One that begins with these bytes.
    pub fn new(config: Arc<ServerConfig>, first: &[u8]) -> io::Result<Self> {
        Ok(Self {
            tls: UnbufferedServerConnection::new(config).map_err(io::Error::other)?,
            cut: first.to_vec(),
            is_new: true,
            unsent: Vec::new(),
            sent: 0,
            turn: 0,
            left: 0,
            ended: false,
            closed: false,
        })
    }

    /// Whether something can be said already.
    pub fn is_open(&self) -> bool {
        !self.tls.is_handshaking()
    }

    /// Whether it goes on where an earlier connection was, with a ticket.
    pub fn is_resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Reads what is there and opens it into `reading.bytes`; 0 when the other side has ended, with or without saying so:
    /// frames tell by themselves whether they are whole.
    pub fn poll_read(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
        reading: &mut Reading,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.ended {
                return Poll::Ready(Ok(0));
            }
            let flushed = self.poll_flush(transport, cx)?;
            if self.tls.is_handshaking() {
                // What is said in a handshake waits for the answer to it.
                ready!(flushed);
                if reading.put_off_handshake() {
                    return Poll::Pending;
                }
            }
            let mut length = self.cut.len();
            reading.sealed[..length].copy_from_slice(&self.cut);
            if !std::mem::take(&mut self.is_new) {
                let Some(left) = self.left_in(reading.turn()) else {
                    reading.put_off();
                    return Poll::Pending;
                };
                let end = READ_BYTES.min(length + left.min(reading.at_once));
                match ready!(transport.poll_read(cx, &mut reading.sealed[length..end]))? {
                    0 => return Poll::Ready(Ok(0)),
                    more => (length, self.left) = (length + more, left - more),
                }
            }
            let was_handshaking = self.tls.is_handshaking();
            if was_handshaking {
                reading.count_handshake();
            }
            let opened = self.open(&mut reading.sealed[..length], &mut reading.bytes);
            if was_handshaking && self.is_open() {
                metrics::add(
                    match self.is_resumed() {
                        true => Counter::HandshakesResumed,
                        false => Counter::HandshakesFull,
                    },
                    1,
                );
            }
            // Opened where they came in: there may be a password in it.
            reading.sealed[..length].fill(0);
            match opened {
                Ok(0) => {}
                Ok(opened) => return Poll::Ready(Ok(opened)),
                Err(error) => {
                    // The alert that says what is wrong.
                    let _ = self.poll_flush(transport, cx);
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
                }
            }
        }
    }

    /// How much of the socket may still be read in this turn, if any. It is counted before it is opened: a record costs the
    /// same work whether it holds 16 KiB, a byte, or nothing but a new key.
    fn left_in(&mut self, turn: u32) -> Option<usize> {
        if self.turn != turn {
            (self.turn, self.left) = (turn, READ_BYTES);
        }
        Some(self.left).filter(|left| *left > 0)
    }

    /// Seals what fits one record and writes as much of it as the socket takes; the rest is kept. Nothing more is taken
    /// before that is gone.
    pub fn poll_write(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        writing: &mut Writing,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(transport, cx))?;
        let plain = writing.plain.join(slices);
        let UnbufferedStatus { state, .. } = self.tls.process_tls_records(&mut self.cut);
        let Ok(ConnectionState::WriteTraffic(mut traffic)) = state else {
            let text = "nothing can be said on this TLS connection";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, text)));
        };
        let sealed = traffic
            .encrypt(plain, &mut writing.sealed)
            .map_err(io::Error::other)?;
        let taken = plain.len();
        writing.plain.forget();
        let mut rest = &writing.sealed[..sealed];
        while !rest.is_empty() {
            match transport.poll_write(cx, &[IoSlice::new(rest)])? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(written) => rest = &rest[written..],
                Poll::Pending => break,
            }
        }
        self.unsent.extend_from_slice(rest);
        Poll::Ready(Ok(taken))
    }

    /// Writes what the socket did not take before.
    pub fn poll_flush(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.sent < self.unsent.len() {
            let rest = [IoSlice::new(&self.unsent[self.sent..])];
            match ready!(transport.poll_write(cx, &rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        (self.unsent, self.sent) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    /// Says that nothing more comes. The socket is still to be shut down.
    pub fn poll_close(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.closed, true) {
            let UnbufferedStatus { state, .. } = self.tls.process_tls_records(&mut self.cut);
            let mut sealed = [0; OVERHEAD_BYTES];
            if let Ok(ConnectionState::WriteTraffic(mut traffic)) = state
                && let Ok(length) = traffic.queue_close_notify(&mut sealed)
            {
                self.unsent.extend_from_slice(&sealed[..length]);
            }
        }
        self.poll_flush(transport, cx)
    }

    /// Opens all records that are whole, puts what they hold into `plain`, and keeps the rest. `plain` is as long as
    /// `sealed` at least, so it fits.
    fn open(&mut self, sealed: &mut [u8], plain: &mut [u8]) -> Result<usize, rustls::Error> {
        let (mut at, mut opened) = (0, 0);
        loop {
            let UnbufferedStatus { mut discard, state } =
                self.tls.process_tls_records(&mut sealed[at..]);
            let mut is_all = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        plain[opened..opened + record.payload.len()]
                            .copy_from_slice(record.payload);
                        opened += record.payload.len();
                        discard += record.discard;
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => append(&mut self.unsent, data),
                // It is as good as sent: `unsent` goes out before anything else.
                Ok(ConnectionState::TransmitTlsData(state)) => state.done(),
                Ok(ConnectionState::PeerClosed) => self.ended = true,
                Ok(_) => is_all = true,
                Err(error) => {
                    self.take_alert(&mut sealed[at + discard..]);
                    return Err(error);
                }
            }
            at += discard;
            if is_all {
                break;
            }
        }
        let rest = &sealed[at..];
        if rest.len() > CUT_BYTES_MAX {
            return Err(rustls::Error::General(
                "a message of the handshake is too long".to_owned(),
            ));
        }
        self.cut = rest.to_vec();
        Ok(opened)
    }

    /// After a mistake of the other side: what it is to be told about that. Nothing more is read of it, nor said to it.
    fn take_alert(&mut self, rest: &mut [u8]) {
        self.closed = true;
        // Asked once more, rustls would make the same of the same bytes again.
        while self.tls.wants_write() {
            let UnbufferedStatus { state, .. } = self.tls.process_tls_records(rest);
            match state {
                Ok(ConnectionState::EncodeTlsData(data)) => append(&mut self.unsent, data),
                _ => return,
            }
        }
    }
}

/// Asked with no room at first, rustls says how much it needs.
fn append(unsent: &mut Vec<u8>, mut data: EncodeTlsData<'_, rustls::server::ServerConnectionData>) {
    if let Err(EncodeError::InsufficientSize(needed)) = data.encode(&mut []) {
        let at = unsent.len();
        unsent.resize(at + needed.required_size, 0);
        // It was told how much that is.
        let _ = data.encode(&mut unsent[at..]);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// A connection that gets its bytes by hand instead of from a socket: for `tests/fuzz`.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByHand(Session);

#[doc(hidden)]
impl ByHand {
    pub fn new(config: Arc<ServerConfig>) -> io::Result<Self> {
        Session::new(config, &[]).map(Self)
    }

    /// Takes in at most [`RECORD_BYTES`] more; returns what that opens.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let mut sealed = [&self.0.cut, bytes].concat();
        let mut plain = vec![0; sealed.len()];
        let opened = self.0.open(&mut sealed, &mut plain)?;
        plain.truncate(opened);
        Ok(plain)
    }

    /// What goes back.
    pub fn answer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0.unsent)
    }

    /// Bytes that are kept because their rest has not come.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.0.cut.len()
    }
}

#[cfg(test)]
pub(super) mod tests;
