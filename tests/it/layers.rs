//! Shows that the map in `src/ARCHITECTURE.md` is the territory: imports go down, programs are one call, the engine
//! stays pure, files open by saying what they are and stay readable, and nothing outside tests gives up with a panic.
//!
//! It reads the sources as words, without comments and literals; that is enough for what is asked here.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::{Word, words};

/// What each module may import. A new edge is a decision: it goes into `src/ARCHITECTURE.md` first, then here.
const MAY_IMPORT: [(&str, &[&str]); 10] = [
    ("base", &[]),
    ("wire", &["base"]),
    ("engine", &["base"]),
    ("store", &["base"]),
    ("net", &["base", "wire", "engine"]),
    ("control", &["base", "wire", "engine"]),
    ("client", &["base", "wire"]),
    (
        "daemon",
        &["base", "wire", "engine", "store", "net", "control"],
    ),
    ("ctl", &["base", "wire"]),
    ("tui", &["base", "client"]),
];

/// What tests in these files may import besides: the simulation has both ends of the wire in its hands.
const TESTS_MAY_IMPORT: [(&str, &[&str]); 1] = [("src/daemon/tests/simulation/", &["client"])];

/// The program behind each file in `bin/`.
const PROGRAMS: [(&str, &str); 3] = [
    ("bin/chatd.rs", "daemon"),
    ("bin/chatctl.rs", "ctl"),
    ("bin/chat-client.rs", "tui"),
];

/// Crates that do what the engine must not; what the standard library offers of it is in `.clippy.toml`.
const NOT_IN_ENGINE: [&str; 10] = [
    "tokio",
    "rusqlite",
    "serde_json",
    "getrandom",
    "socket2",
    "nix",
    "tracing",
    "argon2",
    "toml",
    "signal_hook",
];

/// Where code outside tests may panic, and how often. Each place says so in its docs, under `# Panics`.
const MAY_PANIC: [(&str, usize); 1] = [("src/base/name.rs", 3)];

const LINES_MAX: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, with their texts, by path from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut open = vec![root().join(folder)];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "no sources in {folder}");
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
            (name.to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// Fails with all findings at once.
fn report(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// The module path of a file below `src`: `src/wire/frame.rs` is `wire`, `frame`.
fn module(file: &str) -> Vec<&str> {
    let path = file.strip_prefix("src/").unwrap_or(file);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.split('/')
        .filter(|part| !matches!(*part, "mod" | "lib"))
        .collect()
}

/// The modules right below the crate's root that a file names, each with its line; `*` where it takes all of them.
fn reaches(file: &str, text: &str) -> Vec<(usize, String)> {
    let words = words(text);
    let depth = module(file).len();
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let inline = words[at].inline_modules;
        let mut next = at;
        let climbed = match words[at].text {
            "crate" => Some(depth + inline),
            "self" | "super" => {
                let mut climbed = 0;
                while matches!(text_at(&words, next), "self" | "super") {
                    climbed += usize::from(words[next].text == "super");
                    match text_at(&words, next + 1) == "::"
                        && matches!(text_at(&words, next + 2), "self" | "super")
                    {
                        true => next += 2,
                        false => break,
                    }
                }
                Some(climbed)
            }
            _ => None,
        };
        if climbed == Some(depth + inline) && text_at(&words, next + 1) == "::" {
            let line = words[at].line;
            found.extend(
                heads(&words, next + 2)
                    .into_iter()
                    .map(|head| (line, head.to_owned())),
            );
        }
        at = next + 1;
    }
    found
}

fn text_at<'a>(words: &[Word<'a>], at: usize) -> &'a str {
    words.get(at).map_or("", |word| word.text)
}

/// The first words of what comes after `crate::`: one, or one for each part of `{…}`.
fn heads<'a>(words: &[Word<'a>], at: usize) -> Vec<&'a str> {
    if text_at(words, at) != "{" {
        return vec![text_at(words, at)];
    }
    let (mut heads, mut depth, mut begins) = (Vec::new(), 0, false);
    for word in &words[at..] {
        match word.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ if begins => heads.push(word.text),
            _ => {}
        }
        begins = depth == 1 && matches!(word.text, "{" | ",");
        if depth == 0 {
            break;
        }
    }
    heads
}

#[test]
fn imports_go_down_and_never_sideways() {
    let mut findings = Vec::new();
    for (file, text) in sources("src") {
        let path = module(&file);
        let Some(here) = path.first() else { continue };
        let Some((_, may)) = MAY_IMPORT.iter().find(|(name, _)| name == here) else {
            findings.push(format!("{file}: there is no module `{here}` on the map"));
            continue;
        };
        let tests = TESTS_MAY_IMPORT
            .iter()
            .filter(|(folder, _)| file.starts_with(folder));
        let besides: Vec<_> = tests.flat_map(|(_, may)| may.iter()).collect();
        for (line, there) in reaches(&file, &text) {
            let there = there.as_str();
            if there == *here || may.contains(&there) || besides.contains(&&there) {
                continue;
            }
            findings.push(format!(
                "{file}:{line}: `{here}` uses `crate::{there}`, but may import only {may:?}. Move what both need down \
                 into `base`, or let the floor above translate; if the edge is really wanted, decide it in \
                 src/ARCHITECTURE.md first and then in tests/it/layers.rs"
            ));
        }
    }
    report(findings);
}

#[test]
fn every_module_is_on_the_map() {
    let mut folders: Vec<_> = fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut modules = MAY_IMPORT.map(|(name, _)| name);
    modules.sort_unstable();
    assert_eq!(folders, modules, "the folders in src are on the left");

    let map = fs::read_to_string(root().join("src/ARCHITECTURE.md")).unwrap();
    for (name, may) in MAY_IMPORT {
        let may = match may {
            [] => "–".to_owned(),
            may => may.join(" "),
        };
        let row = format!("| `{name}` | {may} |");
        assert!(map.contains(&row), "src/ARCHITECTURE.md lacks '{row}'");
    }
}

#[test]
fn programs_are_one_call() {
    let mut findings = Vec::new();
    for (file, module) in PROGRAMS {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let words: Vec<_> = words(&text).into_iter().map(|word| word.text).collect();
        let functions = words.iter().filter(|word| **word == "fn").count();
        let begin = words.iter().position(|word| *word == "{").unwrap_or(0);
        let statements = words[begin..].iter().filter(|word| **word == ";").count();
        let calls: Vec<_> = words
            .windows(3)
            .filter(|words| words[..2] == ["chatd", "::"])
            .map(|words| words[2])
            .collect();
        let one_call = calls.len() <= 1 && statements <= 1 && functions == 1;
        if !one_call || calls.iter().any(|call| *call != module) {
            findings.push(format!(
                "{file}: should be `fn main` with one call into `chatd::{module}`; what it does besides belongs there"
            ));
        }
    }
    report(findings);
}

#[test]
fn the_engine_is_pure() {
    let mut findings = Vec::new();
    for (file, text) in sources("src/engine") {
        for pair in words(&text).windows(2) {
            let [name, then] = pair else { continue };
            if then.text == "::" && NOT_IN_ENGINE.contains(&name.text) {
                findings.push(format!(
                    "{file}:{}: the engine uses `{}`; it is told what happened and answers with effects, so let the \
                     hub or a worker do this and tell the engine by an `Input`",
                    name.line, name.text
                ));
            }
        }
    }
    report(findings);
    let engine = fs::read_to_string(root().join("src/engine/mod.rs")).unwrap();
    assert!(
        engine.contains("#![deny(clippy::disallowed_methods, clippy::disallowed_types)]"),
        "src/engine/mod.rs no longer denies what .clippy.toml lists"
    );
}

#[test]
fn files_say_what_they_are_and_stay_short() {
    let mut findings = Vec::new();
    for (file, text) in [sources("src"), sources("bin"), sources("tests/it")].concat() {
        // A program's main file is its call; what it is stands in the module that is called.
        let opens = text.starts_with("//! ") || text.starts_with("#![doc = include_str!");
        if !opens && !text.starts_with("fn main") {
            findings.push(format!(
                "{file}: does not open with `//!`: say what the file is and what it leaves to others"
            ));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            findings.push(format!(
                "{file}: has {lines} lines, more than {LINES_MAX}: is it two nouns in one file, or a dispatcher that \
                 wants a table? Tests may move to a file beside it"
            ));
        }
    }
    report(findings);
}

#[test]
fn nothing_outside_tests_gives_up() {
    let mut findings = Vec::new();
    for (file, text) in sources("src") {
        if file.ends_with("/tests.rs") || file.contains("/tests/") {
            continue;
        }
        let mut calls = Vec::new();
        for three in words(&text).windows(3) {
            let [before, name, after] = three else {
                continue;
            };
            let gives_up = match name.text {
                "unwrap" | "expect" => before.text == "." && after.text == "(",
                "todo" | "unimplemented" | "dbg" => after.text == "!",
                _ => false,
            };
            if gives_up && !name.in_test {
                calls.push((name.line, name.text));
            }
        }
        let may = MAY_PANIC
            .iter()
            .find(|(name, _)| *name == file)
            .map_or(0, |(_, times)| *times);
        if calls.len() != may {
            findings.push(format!(
                "{file}: {calls:?} where {may} may be: answer with an error that says what to do (a lock that may be \
                 poisoned: `unwrap_or_else(PoisonError::into_inner)`). If it cannot fail, say why under `# Panics` \
                 and list it in tests/it/layers.rs"
            ));
        }
        if may > text.matches("/// # Panics").count() {
            findings.push(format!("{file}: does not say under `# Panics` why not"));
        }
    }
    report(findings);
}

/// What the tests above see: a few lines in each way that a module can be named.
#[test]
fn a_reach_is_seen_however_it_is_written() {
    let seen = |file: &str, text: &str| -> Vec<String> {
        reaches(file, text)
            .into_iter()
            .map(|(_, there)| there)
            .collect()
    };
    let file = "src/wire/frame.rs";
    assert_eq!(seen(file, "use crate::base::Seq;"), ["base"]);
    assert_eq!(
        seen(
            file,
            "use crate::{base::{Seq, id}, engine, net::{self, Order}};"
        ),
        ["base", "engine", "net"]
    );
    assert_eq!(seen(file, "fn f() -> $crate::store::X {}"), ["store"]);
    assert_eq!(seen(file, "use super::super::store::Store;"), ["store"]);
    assert_eq!(
        seen(file, "mod tests { use super::super::super::net::X; }"),
        ["net"]
    );
    assert_eq!(seen("src/wire/mod.rs", "use super::net::X;"), ["net"]);
    assert_eq!(
        seen("src/wire/mod.rs", "mod tests { use super::control::X; }"),
        [""; 0]
    );
    assert_eq!(seen(file, "use super::control; use self::x::y;"), [""; 0]);
    assert_eq!(
        seen(
            file,
            r##"// crate::net
            /* crate::net /* nested */ crate::net */ const X: &str = "crate::net \" crate::net"; r#"crate::"net"#; 'c'"##
        ),
        [""; 0]
    );
    assert_eq!(seen(file, "use crate::*;"), ["*"]);
}
