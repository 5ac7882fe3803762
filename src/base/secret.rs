//! Passwords and tokens: wiped after use, absent from `Debug`, compared without telling where they differ.

use std::fmt;
use std::str::Chars;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_compatible;
use zeroize::zeroize_stack;

/// What reading a token and hashing it takes of the stack, generously: pieces of it would stay there.
pub(super) const STACK_BYTES: usize = 8_192;

/// A password as a person typed it.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Takes the text over; the caller keeps no copy.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The password itself: for the hash function and the wire only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The form in which passwords are the same however they were typed (RFC 8265, OpaqueString): composed letters, plain
    /// spaces, nothing else changed. `None` when it has a character that passwords may not have, such as a control
    /// character.
    #[must_use]
    pub fn prepared(&self) -> Option<Self> {
        OpaqueString::prepare(&*self.0).ok()?;
        let plain_space = |character: char| match character.is_whitespace() {
            true => ' ',
            false => character,
        };
        let prepared = self.mapped(|characters| characters.map(plain_space).nfc());
        // Marks that have changed their places may have parted a joiner from what it joins.
        OpaqueString::prepare(&*prepared.0).ok()?;
        Some(prepared)
    }

    /// The form in which a password is compared with names and with words that everybody knows: as for names (RFC 8265,
    /// UsernameCaseMapped) case and width make no difference.
    #[must_use]
    pub fn folded(&self) -> Self {
        self.mapped(|characters| {
            characters
                .flat_map(narrow)
                .flat_map(char::to_lowercase)
                .nfc()
        })
    }

    fn mapped<'a, I: Iterator<Item = char>>(&'a self, map: impl FnOnce(Chars<'a>) -> I) -> Self {
        Self(map(self.0.chars()).collect())
    }
}

/// A letter of double or half width as the usual one.
fn narrow(character: char) -> impl Iterator<Item = char> {
    let mut usual = character;
    if matches!(character, '\u{ff00}'..='\u{ffef}') {
        decompose_compatible(character, |part| usual = part);
    }
    std::iter::once(usual)
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a client shows instead of a password: 32 random bytes, written `ct_` and base64url (RFC 4648, section 5)
/// without padding, 46 characters in all.
/// On the heap, so that it is in one place however often it is handed on.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<[u8; TOKEN_BYTES]>);

const TOKEN_BYTES: usize = 32;
/// Of them in base64url.
const TOKEN_CHARS: usize = 43;

const TOKEN_PREFIX: &str = "ct_";

impl Token {
    /// A token of bytes that `fill` gets from the system's random source.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn random<E>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut token = Self::zero();
        fill(&mut token.0[..])?;
        Ok(token)
    }

    /// A token of these bytes.
    #[cfg(test)]
    pub fn from_random(bytes: [u8; TOKEN_BYTES]) -> Self {
        Self(Box::new(bytes))
    }

    fn zero() -> Self {
        Self(Box::new([0; TOKEN_BYTES]))
    }

    /// Reads the written form; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(TOKEN_PREFIX)?;
        let token = Self::decoded(text);
        zeroize_stack::<STACK_BYTES>();
        token
    }

    #[inline(never)]
    fn decoded(text: &str) -> Option<Self> {
        let mut token = Self::zero();
        let length = URL_SAFE_NO_PAD
            .decode_slice_unchecked(text.get(..TOKEN_CHARS)?, &mut token.0[..])
            .ok()?;
        (text.len() == TOKEN_CHARS && length == TOKEN_BYTES).then_some(token)
    }

    /// The written form: for the wire and the client's token file only.
    #[must_use]
    pub fn expose(&self) -> Password {
        let mut text = vec![b'='; TOKEN_PREFIX.len() + TOKEN_CHARS];
        let (prefix, rest) = text.split_at_mut(TOKEN_PREFIX.len());
        prefix.copy_from_slice(TOKEN_PREFIX.as_bytes());
        // There is room for exactly that, and it is ASCII.
        let _ = URL_SAFE_NO_PAD.encode_slice(&self.0[..], rest);
        Password(String::from_utf8(text).unwrap_or_default())
    }

    /// What the server keeps of it. A plain hash is enough: 32 random bytes cannot be guessed.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        let hash = self.hashed();
        zeroize_stack::<STACK_BYTES>();
        hash
    }

    #[inline(never)]
    fn hashed(&self) -> TokenHash {
        TokenHash(Sha256::digest(&self.0[..]).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// SHA-256 of a token. Looking one up by its hash tells nothing about a token by the time it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_same_however_it_was_typed() {
        let prepared = |text: &str| {
            let prepared = Password::new(text.into()).prepared();
            prepared.map(|password| password.expose().to_owned())
        };
        let same = prepared("jose\u{301} y\u{a0}ёлка");
        assert_eq!(same, prepared("jos\u{e9} y е\u{308}лка"));
        assert_eq!(prepared(" A b "), Some(" A b ".into()), "nothing is cut");
        let parted = "\u{308}\u{1baa}\u{200d}";
        assert_eq!(prepared(parted), None, "its prepared form would be none");
        for none in ["", "pass\0word", "pass\u{7f}word", "pass\u{ad}word"] {
            assert_eq!(prepared(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_token_is_read_as_written_and_never_shown() {
        let token = Token::from_random([7; 32]);
        let text = token.expose();
        let text = text.expose();
        assert_eq!(text.len(), 46);
        assert_eq!(Token::parse(text), Some(token.clone()));
        assert_eq!(
            format!("{token:?} {:?}", Password::new("geheim".into())),
            "Token(…) Password(…)"
        );
        for wrong in [
            "",
            "ct_",
            "ct_????",
            &text[3..],
            &text[..45],
            &format!("{text}A"),
            &format!("{}ж", &text[..45]),
        ] {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
    }
}
