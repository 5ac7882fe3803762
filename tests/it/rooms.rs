//! Rooms, who is in them, and conversations of two.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{Daemon, Heard, PASSWORD, Talker, UNHURRIED, ask, refused, request};

/// A room is created, found, joined, talked in and left; only its members hear and speak.
#[test]
fn a_room_from_its_creation_to_its_last_guest() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    refused!("no-such-room": boris, "join", room: "tea");
    let room = ask!(anna, "create", room: "Tea").must_be("joined");
    assert_eq!(
        (room.text("room"), &room["members"], &room["last_seq"]),
        ("Tea", &json!(1), &json!(0))
    );
    refused!("name-taken": boris, "create", room: "tEA");
    refused!("not-a-member": boris, "send", to: "tea", text: "hello?");
    refused!("not-a-member": boris, "history", room: "tea");

    anna.say("tea", "alone");
    let room = ask!(boris, "join", room: "tea").must_be("joined");
    assert_eq!(
        room.text("room"),
        "Tea",
        "a room is called as its maker wrote it"
    );
    assert_eq!(
        (&room["members"], &room["last_seq"]),
        (&json!(2), &json!(1))
    );
    ask!(boris, "join", room: "TEA").must_be("joined");
    assert_eq!(anna.say("tea", "together"), 2);
    boris.hears("Tea", 2, "anna", "together");

    ask!(boris, "leave", room: "tea").must_be("ok");
    anna.say("tea", "alone again");
    assert!(
        boris.pushed_of("message").is_empty(),
        "who left hears nothing"
    );
    refused!("not-a-member": boris, "send", to: "tea", text: "wait");
    refused!("not-a-member": boris, "leave", room: "tea");
    refused!("forbidden": boris, "leave", room: "lobby");
    refused!("no-such-room": boris, "leave", room: "nowhere");
}

/// The topic is told to the room, and to whoever comes later.
#[test]
fn a_topic_is_told_to_the_room() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(anna, "create", room: "tea").must_be("joined");
    refused!("not-a-member": boris, "topic", room: "tea", topic: "coffee");
    ask!(boris, "join", room: "tea").must_be("joined");
    ask!(anna, "topic", room: "tea", topic: "чай ☕").must_be("ok");
    let topic = boris.push("topic");
    assert_eq!((topic.text("topic"), topic.text("by")), ("чай ☕", "anna"));
    refused!("bad-request": anna, "topic", room: "tea", topic: "x".repeat(257));
    let welcome = daemon.greet().login("boris");
    assert_eq!(welcome.room("tea")["topic"], "чай ☕");
    let rooms = ask!(boris, "rooms").must_be("rooms");
    assert_eq!(rooms.room("tea")["topic"], "чай ☕");
}

/// `who` tells who is there now and who only belongs there.
#[test]
fn who_is_there_and_who_belongs_there() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(anna, "create", room: "tea").must_be("joined");
    ask!(boris, "join", room: "tea").must_be("joined");
    drop(boris);
    let gone = anna.push_where("that boris is gone", |push| push["state"] == "left");
    assert_eq!(gone.text("user"), "boris");

    let who = ask!(anna, "who", room: "tea").must_be("who");
    assert_eq!(who.people(), ["anna", "boris"]);
    assert_eq!(
        (&who["who"][0]["online"], &who["who"][1]["online"]),
        (&json!(true), &json!(false))
    );
    assert!(who["who"][1]["last_seen"].is_string(), "{who}");
    let everyone = ask!(anna, "who").must_be("who");
    assert!(everyone.people().contains(&"anna".to_owned()), "{everyone}");
    daemon.register("clara");
    refused!("not-a-member": daemon.login("clara"), "who", room: "tea");
    refused!("no-such-room": anna, "who", room: "nowhere");
}

/// Long lists come in parts, each beginning after the last name of the one before.
#[test]
fn long_lists_come_in_parts() {
    let daemon = Daemon::start_with(&format!("{UNHURRIED}rooms_joined = 300"), &[]);
    let mut anna = daemon.register("anna");
    let rooms = (0..205).map(|n| request!("create", room: format!("room-{n:03}")));
    for id in anna.begin_all(rooms.collect::<Vec<_>>()) {
        anna.answer(id).must_be("joined");
    }
    let first = ask!(anna, "rooms").must_be("rooms");
    let names = |rooms: &serde_json::Value| -> Vec<String> {
        let rooms = rooms["rooms"].as_array().expect("a list");
        rooms
            .iter()
            .map(|room| room.text("room").to_owned())
            .collect()
    };
    let mut all = names(&first);
    assert_eq!((all.len(), &first["more"]), (200, &json!(true)));
    let rest = ask!(anna, "rooms", after: all[199].clone()).must_be("rooms");
    assert_eq!(rest["more"], false);
    all.extend(names(&rest));
    assert_eq!(all.len(), 206, "205 and the lobby");
    assert_eq!(
        all.iter().collect::<BTreeSet<_>>().len(),
        206,
        "none of them twice"
    );
}

/// The bound of rooms that one person is in has a clear end, and leaving one makes place.
#[test]
fn one_can_be_in_so_many_rooms() {
    let daemon = Daemon::start_with("[limits]\nrooms_joined = 3", &[]);
    let mut anna = daemon.register("anna");
    ask!(anna, "create", room: "one").must_be("joined");
    ask!(anna, "create", room: "two").must_be("joined");
    let answer = ask!(anna, "create", room: "three");
    assert_eq!(answer.code(), "forbidden");
    assert!(answer.text("text").contains("rooms_joined"), "{answer}");
    ask!(anna, "leave", room: "one").must_be("ok");
    ask!(anna, "create", room: "three").must_be("joined");
}

/// Comings and goings are told: to a room by joining and leaving, to all rooms of a person by being there or not.
#[test]
fn comings_and_goings_are_told() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    ask!(anna, "create", room: "tea").must_be("joined");
    let mut boris = daemon.register("boris");
    let told = |anna: &mut Talker| {
        let presence = anna.push("presence");
        ["room", "user", "state"].map(|field| presence.text(field).to_owned())
    };
    assert_eq!(told(&mut anna), ["lobby", "boris", "joined"]);
    ask!(boris, "join", room: "tea").must_be("joined");
    assert_eq!(told(&mut anna), ["tea", "boris", "joined"]);
    ask!(boris, "leave", room: "tea").must_be("ok");
    assert_eq!(told(&mut anna), ["tea", "boris", "left"]);
    let token = boris.token.clone();
    drop(boris);
    assert_eq!(told(&mut anna), ["lobby", "boris", "left"]);
    let _boris = daemon.resume(&token, &[]);
    assert_eq!(told(&mut anna), ["lobby", "boris", "joined"]);
}

/// In a big room comings are told together: few words for many people, and nobody is forgotten.
#[test]
fn in_a_big_room_comings_are_told_together() {
    let daemon = Daemon::start_with(
        "[limits]\npresence_room = 3\npresence_interval_ms = 1000",
        &[],
    );
    for n in 0..12 {
        let args = ["user", "add", &format!("guest-{n}")];
        daemon.ctl_with(&args, &format!("{PASSWORD}\n")).done();
    }
    let mut watcher = daemon.register("watcher");
    let mut guests: Vec<_> = (0..12).map(|_| daemon.greet()).collect();
    let begin = |(n, guest): (usize, &mut Talker)| {
        guest.begin(request!("login", name: format!("guest-{n}"), password: PASSWORD))
    };
    let logins: Vec<_> = guests.iter_mut().enumerate().map(begin).collect();
    for (guest, login) in guests.iter_mut().zip(logins) {
        guest.answer(login).must_be("welcome");
    }
    let (mut words, mut people) = (0, 0);
    while people < guests.len() as u64 {
        let presence = watcher.push("presence");
        assert_eq!(presence.text("room"), "lobby");
        if presence["state"] == "joined" {
            words += 1;
            people += 1 + presence["others"].as_u64().unwrap_or(0);
        }
    }
    assert_eq!(people, guests.len() as u64, "some were told twice");
    assert!(words < people, "{words} words for {people} people");
}

/// That somebody is typing is told to the others of the room, and is not kept.
#[test]
fn typing_is_told_and_not_kept() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(anna, "typing", to: "lobby").must_be("ok");
    let typing = boris.push("typing");
    assert_eq!(
        (typing.text("room"), typing.text("user")),
        ("lobby", "anna")
    );
    boris.say("@anna", "hm");
    ask!(boris, "typing", to: "@anna").must_be("ok");
    let typing = anna.push("typing");
    assert_eq!(
        (typing.text("room"), typing.text("user")),
        ("@boris", "boris")
    );
    let page = ask!(anna, "history", room: "lobby").must_be("page");
    assert!(page.texts().is_empty(), "{page}");
}

/// `/me`: an action is told and kept as one.
#[test]
fn an_action_stays_an_action() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(anna, "send", to: "lobby", text: "waves", kind: "action").must_be("sent");
    assert_eq!(boris.push("message").text("kind"), "action");
    let page = ask!(boris, "history", room: "lobby").must_be("page");
    assert_eq!(page["messages"][0]["kind"], "action");
}

/// A conversation of two: each sees it under the other's name, nobody else sees it at all.
#[test]
fn a_conversation_of_two() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("Борис");
    let mut clara = daemon.register("clara");
    let sent = ask!(anna, "send", to: "@борис", text: "a secret").must_be("sent");
    assert_eq!((sent.text("room"), sent.seq()), ("@Борис", 1));
    let first = boris.push_where("anything of the conversation", |push| {
        push["room"] == "@anna"
    });
    assert_eq!(
        first["type"], "joined",
        "before its first message a room is told: {first}"
    );
    boris.hears("@anna", 1, "anna", "a secret");
    assert_eq!(boris.say("@anna", "is it?"), 2);
    anna.hears("@Борис", 2, "Борис", "is it?");

    for (someone, room) in [(&mut anna, "@Борис"), (&mut boris, "@anna")] {
        let page = ask!(someone, "history", room: room).must_be("page");
        assert_eq!(page.text("room"), room);
        assert_eq!(
            page.texts(),
            [(1, "a secret".to_owned()), (2, "is it?".to_owned())]
        );
    }
    assert!(
        clara.pushed_of("message").is_empty(),
        "a third has heard of it"
    );
    for room in ["@anna", "@Борис"] {
        let answer = ask!(clara, "history", room: room);
        let messages = answer["messages"].as_array();
        assert!(messages.is_none_or(Vec::is_empty), "{answer}");
    }
    let rooms = ask!(clara, "rooms").must_be("rooms");
    assert_eq!(rooms["rooms"].as_array().map(Vec::len), Some(1), "{rooms}");

    let welcome = daemon.greet().login("Борис");
    assert_eq!(welcome.room("@anna")["last_seq"], 2);
    refused!("no-such-user": anna, "send", to: "@nobody-here", text: "hello?");
    refused!("bad-request": anna, "send", to: "@anna", text: "dear diary");
}
