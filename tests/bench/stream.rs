//! What a connection of the load runs over: TCP, in the clear or with TLS. Believes every server, because there is only
//! one, and checks no signature, so that the load takes little time from what is measured beside it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

use chatd::wire::ALPN;

/// Names under which the server is known when connections are taken up again: a ticket is good once, so each connection
/// of those that are under way together comes under another name.
pub const NAMES: usize = 256;
/// Tickets that rustls keeps for one name.
const TICKETS: usize = 8;
/// The most that one record opens to, and some more.
const RECORD_ROOM: usize = 20 << 10;

/// How connections are made.
#[derive(Clone)]
pub enum Link {
    /// In the clear.
    Clear,
    /// Over TLS.
    Tls(Arc<ClientConfig>),
}

impl Link {
    /// Over TLS; `resumes` is whether tickets are kept and used.
    ///
    /// # Errors
    /// When the ciphers are not to be had.
    pub fn tls(resumes: bool) -> Result<Self> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone))
            .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = match resumes {
            true => Resumption::in_memory_sessions(TICKETS * NAMES),
            false => Resumption::disabled(),
        };
        Ok(Self::Tls(Arc::new(config)))
    }

    /// Connection `number` over this socket. Nothing is said on it yet.
    ///
    /// # Errors
    /// When TLS does not begin.
    pub fn over(&self, socket: TcpStream, number: usize) -> Result<Stream> {
        let tls = match self {
            Self::Clear => None,
            Self::Tls(config) => Some(Box::new(begin(config, number)?)),
        };
        Ok(Stream {
            socket,
            tls,
            unsent: Vec::new(),
        })
    }

    /// The first thing that a client says over TLS.
    ///
    /// # Errors
    /// When TLS does not begin.
    pub fn client_hello() -> Result<Vec<u8>> {
        let Self::Tls(config) = Self::tls(false)? else {
            return Ok(Vec::new());
        };
        let mut hello = Vec::new();
        begin(&config, 0)?.write_tls(&mut hello)?;
        Ok(hello)
    }
}

fn begin(config: &Arc<ClientConfig>, number: usize) -> Result<ClientConnection> {
    let name = ServerName::try_from(format!("host{}.example", number % NAMES))?;
    let mut tls = ClientConnection::new(config.clone(), name).context("cannot begin TLS")?;
    tls.set_buffer_limit(None);
    Ok(tls)
}

/// One connection. What its socket does not take is kept until it does.
pub struct Stream {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// In the clear; with TLS it is rustls that keeps it.
    unsent: Vec<u8>,
}

impl Stream {
    /// Says something, as far as the socket takes it.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(bytes)?,
            None if self.unsent.is_empty() => {
                let taken = taken(self.socket.write(bytes))?;
                self.unsent.extend_from_slice(&bytes[taken..]);
                return Ok(());
            }
            None => self.unsent.extend_from_slice(bytes),
        }
        self.flush()
    }

    /// Writes what the socket did not take before.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn flush(&mut self) -> io::Result<()> {
        while self.is_behind() {
            let taken = match &mut self.tls {
                Some(tls) => taken(tls.write_tls(&mut self.socket))?,
                None => {
                    let taken = taken(self.socket.write(&self.unsent))?;
                    self.unsent.drain(..taken);
                    taken
                }
            };
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Whether the socket has not taken everything.
    pub fn is_behind(&self) -> bool {
        match &self.tls {
            Some(tls) => tls.wants_write(),
            None => !self.unsent.is_empty(),
        }
    }

    /// Reads what is there, in the clear; 0 at the end. It is an error of the kind `WouldBlock` when nothing is there.
    ///
    /// # Errors
    /// When the connection is gone or is no TLS.
    pub fn hear(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.read(buffer);
        };
        let mut heard = 0;
        while buffer.len() - heard > RECORD_ROOM {
            match tls.read_tls(&mut self.socket) {
                Ok(0) => return Ok(heard),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && heard > 0 => break,
                Err(error) => return Err(error),
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            heard += taken(tls.reader().read(&mut buffer[heard..]))?;
            // The last step of the handshake, and what waited for it.
            while tls.wants_write() && taken(tls.write_tls(&mut self.socket))? > 0 {}
        }
        Ok(heard)
    }

    /// Shakes hands, on a socket that blocks.
    ///
    /// # Errors
    /// When the other side does not.
    pub fn shake_hands(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.is_handshaking() {
                tls.complete_io(&mut self.socket)?;
            }
        }
        Ok(())
    }

    /// What TLS knows of it.
    pub fn tls(&self) -> Option<&ClientConnection> {
        self.tls.as_deref()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// How much; nothing when it would have to wait.
fn taken(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        taken => taken,
    }
}

#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
