//! Words everyone uses: plain values, names, times, limits, secrets, fingerprints, what was done by whom, the catalog of
//! the journal, counters, the form of manual pages, mistakes in settings, and the language that is spoken. Does no I/O and
//! knows no floor above.

pub mod audit;
pub mod ban;
pub mod catalog;
pub mod cause;
pub mod fingerprint;
pub mod id;
pub mod invite;
pub mod label;
pub mod limit;
pub mod manual;
pub mod metrics;
pub mod mistake;
pub mod name;
pub mod nearest;
pub mod network;
pub mod origin;
pub mod record;
pub mod secret;
pub mod seldom;
pub mod text;
pub mod time;
pub mod tongue;

pub use audit::{Act, Actor, AuditEntry, AuditRecord};
pub use ban::{BanKey, BanKind, BanRecord, Banned};
pub use cause::Cause;
pub use fingerprint::Fingerprint;
pub use id::{CallId, Channel, ConnId, RequestId, RoomId, Seq, SessionId, Ticket, UserId};
pub use invite::{InviteHash, InviteId, InviteRecord};
pub use label::RoomLabel;
pub use limit::Limits;
pub use name::{NameError, RoomName, Target, UserName};
pub use network::Network;
pub use origin::Origin;
pub use secret::{Password, Token, TokenHash};
pub use seldom::{Seldom, SeldomByOrigin};
pub use time::{Now, Timestamp};
