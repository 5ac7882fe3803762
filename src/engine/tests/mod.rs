//! Stories of the engine, told as conversations. Time jumps; the writer and the password threads are played by the
//! test, which decides when they are done.

mod admin;
mod audit;
mod bans;
mod crossing;
mod disabled;
mod guard;
mod import;
mod invites;
mod moderation;
mod notes;
mod people;
mod rate;
mod retain;
mod rooms;
pub mod rows;
pub mod simulation;
mod talk;
mod watch;
mod world;
