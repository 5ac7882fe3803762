//! The rules of the chat: who is where, who may do what, what comes next. Is told what happened and what time it is,
//! and answers with what to do.

// No clock, socket, file, thread, chance or hash map in here: `.clippy.toml` has the list with the reasons.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod effect;
pub mod input;
