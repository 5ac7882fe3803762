//! Bytes on the network and on the control socket: frames, requests, events, error codes. Knows no rules and does no
//! I/O of its own beyond reading and writing frames on a stream it is given.

pub mod code;
pub mod control;
pub mod event;
pub mod frame;
pub mod openmetrics;
pub mod request;

/// The specification of the native protocol. Each example in it is decoded and encoded again by a test.
#[doc = include_str!("PROTOCOL.md")]
pub mod protocol {}

pub use code::Code;
pub use event::Event;
pub use frame::{FrameError, FrameReader};
pub use request::Request;

/// The version of the protocol that this build speaks.
pub const PROTOCOL: u32 = 1;

/// The port when none is said: C-H-A-T on a telephone.
pub const DEFAULT_PORT: u16 = 2428;

/// What the protocol is called where TLS asks for one (ALPN).
pub const ALPN: &[u8] = b"chat/1";

/// What this program calls itself in `hello`.
pub const SOFTWARE: &str = concat!("chatd/", env!("CARGO_PKG_VERSION"));
