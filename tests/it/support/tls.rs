//! What the stories about TLS are told with: certificates, and clients that believe everybody and remember whom.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme,
    SupportedProtocolVersion,
};
use sha2::{Digest, Sha256};

/// A certificate and its key, in files.
pub struct Pair {
    /// The file with the certificate.
    pub certificate: PathBuf,
    /// The file with the key.
    pub key: PathBuf,
    /// What the certificate is known by.
    pub fingerprint: String,
}

impl Pair {
    /// One that vouches for itself, with files of this name in a folder.
    pub fn make(folder: &Path, name: &str) -> Self {
        Self::make_between(folder, name, [1_975, 4_096])
    }

    /// The same, good from the beginning of one year to that of another.
    pub fn make_between(folder: &Path, name: &str, years: [i32; 2]) -> Self {
        Self::make_by(folder, name, |params| {
            let [begin, end] = years.map(|year| rcgen::date_time_ymd(year, 1, 1));
            (params.not_before, params.not_after) = (begin, end);
        })
    }

    fn make_by(folder: &Path, name: &str, set: impl FnOnce(&mut rcgen::CertificateParams)) -> Self {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        set(&mut params);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self::write(folder, name, &certificate, &key)
    }

    /// The same, good for so many days from now on, and for 30 before.
    pub fn make_for_days(folder: &Path, name: &str, days: u64) -> Self {
        let day = |days: u64| {
            let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
            rcgen::date_time_ymd(1970, 1, 1) + now + Duration::from_secs(days * 86_400)
        };
        let month = Duration::from_secs(30 * 86_400);
        Self::make_by(folder, name, |params| {
            (params.not_before, params.not_after) = (day(0) - month, day(days));
        })
    }

    /// One that an authority of its own vouches for; gives back the file with the authority, too.
    pub fn make_vouched(folder: &Path, host: &str) -> (Self, PathBuf) {
        let mut params = rcgen::CertificateParams::new([]).expect("no name");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let authority = params.self_signed(&authority_key).expect("a certificate");
        let issuer = rcgen::Issuer::new(params, authority_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = rcgen::CertificateParams::new([host.to_owned()])
            .and_then(|params| params.signed_by(&key, &issuer))
            .expect("a certificate");
        let file = folder.join("authority.pem");
        std::fs::write(&file, authority.pem()).expect("the folder is ours");
        (Self::write(folder, "vouched", &certificate, &key), file)
    }

    fn write(
        folder: &Path,
        name: &str,
        certificate: &rcgen::Certificate,
        key: &rcgen::KeyPair,
    ) -> Self {
        let pair = Self {
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
            fingerprint: fingerprint(certificate.der()),
        };
        std::fs::write(&pair.certificate, certificate.pem()).expect("the folder is ours");
        std::fs::write(&pair.key, key.serialize_pem()).expect("the folder is ours");
        pair
    }

    /// The settings that name it.
    pub fn settings(&self) -> String {
        format!(
            "[tls]\ncertificate = {:?}\nkey = {:?}\n",
            self.certificate.display().to_string(),
            self.key.display().to_string()
        )
    }
}

/// A fingerprint as the programs write it.
pub fn fingerprint(certificate: &[u8]) -> String {
    let digits = base64::engine::general_purpose::STANDARD_NO_PAD;
    format!("SHA256:{}", digits.encode(Sha256::digest(certificate)))
}

/// A client of this version with these protocols (ALPN).
pub fn client(version: &'static SupportedProtocolVersion, protocols: &[&str]) -> Arc<ClientConfig> {
    Arc::new(client_with(default_provider(), version, protocols))
}

/// The same with these ciphers.
pub fn client_with(
    provider: CryptoProvider,
    version: &'static SupportedProtocolVersion,
    protocols: &[&str],
) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .expect("a known version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    config
}

/// The usual client.
pub fn usual_client() -> Arc<ClientConfig> {
    client(&rustls::version::TLS13, &["chat/1"])
}

/// A connection over TLS.
pub struct Secure {
    /// What TLS knows of it.
    pub tls: ClientConnection,
    /// What it runs over.
    pub socket: TcpStream,
}

impl Secure {
    /// Shakes hands.
    pub fn shake_hands(socket: TcpStream, config: Arc<ClientConfig>) -> std::io::Result<Self> {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut secure = Self {
            tls: ClientConnection::new(config, name).expect("a configuration"),
            socket,
        };
        while secure.tls.is_handshaking() {
            secure.tls.complete_io(&mut secure.socket)?;
        }
        Ok(secure)
    }

    /// Who the server says it is.
    pub fn fingerprint(&self) -> String {
        let chain = self.tls.peer_certificates().expect("a server has one");
        fingerprint(&chain[0])
    }

    /// Reads what comes; 0 when the server has said that nothing more does. An end without that word is an error.
    pub fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        rustls::Stream::new(&mut self.tls, &mut self.socket).read(bytes)
    }

    /// Says something.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let mut stream = rustls::Stream::new(&mut self.tls, &mut self.socket);
        stream.write_all(bytes).and_then(|()| stream.flush())
    }

    /// Reads to the end; tells whether the server has said that it is one.
    pub fn ends_in_order(&mut self) -> bool {
        loop {
            match self.read(&mut [0; 4_096]) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return false,
                Err(error) => panic!("neither said nor ended: {error}"),
            }
        }
    }
}

/// A name for an address of this machine that does not look like one: the resolver reads it, and for chat-client it is
/// a host somewhere.
pub fn disguised(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) => format!("0x{:08x}", u32::from(ip)),
        IpAddr::V6(_) => panic!("only IPv4 can be written so"),
    }
}

/// An address of this machine that others can reach. Nothing is sent to find it.
pub fn reachable_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    Some(address).filter(|address| !address.is_loopback() && !address.is_unspecified())
}

/// Believes everybody: who the server is, is looked at afterwards.
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
