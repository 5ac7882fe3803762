//! The control socket over real sockets, with a daemon that only notes what it is called with; and the description of
//! the interface, read by a small parser and compared with the types.

mod idl;
mod socket;
