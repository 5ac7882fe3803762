//! Whether the database is sound: what an admin is told of a good one and of damaged ones.

use rusqlite::Connection;
use serde_json::{Value, json};

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
    let log = |first: u64, last: u64| (json!(first), json!(last), json!(0));
    let told = |room: &Value| {
        let field = |name: &str| room[name].clone();
        (field("first"), field("last"), field("missing"))
    };
    assert_eq!(told(&facts["rooms"][0]), log(1, 5_000));
    assert_eq!(told(&facts["rooms"][1]), log(1, 50));
    assert_eq!(facts["direct"], Value::Null);
    anna.say("@stock", "between us");
    let said = daemon.ctl(&["check"]).done();
    for line in [
        "lobby: 1..5000, no hole",
        "tea: 1..50, no hole",
        "1 direct conversation: 1 message, no hole",
    ] {
        assert!(said.lines().any(|said| said == line), "{said}");
    }
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

/// A search index with wrong words: it is found, `reindex` makes it anew while people talk, and it is sound afterwards.
#[test]
fn a_search_index_made_anew() {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    stock(&daemon.state(), 20_000, 100);
    let database = Connection::open(daemon.state().join("chatd.db")).expect("it is there");
    let damage = "INSERT INTO message_text (rowid, text) VALUES ((1 << 36) + 7, 'quagga')";
    database.execute_batch(damage).expect("it can be damaged");
    drop(database);
    daemon.launch();
    let mut anna = daemon.register("anna");
    let output = daemon.ctl(&["check"]);
    let finding = "search index: the words of message 7 of 'lobby' are wrong";
    assert!(output.stdout.contains(finding), "{output:?}");
    let stderr = output.failed(1);
    assert!(
        stderr.contains("`chatctl reindex` makes it anew"),
        "{stderr}"
    );
    let mut reindex = crate::support::Process::start(&mut daemon.ctl_command(&["reindex"]));
    for _ in 0..50 {
        anna.say("lobby", "okapi meanwhile");
    }
    let line = reindex.line_with("the search index is made anew, with 20");
    assert!(!line.contains("quagga"));
    assert_eq!(reindex.finish().code, 0);
    assert!(
        daemon
            .ctl(&["check"])
            .done()
            .contains("lobby: 1..20050, no hole")
    );
    let found = ask!(anna, "search", text: "okapi", limit: 200).must_be("page");
    assert_eq!(found.texts().len(), 50);
    assert!(
        ask!(anna, "search", text: "quagga")
            .must_be("page")
            .texts()
            .is_empty()
    );
    let audit = daemon.ctl(&["audit", "--what", "Reindex"]).done();
    assert!(audit.contains("Reindex"), "{audit}");
}
