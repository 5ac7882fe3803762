//! The audit log: what was done by whom, on the control socket and by chatd itself. It outlives chatd's own log, restarts and
//! crashes, is bounded, and can be followed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::moderation::Garden;
use crate::support::{Daemon, Heard, PASSWORD, Process, ask, refused, run, until};

/// All entries, or those that these arguments ask for.
#[track_caller]
fn entries(daemon: &Daemon, args: &[&str]) -> Vec<Value> {
    let mut command = daemon.ctl_command(&["--json", "audit", "-n", "100000"]);
    run(command.args(args), "").json_lines()
}

/// What was called on the control socket: the method, the parameters, the outcome.
#[track_caller]
fn done(daemon: &Daemon) -> Vec<(String, Value, String)> {
    let text = |value: &Value| {
        let word = value.as_str().expect("a word");
        word.trim_start_matches("io.chatd.Control.").to_owned()
    };
    let told = |entry: Value| {
        let parameters = entry["parameters"].clone();
        (text(&entry["method"]), parameters, text(&entry["outcome"]))
    };
    let all = entries(daemon, &[]).into_iter();
    all.filter(|entry| !entry["uid"].is_null())
        .map(told)
        .collect()
}

fn methods(entries: &[Value]) -> Vec<&str> {
    let methods = entries.iter().map(|entry| entry["method"].as_str());
    methods.map(|method| method.expect("a word")).collect()
}

/// What each verb writes: names, numbers, reasons, and whether it was done; no passwords, and nothing of what only looks or
/// only says what it would do. Who it was is what the kernel says.
#[test]
fn what_each_verb_writes() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    anna.say("lobby", "hello");
    let session = daemon.ctl_list(&["sessions"], "sessions")[0]["id"].clone();
    let file = daemon.folder().join("copy.db").display().to_string();
    for look in [
        &["status"][..],
        &["users"],
        &["sessions"],
        &["rooms"],
        &["room", "members", "lobby"],
        &["log", "show"],
        &["lag"],
        &["stats"],
        &["audit"],
        &["clear-users", "--dry-run"],
        &["clear-history", "lobby", "--dry-run"],
    ] {
        daemon.ctl(look).done();
    }
    let given = format!("{PASSWORD}\n");
    type Call<'a> = (&'a [&'a str], &'a str, Value, &'a str);
    let calls: &[Call] = &[
        (&["pause"], "Pause", json!({"refuse": false}), "ok"),
        (&["resume"], "Resume", json!({}), "ok"),
        (&["reload"], "Reload", json!({}), "ok"),
        (
            &["log", "level", "info"],
            "SetLog",
            json!({"level": "info"}),
            "ok",
        ),
        (
            &["user", "add", "boris"],
            "AddUser",
            json!({"name": "boris"}),
            "ok",
        ),
        (
            &["user", "add", "boris"],
            "AddUser",
            json!({"name": "boris"}),
            "NameTaken",
        ),
        (
            &["user", "passwd", "boris"],
            "SetPassword",
            json!({"name": "boris"}),
            "ok",
        ),
        (
            &["user", "show", "boris"],
            "ShowUser",
            json!({"name": "boris"}),
            "ok",
        ),
        (
            &["user", "disable", "--yes", "boris"],
            "DisableUser",
            json!({"name": "boris"}),
            "ok",
        ),
        (
            &["user", "enable", "boris"],
            "EnableUser",
            json!({"name": "boris"}),
            "ok",
        ),
        (
            &["invite", "create", "--note", "for Clara"],
            "CreateInvite",
            json!({"uses": 1, "seconds": 604_800, "note": "for Clara"}),
            "ok",
        ),
        (
            &["invite", "revoke", "--yes", "1"],
            "RevokeInvite",
            json!({"id": 1}),
            "ok",
        ),
        (
            &["room", "create", "tea"],
            "CreateRoom",
            json!({"name": "tea"}),
            "ok",
        ),
        (
            &["room", "topic", "tea", "green"],
            "SetTopic",
            json!({"room": "tea", "topic": "green"}),
            "ok",
        ),
        (
            &["redact", "--yes", "lobby", "1"],
            "Redact",
            json!({"room": "lobby", "seq": 1}),
            "ok",
        ),
        (
            &["redact", "--yes", "lobby", "77"],
            "Redact",
            json!({"room": "lobby", "seq": 77}),
            "NoSuchMessage",
        ),
        (
            &["clear-history", "--yes", "lobby"],
            "ClearHistory",
            json!({"room": "lobby", "dryRun": false}),
            "ok",
        ),
        (
            &["room", "remove", "--yes", "tea"],
            "RemoveRoom",
            json!({"room": "tea", "dryRun": false}),
            "ok",
        ),
        (
            &["export", "history", "--direct"],
            "ExportHistory",
            json!({"direct": true}),
            "ok",
        ),
        (
            &["export", "users"],
            "ExportUsers",
            json!({"passwords": false}),
            "ok",
        ),
        (&["backup", &file], "Backup", json!({}), "ok"),
        (&["check"], "Check", json!({}), "ok"),
        (
            &["search", "hello", "--room", "lobby"],
            "Search",
            json!({"text": "hello", "room": "lobby", "direct": false, "limit": 50}),
            "ok",
        ),
        (
            &["announce", "hello"],
            "Announce",
            json!({"text": "hello"}),
            "ok",
        ),
        (
            &["kick", "--yes", "anna", "--reason", "spam"],
            "Kick",
            json!({"user": "anna", "reason": "spam"}),
            "ok",
        ),
        (
            &["kick", "--yes", "nobody"],
            "Kick",
            json!({"user": "nobody"}),
            "NoSuchUser",
        ),
        (
            &["session", "revoke", "--yes", &session.to_string()],
            "RevokeSession",
            json!({"id": session}),
            "ok",
        ),
        (&["rekey", "--yes"], "Rekey", json!({}), "ok"),
        (
            &["user", "remove", "--yes", "boris"],
            "RemoveUser",
            json!({"name": "boris"}),
            "ok",
        ),
        (
            &["clear-users", "--yes", "--keep", "anna"],
            "ClearUsers",
            json!({"keep": ["anna"], "dryRun": false}),
            "ok",
        ),
        (&["clear-log", "--yes"], "ClearLog", json!({}), "ok"),
        (&["log", "off"], "SetLog", json!({"on": false}), "ok"),
    ];
    for (call, .., outcome) in calls {
        let output = daemon.ctl_with(call, &given);
        assert_eq!(output.code == 0, *outcome == "ok", "{call:?}: {output:?}");
    }
    let written = done(&daemon);
    assert_eq!(written.len(), calls.len(), "{written:#?}");
    for (entry, (call, method, parameters, outcome)) in written.iter().zip(calls) {
        let due = (
            (*method).to_owned(),
            parameters.clone(),
            (*outcome).to_owned(),
        );
        assert_eq!(*entry, due, "{call:?}");
    }
    let uid = nix::unistd::geteuid().as_raw();
    let all = entries(&daemon, &[]);
    let by_control = all.iter().filter(|entry| !entry["uid"].is_null());
    for entry in by_control {
        assert!(
            entry["uid"] == uid && entry["pid"].as_i64() > Some(0),
            "{entry}"
        );
        let at = entry["at"].as_str().expect("a time");
        assert!(at.len() == 24 && at.ends_with('Z'), "{entry}");
    }
    assert!(
        !all.iter()
            .any(|entry| entry.to_string().contains("correct horse"))
    );
}

/// An entry is on disk before the caller is answered, whatever becomes of the daemon; and neither `clear-log` nor `log off`
/// touches it.
#[test]
fn it_survives() {
    let mut daemon = Daemon::start();
    daemon.ctl(&["log", "off"]).done();
    for round in 0..5 {
        let room = format!("room-{round}");
        daemon.ctl(&["room", "create", &room]).done();
        daemon.kill_9();
        daemon.launch();
        let made = entries(&daemon, &["--what", "create-room"]);
        assert_eq!(made.len(), round + 1);
        assert_eq!(made[round]["parameters"]["name"], *room);
    }
    daemon.ctl(&["kick", "--yes", "nobody"]).failed(1);
    daemon.kill_9();
    daemon.launch();
    daemon.ctl(&["clear-log", "--yes"]).done();
    daemon.ctl(&["log", "off"]).done();
    daemon.restart();
    let all = entries(&daemon, &[]);
    let kicks = all.iter().filter(|entry| entry["method"] == "Kick");
    assert_eq!(kicks.count(), 1);
    assert_eq!(
        methods(&all[all.len() - 4..]),
        ["ClearLog", "SetLog", "Stop", "Start"]
    );
    let numbers: Vec<_> = all.iter().map(|entry| entry["number"].as_u64()).collect();
    assert_eq!(
        numbers,
        (1..=all.len() as u64).map(Some).collect::<Vec<_>>()
    );
}

/// Start, stop and what comes by signal are chatd's own; a crash is a start without a stop before it.
#[test]
fn what_chatd_does_by_itself() {
    let mut daemon = Daemon::start();
    daemon.configure("server_name = \"Wardroom\"");
    daemon.signal(Signal::SIGHUP);
    daemon.logged("configuration read again");
    daemon.configure("nonsense = 1");
    daemon.signal(Signal::SIGHUP);
    daemon.logged("cannot reload");
    daemon.configure("");
    daemon.ctl(&["shutdown", "--yes"]).done();
    daemon.ended();
    daemon.launch();
    daemon.kill_9();
    daemon.launch();
    let all = entries(&daemon, &[]);
    assert_eq!(
        methods(&all),
        [
            "Start", "Reload", "Reload", "Shutdown", "Stop", "Start", "Start"
        ]
    );
    let own: Vec<_> = all.iter().filter(|entry| entry["uid"].is_null()).collect();
    assert_eq!(own.len(), 6, "{own:?}");
    assert_eq!(own[1]["parameters"], json!({"signal": "HUP"}));
    assert_eq!(own[2]["outcome"], "io.chatd.Control.BadConfiguration");
    assert_eq!(own[0]["parameters"]["version"], env!("CARGO_PKG_VERSION"));
    let table = daemon.ctl(&["audit"]).done();
    assert!(table.contains("(chatd)"), "{table}");
}

/// Past the bound the oldest go; a smaller bound is in force with the next entry.
#[test]
fn the_oldest_go() {
    let daemon = Daemon::start_with("[limits]\naudit_entries = 5", &[]);
    for topic in 0..9 {
        daemon
            .ctl(&["room", "topic", "lobby", &topic.to_string()])
            .done();
    }
    let topics = |entries: Vec<Value>| -> Vec<String> {
        let topic = |entry: &Value| entry["parameters"]["topic"].as_str().map(str::to_owned);
        entries.iter().filter_map(topic).collect()
    };
    assert_eq!(topics(entries(&daemon, &[])), ["4", "5", "6", "7", "8"]);
    daemon.configure("[limits]\naudit_entries = 2");
    daemon.ctl(&["reload"]).done();
    assert_eq!(methods(&entries(&daemon, &[])), ["SetTopic", "Reload"]);
}

/// Asked for by number, time, person and act; and in pages, however many they are.
#[test]
fn what_is_asked_for() {
    let daemon = Daemon::start();
    daemon.register("anna");
    daemon
        .ctl_with(&["user", "add", "Борис"], &format!("{PASSWORD}\n"))
        .done();
    daemon.ctl(&["kick", "--yes", "anna"]).done();
    daemon.ctl(&["kick", "--yes", "борис"]).done();
    daemon
        .ctl(&["clear-users", "--yes", "--keep", "anna"])
        .done();
    assert_eq!(
        methods(&entries(&daemon, &["--user", "БОРИС"])),
        ["AddUser", "Kick"]
    );
    let anna = entries(&daemon, &["--user", "anna"]);
    assert_eq!(methods(&anna), ["Kick", "ClearUsers"]);
    assert_eq!(entries(&daemon, &["--what", "kick"]).len(), 2);
    let since = anna[1]["at"].as_str().expect("a time");
    assert_eq!(
        methods(&entries(&daemon, &["--since", since])),
        ["ClearUsers"]
    );
    assert_eq!(
        entries(&daemon, &["--since", "2999-01-01"]),
        [Value::Null; 0]
    );
    let last = daemon.ctl(&["audit", "-n", "1"]).done();
    assert!(last.contains("there are more before these"), "{last}");
    assert!(
        last.contains("ClearUsers") && !last.contains("Kick"),
        "{last}"
    );
    let refused = daemon.ctl(&["audit", "--what", "frobnicate"]).failed(2);
    assert!(refused.contains("such as ClearUsers"), "{refused}");
    let refused = daemon.ctl(&["audit", "--since", "yesterday"]).failed(2);
    assert!(refused.contains("2026-11-20"), "{refused}");
    // More than are told at once.
    for _ in 0..12 {
        let calls: String = (0..100)
            .map(|_| format!("{}\0", json!({"method": "io.chatd.Control.Resume"})))
            .collect();
        let mut socket = UnixStream::connect(daemon.control()).expect("it listens");
        socket.write_all(calls.as_bytes()).expect("it listens");
        let mut socket = BufReader::new(socket);
        for _ in 0..100 {
            socket.read_until(0, &mut Vec::new()).expect("a reply");
        }
    }
    let all = entries(&daemon, &[]);
    assert_eq!(all.len(), 1_205, "{:?}", all.last());
    assert!(all.is_sorted_by_key(|entry| entry["number"].as_u64()));
}

/// What somebody puts into a parameter steers no terminal and breaks no line; what is too long is cut.
#[test]
fn whatever_is_in_the_parameters() {
    let daemon = Daemon::start();
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nfake  root  Kick\u{202e}\u{2028}";
    daemon
        .ctl(&["kick", "--yes", "nobody", "--reason", evil])
        .failed(1);
    daemon.ctl(&["announce", &"щ".repeat(4_000)]).done();
    let table = daemon.ctl(&["audit"]).done();
    let mut follow = Process::start(&mut daemon.ctl_command(&["audit", "-f"]));
    follow.line_with("Announce");
    let json = run(&mut daemon.ctl_command(&["--json", "audit"]), "").done();
    for shown in [&table, &json, &follow.said()] {
        let is_evil = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2028}".contains(c);
        assert!(!shown.contains(is_evil), "{shown:?}");
        assert_eq!(shown.matches("Kick").count(), 2, "{shown}");
        assert!(
            !shown
                .lines()
                .any(|line| line.trim_start().starts_with("fake"))
        );
    }
    let kick = entries(&daemon, &["--what", "kick"]);
    assert_eq!(kick[0]["parameters"]["reason"], evil);
    let announced = entries(&daemon, &["--what", "announce"]);
    let text = announced[0]["parameters"]["text"].as_str().expect("a text");
    assert_eq!(text, format!("{}…", "щ".repeat(256)));
}

/// Where nothing can be stored, an admin can do what is to be done about it; the log says that there is no entry.
#[test]
fn where_nothing_can_be_stored() {
    let daemon = Daemon::start();
    let (database, away) = (daemon.state().join("chatd.db"), daemon.state().join("away"));
    fs::rename(&database, &away).expect("it is there");
    daemon.ctl(&["pause"]).done();
    daemon.logged("no entry in the audit log method=Pause");
    daemon.logged("method=Pause parameters={\"refuse\":false} outcome=ok");
    fs::rename(&away, &database).expect("it is there");
    daemon.ctl(&["resume"]).done();
    assert_eq!(methods(&entries(&daemon, &[])), ["Start", "Resume"]);

    let mut daemon = Daemon::prepare_after("trap '' XFSZ; ulimit -f 600", "", &[]);
    daemon.launch();
    let mut anna = daemon.register("anna");
    let text = "x".repeat(8_000);
    while ask!(anna, "send", to: "lobby", text: text)["type"] == "sent" {}
    // What is small may still fit for a while.
    let topic = "y".repeat(250);
    crate::support::until("an entry is not kept", || {
        daemon.ctl(&["room", "topic", "lobby", &topic]);
        daemon.ctl(&["pause"]).done();
        daemon
            .log()
            .contains("no entry in the audit log")
            .then_some(())
    });
}

/// Whoever may not call at all is told of in the log. They write nothing: or they could push out what others did.
#[test]
fn strangers_write_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    if !nix::unistd::geteuid().is_root() {
        return crate::support::skipped("a stranger", "only root can become one");
    }
    let daemon = Daemon::start();
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    };
    let program = daemon.folder().join("chatctl");
    fs::copy(env!("CARGO_BIN_EXE_chatctl"), &program).expect("a copy for everyone");
    open(&program, 0o755);
    open(daemon.folder(), 0o755);
    open(&daemon.control(), 0o666);
    let program = program.to_str().expect("a plain path");
    let mut command = crate::support::clean(program, std::path::Path::new("/"));
    command.uid(65_534).gid(65_534).arg("--socket");
    command.arg(daemon.control()).args(["clear-users", "--yes"]);
    run(&mut command, "").failed(4);
    daemon.logged("control connection refused uid=65534");
    assert_eq!(methods(&entries(&daemon, &[])), ["Start"]);
}

/// What operators and moderators do with a client stands beside what the admin does, also when it went too far; what
/// anybody may do, and what those without a role ask for, does not.
#[test]
fn what_is_done_by_a_right() {
    let Garden {
        daemon,
        mut anna,
        mut boris,
        mut clara,
    } = Garden::new();
    ask!(anna, "topic", room: "garden", topic: "roses").must_be("ok");
    refused!("forbidden": boris, "kick", room: "garden", user: "anna");
    ask!(anna, "mute", room: "garden", user: "Boris", seconds: 60, reason: "loud").must_be("ok");
    refused!("forbidden": anna, "ban", room: "garden", user: "clara");
    ask!(clara, "kick", room: "garden", user: "boris").must_be("ok");
    ask!(clara, "ban", user: "boris").must_be("ok");
    ask!(clara, "unban", user: "boris").must_be("ok");
    let seq = anna.say("garden", "a slip");
    ask!(clara, "redact", room: "garden", seq: seq).must_be("ok");
    let own = anna.say("lobby", "a slip of mine");
    ask!(anna, "redact", room: "lobby", seq: own).must_be("ok");
    let by_people = || {
        let all = entries(&daemon, &[]).into_iter();
        all.filter(|entry| entry.get("user").is_some())
            .map(|entry| {
                let fields = ["user", "method", "parameters", "outcome"];
                Value::Array(fields.map(|field| entry[field].clone()).into())
            })
            .collect::<Vec<_>>()
    };
    let due = [
        json!(["anna", "SetTopic", {"room": "garden", "topic": "roses"}, "ok"]),
        json!(["anna", "Mute", {"user": "boris", "room": "garden", "seconds": 60, "reason": "loud"}, "ok"]),
        json!(["anna", "Ban", {"user": "clara", "room": "garden"}, "forbidden"]),
        json!(["clara", "Kick", {"user": "boris", "room": "garden"}, "ok"]),
        json!(["clara", "Ban", {"user": "boris"}, "ok"]),
        json!(["clara", "Unban", {"user": "boris"}, "ok"]),
        json!(["clara", "Redact", {"room": "garden", "seq": seq}, "ok"]),
    ];
    assert_eq!(
        until("the last is there", || Some(by_people())
            .filter(|all| all.len() >= due.len())),
        due
    );
    let of_clara = daemon.ctl(&["audit", "--user", "clara"]).done();
    assert!(
        of_clara.contains("Kick") && !of_clara.contains("Mute"),
        "{of_clara}"
    );
}
