//! Everything that is checked from outside the library, in one program: `cargo test --test it`.
//!
//! What needs no running daemon: the map, the specification, the shipped files.

mod config;
mod layers;
mod man;
mod spec;

// What they are made with.
mod full;
mod source;
