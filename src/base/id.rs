//! Numbers that name things. Each has a type of its own, so that one is never taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The number after this one.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// An account. Never used twice, also after the account is gone: history keeps its author.
    UserId(u32)
}
number! {
    /// A room, direct conversations included. Never used twice. Below 2^27, so that a message's row fits an `i64`.
    RoomId(u32)
}
number! {
    /// A session: one login of one device, named by one token.
    SessionId(u64)
}
number! {
    /// The number of a message within its room: 1, 2, 3 … without holes. 0 stands before the first. Below 2^36.
    Seq(u64)
}
number! {
    /// What the engine asked for and will be told the outcome of.
    Ticket(u64)
}
number! {
    /// A call on the control socket that waits for its reply.
    CallId(u64)
}

/// The admin, as the author of what they redact: the number of no account.
pub const ADMIN: UserId = UserId(0);

/// The room that every account is a member of; made with the database.
pub const LOBBY: RoomId = RoomId(1);

/// A connection: the worker that owns it, its place there, and how often that place was taken before.
/// The last tells a late answer to a connection that is gone from one to its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    /// The worker that owns the connection.
    pub worker: u16,
    /// How often the place was taken before.
    pub turn: u16,
    /// The place among the worker's connections.
    pub slot: u32,
}

/// One stream of identical bytes for many connections. A room has one; a direct conversation has two, because each
/// side sees it under the other's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel {
    /// The room whose log it shows.
    pub room: RoomId,
    /// In a direct conversation: 0 for the member with the lower id, 1 for the other. Otherwise 0.
    pub side: u8,
}

/// What a client calls its request: the JSON text of a string of at most 64 characters or of a number, given back
/// letter by letter as `re`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub Box<str>);
