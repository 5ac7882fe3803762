//! A database of an older chatd: it is brought up to date, whole and sound, wherever that is cut off; as it was it is kept.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chatd::base::{RoomId, Seq, Timestamp};
use chatd::store::{Database, KeySource, Reader as _, Store as _};
use chatd_disk::{Ending, Fault, Op, Tape, Trouble};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::plug::{findings, places};
use crate::support::Daemon;
use crate::support::stock::stock;

const MESSAGES: u64 = 400;
const FIRST: &str = include_str!("../../src/store/migrations/001_init.sql");
/// What a database of version 1 has of one of today.
const BACK: &str = "\
    DELETE FROM meta; INSERT INTO meta SELECT name, value FROM now.meta; \
    INSERT INTO user SELECT id, name, name_hash, password, created_at, last_login_at, last_login_from, removed FROM now.user; \
    DELETE FROM room; \
    INSERT INTO room SELECT id, name, name_key, lower_user, higher_user, topic, created_at, first_seq, indexed_seq FROM now.room; \
    INSERT INTO member SELECT room, user, read_seq FROM now.member; \
    INSERT INTO session SELECT id, user, token, device, created_at, expires_at, seen_at FROM now.session; \
    INSERT INTO message SELECT id, \"offset\", at, author, kind, key, text FROM now.message; \
    INSERT INTO message_text (rowid, text) SELECT id, text FROM message; \
    PRAGMA application_id = 1667789924; PRAGMA user_version = 1";

/// Makes a database of version 1 in a folder, with its key.
fn first(folder: &Path) {
    let now = tempfile::tempdir().expect("a temporary folder");
    stock(now.path(), MESSAGES, 300);
    fs::copy(now.path().join("identity.key"), folder.join("identity.key")).expect("a key");
    let connection = Connection::open(folder.join("chatd.db")).expect("a database");
    let set =
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";
    connection.execute_batch(set).expect("it is set");
    connection.execute_batch(FIRST).expect("version 1");
    let path = now.path().join("chatd.db");
    connection
        .execute("ATTACH ?1 AS now", [path.to_str()])
        .expect("one of today");
    connection
        .execute_batch(&format!("BEGIN; {BACK}; COMMIT"))
        .expect("it is filled");
    connection
        .execute_batch("DETACH now")
        .expect("it is let go");
    connection.close().expect("it is closed");
    fs::set_permissions(
        folder.join("chatd.db"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .expect("ours");
}

fn version(file: &Path) -> i64 {
    Connection::open(file)
        .and_then(|connection| connection.query_row("PRAGMA user_version", [], |row| row.get(0)))
        .unwrap_or(-1)
}

/// All that people know of it, as text.
fn content(folder: &Path) -> Result<String, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let database = Database::open(folder, &KeySource::default()).map_err(|error| said(&error))?;
    let mut store = database.writer().map_err(|error| said(&error))?;
    let snapshot = store.load().map_err(|error| said(&error))?;
    let mut reader = database.reader().map_err(|error| said(&error))?;
    let keys = (reader.keys(Timestamp(0), 1_000_000)).map_err(|error| said(&error))?;
    let log = reader
        .after(RoomId(1), Seq(0), 1_000, 10_000_000)
        .map_err(|error| said(&error))?;
    while store.index(1_000).map_err(|error| said(&error))? {}
    Ok(format!("{snapshot:?} {keys:?} {log:?}"))
}

/// A folder with a database of version 1, on a tape.
fn taped() -> (TempDir, Arc<Tape>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tape = Tape::of(folder.path());
    first(folder.path());
    (folder, tape)
}

/// Cut off at every write and sync: what is there then opens, and has everything.
#[test]
fn cut_off_at_every_write_of_a_migration() {
    let (folder, tape) = taped();
    tape.mark(1);
    let wanted = content(folder.path()).expect("it is brought up to date");
    assert_eq!(version(&folder.path().join("chatd.db.v1")), 1);
    let ops = tape.ops();
    let begin = ops
        .iter()
        .position(|op| matches!(op, Op::Mark(_)))
        .expect("a mark");
    let (mut looked, mut old) = (0, 0);
    let step = places(ops.len() - begin, 80);
    for (nth, cut) in (begin..ops.len()).step_by(step).enumerate() {
        let ending = [
            Ending::Lost,
            Ending::Torn,
            Ending::Kept,
            Ending::Some(cut as u64),
        ][nth % 4];
        let after = tempfile::tempdir().expect("a temporary folder");
        Tape::image(&ops[..=cut], ending, after.path()).expect("it is written");
        fs::copy(
            folder.path().join("identity.key"),
            after.path().join("identity.key"),
        )
        .expect("a key");
        let place = format!("cut after {cut} of {}, {ending:?}", ops.len());
        let is_old = version(&after.path().join("chatd.db")) == 1;
        let found = content(after.path()).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(found == wanted, "{place}: it holds something else");
        assert_eq!(findings(after.path(), true), [""; 0], "{place}");
        if is_old {
            assert_eq!(version(&after.path().join("chatd.db.v1")), 1, "{place}");
        }
        looked += 1;
        old += u32::from(is_old);
    }
    println!(
        "{looked} cuts of {} writes, syncs and deletions; {old} found version 1",
        ops.len()
    );
    assert!(old > 0 && old < looked, "{old} of {looked}");
}

/// Without room for the copy nothing is changed, and the reason says what to do; once there is room, it goes on.
#[test]
fn no_room_for_the_copy() {
    let (folder, tape) = taped();
    let fault = Fault {
        trouble: Trouble::Full,
        after: 3,
        times: u64::MAX,
    };
    tape.set_fault(Some(fault));
    let refused = content(folder.path()).expect_err("there is no room");
    tape.set_fault(None);
    for words in [
        "cannot bring up to date",
        "a copy is kept",
        "nothing was changed",
    ] {
        assert!(refused.contains(words), "{refused}");
    }
    assert_eq!(version(&folder.path().join("chatd.db")), 1);
    let left = |name: &str| folder.path().join(name).exists();
    assert!(!left("chatd.db.v1") && !left("chatd.db.backup"));
    content(folder.path()).expect("there is room again");
    assert!(left("chatd.db.v1"));
}

/// The daemon on one: it says so, people find everything, and the chatd before could go on with the copy. One copy is kept.
#[test]
fn a_daemon_on_an_older_database() {
    let mut daemon = Daemon::prepare("", &[]);
    fs::create_dir_all(daemon.state()).expect("the folder is ours");
    first(&daemon.state());
    fs::write(daemon.state().join("chatd.db.v0"), "of long ago").expect("a file");
    daemon.launch();
    daemon.logged("the database is brought from schema 1 to 2; as it was it is kept");
    let said = daemon.ctl(&["check"]).done();
    assert!(
        said.contains(&format!("lobby: 1..{MESSAGES}, no hole")),
        "{said}"
    );
    let kept = daemon.state().join("chatd.db.v1");
    assert_eq!(version(&kept), 1);
    assert!(!daemon.state().join("chatd.db.v0").exists());
    let rows: i64 = Connection::open(&kept)
        .and_then(|copy| copy.query_row("SELECT count(*) FROM message", [], |row| row.get(0)))
        .expect("it can be read");
    assert_eq!(rows, MESSAGES as i64);
    daemon.stop();
    // Back to the one before, and forward again.
    for beside in ["chatd.db-wal", "chatd.db-shm"] {
        let _ = fs::remove_file(daemon.state().join(beside));
    }
    fs::copy(&kept, daemon.state().join("chatd.db")).expect("a copy");
    daemon.launch();
    assert!(daemon.ctl(&["check"]).done().contains("no hole"));
}
