//! What people see: the help of every verb, tables, sentences; and whole calls over a socket with a daemon of a few
//! lines behind it.

mod accounts;
mod audit;
mod calls;
mod help;
mod looks;
mod watching;

use crate::base::Timestamp;
use crate::ctl::table::Look;

/// 2026-11-20T10:30:00Z.
const NOW: Timestamp = Timestamp(1_795_170_600_000);
const WIDE: Look = look(100);
const NARROW: Look = look(40);

const fn look(width: usize) -> Look {
    Look {
        width,
        colour: false,
    }
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 - seconds * 1_000)
}
