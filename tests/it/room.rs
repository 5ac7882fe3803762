//! What an admin does with rooms, and what the people in them notice.

use serde_json::json;

use crate::support::{Daemon, Heard, Person, ask, refused, until};

/// A room from its creation to its removal by the admin: its members are told, live and later, and a new room of that name
/// is a new room, whose numbers nobody takes for old ones.
#[test]
fn a_room_is_made_and_removed() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    let made = daemon.ctl(&["room", "create", "Tea", "--topic", "green"]);
    assert!(made.done().contains("'Tea'"));
    let refused = daemon.ctl(&["room", "create", "tEA"]).failed_in_a_line(1);
    assert!(refused.contains("taken"), "{refused}");
    let tea = ask!(anna, "join", room: "tea").must_be("joined");
    assert_eq!((tea.text("room"), tea.text("topic")), ("Tea", "green"));
    ask!(boris, "join", room: "tea").must_be("joined");
    anna.say("tea", "one");
    boris.say("tea", "two");
    let token = boris.token.clone();
    drop(boris);

    let dry = daemon.ctl_json(&["room", "remove", "tea", "--dry-run"]);
    assert_eq!((&dry["members"], &dry["messages"]), (&json!(2), &json!(2)));
    let asked = daemon.ctl(&["room", "remove", "tea"]).failed_in_a_line(2);
    assert!(asked.contains("--yes"), "{asked}");
    let lobby = daemon.ctl(&["room", "remove", "--yes", "lobby"]);
    assert!(lobby.failed_in_a_line(1).contains("everybody"));
    daemon.ctl(&["room", "remove", "--yes", "tea"]).done();
    assert_eq!(anna.push("removed").text("room"), "Tea");
    refused!("no-such-room": anna, "send", to: "tea", text: "hello?");
    refused!("no-such-room": anna, "history", room: "tea");
    daemon
        .ctl(&["room", "remove", "--yes", "tea"])
        .failed_in_a_line(1);

    daemon.kill_9();
    daemon.launch();
    let mut anna = daemon.resume(&anna.token, &[]);
    let tea = ask!(anna, "create", room: "tea").must_be("joined");
    assert_eq!(
        (&tea["first_seq"], &tea["last_seq"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(anna.say("tea", "anew"), 3);
    let mut boris = daemon.greet();
    let welcome = boris.resume(&token, &[("tea", 2)]);
    assert!(welcome["rooms"].as_array().expect("rooms").len() == 1);
    ask!(boris, "join", room: "tea").must_be("joined");
    let page = ask!(boris, "history", room: "tea").must_be("page");
    assert_eq!(page.texts(), [(3, "anew".to_owned())]);
}

/// The topic is set and shown, and members are listed with what they have read.
#[test]
fn a_topic_is_set_and_members_are_listed() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "tea").must_be("joined");
    ask!(anna, "join", room: "tea").must_be("joined");
    daemon.ctl(&["room", "topic", "tea", "kettles"]).done();
    let topic = anna.push("topic");
    assert_eq!(topic.text("topic"), "kettles");
    assert_eq!(topic.get("by"), None, "the admin has no name");
    assert_eq!(daemon.ctl(&["room", "topic", "tea"]).done(), "kettles\n");
    anna.say("tea", "one");
    ask!(boris, "read", room: "tea", seq: 1).must_be("ok");
    drop(anna);
    until("she is gone", || {
        (daemon.ctl_list(&["who"], "users").len() == 1).then_some(())
    });
    let members = daemon.ctl_list(&["room", "members", "tea"], "members");
    let due = [
        json!({"name": "anna", "online": false, "operator": false, "readSeq": 0, "unread": 1}),
        json!({"name": "boris", "online": true, "operator": true, "readSeq": 1, "unread": 0}),
    ];
    assert_eq!(members, due);
    let shown = daemon.ctl(&["room", "members", "tea"]).done();
    assert!(shown.contains("READ UP TO"), "{shown}");
    for verb in [
        &["room", "members", "milk"][..],
        &["room", "topic", "milk", "x"],
        &["room", "topic", "milk"],
        &["clear-history", "--yes", "milk"],
        &["redact", "--yes", "milk", "1"],
        &["redact", "--dry-run", "milk", "1"],
    ] {
        let refused = daemon.ctl(verb).failed_in_a_line(1);
        assert!(refused.contains("there is no room 'milk'"), "{refused}");
    }
}

/// Somebody at a terminal is told that the room is gone, and goes on in the lobby.
#[test]
fn a_removed_room_at_a_terminal() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "tea").must_be("joined");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    let mut terminal = anna.terminal(&["--plain"]);
    terminal.types("/join tea");
    terminal.sees("you are in tea");
    daemon.ctl(&["room", "remove", "--yes", "tea"]).done();
    terminal.sees("the room tea was removed by the admin");
    terminal.types("still here");
    boris.hears("lobby", 1, "anna", "still here");
    terminal.types("/quit");
    assert_eq!(terminal.ends().0, 0);
}
