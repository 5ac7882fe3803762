//! The identity key: what names and addresses are sealed with and looked up by. Where keys lie is the business of
//! `keys`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroizing, zeroize_stack};

use crate::base::{Network, UserName};

pub(super) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// What making the keys that are derived from it takes of the stack, generously: pieces of it would stay there.
const STACK_BYTES: usize = 8_192;

/// The key itself. Wiped after use, and on the heap, so that it is in one place however often it is handed on.
pub type IdentityKey = Box<[u8; KEY_BYTES]>;

/// What a sealed value belongs to. It is bound to the value: one put into another place does not open.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The check value that tells whether the key is this database's.
    Check,
    /// The name of an account.
    UserName(u32),
    /// From where the account last logged in.
    LastLogin(u32),
    /// The device of a session.
    Device(u64),
    /// What a control call was about, by its time.
    Audit(i64),
    /// The note about an invite.
    Invite(u32),
    /// The network that is banned.
    BanNetwork(i64),
    /// The reason for a ban or a mute.
    BanReason(i64),
}

impl Place {
    fn bytes(self) -> [u8; 9] {
        let (tag, number) = match self {
            Self::Check => (0, 0),
            Self::UserName(id) => (1, u64::from(id)),
            Self::LastLogin(id) => (2, u64::from(id)),
            Self::Device(id) => (3, id),
            Self::Audit(at) => (4, at.cast_unsigned()),
            Self::Invite(id) => (5, u64::from(id)),
            Self::BanNetwork(id) => (6, id.cast_unsigned()),
            Self::BanReason(id) => (7, id.cast_unsigned()),
        };
        let mut bytes = [tag; 9];
        bytes[1..].copy_from_slice(&number.to_be_bytes());
        bytes
    }
}

/// Seals and opens, and makes the hashes that names are looked up by.
pub(super) struct Identity {
    cipher: XChaCha20Poly1305,
    lookup: Hmac<Sha256>,
}

/// Why a sealed value could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealError {
    #[error("a sealed value does not open: the key is another, or the value was changed")]
    Shut,
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

impl Identity {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Self {
        let identity = Self::derived(key);
        zeroize_stack::<STACK_BYTES>();
        identity
    }

    #[inline(never)]
    fn derived(key: &[u8; KEY_BYTES]) -> Self {
        let derived = |purpose: &[u8]| {
            let mut mac = keyed(key);
            mac.update(purpose);
            Zeroizing::new(<[u8; KEY_BYTES]>::from(mac.finalize().into_bytes()))
        };
        let seal = derived(b"chatd identity: seal");
        Self {
            cipher: XChaCha20Poly1305::new((&*seal).into()),
            lookup: keyed(&derived(b"chatd identity: lookup")),
        }
    }

    /// Random nonce, then the ciphertext.
    pub(super) fn seal(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(SealError::Random)?;
        let payload = Payload {
            msg: plain,
            aad: &place.bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Shut)?;
        Ok([&nonce[..], &sealed].concat())
    }

    pub(super) fn open(&self, place: Place, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SealError::Shut)?;
        let payload = Payload {
            msg: sealed,
            aad: &place.bytes(),
        };
        self.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SealError::Shut)
    }

    /// What a name is looked up by: the same for names that count as the same, and telling nothing without the key.
    pub(super) fn name_hash(&self, name: &UserName) -> [u8; 32] {
        let mut mac = self.lookup.clone();
        mac.update(name.key().as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// What a banned network is looked up by. No name has a slash in front and a NUL behind it.
    pub(super) fn network_hash(&self, network: &Network) -> [u8; 32] {
        let mut mac = self.lookup.clone();
        mac.update(format!("/{network}\0").as_bytes());
        mac.finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8; KEY_BYTES]) -> Hmac<Sha256> {
    // As HMAC defines it for a key that is shorter than a block of the hash.
    let mut block = Zeroizing::new([0; 64]);
    block[..KEY_BYTES].copy_from_slice(key);
    <Hmac<Sha256> as KeyInit>::new((&*block).into())
}

/// Reads a key: the bytes themselves, or what `openssl rand -base64 32` prints, for ways that carry only text.
#[must_use]
pub fn parse_key(bytes: &[u8]) -> Option<IdentityKey> {
    let decoded;
    let bytes = match bytes.len() {
        KEY_BYTES => bytes,
        _ => {
            decoded = STANDARD.decode(bytes.trim_ascii_end()).ok()?;
            &decoded[..]
        }
    };
    let mut key = IdentityKey::default();
    (bytes.len() == KEY_BYTES).then(|| key.copy_from_slice(bytes))?;
    zeroize_stack::<STACK_BYTES>();
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_with_its_key_only() {
        let (identity, other) = (Identity::new(&[1; 32]), Identity::new(&[2; 32]));
        let sealed = identity
            .seal(Place::UserName(7), "Анна".as_bytes())
            .unwrap();
        assert_eq!(
            identity.open(Place::UserName(7), &sealed).unwrap(),
            "Анна".as_bytes()
        );
        assert!(identity.open(Place::UserName(8), &sealed).is_err());
        assert!(identity.open(Place::LastLogin(7), &sealed).is_err());
        assert!(other.open(Place::UserName(7), &sealed).is_err());
        for cut in [0, NONCE_BYTES, sealed.len() - 1] {
            assert!(identity.open(Place::UserName(7), &sealed[..cut]).is_err());
        }
        let again = identity
            .seal(Place::UserName(7), "Анна".as_bytes())
            .unwrap();
        assert_ne!(sealed, again, "a nonce was used twice");
    }

    #[test]
    fn a_key_is_its_bytes_or_their_base64() {
        let key: [u8; 32] = std::array::from_fn(|at| 0xe0 + at as u8 % 32);
        let text = STANDARD.encode(key);
        for written in [
            key.to_vec(),
            text.clone().into(),
            format!("{text}\n").into(),
        ] {
            assert_eq!(parse_key(&written).map(|key| *key), Some(key));
        }
        for wrong in [
            &key[..31],
            &[&key[..], b"\n"].concat(),
            &text.as_bytes()[1..],
            b"",
        ] {
            assert_eq!(parse_key(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_name_is_found_however_it_is_written_and_not_without_the_key() {
        let name = |text: &str| text.parse::<UserName>().unwrap();
        let identity = Identity::new(&[1; 32]);
        assert_eq!(
            identity.name_hash(&name("Анна")),
            identity.name_hash(&name("анна"))
        );
        assert_ne!(
            identity.name_hash(&name("anna")),
            identity.name_hash(&name("anne"))
        );
        assert_ne!(
            identity.name_hash(&name("anna")),
            Identity::new(&[2; 32]).name_hash(&name("anna"))
        );
    }
}
