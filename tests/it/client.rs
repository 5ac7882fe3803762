//! chat-client in scripts and pipes.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::{Daemon, Heard, PASSWORD, Person, ask, refused};

/// How often a text stands in what was said.
fn count(said: &str, text: &str) -> usize {
    said.matches(text).count()
}

/// `send` says something, from its argument or from a pipe, to a room or a person.
#[test]
fn send_from_a_script() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    anna.run(&["send", "lobby", "from a script"]).done();
    boris.hears("lobby", 1, "anna", "from a script");
    anna.run_with(&["send", "lobby"], "from a pipe\n").done();
    boris.hears("lobby", 2, "anna", "from a pipe");
    anna.run(&["send", "@boris", "привет"]).done();
    boris.hears("@anna", 1, "anna", "привет");

    for (args, what) in [
        (["send", "nowhere", "hi"], "nowhere"),
        (["send", "@nobody-here", "hi"], "nobody-here"),
    ] {
        let stderr = anna.run(&args).failed(1);
        assert!(stderr.contains(what), "{stderr}");
    }
}

/// `tail` shows the last messages and ends; with `-f` it goes on; with `--json` as on the wire.
#[test]
fn tail_in_a_script() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    for n in 1..=10 {
        boris.say("lobby", &format!("line {n}"));
    }
    let anna = Person::new(&daemon, "anna");
    let said = anna.run(&["tail", "-n", "3", "lobby"]).done();
    assert_eq!(said.lines().count(), 3, "{said}");
    for (line, n) in said.lines().zip(8..) {
        assert!(
            line.contains("boris") && line.contains(&format!("line {n}")),
            "{line}"
        );
    }
    let messages = anna
        .run(&["tail", "--json", "-n", "2", "lobby"])
        .json_lines();
    let seqs: Vec<_> = messages.iter().map(Value::seq).collect();
    assert_eq!(seqs, [9, 10]);
    assert_eq!(
        (
            messages[1].text("type"),
            messages[1].text("from"),
            messages[1].text("text")
        ),
        ("message", "boris", "line 10")
    );

    let mut follows = anna.start(&["tail", "-f", "--json", "-n", "1", "lobby"]);
    follows.line_with("line 10");
    boris.say("lobby", "line 11");
    let line: Value =
        serde_json::from_str(&follows.line_with("line 11")).expect("an object a line");
    assert_eq!(line.seq(), 11);
}

/// The other verbs for scripts: history, search, rooms, who.
#[test]
fn looking_around_in_a_script() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    ask!(boris, "create", room: "tea").must_be("joined");
    boris.say("lobby", "Съешь ещё этих булок");
    boris.say("lobby", "the second");
    let anna = Person::new(&daemon, "anna");
    let said = anna.run(&["history", "lobby"]).done();
    assert_eq!(
        (count(&said, "булок"), count(&said, "second")),
        (1, 1),
        "{said}"
    );
    let found = crate::support::until("it is found", || {
        let said = anna.run(&["search", "булок"]).done();
        (!said.is_empty()).then_some(said)
    });
    assert!(
        found.contains("boris") && !found.contains("second"),
        "{found}"
    );
    let rooms = anna.run(&["rooms"]).done();
    assert!(rooms.contains("tea") && rooms.contains("lobby"), "{rooms}");
    let who = anna.run(&["who"]).done();
    assert!(who.contains("boris"), "{who}");
    let stderr = anna.run(&["history", "nowhere"]).failed(1);
    assert!(stderr.contains("nowhere"), "{stderr}");
}

/// `echo` needs no account.
#[test]
fn echo_in_a_script() {
    let daemon = Daemon::start();
    let stranger = Person::new(&daemon, "nobody")
        .without("CHAT_NAME")
        .without("CHAT_PASSWORD");
    let said = stranger.run(&["echo", "is this on?"]).done();
    assert!(said.contains("is this on?"), "{said}");
}

/// `login` keeps a token that only its owner can read; from then on no password is needed; `logout` kills it.
#[test]
fn login_and_logout_in_a_script() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    anna.run(&["login"]).done();
    let files: Vec<_> = std::fs::read_dir(anna.tokens())
        .expect("tokens are kept there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert!(!files.is_empty());
    for file in &files {
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is open", file.display());
        let kept = std::fs::read_to_string(file).expect("a text");
        assert!(!kept.contains(PASSWORD), "the password is kept");
    }
    let anna = anna.without("CHAT_PASSWORD");
    anna.run(&["send", "lobby", "without a password"]).done();
    boris.hears("lobby", 1, "anna", "without a password");
    let sessions = daemon.ctl_list(&["sessions"], "sessions");
    let before = sessions.len();
    anna.run(&["logout"]).done();
    assert_eq!(daemon.ctl_list(&["sessions"], "sessions").len(), before - 1);
    anna.run(&["send", "lobby", "once more"]).failed(4);
}

/// A script makes its account and changes its password by standard input.
#[test]
fn an_account_by_script() {
    let daemon = Daemon::start();
    let anna = Person::new(&daemon, "anna");
    anna.run(&["login"]).failed(4);
    anna.run(&["login", "--register"]).done();
    anna.run(&["login", "--register"]).failed(1);
    let anna = anna.without("CHAT_PASSWORD");
    anna.run_with(&["passwd"], "not this one\na new password\n")
        .failed(4);
    anna.run_with(&["passwd"], &format!("{PASSWORD}\nshort\n"))
        .failed(1);
    anna.run_with(&["passwd"], &format!("{PASSWORD}\na new password\n"))
        .done();
    refused!("bad-credentials": daemon.greet(), "login", name: "anna", password: PASSWORD);
    ask!(daemon.greet(), "login", name: "anna", password: "a new password").must_be("welcome");
}

/// A wrong host, port, name or password: one sentence that says what to do, and the exit code that tells which.
#[test]
fn what_goes_wrong_is_told_in_a_sentence() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let sentence = |stderr: String, words: &[&str]| {
        assert_eq!(
            stderr.trim().lines().count(),
            1,
            "one sentence was due:\n{stderr}"
        );
        for word in words {
            assert!(stderr.contains(word), "no '{word}' in: {stderr}");
        }
    };
    let anna = || Person::new(&daemon, "anna");
    let send = ["send", "lobby", "hi"];
    let host = anna().with("CHAT_SERVER", "no-such-host.invalid");
    sentence(
        host.run(&send).failed(3),
        &["no-such-host.invalid", "--server"],
    );
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("bound").port().to_string();
    drop(free);
    let closed = anna()
        .with("CHAT_SERVER", "127.0.0.1")
        .with("CHAT_PORT", &port);
    sentence(closed.run(&send).failed(3), &[&port]);
    sentence(
        anna()
            .with("CHAT_PASSWORD", "wrong password")
            .run(&send)
            .failed(4),
        &["password"],
    );
    sentence(anna().with("CHAT_NAME", "nobody").run(&send).failed(4), &[]);
    anna().with("CHAT_PORT", "many").run(&send).failed(2);
    anna()
        .run(&["--password", PASSWORD, "send", "lobby", "hi"])
        .failed(2);
    // A word alone is the name of a host, and there is none of this name.
    sentence(anna().run(&["dance"]).failed(3), &["dance"]);
    anna().run(&["send"]).failed(2);
}

/// Also with `2>&1 | head`: the exit code is the one that was meant.
#[test]
fn an_error_that_nobody_reads_is_no_panic() {
    for (program, arguments) in [
        (
            env!("CARGO_BIN_EXE_chat-client"),
            &["--server=127.0.0.1", "--port=1", "rooms"][..],
        ),
        (
            env!("CARGO_BIN_EXE_chatctl"),
            &["--socket=/nowhere/at/all", "status"],
        ),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = std::process::Command::new(program);
        let status = command.args(arguments).stderr(writer).status();
        assert_eq!(status.expect("it runs").code(), Some(3), "{program}");
    }
}

/// In a pipe: lines are said, slash commands done, messages come one a line; the end of the input ends it in order.
#[test]
fn a_conversation_in_a_pipe() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "tea").must_be("joined");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    let mut client = anna.start(&[]);
    client.say("hello from a pipe");
    boris.hears("lobby", 1, "anna", "hello from a pipe");
    boris.say("lobby", "hello, pipe");
    let line = client.line_with("hello, pipe");
    assert!(line.contains("boris"), "{line}");
    client.say("/join tea");
    client.say("with milk");
    boris.hears("tea", 1, "anna", "with milk");
    client.say("/me pours");
    assert_eq!(boris.push("message").text("kind"), "action");
    client.say("/msg boris a secret");
    boris.hears("@anna", 1, "anna", "a secret");
    client.say("/no-such-command");
    client.say("//not a command");
    boris.hears("tea", 3, "anna", "/not a command");
    client.say("/leave");
    client.say("/quit");
    client.say("never said");
    let output = client.finish();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(!output.stdout.contains('\u{1b}'), "colours in a pipe");
    assert!(
        !boris
            .pushed()
            .iter()
            .any(|push| push["text"] == "never said")
    );

    let output = anna.run_with(&["--plain"], "one\ntwo\nthree");
    assert_eq!(output.code, 0, "{output:?}");
    for (seq, text) in [(3, "one"), (4, "two"), (5, "three")] {
        boris.hears("lobby", seq, "anna", text);
    }
}

/// The server dies under a client that is listening and talking: it reconnects by itself, shows each missed message
/// once, and says once what was not acknowledged.
#[test]
fn a_client_outlives_the_server() {
    let mut daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    let mut client = anna.start(&[]);
    client.say("first of anna");
    boris.hears("lobby", 1, "anna", "first of anna");
    let mut said = 0;
    for round in 1..=3 {
        let mut last = 0;
        for _ in 0..5 {
            said += 1;
            last = boris.say("lobby", &format!("<{said}>"));
        }
        client.line_with(&format!("<{said}>"));
        daemon.kill_9();
        client.say(&format!("[said while it was down {round}]"));
        daemon.launch();
        // She may be back before him, and what she says then he has to be told, too.
        boris = daemon.resume(&boris.token, &[("lobby", last)]);
        for _ in 0..5 {
            said += 1;
            boris.say("lobby", &format!("<{said}>"));
        }
        client.line_with(&format!("<{said}>"));
        boris.push_where("what anna said meanwhile", |push| {
            push["text"] == format!("[said while it was down {round}]")
        });
    }
    client.say("/quit");
    let output = client.finish();
    assert_eq!(output.code, 0, "{output:?}");
    for n in 1..=said {
        let times = count(&output.stdout, &format!("<{n}>"));
        assert_eq!(times, 1, "<{n}> in:\n{}", output.stdout);
    }
    let log = crate::support::View::of_log(&mut boris, "lobby");
    let all: Vec<_> = log.texts.values().cloned().collect();
    for round in 1..=3 {
        let times = count(&all.concat(), &format!("[said while it was down {round}]"));
        assert_eq!(times, 1, "in {all:?}");
    }
}

/// A client that is killed comes back with the token it has kept, and what it had said is there once.
#[test]
fn a_killed_client_comes_back() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    let mut client = anna.start(&[]);
    client.say("before the end");
    boris.hears("lobby", 1, "anna", "before the end");
    client.kill_9();
    boris.push_where("that anna is gone", |push| push["state"] == "left");
    boris.say("lobby", "where are you?");
    let anna = anna.without("CHAT_PASSWORD");
    let mut client = anna.start(&[]);
    client.say("back without a password");
    boris.hears("lobby", 3, "anna", "back without a password");
    drop(client);
    let said = anna.run(&["tail", "-n", "10", "lobby"]).done();
    for text in [
        "before the end",
        "where are you?",
        "back without a password",
    ] {
        assert_eq!(count(&said, text), 1, "{said}");
    }
}

/// Nothing that another person wrote reaches a terminal or a pipe with its control characters.
#[test]
fn what_others_write_is_shown_harmlessly() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    let mut client = anna.start(&[]);
    client.say("ready");
    boris.expect_message("lobby");
    boris.say(
        "lobby",
        "\u{1b}[2J\u{1b}]0;title\u{7}evil\u{9b}31m\u{8}\rover\u{202e}txt\u{2066}",
    );
    boris.say("lobby", "two\nlines");
    ask!(boris, "topic", room: "lobby", topic: "topic\u{1b}[31m").must_be("ok");
    boris.say("lobby", "the end");
    client.line_with("the end");
    client.say("/quit");
    let outputs = [
        client.finish().done(),
        anna.run(&["tail", "-n", "5", "lobby"]).done(),
        anna.run(&["history", "lobby"]).done(),
        anna.run(&["rooms"]).done(),
        anna.run(&["tail", "--json", "-n", "5", "lobby"]).done(),
    ];
    for said in &outputs[..3] {
        assert!(said.contains("evil"), "{said:?}");
    }
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    for said in &outputs {
        assert!(!said.contains(harmful), "{said:?}");
    }
    let lines = outputs[1].lines().filter(|line| line.contains("lines"));
    assert!(
        lines.clone().all(|line| line.contains("boris")),
        "a forged line"
    );
}

/// An account that is closed while its client is online: it says so and ends, instead of knocking for ever.
#[test]
fn a_client_whose_account_is_gone_says_so() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    let mut client = anna.start(&[]);
    client.say("here I am");
    boris.expect_message("lobby");
    daemon.ctl(&["user", "remove", "--yes", "anna"]).done();
    let mut lines = Vec::new();
    while let Some(line) = client.next_line() {
        lines.push(line);
    }
    let output = client.finish();
    assert_ne!(output.code, 0, "{output:?}");
    assert!(!output.stderr.is_empty() || !lines.is_empty());
    refused!("bad-credentials": daemon.greet(), "login", name: "anna", password: PASSWORD);
}
