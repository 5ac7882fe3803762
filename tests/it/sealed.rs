//! What lies on the disk tells no names, passwords and tokens; what was done is written down.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rusqlite::{Connection, OpenFlags};

use crate::support::{Daemon, Heard, ask, refused, run};

/// The files of the state folder that hold this text somewhere.
fn files_with(daemon: &Daemon, text: &str) -> Vec<String> {
    let files = fs::read_dir(daemon.state()).expect("the state folder");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let paths: Vec<_> = paths.filter(|path| path.is_file()).collect();
    assert!(paths.len() >= 2, "a database and a key were due: {paths:?}");
    let holds = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).expect("the file is ours");
        bytes
            .windows(text.len())
            .any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    };
    let found = paths.iter().filter(|path| holds(path));
    found.map(|path| path.display().to_string()).collect()
}

/// Neither the database nor its log nor a backup tells a login name, a password, a token, an address or a device; the texts of
/// messages are there, which shows that the search finds.
#[test]
fn strings_finds_no_secret() {
    let mut daemon = Daemon::start();
    let mut zebulon = daemon.greet();
    let welcome = ask!(
        zebulon, "register", name: "Zebulon-Q", password: "quagga quagga", device: "zebulons-phone"
    )
    .must_be("welcome");
    let mut other = daemon.register("yolanda-z");
    other.say("@zebulon-q", "a visible marker");
    other.say("lobby", "another marker");
    zebulon.hears("@yolanda-z", 1, "yolanda-z", "a visible marker");
    ask!(zebulon, "password", old: "quagga quagga", new: "gnu gnu gnu").must_be("ok");
    daemon
        .ctl_with(&["user", "add", "xiomara-y"], "okapi okapi\n")
        .done();
    daemon.ctl(&["user", "remove", "--yes", "xiomara-y"]).done();
    // In the audit log alone.
    daemon
        .ctl(&[
            "kick",
            "--yes",
            "vilhelmina-v",
            "--reason",
            "the wombat of 203.0.113.77",
        ])
        .failed(1);
    daemon.ctl(&["search", "numbat"]).done();
    // What people do besides, in the clear and over TLS, rightly and wrongly.
    refused!("bad-credentials": daemon.greet_secure(), "login", name: "Zebulon-Q", password: "a wrong kudu-antelope");
    refused!("bad-credentials": daemon.greet(), "login", name: "wanda-w", password: "kudu-antelope kudu-antelope kudu-antelope");
    let mut again = daemon.greet_secure();
    let further =
        ask!(again, "login", name: "zebulon-q", password: "gnu gnu gnu", device: "zebulons-tablet")
            .must_be("welcome");
    ask!(again, "search", text: "visible").must_be("page");
    daemon.ctl(&["sessions"]).done();
    let invite = daemon.ctl_json(&["invite", "create", "--note", "for wanda-w"]);
    let list = daemon.folder().join("list.csv");
    fs::write(&list, "name,password\nvivian-v,okapi okapi\n").expect("a folder of ours");
    let list = list.to_str().expect("a plain path");
    daemon.ctl(&["import", "users", "--yes", list]).done();
    daemon.ctl(&["user", "disable", "--yes", "vivian-v"]).done();
    let ban = [
        "ban",
        "--yes",
        "198.51.100.0/24",
        "--reason",
        "aardvark spam",
    ];
    daemon.ctl(&ban).done();
    let mute = [
        "mute",
        "yolanda-z",
        "--room",
        "lobby",
        "--reason",
        "aardvark noise",
    ];
    daemon.ctl(&mute).done();
    daemon.ctl(&["rekey", "--yes"]).done();
    // Beside the rest, so that it is looked at with it.
    let copy = daemon.state().join("copy.db");
    daemon
        .ctl(&["backup", copy.to_str().expect("a plain path")])
        .done();
    let in_the_copy = |daemon: &Daemon| {
        let found = files_with(daemon, "visible marker");
        found.iter().any(|file| file.ends_with("copy.db"))
    };
    assert!(in_the_copy(&daemon), "the backup is looked into");
    let token = welcome.text("token");
    // None so short that a key in base64 has it by chance.
    let secrets = [
        "kudu-antelope",
        "wanda",
        "zebulons-",
        invite.text("code"),
        "vivian",
        further.text("token"),
        "zebulon",
        "yolanda",
        "xiomara",
        "vilhelmina",
        "wombat",
        "203.0.113.77",
        "numbat",
        "quagga",
        "gnu gnu",
        "okapi",
        "correct horse",
        token,
        &token[3..],
        &other.token[3..],
        "127.0.0.1",
        "198.51.100",
        "aardvark",
    ];
    let look = |daemon: &Daemon| {
        // The log may name people, and the address of this machine, which tells nothing of anybody, and what the admin says.
        let log = daemon.log();
        for secret in &secrets {
            let may_stand = [
                "zebulon",
                "yolanda",
                "xiomara",
                "vivian",
                "wanda",
                "127.0.0.1",
                "198.51.100",
                "aardvark",
                "vilhelmina",
                "wombat",
                "203.0.113.77",
                "numbat",
            ]
            .contains(secret);
            assert!(
                may_stand || !log.contains(*secret),
                "'{secret}' is in the log"
            );
        }
        for secret in secrets {
            assert_eq!(files_with(daemon, secret), [""; 0], "'{secret}' lies open");
        }
        assert!(!files_with(daemon, "visible marker").is_empty());
    };
    look(&daemon);
    daemon.kill_9();
    look(&daemon);
    daemon.launch();
    let audited = daemon.ctl(&["audit"]).done();
    for told in ["vilhelmina", "wombat", "numbat", "xiomara"] {
        assert!(audited.contains(told), "no '{told}' in {audited}");
    }
    daemon.stop();
    look(&daemon);
}

/// Nor does the log, neither in its file nor on standard error, at any level.
#[test]
fn the_log_tells_no_secret() {
    let mut daemon = Daemon::start();
    daemon.ctl(&["log", "level", "trace"]).done();
    let mut anna = daemon.register("anna");
    anna.say("lobby", "not for the log");
    ask!(anna, "echo", text: "nor this").must_be("echo");
    ask!(anna, "search", text: "private words").must_be("page");
    daemon.resume(&anna.token, &[]);
    daemon
        .ctl_with(&["user", "add", "boris"], "okapi okapi\n")
        .done();
    ask!(daemon.greet(), "login", name: "anna", password: "a wrong zebra").must_be("error");
    ask!(anna, "password", old: "correct horse battery", new: "gnu gnu gnu").must_be("ok");
    ask!(anna, "logout").must_be("ok");
    ask!(daemon.greet(), "resume", token: anna.token).must_be("error");
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    let stderr = daemon.ended().stderr;
    let log = daemon.log();
    for told in ["registered", "login refused", "token refused", "stopped"] {
        assert!(log.contains(told) && stderr.contains(told), "no '{told}'");
    }
    let log = log + &stderr;
    for secret in [
        "correct horse",
        "a wrong zebra",
        "gnu gnu",
        "okapi",
        &anna.token[3..],
        "not for the log",
        "nor this",
        "private words",
    ] {
        assert!(!log.contains(secret), "'{secret}' is in the log");
    }
}

/// A key that is lost, torn or another's ends the start with a sentence, never with another key; the right one brings
/// everything back, also where others may read it, which is complained of.
#[test]
fn a_lost_key() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    daemon.stop();
    let path = daemon.state().join("identity.key");
    let key = fs::read(&path).expect("a key");
    let wrong: [(Option<&[u8]>, &str); 5] = [
        (None, "is missing"),
        (Some(b""), "has 0 bytes"),
        (Some(&key[..31]), "has 31 bytes"),
        (Some(&[7; 32]), "belongs to another database"),
        (Some(&[7; 300]), "has at least 256 bytes"),
    ];
    for (content, words) in wrong {
        match content {
            None => fs::remove_file(&path).expect("it was there"),
            Some(content) => fs::write(&path, content).expect("the folder is ours"),
        }
        let stderr = run(&mut daemon.command(), "").failed(78);
        assert!(
            stderr.contains(words) && stderr.contains("identity.key"),
            "{stderr}"
        );
        let left = fs::read(&path).ok();
        assert_eq!(left.as_deref(), content, "the file was touched");
    }
    fs::remove_file(&path).expect("it was there");
    fs::create_dir(&path).expect("the folder is ours");
    let stderr = run(&mut daemon.command(), "");
    assert!(
        stderr.code != 0 && stderr.stderr.contains("read the identity key"),
        "{stderr:?}"
    );
    fs::remove_dir(&path).expect("it was there");
    fs::write(&path, &key).expect("the folder is ours");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
    daemon.launch();
    daemon.login("anna");
    daemon.logged("others may read the identity key");
}

/// Each changing command is written down with who called it and how it went, and none that only looks.
#[test]
fn what_was_done_is_written_down() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    daemon.ctl(&["status"]).done();
    daemon.ctl(&["users"]).done();
    daemon.ctl(&["pause"]).done();
    daemon.ctl(&["resume"]).done();
    daemon
        .ctl_with(&["user", "add", "boris"], "okapi okapi\n")
        .done();
    daemon.ctl(&["kick", "--yes", "nobody"]).failed(1);
    daemon.ctl(&["clear-users", "--dry-run"]).done();
    daemon
        .ctl(&["clear-users", "--yes", "--keep", "anna"])
        .done();
    daemon.stop();

    let database = daemon.state().join("chatd.db");
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = database.expect("the database is there");
    let mut query = database
        .prepare("SELECT method, outcome, uid, pid FROM audit WHERE uid NOT NULL ORDER BY id")
        .expect("there is an audit log");
    let rows = query.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, u32>(2)?,
            row.get::<_, u32>(3)?,
        ))
    });
    let rows: Vec<_> = rows
        .expect("a list")
        .map(|row| row.expect("a row"))
        .collect();
    let done: Vec<_> = rows
        .iter()
        .map(|(method, outcome, ..)| (method.as_str(), outcome == "ok"))
        .collect();
    assert_eq!(
        done,
        [
            ("Pause", true),
            ("Resume", true),
            ("AddUser", true),
            ("Kick", false),
            ("ClearUsers", true)
        ]
    );
    let uid = nix::unistd::geteuid().as_raw();
    assert!(
        rows.iter()
            .all(|(.., caller, pid)| *caller == uid && *pid > 0)
    );
}
