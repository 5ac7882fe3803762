//! Accounts that the admin has disabled: nobody gets in, nothing of them is lost. That their sessions end at once is shown
//! with all other ends, in `ended.rs`.

use std::thread;

use serde_json::{Value, json};

use crate::support::{Daemon, Heard, PASSWORD, Person, Talker, ask, refused, request, until};

/// What there is of anna, as an admin sees it.
fn anna(daemon: &Daemon) -> Value {
    daemon.ctl_json(&["user", "show", "anna"])
}

/// Disabled is disabled, also after a crash: the right password is told so, everything else is as ever; enabled again she
/// finds what was hers and what was written to her.
#[test]
fn an_account_that_is_put_on_ice() {
    let mut daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    let mut talker = daemon.register("anna");
    let token = talker.token.clone();
    ask!(talker, "create", room: "tea").must_be("joined");
    talker.say("@boris", "see you");
    let answer_to = |daemon: &Daemon, name: &str| {
        let mut answer = ask!(daemon.greet(), "login", name: name, password: "wrong horse");
        answer["re"] = json!(0);
        answer
    };
    let nobody = answer_to(&daemon, "nobody-at-all");

    assert_eq!(anna(&daemon)["state"], "active");
    let said = daemon.ctl(&["user", "disable", "--yes", "anna"]).done();
    assert!(said.contains("'anna' is disabled"), "{said}");
    let bye = talker.expect_bye();
    assert_eq!(bye["reason"], "account-disabled", "{bye}");
    assert_eq!(bye.get("reconnect_after_ms"), None, "{bye}");
    for kill in [false, true] {
        if kill {
            daemon.kill_9();
            daemon.launch();
            boris = daemon.login("boris");
        }
        let account = anna(&daemon);
        assert_eq!(account["state"], "disabled", "{account}");
        assert_eq!(account["sessions"], json!([]), "{account}");
        refused!("bad-credentials": daemon.greet(), "resume", token: token.clone());
        let told = ask!(daemon.greet(), "login", name: "Anna", password: PASSWORD);
        assert_eq!(told.code(), "forbidden", "{told}");
        let words = told.text("text");
        assert_eq!(words, "this account is disabled; ask the admin");
        assert_eq!(answer_to(&daemon, "anna"), nobody);
        refused!("name-taken": daemon.greet(), "register", name: "ANNA", password: PASSWORD);
        boris.say("@anna", "where are you?");
        let who = ask!(boris, "who", room: "lobby").must_be("who");
        let line = who["who"].as_array().expect("a list").iter();
        let line = line.clone().find(|line| line["user"] == "anna");
        assert_eq!(line.expect("she is in the lobby")["online"], false);
    }
    daemon.logged("login to a disabled account refused");
    let list = daemon.ctl(&["users"]).done();
    assert!(list.contains("disabled"), "{list}");

    daemon.ctl(&["user", "enable", "anna"]).done();
    let welcome = daemon.greet().login("anna");
    let rooms = welcome["rooms"].as_array().expect("a list").iter();
    let rooms: Vec<_> = rooms
        .map(|room| (room.text("room"), room["last_seq"].as_u64().unwrap_or(0)))
        .collect();
    assert_eq!(rooms, [("lobby", 0), ("tea", 0), ("@boris", 3)]);
    refused!("bad-credentials": daemon.greet(), "resume", token: token.clone());
}

/// Twenty who log in as she is disabled: who was let in is put out, nobody is left.
#[test]
fn logins_that_are_under_way_lead_nowhere() {
    let daemon = Daemon::start_with("[limits]\npasswords_waiting_per_address = 100", &[]);
    daemon.register("anna");
    let talkers: Vec<_> = (0..20).map(|_| daemon.greet()).collect();
    let come = |mut talker: Talker| {
        let login = request!("login", name: "anna", password: PASSWORD);
        let id = talker.begin(login);
        let answer = talker.answer(id);
        match answer["type"].as_str() {
            Some("welcome") => {
                let bye = talker.expect_bye();
                assert_eq!(bye["reason"], "account-disabled", "{bye}");
                true
            }
            _ => {
                assert_eq!(answer.code(), "forbidden", "{answer}");
                false
            }
        }
    };
    let welcomed = thread::scope(|scope| {
        let coming: Vec<_> = talkers
            .into_iter()
            .map(|talker| scope.spawn(move || come(talker)))
            .collect();
        until("some are in", || {
            let sessions = daemon.ctl_list(&["sessions"], "sessions").len();
            (sessions > 3).then_some(())
        });
        daemon.ctl(&["user", "disable", "--yes", "anna"]).done();
        let came = coming.into_iter().map(|one| one.join().expect("it ends"));
        came.filter(|welcomed| *welcomed).count()
    });
    println!("{welcomed} of 20 were in for a moment");
    assert_eq!(daemon.ctl_list(&["sessions"], "sessions"), [] as [Value; 0]);
    let status = daemon.ctl_json(&["status"]);
    assert_eq!(status["usersOnline"], 0, "{status}");
}

/// What chatctl says, and when it refuses.
#[test]
fn what_the_admin_sees() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    let _anna = daemon.register("anna");
    boris.say("@anna", "one");
    boris.say("@anna", "two");
    let account = anna(&daemon);
    assert_eq!(account["connections"], 1, "{account}");
    assert_eq!(account["sessions"][0]["device"], "first", "{account}");
    assert_eq!(account["rooms"][1]["name"], "@boris", "{account}");
    assert_eq!(account["rooms"][1]["unread"], 2, "{account}");
    assert_eq!(account.get("disabledAt"), None, "{account}");
    let shown = daemon.ctl(&["user", "show", "ANNA"]).done();
    assert!(shown.starts_with("anna\n  state       active\n"), "{shown}");

    let disable = |flags: &[&str]| daemon.ctl(&[&["user", "disable", "anna"], flags].concat());
    let refused = disable(&[]).failed(2);
    assert!(refused.contains("--yes"), "{refused}");
    let would = disable(&["--dry-run"]).done();
    assert_eq!(
        would,
        "would disable 'anna' and end 1 session and 1 connection\n"
    );
    assert_eq!(anna(&daemon)["state"], "active");
    disable(&["--yes"]).done();
    let again = disable(&["--yes"]).done();
    assert_eq!(again, "'anna' was disabled already\n");
    let changed = daemon.ctl_json(&["user", "enable", "anna"]);
    assert_eq!(changed, json!({ "changed": true }));
    let again = daemon.ctl(&["user", "enable", "anna"]).done();
    assert_eq!(again, "'anna' was not disabled\n");
    for verb in ["show", "disable", "enable"] {
        let mut args = vec!["user", verb, "clara"];
        args.extend((verb == "disable").then_some("--yes"));
        let refused = daemon.ctl(&args).failed(1);
        assert!(refused.contains("there is no user 'clara'"), "{refused}");
    }

    daemon.ctl(&["user", "remove", "--yes", "anna"]).done();
    assert_eq!(anna(&daemon)["state"], "removed");
    daemon.register("anna");
    assert_eq!(anna(&daemon)["state"], "active", "of that name is now");
    let log = daemon.whole_log();
    // Who looks at all about somebody is written down as well.
    for method in ["DisableUser", "EnableUser", "ShowUser"] {
        assert!(log.contains(&format!("method={method}")), "{log}");
    }
}

/// chat-client tells its owner, and does not come back by itself.
#[test]
fn at_the_other_end() {
    let daemon = Daemon::start();
    let anna = Person::new(&daemon, "anna");
    anna.run(&["login", "--register"]).done();
    let client = anna.start(&["--plain"]);
    until("she is here", || {
        let here = daemon.ctl_list(&["who"], "users");
        (here.len() == 1).then_some(())
    });
    daemon.ctl(&["user", "disable", "--yes", "anna"]).done();
    let output = client.finish();
    assert_ne!(output.code, 0, "{output:#?}");
    assert!(output.stderr.contains("disabled"), "{output:#?}");
    let refused = anna.run(&["login"]).failed(1);
    assert!(refused.contains("this account is disabled"), "{refused}");
}
