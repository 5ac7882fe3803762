//! `packaging/chatd.init`, the script for hosts without systemd, run on folders of the test's own. Needs root and
//! Debian's start-stop-daemon; elsewhere it says that it is skipped.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;

use crate::support::{Background, Output, clean, run, skipped, until};

const SCRIPT: &str = include_str!("../../packaging/chatd.init");

/// The script with the programs that were just built, and with this daemon's folders instead of the system's.
fn host() -> Option<Background> {
    let found = Command::new("start-stop-daemon").arg("--version").output();
    if !geteuid().is_root() || found.is_err() {
        skipped("the init script", "that takes root and start-stop-daemon");
        return None;
    }
    let background = Background::prepare("listen = [\"127.0.0.1:0\"]", &[]);
    let folder = background.daemon.folder();
    let of_the_test = |path: &str| folder.join(path).display().to_string();
    let mut script = SCRIPT.to_owned();
    for (line, value) in [
        ("\nDAEMON=/usr/sbin/chatd\n", env!("CARGO_BIN_EXE_chatd")),
        (
            "\nCHATCTL=/usr/bin/chatctl\n",
            env!("CARGO_BIN_EXE_chatctl"),
        ),
        ("\nACCOUNT=chatd\n", "root"),
        ("_DIRECTORY=/etc/chatd\n", &of_the_test("")),
        ("_DIRECTORY=/var/lib/chatd\n", &of_the_test("state")),
        ("_DIRECTORY=/run/chatd\n", &of_the_test("")),
        ("_DIRECTORY=/var/log/chatd\n", &of_the_test("log")),
    ] {
        let (name, _) = line.split_once('=').unwrap();
        assert_eq!(script.matches(line).count(), 1, "{line}");
        script = script.replace(line, &format!("{name}={value}\n"));
    }
    let path = folder.join("chatd.init");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    Some(background)
}

#[track_caller]
fn service(background: &Background, action: &str) -> Output {
    let folder = background.daemon.folder();
    let script = folder.join("chatd.init");
    // Whatever a service manager of the machine says, it is not meant for this.
    let mut command = clean(script.to_str().unwrap(), folder);
    run(command.arg(action).env("NOTIFY_SOCKET", "/nowhere"), "")
}

#[test]
fn the_script_is_run_by_the_plain_shell_and_can_be_run() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/chatd.init");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "it is not executable");
    let checked = Command::new("sh").arg("-n").arg(&path).status();
    assert!(checked.unwrap().success());
    assert!(SCRIPT.contains("### BEGIN INIT INFO\n# Provides:          chatd\n"));
}

/// Each action does what it says, a second time is harmless, and the exit codes are those of LSB.
#[test]
fn a_day_of_the_init_script() {
    let Some(host) = host() else { return };
    let says = |action: &str, code: i32, words: &str| {
        let Output {
            code: was,
            stdout,
            stderr,
        } = service(&host, action);
        assert!(
            was == code && stdout.contains(words),
            "{action} ended with {was}, and said:\n{stdout}{stderr}"
        );
    };
    says("status", 3, "not running");
    says("stop", 0, "");
    says("reload", 7, "not running");
    says("start", 0, "Starting");
    says("status", 0, "chatd is running");
    let first = host.pid();
    says("start", 0, "running already");
    assert_eq!(host.pid(), first);
    host.daemon
        .configure("listen = [\"127.0.0.1:0\"]\nregistration = \"closed\"");
    says("reload", 0, "registration");
    host.daemon.configure("registration = 7");
    says("force-reload", 1, "line 1, column 16");
    says("restart", 78, "line 1, column 16");
    says("status", 0, "chatd is running");
    assert_eq!(host.pid(), first, "a mistake has ended the old one");
    host.daemon.configure("listen = [\"127.0.0.1:0\"]");
    says("restart", 0, "Restarting");
    assert_ne!(host.pid(), first);
    host.end_by(Signal::SIGKILL);
    // Until process 1 has taken notice, it counts as running.
    until("it is gone", || {
        (service(&host, "status").code != 0).then_some(())
    });
    says("status", 1, "left its pid file");
    says("start", 0, "Starting");
    says("stop", 0, "Stopping");
    says("status", 3, "not running");
    assert!(!host.pid_file().exists());
    host.daemon.configure("registration = 7");
    says("start", 78, "line 1, column 16");
    says("status", 3, "not running");
    says("dance", 2, "");
}
