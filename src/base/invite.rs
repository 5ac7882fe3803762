//! Invites: codes that let somebody make an account. A code is told once, to the admin who had it made; what is kept of
//! it is a hash.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing, zeroize_stack};

use super::secret::STACK_BYTES;
use super::{Password, Timestamp};

/// The longest note in bytes: all invites are in memory with theirs.
pub const NOTE_BYTES_MAX: usize = 256;
/// Nobody guesses 128 bits.
const CODE_BYTES: usize = 16;
/// Of them, at five bits each.
const CODE_CHARS: usize = 26;
/// Crockford's: without the letters that are taken for digits, and without U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The number of an invite. Never used twice.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct InviteId(pub u32);

impl InviteId {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl std::fmt::Display for InviteId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// SHA-256 of a code. Looking one up by its hash tells nothing about a code by the time it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InviteHash(pub [u8; 32]);

impl InviteHash {
    /// The hash of a code as a person writes it: letters of either case, with hyphens and spaces or without, and O, I and
    /// L for the digits that they look like. Every text has one; that of a text which is no code is that of no invite.
    #[must_use]
    pub fn of(code: &Password) -> Self {
        let hash = Self::hashed(code);
        zeroize_stack::<STACK_BYTES>();
        hash
    }

    #[inline(never)]
    fn hashed(code: &Password) -> Self {
        let mut plain = Zeroizing::new(Vec::with_capacity(code.expose().len()));
        let written = code.expose().bytes();
        plain.extend(
            written
                .filter(|byte| !matches!(byte, b'-' | b' '))
                .map(|byte| match byte.to_ascii_uppercase() {
                    b'O' => b'0',
                    b'I' | b'L' => b'1',
                    byte => byte,
                }),
        );
        Self(Sha256::digest(&*plain).into())
    }
}

/// A new code of bytes that `fill` gets from the system's random source.
///
/// # Errors
/// Those of `fill`.
pub fn random_code<E>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Password, E> {
    let mut bytes = [0; CODE_BYTES];
    fill(&mut bytes)?;
    let mut bits = u128::from_be_bytes(bytes);
    let mut code = String::with_capacity(CODE_CHARS);
    for place in (0..CODE_CHARS).rev() {
        let digit = (bits >> (5 * place)) & 31;
        code.push(char::from(ALPHABET[digit as usize]));
    }
    bytes.zeroize();
    bits.zeroize();
    Ok(Password::new(code))
}

/// An invite as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteRecord {
    /// Its number.
    pub id: InviteId,
    /// What is kept of its code.
    pub hash: InviteHash,
    /// What the admin noted about it, such as whom it is for; may be empty.
    pub note: Arc<str>,
    /// How many accounts can be made with it.
    pub uses: u32,
    /// How many were.
    pub used: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// The user id of the admin who had it made.
    pub created_by: u32,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What has become of an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteState {
    /// An account can be made with it.
    Open,
    /// As many as can be were made.
    Used,
    /// It has run out.
    Expired,
    /// An admin took it back.
    Revoked,
}

impl InviteRecord {
    /// What has become of it by now.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> InviteState {
        match self.revoked_at {
            Some(_) => InviteState::Revoked,
            None if self.used >= self.uses => InviteState::Used,
            None if self.expires_at <= now => InviteState::Expired,
            None => InviteState::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(code: &str) -> InviteHash {
        InviteHash::of(&Password::new(code.into()))
    }

    #[test]
    fn a_code_has_26_characters_that_nobody_mistakes() {
        let fill = |with: u8| {
            move |bytes: &mut [u8]| -> Result<(), ()> {
                bytes.fill(with);
                Ok(())
            }
        };
        let code = |with| random_code(fill(with)).unwrap().expose().to_owned();
        assert_eq!(code(0), "00000000000000000000000000");
        assert_eq!(code(0xff), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_ne!(code(1), code(2));
        assert_eq!(random_code(|_| Err("dry")), Err("dry"));
    }

    #[test]
    fn a_code_is_the_same_however_it_is_written_down() {
        let code = hash("7ZK0M1ZZQQ");
        for same in ["7zk0m1zzqq", "7ZK0M-1ZZQQ", " 7zkO mlzz-qq ", "7ZKoMiZZQQ"] {
            assert_eq!(hash(same), code, "{same}");
        }
        for other in ["", "7ZK0M1ZZQ", "7ZK0M1ZZQQ0", "7ZK0M1ZZQQ\n", "жук"] {
            assert_ne!(hash(other), code, "{other}");
        }
    }
}
