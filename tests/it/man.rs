//! Shows that the man pages that are shipped are those that the programs write themselves.
//!
//! After a change of flags or help, `UPDATE_MAN=1 cargo test --test it man` writes them anew; the difference is
//! reviewed like any other.

use std::path::Path;
use std::process::Command;

/// Compares what `program --generate man` prints with `packaging/man/{page}`.
fn check(program: &str, page: &str) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/man")
        .join(page);
    let output = Command::new(program)
        .args(["--generate", "man"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let written = String::from_utf8(output.stdout).unwrap();
    let name = page.split_once('.').unwrap().0;
    assert!(
        written.contains(".TH"),
        "'{name} --generate man' prints no man page: {written:?}"
    );
    if std::env::var_os("UPDATE_MAN").is_some() {
        std::fs::create_dir_all(shipped.parent().unwrap()).unwrap();
        std::fs::write(&shipped, &written).unwrap();
    }
    let kept = std::fs::read_to_string(&shipped).unwrap_or_default();
    if let Some((line, (was, is))) = (1..)
        .zip(kept.lines().zip(written.lines()))
        .find(|(_, (was, is))| was != is)
    {
        panic!(
            "packaging/man/{page}, line {line}, is '{was}' where '{name} --generate man' prints '{is}'; {RENEW}"
        );
    }
    assert!(
        kept == written,
        "packaging/man/{page} is missing or ends elsewhere; {RENEW}"
    );
}

const RENEW: &str =
    "if that is meant, `UPDATE_MAN=1 cargo test --test it man` writes the pages anew";

#[test]
fn chatd_is_as_shipped() {
    check(env!("CARGO_BIN_EXE_chatd"), "chatd.8");
}

#[test]
fn chatctl_is_as_shipped() {
    check(env!("CARGO_BIN_EXE_chatctl"), "chatctl.8");
}

#[test]
fn chat_client_is_as_shipped() {
    check(env!("CARGO_BIN_EXE_chat-client"), "chat-client.1");
}
