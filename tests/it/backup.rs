//! A copy of the database, made while people talk: it is whole, or it is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::stock::stock;
use crate::support::{Daemon, Heard, Process, UNHURRIED, ask, run, skipped, until};

fn text(path: &Path) -> &str {
    path.to_str().expect("it is UTF-8")
}

/// Nothing with this name is there, half or whole.
fn is_gone(file: &Path) -> bool {
    let part = PathBuf::from(format!("{}.part", file.display()));
    !file.exists() && !part.exists()
}

/// A daemon on a backup and its key.
fn restored(file: &Path, from: &Daemon) -> Daemon {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    fs::create_dir_all(daemon.state()).expect("the folder is ours");
    fs::copy(file, daemon.state().join("chatd.db")).expect("a backup");
    fs::copy(
        from.state().join("identity.key"),
        daemon.state().join("identity.key"),
    )
    .expect("a key");
    daemon.launch();
    daemon
}

/// Made while somebody talks: what was acknowledged before is in it, and what is in it is sound. It is its owner's alone.
#[test]
fn while_people_talk() {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    stock(&daemon.state(), 20_000, 200);
    daemon.launch();
    let mut anna = daemon.register("anna");
    let before = anna.say("lobby", "okapi before");
    let file = daemon.folder().join("copy.db");
    let mut backup = Process::start(&mut daemon.ctl_command(&["backup", text(&file)]));
    let mut last = before;
    while !file.exists() {
        last = anna.say("lobby", "meanwhile");
    }
    let line = backup.line_with("is a copy of the database");
    assert!(line.contains("verified"), "{line}");
    let key = backup.line_with("identity key is not in it");
    assert!(key.contains("identity.key'"), "{key}");
    assert_eq!(backup.finish().code, 0);
    assert_eq!(
        fs::metadata(&file)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    assert!(!daemon.state().join("chatd.db.backup").exists());

    let second = restored(&file, &daemon);
    assert!(second.ctl(&["check"]).done().contains("sound"));
    let mut anna = second.login("anna");
    let page = ask!(anna, "history", room: "lobby", limit: 1).must_be("page");
    let held = page["last_seq"].as_u64().expect("a number");
    assert!((before..=last).contains(&held), "{before} {held} {last}");
    let messages = second.ctl_json(&["status"])["messages"].as_u64();
    assert_eq!(messages, Some(held));
    daemon.logged("method=Backup");
}

/// Into a pipe, as over ssh: the same bytes; and the facts as JSON.
#[test]
fn into_a_pipe() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    anna.say("lobby", "hello");
    let file = daemon.folder().join("copy.db");
    let socket = daemon.control().display().to_string();
    let line = format!(
        "'{}' --socket '{socket}' backup - > '{}'",
        env!("CARGO_BIN_EXE_chatctl"),
        file.display()
    );
    let output = run(std::process::Command::new("sh").args(["-c", &line]), "");
    assert!(
        output.stderr.contains("1 message, ") && output.stderr.contains("SHA-256"),
        "{output:?}"
    );
    output.done();
    restored(&file, &daemon).login("anna");
    let other = daemon.folder().join("other.db");
    let facts = daemon.ctl_json(&["backup", text(&other)]);
    assert_eq!(facts["messages"], 1);
    assert_eq!(
        facts["bytes"],
        fs::metadata(&other).expect("it is there").len()
    );
    assert!(
        facts["keyFile"]
            .as_str()
            .is_some_and(|file| file.ends_with("/identity.key")),
        "{facts}"
    );
    assert!(
        facts["sha256"].as_str().is_some_and(|sum| sum.len() == 64),
        "{facts}"
    );
}

/// Where it cannot be written: the reason, and nothing left behind.
#[test]
fn where_it_cannot_be_written() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 5_000, 200);
    daemon.launch();
    let folder = daemon.folder().to_owned();
    let file = folder.join("copy.db");
    fs::write(&file, "precious").expect("the folder is ours");
    let stderr = daemon.ctl(&["backup", text(&file)]).failed(1);
    assert!(
        stderr.contains("is there already; choose another name"),
        "{stderr}"
    );
    assert_eq!(fs::read(&file).expect("it is there"), b"precious");
    fs::remove_file(&file).expect("the folder is ours");
    std::os::unix::fs::symlink("/nowhere", &file).expect("the folder is ours");
    daemon.ctl(&["backup", text(&file)]).failed(1);
    fs::remove_file(&file).expect("the folder is ours");

    let part = folder.join("copy.db.part");
    fs::write(&part, "half").expect("the folder is ours");
    let stderr = daemon.ctl(&["backup", text(&file)]).failed(1);
    assert!(
        stderr.contains("left by a backup that was broken off"),
        "{stderr}"
    );
    fs::remove_file(&part).expect("the folder is ours");

    let stderr = daemon
        .ctl(&["backup", text(&folder.join("none/copy.db"))])
        .failed(1);
    assert!(stderr.contains("No such file or directory"), "{stderr}");
    // A disk that takes no more, by a limit on what the program may write.
    let line = format!(
        "trap '' XFSZ; ulimit -f 200; exec '{}' --socket '{}' backup '{}'",
        env!("CARGO_BIN_EXE_chatctl"),
        daemon.control().display(),
        file.display()
    );
    let stderr = run(std::process::Command::new("sh").args(["-c", &line]), "").failed(1);
    assert!(
        stderr.contains("cannot write '") && stderr.contains("nothing is left of it"),
        "{stderr}"
    );
    assert!(is_gone(&file));

    let shut = folder.join("shut");
    fs::create_dir(&shut).expect("the folder is ours");
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o500)).expect("it is ours");
    match nix::unistd::geteuid().is_root() {
        true => skipped("a folder without rights", "root may everything"),
        false => {
            let stderr = daemon
                .ctl(&["backup", text(&shut.join("copy.db"))])
                .failed(1);
            assert!(stderr.contains("Permission denied"), "{stderr}");
        }
    }
    daemon.ctl(&["backup", text(&file)]).done();
}

/// A disk of the daemon without room for a copy: how much it takes, nothing left behind, and people talk on.
#[test]
fn a_disk_without_room_for_a_copy() {
    let mut try_it = std::process::Command::new("unshare");
    if !try_it
        .args(["-Urm", "true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        return skipped("a small disk", "`unshare -Urm` does not work here");
    }
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    stock(&daemon.state(), 5_000, 200);
    let seed = daemon.folder().join("seed");
    fs::rename(daemon.state(), &seed).expect("the folder is ours");
    fs::create_dir(daemon.state()).expect("the folder is ours");
    daemon.comes_after(&format!(
        "exec unshare -Urm sh -c 'mount -t tmpfs -o size=30m,mode=700 none {state} && cp {seed}/* {state}/ && \
         exec \"$0\" \"$@\"' \"$0\" \"$@\"",
        state = daemon.state().display(),
        seed = seed.display()
    ));
    daemon.launch();
    let mut anna = daemon.register("anna");
    let file = daemon.folder().join("copy.db");
    let stderr = daemon.ctl(&["backup", text(&file)]).failed(1);
    assert!(
        stderr.contains("MiB beside it for a while, and 2") && stderr.contains("make room"),
        "{stderr}"
    );
    assert!(is_gone(&file));
    anna.say("lobby", "as before");
    assert!(daemon.ctl(&["check"]).done().contains("sound"));
}

/// Killed in the middle, either of the two: there is no backup, nothing is left in the state folder, and all is as before.
#[test]
fn killed_in_the_middle() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 60_000, 500);
    daemon.launch();
    let file = daemon.folder().join("copy.db");
    let copy = daemon.state().join("chatd.db.backup");
    let begin = |daemon: &Daemon| {
        let backup = Process::start(&mut daemon.ctl_command(&["backup", text(&file)]));
        until("the copy is begun", || copy.exists().then_some(()));
        backup
    };
    let backup = begin(&daemon);
    daemon.kill_9();
    let stderr = backup.finish().failed(1);
    assert!(stderr.contains("there is no backup"), "{stderr}");
    assert!(is_gone(&file));
    daemon.launch();
    assert!(!copy.exists(), "it was left in the state folder");
    assert_eq!(daemon.ctl_json(&["status"])["messages"], 60_000);

    let mut backup = begin(&daemon);
    backup.kill_9();
    fs::remove_file(daemon.folder().join("copy.db.part")).expect("what it has left");
    until("the copy is given up", || (!copy.exists()).then_some(()));
    until("another one can be made", || {
        (daemon.ctl(&["backup", text(&file)]).code == 0).then_some(())
    });

    let other = daemon.folder().join("other.db");
    let backup = Process::start(&mut daemon.ctl_command(&["backup", text(&other)]));
    until("the copy is begun", || copy.exists().then_some(()));
    daemon.stop();
    backup.finish().failed(1);
    assert!(is_gone(&other));
}
