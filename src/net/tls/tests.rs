//! A TLS connection over a pair of sockets: the same bytes arrive however they are cut, and nothing that a stranger sends
//! does more than end the connection.

use std::io::{Read as _, Write as _};
use std::sync::LazyLock;
use std::task::Waker;

use proptest::prelude::*;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme,
    SupportedProtocolVersion,
};

use super::*;
use crate::net::stream::{READ_BYTES, Stream};

/// A certificate that nobody vouches for, made once for all tests.
static CONFIG: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    server_config(vec![made.cert.der().clone()], &key).unwrap()
});

/// How a server with a certificate of its own encrypts.
pub fn config() -> Arc<ServerConfig> {
    CONFIG.clone()
}

/// A client on the other end of a socket, byte by byte: what it says is cut wherever the test wants.
struct Peer {
    tls: ClientConnection,
    socket: std::os::unix::net::UnixStream,
}

/// The server's end, and what a worker has besides.
struct Server {
    stream: Stream,
    reading: Reading,
    writing: Writing,
    /// Everything that was read.
    heard: Vec<u8>,
}

/// Trusts everybody: who the server is, is not what is shown here.
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

fn pair(version: &'static SupportedProtocolVersion) -> (Peer, Server) {
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    let peer = Peer {
        tls: ClientConnection::new(Arc::new(client), name).unwrap(),
        socket: far,
    };
    let server = Server {
        stream: Stream::bare(near),
        reading: Reading::new(config()),
        writing: Writing::default(),
        heard: Vec::new(),
    };
    (peer, server)
}

impl Server {
    /// Reads until nothing is there. Returns whether the connection goes on.
    fn read(&mut self) -> io::Result<bool> {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            self.reading.begin_turn();
            match self.stream.poll_read(&mut cx, &mut self.reading) {
                Poll::Pending if self.reading.was_put_off() => {}
                Poll::Pending => return Ok(true),
                Poll::Ready(Ok(0)) => return Ok(false),
                Poll::Ready(Ok(length)) => {
                    self.heard.extend_from_slice(&self.reading.bytes[..length]);
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
    }

    /// Says all of it, piece by piece as the peer takes it.
    fn say(&mut self, slices: &[&[u8]], peer: &mut Peer, heard: &mut Vec<u8>) {
        let mut cx = Context::from_waker(Waker::noop());
        let all = slices.concat();
        let mut said = 0;
        while said < all.len() {
            let mut skip = said;
            let rest = slices.iter().filter_map(|slice| {
                let cut = skip.min(slice.len());
                skip -= cut;
                (cut < slice.len()).then(|| IoSlice::new(&slice[cut..]))
            });
            let rest: Vec<_> = rest.collect();
            match self.stream.poll_write(&mut cx, &rest, &mut self.writing) {
                Poll::Ready(written) => said += written.unwrap(),
                Poll::Pending => peer.hear(heard),
            }
        }
        while self.stream.poll_flush(&mut cx).is_pending() {
            peer.hear(heard);
        }
        peer.hear(heard);
    }
}

impl Peer {
    /// What TLS wants to send.
    fn records(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut records).unwrap();
        }
        records
    }

    /// Takes what has come.
    fn hear(&mut self, heard: &mut Vec<u8>) {
        loop {
            match self.tls.read_tls(&mut self.socket) {
                Ok(0) => return,
                Ok(_) => {
                    self.tls.process_new_packets().unwrap();
                    let _ = self.tls.reader().read_to_end(heard);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Shakes hands, with records sent in portions of these sizes, over and over.
    fn shake_hands(&mut self, server: &mut Server, portions: &[usize]) {
        let mut portions = portions.iter().cycle();
        while self.tls.is_handshaking() || !server.stream.is_open() {
            for portion in cut(&self.records(), &mut portions) {
                self.socket.write_all(&portion).unwrap();
                assert!(server.read().unwrap());
            }
            assert!(server.read().unwrap());
            self.hear(&mut Vec::new());
        }
        self.hear(&mut Vec::new());
    }
}

/// The same bytes in portions of these sizes.
fn cut<'a>(bytes: &[u8], portions: &mut impl Iterator<Item = &'a usize>) -> Vec<Vec<u8>> {
    let (mut rest, mut cuts) = (bytes, Vec::new());
    while !rest.is_empty() {
        let size = portions
            .next()
            .map_or(rest.len(), |size| (*size).min(rest.len()));
        let (portion, more) = rest.split_at(size);
        cuts.push(portion.to_vec());
        rest = more;
    }
    cuts
}

fn version() -> impl Strategy<Value = &'static SupportedProtocolVersion> {
    prop_oneof![Just(&rustls::version::TLS13), Just(&rustls::version::TLS12)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the records are cut, and whatever the pieces that are said, the same bytes come out on the other side.
    #[test]
    fn however_the_records_are_cut_the_bytes_are_the_same(
        version in version(),
        portions in prop::collection::vec(1_usize..700, 1..12),
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3_000), 0..8),
        long in 0_usize..40_000,
        answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..3_000), 1..8),
    ) {
        let (mut peer, mut server) = pair(version);
        peer.shake_hands(&mut server, &portions);
        let long = vec![b'x'; long];
        let mut said = Vec::new();
        for record in records.iter().chain([&long]) {
            peer.tls.writer().write_all(record).unwrap();
            said.extend_from_slice(record);
            let sealed = peer.records();
            for portion in cut(&sealed, &mut portions.iter().cycle()) {
                peer.socket.write_all(&portion).unwrap();
                prop_assert!(server.read().unwrap());
            }
        }
        prop_assert!(server.heard == said);
        let slices: Vec<&[u8]> = answers.iter().map(Vec::as_slice).chain([&long[..]]).filter(|slice| !slice.is_empty()).collect();
        let mut heard = Vec::new();
        server.say(&slices, &mut peer, &mut heard);
        prop_assert!(heard == slices.concat());
    }

    /// Whatever is changed in what a client sends, the worst that happens is that its connection ends.
    #[test]
    fn whatever_is_sent_nothing_worse_happens_than_the_end(
        version in version(),
        steps in 0_usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut_at in any::<prop::sample::Index>(),
    ) {
        let (mut peer, mut server) = pair(version);
        let mut alive = true;
        for step in 0..=steps {
            let mut sealed = peer.records();
            if sealed.is_empty() {
                peer.tls.writer().write_all(b"some words").unwrap();
                sealed = peer.records();
            }
            if step == steps && !sealed.is_empty() {
                for (at, byte) in &changes {
                    let at = at.index(sealed.len());
                    sealed[at] = *byte;
                }
                let at = cut_at.index(sealed.len());
                let again = sealed[at..].to_vec();
                sealed.extend(again);
            }
            peer.socket.write_all(&sealed).unwrap();
            alive = server.read().unwrap_or(false);
            if !alive {
                break;
            }
            if peer.tls.read_tls(&mut peer.socket).is_err() || peer.tls.process_new_packets().is_err() {
                break;
            }
        }
        let mut cx = Context::from_waker(Waker::noop());
        let _ = server.stream.poll_shutdown(&mut cx);
        prop_assert!(server.heard.is_empty() || alive || server.heard == b"some words");
    }
}

/// rustls would make two alerts of it if it were asked twice about the same bytes.
#[test]
fn a_mistake_is_answered_by_one_alert() {
    let (mut peer, mut server) = pair(&rustls::version::TLS13);
    let mut hello = peer.records();
    hello[9..].fill(0);
    peer.socket.write_all(&hello).unwrap();
    assert!(server.read().is_err());
    let mut said = [0; 100];
    let length = peer.socket.read(&mut said).unwrap();
    // Record of an alert, two bytes long, fatal.
    assert_eq!((length, said[0], &said[3..6]), (7, 0x15, &[0, 2, 2][..]));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(server.stream.poll_shutdown(&mut cx).is_ready());
    assert_eq!(peer.socket.read(&mut said).unwrap(), 0);
}

#[test]
fn what_is_said_in_one_go_is_one_record() {
    let (mut peer, mut server) = pair(&rustls::version::TLS13);
    peer.shake_hands(&mut server, &[usize::MAX]);
    let mut cx = Context::from_waker(Waker::noop());
    let words = [
        IoSlice::new(b"one "),
        IoSlice::new(b"two "),
        IoSlice::new(b"three"),
    ];
    let written = server
        .stream
        .poll_write(&mut cx, &words, &mut server.writing);
    assert!(matches!(written, Poll::Ready(Ok(13))));
    let mut sealed = [0; 100];
    // Header, the words, the type that is hidden among them, the seal.
    assert_eq!(peer.socket.read(&mut sealed).unwrap(), 5 + 13 + 1 + 16);
}

#[test]
fn a_crowd_at_the_door_waits_for_its_turn() {
    let (mut peer, mut server) = pair(&rustls::version::TLS13);
    let mut cx = Context::from_waker(Waker::noop());
    while !server.reading.put_off_handshake() {
        server.reading.count_handshake();
    }
    let hello = peer.records();
    peer.socket.write_all(&hello).unwrap();
    assert!(
        server
            .stream
            .poll_read(&mut cx, &mut server.reading)
            .is_pending()
    );
    assert!(server.reading.was_put_off() && !server.reading.was_put_off());
    peer.shake_hands(&mut server, &[usize::MAX]);
}

/// Records that hold a byte each: what a turn takes of a socket is counted as it came, or one connection would hold up the
/// others for as long as it fills its buffer.
#[test]
fn a_turn_takes_so_much_of_a_socket_whatever_it_holds() {
    let (mut peer, mut server) = pair(&rustls::version::TLS13);
    peer.shake_hands(&mut server, &[usize::MAX]);
    peer.tls.set_buffer_limit(None);
    let mut sealed = Vec::new();
    for _ in 0..8_000 {
        peer.tls.writer().write_all(b"x").unwrap();
        peer.tls.write_tls(&mut sealed).unwrap();
    }
    assert!(sealed.len() > 2 * READ_BYTES);
    let mut cx = Context::from_waker(Waker::noop());
    let (mut rest, mut heard, mut turns) = (&sealed[..], 0, 0);
    while heard < 8_000 {
        turns += 1;
        server.reading.begin_turn();
        let before = heard;
        loop {
            if let Ok(taken) = peer.socket.write(rest) {
                rest = &rest[taken..];
            }
            match server.stream.poll_read(&mut cx, &mut server.reading) {
                Poll::Ready(length) => heard += length.unwrap(),
                Poll::Pending => break assert!(server.reading.was_put_off() || rest.is_empty()),
            }
        }
        assert!(
            heard - before <= READ_BYTES / 22,
            "{} in a turn",
            heard - before
        );
    }
    assert!(turns >= sealed.len() / READ_BYTES);
}
