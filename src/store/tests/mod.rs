//! Tests of the stores: the suite that each of them passes. What only SQLite can show is beside it, in
//! `store/sqlite/tests.rs`.

mod accounts;
mod audit;
mod gone;
mod moderation;
mod search;
pub(super) mod stage;
mod suite;
mod upkeep;
