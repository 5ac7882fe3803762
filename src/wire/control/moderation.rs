//! What calls about roles, bans and mutes take and tell.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Parameter;
use super::error::ControlError;
use crate::base::limit::REASON_BYTES_MAX;
use crate::base::{Network, Timestamp};

words! {
    /// The role of an account.
    UserRole {
        /// It may kick, ban and mute everywhere.
        Moderator = "moderator",
        /// It has none.
        None = "none",
    }
}

words! {
    /// What somebody may not do.
    BanKind {
        /// Come in.
        Ban = "ban",
        /// Say something.
        Mute = "mute",
    }
}

impl Parameter for UserRole {}
impl Parameter for Reason {}

impl Parameter for Network {
    fn complaint(value: &Value) -> Option<ControlError> {
        let network = value.as_str()?;
        let reason = network.parse::<Self>().err()?;
        Some(ControlError::BadNetwork {
            network: network.to_owned(),
            reason,
        })
    }
}

/// Why somebody is kicked, banned or muted: not empty, no NUL, not longer than it may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(Arc<str>);

impl Reason {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = ReasonError;

    fn try_from(text: String) -> Result<Self, ReasonError> {
        let fits = !text.is_empty() && text.len() <= REASON_BYTES_MAX && !text.contains('\0');
        fits.then(|| Self(text.into())).ok_or(ReasonError)
    }
}

impl FromStr for Reason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, ReasonError> {
        text.to_owned().try_into()
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0.as_ref().to_owned()
    }
}

/// The text cannot be a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reason is empty, has a NUL in it or is longer than {REASON_BYTES_MAX} bytes")]
pub struct ReasonError;

/// See [`super::Ban`]: how many connections have ended or were told, and until when it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct BanSet {
    pub connections: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// See [`super::ListBans`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct Bans {
    pub bans: Vec<BanEntry>,
}

/// A ban or a mute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct BanEntry {
    pub kind: BanKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    pub by: String,
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    pub reason: String,
}
