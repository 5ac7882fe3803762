//! The control socket: Varlink over a Unix socket, for `chatctl` and whatever else speaks it. Knows who calls and what
//! is called; carrying it out is the daemon's business, which gets each [`Call`] and answers it.

pub mod command;
pub mod peer;
pub mod server;
mod socket;
pub mod varlink;

#[cfg(test)]
mod tests;

pub use command::{Command, Reply};
pub use peer::Caller;
pub use server::{Call, ReplySender, serve};
pub use socket::{BindError, bind};
