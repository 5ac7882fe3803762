//! Another identity key: changed while people talk, given as a file or as a credential, and cut off at any moment.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chatd::base::record::{Change, PasswordHash, UserRecord};
use chatd::base::{Timestamp, UserId};
use chatd::store::{Database, Entry, KeySource, Store};
use rusqlite::{Connection, OpenFlags};

use crate::support::{Daemon, Heard, ask, run};

const IDENTITY_KEY: &str = "chatd.identity-key";
const IDENTITY_KEY_NEW: &str = "chatd.identity-key-new";

fn key_file(daemon: &Daemon) -> std::path::PathBuf {
    daemon.state().join("identity.key")
}

/// Everything sealed that lies in the database.
fn sealed(daemon: &Daemon) -> Vec<Vec<u8>> {
    let database = daemon.state().join("chatd.db");
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = database.expect("the database is there");
    let all = "SELECT name FROM user UNION ALL SELECT name_hash FROM user WHERE name_hash NOT NULL \
               UNION ALL SELECT last_login_from FROM user WHERE last_login_from NOT NULL \
               UNION ALL SELECT device FROM session UNION ALL SELECT parameters FROM audit \
               UNION ALL SELECT network FROM ban WHERE network NOT NULL UNION ALL SELECT reason FROM ban \
               UNION ALL SELECT network_hash FROM ban WHERE network NOT NULL \
               UNION ALL SELECT value FROM meta WHERE name = 'identity_check'";
    let mut query = database.prepare(all).expect("these are the sealed columns");
    let rows = query
        .query_map([], |row| row.get(0))
        .expect("they can be read");
    rows.map(|row| row.expect("a sealed value")).collect()
}

/// So many accounts in a database that no daemon has yet.
fn crowd(state: &Path, count: u32) {
    let database = Database::open(state, &KeySource::default()).expect("the folder is ours");
    let mut store = database.writer().expect("nobody else writes");
    let user = |number: u32| {
        let user = UserRecord {
            id: UserId(number),
            name: format!("user-{number}").parse().expect("a name"),
            created_at: Timestamp(0),
            last_login: None,
            removed: false,
            disabled_at: None,
        };
        Change::AddUser(user, PasswordHash("$argon2id$nonsense".into()))
    };
    let entry = Entry::Changes((1..=count).map(user).collect());
    store.commit(&[entry]).expect("there is room");
}

/// Names, tokens, passwords and the audit log go on as before, nothing that was sealed is the same, and whoever talks
/// meanwhile and looks things up notices nothing.
#[test]
fn everything_is_sealed_anew() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("Анна");
    let mut boris = daemon.register("boris");
    boris.say("lobby", "before");
    daemon
        .ctl_with(&["user", "add", "dora"], "okapi okapi\n")
        .done();
    daemon.ctl(&["user", "remove", "--yes", "dora"]).done();
    let bans: [&[&str]; 2] = [
        &["ban", "--yes", "192.0.2.0/24"],
        &["mute", "boris", "--room", "lobby"],
    ];
    bans.iter().for_each(|ban| drop(daemon.ctl(ban).done()));
    daemon.ctl(&["unmute", "boris", "--room", "lobby"]).done();
    let banned = daemon.ctl_json(&["bans"]);
    let (old, old_key) = (sealed(&daemon), fs::read(key_file(&daemon)).expect("a key"));

    let would = daemon.ctl(&["rekey", "--dry-run"]).done();
    assert!(would.contains("would seal 2 accounts"), "{would}");
    daemon.ctl(&["rekey"]).failed(2);
    // A line of the audit log may have come since.
    let still = sealed(&daemon);
    assert!(
        old.iter().all(|value| still.contains(value)),
        "it was only asked"
    );
    let done = daemon.ctl(&["rekey", "--yes"]).done();
    assert!(
        done.contains("back up '") && done.contains("identity.key'"),
        "{done}"
    );
    daemon.logged("method=Rekey");

    let key = fs::read(key_file(&daemon)).expect("a key");
    assert!(key.len() == 32 && key != old_key, "the key is the same");
    let mode = fs::metadata(key_file(&daemon))
        .expect("a key")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!daemon.state().join("identity.key.new").exists());
    let new = sealed(&daemon);
    assert!(new.len() >= old.len() && new.iter().all(|value| !old.contains(value)));

    anna.say("lobby", "after");
    let page = ask!(anna, "history", room: "lobby").must_be("page");
    assert_eq!(
        page["messages"][0]["from"], "boris",
        "a reader opens with the new key"
    );
    daemon.login("анна");
    for _ in 0..2 {
        daemon.restart();
        daemon
            .resume(&anna.token, &[("lobby", 0)])
            .hears("lobby", 1, "boris", "before");
        daemon.login("АННА");
    }
    assert_eq!(daemon.ctl_json(&["bans"]), banned);
    let lifted = daemon.ctl_json(&["unban", "192.0.2.0/24"]);
    assert_eq!(lifted["changed"], true, "it is found by its hash");
    daemon.restart();
    assert_eq!(
        daemon.ctl_list(&["bans"], "bans"),
        [] as [serde_json::Value; 0]
    );
    fs::write(key_file(&daemon), old_key).expect("the folder is ours");
    daemon.stop();
    let stderr = run(&mut daemon.command(), "").failed_in_a_line(78);
    assert!(stderr.contains("belongs to another database"), "{stderr}");
}

/// The key may be brought along, as bytes or as text; what is none is refused, and not written down.
#[test]
fn a_key_of_ones_own() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    let path = daemon.folder().join("new-key");
    let named = path.to_str().expect("it is UTF-8");
    let rekey = ["rekey", "--yes", "--key-file", named];
    for wrong in [&b"geheim"[..], &[b'g'; 300], b""] {
        fs::write(&path, wrong).expect("the folder is ours");
        let stderr = daemon.ctl(&rekey).failed(1);
        assert!(
            stderr.contains("openssl rand 32") && !stderr.contains("geheim"),
            "{stderr}"
        );
    }
    daemon
        .ctl(&["rekey", "--yes", "--key-file", "/no/such/key"])
        .failed(2);
    for (content, key) in [
        (vec![0xfe; 32], [0xfe; 32]),
        (STANDARD.encode([7; 32]).into_bytes(), [7; 32]),
    ] {
        fs::write(&path, &content).expect("the folder is ours");
        daemon.ctl(&rekey).done();
        assert_eq!(fs::read(key_file(&daemon)).expect("a key"), key);
    }
    daemon.restart();
    daemon.login("anna");
    daemon.stop();
    let text = STANDARD.encode([7; 32]);
    assert!(!daemon.log().contains(&text[..8]), "the key is in the log");
}

/// A key that is a credential is changed by giving the next one beside it. The database opens while both are given, in
/// either place, and with the new one alone.
#[test]
fn a_key_that_is_a_credential() {
    let mut daemon = Daemon::prepare("", &[]);
    daemon.give_credential(IDENTITY_KEY, [1; 32]);
    daemon.launch();
    daemon.register("anna");
    let stderr = daemon.ctl(&["rekey", "--yes"]).failed(1);
    assert!(
        stderr.contains("give the new one as the credential"),
        "{stderr}"
    );
    daemon.give_credential(IDENTITY_KEY_NEW, [2; 32]);
    daemon.restart();
    let done = daemon.ctl(&["rekey", "--yes"]).done();
    assert!(
        done.contains("as 'chatd.identity-key' from the next start"),
        "{done}"
    );
    daemon.kill_9();
    daemon.launch();
    daemon.login("anna");
    daemon.logged("sealed with the next identity key");
    daemon.stop();
    daemon.give_credential(IDENTITY_KEY, [2; 32]);
    fs::remove_file(daemon.credentials().join(IDENTITY_KEY_NEW)).expect("it was given");
    daemon.launch();
    daemon.login("anna");
    assert!(
        !key_file(&daemon).exists(),
        "the key lies in the state folder"
    );
}

/// From the state folder to a credential: the same way.
#[test]
fn from_the_folder_to_a_credential() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    daemon.give_credential(IDENTITY_KEY_NEW, [2; 32]);
    daemon.restart();
    daemon.ctl(&["rekey", "--yes"]).done();
    daemon.restart();
    daemon.login("anna");
    daemon.stop();
    daemon.give_credential(IDENTITY_KEY, [2; 32]);
    fs::remove_file(key_file(&daemon)).expect("the old key");
    daemon.launch();
    daemon.login("anna");
}

/// Killed after each sign of progress that it gives, before the first and after the last: the database opens with
/// the key that lies there, everybody is in it, and the next change goes through.
#[test]
fn killed_at_any_moment() {
    let mut daemon = Daemon::prepare("", &[]);
    crowd(&daemon.state(), 2_000);
    for parts in 0..=5 {
        daemon.launch();
        let mut control = UnixStream::connect(daemon.control()).expect("it serves");
        control
            .write_all(b"{\"method\":\"io.chatd.Control.Rekey\",\"more\":true}\0")
            .expect("it reads");
        for reply in BufReader::new(control).split(0).take(parts) {
            let reply = String::from_utf8(reply.expect("it answers")).expect("it is JSON");
            // After the last one nothing comes.
            if !reply.contains("\"continues\":true") {
                assert!(reply.contains("keyFile"), "{reply}");
                break;
            }
        }
        daemon.kill_9();
    }
    daemon.launch();
    assert_eq!(daemon.ctl_list(&["users"], "users").len(), 2_000);
    daemon.ctl(&["rekey", "--yes"]).done();
    daemon.restart();
    assert_eq!(daemon.ctl_list(&["users"], "users").len(), 2_000);
    assert!(!daemon.state().join("identity.key.new").exists());
}

/// Cut off between the commit and the new key's coming into its place, and before the commit.
#[test]
fn each_half_of_a_change_is_recognised() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    let draft = daemon.state().join("identity.key.new");
    let old = fs::read(key_file(&daemon)).expect("a key");
    daemon.ctl(&["rekey", "--yes"]).done();
    daemon.stop();
    let new = fs::read(key_file(&daemon)).expect("a key");
    // The old one is still there, is gone, or cannot be a key.
    for first in [Some(&old[..]), None, Some(b"torn")] {
        fs::write(&draft, &new).expect("the folder is ours");
        match first {
            Some(first) => fs::write(key_file(&daemon), first).expect("the folder is ours"),
            None => fs::remove_file(key_file(&daemon)).expect("the folder is ours"),
        }
        daemon.launch();
        daemon.logged("that was cut off is complete");
        daemon.login("anna");
        daemon.stop();
        assert_eq!(fs::read(key_file(&daemon)).expect("a key"), new);
        assert!(!draft.exists());
    }
    for left_over in [&[9; 32][..], b"torn", b""] {
        fs::write(&draft, left_over).expect("the folder is ours");
        daemon.launch();
        daemon.login("anna");
        daemon.stop();
        assert_eq!(fs::read(key_file(&daemon)).expect("a key"), new);
        assert!(!draft.exists());
    }
    fs::write(&draft, [9; 32]).expect("the folder is ours");
    fs::remove_file(key_file(&daemon)).expect("the folder is ours");
    let stderr = run(&mut daemon.command(), "").failed_in_a_line(78);
    assert!(stderr.contains("is missing; bring back"), "{stderr}");
    assert!(
        draft.exists() && !key_file(&daemon).exists(),
        "a key was made or taken away"
    );
}
