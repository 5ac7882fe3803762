//! What an admin tells people.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::limit::TEXT_BYTES_MAX;

/// What the admin tells people: not empty, no NUL, not longer than a message may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Words(Arc<str>);

impl Words {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.0
    }
}

impl TryFrom<String> for Words {
    type Error = WordsError;

    fn try_from(text: String) -> Result<Self, WordsError> {
        let fits = !text.is_empty() && text.len() <= TEXT_BYTES_MAX && !text.contains('\0');
        fits.then(|| Self(text.into())).ok_or(WordsError)
    }
}

impl FromStr for Words {
    type Err = WordsError;

    fn from_str(text: &str) -> Result<Self, WordsError> {
        text.to_owned().try_into()
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        words.0.as_ref().to_owned()
    }
}

/// The text cannot be told to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is empty, has a NUL in it or is longer than {TEXT_BYTES_MAX} bytes")]
pub struct WordsError;
