//! The audit log, followed: by readers who go, who stay, and who are too slow.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::{Daemon, Process};

/// Followed: what was, then what is done as it is done, for two readers with different wishes. One goes, the other stays, the
/// daemon stops, and that is the end.
#[test]
fn followed() {
    let mut daemon = Daemon::start();
    daemon.ctl(&["kick", "--yes", "nobody"]).failed(1);
    let follow = |args: &[&str]| {
        let mut command = daemon.ctl_command(&["--json", "audit", "-f"]);
        Process::start(command.args(args))
    };
    let read = |process: &mut Process| -> Value {
        let line = process.next_line().expect("an entry");
        serde_json::from_str(&line).expect("an object")
    };
    let mut all = follow(&["-n", "1"]);
    let mut rooms = follow(&["--what", "CreateRoom"]);
    assert_eq!(read(&mut all)["outcome"], "io.chatd.Control.NoSuchUser");
    daemon.ctl(&["pause"]).done();
    assert_eq!(read(&mut all)["method"], "Pause");
    daemon.ctl(&["resume"]).done();
    daemon.ctl(&["room", "create", "tea"]).done();
    assert_eq!(read(&mut all)["method"], "Resume");
    assert_eq!(read(&mut all)["parameters"]["name"], "tea");
    assert_eq!(read(&mut rooms)["parameters"]["name"], "tea");
    rooms.kill_9();
    daemon.ctl(&["pause"]).done();
    let pause = read(&mut all);
    assert_eq!(pause["method"], "Pause");
    let uid = nix::unistd::geteuid().as_raw();
    assert_eq!(pause["uid"], uid);
    let mut table = Process::start(&mut daemon.ctl_command(&["audit", "-f", "-n", "2"]));
    table.line_with("CreateRoom");
    table.line_with("Pause");
    daemon.stop();
    for process in [all, table] {
        let output = process.finish();
        assert_eq!(output.code, 0, "{output:?}");
    }
    daemon.launch();
    let mut cut_off = Process::start(&mut daemon.ctl_command(&["audit", "-f"]));
    cut_off.line_with("Start");
    daemon.kill_9();
    cut_off.finish().failed(3);
}

/// Who follows and does not read holds up nobody, and is told how many entries were removed meanwhile.
#[test]
fn followed_too_slowly() {
    let daemon = Daemon::start_with("[limits]\naudit_entries = 3", &[]);
    let call = |stream: &mut UnixStream, method: &str, more: bool, parameters: Value| {
        let method = format!("io.chatd.Control.{method}");
        let call = json!({"method": method, "more": more, "parameters": parameters});
        let sent = stream.write_all(format!("{call}\0").as_bytes());
        sent.expect("it listens");
    };
    let reply = |stream: &mut BufReader<UnixStream>| -> Value {
        let mut message = Vec::new();
        stream.read_until(0, &mut message).expect("a reply");
        serde_json::from_slice(&message[..message.len() - 1]).expect("an object")
    };
    let connect = || UnixStream::connect(daemon.control()).expect("it listens");
    let mut slow = connect();
    call(&mut slow, "FollowAudit", true, json!({"entries": 1}));
    let mut slow = BufReader::new(slow);
    let first = reply(&mut slow)["parameters"]["entry"]["number"].as_u64();
    assert_eq!(first, Some(1), "the start");
    let mut busy = connect();
    let long = json!({"user": "nobody", "reason": "щ".repeat(256)});
    const CALLS: u64 = 1_500;
    std::thread::scope(|scope| {
        let mut answers = BufReader::new(busy.try_clone().expect("a descriptor"));
        scope.spawn(move || (0..CALLS).for_each(|_| drop(reply(&mut answers))));
        for _ in 0..CALLS {
            call(&mut busy, "Kick", false, long.clone());
        }
    });
    let (mut last, mut missed) = (1, 0);
    while last < CALLS + 1 {
        let part = reply(&mut slow);
        let here = part["parameters"]["missed"].as_u64().unwrap_or(0);
        let number = part["parameters"]["entry"]["number"].as_u64();
        assert_eq!(number, Some(last + 1 + here), "{part}");
        (last, missed) = (last + 1 + here, missed + here);
    }
    assert!(missed > 100, "{missed} were missed");
    let kept = daemon.ctl(&["audit"]).done();
    assert_eq!(kept.matches("Kick").count(), 3, "{kept}");
}
