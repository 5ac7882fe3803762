//! Foreign programs on the control socket: Python's `varlink`, which has its own parser of the interface and its own idea of
//! calls and streams. `varlinkctl` has its story under a real systemd, in `tests/systemd`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Daemon, Process, clean, run, skipped, until};

/// Where `.ci/run` puts it; one that is installed does as well.
fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python")
}

/// Python with `varlink`, about to run one of the programs beside this file; none where it is not to be had.
fn python(daemon: &Daemon, program: &str, args: &[&str]) -> Option<Command> {
    let with_library = || {
        let mut command = clean("python3", daemon.folder());
        command.env("PYTHONPATH", library());
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    let found = with_library().args(["-c", "import varlink"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        skipped(
            &format!("the control socket with Python ({program})"),
            "its varlink is missing; `python3 -m pip install --target target/python varlink==31.0.0` brings it",
        );
        return None;
    }
    let mut command = with_library();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/foreign");
    command
        .arg(folder.join(program))
        .arg(daemon.control())
        .args(args);
    Some(command)
}

/// It reads the interface, calls with parameters, is told of mistakes by name and by sentence, reads a stream to its end, and
/// breaks off others: the daemon lets go of all of it.
#[test]
fn a_session() {
    let daemon = Daemon::start();
    daemon.register("anna");
    daemon.register("boris");
    let Some(mut command) = python(&daemon, "session.py", &[]) else {
        return;
    };
    let before = daemon.descriptors();
    let said = run(&mut command, "").done();
    let lines: Vec<_> = said.lines().collect();
    let methods = chatd::wire::control::METHODS.len();
    let due = [
        "interfaces: org.varlink.service io.chatd.Control".to_owned(),
        format!("methods: {methods}"),
        "state: serving 2".to_owned(),
        "made: tea".to_owned(),
        "names: tea".to_owned(),
        r"room: 'green\x1b[2J'".to_owned(),
        "error: io.chatd.Control.NoSuchUser there is no user 'anan'; did you mean 'anna'?"
            .to_owned(),
    ];
    assert_eq!(lines[..due.len()], due, "{said}");
    for line in [
        "error: io.chatd.Control.BadName 'a b' cannot be a name: ",
        "error: org.varlink.service.ExpectedMore",
        "stream: anna boris",
        "after: 1",
        "gone",
    ] {
        assert!(
            lines.iter().any(|said| said.starts_with(line)),
            "no '{line}' in:\n{said}"
        );
    }
    until("nothing is left of those that were broken off", || {
        daemon.ctl(&["status"]).done();
        (daemon.descriptors() <= before).then_some(())
    });
    daemon.still_serves();
}

/// When the daemon stops in the midst of a stream, its reader is told so in a way that it understands; when it is killed, the
/// connection ends.
#[test]
fn a_daemon_that_ends_in_the_midst() {
    for (method, due) in [("FollowLog", "the end"), ("FollowLoad", "the end")] {
        let mut daemon = Daemon::start();
        let Some(mut command) = python(&daemon, "follow.py", &[method]) else {
            return;
        };
        let mut reader = Process::start(&mut command);
        reader.line_with("part");
        daemon.stop();
        let output = reader.finish();
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{method}");
        assert!(
            output.stdout.ends_with(&format!("{due}\n")),
            "{method}: {}",
            output.stdout
        );

        let mut daemon = Daemon::start();
        let mut command = python(&daemon, "follow.py", &[method]).expect("as before");
        let mut reader = Process::start(&mut command);
        reader.line_with("part");
        daemon.kill_9();
        let output = reader.finish();
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{method}");
        assert!(
            output.stdout.contains("cut off: "),
            "{method}: {}",
            output.stdout
        );
    }
}
