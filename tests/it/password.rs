//! Passwords: which are taken, when two are the same, and how their hashes are kept up to date.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rusqlite::{Connection, OpenFlags};

use crate::support::{Daemon, Heard, ask, refused, run};

const COMPOSED: &str = "ёлка и jos\u{e9}";
const DECOMPOSED: &str = "е\u{308}лка и\u{a0}jose\u{301}";

/// The account's hash as it lies in the database; there is only one account.
fn stored(daemon: &Daemon) -> String {
    let database = daemon.state().join("chatd.db");
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = database.expect("the database is there");
    database
        .query_row("SELECT password FROM user", [], |row| row.get(0))
        .expect("there is one account")
}

/// A password hash of these bytes, made elsewhere with little work.
fn made_elsewhere(password: &str) -> String {
    let params = argon2::Params::new(8, 1, 1, None).expect("they are the least");
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut hash = [0; 32];
    argon2
        .hash_password_into(password.as_bytes(), b"sixteen letters.", &mut hash)
        .expect("Argon2 has what it needs");
    let text = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    let (salt, hash) = (text(b"sixteen letters."), text(&hash));
    format!("$argon2id$v=19$m=8,t=1,p=1${salt}${hash}")
}

/// Keyboards differ in how they compose letters; the password is the same. So it is when the admin or a change of
/// password has set it.
#[test]
fn the_same_password_however_it_is_typed() {
    let daemon = Daemon::start();
    let mut anna = daemon.greet();
    ask!(anna, "register", name: "anna", password: DECOMPOSED).must_be("welcome");
    for same in [COMPOSED, DECOMPOSED] {
        ask!(daemon.greet(), "login", name: "anna", password: same).must_be("welcome");
    }
    refused!("bad-credentials": daemon.greet(), "login", name: "anna", password: "елка и jose");
    ask!(anna, "password", old: COMPOSED, new: "ой, како\u{439}").must_be("ok");
    ask!(daemon.greet(), "login", name: "anna", password: "ой, како\u{438}\u{306}")
        .must_be("welcome");
    daemon
        .ctl_with(&["user", "passwd", "anna"], &format!("{DECOMPOSED}\n"))
        .done();
    ask!(daemon.greet(), "login", name: "anna", password: COMPOSED).must_be("welcome");
}

/// Short, long, well-known, the name, or with a character that no keyboard has: told which, in words, on both ways.
#[test]
fn a_password_that_is_too_weak() {
    let daemon = Daemon::start_with("[limits]\npassword_chars_min = 15\n", &[]);
    let mut anna = daemon.connect();
    assert_eq!(anna.hello()["limits"]["password_chars_min"], 15);
    let long = "x".repeat(1_025);
    for (password, words) in [
        ("fourteen chars", "at least 15 characters"),
        ("correcthorsebatterystaple", "everybody tries first"),
        ("A-Name-of-15-Chars", "is the name"),
        ("fifteen \u{7f} and more", "has a character"),
        (&long, "longer than 1024 characters"),
    ] {
        let error = ask!(anna, "register", name: "a-name-of-15-chars", password: password);
        assert_eq!(error.code(), "weak-password", "{error}");
        assert!(error.text("text").contains(words), "{error}");
        let stderr = daemon
            .ctl_with(
                &["user", "add", "a-name-of-15-chars"],
                &format!("{password}\n"),
            )
            .failed(1);
        assert!(stderr.contains(words), "{stderr}");
    }
    let longest = "ж".repeat(1_024);
    ask!(anna, "register", name: "anna", password: longest).must_be("welcome");
    ask!(daemon.greet(), "login", name: "anna", password: longest).must_be("welcome");
}

/// Fewer than eight characters are nobody's minimum.
#[test]
fn the_least_length_has_a_least() {
    let daemon = Daemon::prepare("[limits]\npassword_chars_min = 4\n", &["--check"]);
    let stderr = run(&mut daemon.command(), "").failed_in_a_line(78);
    assert!(
        stderr.contains("limits.password_chars_min is 4"),
        "{stderr}"
    );
}

/// A hash by lower settings, of a password as it was typed once, is one by today's after the first login; whoever was
/// logged in stays so, and the password goes on working.
#[test]
fn an_old_hash_is_made_anew_at_the_next_login() {
    let mut daemon = Daemon::prepare("", &[]);
    let old = made_elsewhere(DECOMPOSED);
    daemon.give_credential("chatd.first-admin", format!("anna\n{old}\n"));
    daemon.launch();
    refused!("bad-credentials": daemon.greet(), "login", name: "anna", password: COMPOSED);
    assert_eq!(stored(&daemon), old);
    let mut anna = daemon.greet();
    let welcome = ask!(anna, "login", name: "anna", password: DECOMPOSED).must_be("welcome");
    let new = stored(&daemon);
    assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
    for same in [COMPOSED, DECOMPOSED] {
        ask!(daemon.greet(), "login", name: "anna", password: same).must_be("welcome");
    }
    assert_eq!(stored(&daemon), new, "it was made anew once more");
    daemon.restart();
    daemon.resume(welcome.text("token"), &[]);
    ask!(daemon.greet(), "login", name: "anna", password: COMPOSED).must_be("welcome");
}
