//! What only a store on a disk can show: files, locks, keys, versions, query plans, and what is found after a fall.

mod tidy;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::base::id::LOBBY;
use crate::base::record::{Change, LastLogin, RoomForm, RoomRecord, SessionRecord};
use crate::base::{Actor, AuditRecord, RoomId, RoomName, Seq, Timestamp, Token, UserName};
use crate::store::audit;
use crate::store::rows::message_id;
use crate::store::tests::stage::{
    ANNA, BORIS, Stage, TEA, draft, lines, log_in, make, member, open, room, said, say, session,
    snapshot, user,
};
use crate::store::{
    Entry, Outcome, Reader, Store, newest, numbers, reader, snapshot as snapshots, tidy as tidying,
    writer,
};

/// A database in a folder that goes away with it.
pub(in crate::store) struct Stand {
    writer: SqliteStore,
    database: Database,
    folder: TempDir,
}

impl Stand {
    pub(in crate::store) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = open_in(&folder).unwrap();
        Self {
            writer: database.writer().unwrap(),
            database,
            folder,
        }
    }

    /// As after the end of the process.
    pub(in crate::store) fn reopen(self) -> Self {
        let Self {
            writer,
            database,
            folder,
        } = self;
        drop((writer, database));
        let database = open_in(&folder).unwrap();
        Self {
            writer: database.writer().unwrap(),
            database,
            folder,
        }
    }

    /// Ends it and leaves the files.
    fn close(self) -> TempDir {
        self.folder
    }

    /// Where the files are.
    pub(in crate::store) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A look at the file past the store.
    pub(in crate::store) fn look(&self) -> Connection {
        Connection::open(self.folder.path().join(DATABASE_FILE)).unwrap()
    }
}

impl Stage for Stand {
    fn store(&mut self) -> &mut dyn Store {
        &mut self.writer
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.database.reader().unwrap())
    }

    fn set_full(&mut self, is_full: bool) {
        let connection = &self.writer.connection;
        let pages: i64 = match is_full {
            true => connection
                .query_row("PRAGMA page_count", [], |row| row.get(0))
                .unwrap(),
            false => i64::from(u32::MAX) - 1,
        };
        let sql = format!("PRAGMA max_page_count = {pages}");
        connection.query_row(&sql, [], |_| Ok(())).unwrap();
    }
}

fn open_in(folder: &TempDir) -> Result<Database, StoreError> {
    Database::open(folder.path(), &KeySource::default())
}

fn refusal(folder: &TempDir) -> StoreError {
    open_in(folder).err().expect("it was opened")
}

fn files(folder: &TempDir) -> Vec<(String, u32)> {
    let mut files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            (entry.file_name().into_string().unwrap(), mode)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let mut stand = Stand::new();
    make(
        stand.store(),
        vec![
            user(ANNA, "Анна"),
            user(BORIS, "boris"),
            room(TEA, RoomForm::Direct(ANNA, BORIS)),
            Change::AddMember(member(TEA, ANNA, 1)),
            log_in(4, ANNA, "Анна"),
            Change::RemoveUser(BORIS),
        ],
    );
    stand
        .store()
        .commit(&[Entry::Append(draft(TEA, 5, Some("k"), "hello"))])
        .unwrap();
    let before = snapshot(stand.store());
    let mut stand = stand.reopen();
    assert_eq!(snapshot(stand.store()), before);
    let keys = stand.reader().keys(Timestamp(0), 9).unwrap();
    assert_eq!(&*keys[0].key, "k");
    let outcomes = stand.store().commit(&[said(TEA, "and on")]).unwrap();
    assert_eq!(outcomes, [Outcome::Appended(Seq(2))]);
    assert!(stand.store().index(10).is_ok_and(|more| !more));
    let found = stand
        .reader()
        .search(&[TEA], "hello", None, Seq(9), 9)
        .unwrap();
    assert_eq!(lines(&found), ["1 hello"]);
}

/// Rules for names become stricter with time, and nobody is kept from starting by a name from before.
#[test]
fn a_name_that_is_none_any_more_is_read_as_it_was_kept() {
    let mut stand = Stand::new();
    let mut old = user(ANNA, "anna");
    if let Change::AddUser(user, _) = &mut old {
        user.name = UserName::kept("@Аnna I");
    }
    let places = RoomForm::Open(RoomName::kept("＠Ω\u{345} room"));
    make(stand.store(), vec![old, room(TEA, places)]);
    let mut stand = stand.reopen();
    let found = snapshot(stand.store());
    assert_eq!(found.users[0].name.as_str(), "@Аnna I");
    assert_eq!(found.users[0].name.key(), "@аnna i");
    let is_it = |room: &RoomRecord| matches!(&room.form, RoomForm::Open(name) if name.as_str() == "＠Ω\u{345} room");
    assert!(found.rooms.iter().any(is_it), "{:?}", found.rooms);
}

#[test]
fn folder_and_files_are_the_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state/chatd");
    let database = Database::open(&folder, &KeySource::default()).unwrap();
    let _writer = database.writer().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let names = [
        "chatd.db",
        "chatd.db-shm",
        "chatd.db-wal",
        "chatd.lock",
        "identity.key",
    ];
    for name in names {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_second_daemon_is_refused_and_told_the_pid_of_the_first() {
    let stand = Stand::new();
    let refused = refusal(&stand.folder);
    let pid = std::process::id().cast_signed();
    assert!(
        matches!(refused, StoreError::Locked { pid: Some(told), .. } if told == pid),
        "{refused}"
    );
    // Whoever has just taken it has not written that down yet.
    std::fs::write(stand.folder.path().join("chatd.lock"), "").unwrap();
    let refused = refusal(&stand.folder).to_string();
    assert!(
        refused.contains("another chatd (pid unknown) uses"),
        "{refused}"
    );
    let second = stand
        .database
        .writer()
        .err()
        .expect("there are two writers");
    assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    let Stand {
        writer,
        database,
        folder,
    } = stand;
    drop(database);
    assert!(matches!(refusal(&folder), StoreError::Locked { .. }));
    drop(writer);
    open_in(&folder).unwrap();
}

#[test]
fn a_newer_database_and_one_of_another_program_are_refused_and_left_alone() {
    let folder = Stand::new().close();
    let path = folder.path().join(DATABASE_FILE);
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 1_000)
        .unwrap();
    let refused = refusal(&folder);
    assert!(
        matches!(refused, StoreError::Newer { found: 1_000, .. }),
        "{refused}"
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(DATABASE_FILE);
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE other (x)")
        .unwrap();
    let before = fs::read(&path).unwrap();
    let refused = refusal(&folder);
    assert!(matches!(refused, StoreError::Foreign { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);

    fs::write(&path, "no database ".repeat(1_000)).unwrap();
    assert!(matches!(refusal(&folder), StoreError::Foreign { .. }));
    let names: Vec<_> = files(&folder).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["chatd.db", "chatd.lock"], "a key was made");
}

#[test]
fn a_database_without_its_key_is_refused_and_no_other_key_is_made() {
    let folder = Stand::new().close();
    let path = folder.path().join("identity.key");
    let key = fs::read(&path).unwrap();
    assert_eq!(key.len(), 32);
    let check = |expected: &str| {
        let refused = refusal(&folder);
        assert!(matches!(refused, StoreError::Key { .. }), "{refused}");
        assert!(refused.to_string().contains(expected), "{refused}");
    };
    fs::remove_file(&path).unwrap();
    check("is missing");
    assert!(!path.exists());
    fs::write(&path, [7; 32]).unwrap();
    check("belongs to another database");
    fs::write(&path, &key[..31]).unwrap();
    check("has 31 bytes instead of 32");
    fs::write(&path, &key).unwrap();
    open_in(&folder).unwrap();
}

#[test]
fn a_key_from_elsewhere_is_read_and_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let source = KeySource {
        given: Some(folder.path().join("credential")),
        next: None,
    };
    let state = folder.path().join("state");
    let refused = Database::open(&state, &source)
        .err()
        .expect("it was opened");
    assert!(matches!(refused, StoreError::Key { .. }), "{refused}");
    fs::write(folder.path().join("credential"), [3; 32]).unwrap();
    Database::open(&state, &source).unwrap();
    assert!(!state.join("identity.key").exists());
}

#[test]
fn the_files_tell_no_login_address_device_password_or_token() {
    let mut stand = Stand::new();
    let token = Token::from_random([0xab; 32]);
    let session = SessionRecord {
        token: token.hash(),
        device: "wilhelmines-laptop".into(),
        ..session(1, ANNA)
    };
    let audit = AuditRecord {
        at: Timestamp(1),
        actor: Actor::Control { uid: 0, pid: 1 },
        method: "Kick".into(),
        parameters: r#"{"name":"Wilhelmine"}"#.into(),
        outcome: "ok".into(),
    };
    make(
        stand.store(),
        vec![
            user(ANNA, "Wilhelmine"),
            Change::SetPassword(
                ANNA,
                crate::base::record::PasswordHash("$argon2id$x".into()),
            ),
            Change::SetLastLogin(
                ANNA,
                LastLogin {
                    at: Timestamp(1),
                    from: Some("203.0.113.77".parse().unwrap()),
                },
            ),
            Change::AddSession(
                session,
                crate::base::record::PasswordHash("$argon2id$x".into()),
            ),
            Change::AddAudit(audit, 10),
        ],
    );
    say(stand.store(), LOBBY, &["canary"]);
    make(stand.store(), vec![Change::RemoveUser(ANNA)]);
    let mut bytes = Vec::new();
    for file in ["chatd.db", "chatd.db-wal"] {
        bytes.extend(fs::read(stand.folder.path().join(file)).unwrap());
    }
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(has(b"canary"));
    let (lower, token_text) = (bytes.to_ascii_lowercase(), token.expose());
    assert!(!lower.windows(10).any(|window| window == b"wilhelmine"));
    for secret in [
        b"203.0.113.77".as_slice(),
        &[203, 0, 113, 77],
        token_text.expose().as_bytes(),
        &[0xab; 32],
    ] {
        assert!(!has(secret), "{secret:?}");
    }
}

#[test]
fn an_emptied_log_goes_on_counting() {
    let mut stand = Stand::new();
    say(stand.store(), LOBBY, &["one", "two", "three"]);
    let Stand {
        writer,
        database,
        folder,
    } = stand;
    drop((writer, database));
    Connection::open(folder.path().join(DATABASE_FILE))
        .unwrap()
        .execute_batch(
            "DELETE FROM message; UPDATE room SET first_seq = 4, indexed_seq = 3; \
             UPDATE meta SET value = 3 WHERE name = 'offset_floor'",
        )
        .unwrap();
    let database = open_in(&folder).unwrap();
    let mut writer = database.writer().unwrap();
    let lobby = snapshot(&mut writer).rooms.remove(0);
    assert_eq!((lobby.first_seq, lobby.last_seq), (Seq(4), Seq(3)));
    let outcomes = writer.commit(&[said(LOBBY, "four")]).unwrap();
    assert_eq!(outcomes, [Outcome::Appended(Seq(4))]);
    let sql = r#"SELECT "offset" FROM message"#;
    let offset: i64 = writer
        .connection
        .query_row(sql, [], |row| row.get(0))
        .unwrap();
    assert_eq!(offset, 4);
}

#[test]
fn a_commit_that_fails_at_its_end_gives_the_numbers_back() {
    let mut stand = Stand::new();
    say(stand.store(), LOBBY, &["one"]);
    let before = snapshot(stand.store());
    stand.writer.connection.commit_hook(Some(|| true)).unwrap();
    let batch = [
        Entry::Changes(vec![room(TEA, open("tea"))]),
        said(LOBBY, "two"),
        said(TEA, "one"),
    ];
    assert!(stand.store().commit(&batch).is_err());
    assert_eq!(snapshot(stand.store()), before);
    stand
        .writer
        .connection
        .commit_hook(None::<fn() -> bool>)
        .unwrap();
    let outcomes = stand.store().commit(&batch).unwrap();
    let expected = [
        Outcome::Changed,
        Outcome::Appended(Seq(2)),
        Outcome::Appended(Seq(1)),
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn after_a_write_error_nothing_is_stored_until_the_file_holds_what_was_reported() {
    let mut stand = Stand::new();
    say(stand.store(), LOBBY, &["one", "two"]);
    stand.writer.broken = true;
    say(stand.store(), LOBBY, &["three"]);
    assert!(!stand.writer.broken);

    stand.writer.broken = true;
    let surfaced = r#"INSERT INTO message (id, "offset", at, author, kind, text) VALUES (?1, 4, 0, 1, 0, 'x')"#;
    let id = message_id(LOBBY, Seq(4));
    stand.look().execute(surfaced, [id]).unwrap();
    let refused = stand.store().commit(&[said(LOBBY, "four")]).unwrap_err();
    assert!(
        refused.to_string().contains("start chatd again"),
        "{refused}"
    );
    stand
        .look()
        .execute("DELETE FROM message WHERE id = ?1", [id])
        .unwrap();
    let outcomes = stand.store().commit(&[said(LOBBY, "four")]).unwrap();
    assert_eq!(outcomes, [Outcome::Appended(Seq(4))]);
}

#[test]
fn nothing_is_stored_in_files_that_were_moved_away() {
    let mut stand = Stand::new();
    say(stand.store(), LOBBY, &["one"]);
    for file in [DATABASE_FILE, "chatd.db-wal"] {
        let (here, away) = (
            stand.folder.path().join(file),
            stand.folder.path().join("away"),
        );
        fs::rename(&here, &away).unwrap();
        let refused = stand.store().commit(&[said(LOBBY, "lost")]).unwrap_err();
        assert!(refused.to_string().contains("was moved away"), "{refused}");
        fs::write(&here, "").unwrap();
        let refused = stand.store().commit(&[said(LOBBY, "lost")]).unwrap_err();
        assert!(refused.to_string().contains("or replaced"), "{refused}");
        fs::rename(&away, &here).unwrap();
        stand.store().commit(&[said(LOBBY, "kept")]).unwrap();
    }
    let kept = stand.reader().after(LOBBY, Seq(0), 10, 65_536).unwrap();
    assert_eq!(lines(&kept), ["1 one", "2 kept", "3 kept"]);
}

#[test]
fn commits_are_synced_also_after_the_index_was_brought_on() {
    let mut stand = Stand::new();
    say(stand.store(), LOBBY, &["one"]);
    stand.store().index(10).unwrap();
    let pragma = |name| {
        let sql = format!("PRAGMA {name}");
        stand
            .writer
            .connection
            .query_row(&sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(pragma("synchronous"), 2);
    assert_eq!(pragma("auto_vacuum"), 2);
    assert_eq!(pragma("foreign_keys"), 1);
    assert_eq!(pragma("wal_autocheckpoint"), WAL_PAGES);
}

#[test]
fn messages_are_read_by_their_key_and_nothing_is_sorted() {
    let stand = Stand::new();
    let connection = stand.look();
    let plan = |sql: &str| {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let steps = statement.raw_query().mapped(|row| row.get::<_, String>(3));
        steps.map(Result::unwrap).collect::<Vec<_>>()
    };
    let by_key = "SEARCH message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
    for sql in [
        reader::AFTER,
        reader::BEFORE,
        snapshots::BACKWARDS,
        numbers::LAST,
        newest::LAST,
        writer::INDEX,
        tidying::REMAINS,
    ] {
        let steps = plan(sql);
        assert!(steps.contains(&by_key.to_owned()), "{sql}: {steps:?}");
        assert!(
            !steps.iter().any(|step| step.contains("TEMP B-TREE")),
            "{sql}: {steps:?}"
        );
    }
    let by_number = |bound| format!("SEARCH audit USING INTEGER PRIMARY KEY (rowid{bound}?)");
    assert_eq!(plan(audit::BEFORE), [by_number("<")]);
    assert_eq!(plan(audit::AFTER), [by_number(">")]);
    let mut search = plan(newest::SEARCH);
    // Where the log begins is looked up once.
    search.retain(|step| !step.contains("SUBQUERY") && !step.contains("SEARCH room"));
    assert!(
        search[0].starts_with("SCAN message_text VIRTUAL TABLE INDEX"),
        "{search:?}"
    );
    assert_eq!(
        search[1],
        "SEARCH message USING INTEGER PRIMARY KEY (rowid=?)"
    );
    assert_eq!(search.len(), 2, "{search:?}");
    assert_eq!(plan(newest::PLACES).len(), 1, "sorted by itself");
}

#[test]
fn a_reader_cannot_write() {
    let stand = Stand::new();
    let path: PathBuf = stand.folder.path().join(DATABASE_FILE);
    let connection = connect_reader(&path).unwrap();
    assert!(connection.execute("DELETE FROM room", []).is_err());
}

#[test]
fn the_highest_room_and_number_fit() {
    let highest = message_id(RoomId((1 << 27) - 1), Seq(u64::MAX));
    assert_eq!(highest, i64::MAX);
}

/// Neither its locks nor its name: a probe of an idle daemon wakes no disk, and a disk that hangs does not hold it up.
#[test]
fn an_empty_entry_alone_touches_no_file() {
    let mut stand = Stand::new();
    let other = stand.look();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let database = stand.folder.path().join(DATABASE_FILE);
    fs::rename(&database, stand.folder.path().join("away")).unwrap();
    let outcomes = stand.store().commit(&[Entry::Changes(Vec::new())]).unwrap();
    assert_eq!(outcomes, [Outcome::Changed]);
}
