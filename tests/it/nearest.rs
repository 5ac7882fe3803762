//! A name that nobody has: the admin is told which one was meant, whatever was to be done with it; people are not.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::support::{Daemon, Heard, ask, request, until};

/// Each verb that takes the name of a user or of a room.
#[test]
fn the_admin_is_told_which_was_meant() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    daemon.register("Константин");
    ask!(anna, "create", room: "garden").must_be("joined");
    anna.say("@Константин", "hello");
    for (call, meant) in [
        ("user show anan", "anna"),
        ("user disable --yes ana", "anna"),
        ("user enable anan", "anna"),
        ("user remove --yes Anan", "anna"),
        ("user remove --dry-run anan", "anna"),
        ("kick --yes константн", "Константин"),
        ("kick --dry-run anan", "anna"),
        ("sessions anan", "anna"),
        (
            "clear-users --yes --keep anna --keep констатин",
            "Константин",
        ),
        ("search --from anan tea", "anna"),
        ("room remove --yes gardne", "garden"),
        ("room topic gardn flowers", "garden"),
        ("room topic gardn", "garden"),
        ("room members loby", "lobby"),
        ("room members @ana@константин", "@anna @Константин"),
        ("clear-history --yes garden1", "garden"),
        ("redact --yes gerden 1", "garden"),
        ("search --room gardan tea", "garden"),
        ("export history --room gardan", "garden"),
    ] {
        let args: Vec<_> = call.split(' ').collect();
        let line = daemon.ctl(&args).failed_in_a_line(1);
        assert!(line.contains("there is no "), "{call}: {line}");
        assert!(
            line.ends_with(&format!("; did you mean '{meant}'?")),
            "{call}: {line}"
        );
    }
    let passwd = daemon.ctl_with(&["user", "passwd", "anan"], "correct horse battery\n");
    assert!(passwd.failed_in_a_line(1).contains("'anna'"));
    // Nothing like it: where to look.
    let line = daemon.ctl(&["user", "show", "zoe"]).failed_in_a_line(1);
    assert!(
        line.ends_with("there is no user 'zoe'; `chatctl users` lists them"),
        "{line}"
    );
    let line = daemon.ctl(&["room", "members", "zoo"]).failed_in_a_line(1);
    assert!(
        line.ends_with("there is no room 'zoo'; `chatctl rooms` lists them"),
        "{line}"
    );
}

/// Other programs have it in the sentence of the error, whose fields are what they were.
#[test]
fn programs_of_others_are_told_in_the_sentence() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut stream = UnixStream::connect(daemon.control()).expect("the socket is there");
    let call = br#"{"method":"io.chatd.Control.ShowUser","parameters":{"name":"anan"}}"#;
    stream
        .write_all(&[&call[..], b"\0"].concat())
        .expect("it reads");
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("a socket");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    let reply: serde_json::Value =
        serde_json::from_str(reply.trim_end_matches('\0')).expect("JSON");
    assert_eq!(
        reply,
        serde_json::json!({ "error": "io.chatd.Control.NoSuchUser", "parameters": {
            "name": "anan", "message": "there is no user 'anan'; did you mean 'anna'?"
        } })
    );
}

/// It would tell people the names of others.
#[test]
fn people_are_told_nothing() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "garden").must_be("joined");
    for (request, code, known) in [
        (
            request!("send", to: "@anan", text: "hello"),
            "no-such-user",
            "anna",
        ),
        (request!("join", room: "gardne"), "no-such-room", "garden"),
    ] {
        let answer = boris.request(request);
        assert_eq!(answer.code(), code);
        assert!(!answer.to_string().contains(known), "{answer}");
    }
}

/// A search by who said it, also of somebody who is gone, and with a beginning of a word, which goes through all rooms at once.
#[test]
fn what_somebody_said() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(anna, "create", room: "garden").must_be("joined");
    ask!(boris, "join", room: "garden").must_be("joined");
    for (room, text) in [("lobby", "green tea"), ("garden", "black tea")] {
        anna.say(room, text);
        boris.say(room, &format!("no {text}"));
    }
    let said = |args: &[&str]| {
        let found = daemon.ctl_list(&[&["search"], args].concat(), "messages");
        let text = |message: &serde_json::Value| message.text("text").to_owned();
        found.iter().map(text).collect::<Vec<_>>()
    };
    until("all of it is in the index", || {
        (said(&["tea"]).len() == 4).then_some(())
    });
    assert_eq!(said(&["tea", "--from", "anna"]), ["green tea", "black tea"]);
    assert_eq!(
        said(&["tea", "--from", "Boris", "-n", "1"]),
        ["no black tea"]
    );
    assert_eq!(said(&["blac*", "--from", "anna"]), ["black tea"]);
    assert_eq!(
        said(&["tea", "--from", "anna", "--room", "garden"]),
        ["black tea"]
    );
    daemon.ctl(&["user", "remove", "--yes", "boris"]).done();
    assert_eq!(said(&["gree*", "--from", "boris"]), ["no green tea"]);
}
