//! `chat-client verify`: a log read from beginning to end, page by page.

use rusqlite::Connection;

use crate::support::stock::stock;
use crate::support::{Daemon, Heard, Person, ask};

/// Whole logs, cleared ones and empty ones, while somebody talks.
#[test]
fn a_whole_log() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 1_234, 50);
    daemon.launch();
    let mut boris = daemon.register("boris");
    let mut anna = daemon.register("anna");
    for room in ["tea", "milk", "new"] {
        ask!(anna, "create", room: room).must_be("joined");
    }
    for n in 1..=5 {
        anna.say("tea", &format!("cup {n}"));
        anna.say("milk", &format!("glass {n}"));
        anna.say("@boris", &format!("between us {n}"));
    }
    daemon.ctl(&["clear-history", "--yes", "tea"]).done();
    daemon.ctl(&["clear-history", "--yes", "milk"]).done();
    anna.say("milk", "glass 6");
    ask!(anna, "redact", room: "milk", seq: 6).must_be("ok");
    let person = Person::new(&daemon, "anna");
    let mut process = person.start(&["verify"]);
    for n in 0..20 {
        boris.say("lobby", &format!("meanwhile {n}"));
    }
    let mut said = Vec::new();
    while let Some(line) = process.next_line() {
        said.push(line);
    }
    assert_eq!(process.finish().code, 0, "{said:?}");
    let line = |room: &str| said.iter().find(|line| line.starts_with(room));
    let is = |room: &str, line: &str| assert_eq!(self::find(&said, room), line);
    let lobby = line("lobby: ").expect("a line");
    assert!(
        lobby.starts_with("lobby: 1..12") && lobby.ends_with(", no hole"),
        "{lobby}"
    );
    is("tea: ", "tea: nothing is kept of 1..5, no hole");
    is("milk: ", "milk: 6..7, no hole");
    is("new: ", "new: nothing was said, no hole");
    is("@boris: ", "@boris: 1..5, no hole");
    let one = person.run(&["verify", "milk", "@boris"]).done();
    assert_eq!(one, "milk: 6..7, no hole\n@boris: 1..5, no hole\n");
    let refused = person.run(&["verify", "nowhere"]).failed(1);
    assert!(refused.contains("nowhere"), "{refused}");
}

fn find<'a>(said: &'a [String], room: &str) -> &'a str {
    said.iter()
        .find(|line| line.starts_with(room))
        .map_or("", |line| line)
}

/// A message that is gone from the disk is missed, by the client and by the admin.
#[test]
fn a_hole() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 1_000, 50);
    let database = Connection::open(daemon.state().join("chatd.db")).expect("it is there");
    let damage =
        "DELETE FROM message WHERE id IN ((1 << 36) + 500, (1 << 36) + 501, (1 << 36) + 700)";
    database.execute_batch(damage).expect("it can be damaged");
    drop(database);
    daemon.launch();
    daemon.register("anna");
    let output = Person::new(&daemon, "anna").run(&["verify", "lobby"]);
    assert_eq!(
        output.stdout,
        "lobby: 1..1000, not whole\nlobby: there are no messages 500 to 501\nlobby: there is no message 700\n"
    );
    let stderr = output.failed(1);
    assert!(
        stderr.contains("'lobby' is not whole") && stderr.contains("chatctl check"),
        "{stderr}"
    );
    let output = daemon.ctl(&["check"]);
    assert!(
        output
            .stdout
            .contains("lobby: 1..1000, 3 messages missing\n"),
        "{output:?}"
    );
    let facts: serde_json::Value =
        serde_json::from_str(&daemon.ctl(&["--json", "check"]).stdout).expect("an object");
    assert_eq!(facts["rooms"][0]["missing"], 3);
    assert_eq!(
        (&facts["rooms"][0]["first"], &facts["rooms"][0]["last"]),
        (&1.into(), &1_000.into())
    );
}

/// Faster than the server gives out pages: it waits where it is asked to.
#[test]
fn a_log_that_takes_longer_than_a_burst() {
    let config = "[limits]\npages_per_second = 20\npages_burst = 5\n";
    let mut daemon = Daemon::prepare(config, &[]);
    stock(&daemon.state(), 5_000, 20);
    daemon.launch();
    daemon.register("anna");
    let said = Person::new(&daemon, "anna")
        .run(&["verify", "lobby"])
        .done();
    assert_eq!(said, "lobby: 1..5000, no hole\n");
}
