//! Shows that the manual pages and completions that are shipped are those that the programs write themselves, or that
//! are made from the files they describe; and that those who read them find nothing wrong in them.
//!
//! After a change of flags or help, `UPDATE_MAN=1 cargo test --test it man` writes all of them anew; the difference is
//! reviewed like any other.

use std::path::Path;
use std::process::Command;

use crate::page;
use crate::support::skipped;

/// Compares what a program prints with `--generate {what}` with the file that is shipped.
fn check(program: &str, what: &str, shipped: &str) {
    check_in("C.UTF-8", program, what, shipped);
}

/// The same for people of this locale.
fn check_in(locale: &str, program: &str, what: &str, shipped: &str) {
    let output = Command::new(program)
        .args(["--generate", what])
        .env_remove("LANGUAGE")
        .env("LC_ALL", locale)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let name = Path::new(program).file_name().unwrap().to_string_lossy();
    let written = String::from_utf8(output.stdout).unwrap();
    compare(shipped, &format!("'{name} --generate {what}'"), &written);
}

/// Compares a file that is shipped with what it should be.
fn compare(shipped: &str, writer: &str, written: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(shipped);
    assert!(!written.is_empty(), "{writer} writes nothing");
    if is_update() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, written).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((line, (was, is))) = (1..)
        .zip(kept.lines().zip(written.lines()))
        .find(|(_, (was, is))| was != is)
    {
        panic!(
            "packaging/{shipped}, line {line}, is '{was}' where {writer} writes '{is}'; {RENEW}"
        );
    }
    assert!(
        kept == written,
        "packaging/{shipped} is missing or ends elsewhere; {RENEW}"
    );
}

/// Whether the files are written anew: until they are, nobody is to read them.
fn is_update() -> bool {
    std::env::var_os("UPDATE_MAN").is_some()
}

const RENEW: &str =
    "if that is meant, `UPDATE_MAN=1 cargo test --test it man` writes the files anew";

#[test]
fn the_pages_of_the_programs_are_as_shipped() {
    check(env!("CARGO_BIN_EXE_chatd"), "man", "man/chatd.8");
    check(env!("CARGO_BIN_EXE_chatctl"), "man", "man/chatctl.8");
    check(
        env!("CARGO_BIN_EXE_chat-client"),
        "man",
        "man/chat-client.1",
    );
    // The name by which debhelper knows that it belongs into `/usr/share/man/ru`.
    check_in(
        "ru_RU.UTF-8",
        env!("CARGO_BIN_EXE_chat-client"),
        "man",
        "man/chat-client.ru.1",
    );
}

/// The Russian page has all the sections and all the entries of the English one, and nobody's English words.
#[test]
fn the_russian_page_is_the_english_one_in_russian() {
    if is_update() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/man");
    let read = |page: &str| std::fs::read_to_string(folder.join(page)).unwrap();
    let (english, russian) = (read("chat-client.1"), read("chat-client.ru.1"));
    for request in [".SH ", ".SS ", ".TP", ".PP"] {
        let count = |page: &str| {
            page.lines()
                .filter(|line| line.starts_with(request))
                .count()
        };
        assert_eq!(count(&english), count(&russian), "{request}");
    }
    let is_russian = |line: &&str| line.contains(|letter| ('\u{400}'..'\u{500}').contains(&letter));
    let sentences = russian
        .lines()
        .filter(|line| line.ends_with('.') && line.contains(' '));
    let foreign: Vec<_> = sentences.filter(|line| !is_russian(line)).collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
}

#[test]
fn the_page_of_the_configuration_is_as_shipped() {
    compare(
        "man/chatd.toml.5",
        "tests/it/page/settings.rs",
        &page::settings(),
    );
}

#[test]
fn the_page_of_the_protocol_is_as_shipped() {
    compare(
        "man/chatd-protocol.7",
        "tests/it/page/protocol.rs",
        &page::protocol(),
    );
}

#[test]
fn the_completions_are_as_shipped() {
    for program in PROGRAMS {
        for (shell, file) in completions(program) {
            check(program, shell, &format!("completions/{file}"));
        }
    }
}

const PROGRAMS: [&str; 3] = [
    env!("CARGO_BIN_EXE_chatd"),
    env!("CARGO_BIN_EXE_chatctl"),
    env!("CARGO_BIN_EXE_chat-client"),
];

/// The completions of a program, by shell, under the names by which the shells look for them.
fn completions(program: &str) -> [(&str, String); 3] {
    let name = Path::new(program).file_name().unwrap().to_string_lossy();
    [
        ("bash", format!("{name}.bash")),
        ("zsh", format!("_{name}")),
        ("fish", format!("{name}.fish")),
    ]
}

/// Each shell that is here reads them, and then knows a flag and, where there are any, a verb.
#[test]
fn the_completions_complete() {
    if is_update() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/completions");
    // Each prints what it would offer behind the words that are given to it, of which the last is being written.
    let bash = r#"source "$0/$1.bash"; COMP_WORDS=("${@:1}"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        handler=$(complete -p "$1"); handler=${handler##*-F }; "${handler%% *}" "$1" "${@: -1}" "${@: -2:1}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let fish = r#"source "$argv[1]/$argv[2].fish"; complete --do-complete (string join -- " " $argv[2..])"#;
    // Without a terminal zsh completes nothing: it is asked whether it takes the function and knows its command.
    let zsh = r#"fpath=($0 $fpath); autoload -Uz compinit && compinit -D -u && echo $_comps[$1] && autoload +X $_comps[$1]
        functions $_comps[$1]"#;
    for (shell, script) in [("bash", bash), ("zsh", zsh), ("fish", fish)] {
        if Command::new(shell).arg("--version").output().is_err() {
            skipped(&format!("completions for {shell}"), "it is not installed");
            continue;
        }
        for (words, offered) in [
            (["chatd", "--daem"], "--daemonize"),
            (["chat-client", "his"], "history"),
        ] {
            let mut command = Command::new(shell);
            command.args([if shell == "zsh" { "-fc" } else { "-c" }, script]);
            let output = command.arg(&folder).args(words).output().unwrap();
            let (said, complaint) = (
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr),
            );
            assert!(
                said.contains(offered) && complaint.is_empty(),
                "{shell} does not offer '{offered}' after {words:?}:\n{said}{complaint}"
            );
        }
    }
}

/// Both programs that show manual pages show them without a warning.
#[test]
fn the_pages_are_clean() {
    if is_update() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/man");
    let pages = std::fs::read_dir(folder).unwrap();
    let pages: Vec<_> = pages.map(|page| page.unwrap().path()).collect();
    assert_eq!(pages.len(), 6, "{pages:?}");
    let mandoc: &[&str] = &["mandoc", "-T", "lint", "-W", "warning"];
    // As lintian does it.
    let man: &[&str] = &["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"];
    for (call, version, mark) in [(mandoc, "-V", ""), (man, "--version", "man 2.")] {
        let found = Command::new(call[0]).arg(version).output();
        let is_here =
            found.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with(mark));
        if !is_here {
            skipped(
                &format!("manual pages with {}", call[0]),
                "it is not installed",
            );
            continue;
        }
        for page in &pages {
            let mut command = Command::new(call[0]);
            command.args(&call[1..]).arg(page);
            let output = command
                .env("LC_ALL", "C.UTF-8")
                .env("MANWIDTH", "80")
                .output()
                .unwrap();
            let is_formatted = call[0] == "man";
            let complaints = [
                &*output.stderr,
                if is_formatted { b"" } else { &*output.stdout },
            ]
            .concat();
            assert!(
                output.status.success() && complaints.is_empty(),
                "{} finds fault with {}:\n{}",
                call[0],
                page.display(),
                String::from_utf8_lossy(&complaints)
            );
        }
    }
}
