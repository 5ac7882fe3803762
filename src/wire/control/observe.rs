//! What the methods reply that watch the daemon: who is behind, what is counted, and how a stop goes that waits. The fields
//! are described in `io.chatd.Control.varlink`.

use serde::{Deserialize, Serialize};

use super::{DrainStep, MetricKind, State};
use crate::base::{SessionId, Timestamp};

/// A number with a fraction. Two are the same when their bits are: it is compared in tests only, and is never no number.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(pub f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

replies! {
    /// See [`super::ListBehind`].
    #[derive(Default)]
    Behind { behind: u64, messages: u64, readers: Vec<Reader>, }
    /// A connection that is behind.
    Reader {
        user: String,
        session: SessionId,
        device: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] peer: Option<String>,
        since: Timestamp,
        messages: u64,
        rooms: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")] room: Option<String>,
        room_messages: u64,
        bytes: u64,
    }
    /// See [`super::Drain`].
    Draining {
        step: DrainStep,
        seconds_left: u64,
        behind: u64,
        messages: u64,
        readers: Vec<Reader>,
        #[serde(default, skip_serializing_if = "Option::is_none")] stop_command: Option<String>,
    }
    /// See [`super::GetStats`].
    Stats { at: Timestamp, metrics: Vec<Metric>, }
    /// Something that is counted or measured.
    Metric {
        name: String,
        kind: MetricKind,
        #[serde(default, skip_serializing_if = "Option::is_none")] unit: Option<String>,
        help: String,
        samples: Vec<Sample>,
    }
    /// One value, or a histogram.
    #[derive(Default)]
    Sample {
        #[serde(default, skip_serializing_if = "Option::is_none")] label: Option<Label>,
        #[serde(default, skip_serializing_if = "Option::is_none")] value: Option<Number>,
        #[serde(default, skip_serializing_if = "Option::is_none")] histogram: Option<Histogram>,
    }
    /// What tells a sample from others.
    Label { name: String, value: String, }
    /// How often it came, and how large it was.
    Histogram { count: u64, sum: Number, buckets: Vec<Bucket>, }
    /// How many were at most so large.
    Bucket { up_to: Number, count: u64, }
    /// See [`super::FollowLoad`].
    Load {
        at: Timestamp,
        state: State,
        since: Timestamp,
        seconds: Number,
        users_online: u64,
        connections: u64,
        strangers: u64,
        messages_per_second: Number,
        deliveries_per_second: Number,
        commits_per_second: Number,
        #[serde(rename = "commitP50", default, skip_serializing_if = "Option::is_none")] commit_p50: Option<Number>,
        #[serde(rename = "commitP99", default, skip_serializing_if = "Option::is_none")] commit_p99: Option<Number>,
        #[serde(rename = "deliveryP50", default, skip_serializing_if = "Option::is_none")] delivery_p50: Option<Number>,
        #[serde(rename = "deliveryP99", default, skip_serializing_if = "Option::is_none")] delivery_p99: Option<Number>,
        cpu: Number,
        memory_bytes: u64,
        behind: u64,
        rooms: Vec<BusyRoom>,
        #[serde(default)] users: Vec<BusyUser>,
        readers: Vec<Reader>,
    }
    /// A room in which something was said.
    BusyRoom { name: String, online: u32, messages: u64, messages_per_second: Number, }
    /// Somebody who said something.
    BusyUser { name: String, messages_per_second: Number, }
}
