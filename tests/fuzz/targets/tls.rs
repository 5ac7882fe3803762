//! TLS from its first byte: however a stranger's bytes are cut, the verdict is the same; a client gets through, and of a
//! connection that was meddled with nothing is heard but the beginning of what the client said.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, LazyLock};

use chatd::net::tls::{ByHand, server_config};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, version};

/// What a worker reads at once.
const READ_BYTES: usize = 16_384;
/// What a connection may keep of records whose rest has not come: one with its header.
const KEPT_BYTES_MAX: usize = 5 + 16_384 + 2_048;

struct Ends {
    server: Arc<ServerConfig>,
    clients: [Arc<ClientConfig>; 2],
}

static ENDS: LazyLock<Ends> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate: CertificateDer<'static> = made.cert.der().clone();
    let server = server_config(vec![certificate.clone()], &key).unwrap();
    let client = |version| {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]);
        Arc::new(
            config
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth(),
        )
    };
    Ends {
        server,
        clients: [client(&version::TLS13), client(&version::TLS12)],
    }
});

pub fn check(data: &[u8]) {
    let (steer, rest) = super::steered(data);
    match steer % 4 {
        0 | 1 => stranger(rest, steer),
        mode => client(rest, usize::from(mode - 2), steer),
    }
}

/// Somebody whose bytes have nothing to do with anything that the server says.
fn stranger(bytes: &[u8], seed: u8) {
    let whole = heard(bytes.chunks(READ_BYTES));
    let cut = heard(super::pieces(bytes.len(), seed).map(|piece| &bytes[piece]));
    assert_eq!(whole, cut);
    // It takes a key that the server has never told.
    assert_eq!(whole.0, b"");
}

/// What is heard, and the verdict.
fn heard<'a>(portions: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Result<(), String>) {
    let mut server = ByHand::new(ENDS.server.clone()).unwrap();
    let mut plain = Vec::new();
    for portion in portions {
        match server.take(portion) {
            Ok(opened) => plain.extend(opened),
            Err(error) => return (plain, Err(error.to_string())),
        }
        assert!(server.kept() <= KEPT_BYTES_MAX);
    }
    (plain, Ok(()))
}

/// A client whose bytes are meddled with on the way: four bytes of the input say where and how.
fn client(data: &[u8], version: usize, seed: u8) {
    let (blows, said) = data.split_at(data.len().min(usize::from(seed / 4 % 8) * 4));
    let (mut passed, mut plain) = (0, Vec::new());
    let mut server = ByHand::new(ENDS.server.clone()).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(ENDS.clients[version].clone(), name).unwrap();
    client.set_buffer_limit(None);
    client.writer().write_all(said).unwrap();
    let is_struck = loop {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        let was_struck = strike(&mut flight, passed, blows);
        passed += flight.len();
        let pieces = super::pieces(flight.len(), seed ^ passed as u8);
        let verdict: Result<(), _> = pieces.into_iter().try_for_each(|piece| {
            plain.extend(server.take(&flight[piece])?);
            assert!(server.kept() <= KEPT_BYTES_MAX);
            Ok::<(), rustls::Error>(())
        });
        let answer = server.answer();
        if verdict.is_err() || was_struck {
            break true;
        }
        if answer.is_empty() && !client.wants_write() {
            break false;
        }
        let mut answer = &answer[..];
        while !answer.is_empty() {
            client.read_tls(&mut answer).unwrap();
            client.process_new_packets().unwrap();
        }
        let _ = client.reader().read(&mut [0; 16]);
    };
    match is_struck {
        true => assert!(said.starts_with(&plain)),
        false => assert_eq!(plain, said),
    }
}

/// Whether a blow fell on this part of what the client sends.
fn strike(flight: &mut Vec<u8>, begins: usize, blows: &[u8]) -> bool {
    let before = flight.clone();
    for blow in blows.chunks_exact(4) {
        let at = usize::from(u16::from_be_bytes([blow[0], blow[1]])) % 4_096;
        let Some(at) = at.checked_sub(begins).filter(|at| *at < flight.len()) else {
            continue;
        };
        match blow[2] % 4 {
            0 => flight[at] ^= blow[3],
            1 => drop(flight.drain(at..(at + usize::from(blow[3])).min(flight.len()))),
            2 => flight.insert(at, blow[3]),
            _ => flight.truncate(at),
        }
    }
    *flight != before
}
