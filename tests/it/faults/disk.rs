//! Disks that are full, take nothing any more, or lose what they said they had.

use std::path::Path;

use nix::errno::Errno;

use super::Witness;
use crate::support::mount::Mount;
use crate::support::preload::Faults;
use crate::support::{Daemon, Heard, UNHURRIED, View, ask, run, skipped, until};

/// Bytes of a disk that is soon full.
const SMALL: u64 = 48 << 20;
/// More sends than fit into what the write-ahead log has taken already.
const TRIES: usize = 2_000;

/// A small disk there, where this machine lets somebody mount.
fn small_disk(daemon: &Daemon, at: &Path, story: &str) -> Option<Mount> {
    Mount::of_size(&daemon.folder().join("disk"), at, SMALL)
        .inspect_err(|why| skipped(story, why))
        .ok()
}

/// Those who send are told that the disk is full, those who read notice nothing; with room it goes on by itself.
#[test]
fn a_full_disk_that_is_freed() {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    let Some(disk) = small_disk(&daemon, &daemon.state(), "a full disk") else {
        return;
    };
    daemon.launch();
    let mut anna = Witness::new(&daemon, "anna");
    let mut boris = daemon.register("boris");
    anna.says_some(50, 500);
    for round in 0..2 {
        disk.fill();
        let refused = (0..TRIES).find_map(|_| {
            let answer = anna.tries(8_000);
            (answer["type"] != "sent").then(|| answer.code().to_owned())
        });
        assert_eq!(refused.as_deref(), Some("storage-full"), "round {round}");
        for _ in 0..30 {
            assert_eq!(anna.tries(8_000).code(), "storage-full", "round {round}");
        }
        let last = *anna.kept.texts.keys().last().expect("something is kept");
        let page = ask!(boris, "history", room: "lobby", limit: 10).must_be("page");
        assert_eq!(page.texts().last().map(|(seq, _)| *seq), Some(last));
        let mut back = daemon.resume(&boris.token, &[("lobby", last - 1)]);
        assert_eq!(back.expect_message("lobby").0, last);
        assert_eq!(View::of_log(&mut back, "lobby").cursor, last);
        let mut newcomer = daemon.greet();
        let login = ask!(newcomer, "login", name: "boris", password: crate::support::PASSWORD);
        assert_eq!(login.code(), "storage-full", "a session is to be stored");
        daemon.ctl(&["status"]).done();
        let log = daemon.whole_log();
        let path = daemon.state().join("chatd.db");
        let told = format!(
            "cannot store error=\"the disk with '{}' is full; make room there, chatd goes on by itself\"",
            path.display()
        );
        assert_eq!(log.matches(&told).count(), 1, "{told}\n{log}");
        disk.empty();
        anna.says(8_000);
        anna.says_again();
        daemon.logged("storing again");
        daemon.login("boris");
    }
    anna.lost_nothing();
    assert_eq!(daemon.ctl_json(&["check"])["sound"], true);
    daemon.kill_9();
    daemon.launch();
    anna.comes_back(&daemon);
    anna.lost_nothing();
}

/// A first start on a full disk says so in a line and what to do. One with a database serves those who read, and those
/// who send once there is room.
#[test]
fn a_disk_that_is_full_at_the_start() {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    let Some(disk) = small_disk(&daemon, &daemon.state(), "a start on a full disk") else {
        return;
    };
    disk.fill();
    let said = run(&mut daemon.command(), "").failed_in_a_line(74);
    assert!(
        said.contains("full") && said.contains("make room there, then start chatd"),
        "{said}"
    );
    disk.empty();
    daemon.launch();
    let mut anna = Witness::new(&daemon, "anna");
    anna.says_some(50, 500);
    daemon.stop();
    disk.fill();
    daemon.launch();
    anna.comes_back(&daemon);
    anna.lost_nothing();
    let refused = (0..TRIES).find_map(|_| {
        let answer = anna.tries(8_000);
        (answer["type"] != "sent").then(|| answer.code().to_owned())
    });
    assert_eq!(refused.as_deref(), Some("storage-full"));
    anna.lost_nothing();
    disk.empty();
    anna.says_again();
    anna.lost_nothing();
}

/// The disk of the log file is full: people talk, the admin is told, and with room there are lines again.
#[test]
fn a_full_disk_under_the_log_file() {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    let place = daemon.folder().join("logs");
    let Some(disk) = small_disk(&daemon, &place, "a full disk under the log file") else {
        return;
    };
    std::os::unix::fs::symlink(place.join("chatd.log"), daemon.log_file()).expect("ours");
    daemon.launch();
    let mut anna = daemon.register("anna");
    disk.fill();
    daemon.ctl(&["log", "level", "debug"]).done();
    let problem = until("the disk has refused a line", || {
        // Lines of some length, until the last block is full.
        daemon.greet();
        let status = daemon.ctl_json(&["status"]);
        status["log"]["problem"].as_str().map(str::to_owned)
    });
    assert!(problem.contains("No space left"), "{problem}");
    anna.say("lobby", "nothing noticed");
    let shown = daemon.ctl(&["log", "show"]).done();
    assert!(shown.contains("cannot write to the log file"), "{shown}");
    disk.empty();
    let log = daemon.whole_log();
    assert!(log.contains("log file not written lines="), "{log}");
    assert_eq!(
        daemon.ctl_json(&["status"])["log"]["problem"],
        serde_json::Value::Null
    );
    anna.say("lobby", "nothing noticed");
}

/// The file system has met an error and takes nothing more: nothing is acknowledged, and once it is mounted again
/// everything that was is there.
#[test]
fn a_file_system_that_gives_up() {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    let Some(disk) = small_disk(&daemon, &daemon.state(), "a file system that gives up") else {
        return;
    };
    daemon.launch();
    let mut anna = Witness::new(&daemon, "anna");
    let mut boris = daemon.register("boris");
    anna.says_some(50, 500);
    disk.give_up_writing();
    for _ in 0..20 {
        assert_eq!(anna.tries(500).code(), "internal");
    }
    let page = ask!(boris, "history", room: "lobby", limit: 50).must_be("page");
    assert_eq!(page.texts().len(), 50);
    let log = daemon.whole_log();
    assert!(
        log.contains("cannot store error=") && log.contains("read-only"),
        "{log}"
    );
    assert!(log.lines().count() < 40, "{log}");
    daemon.stop();
    disk.plug_in();
    daemon.launch();
    anna.comes_back(&daemon);
    anna.says_again();
    anna.lost_nothing();
}

/// A start on a disk that is mounted read-only says so in a line.
#[test]
fn a_disk_that_is_read_only_at_the_start() {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    let Some(disk) = small_disk(&daemon, &daemon.state(), "a start on a read-only disk") else {
        return;
    };
    daemon.launch();
    let mut anna = Witness::new(&daemon, "anna");
    anna.says(500);
    daemon.stop();
    disk.remount("ro");
    let said = run(&mut daemon.command(), "").failed_in_a_line(74);
    assert!(
        said.contains("Read-only file system") && said.contains("mount it for writing"),
        "{said}"
    );
    disk.remount("rw");
    daemon.launch();
    anna.comes_back(&daemon);
    anna.says(500);
    anna.lost_nothing();
}

/// Writes and syncs that fail, once and for a while, and then the power is cut: while it lasts or after it is over.
/// What was acknowledged in between is on the disk.
#[test]
fn syncs_that_fail_and_then_a_power_cut() {
    let disk_error = Errno::EIO as i32;
    let read_only = Errno::EROFS as i32;
    let cases = [
        ("sync", format!("{disk_error} once"), true),
        ("sync", format!("{disk_error} once"), false),
        ("sync", disk_error.to_string(), true),
        ("sync", disk_error.to_string(), false),
        ("write", format!("{disk_error} once"), true),
        ("write", read_only.to_string(), false),
    ];
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    let disk = match Mount::new(&daemon.folder().join("disk"), &daemon.state()) {
        Ok(disk) => disk,
        Err(why) => return skipped("syncs that fail, and a power cut", &why),
    };
    let faults = Faults::of(&mut daemon);
    daemon.launch();
    let mut anna = Witness::new(&daemon, "anna");
    for (what, how, is_cut_at_once) in cases {
        let case = format!("{what} fails with {how}, cut at once: {is_cut_at_once}");
        anna.says_some(20, 300);
        faults.begin(what, &how);
        let is_once = how.ends_with("once");
        let before = anna.refused();
        for _ in 0..20 {
            let answer = anna.tries(300);
            if answer["type"] != "sent" {
                assert_eq!(answer.code(), "internal", "{case}");
            } else {
                assert!(is_once, "{case}: {answer} is not on the disk");
            }
        }
        let refused = anna.refused() - before;
        assert!(
            refused == 20 || is_once && (1..20).contains(&refused),
            "{case}: {refused}"
        );
        daemon.logged("cannot store error=");
        if !is_cut_at_once {
            faults.end(what);
            anna.says_again();
            anna.says_some(20, 300);
        }
        disk.cut_power(&mut daemon);
        faults.end(what);
        daemon.launch();
        anna.comes_back(&daemon);
        anna.lost_nothing();
        anna.says_again();
        anna.lost_nothing();
    }
    assert_eq!(daemon.ctl_json(&["check"])["sound"], true);
}
