//! What calls about rooms and names take: names and labels of rooms, numbers, topics, whose names are asked for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Parameter;
use super::error::ControlError;
use crate::base::limit::TOPIC_BYTES_MAX;
use crate::base::{RoomLabel, RoomName, Seq};

/// What a room is about: no NUL, not longer than a topic may be; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Topic(Arc<str>);

impl Topic {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.0
    }
}

impl TryFrom<String> for Topic {
    type Error = TopicError;

    fn try_from(text: String) -> Result<Self, TopicError> {
        let fits = text.len() <= TOPIC_BYTES_MAX && !text.contains('\0');
        fits.then(|| Self(text.into())).ok_or(TopicError)
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        text.to_owned().try_into()
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        topic.0.as_ref().to_owned()
    }
}

/// The text cannot be a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the topic has a NUL in it or is longer than {TOPIC_BYTES_MAX} bytes")]
pub struct TopicError;

words! {
    /// Whose names are asked for.
    NameKind {
        /// Those of accounts.
        Users = "users",
        /// Those of rooms.
        Rooms = "rooms",
    }
}

impl Parameter for NameKind {}
impl Parameter for Seq {}
impl Parameter for Topic {}

impl Parameter for RoomName {
    fn complaint(value: &Value) -> Option<ControlError> {
        let name = value.as_str()?;
        bad_name(name, name.parse::<Self>().err()?.to_string())
    }
}

impl Parameter for RoomLabel {
    fn complaint(value: &Value) -> Option<ControlError> {
        let name = value.as_str()?;
        bad_name(name, name.parse::<Self>().err()?.to_string())
    }
}

fn bad_name(name: &str, reason: String) -> Option<ControlError> {
    Some(ControlError::BadName {
        name: name.to_owned(),
        reason,
    })
}
