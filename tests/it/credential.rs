//! Credentials from the service manager: the identity key and the first account. What is wrong with one is told in one
//! line, without what stands in it.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rusqlite::{Connection, OpenFlags};

use crate::support::{Daemon, Heard, PASSWORD, ask, refused, request, run};

const IDENTITY_KEY: &str = "chatd.identity-key";
const FIRST_ADMIN: &str = "chatd.first-admin";

/// A start that is refused as a matter of configuration, in one line with these words.
#[track_caller]
fn is_refused(daemon: &Daemon, words: &[&str]) -> String {
    let stderr = run(&mut daemon.command(), "").failed_in_a_line(78);
    for word in words {
        assert!(stderr.contains(word), "no {word:?} in: {stderr}");
    }
    let log = daemon.log();
    let text = stderr.trim_start_matches("chatd: ").trim_end();
    assert!(log.contains(text), "{stderr} was due in:\n{log}");
    stderr
}

/// A database is sealed with the key that is given; it needs no file beside it, and the key may also come as text.
#[test]
fn a_database_of_a_key_that_is_given() {
    let mut daemon = Daemon::prepare("", &[]);
    let key: [u8; 32] = std::array::from_fn(|at| 200 + at as u8);
    daemon.give_credential(IDENTITY_KEY, key);
    daemon.launch();
    daemon.register("anna");
    assert!(!daemon.state().join("identity.key").exists());
    daemon.stop();
    daemon.give_credential(IDENTITY_KEY, format!("{}\n", STANDARD.encode(key)));
    daemon.launch();
    daemon.login("anna");
    daemon.stop();

    fs::remove_file(daemon.credentials().join(IDENTITY_KEY)).expect("it was just written");
    is_refused(&daemon, &["identity.key' is missing", "bring back"]);
    daemon.give_credential(IDENTITY_KEY, [7; 32]);
    is_refused(
        &daemon,
        &[IDENTITY_KEY, "belongs to another database", "bring back"],
    );
    // Brought back as a file, it is as good.
    fs::remove_file(daemon.credentials().join(IDENTITY_KEY)).expect("it was just written");
    fs::write(daemon.state().join("identity.key"), key).expect("the folder is ours");
    daemon.launch();
    daemon.login("anna");
}

/// A key that is given is no key, or cannot be read: told before anything is made.
#[test]
fn a_key_that_is_none() {
    for (content, words) in [
        (&b""[..], "has 0 bytes"),
        (b"geheim", "has 6 bytes"),
        (&[b'\n'; 33], "has 33 bytes"),
        (&[b'x'; 10_000], "has at least 256 bytes"),
    ] {
        let daemon = Daemon::prepare("", &[]);
        daemon.give_credential(IDENTITY_KEY, content);
        let stderr = is_refused(&daemon, &[IDENTITY_KEY, words, "openssl rand 32"]);
        assert!(!stderr.contains("geheim"), "{stderr}");
        assert!(!daemon.state().join("identity.key").exists());
    }
    let daemon = Daemon::prepare("", &[]);
    fs::create_dir_all(daemon.credentials().join(IDENTITY_KEY)).expect("the folder is ours");
    is_refused(&daemon, &[IDENTITY_KEY, "cannot be read"]);
}

/// Who had a key in the state folder and now gives another one is told which to use.
#[test]
fn a_key_that_is_given_too_late() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    daemon.stop();
    let beside = daemon.state().join("identity.key");
    daemon.give_credential(IDENTITY_KEY, [7; 32]);
    let words = format!("but '{}' is: use that one", beside.display());
    is_refused(
        &daemon,
        &[IDENTITY_KEY, "is not that of this database", &words],
    );
    daemon.give_credential(IDENTITY_KEY, fs::read(&beside).expect("it is there"));
    fs::remove_file(&beside).expect("it is there");
    daemon.launch();
    daemon.login("anna");
}

/// The first account is made at the first start, also where nobody else may make one; it is written down like one that
/// the admin makes. Later the credential is not even read.
#[test]
fn the_first_account() {
    let mut daemon = Daemon::prepare("registration = \"closed\"", &[]);
    daemon.give_credential(FIRST_ADMIN, format!("Ольга\n{PASSWORD}\n"));
    daemon.launch();
    daemon.login("ольга");
    refused!("registration-closed": daemon.greet(), "register", name: "anna", password: PASSWORD);
    let log = daemon.whole_log();
    assert!(
        log.contains("first account") && log.contains("user=Ольга"),
        "{log}"
    );
    assert!(!log.contains(PASSWORD), "the password is in the log");
    daemon.give_credential(FIRST_ADMIN, "nonsense");
    daemon.restart();
    assert_eq!(daemon.ctl_list(&["users"], "users").len(), 1);
    daemon.stop();

    let database = daemon.state().join("chatd.db");
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let written = database.expect("the database is there").query_row(
        "SELECT count(*), min(outcome), count(uid) FROM audit WHERE method = 'AddUser'",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    );
    // Nobody has called: it was chatd itself.
    assert_eq!(written, Ok((1, "ok".to_owned(), 0)));
}

/// Its password may be given as a hash, so that it stands nowhere in the clear.
#[test]
fn the_first_account_by_a_hash() {
    let mut hash = [0; 32];
    argon2::Argon2::default()
        .hash_password_into(PASSWORD.as_bytes(), b"sixteen letters.", &mut hash)
        .expect("Argon2 has what it needs");
    let text = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    let (salt, hash) = (text(b"sixteen letters."), text(&hash));
    let mut daemon = Daemon::prepare("", &[]);
    let line = format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}");
    daemon.give_credential(FIRST_ADMIN, format!("olga\n{line}\n"));
    daemon.launch();
    daemon.login("olga");
    refused!("bad-credentials": daemon.greet(), "login", name: "olga", password: line);
    // Where all accounts are gone it is the first one again.
    daemon.ctl(&["clear-users", "--yes"]).done();
    daemon.restart();
    daemon.login("olga");
}

/// Without a service manager a file in the state folder does the same.
#[test]
fn the_first_account_by_a_file() {
    let mut daemon = Daemon::prepare("", &[]);
    fs::create_dir(daemon.state()).expect("the folder is ours");
    let path = daemon.state().join("first-admin");
    fs::write(&path, format!("olga\n{PASSWORD}\n")).expect("the folder is ours");
    daemon.launch();
    daemon.login("olga");
}

/// Content that is no account: told without a word of it, and nobody is let in.
#[test]
fn a_first_account_that_is_none() {
    for (content, words) in [
        (&b""[..], "has 0 lines"),
        (b"geheim-geheim\n", "has one line"),
        (b"olga\ngeheim-geheim\nmore\n", "has 3 lines"),
        (b"geheim geheim\nolga\n", "has no name in its first line"),
        (b"root\ngeheim-geheim\n", "the name is reserved"),
        (b"olga\ngeheim\n", "too weak"),
        (b"olga\n$argon2id$geheim\n", "has a hash"),
        (b"olga\ngeheim\xff\n", "is no UTF-8"),
        (&[b'x'; 5_000], "has more than 4096 bytes"),
    ] {
        let mut daemon = Daemon::prepare("", &[]);
        daemon.give_credential(FIRST_ADMIN, content);
        let stderr = is_refused(&daemon, &[FIRST_ADMIN, words, "two lines"]);
        assert!(!stderr.contains("geheim"), "{stderr}");
        assert!(!daemon.log().contains("geheim"), "it is in the log");
        assert!(!daemon.control().exists(), "the control socket was left");
        // Put right, it is as if nothing had been.
        daemon.give_credential(FIRST_ADMIN, format!("olga\n{PASSWORD}"));
        daemon.launch();
        daemon.login("olga");
    }
}

/// Nobody takes its name, not even who has waited at the door since before the start.
#[test]
fn the_first_account_is_the_first() {
    let mut daemon = Daemon::prepare("", &[]);
    let client = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    daemon.hand_in("client", &client);
    daemon.give_credential(FIRST_ADMIN, format!("olga\n{PASSWORD}"));
    let address = client.local_addr().expect("it is bound");
    let mut early = crate::support::Talker::connect(address);
    let asked = early.begin_all([
        request!("hello", protocol: 1, client: "stories/1"),
        request!("register", name: "OLGA", password: "another password"),
    ]);
    daemon.launch();
    early.answer(asked[0]).must_be("hello");
    assert_eq!(early.answer(asked[1]).code(), "name-taken");
    let mut olga = daemon.login("olga");
    ask!(olga, "ping").must_be("pong");
}
