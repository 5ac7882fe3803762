//! Two admins who do the opposite at once, and one who calls a daemon that starts, hangs or is no daemon at all: each gets a
//! true answer in time, and the daemon stays sound.

use std::fs;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use clap::{Arg, Command as Clap};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::json;

use crate::support::stock::stock;
use crate::support::{Daemon, Output, Process, until};

/// How often each of two admins does what the other undoes.
const TIMES: usize = 12;

/// Both do what they do again and again, at once; what each was answered.
fn at_once(daemon: &Daemon, one: &[&str], other: &[&str]) -> [Vec<Output>; 2] {
    let mut answers = [Vec::new(), Vec::new()];
    for _ in 0..TIMES {
        let both = [one, other].map(|args| Process::start(&mut daemon.ctl_command(args)));
        for (process, answers) in both.into_iter().zip(&mut answers) {
            answers.push(process.finish());
        }
    }
    answers
}

/// How many were done; the others were refused with one of these words.
#[track_caller]
fn done(answers: &[Output], refusals: &[&str]) -> usize {
    let is_done = |answer: &&Output| answer.code == 0;
    for answer in answers.iter().filter(|answer| !is_done(answer)) {
        let is_known = refusals.iter().any(|words| answer.stderr.contains(words));
        assert!(answer.code == 1 && is_known, "{answer:#?}");
    }
    answers.iter().filter(is_done).count()
}

/// Pausing and resuming, disabling and enabling: whoever comes last is right, and nobody is told something else.
#[test]
fn to_and_fro() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let pairs: [(&[&str], &[&str]); 3] = [
        (&["pause"], &["resume"]),
        (&["pause", "--refuse"], &["resume"]),
        (
            &["user", "disable", "--yes", "anna"],
            &["user", "enable", "anna"],
        ),
    ];
    for (one, other) in pairs {
        let [ones, others] = at_once(&daemon, one, other);
        assert_eq!(
            (done(&ones, &[]), done(&others, &[])),
            (TIMES, TIMES),
            "{one:?}"
        );
        // Whatever it is now: the second time it is so already.
        daemon.ctl(other).done();
        let again = daemon.ctl_json(other);
        assert_eq!(again, json!({ "changed": false }), "{other:?}");
    }
    daemon.still_serves();
    daemon.login("anna");
}

/// A room that one makes and another removes: it was made as often as it was removed, or once more.
#[test]
fn made_and_removed() {
    let daemon = Daemon::start();
    let [made, removed] = at_once(
        &daemon,
        &["room", "create", "tea"],
        &["room", "remove", "--yes", "tea"],
    );
    let made = done(&made, &["the name 'tea' is taken"]);
    let removed = done(&removed, &["there is no room 'tea'"]);
    let rooms = daemon.ctl_list(&["rooms"], "rooms");
    let is_there = rooms.iter().any(|room| room["name"] == "tea");
    assert_eq!(made, removed + usize::from(is_there));
    assert!(daemon.ctl(&["check"]).done().contains("sound"));
    daemon.still_serves();
}

/// A log that is cleared away while it is exported: what comes is in order, and the export is whole or says that it is not.
#[test]
fn cleared_while_it_is_exported() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 20_000, 200);
    daemon.launch();
    let room = daemon.ctl_list(&["rooms"], "rooms");
    let busiest = room.iter().max_by_key(|room| room["messages"].as_u64());
    let name = busiest.expect("a room")["name"].as_str().expect("a name");
    let args = ["export", "history", "--format", "jsonl", "--room", name];
    let mut export = Process::start(&mut daemon.ctl_command(&args));
    export.next_line().expect("a message");
    daemon.ctl(&["clear-history", "--yes", name]).done();
    let output = export.finish();
    if output.code != 0 {
        assert!(output.stderr.contains("not whole"), "{output:#?}");
    }
    let seqs = output.stdout.lines().map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).expect("an object a line");
        message["seq"].as_u64().expect("a number")
    });
    let seqs: Vec<_> = seqs.collect();
    assert!(
        seqs.windows(2).all(|pair| pair[0] < pair[1]),
        "out of order"
    );
    assert_eq!(daemon.ctl(&args).done(), "");
    assert!(daemon.ctl(&["check"]).done().contains("sound"));
}

/// A backup while the identity key is changed: it opens with the old key or with the new one, or there is none and it is
/// said why.
#[test]
fn backed_up_while_the_key_changes() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 20_000, 200);
    daemon.launch();
    let key = daemon.state().join("identity.key");
    let old = fs::read(&key).expect("a key");
    let file = daemon.folder().join("copy.db");
    let mut backup = daemon.ctl_command(&["backup"]);
    let backup = Process::start(backup.arg(&file));
    daemon.ctl(&["rekey", "--yes"]).done();
    let backup = backup.finish();
    assert!(daemon.ctl(&["check"]).done().contains("sound"));
    let opens = |key: &[u8]| {
        let other = Daemon::prepare("", &[]);
        fs::create_dir(other.state()).expect("ours");
        fs::copy(&file, other.state().join("chatd.db")).expect("a copy");
        fs::write(other.state().join("identity.key"), key).expect("ours");
        let mut process = Process::start(&mut other.command());
        let listens = process.next_line().is_some();
        process.kill_9();
        listens
    };
    let new = fs::read(&key).expect("a key");
    assert_ne!(old, new);
    match backup.code {
        0 => assert!(opens(&old) != opens(&new), "it opens with one of the two"),
        _ => {
            let line = backup.failed_in_a_line(1);
            assert!(
                line.contains("the identity key was changed meanwhile; try again"),
                "{line}"
            );
            assert!(!file.exists());
            let mut again = daemon.ctl_command(&["backup"]);
            Process::start(again.arg(&file)).finish().done();
            assert!(opens(&new));
        }
    }
    daemon.restart();
    daemon.still_serves();
}

/// A daemon that hangs, and a socket behind which nobody says anything: it is told after fifteen seconds, in a line that says
/// so. What was asked is answered where it goes on.
#[test]
fn one_that_hangs() {
    let daemon = Daemon::start();
    daemon.signal(Signal::SIGSTOP);
    let deaf = Daemon::prepare("", &[]);
    fs::create_dir_all(deaf.control().parent().expect("a folder")).expect("ours");
    let _listener = UnixListener::bind(deaf.control()).expect("a socket");
    let started = Instant::now();
    let calls = [&daemon, &deaf].map(|daemon| {
        ["status", "users", "lag"].map(|verb| Process::start(&mut daemon.ctl_command(&[verb])))
    });
    let waits = Process::start(&mut daemon.ctl_command(&["wait", "--timeout", "1s"]));
    assert_eq!(waits.finish().code, 1);
    assert!(
        started.elapsed() < Duration::from_secs(12),
        "it waits for an answer"
    );
    for call in calls.into_iter().flatten() {
        let line = call.finish().failed_in_a_line(1);
        assert!(line.contains("has not answered for 15 s"), "{line}");
    }
    assert!(started.elapsed() > Duration::from_secs(14));
    let pause = Process::start(&mut daemon.ctl_command(&["pause"]));
    daemon.signal(Signal::SIGCONT);
    pause.finish().done();
    daemon.ctl(&["resume"]).done();
    daemon.still_serves();
}

/// A daemon that starts: before there is a socket it is not running; where the service manager holds the socket, whoever calls
/// waits and is answered. One that was taken away in the midst of a call is told of.
#[test]
fn one_that_starts() {
    let mut daemon = Daemon::prepare("", &[]);
    let path = daemon.control();
    fs::create_dir_all(path.parent().expect("a folder")).expect("ours");
    let held = UnixListener::bind(&path).expect("a socket");
    daemon.hand_in("control", held);
    fs::create_dir(daemon.state()).expect("ours");
    // The key comes through a pipe into which nobody writes yet.
    let key = daemon.state().join("identity.key");
    mkfifo(&key, Mode::S_IRUSR | Mode::S_IWUSR).expect("ours");
    let mut process = Process::start(&mut daemon.command());
    let lock = daemon.state().join("chatd.lock");
    until("it is half way", || {
        let holder = fs::read_to_string(&lock).ok()?;
        (holder.trim() == process.pid().to_string()).then_some(())
    });
    let status = Process::start(&mut daemon.ctl_command(&["--json", "status"]));
    let waits = Process::start(&mut daemon.ctl_command(&["wait"]));
    fs::write(&key, [7; 32]).expect("somebody reads");
    process.line_with("listening on ");
    assert_eq!(status.finish().json()["pid"], process.pid());
    waits.finish().done();

    let mut follows = Process::start(&mut daemon.ctl_command(&["log", "follow", "-n", "1"]));
    follows.next_line().expect("it follows");
    process.kill_9();
    let line = follows.finish().failed_in_a_line(3);
    assert!(line.contains("see whether it is still running"), "{line}");
}

/// Every verb that destroys something, from the definitions themselves: where nobody can be asked it refuses, says how it would
/// not, and has done nothing.
#[test]
fn each_that_destroys_refuses_where_nobody_can_be_asked() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    anna.say("lobby", "hello");
    daemon.ctl(&["room", "create", "tea"]).done();
    let look = || {
        let counts = daemon.ctl_json(&["status"]);
        [
            "state",
            "users",
            "sessions",
            "rooms",
            "messages",
            "connections",
        ]
        .map(|it| counts[it].clone())
    };
    let before = look();
    let mut program = chatd::ctl::command();
    program.build();
    let mut calls = Vec::new();
    destroying(&program, &[], &mut calls);
    assert!(calls.len() >= 10, "{calls:?}");
    for call in &calls {
        let args: Vec<_> = call.iter().map(String::as_str).collect();
        // An answer that nobody has typed is none.
        let said = daemon.ctl_with(&args, "y\n").failed(2);
        assert!(said.contains("--yes"), "{call:?}: {said}");
        assert_eq!(look(), before, "{call:?}");
    }
    anna.say("lobby", "still here");
}

/// The calls that would destroy something if they were let: those with `--dry-run`, which all of them have.
fn destroying(verb: &Clap, words: &[String], calls: &mut Vec<Vec<String>>) {
    for verb in verb.get_subcommands() {
        let words = [words, &[verb.get_name().to_owned()]].concat();
        destroying(verb, &words, calls);
        let has_dry_run = verb.get_arguments().any(|it| it.get_id() == "dry_run");
        // An import only makes what can be removed.
        if !has_dry_run || words[0] == "import" {
            continue;
        }
        let has_yes = verb.get_arguments().any(|it| it.get_id() == "yes");
        assert!(has_yes, "'{}' has no --yes", words.join(" "));
        let value = |argument: &Arg| match argument.get_id().as_str() {
            "user" | "name" if words[0] == "room" => "tea".to_owned(),
            "room" => "lobby".to_owned(),
            "seq" | "id" => "1".to_owned(),
            _ => "anna".to_owned(),
        };
        let values = verb.get_positionals().map(value);
        calls.push(words.iter().cloned().chain(values).collect());
    }
}
