//! Databases that others hold, or that are damaged.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rusqlite::Connection;

use super::Witness;
use crate::support::stock::stock;
use crate::support::{Daemon, Heard, Talker, UNHURRIED, View, ask, request, run};

/// What stock.rs has said.
const STOCKED: u64 = 5_000;

fn open(daemon: &Daemon) -> Connection {
    Connection::open(daemon.state().join("chatd.db")).expect("it is there")
}

/// Somebody looks at the database with another program and holds it: for a moment that is waited for, after that whoever
/// sends is told, and people read on; it is over with the lock.
#[test]
fn a_database_that_another_program_holds() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = Witness::new(&daemon, "anna");
    let mut boris = daemon.register("boris");
    anna.says(10);
    let other = open(&daemon);
    let waited = (0..50).any(|_| {
        other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        let id = anna
            .talker
            .begin(request!("send", to: "lobby", text: "waits"));
        ask!(boris, "history", room: "lobby", limit: 1).must_be("page");
        other.execute_batch("ROLLBACK").expect("it was begun");
        // On a slow machine the moment may have been too long.
        anna.talker.answer(id)["type"] == "sent"
    });
    assert!(waited, "a short lock is waited for");
    other.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    let last = View::of_log(&mut boris, "lobby").cursor;
    for _ in 0..2 {
        assert_eq!(anna.tries(10).code(), "internal");
    }
    assert_eq!(View::of_log(&mut boris, "lobby").cursor, last);
    daemon.resume(&boris.token, &[("lobby", last - 1)]);
    daemon.logged("cannot store error=");
    let log = daemon.whole_log();
    assert!(
        log.contains("another program has locked it; end that one (`fuser` names it)"),
        "{log}"
    );
    other.execute_batch("ROLLBACK").expect("it was begun");
    anna.says(10);
    anna.says_again();
    anna.lost_nothing();
}

/// A program that has the whole database for itself lets no daemon start, which says so.
#[test]
fn a_database_that_another_program_has_for_itself() {
    let mut daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = Witness::new(&daemon, "anna");
    anna.says(10);
    daemon.stop();
    let other = open(&daemon);
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .expect("nobody else has it");
    let said = run(&mut daemon.command(), "").failed_in_a_line(74);
    assert!(said.contains("another program has locked it"), "{said}");
    drop(other);
    daemon.launch();
    anna.comes_back(&daemon);
    anna.says(10);
    anna.lost_nothing();
}

/// Overwrites a page in the middle of the messages.
#[track_caller]
fn damage(database: &Path) {
    let leaves =
        "SELECT pageno FROM dbstat WHERE name = 'message' AND pagetype = 'leaf' ORDER BY path";
    let other = Connection::open(database).expect("it is there");
    let mut leaves = other.prepare(leaves).expect("it can be read");
    let pages = leaves
        .query_map([], |row| row.get::<_, i64>(0))
        .expect("it can be read");
    let pages: Vec<_> = pages.map(|page| page.expect("a number")).collect();
    let page = pages[pages.len() / 2];
    drop(leaves);
    drop(other);
    let file = OpenOptions::new()
        .write(true)
        .open(database)
        .expect("it is there");
    file.write_all_at(&[0xa5; 4_096], (page as u64 - 1) * 4_096)
        .expect("it is written");
}

/// Reads all of the lobby by the pages; gives back how many messages were read, and how many pages could not be.
#[track_caller]
fn read_all(reader: &mut Talker, last: u64) -> (usize, usize) {
    let (mut read, mut failed) = (0, 0);
    for after in (0..last).step_by(50) {
        let answer = ask!(reader, "history", room: "lobby", after: after, limit: 50);
        match answer["type"] == "page" {
            true => read += answer.texts().len(),
            false => {
                assert_eq!(answer.code(), "internal");
                failed += 1;
            }
        }
    }
    (read, failed)
}

/// What cannot be read is told, all else goes on, and the admin is told to put a backup back, which brings all of it back.
#[test]
fn a_damaged_page() {
    for runs in [false, true] {
        let mut daemon = Daemon::prepare(UNHURRIED, &[]);
        stock(&daemon.state(), STOCKED, 200);
        let (database, backup) = (
            daemon.state().join("chatd.db"),
            daemon.folder().join("backup"),
        );
        std::fs::copy(&database, &backup).expect("there is room");
        if !runs {
            damage(&database);
        }
        daemon.launch();
        if runs {
            damage(&database);
        }
        let mut anna = Witness::new(&daemon, "anna");
        let mut boris = daemon.register("boris");
        ask!(boris, "create", room: "tea").must_be("joined");
        boris.say("tea", "hot");
        boris.say("tea", "and sweet");
        let last = anna.says(10);
        assert_eq!(boris.expect_message("lobby").0, last);
        let (read, failed) = read_all(&mut boris, last);
        assert!(
            (1..=3).contains(&failed) && read as u64 >= STOCKED - 150,
            "{read} were read, {failed} pages failed"
        );
        // Whoever comes back from before the damage gets what is before it; the others do not wait for that.
        let mut behind = daemon.resume(&boris.token, &[("lobby", 10), ("tea", 0)]);
        assert_eq!(behind.expect_message("lobby").0, 11);
        let told = behind.push("notice");
        let words = "what was said in lobby after message";
        assert!(told["text"].to_string().contains(words), "{told}");
        // What is in other rooms does not wait for that.
        assert_eq!(behind.expect_message("tea").0, 1);
        assert_eq!(behind.expect_message("tea").0, 2);
        let newest = anna.says(10);
        assert_eq!(boris.expect_message("lobby").0, newest);
        let check = daemon.ctl(&["check"]);
        assert!(check.stdout.contains("database: "), "{check:?}");
        let advice = check.failed(1);
        assert!(
            advice.contains("put the newest good backup in its place"),
            "{advice}"
        );
        let log = daemon.whole_log();
        assert!(
            log.contains("cannot look something up")
                && log.contains("it is damaged: `chatctl check` tells more"),
            "{log}"
        );
        assert!(log.lines().count() < 60, "{log}");
        daemon.stop();
        // As chatctl(8) tells under BACKUPS.
        for beside in ["chatd.db-wal", "chatd.db-shm"] {
            let _ = std::fs::remove_file(daemon.state().join(beside));
        }
        std::fs::copy(&backup, &database).expect("there is room");
        daemon.launch();
        let mut carla = daemon.register("carla");
        assert_eq!(read_all(&mut carla, STOCKED), (STOCKED as usize, 0));
    }
}

/// Where what was said last cannot be read, the keys of sends are not known, and one of them could be stored twice: then
/// chatd does not start, and says what to do.
#[test]
fn a_damaged_page_that_the_start_needs() {
    let mut daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = Witness::new(&daemon, "anna");
    anna.says_some(300, 300);
    daemon.stop();
    damage(&daemon.state().join("chatd.db"));
    let said = run(&mut daemon.command(), "").failed_in_a_line(74);
    assert!(
        said.contains("it is damaged: ") && said.contains("put a backup in its place"),
        "{said}"
    );
}

/// Damage in the write-ahead log looks to SQLite like its end: what comes after it is gone, as with an older backup. What
/// is before it is whole, and clients are told that the server has gone back.
#[test]
fn a_damaged_write_ahead_log() {
    let mut daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = Witness::new(&daemon, "anna");
    anna.says_some(60, 1_000);
    let last = anna.says(10);
    daemon.kill_9();
    let log = daemon.state().join("chatd.db-wal");
    let length = std::fs::metadata(&log).expect("it is there").len();
    let file = OpenOptions::new()
        .write(true)
        .open(&log)
        .expect("it is there");
    file.write_all_at(&[0xa5; 64], length * 3 / 4)
        .expect("it is written");
    daemon.launch();
    let mut back = daemon.greet();
    let welcome = back.resume(&anna.talker.token, &[("lobby", last)]);
    let left = welcome.room("lobby")["last_seq"]
        .as_u64()
        .expect("a number");
    assert!((1..last).contains(&left), "{left} of {last}");
    anna.kept.texts.retain(|seq, _| *seq <= left);
    anna.talker = back;
    anna.lost_nothing();
    assert_eq!(daemon.ctl_json(&["check"])["sound"], true);
    assert_eq!(anna.says(10), left + 1);
}
