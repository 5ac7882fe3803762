//! The full screen before a server that plays foul: the screen stays whole, keys are answered, nothing is shown twice.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use serde_json::Value;

use crate::support::{Person, Screen, until};

/// What a server says first.
pub const HELLO: &str = r#""type":"hello","server":"s","software":"s/1","protocol":1,"registration":"open","limits":{"frame":65536,"text":8192,"name_chars":32,"topic":256,"key":64,"page_messages":200,"password_chars_min":8,"requests_outstanding":256,"key_hours":72},"features":[]"#;

/// A text as it goes over the wire.
pub fn frame(json: &[u8]) -> Vec<u8> {
    let length = u32::try_from(json.len()).expect("it is short");
    [&length.to_be_bytes(), json].concat()
}

/// What comes next; none at the end.
pub fn read_frame(socket: &mut TcpStream) -> Option<Value> {
    let mut length = [0; 4];
    socket.read_exact(&mut length).ok()?;
    let mut json = vec![0; u32::from_be_bytes(length) as usize];
    socket.read_exact(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

/// A message of boris.
pub fn message(seq: u64) -> String {
    format!(
        r#"{{"type":"message","room":"lobby","seq":{seq},"from":"boris","at":"2026-11-20T10:30:00Z","kind":"text","text":"number {seq}"}}"#
    )
}

/// A page of a log that ends with this number.
pub fn page(asked: &Value, last: u64) -> String {
    let limit = asked["limit"].as_u64().unwrap_or(50);
    let (from, to) = match (asked["before"].as_u64(), asked["after"].as_u64()) {
        (_, Some(after)) => (after + 1, last.min(after + limit)),
        (before, None) => {
            let to = before.map_or(last, |before| last.min(before - 1));
            ((to + 1).saturating_sub(limit).max(1), to)
        }
    };
    let messages: Vec<_> = (from..=to).map(message).collect();
    format!(
        r#""type":"page","room":"lobby","messages":[{}],"first_seq":1,"last_seq":{last},"more":false"#,
        messages.join(",")
    )
}

/// What the server says besides, when it is told a topic: its frames, and the last number of the log from then on.
fn mischief(word: &str, last: &mut u64) -> Vec<u8> {
    let frames = |frames: &[&[u8]]| frames.iter().flat_map(|json| frame(json)).collect();
    match word {
        "nonsense" => frames(&[
            br#"{"type":"dance","with":"\u001b[2J"}"#,
            b"[]",
            b"{",
            b"\xff\xfe",
            br#"{"re":1,"type":"welcome"}"#,
            br#"{"re":99999,"type":"sent","room":"lobby","seq":0,"at":"2026-11-20T10:30:00Z"}"#,
            br#"{"type":"message","room":"lobby","seq":"two"}"#,
            br#"{"type":"notice","text":"\u001b]0;mine\u0007 \u001b[?1049l"}"#,
            br#"{"type":"topic","room":"\u001b[2J","topic":"\u009b2J"}"#,
            br#"{"type":"presence","room":"lobby","user":"\u001bc","state":"joined","others":4000000000}"#,
        ]),
        "order" => {
            *last = 9;
            let all = [6, 5, 9, 8, 6, 6, 9, 7, 1, 0].map(message);
            all.iter().flat_map(|json| frame(json.as_bytes())).collect()
        }
        "hole" => {
            *last = 30;
            frame(message(30).as_bytes())
        }
        "half" => {
            let whole = frame(message(31).as_bytes());
            whole[..whole.len() / 2].to_vec()
        }
        "giant" => vec![0xff; 64],
        _ => Vec::new(),
    }
}

fn serve(mut socket: TcpStream, last: &mut u64) {
    let mut silent = false;
    while let Some(asked) = read_frame(&mut socket) {
        let kind = asked["type"].as_str().unwrap_or_default();
        let answer = match kind {
            "hello" => HELLO.to_owned(),
            "login" | "resume" => format!(
                r#""type":"welcome","user":"anna","token":"ct_x","expires_at":"2027-01-01T00:00:00Z","resumed":false,"rooms":[{{"room":"lobby","topic":"","first_seq":1,"last_seq":{last},"read_seq":{last},"members":2,"joined":true}}]"#
            ),
            "history" => page(&asked, *last),
            "ping" => r#""type":"pong""#.to_owned(),
            _ => r#""type":"ok""#.to_owned(),
        };
        let word = asked["topic"].as_str().unwrap_or_default().to_owned();
        if word == "bye" && silent {
            return;
        }
        let mut bytes = frame(format!(r#"{{"re":{},{answer}}}"#, asked["id"]).as_bytes());
        bytes.extend(mischief(&word, last));
        if silent {
            continue;
        }
        silent = word == "half";
        if socket.write_all(&bytes).is_err() {
            return;
        }
    }
}

/// A server of this sort: one connection after the other.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let mut last = 3;
        for socket in listener.incoming().flatten() {
            serve(socket, &mut last);
        }
    });
    address
}

/// The numbers that the screen shows as messages, in order.
fn numbers(screen: &Screen) -> Vec<u64> {
    let picture = screen.picture();
    let lines = picture
        .lines()
        .filter_map(|line| line.split("<boris> number ").nth(1));
    lines.filter_map(|rest| rest.trim().parse().ok()).collect()
}

/// Keys are answered, and what is at the edges is where it belongs.
fn is_whole(screen: &mut Screen) {
    screen.presses("echo");
    screen.sees("> echo");
    screen.presses("\x15");
    screen.loses("> echo");
    let picture = screen.picture();
    assert!(picture.starts_with(" lobby"), "{picture}");
    let bytes = screen.bytes();
    let has = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    assert!(!has(b"\x1b]0;") && !has(b"\x1bc") && !has(b"\x1b[?1049l"));
}

#[test]
fn a_server_that_plays_foul() {
    let address = server();
    let person = Person::stranger()
        .with("CHAT_SERVER", "127.0.0.1")
        .with("CHAT_PORT", &address.port().to_string())
        .with("CHAT_NAME", "anna")
        .with("CHAT_PASSWORD", "correct horse");
    let mut screen = Screen::start(&person.command(&[]), (100, 45));
    screen.sees("number 3");
    screen.types("/topic nonsense");
    screen.sees("notice: ␛]0;mine␇");
    is_whole(&mut screen);
    // Frames out of order and doubled: each message is there once, and in its place.
    screen.types("/topic order");
    until("all nine are there once", || {
        (numbers(&screen) == (1..=9).collect::<Vec<_>>()).then_some(())
    });
    is_whole(&mut screen);
    screen.types("/topic hole");
    until("the hole is fetched", || {
        let numbers = numbers(&screen);
        (numbers.last() == Some(&30) && numbers.is_sorted() && numbers.contains(&20)).then_some(())
    });
    is_whole(&mut screen);
    // Half a frame, and silence: one goes on writing. Then the server hangs up, and that is told in a sentence.
    screen.types("/topic half");
    is_whole(&mut screen);
    screen.types("/topic bye");
    screen.sees("the server closed the connection; connecting again…");
    screen.sees("connected again");
    is_whole(&mut screen);
    // What is no frame ends the connection, too.
    screen.types("/topic giant");
    screen.sees("connecting again…");
    screen.sees("live");
    is_whole(&mut screen);
    assert!(numbers(&screen).is_sorted());
    screen.presses("\x04");
    screen.ends();
    assert!(screen.is_restored());
}
