//! The inputs that the fuzzer found worth keeping, each checked again by its target in `tests/fuzz`.

use std::path::Path;

#[path = "../fuzz/targets/mod.rs"]
mod targets;

/// The inputs of a target: one a line, in the letters of Rust's byte strings.
fn inputs(target: &str) -> Vec<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(target);
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| unescaped(line).unwrap_or_else(|| panic!("{}: {line}", file.display())))
        .collect()
}

fn unescaped(line: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), line);
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (byte, length) = match after.chars().next()? {
            'n' => (b'\n', 1),
            'r' => (b'\r', 1),
            't' => (b'\t', 1),
            'x' => (u8::from_str_radix(after.get(1..3)?, 16).ok()?, 3),
            sign @ ('\\' | '\'' | '"') => (sign as u8, 1),
            _ => return None,
        };
        bytes.push(byte);
        rest = &after[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

#[test]
fn what_the_fuzzer_kept_keeps_every_promise() {
    for (target, check) in targets::TARGETS {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "nothing is kept for {target}");
        for input in inputs {
            // Shown when the test fails.
            println!("{target}: b\"{}\"", input.escape_ascii());
            check(&input);
        }
    }
}

#[test]
fn an_input_is_read_as_it_is_written() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(unescaped(&all.escape_ascii().to_string()), Some(all));
    assert_eq!(unescaped(r"a\q"), None);
    assert_eq!(unescaped(r"\x9"), None);
}
