//! Sockets: listeners accept, workers own connections and fan out. Knows the wire and the engine's words, no rows.
//!
//! A listener hands each connection to the worker with the fewest. A worker reads its frames, answers `hello`, `echo`
//! and `ping`, gives the rest to the hub, and carries out the hub's [`Order`]s.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustls::ServerConfig;
use tokio::sync::mpsc::UnboundedSender;

use crate::base::{Channel, ConnId, Limits, RequestId, Seq, Target, UserId};
use crate::engine::bans::Barred;
use crate::engine::effect::{Bye, News, Query};
use crate::wire::event::Registration;

mod arrival;
mod ask;
mod bar;
mod conn;
mod crowd;
mod deadline;
mod doors;
mod lag;
pub mod listener;
pub mod native;
mod order;
#[cfg(test)]
pub(crate) mod played;
mod proxy;
mod ready;
pub mod stream;
pub mod tls;
pub mod worker;

pub use crate::engine::cursor::Chunk;
pub use doors::Doors;
pub use lag::{Laggard, Lagging};
pub use listener::{Bound, ListenerHandle};
pub use worker::WorkerHandle;

/// What the hub or a worker wants from the store; the readers answer to the connection's worker.
#[derive(Debug)]
pub struct Lookup {
    /// Who is answered.
    pub conn: ConnId,
    /// The request that is answered.
    pub re: Option<RequestId>,
    /// What is looked up. For [`Query::Log`] the answer is [`Order::Log`], otherwise [`Order::Answer`].
    pub query: Query,
}

/// What every connection is told at its beginning and measured by.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// The server's name, for people.
    pub server: Arc<str>,
    /// Which life of the database this is; clients' cursors are good in one.
    pub epoch: Arc<str>,
    /// Who may make an account.
    pub registration: Registration,
    /// The bounds.
    pub limits: Limits,
    /// How it is encrypted, where the client wants that or has to.
    pub tls: Arc<ServerConfig>,
    /// Whether one may speak in the clear across a network, too.
    pub allow_plaintext: bool,
}

/// Whether somebody from there may speak in the clear; a local socket has no address. Who comes from a loopback address is
/// on this machine: the kernel takes such an address from nobody else.
fn may_be_clear(peer: Option<IpAddr>, allow_plaintext: bool) -> bool {
    allow_plaintext || peer.is_none_or(|peer| peer.is_loopback())
}

/// What a worker is told, in order. Sent by listeners, the hub and the readers. What concerns a connection that is gone
/// is passed over.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "the fields are those of the engine's effects, where they are described"
)]
pub enum Order {
    /// All of these, in this order.
    Several(Vec<Self>),
    /// Here is a new connection.
    Adopt(stream::Accepted),
    /// Somebody else needs the place of the stranger with this number. Passed over when they have logged in meanwhile.
    LetGo(u64),
    /// Tell one connection something; `answer` frees one of its outstanding requests.
    Tell {
        conn: ConnId,
        re: Option<RequestId>,
        answer: bool,
        news: News,
    },
    /// Give one connection an answer that is encoded already.
    Answer { conn: ConnId, frame: Bytes },
    /// See [`crate::engine::effect::Effect::Admit`].
    Admit { conn: ConnId, user: UserId },
    /// See [`crate::engine::effect::Effect::Dismiss`].
    Dismiss { conn: ConnId },
    /// See [`crate::engine::effect::Effect::Attach`].
    Attach {
        conn: ConnId,
        channel: Channel,
        label: Target,
        viewer: UserId,
        after: Seq,
        head: Seq,
    },
    /// See [`crate::engine::effect::Effect::Detach`].
    Detach { conn: ConnId, channel: Channel },
    /// Messages for everyone attached to the channel, encoded once for all, and when that was ordered.
    Deliver(Channel, Chunk, Instant),
    /// See [`crate::engine::effect::Effect::Forget`].
    Forget {
        channel: Channel,
        upto: Seq,
        gone: bool,
    },
    /// Tell who is behind: at most so many, those with most messages.
    Lag {
        most: usize,
        told: UnboundedSender<Lagging>,
    },
    /// A frame for everyone attached to the channel and live.
    Signal {
        channel: Channel,
        frame: Bytes,
        except: Option<ConnId>,
    },
    /// What a connection that is behind had asked for, read from the store. Empty when there is nothing after `after`;
    /// after an error it is told that frame, stays behind and asks again after a while.
    Log {
        conn: ConnId,
        channel: Channel,
        chunk: Result<Option<Chunk>, Bytes>,
    },
    /// Say good-bye and end the connection once that is sent.
    Close { conn: ConnId, bye: Bye },
    /// See [`crate::engine::effect::Effect::Bar`].
    Bar(Arc<[Barred]>),
    /// Other bounds or another greeting from now on.
    Reload(Arc<Greeting>),
    /// Flush what there is, at most for `stop_seconds`, then end.
    Stop,
}

impl Order {
    /// How many orders it is.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Several(orders) => orders.len(),
            _ => 1,
        }
    }
}
