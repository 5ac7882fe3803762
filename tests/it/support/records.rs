//! TLS records made by hand, after rustls has shaken hands: what no client in its right mind would send. Ciphers and keys
//! as in RFC 8446 (5.2, 7.2) and RFC 7905.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hmac::{Hmac, KeyInit, Mac};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ConnectionTrafficSecrets, KeyLog, ProtocolVersion, SupportedProtocolVersion};
use sha2::Sha256;

use super::tls::{Secure, client_with};
use super::{Talker, request};

/// What is in a record.
pub const CHANGE_CIPHER_SPEC: u8 = 20;
/// The same.
pub const ALERT: u8 = 21;
/// The same.
pub const HANDSHAKE: u8 = 22;
/// The same.
pub const WORDS: u8 = 23;

/// A change of keys, which nobody has to answer.
pub const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 0];

/// A connection on which hello was said already.
pub struct Records {
    /// What it runs over.
    pub socket: TcpStream,
    is_13: bool,
    ours: Keys,
    theirs: Keys,
    /// What the keys of TLS 1.3 for our side are made of.
    secret: Arc<Secret>,
}

struct Keys {
    number: u64,
    cipher: ChaCha20Poly1305,
    iv: [u8; 12],
}

/// The last secret of the client that rustls has told.
#[derive(Debug, Default)]
struct Secret(Mutex<Vec<u8>>);

impl KeyLog for Secret {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        if label == "CLIENT_TRAFFIC_SECRET_0" {
            *self.0.lock().expect("nobody has failed") = secret.to_vec();
        }
    }
}

impl Records {
    /// Shakes hands in this version on a new connection, and says hello.
    #[track_caller]
    pub fn begin(talker: &Talker, version: &'static SupportedProtocolVersion) -> Self {
        let mut provider = default_provider();
        let is_wanted = |name: &str| name.contains("CHACHA20");
        let suites = &mut provider.cipher_suites;
        suites.retain(|suite| is_wanted(&format!("{:?}", suite.suite())));
        let secret = Arc::new(Secret::default());
        let mut config = client_with(provider, version, &["chat/1"]);
        (config.enable_secret_extraction, config.key_log) = (true, secret.clone());
        let socket = talker.stream().try_clone().expect("a second handle");
        let mut secure = Secure::shake_hands(socket, Arc::new(config)).expect("hands are shaken");
        let hello = request!("hello", protocol: 1, client: "stories/1").to_string();
        let frame = [&(hello.len() as u32).to_be_bytes(), hello.as_bytes()].concat();
        secure.write(&frame).expect("the server reads");
        // What came before the answer, such as tickets, is behind us then.
        let is_whole = |answer: &[u8]| match answer.first_chunk::<4>() {
            Some(length) => answer.len() >= 4 + u32::from_be_bytes(*length) as usize,
            None => false,
        };
        let (mut answer, mut part) = (Vec::new(), [0; 4_096]);
        while !is_whole(&answer) {
            let length = secure.read(&mut part).expect("an answer");
            answer.extend_from_slice(&part[..length]);
        }
        let is_13 = secure.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let secrets = secure
            .tls
            .dangerous_extract_secrets()
            .expect("it was asked for");
        Self {
            socket: secure.socket,
            is_13,
            ours: Keys::new(&secrets.tx),
            theirs: Keys::new(&secrets.rx),
            secret,
        }
    }

    /// One record with this in it.
    pub fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let (shown, inner) = match self.is_13 {
            true => (WORDS, [content, &[kind]].concat()),
            false => (kind, content.to_vec()),
        };
        let head = |length: usize| [shown, 3, 3, (length >> 8) as u8, length as u8];
        let bound = match self.is_13 {
            true => head(inner.len() + 16).to_vec(),
            false => [&self.ours.number.to_be_bytes()[..], &head(inner.len())].concat(),
        };
        let payload = Payload {
            msg: &inner,
            aad: &bound,
        };
        let nonce = self.ours.nonce();
        let sealed = self.ours.cipher.encrypt(&nonce, payload);
        let sealed = sealed.expect("it is short");
        [&head(sealed.len())[..], &sealed].concat()
    }

    /// A record that changes our key, and may ask the server to change its own; from now on records are sealed with the
    /// next one.
    pub fn seal_key_update(&mut self, is_mutual: bool) -> Vec<u8> {
        let mut update = KEY_UPDATE;
        update[4] = is_mutual.into();
        let record = self.seal(HANDSHAKE, &update);
        let mut secret = self.secret.0.lock().expect("nobody has failed");
        *secret = expand(&secret, "traffic upd", 32);
        let iv = expand(&secret, "iv", 12);
        self.ours = Keys {
            number: 0,
            cipher: ChaCha20Poly1305::new_from_slice(&expand(&secret, "key", 32)).expect("a key"),
            iv: iv.try_into().expect("as long as asked for"),
        };
        record
    }

    /// Sends what was sealed.
    pub fn send(&mut self, records: &[u8]) -> std::io::Result<()> {
        self.socket.write_all(records)
    }

    /// Says a request.
    pub fn say(&mut self, request: &serde_json::Value) {
        let request = request.to_string();
        let frame = [&(request.len() as u32).to_be_bytes(), request.as_bytes()].concat();
        let record = self.seal(WORDS, &frame);
        self.send(&record).expect("the server reads");
    }

    /// The next record and what it is; `None` at the end, with or without a word.
    pub fn hear(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.socket.read_exact(&mut head).ok()?;
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        let mut sealed = vec![0; length];
        self.socket.read_exact(&mut sealed).ok()?;
        let bound = match self.is_13 {
            true => head.to_vec(),
            false => {
                let plain = (length - 16) as u16;
                let head = [&head[..3], &plain.to_be_bytes()].concat();
                [&self.theirs.number.to_be_bytes()[..], &head].concat()
            }
        };
        let payload = Payload {
            msg: &sealed,
            aad: &bound,
        };
        let nonce = self.theirs.nonce();
        let opened = self.theirs.cipher.decrypt(&nonce, payload);
        let mut opened = opened.expect("the server seals with its key");
        let kind = match self.is_13 {
            true => opened.pop().expect("the type is hidden at the end"),
            false => head[0],
        };
        Some((kind, opened))
    }

    /// The alert that comes next, if one does, before the end; words are skipped.
    pub fn hear_alert(&mut self) -> Option<[u8; 2]> {
        loop {
            match self.hear()? {
                (ALERT, alert) => return alert.try_into().ok(),
                (WORDS, _) => {}
                (HANDSHAKE, update) if update[0] == KEY_UPDATE[0] => {
                    panic!("keys are not followed here")
                }
                (kind, _) => panic!("a record of type {kind}"),
            }
        }
    }
}

impl Keys {
    fn new((number, secrets): &(u64, ConnectionTrafficSecrets)) -> Self {
        let ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } = secrets else {
            panic!("another cipher was agreed on");
        };
        Self {
            number: *number,
            cipher: ChaCha20Poly1305::new_from_slice(key.as_ref()).expect("a key"),
            iv: iv.as_ref().try_into().expect("12 bytes"),
        }
    }

    /// The nonce of the next record.
    fn nonce(&mut self) -> Nonce {
        let mut nonce = self.iv;
        for (byte, digit) in nonce[4..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= digit;
        }
        self.number += 1;
        nonce.into()
    }
}

/// HKDF-Expand-Label for what fits one hash.
fn expand(secret: &[u8], label: &str, length: u8) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
    for part in [
        &[0, length, label.len() as u8][..],
        label.as_bytes(),
        &[0, 1],
    ] {
        mac.update(part);
    }
    mac.finalize().into_bytes()[..length.into()].to_vec()
}
