//! The fuzzer: libFuzzer around the targets. `$CHATD_FUZZ` names the one to run; `tests/fuzz/run` sets it.

#![no_main]

use std::sync::LazyLock;

#[path = "targets/mod.rs"]
mod targets;

static TARGET: LazyLock<targets::Check> = LazyLock::new(|| {
    let wanted = std::env::var("CHATD_FUZZ").unwrap_or_default();
    let found = targets::TARGETS.iter().find(|(name, _)| *name == wanted);
    match found {
        Some((_, check)) => *check,
        None => panic!("CHATD_FUZZ='{wanted}' names no target; see tests/fuzz/run"),
    }
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
