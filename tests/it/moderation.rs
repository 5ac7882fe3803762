//! Who keeps order, told by those whom it is about and by the admin: roles, kicks, bans and mutes. Who may do what is in
//! `matrix.rs`; bans from the server are in `bans.rs`.

use serde_json::{Value, json};

use crate::support::{Daemon, Heard, Person, Talker, ask, refused};

/// A room that anna has made, with boris in it; clara is a moderator and not there.
pub struct Garden {
    pub daemon: Daemon,
    pub anna: Talker,
    pub boris: Talker,
    pub clara: Talker,
}

impl Garden {
    pub fn new() -> Self {
        let daemon = Daemon::start();
        let mut anna = daemon.register("anna");
        let mut boris = daemon.register("boris");
        let clara = daemon.register("clara");
        let made = ask!(anna, "create", room: "garden").must_be("joined");
        assert_eq!(made["role"], "operator", "{made}");
        let joined = ask!(boris, "join", room: "garden").must_be("joined");
        assert_eq!(joined.get("role"), None, "{joined}");
        daemon.ctl(&["user", "role", "clara", "moderator"]).done();
        Self {
            daemon,
            anna,
            boris,
            clara,
        }
    }
}

/// The bans and mutes, each as what it is, of whom, where and by whom.
pub fn bans(daemon: &Daemon) -> Vec<String> {
    let line = |ban: &Value| {
        let who = ban.get("user").or(ban.get("network")).expect("somebody");
        let room = ban
            .get("room")
            .map_or("-", |room| room.as_str().expect("a name"));
        let (kind, by) = (ban.text("kind"), ban.text("by"));
        format!("{kind} {} {room} {by}", who.as_str().expect("a name"))
    };
    daemon
        .ctl_list(&["bans"], "bans")
        .iter()
        .map(line)
        .collect()
}

#[test]
fn kicked_and_back() {
    let Garden {
        daemon,
        mut anna,
        mut boris,
        mut clara,
    } = Garden::new();
    let mut tablet = daemon.login("boris");
    ask!(anna, "kick", room: "garden", user: "Boris", reason: "please read the rules")
        .must_be("ok");
    for talker in [&mut boris, &mut tablet] {
        let kicked = talker.push("kicked");
        let told = (
            kicked.text("room"),
            kicked.text("by"),
            kicked.text("reason"),
        );
        assert_eq!(told, ("garden", "anna", "please read the rules"));
        assert_eq!((kicked.get("banned"), kicked.get("until")), (None, None));
    }
    let left = anna.push_where("that he left", |push| push["state"] == "left");
    assert_eq!((left.text("room"), left.text("user")), ("garden", "boris"));
    refused!("not-a-member": boris, "send", to: "garden", text: "why?");
    refused!("no-such-user": anna, "kick", room: "garden", user: "boris");
    anna.say("garden", "peace");
    boris.say("lobby", "still here");
    assert!(boris.pushed().iter().all(|push| push["room"] != "garden"));
    ask!(boris, "join", room: "garden").must_be("joined");
    // By a moderator from outside, and by the admin.
    ask!(clara, "kick", room: "garden", user: "boris").must_be("ok");
    assert_eq!(boris.push("kicked").get("reason"), None);
    ask!(boris, "join", room: "garden").must_be("joined");
    let kick = [
        "kick", "--yes", "boris", "--room", "garden", "--reason", "weeds",
    ];
    let done = daemon.ctl(&kick).done();
    assert_eq!(done, "'boris' is out of 'garden', and may come back\n");
    let kicked = boris.push("kicked");
    assert_eq!(
        (kicked.text("by"), kicked.text("reason")),
        ("admin", "weeds")
    );
    let again = daemon.ctl(&kick).failed(1);
    assert!(again.contains("'boris' is not in 'garden'"), "{again}");
    daemon.logged("kicked by=anna user=boris room=garden reason=\"please read the rules\"");
    daemon.logged("method=Kick");
}

#[test]
fn a_room_ban() {
    let Garden {
        mut daemon,
        mut anna,
        mut boris,
        mut clara,
    } = Garden::new();
    ask!(anna, "ban", user: "boris", room: "garden", seconds: 3_600, reason: "spam").must_be("ok");
    let kicked = boris.push("kicked");
    assert_eq!(
        (&kicked["banned"], kicked.text("reason")),
        (&json!(true), "spam")
    );
    kicked.text("until");
    for restart in [false, true] {
        if restart {
            daemon.kill_9();
            daemon.launch();
            anna = daemon.resume(&anna.token, &[]);
            boris = daemon.resume(&boris.token, &[]);
            clara = daemon.resume(&clara.token, &[]);
        }
        let answer = ask!(boris, "join", room: "garden");
        assert_eq!(answer.code(), "banned", "{answer}");
        let words = answer.text("text");
        assert!(
            words.starts_with("you are banned from 'garden' until 20"),
            "{words}"
        );
        assert!(words.ends_with("Z: spam"), "{words}");
        let after = answer["retry_after_ms"].as_u64().expect("it ends");
        assert!((3_000_000..=3_600_000).contains(&after), "{answer}");
        assert_eq!(bans(&daemon), ["ban boris garden anna"]);
        boris.say("lobby", "elsewhere I may");
    }
    let table = daemon.ctl(&["bans"]).done();
    assert!(table.starts_with("KIND  WHO    ROOM    BY"), "{table}");
    assert!(
        table.contains("in 1 h") && table.ends_with("spam\n"),
        "{table}"
    );
    // What a moderator has decided an operator leaves alone.
    ask!(clara, "ban", user: "boris", room: "garden").must_be("ok");
    refused!("forbidden": anna, "unban", user: "boris", room: "garden");
    let answer = ask!(boris, "join", room: "garden");
    assert_eq!(
        (answer.code(), answer.get("retry_after_ms")),
        ("banned", None)
    );
    ask!(clara, "unban", user: "boris", room: "garden").must_be("ok");
    ask!(clara, "unban", user: "boris", room: "garden").must_be("ok");
    ask!(boris, "join", room: "garden").must_be("joined");
    refused!("forbidden": clara, "ban", user: "boris", room: "lobby");
    daemon.ctl(&["room", "remove", "--yes", "garden"]).done();
    assert_eq!(bans(&daemon), [""; 0]);
}

#[test]
fn muted_and_heard_again() {
    let Garden {
        mut daemon,
        mut anna,
        mut boris,
        mut clara,
    } = Garden::new();
    ask!(anna, "mute", user: "boris", room: "garden", reason: "too loud").must_be("ok");
    for kind in ["text", "action"] {
        let answer = ask!(boris, "send", to: "garden", text: "buy", kind: kind);
        assert_eq!(answer.code(), "muted", "{answer}");
        assert_eq!(answer.text("text"), "you are muted in 'garden': too loud");
    }
    ask!(boris, "typing", to: "garden").must_be("ok");
    boris.say("lobby", "elsewhere I may");
    boris.say("@anna", "here, too");
    anna.say("garden", "peace");
    boris.hears("garden", 1, "anna", "peace");
    assert!(anna.pushed().iter().all(|push| push["type"] != "typing"));
    ask!(clara, "mute", user: "boris", seconds: 3_600).must_be("ok");
    for restart in [false, true] {
        if restart {
            daemon.kill_9();
            daemon.launch();
            boris = daemon.resume(&boris.token, &[]);
        }
        for to in ["lobby", "garden", "@anna", "@clara"] {
            let answer = ask!(boris, "send", to: to, text: "buy");
            assert_eq!(answer.code(), "muted", "{answer}");
            assert!(
                answer["retry_after_ms"]
                    .as_u64()
                    .is_some_and(|after| after <= 3_600_000)
            );
        }
        assert_eq!(
            bans(&daemon),
            ["mute boris - clara", "mute boris garden anna"]
        );
    }
    let unmute = || daemon.ctl(&["unmute", "boris"]).done();
    assert_eq!(unmute(), "'boris' may speak again\n");
    assert_eq!(unmute(), "'boris' was not muted\n");
    boris.say("lobby", "thank you");
    refused!("muted": boris, "send", to: "garden", text: "and here?");
    let mut anna = daemon.resume(&anna.token, &[]);
    ask!(anna, "unmute", user: "boris", room: "garden").must_be("ok");
    assert_eq!(boris.say("garden", "and here"), 2);
    let done = daemon
        .ctl(&["mute", "boris", "--room", "garden", "--for", "2h"])
        .done();
    assert!(
        done.starts_with("'boris' cannot speak in 'garden' until "),
        "{done}"
    );
}

#[test]
fn operators_come_and_go() {
    let Garden {
        mut daemon,
        mut anna,
        mut boris,
        mut clara,
    } = Garden::new();
    refused!("forbidden": boris, "topic", room: "garden", topic: "mine");
    refused!("forbidden": boris, "op", room: "garden", user: "boris");
    refused!("no-such-user": anna, "op", room: "garden", user: "clara");
    ask!(anna, "op", room: "garden", user: "boris").must_be("ok");
    let told = boris.push("role");
    assert_eq!(
        (
            told.text("room"),
            told.text("user"),
            told.text("role"),
            told.text("by")
        ),
        ("garden", "boris", "operator", "anna")
    );
    // They leave each other alone, and nobody touches a moderator.
    refused!("forbidden": boris, "deop", room: "garden", user: "anna");
    refused!("forbidden": boris, "kick", room: "garden", user: "anna");
    refused!("forbidden": boris, "mute", room: "garden", user: "clara");
    ask!(boris, "topic", room: "garden", topic: "ours").must_be("ok");
    daemon.restart();
    anna = daemon.resume(&anna.token, &[]);
    let welcome = boris_again(&daemon, &mut boris);
    assert_eq!(welcome.room("garden")["role"], "operator", "{welcome}");
    let welcome = clara_again(&daemon, &mut clara);
    assert_eq!(welcome["role"], "moderator", "{welcome}");
    let who = ask!(anna, "who", room: "garden").must_be("who");
    assert_eq!(who["who"][0]["role"], "operator", "{who}");
    let who = ask!(anna, "who").must_be("who");
    assert_eq!(who["who"][0].get("role"), None, "{who}");
    assert_eq!(who["who"][2]["role"], "moderator", "{who}");
    let members = daemon.ctl_list(&["room", "members", "garden"], "members");
    assert!(
        members.iter().all(|member| member["operator"] == true),
        "{members:?}"
    );
    ask!(clara, "deop", room: "garden", user: "boris").must_be("ok");
    assert_eq!(boris.push("role").get("role"), None);
    refused!("forbidden": boris, "kick", room: "garden", user: "anna");
    let op = |verb: &str, name: &str| daemon.ctl(&["room", verb, "garden", name]);
    assert_eq!(
        op("op", "boris").done(),
        "'boris' is an operator of 'garden' now\n"
    );
    assert_eq!(
        op("op", "boris").done(),
        "'boris' was an operator of 'garden' already\n"
    );
    assert_eq!(
        op("deop", "anna").done(),
        "'anna' is an operator of 'garden' no more\n"
    );
    assert!(
        op("op", "clara")
            .failed(1)
            .contains("'clara' is not in 'garden'")
    );
    // Who leaves loses it.
    ask!(boris, "leave", room: "garden").must_be("ok");
    let joined = ask!(boris, "join", room: "garden").must_be("joined");
    assert_eq!(joined.get("role"), None, "{joined}");
    ask!(boris, "topic", room: "garden", topic: "everybody's").must_be("ok");
}

fn boris_again(daemon: &Daemon, boris: &mut Talker) -> Value {
    let token = boris.token.clone();
    *boris = daemon.greet();
    boris.resume(&token, &[])
}

fn clara_again(daemon: &Daemon, clara: &mut Talker) -> Value {
    boris_again(daemon, clara)
}

/// A moderator is one until the admin says otherwise or the account is gone.
#[test]
fn moderators_come_and_go() {
    let Garden {
        daemon,
        mut anna,
        mut clara,
        ..
    } = Garden::new();
    let told = clara.push("role");
    assert_eq!(
        (told.text("role"), told.text("by"), told.get("room")),
        ("moderator", "admin", None)
    );
    let shown = daemon.ctl(&["user", "show", "clara"]).done();
    assert!(shown.contains("role        moderator\n"), "{shown}");
    let listed = daemon.ctl(&["users"]).done();
    assert_eq!(listed.matches("moderator").count(), 1, "{listed}");
    ask!(clara, "topic", room: "garden", topic: "by a moderator").must_be("ok");
    ask!(clara, "mute", user: "anna", room: "garden").must_be("ok");
    refused!("muted": anna, "topic", room: "garden", topic: "by a muted one");
    let role = |role: &str| daemon.ctl(&["user", "role", "clara", role]).done();
    assert_eq!(role("moderator"), "'clara' was a moderator already\n");
    assert_eq!(role("none"), "'clara' is a moderator no more\n");
    assert_eq!(role("none"), "'clara' had no role\n");
    refused!("forbidden": clara, "unmute", user: "anna", room: "garden");
    let wrong = daemon.ctl(&["user", "role", "clara", "king"]).failed(2);
    assert!(wrong.contains("moderator, none"), "{wrong}");
    let unknown = daemon
        .ctl(&["user", "role", "klara", "moderator"])
        .failed(1);
    assert!(unknown.contains("did you mean 'clara'"), "{unknown}");
    role("moderator");
    daemon.ctl(&["user", "remove", "--yes", "clara"]).done();
    daemon.register("clara");
    assert_eq!(
        daemon.ctl_json(&["user", "show", "clara"])["moderator"],
        false
    );
}

#[test]
fn an_operator_takes_a_text_away() {
    let Garden {
        daemon,
        mut anna,
        mut boris,
        mut clara,
    } = Garden::new();
    anna.say("garden", "roses");
    boris.say("garden", "a quagga, alas");
    ask!(clara, "join", room: "garden").must_be("joined");
    clara.say("garden", "tulips");
    refused!("forbidden": boris, "redact", room: "garden", seq: 1);
    refused!("forbidden": anna, "redact", room: "garden", seq: 3);
    ask!(anna, "redact", room: "garden", seq: 2).must_be("ok");
    let push = boris.push_where("the redaction", |push| push["kind"] == "redaction");
    assert_eq!((push.text("from"), &push["redacts"]), ("anna", &json!(2)));
    ask!(clara, "redact", room: "garden", seq: 1).must_be("ok");
    boris.say("@clara", "psst");
    refused!("forbidden": clara, "redact", room: "@boris", seq: 1);
    daemon.logged("redacted by=anna room=garden seq=2");
    assert!(!daemon.whole_log().contains("quagga"));
}

/// chat-client: who keeps order does so by slash commands, who is put out is told and goes on elsewhere, and who is banned
/// is told and does not come back by itself.
#[test]
fn at_the_other_end() {
    let daemon = Daemon::start();
    let anna = Person::new(&daemon, "anna");
    let boris = Person::new(&daemon, "boris");
    anna.run(&["login", "--register"]).done();
    boris.run(&["login", "--register"]).done();
    daemon.ctl(&["user", "role", "anna", "moderator"]).done();
    let mut keeper = anna.terminal(&["--plain"]);
    let mut loud = boris.terminal(&["--plain"]);
    keeper.sees("lobby> ");
    keeper.types("/help");
    keeper.sees("/kick USER [REASON]");
    keeper.types("/create garden");
    keeper.sees("you are in garden");
    loud.sees("lobby> ");
    loud.types("/help");
    loud.sees("/help [COMMAND]");
    assert!(!loud.shown().contains("/kick"), "he keeps no order");
    loud.types("/join garden");
    loud.sees("you are in garden");
    loud.types("hello there");
    keeper.sees("hello there");
    keeper.types("/kick boris read the rules");
    loud.sees("you were kicked out of garden by anna: read the rules");
    loud.types("in the lobby again");
    keeper.sees("in the lobby again");
    keeper.types("/mute boris everywhere 2h too loud");
    keeper.sees("boris is muted in this server for 2h");
    loud.types("buy");
    loud.sees("not sent to lobby");
    loud.sees("you are muted in all of this server until 20");
    loud.sees("Z: too loud");
    keeper.types("/ban boris everywhere");
    loud.sees("you are banned from this server");
    assert_eq!(loud.ends().0, 1, "and it does not come back by itself");
    let refused = boris.run(&["login"]).failed(1);
    assert!(
        refused.contains("you are banned from this server"),
        "{refused}"
    );
    // From where they come, too: that is told before any password.
    daemon.ctl(&["ban", "--yes", "127.0.0.0/8"]).done();
    keeper.sees("where you come from is banned");
    assert_eq!(keeper.ends().0, 1);
    let refused = anna.run(&["send", "lobby", "hello"]).failed(1);
    assert!(
        refused.contains("where you come from is banned"),
        "{refused}"
    );
}
