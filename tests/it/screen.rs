//! chat-client on the full screen: a person, a terminal, a daemon.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rexpect::process::WaitStatus;

use crate::support::{Daemon, Heard, Person, Screen, Talker, UNHURRIED, ask, request, until};

/// Anna on a screen of the usual size, with a lobby to look at.
fn anna(daemon: &Daemon) -> (Person, Screen) {
    let person = Person::new(daemon, "anna");
    let screen = Screen::start(&person.command(&[]), (80, 24));
    screen.sees("lobby · ");
    (person, screen)
}

/// The file of the terminal that somebody sits at.
fn terminal(person: &Person) -> String {
    let file = format!("/proc/{}/fd/0", person.pid());
    let path = std::fs::read_link(file).expect("it has a terminal");
    path.to_str().expect("a path").to_owned()
}

/// So many messages of boris in the lobby.
fn speech(boris: &mut Talker, count: usize) {
    for part in (1..=count).collect::<Vec<_>>().chunks(200) {
        let sends = part
            .iter()
            .map(|n| request!("send", to: "lobby", text: format!("number {n}")));
        for id in boris.begin_all(sends) {
            boris.answer(id).must_be("sent");
        }
    }
}

/// People talk in rooms and with each other; what is read is told the server.
#[test]
fn talking_on_the_screen() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "tea").must_be("joined");
    ask!(boris, "topic", room: "tea", topic: "kettles").must_be("ok");
    let (_person, mut screen) = anna(&daemon);
    screen.sees("welcome");
    screen.sees("live");
    boris.say("lobby", "hello, screen");
    screen.sees("<boris> hello, screen");
    screen.types("hello, boris");
    let (_, from, text) = boris.expect_message("lobby");
    assert_eq!((&*from, &*text), ("anna", "hello, boris"));
    screen.types("/join tea");
    screen.types("is it ready?");
    boris.hears("tea", 1, "anna", "is it ready?");
    screen.sees("tea — kettles");
    boris.say("@anna", "between us");
    screen.sees("@boris");
    screen.presses("\x1ba");
    screen.sees("<boris> between us");
    screen.presses("one\x1b\rtwo\r");
    boris.hears("@anna", 2, "anna", "one\ntwo");
    screen.sees("two");
    screen.types("/quit");
    assert!(matches!(screen.ends(), WaitStatus::Exited(_, 0)));
    assert!(screen.is_restored());
    until("what was seen is read", || {
        let welcome = daemon.greet().login("anna");
        let read = welcome.room("@boris")["read_seq"].as_u64();
        read.filter(|read| *read >= 1).map(|_| ())
    });
}

/// Paging up leads to the first of very many messages, by itself.
#[test]
fn the_first_of_ten_thousand_messages() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    speech(&mut boris, 10_000);
    let (person, mut screen) = anna(&daemon);
    screen.sees("number 10000");
    let began = Instant::now();
    while !screen.picture().contains("this is the beginning") {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{}",
            screen.picture()
        );
        screen.presses(&"\x1b[5~".repeat(8));
        std::thread::sleep(Duration::from_millis(10));
    }
    screen.sees("<boris> number 1\n");
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", person.pid())).expect("it runs");
    eprintln!(
        "{}",
        status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap_or_default()
    );
    screen.presses("\x1b");
    screen.sees("number 10000");
    screen.types("/search 4321");
    screen.sees("number 4321");
    screen.presses("\r");
    screen.sees("number 4325");
    screen.presses("\x04");
    assert!(matches!(screen.ends(), WaitStatus::Exited(_, 0)));
}

/// While the server is gone one goes on writing; each message is there once when it is back, and a draft stays.
#[test]
fn the_server_is_killed_and_comes_back() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    let (_person, mut screen) = anna(&daemon);
    screen.types("before");
    boris.expect_message("lobby");
    daemon.kill_9();
    screen.sees("connecting again…");
    for text in ["one", "two", "three"] {
        screen.types(text);
    }
    screen.sees("<anna> three");
    screen.sees("not sent yet");
    screen.presses("half a th");
    daemon.launch();
    let mut boris = daemon.resume(&boris.token, &[("lobby", 1)]);
    for (seq, text) in [(2, "one"), (3, "two"), (4, "three")] {
        boris.hears("lobby", seq, "anna", text);
    }
    screen.sees("live");
    screen.loses("not sent yet");
    screen.sees("> half a th");
    boris.pushed();
    screen.presses("\x15");
    screen.types("/quit");
    assert!(matches!(screen.ends(), WaitStatus::Exited(_, 0)));
}

/// The client is killed with messages that the server never got: the next one sends them, once, and has the draft.
#[test]
fn the_client_is_killed_with_what_is_not_sent() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    let boris = daemon.register("boris");
    let (person, mut screen) = anna(&daemon);
    daemon.kill_9();
    screen.sees("connecting again…");
    screen.types("kept");
    screen.types("kept, too");
    screen.sees("2 not sent yet");
    screen.presses("half a th");
    let kept = || {
        let files = std::fs::read_dir(person.tokens())
            .expect("a folder")
            .flatten();
        let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        texts
            .into_iter()
            .any(|text| text.contains("half a th"))
            .then_some(())
    };
    until("the draft is kept", kept);
    screen.signal(Signal::SIGKILL);
    screen.ends();
    daemon.launch();
    let screen = Screen::start(&person.command(&[]), (80, 24));
    screen.sees("> half a th");
    let mut boris = daemon.resume(&boris.token, &[("lobby", 0)]);
    boris.hears("lobby", 1, "anna", "kept");
    boris.hears("lobby", 2, "anna", "kept, too");
    screen.sees("<anna> kept, too");
    screen.loses("not sent yet");
}

/// Two hundred lines that are pasted are shown first, then sent as they are.
#[test]
fn two_hundred_lines_are_pasted() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    let (_person, mut screen) = anna(&daemon);
    let lines: Vec<_> = (1..=200)
        .map(|line| format!("pasted line {line}"))
        .collect();
    let text = lines.join("\n");
    screen.pastes(&text);
    screen.sees("Pasted: 200 lines");
    assert!(boris.pushed_of("message").is_empty());
    screen.presses("\r");
    screen.sees("pasted line 200");
    screen.presses("\r");
    boris.hears("lobby", 1, "anna", &text);
    screen.sees("more lines (Ctrl-O)");
}

/// More than a terminal holds at once, and nothing behind it that would wake anybody.
#[test]
fn very_much_is_pasted_at_once() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let (_person, mut screen) = anna(&daemon);
    let lines: Vec<_> = (1..=2_000)
        .map(|line| format!("pasted line {line}"))
        .collect();
    screen.pastes(&lines.join("\n"));
    screen.sees("Pasted: 2000 lines");
}

/// A window that is made small and large again shows what fits; the smallest is 40 by 10.
#[test]
fn a_narrow_window() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    let (person, mut screen) = anna(&daemon);
    boris.say(
        "lobby",
        "a message that is longer than the narrow window is wide, by far",
    );
    screen.sees("│");
    let terminal = terminal(&person);
    screen.resizes(&terminal, (40, 10));
    screen.loses("│");
    screen.sees("<boris> a message that is");
    screen.types("still here");
    boris.push_where("what anna says", |push| push["text"] == "still here");
    screen.resizes(&terminal, (80, 24));
    screen.sees("│");
}

/// What others write moves, colours and executes nothing, in whichever script.
#[test]
fn hostile_texts_on_the_screen() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    let (_person, mut screen) = anna(&daemon);
    let all: String = ('\u{1}'..='\u{9f}')
        .filter(|one| one.is_control())
        .collect();
    boris.say("lobby", &all);
    boris.say("lobby", "\x1b]0;my title\x07\x1b[2J\x1b[31m\u{202e}gone?");
    boris.say("lobby", &"e\u{301}\u{301}".repeat(1_000));
    boris.say("lobby", &"日本語👩‍👩‍👧".repeat(100));
    ask!(boris, "topic", room: "lobby", topic: "\x1b[5mblink").must_be("ok");
    boris.say("lobby", "the end");
    screen.sees("the end");
    screen.sees("live");
    let bytes = screen.bytes();
    let has = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    assert!(!has(b"\x1b]0;") && !has(b"\x1b[5m") && !has("\u{202e}".as_bytes()) && !has(b"\x07"));
    screen.presses("\x04");
    assert!(matches!(screen.ends(), WaitStatus::Exited(_, 0)));
}

/// Whatever signal ends it, the terminal is as it was, and whoever sent it sees that it was obeyed.
#[test]
fn signals_leave_the_terminal_as_it_was() {
    let daemon = Daemon::start();
    daemon.register("anna");
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let (_person, mut screen) = anna(&daemon);
        assert!(screen.is_taken());
        screen.signal(signal);
        let WaitStatus::Signaled(_, by, _) = screen.ends() else {
            panic!("it did not end by the signal");
        };
        assert_eq!(by, signal);
        until("the terminal is restored", || {
            screen.is_restored().then_some(())
        });
    }
}

/// A panic is told on a terminal that is as it was. With too few open files there is one to be had: the keyboard cannot
/// be listened to then, when the screen is taken already.
#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let person = Person::new(&daemon, "anna");
    person.run(&["login"]).done();
    let panics = |files: u32| -> bool {
        let client = person.command(&[]);
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -n {files}; exec \"$0\"")])
            .arg(client.get_program())
            .envs(
                client
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        if let Some(folder) = client.get_current_dir() {
            shell.current_dir(folder);
        }
        let mut screen = Screen::start(&shell, (80, 24));
        let end = until("it ends, or shows the screen", || {
            let shows = screen.picture().contains("F1 help");
            if shows {
                screen.presses("\x04");
            }
            match screen.ends() {
                end @ WaitStatus::Exited(..) => Some(end),
                _ => None,
            }
        });
        let bytes = String::from_utf8_lossy(&screen.bytes()).into_owned();
        let taken = bytes.contains("\x1b[?1049h") && bytes.contains("panicked");
        if taken {
            assert!(matches!(end, WaitStatus::Exited(_, 101)), "{end:?}");
            screen.sees("panicked");
            assert!(screen.is_restored());
            let (left, told) = (bytes.find("\x1b[?1049l"), bytes.find("panicked"));
            assert!(left < told, "it is told on the screen that goes away");
        }
        taken
    };
    assert!(
        (8..24).any(panics),
        "it panics where it has too few files; is that over?"
    );
}

/// Ctrl-Z gives the shell its terminal; `fg` brings the screen back.
#[test]
fn ctrl_z_and_back() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    let person = Person::new(&daemon, "anna");
    let client = person.command(&[]);
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["--norc", "--noprofile", "-i"])
        .env("PS1", "shell$ ")
        .env("CLIENT", client.get_program())
        .envs(
            client
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    if let Some(folder) = client.get_current_dir() {
        shell.current_dir(folder);
    }
    let mut screen = Screen::start(&shell, (80, 24));
    screen.sees("shell$");
    screen.types("\"$CLIENT\"");
    screen.sees("F1 help");
    screen.presses("half");
    screen.sees("> half");
    screen.presses("\x1a");
    screen.sees("Stopped");
    assert!(screen.picture().contains("shell$"));
    screen.types("echo as-\"usual\"");
    screen.sees("as-usual");
    boris.say("lobby", "meanwhile");
    screen.types("fg");
    screen.sees("meanwhile");
    screen.sees("> half");
    screen.types(" of it");
    boris.push_where("what anna says", |push| push["text"] == "half of it");
    screen.presses("\x04");
    screen.sees("shell$");
    screen.types("exit");
    screen.ends();
    assert!(screen.is_restored());
}

/// The text is written on in an editor, which has the terminal meanwhile.
#[test]
fn an_editor() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    let person = Person::new(&daemon, "anna").with("EDITOR", "sed -i s/tea/cake/");
    let mut screen = Screen::start(&person.command(&[]), (80, 24));
    screen.sees("F1 help");
    screen.presses("tea for two");
    screen.presses("\x1be");
    screen.sees("> cake for two");
    screen.presses("\r");
    boris.hears("lobby", 1, "anna", "cake for two");
}

/// Once everything is told, nothing is written to the terminal until something happens.
#[test]
fn nothing_is_drawn_while_nothing_happens() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    let (_person, mut screen) = anna(&daemon);
    boris.say("lobby", "the last word");
    screen.sees("the last word");
    until("what was seen is read", || {
        (!screen.picture().contains(" 1 │")).then_some(())
    });
    let before = screen.bytes().len();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(screen.bytes().len(), before);
    screen.presses("x");
    screen.sees("> x");
}

/// A server that plays its part with few words and then says 50 000 things at once.
fn flood() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a client");
        let mut flooded = false;
        while let Some(asked) = read_frame(&mut socket) {
            let answer = match asked["type"].as_str().unwrap_or_default() {
                "hello" => HELLO,
                "login" => WELCOME,
                "history" => {
                    r#""type":"page","room":"lobby","messages":[],"first_seq":1,"last_seq":0,"more":false"#
                }
                "ping" => r#""type":"pong""#,
                _ => r#""type":"ok""#,
            };
            let mut bytes = frame(&format!(r#"{{"re":{},{answer}}}"#, asked["id"]));
            if asked["type"] == "history" && !flooded {
                flooded = true;
                bytes.extend((1..=50_000).flat_map(|n| {
                    frame(&format!(
                        r#"{{"type":"message","room":"lobby","seq":{n},"from":"boris","at":"2026-11-20T10:30:00Z","kind":"text","text":"number {n} of very many, and with some words in it"}}"#
                    ))
                }));
            }
            if socket.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    address
}

const HELLO: &str = r#""type":"hello","server":"s","software":"s/1","protocol":1,"registration":"open","limits":{"frame":65536,"text":8192,"name_chars":32,"topic":256,"key":64,"page_messages":200,"password_chars_min":8,"requests_outstanding":256,"key_hours":72},"features":[]"#;
const WELCOME: &str = r#""type":"welcome","user":"anna","token":"ct_x","expires_at":"2027-01-01T00:00:00Z","resumed":false,"rooms":[{"room":"lobby","topic":"","first_seq":1,"last_seq":0,"read_seq":0,"members":2,"joined":true}]"#;

fn frame(json: &str) -> Vec<u8> {
    let length = u32::try_from(json.len()).expect("it is short");
    [&length.to_be_bytes(), json.as_bytes()].concat()
}

fn read_frame(socket: &mut std::net::TcpStream) -> Option<serde_json::Value> {
    let mut length = [0; 4];
    socket.read_exact(&mut length).ok()?;
    let mut json = vec![0; u32::from_be_bytes(length) as usize];
    socket.read_exact(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

/// While 50 000 messages come in keys are answered, and what is drawn is drawn so many times a second.
#[test]
fn keys_are_answered_in_a_flood() {
    let address = flood();
    let person = Person::stranger()
        .with("CHAT_SERVER", "127.0.0.1")
        .with("CHAT_PORT", &address.port().to_string())
        .with("CHAT_NAME", "anna")
        .with("CHAT_PASSWORD", "correct horse");
    let mut screen = Screen::start(&person.command(&[]), (80, 24));
    screen.sees("<boris> number");
    let mut waits = Vec::new();
    let mut line = String::from(">");
    let began = Instant::now();
    while !screen.picture().contains("number 50000 ") {
        if line.len() > 40 {
            screen.presses("\x15");
            line.truncate(1);
        }
        line.push_str(if line.len() == 1 { " x" } else { "x" });
        let pressed = Instant::now();
        screen.presses("x");
        screen.sees(&format!("{line}\n"));
        waits.push(pressed.elapsed());
    }
    waits.sort();
    let (half, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    let frames = screen
        .bytes()
        .windows(8)
        .filter(|bytes| bytes == b"\x1b[?2026h")
        .count();
    let took = began.elapsed();
    eprintln!(
        "flood: {took:?}, {} keys, half of them within {half:?}, all within {longest:?}, {frames} frames",
        waits.len()
    );
    assert!(
        longest < Duration::from_secs(1),
        "a key was answered after {longest:?}"
    );
    // With every key one sooner, and else 40 in a second.
    let most = 20 + waits.len() as u128 + took.as_millis() / 25;
    assert!(frames as u128 <= most, "{frames} frames in {took:?}");
}
