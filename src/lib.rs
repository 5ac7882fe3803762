#![doc = include_str!("ARCHITECTURE.md")]

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
