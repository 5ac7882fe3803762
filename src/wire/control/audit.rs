//! What is replied about the audit log. The fields are described in `io.chatd.Control.varlink`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::Timestamp;

/// What chatd writes down of itself, beside the methods.
pub const OWN_ACTS: [&str; 2] = ["Start", "Stop"];

/// Who did what, and how it came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct AuditEntry {
    pub number: u64,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    pub method: String,
    pub parameters: Map<String, Value>,
    pub outcome: String,
}

/// See [`super::ListAudit`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct AuditEntries {
    pub entries: Vec<AuditEntry>,
    pub more: bool,
}

/// See [`super::FollowAudit`]. Without an entry it is the end of the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<AuditEntry>,
    /// How many entries before this one were removed before they could be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
}
