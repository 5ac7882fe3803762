//! What is fuzzed: each target takes any bytes and panics when a promise about them is not kept. The fuzzer runs them
//! without end, `cargo test` with the inputs that the fuzzer found worth keeping.

#![allow(
    clippy::unwrap_used,
    reason = "a promise that is not kept ends the run"
)]

use std::ops::Range;

mod answers;
mod config;
mod control;
mod csv;
mod frame;
mod fts;
mod name;
mod replies;
mod request;
mod terminal;
mod tls;

/// Panics when a promise about the bytes is not kept.
pub type Check = fn(&[u8]);

/// The targets by their names.
pub const TARGETS: &[(&str, Check)] = &[
    ("answers", answers::check),
    ("config", config::check),
    ("control", control::check),
    ("csv", csv::check),
    ("frame", frame::check),
    ("fts", fts::check),
    ("name", name::check),
    ("replies", replies::check),
    ("request", request::check),
    ("terminal", terminal::check),
    ("tls", tls::check),
];

/// The first byte, which steers a target, and the rest; 0 when there is none.
fn steered(data: &[u8]) -> (u8, &[u8]) {
    data.split_first()
        .map_or((0, data), |(steer, rest)| (*steer, rest))
}

/// Cuts `length` bytes into pieces whose sizes follow from `seed` (splitmix64): of one byte, of some, now and then of many.
fn pieces(length: usize, seed: u8) -> impl Iterator<Item = Range<usize>> {
    let (mut state, mut at) = (u64::from(seed), 0);
    std::iter::from_fn(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)) as usize;
        let most = [1, 3, 17, 400][word >> 8 & 3];
        let end = length.min(at + 1 + word % most);
        let piece = at..end;
        at = end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Whether a terminal could obey the character, or a line of text be broken or turned round by it. Written down here by
/// code points and once more, so that a hole in `base::text` is not a hole in the check of it.
fn is_dangerous(character: char) -> bool {
    let bidi = ['\u{61c}', '\u{200e}', '\u{200f}'].contains(&character)
        || ('\u{202a}'..='\u{202e}').contains(&character)
        || ('\u{2066}'..='\u{2069}').contains(&character);
    let control = character < ' ' || ('\u{7f}'..='\u{9f}').contains(&character);
    bidi || control || ['\u{2028}', '\u{2029}'].contains(&character)
}

/// Makes sure that a text is one line and that nothing in it is dangerous.
#[track_caller]
fn must_be_harmless(line: &str) {
    assert!(!line.contains(is_dangerous), "not harmless: {line:?}");
}
