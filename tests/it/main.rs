//! Everything that is checked from outside the library, in one program: `cargo test --test it`.
//!
//! What needs no running daemon: the map, the specification, the shipped files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod config;
mod docs;
mod layers;
mod man;
mod spec;

// What they are made with.
mod full;
mod source;
