//! What an admin does with chatctl, and what people notice of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    Daemon, Heard, PASSWORD, PATIENCE, Process, Talker, Terminal, View, ask, refused, request,
};

/// `status` tells what the daemon does and for whom, to people and to scripts.
#[test]
fn status_tells_how_it_is() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let _phone = daemon.login("anna");
    let _boris = daemon.register("boris");
    ask!(anna, "create", room: "tea").must_be("joined");
    anna.say("tea", "one");
    anna.say("lobby", "two");
    let status = daemon.ctl_json(&["status"]);
    let due = json!({
        "state": "serving", "pid": daemon.pid(), "addresses": [daemon.address().to_string()],
        "connections": 3, "strangers": 0, "usersOnline": 2, "users": 2, "sessions": 3, "rooms": 2, "messages": 2,
    });
    for (field, value) in due.as_object().expect("an object") {
        assert_eq!(&status[field], value, "`{field}` in {status}");
    }
    assert!(
        status.text("version").contains(env!("CARGO_PKG_VERSION")),
        "{status}"
    );
    let said = daemon.ctl(&["status"]).done();
    assert!(said.contains(&daemon.address().to_string()), "{said}");
}

/// While the daemon is paused a newcomer waits, conversations go on, and on `resume` the newcomer is served at once.
#[test]
fn a_pause_lets_newcomers_wait() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    daemon.ctl(&["pause"]).done();
    assert_eq!(daemon.ctl_json(&["status"])["state"], "paused");
    let mut waiting: Vec<_> = (0..5).map(|_| daemon.connect()).collect();
    let hello = request!("hello", protocol: 1, client: "stories/1");
    let ids: Vec<_> = waiting
        .iter_mut()
        .map(|newcomer| newcomer.begin(hello.clone()))
        .collect();
    waiting[0].hears_nothing_for(Duration::from_millis(300));
    anna.say("lobby", "nobody else comes");
    boris.hears("lobby", 1, "anna", "nobody else comes");

    daemon.ctl(&["resume"]).done();
    let resumed = Instant::now();
    for (newcomer, id) in waiting.iter_mut().zip(ids) {
        newcomer.answer(id).must_be("hello");
    }
    assert!(resumed.elapsed() < Duration::from_secs(5), "not at once");
    assert_eq!(daemon.ctl_json(&["status"])["state"], "serving");
}

/// `pause --refuse` closes the port; conversations go on; `resume` opens the same port.
#[test]
fn a_pause_can_refuse_newcomers() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    daemon.ctl(&["pause", "--refuse"]).done();
    assert_eq!(daemon.ctl_json(&["status"])["state"], "refusing");
    assert!(
        Talker::try_connect(daemon.address()).is_none(),
        "the port is open"
    );
    anna.say("lobby", "only us");
    boris.hears("lobby", 1, "anna", "only us");
    daemon.ctl(&["resume"]).done();
    daemon.register("clara");
    // From one way of pausing to the other and back, as often as one likes.
    for verb in [
        &["pause"][..],
        &["pause", "--refuse"],
        &["pause"],
        &["resume"],
        &["resume"],
    ] {
        daemon.ctl(verb).done();
    }
    daemon.still_serves();
}

/// `shutdown` says good-bye with the admin's words and ends the daemon in order.
#[test]
fn a_shutdown_says_why() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    daemon
        .ctl(&["shutdown", "--yes", "--message", "new cables, back at noon"])
        .done();
    let bye = anna.expect_bye();
    assert!(
        bye.text("text").contains("new cables, back at noon"),
        "{bye}"
    );
    assert_eq!(daemon.ended().code, 0);
    assert!(!daemon.control().exists(), "the control socket was left");
}

/// `shutdown --in` tells everyone beforehand and lets them talk until then.
#[test]
fn a_shutdown_can_be_announced() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    daemon
        .ctl(&["shutdown", "--yes", "--in", "2s", "--message", "cables"])
        .done();
    let notice = anna.push("notice");
    assert!(notice.text("text").contains("cables"), "{notice}");
    assert_eq!(anna.say("lobby", "a last word"), 1);
    anna.expect_bye();
    assert_eq!(daemon.ended().code, 0);
    daemon.launch();
    assert!(View::of_log(&mut daemon.login("anna"), "lobby").is_whole(1));
}

/// `wait` ends as soon as the daemon serves, also when it is asked before there is one.
#[test]
fn wait_ends_when_it_serves() {
    let mut daemon = Daemon::prepare("", &[]);
    let waits = Process::start(&mut daemon.ctl_command(&["wait"]));
    daemon.launch();
    assert_eq!(waits.finish().code, 0);
    daemon.ctl(&["wait"]).done();
}

/// Without a daemon every verb ends with 3 and says so; what makes no sense ends with 2.
#[test]
fn exit_codes_tell_apart() {
    let daemon = Daemon::prepare("", &[]);
    for args in [
        &["status"][..],
        &["users"],
        &["pause"],
        &["clear-log", "--yes"],
        &["who"],
    ] {
        let stderr = daemon.ctl(args).failed(3);
        assert!(stderr.contains("not running"), "{stderr}");
    }
    for args in [
        &[][..],
        &["dance"],
        &["status", "now"],
        &["log", "level", "loud"],
        &["user", "add"],
        &["session", "revoke", "first"],
        &["log", "show", "-n", "-1"],
    ] {
        daemon.ctl(args).failed(2);
    }
    let version = Daemon::start().ctl(&["version"]).done();
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
}

/// An admin makes, changes and removes accounts; passwords come by standard input and open what they should.
#[test]
fn accounts_by_the_admin() {
    let daemon = Daemon::start();
    daemon
        .ctl_with(&["user", "add", "Ольга"], &format!("{PASSWORD}\n"))
        .done();
    let mut olga = daemon.login("ольга");
    for (name, password) in [
        ("ОЛЬГА", PASSWORD),
        ("admin", PASSWORD),
        ("a b", PASSWORD),
        ("ok", "short"),
    ] {
        let output = daemon.ctl_with(&["user", "add", name], &format!("{password}\n"));
        assert!([1, 2].contains(&output.code), "{name}: {output:?}");
        assert!(
            !output.stderr.is_empty(),
            "{name} was refused without a word"
        );
    }
    daemon
        .ctl_with(&["user", "passwd", "--yes", "Ольга"], "another password\n")
        .done();
    olga.is_signed_out();
    refused!("bad-credentials": daemon.greet(), "login", name: "Ольга", password: PASSWORD);
    let mut olga = daemon.greet();
    ask!(olga, "login", name: "Ольга", password: "another password").must_be("welcome");
    olga.say("lobby", "I was here");
    let users = daemon.ctl_list(&["users"], "users");
    assert_eq!(users.len(), 1);
    assert_eq!(
        (
            users[0].text("name"),
            &users[0]["connections"],
            &users[0]["sessions"]
        ),
        ("Ольга", &json!(1), &json!(1))
    );

    daemon.ctl(&["user", "remove", "--yes", "Ольга"]).done();
    olga.expect_bye();
    refused!("bad-credentials": daemon.greet(), "login", name: "Ольга", password: "another password");
    for args in [
        &["user", "remove", "--yes", "Ольга"][..],
        &["kick", "--yes", "Ольга"],
    ] {
        assert!(daemon.ctl(args).failed(1).contains("Ольга"));
    }
    let mut anna = daemon.register("anna");
    assert_eq!(
        ask!(anna, "history", room: "lobby")["messages"][0]["from"],
        "Ольга"
    );
}

/// `clear-users` with people online: they hear good-bye, their tokens are dead, their names free; the history and its
/// names stay.
#[test]
fn clear_users_with_people_online() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    let mut phone = daemon.login("anna");
    anna.say("lobby", "our words remain");
    ask!(anna, "create", room: "tea").must_be("joined");
    let counted = daemon.ctl_json(&["clear-users", "--dry-run"]);
    assert_eq!(counted["users"], 2);
    assert_eq!(anna.say("lobby", "that was a rehearsal"), 2);

    assert_eq!(daemon.ctl_json(&["clear-users", "--yes"])["users"], 2);
    for someone in [&mut anna, &mut phone, &mut boris] {
        someone.expect_bye();
        refused!("bad-credentials": daemon.greet(), "resume", token: someone.token.clone());
    }
    refused!("bad-credentials": daemon.greet(), "login", name: "anna", password: PASSWORD);
    assert!(daemon.ctl_list(&["users"], "users").is_empty());
    assert!(daemon.ctl_list(&["sessions"], "sessions").is_empty());
    daemon.kill_9();
    daemon.launch();
    let mut other = daemon.greet();
    let welcome = other.register("anna");
    assert_eq!(
        welcome["rooms"].as_array().map(Vec::len),
        Some(1),
        "{welcome}"
    );
    let page = ask!(other, "history", room: "lobby").must_be("page");
    assert_eq!(page["messages"][0]["from"], "anna");
    assert_eq!(page.texts().len(), 2);
    assert_eq!(other.say("lobby", "I am somebody else"), 3);
}

/// Who takes the name of an account that is gone begins a new conversation with everybody; its numbers go on above the
/// old ones, so that nobody takes what is new for known.
#[test]
fn a_name_with_a_new_owner() {
    let mut daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    let mut anna = daemon.register("anna");
    for seq in 1..=3 {
        anna.say("@boris", "from the first one");
        boris.hears("@anna", seq, "anna", "from the first one");
    }
    daemon.ctl(&["user", "remove", "anna", "--yes"]).done();
    let mut anna = daemon.register("anna");
    refused!("no-such-room": anna, "history", room: "@boris");
    anna.say("@boris", "from the second one");
    boris.hears("@anna", 4, "anna", "from the second one");
    daemon.kill_9();
    daemon.restart();
    let mut boris = daemon.resume(&boris.token, &[("@anna", 3)]);
    boris.hears("@anna", 4, "anna", "from the second one");
    let mut anna = daemon.resume(&anna.token, &[]);
    anna.say("@boris", "still the second one");
    boris.hears("@anna", 5, "anna", "still the second one");
}

/// `clear-users --keep` leaves whom it names alone.
#[test]
fn clear_users_keeps_whom_it_should() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    let mut clara = daemon.register("clara");
    daemon
        .ctl(&["clear-users", "--yes", "--keep", "nobody"])
        .failed(1);
    let args = ["clear-users", "--yes", "--keep", "anna", "--keep", "CLARA"];
    assert_eq!(daemon.ctl_json(&args)["users"], 1);
    boris.expect_bye();
    anna.say("lobby", "still here");
    clara.hears("lobby", 1, "anna", "still here");
    daemon.resume(&anna.token, &[]);
}

/// What destroys asks on a terminal, with no for an answer unless told otherwise, and wants `--yes` anywhere else.
#[test]
fn what_destroys_asks_first() {
    let daemon = Daemon::start();
    daemon.register("anna");
    for args in [
        &["clear-users"][..],
        &["user", "remove", "anna"],
        &["clear-log"],
        &["shutdown"],
    ] {
        let stderr = daemon.ctl_with(args, "y\n").failed(2);
        assert!(stderr.contains("--yes"), "{args:?}: {stderr}");
    }
    for (answer, code, left) in [("", 1, 1), ("n", 1, 1), ("y", 0, 0)] {
        let mut terminal = Terminal::start(&daemon.ctl_command(&["clear-users"]));
        terminal.sees("[y/N]");
        terminal.types(answer);
        let (ended, shown) = terminal.ends();
        assert_eq!(ended, code, "after '{answer}': {shown}");
        assert_eq!(daemon.ctl_list(&["users"], "users").len(), left);
    }
}

/// Sessions are listed by person and device, and a revoked one is dead at once while others live.
#[test]
fn a_session_is_revoked() {
    let daemon = Daemon::start();
    let mut desk = daemon.register("anna");
    let mut phone = daemon.login("anna");
    daemon.register("boris");
    let sessions = daemon.ctl_list(&["sessions"], "sessions");
    assert_eq!(sessions.len(), 3);
    let phones = |session: &&Value| session["device"] == "further";
    let id = sessions.iter().find(phones).expect("it")["id"].to_string();
    daemon.ctl(&["session", "revoke", "--yes", &id]).done();
    phone.is_signed_out();
    refused!("bad-credentials": daemon.greet(), "resume", token: phone.token.clone());
    assert_eq!(desk.say("lobby", "my desk"), 1);
    let stderr = daemon.ctl(&["session", "revoke", "--yes", &id]).failed(1);
    assert!(stderr.contains(&id), "{stderr}");
}

/// `who` lists who is connected, `rooms` what rooms there are.
#[test]
fn who_and_rooms() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    daemon.register("boris");
    ask!(anna, "create", room: "чай").must_be("joined");
    ask!(anna, "topic", room: "чай", topic: "с мёдом").must_be("ok");
    anna.say("чай", "one");
    let online = crate::support::until("boris is gone", || {
        let who = daemon.ctl_list(&["who"], "users");
        (who.len() == 1).then_some(who)
    });
    assert_eq!(online[0]["name"], "anna");
    let rooms = daemon.ctl_list(&["rooms"], "rooms");
    let tea = rooms.iter().find(|room| room["name"] == "чай");
    let tea = tea.unwrap_or_else(|| panic!("no such room in {rooms:?}"));
    assert_eq!(
        (tea.text("topic"), &tea["members"], &tea["messages"]),
        ("с мёдом", &json!(1), &json!(1))
    );
    assert!(daemon.ctl(&["who"]).done().contains("anna"));
    assert!(daemon.ctl(&["rooms"]).done().contains("чай"));
    assert!(daemon.ctl(&["users"]).done().contains("boris"));
}

/// Who is kicked hears why and may come back; an announcement reaches everybody.
#[test]
fn kick_and_announce() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    daemon.ctl(&["announce", "--yes", "Обед готов"]).done();
    for someone in [&mut anna, &mut boris] {
        assert!(someone.push("notice").text("text").contains("Обед готов"));
    }
    daemon.ctl(&["kick", "--yes", "anna"]).done();
    anna.expect_bye();
    boris.push_where("that anna is gone", |push| push["state"] == "left");
    let started = Instant::now();
    daemon.resume(&anna.token, &[]).say("lobby", "back again");
    assert!(started.elapsed() < PATIENCE);
    boris.hears("lobby", 1, "anna", "back again");
}

/// `reload` brings a new configuration into force, refuses a bad one with its line, and stays as it was then.
#[test]
fn reload_takes_a_good_configuration_only() {
    let daemon = Daemon::start();
    daemon.configure("registration = \"closed\"\n");
    daemon.ctl(&["reload"]).done();
    assert_eq!(daemon.connect().hello()["registration"], "closed");
    daemon.configure("registration = \"open\"\n\nregistratoin = \"open\"\n");
    let stderr = daemon.ctl(&["reload"]).failed(1);
    assert!(stderr.contains("registratoin"), "{stderr}");
    assert_eq!(daemon.connect().hello()["registration"], "closed");
}

/// A setting that is in force after a restart only is named at every reload until then, or until it is taken back.
#[test]
fn a_setting_that_waits_for_a_restart_is_named_until_then() {
    let mut daemon = Daemon::start();
    let wait = "[limits]\nreader_threads = 3\n";
    daemon.configure(wait);
    for changed in [json!(["limits.reader_threads"]), json!([])] {
        let reloaded = daemon.ctl_json(&["reload"]);
        assert_eq!(reloaded["changed"], changed);
        assert_eq!(reloaded["needRestart"], json!(["limits.reader_threads"]));
    }
    daemon.configure("");
    let reloaded = daemon.ctl_json(&["reload"]);
    assert_eq!(reloaded["changed"], json!(["limits.reader_threads"]));
    assert_eq!(reloaded["needRestart"], json!([]));
    daemon.configure(wait);
    daemon.restart();
    assert_eq!(daemon.ctl_json(&["reload"])["needRestart"], json!([]));
}
