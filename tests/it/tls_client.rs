//! TLS as chat-client does it: whom it trusts, whom it asks about, whom it refuses, and what it says then.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::tls::{Pair, disguised, reachable_address};
use crate::support::{Daemon, PATIENCE, Person, run};

/// Somebody for whom the daemon is a host somewhere else.
fn from_afar(daemon: &Daemon, name: &str) -> Person {
    Person::new(daemon, name).with("CHAT_SERVER", &disguised(daemon.address()))
}

/// The fingerprint that the admin is shown.
fn fingerprint(daemon: &Daemon) -> String {
    let status = daemon.ctl_json(&["status"]);
    let fingerprint = status["certificate"]["fingerprint"].as_str();
    fingerprint.expect("there is one").to_owned()
}

fn known_hosts(person: &Person) -> String {
    fs::read_to_string(person.tokens().join("known_hosts")).unwrap_or_default()
}

/// A person is shown the fingerprint once; from then on the server is known, to scripts too.
#[test]
fn a_person_is_asked_once() {
    let daemon = Daemon::start();
    let anna = from_afar(&daemon, "anna").without("CHAT_PASSWORD");
    let mut terminal = anna.terminal(&["login", "--register"]);
    terminal.sees("no authority that this system knows vouches for it");
    terminal.sees(&fingerprint(&daemon));
    terminal.sees("[y/N]");
    terminal.types("y");
    terminal.sees("password: ");
    terminal.types_hidden("correct horse battery");
    terminal.sees("password again: ");
    terminal.types_hidden("correct horse battery");
    terminal.sees("logged in at");
    assert_eq!(terminal.ends().0, 0);
    let server = format!(
        "{}:{}",
        disguised(daemon.address()),
        daemon.address().port()
    );
    let line = format!("{server} {}\n", fingerprint(&daemon));
    assert_eq!(known_hosts(&anna), line);
    anna.run(&["send", "lobby", "nobody asks any more"]).done();
    let tail = anna.run(&["tail", "lobby"]).done();
    assert!(tail.contains("nobody asks any more"), "{tail}");
}

/// Who says no, or just presses Enter, has not connected; nothing is kept.
#[test]
fn a_person_who_says_no() {
    let daemon = Daemon::start();
    let anna = from_afar(&daemon, "anna");
    for answer in ["", "n", "maybe"] {
        let mut terminal = anna.terminal(&["rooms"]);
        terminal.sees("[y/N]");
        terminal.types(answer);
        let (code, shown) = terminal.ends();
        assert_eq!(code, 4, "{shown}");
    }
    assert_eq!(known_hosts(&anna), "");
}

/// A script is not asked: it is told what it takes. With the fingerprint it works, with another one it does not.
#[test]
fn a_script_says_the_fingerprint() {
    let daemon = Daemon::start();
    let anna = from_afar(&daemon, "anna");
    let fingerprint = fingerprint(&daemon);
    let text = anna.run(&["rooms"]).failed(4);
    let hint = format!("--fingerprint {fingerprint}");
    assert!(
        text.contains("is not known here") && text.contains(&hint),
        "{text}"
    );
    assert_eq!(known_hosts(&anna), "");

    anna.run(&["--fingerprint", &fingerprint, "login", "--register"])
        .done();
    let by_environment = anna.with("CHAT_FINGERPRINT", &fingerprint);
    by_environment.run(&["rooms"]).done();
    let other = Pair::make(daemon.folder(), "other").fingerprint;
    let text = by_environment
        .run(&["rooms", "--fingerprint", &other])
        .failed(4);
    assert!(
        text.contains(&fingerprint) && text.contains(&other),
        "{text}"
    );
    let text = by_environment
        .run(&["rooms", "--fingerprint", "SHA256:abc"])
        .failed(2);
    assert!(text.contains("is no fingerprint"), "{text}");
    let text = by_environment.run(&["rooms", "--plaintext"]).failed(2);
    assert!(text.contains("exclude each other"), "{text}");
    // Also where it would not have to be.
    let near = Person::new(&daemon, "anna").with("CHAT_FINGERPRINT", &other);
    near.run(&["rooms"]).failed(4);
}

/// A server that shows another certificate than before is refused, with all there is to know; also in the middle of a
/// conversation, when it is back after a restart.
#[test]
fn another_certificate_than_before() {
    let mut daemon = Daemon::start();
    let anna = from_afar(&daemon, "anna");
    let first = fingerprint(&daemon);
    let server = format!(
        "{}:{}",
        disguised(daemon.address()),
        daemon.address().port()
    );
    fs::create_dir_all(anna.tokens()).expect("the home is ours");
    let file = anna.tokens().join("known_hosts");
    fs::write(&file, format!("# mine\n{server} {first}\n")).expect("the home is ours");
    anna.run(&["login", "--register"]).done();
    let mut talk = anna.start(&[]);
    talk.say("hello");
    talk.line_with("hello");

    let second = Pair::make(daemon.folder(), "second");
    daemon.configure(&second.settings());
    daemon.restart();
    // It ends by itself, not because its input does.
    while talk.next_line().is_some() {}
    let ended = talk.finish();
    for text in [anna.run(&["rooms"]).failed(4), ended.failed(4)] {
        assert!(
            text.contains("shows another certificate than before"),
            "{text}"
        );
        assert!(
            text.contains(&first) && text.contains(&second.fingerprint),
            "{text}"
        );
        let hint = format!("sed -i 2d '{}'", file.display());
        assert!(text.contains(&hint), "{text}");
    }
    let mut terminal = anna.terminal(&["rooms"]);
    terminal.sees("shows another certificate than before");
    assert_eq!(terminal.ends().0, 4, "nobody is asked");
    fs::write(&file, format!("{server} {}\n", second.fingerprint)).expect("the home is ours");
    anna.run(&["rooms"]).done();
}

/// A server that the system trusts needs no acquaintance; one for another name does, and the reason is told.
#[test]
fn a_server_that_the_system_trusts() {
    let mut daemon = Daemon::prepare("", &[]);
    daemon.launch();
    let host = disguised(daemon.address());
    let (pair, authority) = Pair::make_vouched(daemon.folder(), &host);
    daemon.configure(&pair.settings());
    daemon.ctl(&["reload"]).done();
    let anna = from_afar(&daemon, "anna").with("SSL_CERT_FILE", &authority.to_string_lossy());
    anna.run(&["login", "--register"]).done();
    assert_eq!(known_hosts(&anna), "");
    let (wrong, authority) = Pair::make_vouched(daemon.folder(), "elsewhere.example");
    daemon.configure(&wrong.settings());
    daemon.ctl(&["reload"]).done();
    let anna = anna.with("SSL_CERT_FILE", &authority.to_string_lossy());
    let text = anna.run(&["rooms"]).failed(4);
    assert!(text.contains("for another name"), "{text}");
    // A system that trusts nobody is no reason to fail.
    let empty = daemon.folder().join("empty.pem");
    fs::write(&empty, "").expect("the folder is ours");
    let anna = anna.with("SSL_CERT_FILE", &empty.to_string_lossy());
    let text = anna.run(&["rooms"]).failed(4);
    assert!(text.contains("knows no authority"), "{text}");
}

/// A file of known servers that cannot be relied on is no file of known servers.
#[test]
fn a_damaged_file_of_known_servers() {
    let daemon = Daemon::start();
    let anna = from_afar(&daemon, "anna");
    fs::create_dir_all(anna.tokens()).expect("the home is ours");
    fs::write(anna.tokens().join("known_hosts"), "nonsense\n").expect("the home is ours");
    let text = anna.run(&["rooms"]).failed(4);
    assert!(text.contains("line 1 of"), "{text}");
}

/// Over TLS, too, a lost connection comes back by itself, and nothing is lost or doubled.
#[test]
fn a_restart_over_tls() {
    let mut daemon = Daemon::start();
    let anna = from_afar(&daemon, "anna").with("CHAT_FINGERPRINT", &fingerprint(&daemon));
    anna.run(&["login", "--register"]).done();
    let mut talk = anna.start(&[]);
    for round in 0..3 {
        let text = format!("round {round}");
        talk.say(&text);
        talk.line_with(&text);
        daemon.kill_9();
        talk.say(&format!("meanwhile {round}"));
        daemon.launch();
        talk.line_with(&format!("meanwhile {round}"));
    }
    talk.finish().done();
    let history = anna.run(&["history", "lobby"]).done();
    let texts: Vec<_> = history
        .lines()
        .filter_map(|line| line.split("> ").nth(1))
        .collect();
    let due: Vec<_> = (0..3)
        .flat_map(|round| [format!("round {round}"), format!("meanwhile {round}")])
        .collect();
    assert_eq!(texts, due);
}

/// A connection that is lost is taken up again with the ticket of the one before: no certificate is shown, and less is said.
/// What was agreed on can be seen on the wire.
#[test]
fn who_comes_back_shows_a_ticket() {
    const KEY_SHARE: u16 = 51;
    const PRE_SHARED_KEY: u16 = 41;
    let daemon = Daemon::start();
    let (address, lines) = tap(daemon.address());
    let anna = from_afar(&daemon, "anna")
        .with("CHAT_SERVER", &disguised(address))
        .with("CHAT_PORT", &address.port().to_string())
        .with("CHAT_FINGERPRINT", &fingerprint(&daemon));
    anna.run(&["login", "--register"]).done();
    lines.recv_timeout(PATIENCE).expect("she has logged in");
    let mut talk = anna.start(&[]);
    let mut answers = Vec::new();
    for text in ["one", "two", "three"] {
        talk.say(text);
        talk.line_with(text);
        let line = lines.recv_timeout(PATIENCE).expect("she is connected");
        let hello = line.said_by(0);
        let offers = |what: &[u8]| hello.windows(what.len()).any(|bytes| bytes == what);
        assert!(offers(b"\x06chat/1"), "the name of the protocol");
        answers.push(line.said_by(1));
        line.cut();
    }
    talk.finish().done();
    for (number, answer) in answers.iter().enumerate() {
        let extensions = server_hello(answer);
        let find = |wanted| extensions.iter().find(|(kind, _)| *kind == wanted);
        let resumed = find(PRE_SHARED_KEY).is_some();
        assert_eq!(resumed, number > 0, "connection {number}");
        let (_, share) = find(KEY_SHARE).expect("a new key all the same");
        assert_eq!(share[..2], [0x11, 0xec], "X25519MLKEM768");
    }
    let flights: Vec<_> = answers.iter().map(|answer| first_flight(answer)).collect();
    println!("the server's part of a handshake: {flights:?} bytes, the first one in full");
    assert!(
        flights[1] + 400 < flights[0] && flights[2] + 400 < flights[0],
        "{flights:?}"
    );
}

/// A line that is listened in on.
struct Line {
    ends: [TcpStream; 2],
    said: [Arc<Mutex<Vec<u8>>>; 2],
}

impl Line {
    /// What one side has said so far: 0 is who called.
    fn said_by(&self, side: usize) -> Vec<u8> {
        self.said[side].lock().expect("nobody has failed").clone()
    }

    /// Cuts it.
    fn cut(self) {
        for end in self.ends {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

/// An address that leads to another one, over lines that are listened in on.
fn tap(to: SocketAddr) -> (SocketAddr, Receiver<Line>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let (lines, receiver) = channel();
    // It waits for callers as long as the tests run.
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(to) else {
                continue;
            };
            let ends = [near, far];
            let said = [0, 1].map(|side: usize| {
                let said = Arc::new(Mutex::new(Vec::new()));
                let [mut from, mut onto] = [&ends[side], &ends[1 - side]]
                    .map(|end| end.try_clone().expect("a second handle"));
                let heard = said.clone();
                thread::spawn(move || {
                    let mut part = [0; 4_096];
                    while let Ok(length @ 1..) = from.read(&mut part) {
                        heard
                            .lock()
                            .expect("nobody has failed")
                            .extend_from_slice(&part[..length]);
                        let _ = onto.write_all(&part[..length]);
                    }
                    let _ = onto.shutdown(Shutdown::Both);
                });
                said
            });
            let _ = lines.send(Line { ends, said });
        }
    });
    (address, receiver)
}

/// The extensions of the ServerHello with which a server begins.
fn server_hello(said: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let number = |at: usize| u16::from_be_bytes([said[at], said[at + 1]]);
    assert_eq!((said[0], said[5]), (22, 2), "it begins with something else");
    // Headers, version and random; the echo of a session, cipher and compression.
    let session = 5 + 4 + 2 + 32;
    let mut at = session + 1 + usize::from(said[session]) + 3;
    let end = at + 2 + usize::from(number(at));
    at += 2;
    let mut extensions = Vec::new();
    while at < end {
        let length = usize::from(number(at + 2));
        extensions.push((number(at), said[at + 4..at + 4 + length].to_vec()));
        at += 4 + length;
    }
    extensions
}

/// How long the records are with which a server begins until the client has its turn: ServerHello, the change of ciphers
/// that means nothing, and the one that has all the rest.
fn first_flight(said: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let kind = said[at];
        at += 5 + usize::from(u16::from_be_bytes([said[at + 3], said[at + 4]]));
        if kind == 23 {
            return at;
        }
    }
}

/// While the server is paused hands are not shaken; whoever waits is told so, and is served as soon as it resumes.
#[test]
fn a_pause_over_tls() {
    let daemon = Daemon::start();
    let anna = from_afar(&daemon, "anna").with("CHAT_FINGERPRINT", &fingerprint(&daemon));
    anna.run(&["login", "--register"]).done();
    daemon.ctl(&["pause"]).done();
    let mut terminal = anna.terminal(&["--plain"]);
    terminal.sees("it may be paused");
    daemon.ctl(&["resume"]).done();
    terminal.sees("welcome back, anna");
    terminal.types("/quit");
    assert_eq!(terminal.ends().0, 0);
}

/// Encrypting nothing is possible where the server allows it, never by accident, and not without a word.
#[test]
fn in_the_clear_when_it_is_wanted() {
    let Some(address) = reachable_address() else {
        eprintln!("SKIPPED: this machine has no address but loopback");
        return;
    };
    let listen = format!("{address}:0");
    let daemon = Daemon::start_with("", &["--listen", &listen]);
    let anna = Person::new(&daemon, "anna");
    let text = anna.run(&["--plaintext", "rooms"]).failed(1);
    assert!(text.contains("warning: nothing is encrypted"), "{text}");
    assert!(text.contains("speaks TLS only here"), "{text}");
    daemon.configure("allow_plaintext = true");
    daemon.ctl(&["reload"]).done();
    anna.run(&["--plaintext", "login", "--register"]).done();
    anna.run(&["rooms"]).failed(4);
    let bound = run(
        &mut anna.command(&["--plaintext", "send", "lobby", "over the VPN"]),
        "",
    );
    assert!(
        bound.stderr.contains("warning: nothing is encrypted"),
        "{bound:?}"
    );
    bound.done();
}

/// Who answers in the clear where TLS was expected is told from a server, and the sentence says what to do.
#[test]
fn somebody_who_speaks_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("somebody comes");
        let _ = socket.read(&mut [0; 4_096]);
        let _ = socket.write_all(b"\0\0\0\x02{}");
    });
    let anna = Person::stranger()
        .with("CHAT_SERVER", &disguised(address))
        .with("CHAT_PORT", &address.port().to_string());
    let text = anna.run(&["echo"]).failed(3);
    assert!(
        text.contains("no TLS connection") && text.contains("--plaintext"),
        "{text}"
    );
    server.join().expect("it was served");
}
