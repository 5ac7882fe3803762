//! What is replied for a bug report. The fields are described in `io.chatd.Control.varlink`.

use serde::{Deserialize, Serialize};

/// See [`super::Diagnose`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct Diagnosis {
    pub settings: Vec<Setting>,
    pub log: Vec<String>,
    pub schema: u64,
    pub sqlite: String,
    pub page_bytes: u64,
    pub pages: u64,
    pub free_pages: u64,
    pub log_bytes: u64,
    pub tables: Vec<Table>,
    pub findings: Vec<String>,
    pub whole: bool,
}

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct Setting {
    pub name: String,
    pub value: String,
}

/// A table or an index of the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct Table {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    pub bytes: u64,
}
