//! Copies and checks of a database: what a sound one looks like, and what is said of damaged ones.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use tempfile::TempDir;

use super::gone::{clear, redact};
use super::moderation::of_good;
use super::stage::{ANNA, BORIS, TEA, log_in, make, member, open, room, say, user};
use crate::base::id::LOBBY;
use crate::base::record::{Change, LastLogin};
use crate::base::{Actor, AuditRecord, Banned, Seq, Timestamp};
use crate::store::{Checking, Database, KeySource, Outcome, Reader, Step, Store, StoreError};

/// A database with everything in it.
fn database() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), &KeySource::default()).unwrap();
    let mut store = database.writer().unwrap();
    let login = LastLogin {
        at: Timestamp(3),
        from: Some([192, 0, 2, 7].into()),
    };
    let audit = AuditRecord {
        at: Timestamp(7),
        actor: Actor::Control { uid: 0, pid: 1 },
        method: "Kick".into(),
        parameters: "{}".into(),
        outcome: "ok".into(),
    };
    make(
        &mut store,
        vec![
            user(ANNA, "anna"),
            user(BORIS, "boris"),
            Change::SetLastLogin(ANNA, login),
            room(TEA, open("tea")),
            Change::AddMember(member(TEA, ANNA, 0)),
            log_in(1, ANNA, "anna"),
            Change::AddAudit(audit, 10),
            Change::SetBan(of_good(Banned::User(BORIS))),
            Change::SetBan(of_good(Banned::Network("10.0.0.0/8".parse().unwrap()))),
            Change::SetBan(of_good(Banned::Network("2001:db8::/64".parse().unwrap()))),
        ],
    );
    for round in 0..40 {
        let texts: Vec<_> = (0..100).map(|at| format!("word{round} and {at}")).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        say(&mut store, LOBBY, &texts);
        say(&mut store, TEA, &["tea"]);
    }
    while store.index(1_000).unwrap() {}
    drop(store);
    (folder, database)
}

/// What a check finds, by the steps that find something.
fn findings(database: &Database) -> Vec<(Step, Vec<String>)> {
    let mut over = Vec::new();
    let mut tell = |checking| {
        if let Checking::Over(step, findings) = checking {
            over.push((step, findings));
        }
    };
    let gone = Arc::new(AtomicBool::new(false));
    database.upkeep().check(&gone, &mut tell).unwrap();
    assert_eq!(
        over.iter().map(|(step, _)| *step).collect::<Vec<_>>(),
        Step::ALL
    );
    over.retain(|(_, findings)| !findings.is_empty());
    over
}

/// What is found after this was done to a database.
fn after(damage: &str) -> Vec<(Step, Vec<String>)> {
    let (folder, database) = database();
    let connection = Connection::open(folder.path().join("chatd.db")).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; {damage}"
        ))
        .unwrap();
    drop(connection);
    findings(&database)
}

#[test]
fn a_sound_database_has_no_findings() {
    let (_folder, database) = database();
    assert_eq!(findings(&database), []);
}

#[test]
fn what_is_still_to_go_is_no_finding() {
    let (_folder, database) = database();
    let mut store = database.writer().unwrap();
    let cleared = store.commit(&[clear(LOBBY, 1_234)]).unwrap();
    assert_eq!(cleared, [Outcome::Cleared(Seq(1_235))]);
    make(&mut store, vec![Change::RemoveRoom(TEA)]);
    assert_eq!(findings(&database), [], "all of it is still there");
    while store.tidy(100).unwrap() {
        assert_eq!(findings(&database), []);
    }
    assert_eq!(findings(&database), []);
}

#[test]
fn holes_and_doubles_in_a_log_are_found() {
    const LOBBY_ID: &str = "(1 << 36) + ";
    let numbering = |text: &str| vec![(Step::Numbering, vec![text.to_owned()])];
    let lost = format!(
        "DELETE FROM message_text WHERE rowid = {LOBBY_ID} 17; DELETE FROM message WHERE id = {LOBBY_ID} 17"
    );
    assert_eq!(after(&lost), numbering("'lobby' has no message 17"));
    let lost = format!(
        "DELETE FROM message_text WHERE rowid BETWEEN {LOBBY_ID} 1990 AND {LOBBY_ID} 2010;
         DELETE FROM message WHERE id BETWEEN {LOBBY_ID} 1990 AND {LOBBY_ID} 2010"
    );
    assert_eq!(
        after(&lost),
        numbering("'lobby' has no messages 1990 to 2010")
    );
    let back = format!("UPDATE message SET \"offset\" = 100001 WHERE id = {LOBBY_ID} 5");
    assert_eq!(
        after(&back),
        numbering("message 6 of 'lobby' does not come after the one before it")
    );
    let double = r#"UPDATE message SET "offset" = 102 WHERE id = (2 << 36) + 1"#;
    assert_eq!(
        after(double),
        numbering("message 1 of 'tea' has the place of another one")
    );
    let found = after(&format!(
        "UPDATE message SET kind = 9 WHERE id = {LOBBY_ID} 3"
    ));
    assert!(
        found[0].1[0].starts_with("message 3 of 'lobby' cannot be read"),
        "{found:?}"
    );
    let found = after(
        "DELETE FROM message_text WHERE rowid = (2 << 36) + 40; UPDATE message SET id = id + (7 << 36) WHERE id = (2 << 36) + 40",
    );
    assert_eq!(
        found,
        numbering("messages are in room 9, which is not there")
    );
}

#[test]
fn what_refers_to_nothing_is_found() {
    let found = after(
        "UPDATE message SET author = 77 WHERE id = (2 << 36) + 1; INSERT INTO member (room, user) VALUES (2, 88)",
    );
    let texts = [
        "a row of 'member' belongs to a row of 'user' that is not there",
        "messages are from account 77, which is not there",
    ];
    assert_eq!(
        found,
        [(Step::References, texts.map(str::to_owned).to_vec())]
    );
}

#[test]
fn what_does_not_open_is_found() {
    let found = after(
        "UPDATE user SET name = x'00' WHERE id = 1; UPDATE user SET name_hash = x'01' WHERE id = 2;
         UPDATE session SET device = x'02'; UPDATE audit SET at = 8; UPDATE ban SET reason = x'03' WHERE id = 1;
         UPDATE ban SET network = reason WHERE id = 2; UPDATE ban SET network_hash = x'04' WHERE id = 3;
         INSERT INTO invite (hash, note, uses, created_at, created_by, expires_at) VALUES (x'03', x'04', 1, 1, 0, 2)",
    );
    let texts = [
        "the name of account 1 does not open",
        "account 2 is not found by its name, 'boris'",
        "the device of session 1 does not open",
        "the reason of ban 1 does not open",
        "the network of ban 2 does not open",
        "ban 3 is not found by its network, 2001:db8::/64",
        "the note of invite 1 does not open",
        "line 1 of the audit log does not open",
    ];
    assert_eq!(found, [(Step::Keys, texts.map(str::to_owned).to_vec())]);
}

#[test]
fn gaps_in_the_search_index_are_found() {
    let gap = after("DELETE FROM message_text WHERE rowid = (2 << 36) + 3");
    let texts = vec!["message 3 of 'tea' is not in it".to_owned()];
    assert_eq!(gap, [(Step::SearchIndex, texts)]);
    let found = after("UPDATE message_text_data SET block = x'00' WHERE id > 10");
    assert!(
        found.iter().any(|(step, _)| *step == Step::Database),
        "the inside of the index: {found:?}"
    );
}

/// Takes the words of one text out of the index and puts others in its place, as a bug would.
const OTHER_WORDS: &str =
    "INSERT INTO message_text (message_text, rowid, text) VALUES ('delete', (2 << 36) + 3, 'tea');
    INSERT INTO message_text (rowid, text) VALUES ((2 << 36) + 3, 'coffee');";

#[test]
fn wrong_words_in_the_search_index_are_found() {
    let wrong = |seq: u64, room: &str| format!("the words of message {seq} of '{room}' are wrong");
    let found = after(OTHER_WORDS);
    assert_eq!(found, [(Step::SearchIndex, vec![wrong(3, "tea")])]);
    // The right words at the wrong places, and one too many.
    let found = after(
        "INSERT INTO message_text (message_text, rowid, text) VALUES ('delete', (1 << 36) + 5, 'word0 and 4');
         INSERT INTO message_text (rowid, text) VALUES ((1 << 36) + 5, 'and word0 4');
         INSERT INTO message_text (message_text, rowid, text) VALUES ('delete', (1 << 36) + 9, 'word0 and 8');
         INSERT INTO message_text (rowid, text) VALUES ((1 << 36) + 9, 'word0 and 8 8')",
    );
    let texts = vec![wrong(5, "lobby"), wrong(9, "lobby")];
    assert_eq!(found, [(Step::SearchIndex, texts)]);
}

/// A check that cannot fail shows nothing, and one that fails for nothing is worse: the index is compared while texts go.
#[test]
fn what_is_redacted_or_cleared_while_it_is_compared_is_no_finding() {
    let (_folder, database) = database();
    let mut store = database.writer().unwrap();
    let (mut over, mut at) = (Vec::new(), 0);
    let mut tell = |checking| match checking {
        Checking::Over(_, findings) => over.extend(findings),
        Checking::Looked(Step::SearchIndex, ..) => {
            at += 1;
            let entry = match at % 2 {
                0 => clear(LOBBY, at * 10),
                _ => redact(at, BORIS, None),
            };
            store.commit(&[entry]).unwrap();
            store.tidy(50).unwrap();
            store.index(50).unwrap();
        }
        _ => {}
    };
    let gone = Arc::new(AtomicBool::new(false));
    database.upkeep().check(&gone, &mut tell).unwrap();
    assert_eq!(over, [""; 0]);
    assert!(at > 5, "{at}");
}

/// Made anew, it has the words that the texts have; in the meantime searches find what it has come to, and the old one goes
/// in steps, over restarts.
#[test]
fn a_search_index_that_is_made_anew() {
    let (folder, database) = database();
    let connection = Connection::open(folder.path().join("chatd.db")).unwrap();
    connection.execute_batch(OTHER_WORDS).unwrap();
    drop(connection);
    let mut store = database.writer().unwrap();
    let mut reader = database.reader().unwrap();
    let mut found = |word| {
        reader
            .search(&[TEA], word, None, Seq(1_000), 200)
            .unwrap()
            .len()
    };
    assert_eq!((found("coffee"), found("tea")), (1, 39));
    assert!(store.reindex().unwrap());
    assert_eq!(store.unindexed(), 4_040);
    assert_eq!(found("tea"), 0);
    assert!(!store.reindex().unwrap(), "the old one is still there");
    say(&mut store, TEA, &["more tea"]);
    store.index(4_020).unwrap();
    store.tidy(100).unwrap();
    assert_eq!(store.unindexed(), 21);
    drop(store);
    // A restart in between, with both under way.
    let mut store = database.writer().unwrap();
    assert_eq!(store.unindexed(), 21);
    while store.index(100).unwrap() {}
    assert_eq!((found("coffee"), found("tea")), (0, 41));
    assert_eq!(findings(&database), []);
    while store.tidy(100).unwrap() {}
    assert_eq!(findings(&database), []);
    let left: i64 = store
        .connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'old_index%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    assert!(store.reindex().unwrap());
    while store.index(1_000).unwrap() {}
    while store.tidy(100).unwrap() {}
    assert_eq!(findings(&database), []);
}

#[test]
fn a_torn_page_is_found() {
    let (folder, database) = database();
    let writer = database.writer().unwrap();
    drop(writer);
    let path = folder.path().join("chatd.db");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() / 8192 * 4096;
    bytes[at..at + 4096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let found = findings(&database);
    assert_eq!(found[0].0, Step::Database, "{found:?}");
}

#[test]
fn a_copy_is_a_database_by_itself_and_leaves_nothing_behind() {
    let (folder, database) = database();
    let gone = Arc::new(AtomicBool::new(false));
    let upkeep = database.upkeep();
    let mut copy = upkeep.copy(&gone, Box::new(|_, _| {})).unwrap();
    assert_eq!(copy.messages, 4_040);
    let names = fs::read_dir(folder.path()).unwrap();
    assert!(
        names
            .map(|entry| entry.unwrap().file_name())
            .all(|name| !name.to_string_lossy().contains("backup")),
    );
    let other = tempfile::tempdir().unwrap();
    let mut out = fs::File::create(other.path().join("chatd.db")).unwrap();
    assert_eq!(std::io::copy(&mut copy.file, &mut out).unwrap(), copy.bytes);
    fs::copy(
        upkeep.key_file().unwrap(),
        other.path().join("identity.key"),
    )
    .unwrap();
    let restored = Database::open(other.path(), &KeySource::default()).unwrap();
    assert_eq!(findings(&restored), []);
    assert_ne!(restored.epoch(), database.epoch(), "it is another life");
    let mut reader = restored.reader().unwrap();
    assert_eq!(
        reader
            .search(&[LOBBY], "word7", None, Seq(1_000), 200)
            .unwrap()
            .len(),
        100
    );
    assert_eq!(reader.author(ANNA).unwrap().unwrap().as_str(), "anna");
}

/// Whoever reads in one transaction lets go where the write-ahead log gets too long meanwhile; it is no sign of damage.
#[test]
fn a_copy_and_a_check_let_go_where_too_much_is_stored_meanwhile() {
    let (_folder, database) = database();
    let mut store = database.writer().unwrap();
    let mut upkeep = database.upkeep();
    let stop = Arc::new(AtomicBool::new(false));
    let texts = vec!["so much that nobody reads it all"; 500];
    upkeep.growth_max = 1 << 20;
    let reads = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let gone = Arc::new(AtomicBool::new(false));
            // As often as it takes for both to meet it.
            let copied = (0..).find_map(|_| upkeep.copy(&gone, Box::new(|_, _| {})).err());
            let checked = (0..).find_map(|_| upkeep.check(&gone, &mut |_| {}).err());
            stop.store(true, Ordering::Relaxed);
            (copied, checked)
        }
    });
    while !stop.load(Ordering::Relaxed) {
        say(&mut store, LOBBY, &texts);
    }
    let (copied, checked) = reads.join().unwrap();
    for error in [copied, checked] {
        let error = error.unwrap().to_string();
        assert!(error.contains("try again when less is said"), "{error}");
    }
    drop(store);
    assert_eq!(findings(&database), []);
}

#[test]
fn a_copy_that_nobody_waits_for_ends_early_and_one_that_was_cut_off_is_taken_away() {
    let (folder, database) = database();
    let left = folder.path().join("chatd.db.backup");
    let journal = folder.path().join("chatd.db.backup-journal");
    fs::write(&left, "half").unwrap();
    fs::write(&journal, "half").unwrap();
    let gone = Arc::new(AtomicBool::new(true));
    let refused = database.upkeep().copy(&gone, Box::new(|_, _| {}));
    assert!(matches!(refused, Err(StoreError::Io { .. })));
    assert!(!left.exists() && !journal.exists());
    fs::write(&left, "half").unwrap();
    fs::write(&journal, "half").unwrap();
    drop(database);
    let _database = Database::open(folder.path(), &KeySource::default()).unwrap();
    assert!(!left.exists() && !journal.exists());
}
