//! Whether the database is sound: what an admin is told of a good one and of damaged ones.

use rusqlite::Connection;

use crate::support::stock::stock;
use crate::support::{Daemon, Heard, UNHURRIED, ask};

/// A sound database, while somebody talks.
#[test]
fn a_sound_one() {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    stock(&daemon.state(), 5_000, 100);
    daemon.launch();
    let mut anna = daemon.register("anna");
    ask!(anna, "create", room: "tea").must_be("joined");
    let mut check = crate::support::Process::start(&mut daemon.ctl_command(&["check"]));
    for _ in 0..50 {
        anna.say("tea", "meanwhile");
    }
    for step in [
        "database",
        "numbering of the rooms",
        "references",
        "names and keys",
        "search index",
    ] {
        let line = check.line_with(step);
        assert!(line.ends_with("sound"), "{line}");
    }
    assert_eq!(check.finish().code, 0);
    let facts = daemon.ctl_json(&["check"]);
    assert_eq!(facts["sound"], true);
    assert_eq!(facts["steps"].as_array().map(Vec::len), Some(5));
}

/// A damaged one: what is wrong, where, and what to do; and the exit status for scripts.
#[test]
fn a_damaged_one() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 1_000, 100);
    let damage = |sql: &str| {
        let database = Connection::open(daemon.state().join("chatd.db")).expect("it is there");
        database.execute_batch(sql).expect("it can be damaged");
    };
    damage("DELETE FROM message WHERE id = (1 << 36) + 500");
    daemon.launch();
    let output = daemon.ctl(&["check"]);
    assert!(
        output
            .stdout
            .contains("numbering of the rooms: 'lobby' has no message 500"),
        "{output:?}"
    );
    let stderr = output.failed(1);
    assert!(
        stderr.contains("the database is damaged: save what can be read"),
        "{stderr}"
    );
    let json = daemon.ctl(&["--json", "check"]);
    assert_eq!(json.code, 1);
    assert!(
        json.stdout
            .contains(r#""findings":["'lobby' has no message 500"]"#),
        "{json:?}"
    );
    daemon.logged("a check has found the database damaged");
    daemon.still_serves();
}
