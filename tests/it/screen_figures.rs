//! How fast and how large the full screen is, for those who want to know: nothing fails here.
//!
//! `cargo test --release --test it -- --ignored --nocapture screen_figures`

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::screen_hostile::{HELLO, frame, page, read_frame};
use crate::support::{Daemon, Person, Screen};

/// So many times a start is measured.
const STARTS: usize = 21;
/// The messages of the long log.
const MESSAGES: u64 = 100_000;
/// For so long nothing happens.
const IDLE: Duration = Duration::from_secs(10);

fn has(screen: &Screen, text: &[u8]) -> usize {
    let bytes = screen.bytes();
    bytes
        .windows(text.len())
        .filter(|part| *part == text)
        .count()
}

/// How long it takes until `is`.
fn time(is: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(30), "it never comes");
        thread::sleep(Duration::from_micros(200));
    }
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A server whose lobby has very many messages.
fn long_log() -> SocketAddr {
    fn serve(mut socket: TcpStream) -> Option<()> {
        loop {
            let asked = read_frame(&mut socket)?;
            let answer = match asked["type"].as_str()? {
                "hello" => HELLO.to_owned(),
                "login" | "resume" => format!(
                    r#""type":"welcome","user":"anna","token":"ct_x","expires_at":"2027-01-01T00:00:00Z","resumed":false,"rooms":[{{"room":"lobby","topic":"","first_seq":1,"last_seq":{MESSAGES},"read_seq":{MESSAGES},"members":2,"joined":true}}]"#
                ),
                "history" => {
                    let more = asked["before"].as_u64().unwrap_or(MESSAGES) > 201;
                    let page = page(&asked, MESSAGES);
                    page.replace(r#""more":false"#, &format!(r#""more":{more}"#))
                }
                "ping" => r#""type":"pong""#.to_owned(),
                _ => r#""type":"ok""#.to_owned(),
            };
            let answer = format!(r#"{{"re":{},{answer}}}"#, asked["id"]);
            socket.write_all(&frame(answer.as_bytes())).ok()?;
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            serve(socket);
        }
    });
    address
}

fn memory(person: &Person, field: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", person.pid()));
    let status = status.expect("it runs");
    let line = status.lines().find(|line| line.starts_with(field));
    line.unwrap_or_default().replace('\t', " ")
}

#[test]
#[ignore = "a measurement of a minute, for the note of issue 6"]
fn screen_figures() {
    let built = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    eprintln!("chat-client, built for {built}:");

    let daemon = Daemon::start();
    daemon.register("anna");
    let person = Person::new(&daemon, "anna");
    person.run(&["login"]).done();
    let starts = (0..STARTS).map(|_| {
        let began = Instant::now();
        let mut screen = Screen::start(&person.command(&[]), (80, 24));
        time(|| has(&screen, b"F1 help") > 0);
        let took = began.elapsed();
        screen.presses("\x04");
        screen.ends();
        took
    });
    let starts = median(starts.collect());
    let nothing = (0..STARTS).map(|_| {
        let began = Instant::now();
        let screen = Screen::start(&Command::new("true"), (80, 24));
        screen.ends();
        began.elapsed()
    });
    let nothing = median(nothing.collect());
    eprintln!("  from start to first picture {starts:?}; `true` on the same terminal {nothing:?}");

    let screen = Screen::start(&person.command(&[]), (80, 24));
    screen.sees("F1 help");
    thread::sleep(Duration::from_secs(2));
    let (frames, bytes) = (has(&screen, b"\x1b[?2026h"), screen.bytes().len());
    thread::sleep(IDLE);
    let frames = has(&screen, b"\x1b[?2026h") - frames;
    let bytes = screen.bytes().len() - bytes;
    eprintln!("  in {IDLE:?} in which nothing happens: {frames} frames, {bytes} bytes");
    eprintln!(
        "  then: {}, {}",
        memory(&person, "VmRSS"),
        memory(&person, "VmHWM")
    );
    drop(screen);

    let address = long_log();
    let person = Person::stranger()
        .with("CHAT_SERVER", "127.0.0.1")
        .with("CHAT_PORT", &address.port().to_string())
        .with("CHAT_NAME", "anna")
        .with("CHAT_PASSWORD", "correct horse");
    let mut screen = Screen::start(&person.command(&[]), (80, 24));
    screen.sees(&format!("number {MESSAGES}"));
    let began = Instant::now();
    while !screen.picture().contains("this is the beginning") {
        screen.presses(&"\x1b[5~".repeat(8));
        thread::sleep(Duration::from_millis(10));
    }
    screen.sees("<boris> number 1\n");
    let (now, most) = (memory(&person, "VmRSS"), memory(&person, "VmHWM"));
    let took = began.elapsed();
    eprintln!("  {MESSAGES} messages scrolled through in {took:?}: {now}, {most}");
    screen.presses("\x04");
    screen.ends();
}
