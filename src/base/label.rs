//! What the admin calls a room, of which they are no member: its name, or the two who talk with each other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::name::{NameError, RoomName, UserName};

/// A room, or a direct conversation, as `chatctl rooms` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum RoomLabel {
    /// `tea`.
    Open(RoomName),
    /// `@anna @boris`.
    Direct(UserName, UserName),
}

/// Why a text names no room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// What would be a name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// One person.
    #[error(
        "a conversation is between two; write it as in `chatctl rooms`, such as '@anna @boris'"
    )]
    Alone,
}

impl FromStr for RoomLabel {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let Some(people) = text.trim().strip_prefix('@') else {
            return Ok(Self::Open(text.trim_start_matches('#').parse()?));
        };
        let (one, other) = people.split_once('@').ok_or(LabelError::Alone)?;
        Ok(Self::Direct(one.trim().parse()?, other.trim().parse()?))
    }
}

impl TryFrom<String> for RoomLabel {
    type Error = LabelError;

    fn try_from(text: String) -> Result<Self, LabelError> {
        text.parse()
    }
}

impl fmt::Display for RoomLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(name) => name.fmt(f),
            Self::Direct(one, other) => write!(f, "@{one} @{other}"),
        }
    }
}

impl From<RoomLabel> for String {
    fn from(label: RoomLabel) -> Self {
        label.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_named_as_it_is_listed() {
        for text in ["tea", "Огород", "@anna @boris"] {
            assert_eq!(text.parse::<RoomLabel>().unwrap().to_string(), text);
        }
        let shown = |text: &str| text.parse::<RoomLabel>().unwrap().to_string();
        assert_eq!(
            (shown("#tea"), shown("@a@b")),
            ("tea".into(), "@a @b".into())
        );
        assert_eq!("@anna".parse::<RoomLabel>(), Err(LabelError::Alone));
        for text in ["", "a b", "@ @", "@anna @"] {
            assert!(text.parse::<RoomLabel>().is_err(), "{text}");
        }
    }
}
