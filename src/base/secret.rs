//! Passwords and tokens: wiped after use, absent from `Debug`, compared without telling where they differ.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password as a person typed it.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop, PartialEq, Eq)]
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
        OpaqueString::enforce(&*self.0)
            .ok()
            .map(|text| Self(text.into_owned()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a client shows instead of a password: 32 random bytes, written `ct_` and base64url (RFC 4648, section 5)
/// without padding, 46 characters in all.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Token([u8; 32]);

const TOKEN_PREFIX: &str = "ct_";

impl Token {
    /// A token of these bytes, which come from the system's random source.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the written form; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text.strip_prefix(TOKEN_PREFIX)?)
            .ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The written form: for the wire and the client's token file only.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What the server keeps of it. A plain hash is enough: 32 random bytes cannot be guessed.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
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
        for none in ["", "pass\0word", "pass\u{7f}word", "pass\u{ad}word"] {
            assert_eq!(prepared(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_token_is_read_as_written_and_never_shown() {
        let token = Token::from_random([7; 32]);
        assert_eq!(token.expose().len(), 46);
        assert_eq!(Token::parse(&token.expose()), Some(token.clone()));
        assert_eq!(
            format!("{token:?} {:?}", Password::new("geheim".into())),
            "Token(…) Password(…)"
        );
        for wrong in [
            "",
            "ct_",
            "ct_????",
            &token.expose()[3..],
            &format!("{}A", token.expose()),
        ] {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
    }
}
