//! Links that a stranger has laid where chatd writes: followed nowhere. And folders in which they could lay one.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use crate::support::{Daemon, run, skipped};

/// A stranger's user id. Only root can lay a link as somebody else, so these stories are told by root alone.
const STRANGER: u32 = 65_534;

fn by_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skipped("links of others", "only root can lay them as somebody else");
    }
    is_root
}

/// A folder that everybody can write, with a stranger's link to something of ours in it.
fn trap(daemon: &Daemon, name: &str) -> (PathBuf, PathBuf) {
    let folder = daemon.folder().join("for-all");
    fs::create_dir_all(&folder).expect("the folder is ours");
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).expect("it is ours");
    let victim = daemon.folder().join("victim");
    fs::write(&victim, "mine\n").expect("the folder is ours");
    let link = folder.join(name);
    symlink(&victim, &link).expect("everybody can");
    lchown(&link, Some(STRANGER), Some(STRANGER)).expect("root can");
    (link, victim)
}

#[track_caller]
fn is_untouched(victim: &Path) {
    assert_eq!(fs::read_to_string(victim).expect("it is there"), "mine\n");
    let mode = fs::metadata(victim)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0);
}

/// The log file: chatd serves without it and says so; after a reload as well.
#[test]
fn in_the_place_of_the_log() {
    if !by_root() {
        return;
    }
    let mut daemon = Daemon::prepare("", &[]);
    let (link, victim) = trap(&daemon, "chatd.log");
    fs::rename(&link, daemon.log_file()).expect("the folder is ours");
    daemon.launch();
    let status = daemon.ctl_json(&["status"]);
    let problem = status["log"]["problem"].as_str().unwrap_or_default();
    assert!(problem.contains("another user has made"), "{status}");
    daemon.ctl(&["reload"]).failed(1);
    daemon.ctl(&["clear-log", "--yes"]).done();
    is_untouched(&victim);
    // One of our own is followed: logs may lie on another disk.
    fs::remove_file(daemon.log_file()).expect("the folder is ours");
    symlink(daemon.folder().join("elsewhere"), daemon.log_file()).expect("the folder is ours");
    daemon.ctl(&["reload"]).done();
    daemon.logged("method=Reload");
    is_untouched(&victim);
}

/// The pid file: nothing is started.
#[test]
fn in_the_place_of_the_pid_file() {
    if !by_root() {
        return;
    }
    let daemon = Daemon::prepare("", &[]);
    let (link, victim) = trap(&daemon, "chatd.pid");
    let mut command = daemon.command();
    command.args(["--daemonize", "--pid-file"]).arg(&link);
    let stderr = run(&mut command, "").failed(1);
    assert!(stderr.contains("another user has made"), "{stderr}");
    is_untouched(&victim);
    assert!(!daemon.state().exists(), "it went on");
}

/// The control socket, and a folder in which it could be exchanged for another.
#[test]
fn in_the_place_of_the_control_socket() {
    if !by_root() {
        return;
    }
    let daemon = Daemon::prepare("", &["--listen", "127.0.0.1:0"]);
    let (link, victim) = trap(&daemon, "io.chatd.Control");
    let refused = |control: &Path, code: i32, words: &str| {
        let mut command = daemon.bare_command();
        command.arg("--state").arg(daemon.state());
        command.arg("--log-file").arg(daemon.log_file());
        command.arg("--control").arg(control);
        let stderr = run(&mut command, "").failed_in_a_line(code);
        assert!(stderr.contains(words), "no '{words}' in: {stderr}");
    };
    refused(&link, 77, "others could put a socket of theirs there");
    let folder = link.parent().expect("it lies in a folder");
    fs::set_permissions(folder, Permissions::from_mode(0o1777)).expect("it is ours");
    refused(&link, 73, "no socket");
    is_untouched(&victim);
    fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("it is ours");
    lchown(folder, Some(STRANGER), None).expect("root can");
    refused(
        &folder.join("other"),
        77,
        "others could put a socket of theirs there",
    );
}

/// A state folder in which others could lay links beside the database.
#[test]
fn in_the_state_folder() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    daemon.stop();
    let mode = |mode| {
        fs::set_permissions(daemon.state(), Permissions::from_mode(mode)).expect("it is ours");
    };
    for open in [0o777, 0o1777, 0o702] {
        mode(open);
        let stderr = run(&mut daemon.command(), "").failed_in_a_line(77);
        assert!(stderr.contains("can be written by every user"), "{stderr}");
    }
    mode(0o700);
    if by_root() {
        lchown(daemon.state(), Some(STRANGER), None).expect("root can");
        let stderr = run(&mut daemon.command(), "").failed_in_a_line(77);
        assert!(stderr.contains("belongs to another user"), "{stderr}");
        lchown(daemon.state(), Some(0), None).expect("root can");
    }
    daemon.launch();
    daemon.login("anna");
}

/// A backup, under its own name and under the one that it has until it is whole: nothing is written, and what is written
/// elsewhere is the caller's alone.
#[test]
fn in_the_place_of_a_backup() {
    if !by_root() {
        return;
    }
    let daemon = Daemon::start();
    for name in ["copy.db", "copy.db.part"] {
        let (link, victim) = trap(&daemon, name);
        let file = link.with_file_name("copy.db");
        let backup = ["backup", file.to_str().expect("a plain path")];
        let stderr = daemon.ctl(&backup).failed(1);
        assert!(stderr.contains("is there already"), "{stderr}");
        is_untouched(&victim);
        fs::remove_file(&link).expect("root can");
        daemon.ctl(&backup).done();
        let copy = fs::symlink_metadata(&file).expect("it is there");
        assert_eq!(copy.permissions().mode(), 0o100_600);
        fs::remove_file(&file).expect("it is ours");
        is_untouched(&victim);
    }
}
