//! No byte of another person, of a server or of a daemon steers a terminal or breaks a line: all three programs, each with
//! somebody evil on the other side.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Value, json};

use crate::full;
use crate::support::{Daemon, PASSWORD, Person, ask, clean, run};

/// Sets the title, clears the screen, rings, goes back in the line, turns the direction, ends lines of all kinds, hides.
const EVIL: &str = "\u{1b}]0;t\u{7}\u{1b}[2J\u{9b}31m\u{90}q\u{85}\u{7f}\r\u{8}\t\n\u{202e}\u{2066}\u{200e}\u{61c}\u{2028}\
                    \u{2029}\u{2060}\u{feff}\u{fff9}\u{e0041}evil";

#[track_caller]
fn is_harmless(what: &str, shown: &str) {
    let is_harmful = |character: char| {
        (character.is_control() && character != '\n')
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}'
                | '\u{61c}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    assert!(!shown.contains(is_harmful), "{what}: {shown:?}");
}

/// Puts something evil into every text that is somebody's own words.
fn poison(value: &mut Value) {
    const NOT_WORDS: [&str; 14] = [
        "type",
        "re",
        "code",
        "at",
        "expires_at",
        "last_seen",
        "kind",
        "state",
        "registration",
        "since",
        "level",
        "createdAt",
        "seenAt",
        "expiresAt",
    ];
    match value {
        Value::String(text) => text.push_str(EVIL),
        Value::Array(all) => all.iter_mut().for_each(poison),
        Value::Object(fields) => {
            for (name, value) in fields {
                if !NOT_WORDS.contains(&name.as_str()) && !name.starts_with("lastLoginAt") {
                    poison(value);
                }
            }
        }
        _ => {}
    }
}

/// A server that answers every request as it should, in evil words, and pushes everything that can be pushed.
fn evil_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            thread::spawn(move || converse(socket));
        }
    });
    port
}

fn converse(mut socket: TcpStream) -> Option<()> {
    loop {
        let mut length = [0; 4];
        socket.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        socket.read_exact(&mut frame).ok()?;
        let request: Value = serde_json::from_slice(&frame).ok()?;
        let answer = match request["type"].as_str()? {
            "hello" => "hello",
            "login" | "register" | "resume" => "welcome",
            "join" | "create" => "joined",
            "rooms" => "rooms",
            "who" => "who",
            "history" | "search" => "page",
            "echo" => "echo",
            "ping" => "pong",
            _ => "error",
        };
        say(&mut socket, answer, &request["id"])?;
        if answer == "welcome" {
            for push in [
                "message", "presence", "topic", "read", "typing", "notice", "joined",
            ] {
                say(&mut socket, push, &Value::Null)?;
            }
        }
        if answer == "who" {
            say(&mut socket, "bye", &Value::Null)?;
        }
    }
}

fn say(socket: &mut TcpStream, kind: &str, re: &Value) -> Option<()> {
    let mut event = full::events()
        .into_iter()
        .find(|event| event["type"] == kind)?;
    poison(&mut event);
    match kind {
        "error" => event["code"] = json!("forbidden"),
        "hello" => event["limits"]["text"] = json!(8_192),
        _ => {}
    }
    if !re.is_null() {
        event["re"] = re.clone();
    }
    let text = event.to_string();
    let length = u32::try_from(text.len()).ok()?;
    socket
        .write_all(&[&length.to_be_bytes(), text.as_bytes()].concat())
        .ok()
}

/// An evil server and chat-client, in each of its verbs, in a pipe and as JSON.
#[test]
fn an_evil_server() {
    let port = evil_server().to_string();
    let verbs: [(&[&str], &str); 11] = [
        (&[], "/rooms\n/names\nhello\n/topic lobby\n/who\n"),
        (&["rooms"], ""),
        (&["who"], ""),
        (&["history", "lobby"], ""),
        (&["search", "words"], ""),
        (&["tail", "-n", "5"], ""),
        (&["tail", "--json", "-n", "5"], ""),
        (&["send", "lobby", "hi"], ""),
        (&["echo", "hi"], ""),
        (&["login"], ""),
        (&["logout"], ""),
    ];
    let mut evil = 0;
    for (verb, input) in verbs {
        let anna = Person::stranger()
            .with("CHAT_SERVER", "127.0.0.1")
            .with("CHAT_PORT", &port)
            .with("CHAT_NAME", "anna")
            .with("CHAT_PASSWORD", PASSWORD);
        let output = anna.run_with(verb, input);
        is_harmless(&format!("{verb:?}"), &output.stdout);
        is_harmless(&format!("{verb:?}"), &output.stderr);
        evil += usize::from((output.stdout + &output.stderr).contains("evil"));
    }
    assert!(evil >= 8, "its words were shown in {evil} verbs only");
}

/// Somebody evil and chatd: its log, its standard error, and what chatctl shows of it.
#[test]
fn an_evil_client() {
    let mut daemon = Daemon::start();
    daemon.ctl(&["log", "level", "trace"]).done();
    let mut anna = daemon.connect();
    ask!(anna, "hello", protocol: 1, client: EVIL);
    ask!(anna, "register", name: EVIL, password: PASSWORD, device: EVIL);
    ask!(anna, "login", name: EVIL, password: EVIL, device: EVIL);
    ask!(anna, "resume", token: EVIL, cursors: json!({EVIL: 1}));
    ask!(anna, "register", name: "anna", password: PASSWORD, device: EVIL);
    ask!(anna, "topic", room: "lobby", topic: EVIL);
    for (kind, field) in [
        ("join", "room"),
        ("create", "room"),
        ("send", "to"),
        (EVIL, "x"),
    ] {
        let mut request = json!({"type": kind, "text": EVIL});
        request[field] = EVIL.into();
        anna.request(request);
    }
    anna.raw_frame(format!("{{\"type\":\"ping\" {EVIL}").as_bytes());
    anna.expect_closed();
    let mut raw = daemon.connect();
    raw.raw(&[b"\0\0\0\x20\x1b\xff\xfe\x9b".as_slice(), EVIL.as_bytes()].concat());
    raw.expect_closed();
    let verbs: [&[&str]; 9] = [
        &["status"],
        &["users"],
        &["who"],
        &["rooms"],
        &["sessions"],
        &["log", "show"],
        &["--json", "sessions"],
        &["--json", "rooms"],
        &["--json", "log", "show"],
    ];
    let mut evil = 0;
    for verb in verbs {
        let shown = daemon.ctl(verb).done();
        is_harmless(&format!("{verb:?}"), &shown);
        evil += usize::from(shown.contains("evil"));
    }
    assert!(evil >= 4, "its words were shown in {evil} verbs only");
    daemon.stop();
    is_harmless("the log", &daemon.log());
    let refused = run(
        &mut daemon.ctl_command(&["user", "remove", "--yes", EVIL]),
        "",
    );
    is_harmless("a refusal", &refused.stderr);
}

/// What stands between chatctl and a daemon, and makes evil of what that says.
fn evil_control(daemon: &Daemon) -> PathBuf {
    let (path, real) = (daemon.folder().join("evil"), daemon.control());
    let listener = UnixListener::bind(&path).expect("the folder is ours");
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            relay(socket, &real);
        }
    });
    path
}

fn relay(socket: UnixStream, real: &Path) -> Option<()> {
    let mut calls = BufReader::new(socket.try_clone().ok()?);
    let mut replies = BufReader::new(UnixStream::connect(real).ok()?);
    let mut socket = socket;
    loop {
        let (mut call, mut reply) = (Vec::new(), Vec::new());
        calls
            .read_until(0, &mut call)
            .ok()
            .filter(|length| *length > 0)?;
        replies.get_mut().write_all(&call).ok()?;
        replies
            .read_until(0, &mut reply)
            .ok()
            .filter(|length| *length > 0)?;
        let mut reply: Value = serde_json::from_slice(&reply[..reply.len() - 1]).ok()?;
        poison(&mut reply);
        socket.write_all(format!("{reply}\0").as_bytes()).ok()?;
    }
}

/// An evil daemon and chatctl: replies and errors, as tables and as JSON.
#[test]
fn an_evil_daemon() {
    let daemon = Daemon::start();
    let _anna = daemon.register("anna");
    let socket = evil_control(&daemon);
    let verbs: [&[&str]; 10] = [
        &["status"],
        &["users"],
        &["who"],
        &["rooms"],
        &["sessions"],
        &["version"],
        &["audit"],
        &["log", "show"],
        &["kick", "--yes", "nobody"],
        &["session", "revoke", "--yes", "77"],
    ];
    for verb in verbs {
        for json in [false, true] {
            let mut chatctl = clean(env!("CARGO_BIN_EXE_chatctl"), daemon.folder());
            chatctl
                .arg("--socket")
                .arg(&socket)
                .args(json.then_some("--json"))
                .args(verb);
            let output = run(&mut chatctl, "");
            let shown = output.stdout + &output.stderr;
            is_harmless(&format!("{verb:?}"), &shown);
            assert!(shown.contains("evil"), "{verb:?}: {shown}");
        }
    }
}
