//! What is replied where data goes out or comes in: exports, imports, backups, checks, searches.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::record::Kind;
use crate::base::{Password, Seq, Timestamp};

replies! {
    /// A message, as it is exported and found.
    Message { room: String, seq: Seq, at: Timestamp, from: String, kind: Kind, text: Arc<str>, }
    /// See [`super::super::ExportHistory`]. Only the last reply is `whole`.
    Exported {
        messages: Vec<Message>,
        done: u64,
        total: u64,
        /// Direct conversations that were left out.
        direct: u64,
        whole: bool,
    }
    /// An account on its way from one chatd to another.
    #[derive(Default)]
    Account {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] created_at: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] last_login_at: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")] disabled_at: Option<Timestamp>,
        /// In the form of PHC.
        #[serde(default, skip_serializing_if = "Option::is_none")] password_hash: Option<Password>,
        #[serde(default, skip_serializing_if = "Option::is_none")] password: Option<Password>,
    }
    /// See [`super::super::ExportUsers`]. Only the last reply is `whole`.
    ExportedUsers { users: Vec<Account>, whole: bool, }
    /// See [`super::super::StageUsers`].
    Staged { import: u32, users: u64, }
    /// See [`super::super::ImportUsers`]. Only the last reply has `users`.
    Imported {
        hashed: u64,
        to_hash: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")] users: Option<u64>,
    }
    /// See [`super::super::Backup`]. Only the last reply has the sum.
    BackedUp {
        done: u64,
        total: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")] data: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] sha256: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")] messages: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")] key_file: Option<String>,
    }
    /// See [`super::super::Check`]. Only the last reply is `whole`.
    Checked {
        step: CheckStep,
        done: u64,
        total: u64,
        /// What is wrong, told when the step is over; the first of it.
        findings: Vec<String>,
        /// What there is of a log; in a reply of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")] log: Option<CheckedLog>,
        over: bool,
        whole: bool,
    }
    /// The numbers of a room; without `room`, of all direct conversations together.
    CheckedLog {
        #[serde(default, skip_serializing_if = "Option::is_none")] room: Option<String>,
        logs: u64,
        first: Seq,
        last: Seq,
        messages: u64,
        missing: u64,
    }
    /// See [`super::super::Reindex`]. Only the last reply is `whole`.
    Reindexed { left: u64, whole: bool, }
    /// See [`super::super::Search`].
    Found { messages: Vec<Message>, more: bool, direct: u64, }
}

words! {
    /// What a check looks at, in this order.
    CheckStep {
        /// The file itself: pages, trees, rows, the inside of the search index.
        Database = "database",
        /// The numbers of the messages in each room.
        Numbering = "numbering",
        /// Whatever refers to something else.
        References = "references",
        /// What is sealed, and what names are looked up by.
        Keys = "keys",
        /// Whether each message is in the search index, with its words.
        SearchIndex = "search_index",
    }
}
