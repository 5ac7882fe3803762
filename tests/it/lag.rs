//! Who is behind, as the admin sees it: by how much, since when, where; and that it passes.

use serde_json::Value;

use crate::support::{Daemon, Heard, Sluggard, UNHURRIED, ask, until};

/// Nobody is behind; somebody stops reading and is named with numbers that are right; they read, and nobody is behind.
#[test]
fn one_who_does_not_read_is_named_until_they_have_caught_up() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    assert_eq!(daemon.ctl(&["lag"]).done(), "nobody is behind\n");
    let mut story = Sluggard::new(&daemon, "anna", "boris");
    story.say_more();

    let lag = daemon.ctl_json(&["lag"]);
    assert_eq!(lag["behind"], 1, "{lag}");
    let readers = lag["readers"].as_array().expect("a list");
    let [reader] = &readers[..] else {
        panic!("one reader was due: {lag}")
    };
    assert_eq!(reader["user"], "boris");
    assert_eq!(reader["peer"], "127.0.0.1");
    assert_eq!(reader["room"], "lobby");
    let behind = reader["messages"].as_u64().expect("a number");
    assert!(
        (100..=story.said).contains(&behind),
        "{behind} of {}",
        story.said
    );
    assert_eq!(reader["roomMessages"], reader["messages"]);
    assert_eq!(lag["messages"], reader["messages"]);
    let sessions = daemon.ctl_list(&["sessions", "boris"], "sessions");
    assert_eq!(reader["session"], sessions[0]["id"]);
    let began = sessions[0]["createdAt"].as_str().expect("a time");
    assert!(
        reader["since"].as_str().expect("a time") >= began,
        "{reader}"
    );

    let table = daemon.ctl(&["lag"]).done();
    assert!(table.starts_with("USER"), "{table}");
    assert!(
        table.contains("boris") && !table.contains("anna"),
        "{table}"
    );
    assert!(table.contains("1 connection behind, by "), "{table}");

    story.catches_up();
    until("nobody is behind", || {
        (daemon.ctl_json(&["lag"])["behind"] == 0).then_some(())
    });
}

/// The worst come first, whatever rooms they are behind in; who only sleeps is not among them.
#[test]
fn the_worst_come_first_with_the_room_that_is_behind_most() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut story = Sluggard::new(&daemon, "anna", "boris");
    // Behind a little less, and in a conversation, too.
    let mut vera = crate::support::Talker::connect_narrow(daemon.address());
    vera.hello();
    vera.register("vera");
    let _sleeps = daemon.register("wim");
    until("vera is behind", || {
        story.say_more();
        let lag = daemon.ctl_json(&["lag"]);
        (lag["behind"].as_u64() == Some(2)).then_some(())
    });
    ask!(story.talker, "send", to: "@vera", text: "are you there?").must_be("sent");
    let named = |lag: &Value| -> Vec<String> {
        let readers = lag["readers"].as_array().expect("a list");
        readers
            .iter()
            .map(|one| one.text("user").to_owned())
            .collect()
    };
    let lag = daemon.ctl_json(&["lag"]);
    assert_eq!(named(&lag), ["boris", "vera"]);
    let vera = &lag["readers"][1];
    assert_eq!((&vera["rooms"], vera.text("room")), (&2.into(), "lobby"));
    let table = daemon.ctl(&["lag"]).done();
    assert!(table.contains("), and 1 more "), "{table}");
}
