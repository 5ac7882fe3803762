#![doc = include_str!("ARCHITECTURE.md")]
// They panic when nobody takes the words.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

// The four floors, from the ground up. Imports go down only; tests/it/layers.rs holds it.

pub mod base;

pub mod engine;
pub mod store;
pub mod wire;

pub mod client;
pub mod control;
pub mod net;

pub mod ctl;
pub mod daemon;
pub mod tui;

/// Wipes all memory that is let go: what libraries copy of a password while they read it (serde_json where it undoes
/// escapes, rustls where it deciphers), and what growing buffers leave behind.
#[global_allocator]
static WIPING: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);
