//! The fingerprint of a certificate: how people compare what a server shows with what its admin says. One written form
//! everywhere, that of ssh: `SHA256:` and 43 characters.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

use crate::base::tongue::say;

const PREFIX: &str = "SHA256:";

/// SHA-256 of a certificate as a whole (DER), so another certificate has another one, also for the same key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of these bytes (DER).
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let bytes = text
            .strip_prefix(PREFIX)
            .and_then(|digits| STANDARD_NO_PAD.decode(digits).ok());
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| FingerprintError(text.to_owned()))
    }
}

/// The text is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", say!(
    "'{}' is no fingerprint; it is written like SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
    "«{}» — не отпечаток; он пишется так: SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
    .0
))]
pub struct FingerprintError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_as_written_and_nothing_else() {
        let written = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(Fingerprint::of(b"").to_string(), written);
        assert_eq!(written.parse(), Ok(Fingerprint::of(b"")));
        let cut = &written[..written.len() - 1];
        let longer = format!("{written}A");
        let padded = format!("{written}=");
        for wrong in [
            "",
            "SHA256:",
            "MD5:aa",
            cut,
            &longer,
            &padded,
            &written[7..],
        ] {
            let error = wrong.parse::<Fingerprint>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("'{wrong}' is no")));
        }
    }
}
