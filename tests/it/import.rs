//! Accounts that come from another server or from a list: all of them, or none.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::support::{Daemon, PASSWORD, Process};

fn write(daemon: &Daemon, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = daemon.folder().join(name);
    fs::write(&path, text).expect("the folder is ours");
    path
}

fn import(daemon: &Daemon, text: impl AsRef<[u8]>) -> crate::support::Output {
    let path = write(daemon, "accounts", text);
    daemon.ctl(&["import", "users", path.to_str().expect("it is UTF-8")])
}

fn names(daemon: &Daemon) -> Vec<String> {
    let users = daemon.ctl_list(&["users"], "users");
    users
        .iter()
        .map(|user| user["name"].as_str().expect("a name").to_owned())
        .collect()
}

/// From one server to another, and out again: the same to the last byte, and everybody logs in with their password.
#[test]
fn from_one_server_to_another() {
    let old = Daemon::start();
    for name in ["Анна", "boris", r"back\slash", "O'Neill"] {
        old.register(name);
    }
    old.ctl(&["user", "disable", "boris", "--yes"]).done();
    for format in ["csv", "jsonl"] {
        let export = ["export", "users", "--with-passwords", "--format", format];
        let first = old.ctl(&export).done();
        assert_eq!(first.matches("$argon2id$v=19$").count(), 4, "{first}");
        let new = Daemon::start();
        let would = new
            .ctl_with(&["import", "users", "-", "--dry-run"], &first)
            .done();
        assert_eq!(would, "would import 4 accounts\n");
        assert_eq!(names(&new), [""; 0]);
        assert_eq!(import(&new, &first).done(), "imported 4 accounts\n");
        let again = new.ctl(&export).done();
        assert_eq!(first, again);
        new.login("анна");
        let talker = new.login("O'Neill");
        drop(talker);
        assert_eq!(
            new.ctl_json(&["users"])["users"][0]["rooms"],
            1,
            "everybody is in the lobby"
        );
        let stderr = import(&new, &first).failed(1);
        assert!(
            stderr.contains("is taken, or looks like one that is; nothing was imported"),
            "{stderr}"
        );
    }
    let without = old.ctl(&["export", "users"]).done();
    assert!(
        without.starts_with("name,created_at,last_login_at,disabled_at\r\n"),
        "{without}"
    );
    let stderr = import(&old, &without).failed(1);
    assert!(
        stderr.contains("line 2: ") && stderr.contains("export with --with-passwords"),
        "{stderr}"
    );
    old.logged(r#"method=ExportUsers parameters={"passwords":true} outcome=ok"#);
    assert!(
        !old.whole_log().contains("$argon2id"),
        "a hash is in the log"
    );
}

/// A file of hashes that others may read is not written without a word.
#[test]
fn hashes_that_others_may_read() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let chatctl = env!("CARGO_BIN_EXE_chatctl");
    let socket = daemon.control().display().to_string();
    for (mask, warns) in [("022", true), ("077", false)] {
        let file = daemon.folder().join(mask).display().to_string();
        let line = format!(
            "umask {mask}; '{chatctl}' --socket '{socket}' export users --with-passwords > '{file}'"
        );
        let mut command = std::process::Command::new("sh");
        let output = crate::support::run(command.args(["-c", &line]), "");
        assert_eq!(output.stderr.contains("chmod 600"), warns, "{output:?}");
        assert!(
            fs::read_to_string(file)
                .expect("it was written")
                .contains("anna")
        );
    }
}

/// A list that somebody made, with passwords as they are typed: they are hashed by the daemon, and are nowhere else.
#[test]
fn a_list_with_passwords() {
    let daemon = Daemon::start();
    let list = format!("password,name\n{PASSWORD},anna\n\"{PASSWORD}, too\",boris\n");
    assert_eq!(import(&daemon, list).done(), "imported 2 accounts\n");
    daemon.login("anna");
    let imported = import(
        &daemon,
        format!("{{\"name\":\"clara\",\"password\":\"{PASSWORD}\"}}\n"),
    );
    assert_eq!(imported.done(), "imported 1 account\n");
    daemon.login("clara");
    daemon.logged("accounts imported");
    assert!(!daemon.whole_log().contains(PASSWORD));
    assert_eq!(
        import(&daemon, "name,password\n").done(),
        "imported 0 accounts\n"
    );
}

/// Whatever is wrong with a file: the line is named, and nothing is imported of the others either.
#[test]
fn a_damaged_file() {
    let daemon = Daemon::start();
    daemon.register("dora");
    let good: String = (0..600).map(|at| format!("user{at},$HASH\n")).collect();
    let hash = daemon.ctl(&["export", "users", "--with-passwords"]).done();
    let hash = hash
        .lines()
        .nth(1)
        .expect("dora")
        .rsplit_once(",\"")
        .expect("a hash")
        .1
        .trim_matches('"')
        .to_owned();
    let good = format!("name,password_hash\n{good}").replace("$HASH", &format!("\"{hash}\""));
    let weak = hash.replace("t=2", "t=99");
    for (last, why) in [
        (
            "Dora,\"$HASH\"",
            "line 602: the name 'Dora' is taken, or looks like one that is",
        ),
        ("dоra,\"$HASH\"", "line 602: 'dоra' cannot be a name"),
        ("user7,\"$HASH\"", "line 602: 'user7' is on line 9 already"),
        (
            "two words,\"$HASH\"",
            "line 602: 'two words' cannot be a name",
        ),
        (
            "anna,geheim",
            "line 602: the password hash of 'anna' is not good",
        ),
        (
            "anna,\"$WEAK\"",
            "line 602: the password hash of 'anna' is not good: that asks for more",
        ),
        (
            "anna,\"$HASH\",x",
            "line 602: it has 3 cells, and the headings are 2",
        ),
        ("anna", "line 602: it has 1 cells"),
        ("anna,", "line 602: 'anna' has no password"),
    ] {
        let last = last.replace("$HASH", &hash).replace("$WEAK", &weak);
        let stderr = import(&daemon, format!("{good}{last}\nzoe,\"{hash}\"\n")).failed(1);
        assert!(
            stderr.contains(why) && stderr.contains("; nothing was imported"),
            "{stderr}"
        );
        assert!(
            !stderr.contains("geheim") && !stderr.contains("m=19456"),
            "{stderr}"
        );
        assert_eq!(names(&daemon), ["dora"]);
    }
    let stderr = import(&daemon, b"name,password_hash\nanna,\xff\n").failed(1);
    assert!(stderr.contains("line 2: that is not UTF-8"), "{stderr}");
    let stderr = import(&daemon, "name,password\nanna,12345\n").failed(1);
    assert!(
        stderr.contains("line 2: the password of 'anna': "),
        "{stderr}"
    );
    let stderr = daemon.ctl(&["import", "users", "/no/such/file"]).failed(2);
    assert!(stderr.contains("cannot read '/no/such/file'"), "{stderr}");
    assert_eq!(import(&daemon, &good).done(), "imported 600 accounts\n");
}

/// More accounts than there may be: none is made.
#[test]
fn more_than_there_may_be() {
    let daemon = Daemon::start_with("[limits]\nusers = 3\n", &[]);
    let list = |count| {
        (0..count).fold("name,password\n".to_owned(), |list, at| {
            format!("{list}user{at},{PASSWORD}\n")
        })
    };
    let stderr = import(&daemon, list(4)).failed(1);
    assert!(stderr.contains("limits.users"), "{stderr}");
    daemon.register("anna");
    let stderr = import(&daemon, list(3)).failed(1);
    assert!(stderr.contains("limits.users is reached"), "{stderr}");
    assert_eq!(names(&daemon), ["anna"]);
    assert_eq!(import(&daemon, list(2)).done(), "imported 2 accounts\n");
}

/// Killed in the middle, or given up by its caller: all accounts are there or none.
#[test]
fn killed_in_the_middle() {
    let list = (0..60).fold("name,password\n".to_owned(), |list, at| {
        format!("{list}user{at},{PASSWORD}\n")
    });
    for kills_daemon in [true, false] {
        let mut daemon = Daemon::start_with("log.level = \"debug\"\n", &[]);
        let path = write(&daemon, "accounts", &list);
        let args = ["import", "users", path.to_str().expect("it is UTF-8")];
        let mut import = Process::start(&mut daemon.ctl_command(&args));
        daemon.logged("method=ImportUsers");
        match kills_daemon {
            true => {
                daemon.kill_9();
                assert_ne!(import.finish().code, 0);
                daemon.launch();
            }
            false => import.kill_9(),
        }
        assert_eq!(names(&daemon), [""; 0]);
        daemon.still_serves();
    }
}

/// Foreign callers: numbers that are no import, other counts, and two at once.
#[test]
fn by_hand() {
    use std::io::{BufRead, BufReader, Write};
    let daemon = Daemon::start();
    let call = |method: &str, parameters: serde_json::Value| {
        let mut control =
            std::os::unix::net::UnixStream::connect(daemon.control()).expect("it serves");
        let call = json!({ "method": format!("io.chatd.Control.{method}"), "parameters": parameters, "more": true });
        write!(control, "{call}\0").expect("it reads");
        let mut reply = Vec::new();
        BufReader::new(control)
            .read_until(0, &mut reply)
            .expect("it answers");
        serde_json::from_slice::<serde_json::Value>(&reply[..reply.len() - 1]).expect("JSON")
    };
    let anna = json!({ "name": "anna", "password": PASSWORD });
    let staged = call("StageUsers", json!({ "users": [anna] }));
    assert_eq!(staged["parameters"], json!({ "import": 1, "users": 1 }));
    let other = call("StageUsers", json!({ "users": [anna] }));
    assert!(
        other["parameters"]["reason"]
            .as_str()
            .is_some_and(|why| why.contains("somebody else")),
        "{other}"
    );
    let unknown = call("StageUsers", json!({ "import": 7, "users": [anna] }));
    assert!(
        unknown["parameters"]["reason"]
            .as_str()
            .is_some_and(|why| why.contains("no import 7")),
        "{unknown}"
    );
    let other = call("ImportUsers", json!({ "import": 1, "users": 2 }));
    assert!(
        other["parameters"]["reason"]
            .as_str()
            .is_some_and(|why| why.contains("1 accounts were taken in, not 2")),
        "{other}"
    );
    let forgotten = call("ImportUsers", json!({ "import": 1, "users": 1 }));
    assert!(
        forgotten["error"]
            .as_str()
            .is_some_and(|name| name.ends_with(".Failed")),
        "{forgotten}"
    );
    assert_eq!(names(&daemon), [""; 0]);
}
